"""S: STOP over HTTP, on the board and in psql, with real signals. The TC numbers are those of the acceptance table."""
import concurrent.futures
import os
import pathlib
import signal
import subprocess

import psycopg2
import pytest

from house import PATIENCE, call, git, wait_for

STAGE_AGENT = {"architecture": "architect", "development": "developer", "review": "reviewer", "testing": "tester",
               "deploy-staging": "deployer", "deploy": "deployer"}
WORK_STATUSES = ("Backlog", "Todo", "Analysis", "Architecture", "Development", "Review", "Testing", "Deploying", "Awaiting Deploy",
                 "Monitoring after Deploy", "Needs Input", "Blocked", "Done", "Cancelled")


def stop(house, ref="ORCH-001"):
    return house.one("select * from orch.stop_task(%s)", (ref,))


def run_of(house, run):
    return house.one("select * from orch.agent_runs where id = %s", (run["id"],))


@pytest.fixture
def patient(house_of):
    """A house that gives agents so long to end by themselves that no busy machine makes it longer."""
    built = house_of(env={"ORCH_AGENT_KILL_GRACE_SECONDS": "60s"}).start()
    built.wait_states()
    return built


def signals_of(house, run):
    """How often a stubborn agent was told to end."""
    return pathlib.Path(run_of(house, run)["log_path"]).read_text().count("SIGTERM? no")


def analyst_in_mode(house, mode, **more):
    house.mode("analyst", mode)
    issue = house.begin(**more)
    return issue, house.wait_running(issue, "analyst")


def said(house, text):
    """Comments on the board, and messages, that hold a text."""
    books = house.books()
    return ([comment for comment in books["comments"] if text in comment["comment_html"]],
            [message for message in books["messages"] if text in message["text"]])


def test_TC_01_only_the_stop_status_of_a_known_issue_is_a_stop(house):
    issue, _ = analyst_in_mode(house, "hang")
    house.move(issue, "Review")
    house.order("settle")
    assert house.task(issue)["stage"] == "analysis"
    stranger = house.delivery(issue, "STOP", id="00000000-0000-4000-8000-000000000009")
    assert house.post_plane(stranger)[0] == 200
    assert house.one("select 1 from orch.events where status = 'ignored' and reason like 'unknown issue%%'")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    assert house.one("select 1 from orch.events where status = 'routed' and reason like 'cancelled:%%'")
    assert house.daemon.poll() is None
    house.begin("The service lives on")


def test_TC_02_a_running_agent_is_told_to_end_and_goes_within_the_grace(patient):
    house = patient
    issue, run = analyst_in_mode(house, "hang")
    house.move(issue, "STOP")
    wait_for(lambda: run_of(house, run)["ended_at"])
    ended = run_of(house, run)
    assert ended["outcome"] == "stopped" and ended["term_at"] and ended["kill_at"] is None
    assert ended["stop_at"] <= ended["term_at"] <= ended["gone_at"]
    assert not house.processes(run)


def test_TC_02_a_deaf_agent_is_killed_after_the_grace(house):
    issue, run = analyst_in_mode(house, "stubborn")
    house.move(issue, "STOP")
    wait_for(lambda: run_of(house, run)["ended_at"])
    ended = run_of(house, run)
    assert ended["outcome"] == "stopped" and ended["kill_at"]
    assert 0.9 <= (ended["kill_at"] - ended["term_at"]).total_seconds() < 9, "the grace of one second lies between, not the default of ten"
    assert "SIGTERM? no" in pathlib.Path(ended["log_path"]).read_text()


def test_TC_02_with_only_queued_jobs_nothing_is_signalled(house):
    first, run = analyst_in_mode(house, "hang")
    second = house.begin("Second")  # The serial gate holds its analyst.
    wait_for(lambda: house.one("select 1 from orch.jobs where task_id = %s and held like 'serial gate%%'", (house.task(second)["id"],)))
    before = house.processes(run)
    house.move(second, "STOP")
    task = house.wait_stage(second, "cancelled")
    assert [row["status"] for row in house.sql("select status from orch.jobs where task_id = %s", (task["id"],))] == ["cancelled"]
    assert not house.sql("select 1 from orch.agent_runs where task_id = %s", (task["id"],))
    assert run_of(house, run)["term_at"] is None and set(before) & set(house.processes(run))
    assert house.task(first)["stage"] == "analysis"


