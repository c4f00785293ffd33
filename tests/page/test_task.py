"""H3, one task: its facts, its runs, its story, its log; and STOP."""
import talking
from house import FAKE, OPERATOR, READER, wait_for
from proxy import Proxy

CARD = "[data-task=%s]"


def talking_analyst(house_of):
    """A house whose analyst says what it is told to say; answers it when it is at work."""
    house = house_of()
    talking.hold(house, "ORCH-001", "analyst")
    talking.furnish(house)
    house.wait_running(house.begin("Add a cart"), "analyst")
    return house


def say(house, text):
    talking.say(house, "ORCH-001", "analyst", text)


def deploying(house_of):
    """A house with a task whose deploy is under way."""
    house = house_of()
    house.write_agents(deployer="{command: [%s], timeout: 600s, env: {FAKE_CONTROL: %s}}" % (FAKE / "agents" / "hook", house.control))
    house.start()
    house.wait_states()
    issue = house.park(title="Add a cart")
    house.move(issue, "Confirm Deploy")
    run = house.wait_running(issue, "deployer")
    wait_for(lambda: house.value("select phase from orch.deploys where task_id = %s", (run["task_id"],)) == "B", hint="for phase B")
    return house, issue


def running(house):
    """A task whose analyst works; answers its issue."""
    house.mode("analyst", "hang")
    issue = house.begin("Add a cart")
    house.wait_running(issue, "analyst")
    return issue


def ask_to_stop(page):
    page.wait("#task-stop")
    page.click("#task-stop")
    page.wait("#ask")


def stop(page):
    ask_to_stop(page)
    page.click("#ask-yes")


def test_H3_a_task_with_its_runs_costs_transitions_and_story(house, look):
    issue = house.begin("Add a cart")
    house.wait_analysed(issue)
    page = look(house, READER)
    page.click("%s .open" % (CARD % "ORCH-001"))
    page.wait_text("#runs-body", "analyst")
    assert page.ask("location.hash") == "#/task/ORCH-001"
    row = page.text("#runs-body tr")
    for told in ("ok", house.node, "1.2k → 70", "$0.03"):
        assert told in row, row
    for told in ("acme/shop", "feature/ORCH-001-add-a-cart", "$0.03 in 1 run", "1.2k in, 70 out, 5.6k cached"):
        page.wait_text("#facts", told)
    page.wait_text("#moves", "created → analysis")
    page.wait_text("#story", "run 1: analyst, attempt 1")
    page.wait_text("#task-why", "waits for a person to approve the analysis")
    page.wait_text("#log-text", "analyst: run 1, attempt 1, mode ok")
    page.wait_text("#log-state", "the run has ended")
    house.move(issue, "Approved")
    page.wait_text("#moves", "analysis → architecture")
    page.wait_text("#runs-body", "architect")
    page.press("Escape")
    page.wait_gone("#task")
    assert page.ask("location.hash") == ""
    house.sql("update orch.agent_runs set node = 'far', log_path = '/elsewhere/1.log' where id = 1")
    deep = look(house, READER, "#/task/ORCH-001")
    deep.wait_text("#task-title", "Add a cart")
    deep.wait_text("#runs-body", "far")
    deep.click("#runs-body tr:last-child .run")
    deep.wait_text("#log-title", "Log of run 1")
    deep.wait_text("#log-state", "The log of run 1 is not here: node far wrote it to /elsewhere/1.log")
    lost = look(house, READER, "#/task/ORCH-999")
    lost.wait_text("#task-error", "There is no task ORCH-999. Accepted is a work item such as ORCH-042")


def test_H3_R3_the_log_grows_while_it_is_followed_and_stays_where_the_reader_is(house_of, look):
    house = talking_analyst(house_of)
    page = look(house, READER, "#/task/ORCH-001")
    page.wait_text("#log-state", "following")
    say(house, "the \x1b[1;31mfirst\x1b[0m line <b>\r\n")
    page.wait_text("#log-text", "the first line <b>\n")
    say(house, "".join("line %d\n" % n for n in range(500)))
    page.wait_text("#log-text", "line 499")
    at_end = "(() => { const l = document.getElementById('log-text'); return l.scrollHeight - l.scrollTop - l.clientHeight < 5 })()"
    page.wait_that(at_end)
    page.ask("document.getElementById('log-text').scrollTop = 100")
    page.wait_text("#log-state", "paused")
    say(house, "unseen 1\nunseen 2\n")
    page.wait_text("#log-state", "paused, 2 new lines")
    assert page.ask("document.getElementById('log-text').scrollTop") == 100
    page.click("#log-pause")
    page.wait_that(at_end)
    page.wait_text("#log-state", "following")
    talking.free(house, "ORCH-001", "analyst")
    page.wait_text("#log-state", "the run has ended")
    page.wait_text("#log-text", "analyst: run 1, attempt 1, mode ok")


def test_H3_the_log_goes_on_after_a_restart(house_of, look):
    house = talking_analyst(house_of)
    page = look(house, READER, "#/task/ORCH-001")
    page.wait_text("#log-state", "following")
    house.kill9()
    page.wait_text("#log-state", "the log was cut off; it goes on when orchd is back")
    house.start()
    page.wait_text("#log-title", "Log of run 2")
    page.wait_text("#log-state", "following")
    say(house, "here again\n")
    page.wait_text("#log-text", "here again")


