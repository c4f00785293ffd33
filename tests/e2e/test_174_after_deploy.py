"""M2, M4, M5: a deploy hook that outlives its orchd, the freshness of the image, and the watch over what was deployed."""
import contextlib
import http.server
import json
import os
import pathlib
import signal
import threading

import pytest

from house import FAKE, call, wait_for

HOOK = FAKE / "agents" / "deploy-hook"


def part(house, name, **more):
    words = ", ".join(["command: [%s, %s]" % (HOOK, name), "env: {FAKE_CONTROL: %s}" % house.control] + ["%s: %s" % pair for pair in more.items()])
    return "{%s}" % words


def deploys(house, **parts):
    return "{%s}" % ", ".join("%s: %s" % pair for pair in parts.items())


@pytest.fixture
def hooked(house_of):
    """house_of, with a deploy hook for acme/shop; more parts of its deploys by name."""
    def make(env=None, hook=None, **parts):
        house = house_of(env=env)
        made = {name: text(house) if callable(text) else text for name, text in parts.items()}
        house.write_agents(deploys=deploys(house, hook=part(house, "hook", **(hook or {})), **made), rollback=house_rollback(house))
        house.start()
        house.wait_states()
        return house
    return make


def house_rollback(house):
    return "{command: [%s], timeout: 60s, env: {FAKE_CONTROL: %s}}" % (FAKE / "agents" / "agent", house.control)


def confirm(house, issue):
    wait_for(lambda: house.one("select 1 from orch.deploys where phase = 'A' and checked_at is not null"))
    house.move(issue, "Confirm Deploy")


def hook_run(house):
    """The run of a hook that is up."""
    def up():
        run = house.one("select * from orch.agent_runs where stage = 'deploy' and ended_at is null order by id desc limit 1")
        return run if run and (house.control / ("up.%s" % run["id"])).exists() else None
    return wait_for(up, hint="for the hook to be up")


def hanging(house, mode="hang"):
    """Takes a task to a deploy hook that is up and waits; answers issue and run."""
    house.mode("hook", mode)
    issue = house.park()
    confirm(house, issue)
    return issue, hook_run(house)


def lasting(house, run):
    """The warden and the hook itself, without what the hook starts from moment to moment."""
    def is_hook(pid):
        with contextlib.suppress(OSError):
            return str(HOOK).encode() in pathlib.Path("/proc", str(pid), "cmdline").read_bytes()
    return sorted(pid for pid in house.processes(run) if is_hook(pid))


def hooks(house):
    path = house.control / "deploys"
    return path.read_text().splitlines() if path.exists() else []


def deploy(house):
    return house.one("select * from orch.deploys order by id desc limit 1")


def test_M2_the_hook_deploys_in_place_of_the_deployer_and_its_exit_status_is_the_gate(hooked):
    house = hooked()
    issue = house.park()
    head = house.task(issue)["head_sha"]
    confirm(house, issue)
    house.wait_stage(issue, "done")
    assert [line.split()[2:] for line in hooks(house)] == [[head, "ok"]]
    assert [stage for _, agent, _, stage, _ in house.calls() if agent == "deployer"] == ["deploy-staging"]
    moved = house.one("select evidence from orch.transitions where to_stage = 'done'")["evidence"]
    assert moved["gate"]["gate"] == "check_deploy_status" and moved["gate"]["evidence"] == {"hook": {"exit_status": 0}}
    assert deploy(house)["verdict"] == "SUCCESS"
    run = house.one("select * from orch.agent_runs where stage = 'deploy'")
    assert (run["outcome"], run["exit_status"]) == ("ok", 0) and "deployed" in open(run["log_path"]).read()


def test_M2_a_failed_hook_sends_the_task_back_with_its_log(hooked):
    house = hooked()
    house.mode("hook", "fail")
    issue = house.park()
    confirm(house, issue)
    job = wait_for(lambda: house.one("select content from orch.jobs where agent = 'developer' and content like '%%deploy hook%%'"))
    assert "the deploy hook failed: exit status 3" in job["content"] and "no space left on the device" in job["content"]
    row = deploy(house)
    assert row["verdict"] == "FAILED" and not house.books()["merges"] and house.one("select 1 from orch.merge_leases") is None