@pytest.mark.parametrize("mode, least", [pytest.param("stubborn", 3, id="TC_02b"), pytest.param("sessions", 3, id="TC_02d")])
def test_TC_02b_TC_02d_S3_the_whole_tree_goes(house, mode, least):
    issue, run = analyst_in_mode(house, mode)
    tree = house.processes(run)
    assert len(tree) >= least
    house.move(issue, "STOP")
    wait_for(lambda: run_of(house, run)["gone_at"])
    assert not house.processes(run)
    ended = run_of(house, run)
    assert ended["tree_size"] >= least
    assert (ended["gone_at"] - ended["term_at"]).total_seconds() <= 1 + 1 + PATIENCE / 3, "grace + 1 s, and some for a busy machine"


def test_TC_02c_a_pid_that_belongs_to_somebody_else_is_not_touched(house):
    issue, run = analyst_in_mode(house, "hang")
    house.kill9()
    wait_for(lambda: not house.processes(run), hint="for the agent to die with its orchd")
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        house.sql("update orch.agent_runs set pid = %s where id = %s", (bystander.pid, run["id"]))
        stop(house)
        house.start()
        wait_for(lambda: run_of(house, run)["ended_at"])
        house.wait_clean(issue)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_TC_03_all_jobs_are_cancelled_and_no_node_ever_gets_them(house):
    issue, run = analyst_in_mode(house, "hang")
    task = house.task(issue)
    house.sql("insert into orch.jobs (agent, repo, task_id, stage) values ('tester', 'acme/shop', %s, 'testing')", (task["id"],))
    assert stop(house)["result"] == "cancelled"
    rows = house.sql("select status, finished_at from orch.jobs where task_id = %s", (task["id"],))
    assert len(rows) == 2 and all(row["status"] == "cancelled" and row["finished_at"] for row in rows)
    for at in range(4):
        incarnation = "00000000-0000-4000-8000-00000000000%d" % at
        house.sql("select orch.node_start(%s, %s, 1, 9, 'test', '10 s')", ("rival%d" % at, incarnation))
        assert not house.sql("select * from orch.claim_jobs(%s, %s, 9)", ("rival%d" % at, incarnation))
    wait_for(lambda: run_of(house, run)["ended_at"])


def test_TC_03_S6_in_a_critical_window_only_queued_jobs_go(house):
    house.mode("deploy", "hang")
    issue = house.park()
    house.move(issue, "Confirm Deploy")
    run = house.wait_running(issue, "deployer")
    house.move(issue, "STOP")
    house.wait_event("plane", "deferred")
    assert stop(house)["result"] == "already_pending"
    task = house.task(issue)
    assert task["stage"] == "deploy" and task["cancel_requested_at"]
    assert run_of(house, run)["term_at"] is None and house.processes(run)
    assert house.one("select state from orch.stops")["state"] == "deferred"
    house.go()
    wait_for(lambda: house.task(issue)["finished_at"])


def test_TC_04_S5_nothing_revives_a_cancelled_job(patient):
    house = patient  # The run stays open while a late end of it is told.
    issue, run = analyst_in_mode(house, "stubborn")
    task = house.task(issue)
    stop(house)
    job = house.one("select * from orch.jobs where task_id = %s", (task["id"],))
    assert job["status"] == "cancelled" and job["attempts"] < job["max_attempts"]
    late = ["select * from orch.finish_run(%d, '%s', '{}')" % (run["id"], outcome)
            for outcome in ("ok", "failed", "timeout", "transient", "released", "unstartable", "lost")]
    gone = "update orch.nodes set beat_at = now() - interval '1 hour'"
    for words in late + [gone + " returning node; select orch.reap()"]:  # Each is taken back again.
        house.connection.autocommit = False
        house.sql(words)
        assert run_of(house, run)["ended_at"], "the run is closed"
        after = house.one("select * from orch.jobs where id = %s", (job["id"],))
        house.connection.rollback()
        house.connection.autocommit = True
        assert after == job, words
    with pytest.raises(psycopg2.Error) as refused:
        house.sql("select orch.retry_job(%s)", (job["id"],))
    assert refused.value.pgcode == "OR409"
    house.kill9()
    house.start()  # Start-up recovery.
    house.sql("select orch.reap()")
    house.wait_clean(issue)
    assert [row["status"] for row in house.sql("select status from orch.jobs where task_id = %s", (task["id"],))] == ["cancelled"]
    assert not house.processes(run)


