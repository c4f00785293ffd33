"""D7: STOP beside merge leases and deploys, with a deploy hook that really runs, on one node and on two. The numbers are those of the
acceptance table."""
import signal

import pytest

from house import FAKE, OPERATOR, call, wait_for

HEADERS = {"Authorization": "Bearer " + OPERATOR}


def furnish(house):
    """A house whose deployer runs a hook that takes its time."""
    house.write_agents(deployer="{command: [%s], timeout: 600s, env: {FAKE_CONTROL: %s}}" % (FAKE / "agents" / "hook", house.control))
    house.start()
    house.wait_states()
    return house


def deploying(house, **more):
    """Takes a new task to a running deploy hook; answers issue and run."""
    issue = house.park(**more)
    house.move(issue, "Confirm Deploy")
    run = house.wait_running(issue, "deployer")
    wait_for(lambda: house.value("select phase from orch.deploys where task_id = %s", (run["task_id"],)) == "B", hint="for phase B")
    return issue, run


def add_queued(house, task, agent="tester", stage="testing"):
    """A queued job of the task, as another program may have put it there; nobody claims it."""
    return house.value("insert into orch.jobs (agent, repo, task_id, stage, held, held_by)"
                       " values (%s, 'acme/shop', %s, %s, 'test', 'test') returning id", (agent, task, stage))


def status_of(house, job):
    return house.value("select status from orch.jobs where id = %s", (job,))


def run_of(house, run):
    return house.one("select * from orch.agent_runs where id = %s", (run["id"],))


def deferred(house, url=None):
    """deferred_pending of GET /queue."""
    return call((url or house.url) + "/queue", headers=HEADERS)[2]["stop"]["deferred_pending"]


def messages(house, text):
    return [message for message in house.books()["messages"] if text in message["text"]]


def comments(house, text):
    return [comment for comment in house.books()["comments"] if text in comment["comment_html"]]


def check_untouched(house, run, tree):
    """The actor lives on as the same processes, and nobody has signalled it or asked for that."""
    now = run_of(house, run)
    assert (now["pid"], now["pid_start"]) == (run["pid"], run["pid_start"])
    assert now["ended_at"] is now["stop_at"] is now["term_at"] is now["kill_at"] is None
    # The hook sleeps in a child of its own, a new one each time; who was there before beside that is there still.
    assert run["pid"] in house.processes(run) and len(set(house.processes(run)) & set(tree)) >= 2
    check_book(house, run)


def check_book(house, run):
    assert not (house.control / ("signals.%s" % run["id"])).exists(), "the hook was signalled"


def check_reset(house, task, data=None):
    """What a full reset leaves behind."""
    for key in ("work_item", "plane_id", "plane_issue_id"):
        assert task[key].endswith("#cancelled-%d" % task["id"])
    assert task["stage"] == "cancelled" and task["cancelled_at"] and task["finished_at"]
    assert not house.active(task["id"])
    assert not house.sql("select 1 from orch.merge_leases where task_id = %s", (task["id"],))
    assert not house.sql("select 1 from orch.deploys where task_id = %s and finished_at is null", (task["id"],))
    assert task["branch"] not in house.books()["branches"]["acme/shop"]
    assert list(((data or house.data) / "archive" / str(task["id"])).rglob("00-business-request.md"))


def test_D7_1_D7_4_D7_5_a_stop_waits_for_the_hook_and_is_applied_when_that_fails(house_of):
    house = furnish(house_of())
    (house.control / "hook").write_text("3")
    issue, run = deploying(house)
    task, main = house.task(issue), house.git("rev-parse", "main")
    queued = add_queued(house, task["id"])
    tree = house.processes(run)
    house.move(issue, "STOP")
    house.wait_event("plane", "deferred")
    # D7-1: deferred, queued jobs cancelled, actor and hook untouched.
    asked = house.task(issue)
    assert asked["stage"] == "deploy" and asked["cancel_requested_at"] and asked["finished_at"] is None
    assert status_of(house, queued) == "cancelled" and status_of(house, run["job_id"]) == "running"
    check_untouched(house, run, tree)
    assert deferred(house) == 1
    # D7-4: again, three times, through each of the other doors and the board.
    answer = house.api("/tasks/ORCH-001/stop", {}, "POST")
    assert answer[0] == 200 and answer[2]["result"] == "already_pending"
    assert house.value("select result from orch.stop_task('ORCH-001')") == "already_pending"
    house.move(issue, "Deploying")
    house.move(issue, "STOP")
    house.wait_event("plane", "already_pending")
    assert house.task(issue)["cancel_requested_at"] == asked["cancel_requested_at"], "stamped once"
    assert house.task(issue)["cancel_actor"] == asked["cancel_actor"]
    check_untouched(house, run, tree)
    wait_for(lambda: messages(house, "waits until its deploy has ended"))
    # D7-5: the hook fails.
    house.go()
    ended = house.wait_stage(issue, "cancelled")
    closed = run_of(house, run)
    assert (closed["outcome"], closed["exit_status"], closed["term_at"]) == ("failed", 3, None)
    assert closed["ended_at"] == ended["cancelled_at"], "applied in the transaction that closes the window"
    effects = house.wait_clean(issue)
    check_reset(house, house.task(issue))
    assert not house.worktrees(issue) and not house.processes(run) and house.git("rev-parse", "main") == main
    check_book(house, run)
    assert house.value("select verdict from orch.deploys") == "FAILED"
    assert len(messages(house, "waits until its deploy has ended")) == len(messages(house, "was stopped by")) == 1
    assert len(effects["archive"]) == len(effects["branch_delete"]) == 1
    assert deferred(house) == 0