@pytest.mark.parametrize("signo", [signal.SIGKILL, signal.SIGTERM])
def test_M2_the_hook_survives_the_end_of_orchd_and_the_next_start_finishes_the_deploy(hooked, signo):
    house = hooked()
    issue, run = hanging(house)
    wait_for(lambda: house.value("select pid from orch.agent_runs where id = %s", (run["id"],)), hint="for its record")
    alive = lasting(house, run)
    house.daemon.send_signal(signo)
    house.daemon.wait(30)
    assert len(alive) == 2 and lasting(house, run) == alive, "nobody has touched it"
    house.start()
    assert house.value("select outcome from orch.agent_runs where id = %s", (run["id"],)) is None
    house.go()
    house.wait_stage(issue, "done")
    assert len(hooks(house)) == 1 and deploy(house)["verdict"] == "SUCCESS"


def test_M2_an_end_that_no_orchd_saw_is_read_from_what_the_hook_left(hooked):
    house = hooked()
    issue, run = hanging(house)
    house.kill9()
    house.go()
    wait_for(lambda: not house.processes(run), hint="for the hook to end")
    house.start()
    house.wait_stage(issue, "done")
    assert len(hooks(house)) == 1


def test_M2_a_hook_without_an_exit_status_has_failed_and_is_never_guessed(hooked):
    house = hooked()
    issue, run = hanging(house)
    pid = wait_for(lambda: house.value("select pid from orch.agent_runs where id = %s", (run["id"],)))
    house.kill9()
    os.kill(pid, signal.SIGKILL)  # the warden of this very run
    house.start()
    wait_for(lambda: deploy(house)["verdict"])
    assert deploy(house)["verdict"] == "FAILED" and "left no exit status" in deploy(house)["detail"]
    assert not house.processes(run) and not house.books()["merges"]
    assert house.value("select outcome from orch.agent_runs where id = %s", (run["id"],)) == "lost"
    house.wait_stage(issue, "review")


def test_M2_its_time_out_is_a_failure_also_while_orchd_is_away(hooked):
    house = hooked(hook={"timeout": "2s"})
    issue, run = hanging(house, "stubborn")
    house.kill9()
    wait_for(lambda: not house.processes(run), hint="for its warden to end it")
    house.start()
    wait_for(lambda: deploy(house)["verdict"])
    assert deploy(house)["verdict"] == "FAILED" and "its time-out has passed" in deploy(house)["detail"]
    assert house.value("select outcome from orch.agent_runs where id = %s", (run["id"],)) == "timeout"
    assert house.task(issue)["stage"] in ("development", "review")


def test_D7_1_a_STOP_does_not_touch_the_hook_and_is_applied_after_it_has_failed(hooked):
    house = hooked()
    issue, run = hanging(house)
    alive = lasting(house, run)
    assert house.one("select result from orch.stop_task(%s)", (str(house.task(issue)["id"]),))["result"] == "deferred"
    house.kill9()
    house.start()
    assert lasting(house, run) == alive and house.task(issue)["stage"] == "deploy"
    warden = house.value("select pid from orch.agent_runs where id = %s", (run["id"],))
    os.kill(next(pid for pid in alive if pid != warden), signal.SIGKILL)
    house.wait_stage(issue, "cancelled")
    assert not house.one("select 1 from orch.merge_leases") and not house.books()["merges"]


def test_D7_6_a_STOP_that_waited_for_a_hook_which_deployed_came_too_late(hooked):
    house = hooked()
    issue, _ = hanging(house)
    assert house.one("select result from orch.stop_task(%s)", (str(house.task(issue)["id"]),))["result"] == "deferred"
    house.go()
    house.wait_stage(issue, "done")
    assert house.api("/queue")[2]["stop"]["deferred_pending"] == 0
    wait_for(lambda: any("too late" in message["text"] for message in house.books()["messages"]))


# --- M5 -----------------------------------------------------------------------------------------------------------------------------------

def test_M5_an_image_of_another_revision_stops_the_deploy_with_both_named(hooked):
    house = hooked(image=lambda house: part(house, "image"))
    (house.control / "revision").write_text("0123456789abcdef0123456789abcdef01234567\n")
    issue = house.park()
    head = house.task(issue)["head_sha"]
    confirm(house, issue)
    row = wait_for(lambda: house.one("select detail from orch.deploys where verdict = 'FAILED'"))
    assert "image freshness" in row["detail"] and head in row["detail"] and "0123456789abcdef" in row["detail"]
    assert not hooks(house), "nothing was deployed"
    assert house.value("select initiated_at from orch.deploys") is None
    (house.control / "revision").unlink()
    confirm(house, issue)
    house.wait_stage(issue, "done")


