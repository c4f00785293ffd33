"""P and G: a task's way through its stages, and the gates on it."""
import os

import pytest

from house import call, wait_for


def way(house, issue):
    rows = house.sql("select to_stage from orch.transitions where task_id = %s order by id", (house.task(issue)["id"],))
    return [row["to_stage"] for row in rows]


def jobs(house, issue):
    rows = house.sql("select agent, status from orch.jobs where task_id = %s order by id", (house.task(issue)["id"],))
    return [(row["agent"], row["status"]) for row in rows]


def test_P1_P2_P10_a_task_goes_through_every_stage_to_done(house):
    issue = house.begin("Add a thing → fast", description="With care & love")
    task = house.wait_open(issue, "done")
    assert way(house, issue) == ["created", "analysis", "architecture", "development", "review", "testing", "deploy-staging", "deploy",
                                 "done"]
    assert jobs(house, issue) == [(agent, "done") for agent in
                                  ("analyst", "architect", "developer", "reviewer", "tester", "deployer", "deployer")]
    causes = house.sql("select cause, actor, evidence from orch.transitions where task_id = %s order by id", (task["id"],))
    assert [row["cause"] for row in causes][2:] == ["check_analysis_approved", "check_architecture_done", "check_ci_green",
                                                    "check_review_approved", "check_tests_passed", "check_staging_status",
                                                    "check_deploy_status"]
    assert all(row["cause"] and row["actor"] for row in causes)
    assert all(row["evidence"] for row in causes[2:]), "a gate's decision and its evidence stand with the transition (G4)"
    merge, = house.books()["merges"]
    assert merge["head"] == task["head_sha"] and house.git("rev-parse", "main") == merge["merge"]
    assert "docs/work-items/ORCH-001/14-deploy-log.md" in house.git("ls-tree", "-r", "--name-only", "main")


def test_P4_the_branch_begins_at_the_fresh_default_branch_with_the_request_on_it(house):
    fresh = house.order("commit", repo="acme/shop", branch="main", path="news.txt", content="news\n")["sha"]
    issue = house.begin("Add a thing: now!", description="Retry up to 3 times & log each try.")
    house.wait_stage(issue, "analysis")
    task = house.task(issue)
    assert (task["work_item"], task["branch"]) == ("ORCH-001", "feature/ORCH-001-add-a-thing-now")
    assert house.git("merge-base", "main", task["branch"]) == fresh == task["base_sha"]
    request = house.git("show", task["branch"] + ":docs/work-items/ORCH-001/00-business-request.md")
    assert "Add a thing: now!" in request and "Retry up to 3 times & log each try." in request


@pytest.mark.parametrize("title, said", [("   ", "title is empty"), ("x" * 201, "201 characters")])
def test_P4_QG0_a_bad_title_starts_nothing_and_the_board_is_told(house, title, said):
    issue = house.create(title)
    house.move(issue, "To Analyse")
    wait_for(lambda: any(said in comment["comment_html"] for comment in house.books()["comments"]))
    assert not house.task(issue)


def test_P4_a_failing_forge_leaves_the_task_in_created_retried_and_visible(house):
    os.rename(house.repo_path(), house.repo_path() + ".away")
    try:
        issue = house.begin()
        row = wait_for(lambda: house.one("select * from orch.outbox where kind = 'task_start' and attempts >= 2 and token is null"))
        assert house.task(issue)["stage"] == "created" and row["status"] == "pending"
        assert row["last_error"] in house.value("select why from orch.why where work_item = 'ORCH-001'")
    finally:
        os.rename(house.repo_path() + ".away", house.repo_path())
    house.wait_stage(issue, "analysis")


def test_P6_needs_input_and_blocked_wait_for_a_person(house):
    house.mode("analyst", "needs_input", "blocked", "ok")
    issue = house.begin()
    house.wait_board(issue, "Needs Input")
    wait_for(lambda: any("two remotes" in comment["comment_html"] for comment in house.books()["comments"]))
    assert not house.active(house.task(issue)["id"])
    house.move(issue, "To Analyse")
    house.wait_board(issue, "Blocked")
    assert "licence" in house.value("select why from orch.why where work_item = 'ORCH-001'")
    house.move(issue, "To Analyse")
    house.wait_analysed(issue)
    assert [mode for *_, mode in house.calls()] == ["needs_input", "blocked", "ok"]


