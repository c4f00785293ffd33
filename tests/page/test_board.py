"""H3, the board: what it shows is what is so, at once and without a reload, and it says when it cannot know."""
import json

from house import OPERATOR, READER

CARD = "[data-task=%s]"
IN_STAGE = "[data-stage=%s] [data-task=%s]"


def mark(page):
    """A reload would lose it."""
    page.ask("window.isMarked = true")


def check_marked(page):
    assert page.ask("window.isMarked") is True, "the page was loaded again"


def add_tasks(house, count, stage="testing"):
    """Tasks that a person has to look at: nobody else moves them."""
    house.sql("insert into orch.tasks (project_id, repo, plane_id, plane_issue_id, work_item, title, branch, stage, attention, attention_reason)"
              " select p.id, p.repo, 'ORCH/' || n, 'issue-' || n, 'ORCH-' || n, 'Task ' || n || ' of many', 'feature/' || n, %s, 'blocked', 'test'"
              " from orch.projects as p, generate_series(1001, 1000 + %s) as n", (stage, count))


def test_H3_the_board_shows_a_task_move_without_a_reload(house, look):
    page = look(house, READER)
    page.wait_text("#empty", "No tasks yet: move a card to To Analyse")
    mark(page)
    house.mode("analyst", "hang")
    issue = house.begin("Add a cart")
    run = house.wait_running(issue, "analyst")
    card = IN_STAGE % ("analysis", "ORCH-001")
    page.wait(card + "[data-tone=run]")
    page.wait_text(card, "analyst on %s" % run["node"])
    for told in ("ORCH-001", "Add a cart", "acme/shop"):
        assert told in page.text(card)
    assert page.ask("document.querySelector('%s .item').href" % card).startswith(house.ready["plane_url"])
    shown = page.text(card + " .time")
    page.wait_that("document.querySelector('%s .time').textContent !== '%s'" % (card, shown))
    page.wait_text("[data-figure=running]", "1")
    house.go()
    page.wait(card + "[data-tone=person]")
    page.wait_text(card, "waits for a person to approve the analysis")
    page.wait_that("document.title === '(1) orchd'")
    page.wait_text(card, "$0.03")
    page.wait_text("[data-figure=cost]", "$0.03")
    house.move(issue, "Approved")
    page.wait(IN_STAGE % ("deploy", "ORCH-001"))
    page.wait_text(CARD % "ORCH-001", "parked: waits for Confirm Deploy")
    house.move(issue, "Confirm Deploy")
    page.wait(IN_STAGE % ("done", "ORCH-001") + "[data-tone=done]")
    check_marked(page)


def test_H3_why_a_job_waits_and_frozen_repos_with_unfreeze(house, look):
    house.mode("analyst", "hang")
    house.wait_running(house.begin("First"), "analyst")
    house.begin("Second")
    page = look(house, OPERATOR)
    page.wait_text(CARD % "ORCH-002", "serial gate: ORCH-001 is unfinished")
    page.wait_text("[data-figure=held]", "1")
    house.sql("select orch.freeze('acme/shop', 'the deploy of ORCH-000 is degraded')")
    page.wait_text("#frozen", "acme/shop is frozen:")
    page.wait_text("#frozen", "the deploy of ORCH-000 is degraded")
    page.click("#frozen button")
    page.wait_text("#ask-title", "Unfreeze acme/shop?")
    page.click("text=Leave it frozen")
    page.wait_gone("#ask")
    assert house.sql("select 1 from orch.repo_freeze")
    page.click("#frozen button")
    page.click("#ask-yes")
    page.wait_text("#ask-result", "acme/shop takes new tasks again")
    page.click("#ask-no")
    page.wait_gone("#frozen li")
    assert not house.sql("select 1 from orch.repo_freeze")


def test_H3_nodes_with_their_state(house_of, look):
    house = house_of(env={"ORCH_REAPER_INTERVAL": "1h"}).start()  # So that nobody buries the one that is gone.
    page = look(house, READER)
    page.wait_text("#nodes [data-state=alive]", house.node)
    page.wait_text("#nodes", "0/4")
    other, _ = house.start_node("node-b")
    page.wait_text("#nodes", "node-b")
    other.kill()
    other.wait()
    house.sql("update orch.nodes set beat_at = now() - interval '1 hour' where node = 'node-b'")
    page.wait_text("#nodes [data-state=gone]", "node-b")