def test_TC_05_worktree_and_remote_branch_go_and_the_default_branch_stays(house):
    issue, _ = analyst_in_mode(house, "hang")
    main = house.git("rev-parse", "main")
    assert house.worktrees(issue) and house.branch(issue)
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    effects = house.wait_clean(issue)
    assert [effects[kind][0]["status"] for kind in ("archive", "worktree_remove", "branch_delete")] == ["done"] * 3
    assert not house.worktrees(issue) and not house.branch(issue)
    assert house.git("rev-parse", "main") == main


def test_TC_05_a_default_branch_is_refused_in_every_spelling(house):
    house.order("commit", repo="acme/shop", branch="master", path="x", content="x\n")
    issue = house.begin()
    house.wait_analysed(issue)
    house.wait_clean(issue)
    house.order("commit", repo="acme/shop", branch="trunk", path="x", content="x\n")
    house.sql("update orch.projects set default_branch = 'trunk'")
    spellings = ["main", "master", "MAIN", " Main ", "refs/heads/main", "origin/main", "remotes/origin/master", "heads/main", "",
                 "trunk", " Trunk ", "refs/heads/trunk"]
    ids = [house.value("select orch.add_effect(%s, 'branch_delete', jsonb_build_object('branch', %s))", (house.task(issue)["id"], name))
           for name in spellings]
    wait_for(lambda: not house.sql("select 1 from orch.outbox where id = any (%s) and status = 'pending'", (ids,)))
    rows = house.sql("select payload ->> 'branch' as branch, status, last_error from orch.outbox where id = any (%s)", (ids,))
    assert [(row["branch"], row["status"]) for row in rows if row["status"] != "dead"] == []
    assert not [request for request in house.books()["requests"] if request["method"] == "DELETE"]
    assert set(house.books()["branches"]["acme/shop"]) >= {"main", "master", "trunk"}


def test_TC_06_docs_are_archived_and_the_old_head_stays_reachable(house):
    house.mode("architect", "hang")
    issue = house.begin()
    house.wait_open(issue, "architecture")
    house.wait_running(issue, "architect")
    head, task = house.branch(issue), house.task(issue)
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    house.wait_clean(issue)
    archive = house.data / "archive" / str(task["id"])
    assert "By run" in next(archive.rglob("01-analysis.md")).read_text() and list(archive.rglob("00-business-request.md"))
    mirror, = house.data.glob("mirrors/acme/shop*")
    assert git(mirror, "rev-parse", "refs/orch/archive/%d" % task["id"]) == head
    assert house.task(issue)["id"] == task["id"], "the row is there"


def test_TC_07_stop_twice_and_on_missing_and_done_tasks(house):
    issue = house.begin()
    house.wait_open(issue, "done")
    assert [stop(house)["result"], stop(house, "ORCH-999")["result"]] == ["already_done", "not_found"]
    second, run = analyst_in_mode(house, "stubborn", title="Second")
    assert stop(house, "ORCH-002")["result"] == "cancelled"
    assert stop(house, "ORCH-002")["result"] == "already_cancelled", "while it is being stopped, too"
    wait_for(lambda: run_of(house, run)["ended_at"])
    house.wait_clean(second)
    house.order("settle")
    before = house.sql("select id from orch.outbox order by id"), run_of(house, run), house.task(second)
    assert stop(house, "ORCH-002")["result"] == "already_cancelled"
    assert house.api("/tasks/ORCH-002/stop", {}, "POST")[2]["result"] == "already_cancelled"
    house.move(second, "STOP")
    house.order("settle")
    assert (house.sql("select id from orch.outbox order by id"), run_of(house, run), house.task(second)) == before, "no clean-up, no alert"
    assert signals_of(house, run) == 1


def test_TC_07_two_doors_at_the_same_moment(house):
    issue, run = analyst_in_mode(house, "stubborn")
    payload = house.delivery(issue, "STOP")
    doors = [lambda: house.post_plane(payload), lambda: house.api("/tasks/ORCH-001/stop", {}, "POST"),
             lambda: house.post_plane(dict(payload, webhook_id="x"))]
    with concurrent.futures.ThreadPoolExecutor(len(doors) + 1) as pool:
        asked = [pool.submit(door) for door in doors] + [pool.submit(stop, house)]
    told = [future.result() for future in asked]
    results = [told[1][2]["result"], told[3]["result"]] + [
        row["result"] for row in house.sql("select split_part(reason, ':', 1) as result from orch.events"
                                           " where reason like '%%cancelled:%%'")]
    assert results.count("cancelled") == 1 and set(results) <= {"cancelled", "already_cancelled"}
    wait_for(lambda: run_of(house, run)["ended_at"])
    assert signals_of(house, run) == 1
    effects = house.wait_clean(issue)
    assert len(effects["branch_delete"]) == len(effects["archive"]) == 1
    assert len([row for row in effects["alert"] if "was stopped by" in row["payload"]["text"]]) == 1
    assert house.value("select count(*) from orch.transitions where to_stage = 'cancelled'") == 1


