"""O1, O2: the live card through a whole run, in both languages and with any title, and a messenger that takes only so much."""
import datetime
import re

import psycopg2
import pytest

from house import FAKE, wait_for


def card(house, issue):
    number = house.value("select message_id from orch.tracker_messages where task_id = %s", (house.task(issue)["id"],))
    return next((message for message in house.books()["messages"] if str(message["message_id"]) == number), None)


def wait_card(house, issue, pattern):
    def shows():
        found = card(house, issue)
        return found if found and re.search(pattern, found["text"]) else None
    return wait_for(shows, hint="for the card to show %s; it is %s" % (pattern, card(house, issue)))


def test_O2_the_card_goes_with_the_task_and_stays_one_message(house_of):
    house = house_of(env={"ORCH_CARD_REFRESH_SECONDS": "200ms"}).start()
    house.wait_states()
    house.mode("reviewer", "hang")
    issue = house.begin()
    first = wait_card(house, issue, "Stage: analysis")
    house.wait_analysed(issue)
    wait_card(house, issue, r"A person has been reviewing the analysis for 0 min\nCost: \$0\.03, tokens: 6 870, runs: 1")
    house.move(issue, "Approved")
    house.wait_running(issue, "reviewer")
    house.sql("update orch.agent_runs set started_at = started_at - interval '2 hours 5 minutes' where ended_at is null")
    shown = wait_card(house, issue, r"Stage: review\nreviewer has worked for 2 h 5 min \(attempt 1, node %s\)\nReview by a person took" % house.node)
    assert re.search(r"Cost: \$0\.09, tokens: 20 610, runs: 4, work: 2 h", shown["text"]), shown
    house.go()
    house.wait_stage(issue, "deploy")
    wait_card(house, issue, "Waits for Confirm Deploy")
    house.wait_board(issue, "Awaiting Deploy")
    house.move(issue, "Confirm Deploy")
    last = wait_card(house, issue, r"Stage: done\nFrom start to end: ")
    assert last["message_id"] == first["message_id"] and last["edits"] > 4
    assert '">ORCH-001</a> Add a thing' in last["raw"], "the work item is a link"


def test_O2_in_Russian_from_start_to_STOP(house_of):
    house = house_of(env={"ORCH_LANGUAGE": "ru"}).start()
    house.wait_states()
    issue = house.begin()
    house.wait_analysed(issue)
    wait_card(house, issue, "Этап: анализ\nЧеловек проверяет анализ, уже 0 мин")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    house.wait_clean(issue)
    wait_card(house, issue, "Этап: остановлена")
    alert, = [message["text"] for message in house.books()["messages"] if "остановлена, кем:" in message["text"]]
    assert alert.startswith("ORCH-001 остановлена")
    assert all(re.search("[А-Яа-я]", message["text"]) for message in house.books()["messages"])


def test_C2_another_language_is_refused(house_of):
    done = house_of().run("check-config", ORCH_LANGUAGE="de")
    assert done.returncode == 2 and "ORCH_LANGUAGE" in done.stderr and "en ru" in done.stderr


@pytest.mark.parametrize("title", [
    "<b>bold</b> & <script>alert(1)</script>", "&amp; &lt; already", 'quotes " and \' and `ticks`', "😀" * 60, "\u202egnp.exe \u0627\u0644",
    "ORCH-001 ORCH-001", "_*[]()~`>#+-=|{}.!", "a" * 200])
def test_O2_any_title_is_shown_as_it_is(house_of, title):
    house = house_of().start()
    house.wait_states()
    issue = house.begin(title=title)
    shown = wait_card(house, issue, "Stage: analysis")
    assert shown["text"].split("\n")[0] == "ORCH-001 " + title
    assert not house.sql("select 1 from orch.outbox where kind = 'card' and status = 'dead'")


def test_O2_a_title_without_end_leaves_room_for_the_rest(house_of):
    house = house_of().start()
    house.wait_states()
    house.sql("select orch.set_setting('qg0_title_max', '20000')")
    issue = house.begin(title='"<&>' * 2560)
    shown = wait_card(house, issue, "Stage: analysis")
    assert shown["text"].split("\n")[0] == "ORCH-001 " + ('"<&>' * 125)[:-1] + "…"


def test_S11_the_card_tells_of_a_STOP_that_waits_and_that_it_came_too_late(house_of):
    house = house_of(env={"ORCH_CARD_REFRESH_SECONDS": "200ms"})
    house.write_agents(deployer="{command: [%s], timeout: 600s, env: {FAKE_CONTROL: %s}}" % (FAKE / "agents" / "hook", house.control))
    house.start()
    house.wait_states()
    issue = house.park()
    house.move(issue, "Confirm Deploy")
    run = house.wait_running(issue, "deployer")
    wait_for(lambda: house.value("select phase from orch.deploys where task_id = %s", (run["task_id"],)) == "B", hint="for phase B")
    wait_card(house, issue, "Stage: deploy\nThe deploy has been under way for 0 min")
    house.move(issue, "STOP")
    first = wait_card(house, issue, r"Stage: deploy\nSTOP by \S+ 0 min ago waits for the deploy to end\nThe deploy has been")
    house.go()
    last = wait_card(house, issue, r"Stage: done\nSTOP by \S+ came too late: already in production\nFrom start to end: ")
    assert last["message_id"] == first["message_id"]