def test_D7_6_a_stop_of_a_deploy_that_succeeds_is_too_late(house_of):
    house = furnish(house_of())
    issue, run = deploying(house)
    queued = add_queued(house, house.task(issue)["id"])
    assert house.value("select result from orch.stop_task('ORCH-001')") == "deferred"
    assert deferred(house) == 1 and status_of(house, queued) == "cancelled"
    house.go()
    task = house.wait_stage(issue, "done")
    assert task["cancel_requested_at"] is None and task["cancelled_at"] is None and task["work_item"] == "ORCH-001"
    effects = house.wait_clean(issue)
    assert run_of(house, run)["outcome"] == "ok" and run_of(house, run)["term_at"] is None
    check_book(house, run)
    assert deferred(house) == 0
    assert len(comments(house, "too late: already in production")) == len(messages(house, "too late, already in production")) == 1
    assert "branch_delete" not in effects and "archive" not in effects
    assert house.git("merge-base", "--is-ancestor", task["head_sha"], "main") == ""
    assert house.value("select verdict from orch.deploys") == "SUCCESS" and not house.sql("select 1 from orch.merge_leases")
    assert house.value("select result from orch.stop_task('ORCH-001')") == "already_done"


def test_D7_2_X_2_a_parked_task_is_reset_at_once_and_the_next_of_the_repo_starts(house_of):
    house = furnish(house_of())
    issue = house.park()
    task = house.task(issue)
    assert house.value("select task_id from orch.merge_leases where repo = 'acme/shop'") == task["id"]
    house.mode("ORCH-002.analyst", "hang")
    second = house.begin("Second")
    wait_for(lambda: house.one("select 1 from orch.jobs where task_id = %s and held = 'serial gate: ORCH-001 is unfinished'",
                               (house.task(second)["id"],)), hint="for the serial gate")
    house.move(issue, "STOP")
    house.wait_event("plane", "cancelled:")
    assert house.task(issue)["stage"] == "cancelled" and not house.sql("select 1 from orch.merge_leases")
    assert house.value("select verdict from orch.deploys") == "CANCELLED"
    house.wait_running(second, "analyst")
    house.wait_clean(issue)
    check_reset(house, house.task(issue))
    assert not house.worktrees(issue)


def test_D7_3_with_the_lease_held_a_running_job_defers_a_stop_in_phase_a(house_of):
    house = furnish(house_of())
    issue = house.park()
    task = house.task(issue)
    house.mode("tester", "hang")
    job = house.value("insert into orch.jobs (agent, repo, task_id, stage) values ('tester', 'acme/shop', %s, 'testing') returning id",
                      (task["id"],))
    run = house.wait_running(issue, "tester")
    assert run["job_id"] == job and house.value("select phase from orch.deploys") == "A"
    queued = add_queued(house, task["id"], "reviewer", "review")
    tree = house.processes(run)
    answer = house.api("/tasks/ORCH-001/stop", {}, "POST")
    assert (answer[0], answer[2]["result"]) == (202, "deferred")
    assert status_of(house, queued) == "cancelled" and status_of(house, job) == "running"
    check_untouched(house, run, tree)
    assert deferred(house) == 1
    house.go()
    ended = house.wait_stage(issue, "cancelled")
    assert run_of(house, run)["ended_at"] == ended["cancelled_at"] and run_of(house, run)["term_at"] is None
    assert status_of(house, job) == "cancelled", "it would have been tried again"
    house.wait_clean(issue)
    check_reset(house, house.task(issue))


@pytest.mark.parametrize("loss", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "suspended"])
def test_D7_7_a_deferred_stop_is_applied_though_the_node_of_the_deploy_is_lost(house_of, loss):
    """Killed, it never returns; suspended, its lease ends while the STOP waits, and what it says later changes nothing."""
    house = furnish(house_of())
    issue, run = deploying(house)
    other = house.node + "b"
    _, url = house.start_node(other)
    assert house.value("select result from orch.stop_task('ORCH-001')") == "deferred"
    assert deferred(house, url) == 1
    house.daemon.send_signal(loss)
    ended = house.wait_stage(issue, "cancelled", 60)
    closed = run_of(house, run)
    assert closed["outcome"] == "lost" and closed["ended_at"] == ended["cancelled_at"], "applied in the transaction that closes the window"
    assert house.value("select verdict from orch.deploys") == "FAILED" and deferred(house, url) == 0
    wait_for(lambda: not house.processes(run), hint="for the hook to have ended with its node")
    # The other node cleans up; a worktree on the lost one waits for that, and a message that the lost one was about to send for two minutes.
    wait_for(lambda: not house.sql("select 1 from orch.outbox where task_id = %s and status = 'pending' and kind <> 'worktree_remove'",
                                   (ended["id"],)), 240, "for the clean-up")
    check_reset(house, house.task(issue), house.directory / other)
    rows = house.sql("select * from orch.jobs order by id"), house.sql("select * from orch.tasks")
    if loss == signal.SIGSTOP:
        house.daemon.send_signal(signal.SIGCONT)
        house.daemon.wait(60)
        house.daemon = None  # It was given up, and ended.
        assert "worker.given_up" in house.log()
    assert (house.sql("select * from orch.jobs order by id"), house.sql("select * from orch.tasks")) == rows
    assert len(messages(house, "was stopped by")) == 1