@pytest.mark.parametrize("stage", STAGE_AGENT)
def test_TC_10_no_work_status_starts_a_job_and_to_analyse_leaves_a_hint(house, stage):
    house.mode(stage, "hang")
    issue = house.begin()
    house.wait_open(issue, stage)
    if stage == "deploy":
        house.wait_board(issue, "Awaiting Deploy")
    else:
        house.wait_running(issue, STAGE_AGENT[stage])
    house.wait_clean(issue)
    jobs = house.sql("select id, status from orch.jobs order by id")
    for status in WORK_STATUSES:
        house.move(issue, status)
    house.order("settle")
    assert house.sql("select id, status from orch.jobs order by id") == jobs
    house.move(issue, "To Analyse")
    house.wait_event("plane", "to start over")
    wait_for(lambda: said(house, "To start over: STOP, then To Analyse")[0])
    assert house.sql("select id, status from orch.jobs order by id") == jobs and house.task(issue)["stage"] == stage


def test_TC_11_P5_to_analyse_of_an_unknown_issue_and_with_an_idle_and_a_busy_analyst(house):
    fresh = house.order("commit", repo="acme/shop", branch="main", path="later.txt", content="later\n")["sha"]
    issue = house.begin()  # An unknown issue.
    house.wait_analysed(issue)
    assert house.task(issue)["base_sha"] == fresh and house.git("merge-base", "main", house.branch(issue)) == fresh
    house.mode("analyst", "hang")
    house.move(issue, "Todo")
    house.move(issue, "To Analyse")
    house.wait_running(issue, "analyst")
    house.wait_board(issue, "Analysis")
    house.move(issue, "To Analyse")
    house.wait_event("plane", "at work already")
    assert house.value("select count(*) from orch.jobs") == 2
    house.go()
    wait_for(lambda: house.task(issue)["brd_review_started_at"] and not house.active(house.task(issue)["id"]))
    assert house.value("select count(*) from orch.jobs") == 2 and house.value("select count(*) from orch.tasks") == 1


@pytest.mark.parametrize("door", ["board", "http"])
def test_TC_13_stop_over_http_end_to_end(house, door):
    house.mode("reviewer", "stubborn")
    issue = house.begin()
    house.wait_open(issue, "review")
    run = house.wait_running(issue, "reviewer")
    house.sql("insert into orch.jobs (agent, repo, task_id, stage, held, held_by)"
              " values ('tester', 'acme/shop', %s, 'testing', 'test', 'test')", (house.task(issue)["id"],))
    before, main = house.task(issue), house.git("rev-parse", "main")
    if door == "board":
        house.move(issue, "STOP")
    else:
        assert house.api("/tasks/ORCH-001/stop", {}, "POST")[2]["result"] == "cancelled"
    task = house.wait_stage(issue, "cancelled")
    effects = house.wait_clean(issue)
    assert not house.processes(run) and run_of(house, run)["outcome"] == "stopped"
    ended = house.sql("select status from orch.jobs where finished_at >= %s", (task["cancelled_at"],))
    assert [row["status"] for row in ended] == ["cancelled"] * 2
    assert not house.worktrees(issue) and not house.branch(issue) and house.git("rev-parse", "main") == main
    for key in ("work_item", "plane_id", "plane_issue_id"):
        assert task[key] == "%s#cancelled-%d" % (before[key], task["id"])
    assert house.one("select * from orch.stops")["work_item"] == "ORCH-001"
    comments, alerts = said(house, "topped by")[0], said(house, "was stopped by")[1]
    assert len(comments) == len(alerts) == 1
    assert [row["status"] for row in effects["card"] if row["created_at"] >= task["cancelled_at"]] == ["done"]
    card, = said(house, "ORCH-001 Add a thing")[1]
    assert "cancelled" in card["text"] and house.value("select message_id from orch.tracker_messages") == str(card["message_id"])
    shown = house.books()["issues"][issue]["status"]
    assert shown == ("STOP" if door == "board" else "Review"), "a person's STOP is not written over"
    house.mode("reviewer", "ok")
    house.move(issue, "To Analyse")
    wait_for(lambda: house.task(issue)["id"] != task["id"])
    house.wait_open(issue, "done" if door == "board" else "architecture")
    again = house.task(issue)
    assert again["work_item"] == "ORCH-001" and again["base_sha"] == main