def test_M5_an_abbreviated_revision_is_one_and_a_command_that_fails_stops_the_deploy(hooked):
    house = hooked(image=lambda house: "{command: [/bin/sh, -c, 'echo what is this; exit 4']}")
    issue = house.park()
    confirm(house, issue)
    row = wait_for(lambda: house.one("select detail from orch.deploys where verdict = 'FAILED'"))
    assert "the image command of acme/shop failed: exit status 4; its last words: what is this" in row["detail"]
    house.write_agents(deploys=deploys(house, hook=part(house, "hook"), image="{command: [/bin/sh, -c, 'git rev-parse --short=9 HEAD']}"))
    house.daemon.send_signal(signal.SIGHUP)
    confirm(house, issue)
    house.wait_stage(issue, "done")


# --- M4 -----------------------------------------------------------------------------------------------------------------------------------

QUICKLY = {"interval": "200ms", "window": "2s"}


def watch(house):
    return house.one("select * from orch.monitors order by id desc limit 1")


def test_M4_a_deploy_that_stays_well_is_healthy_and_the_board_says_so(hooked):
    house = hooked(monitor=lambda house: part(house, "health", **QUICKLY))
    issue = house.park()
    confirm(house, issue)
    house.wait_board(issue, "Monitoring after Deploy")
    wait_for(lambda: watch(house) and watch(house)["state"] == "HEALTHY", hint="for the end of the window")
    house.wait_board(issue, "Done")
    row = watch(house)
    assert row["checks"] >= 2 and row["failures"] == 0 and house.one("select 1 from orch.repo_freeze") is None
    head = house.task(issue)["head_sha"]
    assert set((house.control / "checks").read_text().splitlines()) == {"acme/shop %s %s" % (house.task(issue)["work_item"], head)}
    block = house.api("/queue")[2]["post_deploy"]
    assert block["enabled"] and block["repos"] == ["acme/shop"] and block["healthy_count"] == 1 and block["watching"] == []


def test_M4_degraded_freezes_alerts_and_rolls_back_and_unfreeze_lifts_it(hooked):
    house = hooked(monitor=lambda house: part(house, "health", failures=2, **QUICKLY), rollback=house_rollback)
    (house.control / "sick").touch()
    issue = house.park()
    confirm(house, issue)
    wait_for(lambda: watch(house) and watch(house)["state"] == "DEGRADED", hint="for the degradation")
    reason = house.value("select reason from orch.repo_freeze where repo = 'acme/shop'")
    assert "is degraded since its deploy: 2 checks in a row failed" in reason and "exit status 1" in reason
    wait_for(lambda: house.one("select 1 from orch.jobs where agent = 'rollback' and status = 'done'"), hint="for the rollback")
    told = wait_for(lambda: [message["text"] for message in house.books()["messages"] if "degraded" in message["text"]])
    assert len([text for text in told if "rolls it back" in text]) == 1
    house.wait_board(issue, "Blocked")
    second = house.begin(title="Another thing")
    held = wait_for(lambda: house.value("select held from orch.jobs where task_id = %s", (house.task(second)["id"],)))
    assert held.startswith("frozen since")
    status, _, body = house.api("/serial-gate/unfreeze", {"repo": "acme/shop"})
    assert (status, body) == (200, {"message": "acme/shop takes new tasks again"})
    assert house.api("/serial-gate/unfreeze", {"repo": "acme/shop"})[::2] == (200, {"message": "acme/shop was not frozen"})
    house.wait_analysed(second)


