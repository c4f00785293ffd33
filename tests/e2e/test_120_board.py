"""B: what statuses mean, and what orchd writes back."""
from house import wait_for

STATUSES = {
    "To Analyse": "to_analyse", "Analysis": "analysis", "Architecture": "architecture", "Development": "development", "Review": "review",
    "Testing": "testing", "Deploying": "deploying", "Awaiting Deploy": "awaiting_deploy", "Monitoring after Deploy": "monitoring",
    "Needs Input": "needs_input", "Blocked": "blocked", "Approved": "approved", "Rejected": "rejected", "Confirm Deploy": "confirm_deploy",
    "STOP": "stop", "Done": "done", "Cancelled": "cancelled", "Backlog": "backlog", "Todo": "todo",
}


def keys(house):
    return {row["name"]: row["key"] for row in house.sql("select name, key from orch.board_states")}


def test_B1_each_status_has_its_key(house):
    wait_for(lambda: keys(house))
    assert keys(house) == STATUSES


def test_B1_names_compare_without_case_and_outer_blanks(house_of):
    house = house_of()
    house.order("rename_status", **{"from": "STOP", "to": "  sToP "})
    house.order("rename_status", **{"from": "To Analyse", "to": "TO ANALYSE"})
    house.start()
    issue = house.begin(status="TO ANALYSE")
    house.wait_analysed(issue)
    house.move(issue, "  sToP ")
    house.wait_stage(issue, "cancelled")


def test_B2_without_a_stop_status_nothing_stops_and_one_that_appears_is_read(house_of):
    house = house_of(env={"ORCH_PLANE_STATES_TTL_S": "1"})
    house.order("rename_status", **{"from": "STOP", "to": "Halt"})
    house.start()
    issue = house.begin()
    house.wait_analysed(issue)
    house.move(issue, "Halt")
    house.wait_event("plane", "starts nothing")
    assert house.task(issue)["stage"] == "analysis"
    house.order("rename_status", **{"from": "Halt", "to": "STOP"})
    wait_for(lambda: keys(house).get("STOP") == "stop", hint="for the statuses to be read again")
    house.move(issue, "Todo")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")


def test_B2_an_unknown_status_has_the_board_asked_and_the_delivery_waits(house_of):
    house = house_of()
    house.order("fail", peer="plane", match="/states/", status=500, times=1000000)
    house.start()
    issue = house.create()
    house.move(issue, "To Analyse")
    wait_for(lambda: house.one("select 1 from orch.events where status = 'waiting' and attempts > 1"), hint="for a delivery that waits")
    assert not house.task(issue)
    house.order("heal")
    house.wait_analysed(issue)
    assert house.one("select 1 from orch.events where reason = 'started' and attempts > 1")


def test_B3_only_to_analyse_starts_a_pipeline(house):
    wait_for(lambda: keys(house))
    for status in STATUSES:
        if status != "To Analyse":
            issue = house.create("To %s" % status, status="Todo" if status == "Backlog" else "Backlog")
            house.move(issue, status)
    house.order("settle")
    assert not house.sql("select 1 from orch.tasks") and not house.sql("select 1 from orch.jobs")
    assert {row["status"] for row in house.sql("select status from orch.events where source = 'plane'")} == {"ignored"}


def test_B4_the_board_shows_where_the_task_is_and_own_writes_are_no_gestures(house):
    issue = house.begin()
    house.wait_open(issue, "done")
    house.wait_board(issue, "Done")
    house.order("settle")
    bot = house.value("select board_actor from orch.projects")
    written = [request["body"]["state"] for request in house.books()["requests"] if request["method"] == "PATCH"]
    names = [next(name for name in STATUSES if house.state_id(name) == state) for state in dict.fromkeys(written)]
    assert names == ["Analysis", "Architecture", "Development", "Review", "Testing", "Deploying", "Awaiting Deploy", "Done"]
    own = house.sql("select status, reason from orch.events where facts ->> 'actor_id' = %s and kind = 'issue'", (bot,))
    assert own and {row["status"] for row in own} == {"ignored"}
    assert house.value("select count(*) from orch.tasks") == 1


def test_B4_late_and_swapped_deliveries_do_no_harm(house):
    issue = house.begin()
    house.wait_analysed(issue)
    old = house.delivery(issue, "To Analyse", updated_at="2020-01-01T00:00:00.000000Z")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    house.wait_clean(issue)
    assert house.post_plane(old)[0] == 200
    assert house.value("select count(*) from orch.tasks") == 1
    assert house.one("select 1 from orch.events where status = 'ignored' and reason like '%%newer%%'")