def test_TC_14_migrate_twice_on_a_database_with_data(house):
    issue = house.begin()
    house.wait_open(issue, "done")
    house.wait_clean(issue)
    house.stop()
    tables = ("tasks", "jobs", "agent_runs", "events", "outbox", "transitions", "projects", "board_states")
    before = {table: house.sql("select * from orch.%s order by 1, 2" % table) for table in tables}
    for _ in range(2):
        done = house.run("migrate")
        assert done.returncode == 0, done.stderr
    assert {table: house.sql("select * from orch.%s order by 1, 2" % table) for table in tables} == before
    house.start()
    house.begin("And it works")


def test_S1_S2_the_http_door(house):
    issue, run = analyst_in_mode(house, "hang")
    assert house.api("/tasks/ORCH-001/stop", {}, "POST", token=None)[0] == 401
    assert house.api("/tasks/ORCH-001/stop", {}, "POST", token="reader-token")[0] in (401, 403)
    assert house.task(issue)["stage"] == "analysis"
    status, _, body = house.api("/tasks/ORCH-001/stop", {"reason": "wrong issue"}, "POST")
    assert status == 200 and body["result"] == "cancelled"
    task = house.task(issue)
    assert task["cancel_reason"] == "wrong issue" and task["stage"] == "cancelled"
    wait_for(lambda: run_of(house, run)["ended_at"])
    assert house.api("/tasks/ORCH-999/stop", {}, "POST")[0] == 404


def end_state(house, issue):
    """What is left of a stopped task, without numbers, times and the door."""
    task = house.task(issue)
    effects = house.wait_clean(issue)
    runs = house.sql("select agent, outcome, term_at is null from orch.agent_runs where task_id = %s order by id", (task["id"],))
    return {
        "stage": task["stage"], "tombstones": [task[key].count("#cancelled-") for key in ("work_item", "plane_id", "plane_issue_id")],
        "jobs": house.sql("select agent, stage, status from orch.jobs where task_id = %s order by id", (task["id"],)), "runs": runs,
        "effects": sorted((kind, row["status"]) for kind, rows in effects.items() for row in rows if kind not in ("card", "board_status")),
        "way": house.sql("select to_stage, cause from orch.transitions where task_id = %s order by id", (task["id"],)),
        "worktrees": house.worktrees(issue), "branch": house.branch(issue), "clock": task["brd_review_ended_at"] is not None,
    }


def test_S1_psql_and_board_give_the_same_end_state(house):
    states = []
    house.mode("architect", "hang")
    for door in ("psql", "board", "http"):
        issue = house.begin("Stop me through %s" % door)
        house.wait_open(issue, "architecture")
        run = house.wait_running(issue, "architect")
        if door == "psql":
            assert stop(house, house.task(issue)["work_item"])["result"] == "cancelled"
        elif door == "board":
            house.move(issue, "STOP")
        else:
            assert house.api("/tasks/%s/stop" % house.task(issue)["work_item"], {}, "POST")[0] == 200
        house.wait_stage(issue, "cancelled")
        wait_for(lambda run=run: run_of(house, run)["ended_at"])
        states.append(end_state(house, issue))
        assert house.task(issue)["cancel_via"] == door
    assert states[0] == states[1] == states[2]


BLOCKS = {"counts", "max_concurrency", "resilience", "reconcile", "reaper", "post_deploy", "task_deps", "serial_gate", "auto_labels", "stop",
          "disk_watchdog", "build_cache", "nodes", "outbox", "recent"}