def test_P6_a_failing_agent_is_tried_again_and_then_blocks_its_task(house):
    house.mode("analyst", "fail")
    issue = house.begin()
    house.wait_board(issue, "Blocked")
    assert [row["outcome"] for row in house.sql("select outcome from orch.agent_runs order by id")] == ["failed", "failed"]
    job = house.one("select * from orch.jobs")
    assert (job["status"], job["attempts"]) == ("failed", 2) and job["error"]


def test_P7_approved_opens_the_gate_and_closes_the_clock(house):
    house.mode("reviewer", "blocked")
    issue = house.begin()
    house.wait_analysed(issue)
    assert house.task(issue)["brd_review_ended_at"] is None
    house.move(issue, "Approved")
    house.wait_stage(issue, "review")
    task = house.task(issue)
    assert task["brd_review_started_at"] < task["brd_review_ended_at"]
    row = house.one("select * from orch.transitions where to_stage = 'architecture'")
    assert row["actor"].startswith("board:") and row["event_id"]


def test_P7_rejected_sends_back_with_the_persons_comment(house):
    issue = house.begin()
    house.wait_analysed(issue)
    house.order("comment", issue=issue, text="Cover SSH too & <scp>")
    house.order("settle")
    house.move(issue, "Rejected")
    wait_for(lambda: len(house.sql("select 1 from orch.jobs where agent = 'analyst'")) == 2)
    assert "Cover SSH too & <scp>" in house.value("select content from orch.jobs order by id desc limit 1")
    house.wait_analysed(issue)
    assert house.task(issue)["stage"] == "analysis" and not house.sql("select 1 from orch.tasks where stage = 'cancelled'")


def test_P7_rejected_in_review_goes_back_to_development(house):
    house.mode("reviewer", "hang")
    issue = house.begin()
    house.wait_open(issue, "review")
    run = house.wait_running(issue, "reviewer")
    house.mode("reviewer", "ok")
    house.mode("tester", "blocked")
    house.move(issue, "Rejected")
    wait_for(lambda: not house.processes(run))
    house.wait_stage(issue, "testing")
    assert way(house, issue)[-4:] == ["review", "development", "review", "testing"]


def test_P7_psql_has_the_same_gestures(house):
    issue = house.begin()
    house.wait_analysed(issue)
    assert "goes back" in house.value("select orch.reject('ORCH-001', 'not yet')")
    house.wait_analysed(issue)
    assert "goes on" in house.value("select orch.approve('orch-001')")
    house.wait_board(issue, "Awaiting Deploy")
    assert "deploys" in house.value("select orch.confirm_deploy('ORCH-001')")
    house.wait_stage(issue, "done")


def test_G1_a_change_request_sends_the_task_back_to_development(house):
    house.mode("reviewer", "verdict:CHANGES_REQUESTED", "ok")
    house.mode("tester", "blocked")  # Stays in the stage that is waited for.
    issue = house.begin()
    house.wait_open(issue, "testing")
    assert way(house, issue)[3:] == ["development", "review", "development", "review", "testing"]
    back = house.one("select * from orch.transitions where from_stage = 'review' and to_stage = 'development'")
    assert back["cause"] == "gate_rejected" and "CHANGES_REQUESTED" in str(back["evidence"])


def test_G1_a_failed_test_report_sends_the_task_back(house):
    house.mode("tester", "verdict:FAIL", "ok")
    house.mode("deploy-staging", "blocked")
    issue = house.begin()
    house.wait_open(issue, "deploy-staging")
    assert way(house, issue)[4:9] == ["review", "testing", "development", "review", "testing"]


@pytest.mark.parametrize("mode, said", [("no-evidence", "12-review.md is missing"), ("verdict:LGTM", "LGTM")])
def test_G2_a_missing_or_unknown_verdict_is_not_passed_and_says_so(house, mode, said):
    house.mode("reviewer", mode)
    issue = house.begin()
    house.wait_open(issue, "review")
    house.wait_board(issue, "Blocked")
    assert house.task(issue)["stage"] == "review"
    assert said in house.value("select why from orch.why where work_item = 'ORCH-001'")


PAPERS = {
    "empty": (b"", "no front matter"), "huge": (b"---\nverdict: APPROVED\n" + b"x: y\n" * 500_000 + b"---\n", "longer than 64 KiB"),
    "binary": (b"\x7fELF\0\xff\xfe---\nverdict: APPROVED\n---\n", "12-review.md cannot be read"),
    "anchors": (b"---\nok: &ok APPROVED\nverdict: *ok\n---\n", "anchors are not accepted"),
    "twice": (b"---\nverdict: CHANGES_REQUESTED\nverdict: APPROVED\n---\n", 'key "verdict" is there twice'),
    "broken": (b"---\nverdict: [APPROVED\n---\n", "12-review.md cannot be read"),
    "nested": (b"---\nverdict: {APPROVED: APPROVED}\n---\n", "has no verdict"),
    "list": (b"---\n- verdict: APPROVED\n---\n", "no mapping")}