def test_M4_a_watch_by_URL_counts_what_is_no_2xx_and_goes_on_after_a_crash(hooked):
    class Health(http.server.BaseHTTPRequestHandler):
        status, asked = 200, 0

        def do_GET(self):
            Health.asked += 1
            self.send_response(Health.status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = "http://127.0.0.1:%d/healthz" % server.server_address[1]
        house = hooked(monitor="{url: '%s', interval: 200ms, window: 1h, failures: 3}" % url)
        issue = house.park()
        confirm(house, issue)
        house.wait_stage(issue, "done")
        wait_for(lambda: watch(house)["checks"] >= 2)
        house.kill9()
        house.start()
        before = Health.asked
        wait_for(lambda: Health.asked > before, hint="for the watch to go on")
        Health.status = 302
        wait_for(lambda: watch(house)["state"] == "DEGRADED")
        assert "answered with status 302" in watch(house)["last_error"] and watch(house)["failures"] == 3
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def test_M4_unfreeze_over_HTTP_says_what_it_wants(house):
    for body, status, words in [(None, 400, '"repo"'), ({}, 400, '"repo"'), ({"repo": 7}, 400, '"repo"'), ({"repo": " "}, 400, '"repo"'),
                                (b"{", 400, "JSON")]:
        answer = house.api("/serial-gate/unfreeze", body, "POST")
        assert answer[0] == status and words.lower() in json.dumps(answer[2]).lower().replace('\\"', '"'), answer
    assert house.api("/serial-gate/unfreeze", {"repo": "acme/shop"}, token="reader-token")[0] == 403
    assert call(house.url + "/serial-gate/unfreeze", {"repo": "acme/shop"})[0] == 401
    assert house.api("/serial-gate/unfreeze")[0] == 405


# --- the whole way, without a person ------------------------------------------------------------------------------------------------------

LABELS = ["auto-approve", "auto-deploy"]
WORKERS = ("analyst", "architect", "developer", "reviewer", "tester", "deployer")


def expect_healthy(house, issue):
    wait_for(lambda: watch(house) and watch(house)["state"] == "HEALTHY", hint="for the end of the window")
    house.wait_board(issue, "Done")
    assert house.one("select 1 from orch.repo_freeze") is None


def expect_degraded_and_unfreeze(house, issue):
    wait_for(lambda: watch(house) and watch(house)["state"] == "DEGRADED", hint="for the degradation")
    house.wait_board(issue, "Blocked")
    wait_for(lambda: house.one("select 1 from orch.jobs where agent = 'rollback' and status = 'done'"), hint="for the rollback")
    assert house.api("/serial-gate/unfreeze", {"repo": "acme/shop"})[0] == 200
    house.wait_analysed(house.begin(title="The next thing"))


@pytest.fixture
def unattended(hooked):
    """A house in which labels stand for people and what is deployed is watched."""
    return hooked(env={"ORCH_AUTO_LABELS_ENABLED": "on"}, monitor=lambda house: part(house, "health", failures=2, **QUICKLY),
                  image=lambda house: part(house, "image"), rollback=house_rollback)


@pytest.mark.parametrize("is_sick, expect", [(False, expect_healthy), (True, expect_degraded_and_unfreeze)], ids=["healthy", "degraded"])
def test_M4_P9_a_whole_run_unattended(unattended, is_sick, expect):
    house = unattended
    if is_sick:
        (house.control / "sick").touch()
    issue = house.begin(labels=LABELS)
    expect(house, issue)
    assert house.task(issue)["stage"] == "done" and len(house.books()["merges"]) == 1 and len(hooks(house)) == 1


@pytest.mark.parametrize("is_sick, expect", [(False, expect_healthy), (True, expect_degraded_and_unfreeze)], ids=["healthy", "degraded"])
def test_Q7_a_whole_run_over_a_SIGKILL_of_orchd_at_every_stage(unattended, is_sick, expect):
    house = unattended
    for who in (*WORKERS[:-1], "deploy-staging"):
        house.mode(who, "hang", "ok")
    house.mode("hook", "hang")
    if is_sick:
        (house.control / "sick").touch()
    issue = house.begin(labels=LABELS)
    for worker in WORKERS:
        house.wait_running(issue, worker)
        house.kill9()
        house.start()
    hook_run(house)
    house.kill9()
    house.start()
    house.go()
    wait_for(lambda: watch(house), hint="for the watch")
    house.kill9()
    house.start()
    expect(house, issue)
    assert house.task(issue)["stage"] == "done" and len(house.books()["merges"]) == 1 and len(hooks(house)) == 1
    lost = [row["agent"] for row in house.sql("select agent from orch.agent_runs where outcome = 'lost' order by id")]
    assert lost == list(WORKERS), "each was lost once, and the hook never"
    assert [row["to_stage"] for row in house.sql("select to_stage from orch.transitions where task_id = %s order by id", (house.task(issue)["id"],))] == [
        "created", "analysis", "architecture", "development", "review", "testing", "deploy-staging", "deploy", "done"]