def test_TC_09_S11_every_channel_tells_of_a_stop_and_none_that_fails_holds_it_up(house):
    issue, run = analyst_in_mode(house, "hang")
    house.order("fail", peer="telegram", match="", status=500, times=100000)
    house.order("fail", peer="plane", match="comments", status=500, times=100000)
    house.move(issue, "STOP")
    task = house.wait_stage(issue, "cancelled")
    wait_for(lambda: run_of(house, run)["ended_at"])
    wait_for(lambda: house.value("select state from orch.stops") == "clean", hint="for the clean-up, with messenger and comments away")
    assert not house.branch(issue) and not house.worktrees(issue)
    assert house.sql("select 1 from orch.outbox where kind = 'alert' and status = 'pending'")
    assert not said(house, "was stopped by")[1]
    house.order("heal")
    house.wait_clean(issue)
    comments, alerts = said(house, "topped by")[0], said(house, "was stopped by")[1]
    assert len(comments) == len(alerts) == 1
    assert '<a href="' in alerts[0]["raw"] and ">ORCH-001</a>" in alerts[0]["raw"], "the work item is a link"
    assert "cancelled" in said(house, "ORCH-001 Add a thing")[1][0]["text"], "the live card"
    way = house.one("select * from orch.transitions where to_stage = 'cancelled'")
    assert (way["task_id"], way["from_stage"], way["cause"]) == (task["id"], "analysis", "stop") and way["event_id"]
    assert 'webhook.routed  event=%d reason="cancelled: ORCH-001 is cancelled' % way["event_id"] in house.log()
    assert "worker.run_stopping" in house.log() and 'stage=cancelled' in house.log()
    status, _, metrics = call(house.url + "/metrics")
    told = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    assert status == 200
    for name in ("orchd_stops_total", "orchd_stop_term_seconds_count", "orchd_stop_gone_seconds_count"):
        assert float(told[name]) == 1, name
    # TC-09: the report, and a block of it that fails.
    status, _, report = house.api("/queue")
    assert status == 200 and report.keys() >= BLOCKS and not [block for block in BLOCKS if "error" in report[block]]
    assert report["stop"].keys() == {"enabled", "repos", "cancelled_count", "deferred_pending", "recent"}
    assert (report["stop"]["enabled"], report["stop"]["cancelled_count"], report["stop"]["deferred_pending"]) == (True, 1, 0)
    assert [(row["work_item"], row["state"]) for row in report["stop"]["recent"]] == [("ORCH-001", "clean")]
    house.sql("alter view orch.stops rename to stops_away")
    status, _, broken = house.api("/queue")
    assert status == 200 and broken.keys() == report.keys() and "orch.stops" in broken["stop"]["error"]
    assert not [block for block in broken if block != "stop" and "error" in broken[block]]
    assert [broken[block] for block in ("counts", "max_concurrency", "task_deps")] == [
        report[block] for block in ("counts", "max_concurrency", "task_deps")]


def test_S4_clean_up_is_tried_until_it_holds(house):
    house.order("fail", peer="gitea", match="DELETE", status=500, times=3)
    issue, _ = analyst_in_mode(house, "hang")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    effects = house.wait_clean(issue)
    assert effects["branch_delete"][0]["status"] == "done" and effects["branch_delete"][0]["attempts"] == 4
    assert not house.branch(issue)


def test_S4_a_branch_that_is_gone_already_is_success(house):
    issue, _ = analyst_in_mode(house, "hang")
    house.git("update-ref", "-d", "refs/heads/" + house.task(issue)["branch"])
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    assert house.wait_clean(issue)["branch_delete"][0]["status"] == "done"


def test_S9_to_analyse_afterwards_starts_from_nothing(house):
    issue, _ = analyst_in_mode(house, "hang")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    fresh = house.order("commit", repo="acme/shop", branch="main", path="later.txt", content="later\n")["sha"]
    house.mode("analyst", "ok")
    house.move(issue, "To Analyse")
    house.wait_analysed(issue)
    task = house.task(issue)
    assert task["base_sha"] == fresh and task["work_item"] == "ORCH-001" and house.value("select count(*) from orch.tasks") == 2


@pytest.mark.parametrize("settings", [{"ORCH_STOP_STATUS_ENABLED": "off"}, {"ORCH_STOP_STATUS_REPOS": "elsewhere,bad/token"}])
def test_S10_the_kill_switch_and_the_scope(house_of, settings):
    house = house_of(env=settings).start()
    house.mode("architect", "blocked", "ok")
    house.mode("reviewer", "blocked")
    issue, run = analyst_in_mode(house, "hang")
    house.move(issue, "STOP")
    house.wait_event("plane", "disabled")
    assert house.task(issue)["stage"] == "analysis" and house.processes(run)
    house.move(issue, "Analysis")  # A card that stays in STOP would not be written over.
    house.go()
    house.wait_open(issue, "architecture")
    house.wait_board(issue, "Blocked")
    house.move(issue, "To Analyse")  # The old behaviour: the stage's agent runs again.
    house.wait_stage(issue, "review")
    if "ORCH_STOP_STATUS_REPOS" in settings:
        assert [line for line in house.log().splitlines() if "bad/token" in line and " warn " in line], "dropped with a warning"