def test_G2_a_hostile_verdict_is_not_passed_and_says_why(house_of):
    house = house_of(env={"ORCH_SERIAL_GATE_ENABLED": "off"}).start()
    house.wait_states()
    issues = {}
    for number, (name, (content, _)) in enumerate(PAPERS.items(), 1):
        (house.control / name).write_bytes(content)
        house.mode("ORCH-%03d.reviewer" % number, "paper:" + name)
        issues[name] = house.begin(name)
    for issue in issues.values():
        house.wait_open(issue, "review")
    for name, issue in issues.items():
        house.wait_board(issue, "Blocked")
        task = house.task(issue)
        told = house.value("select why from orch.why where work_item = %s", (task["work_item"],))
        assert task["stage"] == "review" and PAPERS[name][1] in told, (name, told)


def test_G2_the_verdict_of_an_earlier_round_is_none(house):
    house.mode("tester", "verdict:FAIL", "ok")
    house.mode("reviewer", "ok", "no-evidence", "ok")
    house.mode("deploy-staging", "blocked")
    issue = house.begin()
    house.wait_open(issue, "deploy-staging")
    assert way(house, issue)[4:9] == ["review", "testing", "development", "review", "testing"]
    runs = house.sql("select message, attempt from orch.agent_runs where agent = 'reviewer' order by id")
    assert [run["attempt"] for run in runs] == [1, 1, 2]
    told = house.value("select content from orch.jobs where agent = 'reviewer' order by id desc limit 1")
    assert "12-review.md is from before this round" in told, "the attempt after it is told why"


def test_G1_evidence_is_read_from_the_branch_not_from_the_working_tree(house):
    script = "printf '%s\\n' --- 'verdict: APPROVED' --- > $ORCH_DOCS_DIR/12-review.md"
    house.write_agents(reviewer='{command: [sh, -c, "%s"]}' % script.replace("\\", "\\\\"))
    house.stop()
    house.start()
    issue = house.begin()
    house.wait_open(issue, "review")
    house.wait_board(issue, "Blocked")
    assert house.task(issue)["stage"] == "review"


def test_G1_a_branch_without_a_decision_record_stays_in_architecture(house):
    house.mode("architect", "no-evidence")
    issue = house.begin()
    house.wait_analysed(issue)
    house.move(issue, "Approved")
    house.wait_board(issue, "Blocked")
    assert house.task(issue)["stage"] == "architecture" and "06-adr" in house.value("select why from orch.why")


def test_G2_pending_ci_is_not_green_and_red_ci_goes_back(house):
    house.order("set", ci="pending")
    house.mode("reviewer", "blocked")
    issue = house.begin()
    house.wait_open(issue, "development")
    wait_for(lambda: house.books()["statuses"] and not house.active(house.task(issue)["id"]))
    house.order("settle")
    assert house.task(issue)["stage"] == "development"
    assert "waits for CI" in house.value("select why from orch.why")
    head = house.task(issue)["head_sha"]
    house.order("set", ci="success")
    house.order("status", repo="acme/shop", sha=head, state="failure")
    wait_for(lambda: [agent for _, agent, *_ in house.calls()].count("developer") == 2)
    house.wait_stage(issue, "review")


def test_P1_a_deploy_that_fails_goes_back_to_development(house):
    house.mode("deploy", "verdict:FAILED", "ok")
    issue = house.park()
    house.move(issue, "Confirm Deploy")
    wait_for(lambda: way(house, issue).count("development") == 2)
    assert not house.books()["merges"]
    wait_for(lambda: way(house, issue).count("deploy") == 2)
    house.wait_board(issue, "Awaiting Deploy")
    house.move(issue, "Confirm Deploy")
    house.wait_stage(issue, "done")


def test_P10_health_and_status_are_there_for_people(house):
    issue = house.begin()
    house.wait_analysed(issue)
    assert call(house.url + "/health")[0] == 200
    status, _, body = house.api("/status", token="reader-token")
    assert status == 200 and "ORCH-001" in str(body)
    assert house.api("/status", token=None)[0] == 401
