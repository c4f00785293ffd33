"""L2 and TC-12: the reconciler moves on a task whose look was lost, and nothing that looks for work brings a stopped one back."""
from house import call, wait_for

QUICK = {"ORCH_RECONCILE_INTERVAL": "200ms", "ORCH_RECONCILE_GRACE": "0"}


def reconcile(house, url=None):
    """Block reconcile of GET /queue."""
    return call((url or house.url) + "/queue", headers={"Authorization": "Bearer operator-token"})[2]["reconcile"]


def skips_rise(house, url=None, why="terminal"):
    """Waits for two rounds more that have left a task alone."""
    before = reconcile(house, url)["skipped"][why]
    wait_for(lambda: reconcile(house, url)["skipped"][why] >= before + 2, hint="for the reconciler to pass by")


def test_TC_12_nothing_that_looks_for_work_brings_a_cancelled_task_back(house_of):
    house = house_of(env=QUICK).start()
    house.wait_states()
    house.mode("analyst", "hang")
    issue = house.begin()
    run = house.wait_running(issue, "analyst")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    house.wait_clean(issue)
    house.order("settle")
    tables = ("tasks", "jobs", "agent_runs", "transitions", "outbox")

    def rows():
        return {table: house.sql("select * from orch.%s order by 1" % table) for table in tables}

    before = rows()
    assert before["tasks"][0]["stage"] == "cancelled" and {row["status"] for row in before["jobs"]} == {"cancelled"}
    skips_rise(house)  # A pass of the reconciler.
    house.sql("select orch.reap(), orch.sweep_cancels()")  # And one of the reaper.
    house.kill9()
    house.start()  # Restarted.
    skips_rise(house)
    told = dict(line.rsplit(" ", 1) for line in call(house.url + "/metrics")[2].splitlines() if not line.startswith("#"))
    assert float(told["orchd_reconciler_skips_total"]) >= 1
    other, url = house.start_node(house.node + "b")
    house.kill9()  # Replaced by another node, which takes over what the first had.
    wait_for(lambda: house.value("select node from orch.duties where duty = 'reconciler'") == house.node + "b")
    wait_for(lambda: house.value("select stopped_at from orch.nodes where node = %s", (house.node,)), hint="for the other's reaper")
    skips_rise(house, url)
    assert rows() == before
    assert not house.processes(run) and other.poll() is None and len(house.calls()) == 1


def test_L2_a_task_whose_look_was_lost_goes_on_and_those_that_wait_for_a_person_do_not(house_of):
    house = house_of(projects=("orch:ORCH:acme/shop", "api:API:acme/api"), env=dict(QUICK, ORCH_RECONCILE_ENABLED="off")).start()
    house.wait_states()
    house.order("set", ci="silent")
    house.mode("API-001.architect", "needs_input")
    lost = house.begin(project="orch")
    asking = house.begin("Ask me", project="api")
    house.wait_open(lost, "development")
    wait_for(lambda: house.task(lost)["pull_number"] and not house.active(house.task(lost)["id"]))
    house.wait_clean(lost)
    house.wait_open(asking, "architecture")
    house.wait_board(asking, "Needs Input")
    task = house.task(lost)
    # What the forge told was taken in, and the look that follows never came.
    house.sql("insert into orch.ci_statuses (repo, sha, context, state, changed_at) values ('acme/shop', %s, 'ci', 'success', now())",
              (task["head_sha"],))
    assert reconcile(house)["enabled"] is False
    assert house.stop() == 0
    house.start(ORCH_RECONCILE_ENABLED="on")
    house.wait_stage(lost, "deploy", 60)
    assert house.one("select actor, cause from orch.transitions where task_id = %s and to_stage = 'review'", (task["id"],)) == {
        "actor": "reconciler", "cause": "check_ci_green"}
    skips_rise(house, why="needs_input")
    assert house.task(asking)["stage"] == "architecture" and house.task(asking)["attention"] == "needs_input"
    told = reconcile(house)
    assert told["enabled"] and told["moved"] == 1 and told["failures"] == 0 and told["failed"] is None
    assert house.value("select count(*) from orch.jobs where task_id = %s and stage = 'review'", (task["id"],)) == 1