def test_S10_a_repo_in_scope_stops(house_of):
    house = house_of(env={"ORCH_STOP_STATUS_REPOS": "elsewhere, no name!,shop"}).start()
    issue, _ = analyst_in_mode(house, "hang")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")


def rows_of(house, repo):
    """Every row that belongs to a repo, byte for byte: of its project and board, its tasks, and all that hangs on them."""
    tasks = "(select id from orch.tasks where repo = %(repo)s)"
    project = "(select id from orch.projects where repo = %(repo)s)"
    wheres = {"projects": "t.repo = %(repo)s", "tasks": "t.repo = %(repo)s", "repo_freeze": "t.repo = %(repo)s",
              "merge_leases": "t.repo = %(repo)s", "deploys": "t.repo = %(repo)s", "ci_statuses": "t.repo = %(repo)s",
              "board_states": "t.project_id in " + project, "board_issues": "t.project_id in " + project,
              "jobs": "t.repo = %(repo)s", "job_deps": "t.task_id in " + tasks}
    wheres.update((table, "t.task_id in " + tasks) for table in ("agent_runs", "events", "outbox", "transitions", "tracker_messages"))
    select = "select row_to_json(t)::text as row from orch.%s as t where %s order by 1"
    return {table: [row["row"] for row in house.sql(select % (table, where), {"repo": repo})] for table, where in wheres.items()}


def test_X_1_X_3_S12_a_stop_frees_who_waits_for_it_and_touches_nobody_else(house_of):
    """A second repo has a running agent, a task behind the serial gate and a job of no task; a task of a third depends on the stopped one."""
    house = house_of(projects=("orch:ORCH:acme/shop", "api:API:acme/api", "web:WEB:acme/web")).start()
    house.wait_states()
    house.mode("analyst", "hang")
    first = house.begin("One", project="orch")
    run = house.wait_running(first, "analyst")
    other = house.begin("Other", project="api")
    kept = house.wait_running(other, "analyst")
    behind = house.begin("Behind", project="api")
    house.sql("select orch.pause('repo', 'acme/web')")
    waiting = house.begin("Waiting", project="web")
    wait_for(lambda: house.active(house.task(waiting)["id"]))
    house.sql("select orch.add_dep('WEB-001', 'ORCH-001'), orch.resume('repo', 'acme/web')")
    assert house.value("select orch.enqueue('chore', 'later', repo => 'acme/api', run_at => now() + interval '1 day')")
    for issue in (first, other, behind, waiting):
        house.wait_clean(issue)
    house.order("settle")
    wait_for(lambda: house.value("select held from orch.jobs where task_id = %s", (house.task(behind)["id"],)))
    assert house.value("select held from orch.jobs where task_id = %s", (house.task(waiting)["id"],)) == "dependency: waits for ORCH-001"
    before, tree = rows_of(house, "acme/api"), house.processes(kept)
    assert len(before["jobs"]) == 3 and len(before["tasks"]) == 2 and len(before["agent_runs"]) == 1 and before["transitions"]
    house.move(first, "STOP")
    wait_for(lambda: run_of(house, run)["ended_at"])
    house.wait_clean(first)
    house.wait_running(waiting, "analyst")  # X-1
    assert rows_of(house, "acme/api") == before
    assert run_of(house, kept)["pid"] in house.processes(kept) and set(house.processes(kept)) & set(tree)


def test_S3_an_agent_stopped_by_hand_is_no_stop(house):
    """SIGKILL of the agent by the kernel or a person is a failure of the attempt, not a STOP."""
    issue, run = analyst_in_mode(house, "hang")
    house.mode("analyst", "ok")
    for pid in house.processes(run):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    house.wait_analysed(issue)
    assert run_of(house, run)["outcome"] in ("failed", "lost")
    assert [row["outcome"] for row in house.sql("select outcome from orch.agent_runs order by id")][-1] == "ok"