def test_H3_the_page_says_that_it_is_not_live_and_goes_on_after_a_restart(house, look):
    page = look(house, READER)
    page.wait("#state[data-state=live]")
    mark(page)
    add_tasks(house, 1)
    page.wait(CARD % "ORCH-1001")
    house.kill9()
    page.wait_text("#state", "reconnecting; what you see is from ")
    assert page.text(CARD % "ORCH-1001") and page.ask("document.body.classList.contains('stale')")
    assert page.ask("document.title") == "(1) orchd"
    house.sql("update orch.tasks set title = 'Another title'")
    house.start()
    page.wait("#state[data-state=live]")
    page.wait_text(CARD % "ORCH-1001", "Another title")
    assert not page.ask("document.body.classList.contains('stale')")
    assert house.stop() == 0
    page.wait_text("#state", "reconnecting")
    house.start()
    page.wait("#state[data-state=live]")
    check_marked(page)


def test_H3_two_hundred_tasks_change_without_losing_focus_or_place(house, look):
    add_tasks(house, 200)
    page = look(house, READER)
    page.wait_text("[data-stage=testing] .count", "200")
    list_of = "document.querySelector('[data-stage=testing] .cards')"
    page.ask("document.querySelector('[data-task=ORCH-1100] .open').focus()")
    page.ask("%s.scrollTop = 5000" % list_of)
    place = page.ask("%s.scrollTop" % list_of)
    assert place > 1000
    page.ask("document.querySelectorAll('.card').forEach((card) => { card.isOfBefore = true })")
    house.sql("update orch.tasks set title = 'A new title' where work_item = 'ORCH-1003'")
    page.wait_text(CARD % "ORCH-1003", "A new title")
    assert page.ask("%s.scrollTop" % list_of) == place
    assert page.ask("document.activeElement.closest('.card').dataset.task") == "ORCH-1100"
    assert page.ask("[...document.querySelectorAll('.card')].filter((card) => card.isOfBefore).length") == 200, "none was made anew"
    house.sql("update orch.tasks set stage = 'deploy' where work_item = 'ORCH-1100'")
    page.wait(IN_STAGE % ("deploy", "ORCH-1100"))
    assert page.ask("document.activeElement.closest('.card').dataset.task") == "ORCH-1100", "the focus goes with its card"


def test_H3_what_others_wrote_is_text(house, look):
    hostile = "<img src=x onerror='window.isHacked = 1'><script>window.isHacked = 1</script>\"';--"
    add_tasks(house, 1)
    house.sql("update orch.tasks set title = %s, attention_reason = %s, branch = %s", (hostile, hostile, hostile))
    house.sql("insert into orch.transitions (task_id, to_stage, cause, actor) select id, 'testing', %s, %s from orch.tasks", (hostile, hostile))
    house.sql("update orch.projects set plane_workspace = %s", ("\"><b>",))
    page = look(house, READER)
    page.wait(CARD % "ORCH-1001")
    assert page.text("%s .open" % (CARD % "ORCH-1001")) == hostile
    page.click("%s .open" % (CARD % "ORCH-1001"))
    page.wait_text("#moves", hostile)
    page.wait_text("#task-why", hostile)
    assert page.text("#task-title") == hostile
    assert page.ask("document.querySelectorAll('#board img, #board script, #task img, #task script, #board b').length") == 0
    assert page.ask("window.isHacked") is None


def test_H3_the_page_below_a_base_path(house_of, look):
    house = house_of(env={"ORCH_BASE_PATH": "/orchd"})
    house.url += "/orchd"
    house.start()
    add_tasks(house, 1)
    page = look(house, OPERATOR)
    page.wait(CARD % "ORCH-1001")
    page.click("%s .open" % (CARD % "ORCH-1001"))
    page.wait_text("#facts", "feature/1001")
    assert page.ask("location.pathname") == "/orchd/"
    bare = look(house.url, OPERATOR)
    bare.do("goto", house.url)
    bare.wait(CARD % "ORCH-1001")
    asked = json.loads(page.ask("JSON.stringify(performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname))"))
    assert asked and all(path.startswith("/orchd/") for path in asked)