def test_O2_a_card_that_shows_everything_is_left_alone(house_of):
    house = house_of(env={"ORCH_CARD_REFRESH_SECONDS": "100ms"}).start()
    house.wait_states()
    issue = house.begin()
    house.wait_analysed(issue)
    house.wait_clean(issue)
    wait_card(house, issue, "A person has been reviewing")
    edits = card(house, issue)["edits"]
    asked = len([request for request in house.books()["requests"] if request["peer"] == "telegram"])
    for _ in range(3):
        house.sql("select orch.add_card(%s)", (house.task(issue)["id"],))
        wait_for(lambda: not house.sql("select 1 from orch.outbox where status = 'pending'"), hint="for the promise to be kept")
    assert card(house, issue)["edits"] == edits
    assert len([request for request in house.books()["requests"] if request["peer"] == "telegram"]) == asked


def add_alerts(house, count):
    house.sql("select orch.add_effect(null, 'card', jsonb_build_object('agent', 'c')) from generate_series(1, 2)")
    house.sql("select orch.add_effect(null, 'alert', jsonb_build_object('agent', 'a' || i, 'text', 'alert ' || i)) from generate_series(1, %s) as i", (count,))


def alerts_sent(house):
    return [message["text"] for message in house.books()["messages"] if message["text"].startswith("alert ")]


def test_O1_a_burst_stays_within_what_the_messenger_takes_and_arrives_whole(house_of):
    """120 a minute: thirty at once, then three in two seconds. Without the limit all seventy would come within the ten seconds."""
    house = house_of(env={"ORCH_TELEGRAM_PER_MINUTE": "120"})
    house.order("set", chat_limit=50, chat_window=10)
    house.start()
    house.wait_states()
    add_alerts(house, 70)
    wait_for(lambda: len(alerts_sent(house)) == 70, patience=120, hint="for all alerts")
    assert len(set(alerts_sent(house))) == 70
    assert not [request for request in house.books()["requests"] if request["peer"] == "telegram" and request["status"] == 429]
    assert not house.sql("select 1 from orch.outbox where kind = 'alert' and (status = 'dead' or attempts > 1)")


def test_O1_when_the_messenger_asks_for_patience_the_whole_chat_waits(house_of):
    house = house_of().start()
    house.wait_states()
    house.order("fail", peer="telegram", match="", status=429, retry_after=3, times=1)
    add_alerts(house, 1)
    wait_for(lambda: house.value("select quiet_until > now() from orch.channels where channel = 'chat'"), hint="for the answer")
    add_alerts(house, 20)
    wait_for(lambda: len(alerts_sent(house)) == 21, patience=60, hint="for all alerts")
    asked = [request for request in house.books()["requests"] if request["peer"] == "telegram"]
    refused = next(n for n, request in enumerate(asked) if request["status"] == 429)
    moment = [datetime.datetime.fromisoformat(asked[n]["at"].replace("Z", "+00:00")) for n in (refused, refused + 1)]
    assert moment[1] - moment[0] >= datetime.timedelta(seconds=2.9)


def test_O1_alerts_of_a_task_keep_their_order_and_a_full_chat_kills_none(house_of):
    house = house_of(env={"ORCH_EFFECT_MAX_ATTEMPTS": "2", "ORCH_SERIAL_GATE_ENABLED": "off"}).start()
    house.wait_states()
    issues = [house.begin("Thing %d" % n) for n in range(2)]
    tasks = [house.task(issue)["id"] for issue in issues]
    for issue in issues:
        house.wait_analysed(issue)
        house.wait_clean(issue)
    house.order("fail", peer="telegram", match="", status=429, retry_after=1, times=3)
    house.sql("select orch.add_effect(t, 'alert', jsonb_build_object('text', format('alert %%s of %%s', i, t))), orch.add_card(t)"
              "  from generate_series(1, 20) as i cross join unnest(%s::bigint[]) as t", (tasks,))
    wait_for(lambda: len(alerts_sent(house)) == 40, patience=60, hint="for all alerts")
    told = [text.split("\n")[0] for text in alerts_sent(house)]  # each has a link to its issue below
    for task in tasks:
        assert [text for text in told if text.endswith(" of %d" % task)] == ["alert %d of %d" % (n, task) for n in range(1, 21)]
    assert not house.sql("select 1 from orch.outbox where status = 'dead' or kind = 'alert' and attempts > 1")


def test_O2_a_card_is_not_taken_before_the_change_that_it_is_to_show(house_of):
    house = house_of().start()
    house.wait_states()
    issue = house.begin()
    house.wait_analysed(issue)
    house.wait_clean(issue)
    house.stop()
    task = house.task(issue)["id"]

    def take():
        return [row["payload"]["text"] for row in house.sql("select payload from orch.claim_effects('other', 100) where kind = 'card'")]
    house.sql("select orch.add_card(%s)", (task,))
    changer = psycopg2.connect(house.database_url)
    with changer, changer.cursor() as cursor:
        cursor.execute("update orch.tasks set title = 'Another title' where id = %s", (task,))
        cursor.execute("select orch.add_card(%s)", (task,))
        assert take() == [], "it waits for the change"
    changer.close()
    shown, = take()
    assert shown.startswith("ORCH-001 Another title")