def test_H3_S8_stop_asks_first_and_a_second_one_says_that_it_is_stopped(house, look):
    issue = running(house)
    page = look(house, OPERATOR, "#/task/ORCH-001")
    late = look(house, OPERATOR, "#/task/ORCH-001")
    ask_to_stop(late)
    ask_to_stop(page)
    page.wait_text("#ask-title", "STOP ORCH-001?")
    page.wait_text("#ask-subject", "Add a cart")
    page.wait_text("#ask-words", "its jobs never run again")
    page.click("text=Do not stop it")
    page.wait_gone("#ask")
    assert house.task(issue)["cancelled_at"] is None
    ask_to_stop(page)
    page.fill("#ask-reason", "the wrong task")
    page.click("#ask-yes")
    page.wait_text("#ask-result", "Stopped. ORCH-001 is cancelled; jobs cancelled: 1, runs being stopped: 1")
    task = house.task(issue)
    assert (task["stage"], task["cancel_reason"], task["cancel_via"]) == ("cancelled", "the wrong task", "http")
    page.click("#ask-no")
    page.wait_text("#task-stage", "Cancelled")
    page.wait_text("#story", "STOP was asked for")
    # Who asks from the same page is told at once; who asked before is told by orchd.
    ask_to_stop(page)
    page.wait_text("#ask-result", "It is already stopped. ORCH-001 was stopped at ")
    assert not page.do("isVisible", "#ask-yes")
    late.click("#ask-yes")
    late.wait_text("#ask-result", "It is already stopped. ORCH-001 was stopped at ")
    page.press("Escape", "Escape")
    page.wait("[data-stage=cancelled] %s" % (CARD % "ORCH-001"))


def test_H3_S7_a_deferred_stop_is_shown_as_such(house_of, look):
    house, issue = deploying(house_of)
    page = look(house, OPERATOR, "#/task/ORCH-001")
    stop(page)
    page.wait_text("#ask-result", "STOP waits for the deploy to end. A deploy of ORCH-001 is under way")
    page.click("#ask-no")
    page.wait_text("#task-stop", "STOP waits for the deploy to end")
    page.wait("#task[data-tone=stop]")
    page.wait_text("#task-why", "STOP waits for the deploy to end.")
    ask_to_stop(page)
    page.wait_text("#ask-result", "It is already asked for. A STOP of ORCH-001 waits since ")
    page.press("Escape", "Escape")
    page.wait("%s[data-tone=stop]" % (CARD % "ORCH-001"))
    page.wait_text(CARD % "ORCH-001", "STOP waits for the deploy to end")
    assert house.task(issue)["stage"] == "deploy"
    house.go()
    page.wait("[data-stage=done] %s" % (CARD % "ORCH-001"))


def test_H3_H2_a_wrong_token_is_told_and_a_good_one_is_forgotten_on_demand(house, look):
    page = look(house)
    page.wait("#sign-in")
    page.fill("#token", "wrong")
    page.press("Enter")
    page.wait_text("#sign-in-error", "This token is not known here. Sign in with the reader's or the operator's token")
    assert page.ask("sessionStorage.getItem('orchd.token')") is None
    page.fill("#token", READER)
    page.press("Enter")
    page.wait("#state[data-state=live]")
    assert page.ask("[sessionStorage.getItem('orchd.token'), localStorage.getItem('orchd.token')]") == [READER, None]
    page.click("#sign")
    page.wait("#sign-in")
    assert page.ask("[sessionStorage.getItem('orchd.token'), localStorage.getItem('orchd.token')]") == [None, None]
    page.wait_gone("#nodes li")
    page.fill("#token", OPERATOR)
    page.do("check", "#remember")
    page.press("Enter")
    page.wait("#state[data-state=live]")
    assert page.ask("[sessionStorage.getItem('orchd.token'), localStorage.getItem('orchd.token')]") == [None, OPERATOR]
    assert READER not in page.ask("location.href") and OPERATOR not in page.ask("location.href")


def test_H3_H2_who_may_not_stop_is_told_what_to_do(house, look):
    issue = running(house)
    page = look(house, READER, "#/task/ORCH-001")
    stop(page)
    page.wait_text("#ask-error", "This token may only read. To stop ORCH-001, sign out and sign in with the operator's token.")
    house.sql("select orch.set_setting('stop_status_enabled', 'off')")
    other = look(house, OPERATOR, "#/task/ORCH-001")
    stop(other)
    other.wait_text("#ask-error", "Nothing was changed. STOP is switched off: setting stop_status_enabled")
    house.sql("select orch.set_setting('stop_status_enabled', 'on')")
    other.click("#ask-yes")
    other.wait_text("#ask-result", "Stopped.")
    assert house.task(issue)["stage"] == "cancelled"


def test_H3_a_database_that_is_away_is_told(house_of, look):
    house = house_of()
    direct = house.database_url
    proxy = Proxy(int(direct.rsplit(":", 1)[1].split("/")[0]))
    try:
        house.database_url = direct.replace(":%s/" % direct.rsplit(":", 1)[1].split("/")[0], ":%d/" % proxy.port)
        house.start()
        house.database_url = direct
        house.wait_states()
        issue = running(house)
        page = look(house, OPERATOR, "#/task/ORCH-001")
        page.wait("#task-stop")
        proxy.cut("reset")
        page.wait_text("#state", "the database is away; what you see is from ")
        stop(page)
        page.wait_text("#ask-error", "orchd cannot reach its database. It is not known whether the STOP took effect")
        proxy.heal()
        page.wait("#state[data-state=live]")
        page.click("#ask-yes")
        page.wait_text("#ask-result", "Stopped.")
        assert house.task(issue)["stage"] == "cancelled"
    finally:
        proxy.heal()
        house.daemon.terminate()
        house.daemon.wait(30)
        proxy.close()
