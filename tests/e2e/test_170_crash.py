"""What is true after the loss of a part: orchd killed at a bad moment, Postgres away, an orderly end."""
import subprocess

import psycopg2
import pytest

from house import ROOT, call, wait_for


def outcomes(house):
    return [(row["agent"], row["outcome"]) for row in house.sql("select agent, outcome from orch.agent_runs order by id")]


@pytest.mark.parametrize("mode", ["hang", "stubborn", "sessions"])
def test_Q7_kill_9_of_orchd_while_an_agent_runs_then_start(house, mode):
    house.mode("analyst", mode, "ok")
    issue = house.begin()
    run = house.wait_running(issue, "analyst")
    house.kill9()
    house.start()
    wait_for(lambda: not house.processes(run), hint="for the left-over processes to be gone")
    house.wait_open(issue, "done")
    assert outcomes(house)[:2] == [("analyst", "lost"), ("analyst", "ok")]
    assert len([1 for agent, _ in outcomes(house) if agent == "analyst"]) == 2, "the job runs again once"
    assert house.value("select attempts from orch.jobs where agent = 'analyst'") == 2


def test_Q7_kill_9_in_the_middle_of_a_stop(house):
    house.mode("analyst", "stubborn")
    issue = house.begin()
    run = house.wait_running(issue, "analyst")
    house.value("select result from orch.stop_task('ORCH-001')")
    house.kill9()
    house.start()
    house.wait_clean(issue)
    assert not house.processes(run) and not house.branch(issue) and not house.worktrees(issue)
    assert [row["status"] for row in house.sql("select status from orch.jobs")] == ["cancelled"]
    assert outcomes(house) == [("analyst", "lost")] or outcomes(house) == [("analyst", "stopped")]


def test_Q7_an_orderly_end_requeues_without_an_attempt(house):
    house.mode("analyst", "hang", "ok")
    issue = house.begin()
    run = house.wait_running(issue, "analyst")
    assert house.stop() == 0
    assert not house.processes(run)
    job = house.one("select * from orch.jobs")
    assert (job["status"], job["attempts"]) == ("queued", 0)
    house.start()
    house.wait_analysed(issue)
    assert outcomes(house) == [("analyst", "released"), ("analyst", "ok")]


def test_Q7_an_order_to_end_that_comes_while_lost_claims_are_asked_for(house_of):
    """The node waits for the answer, and then leaves by itself: nobody has to run out of patience."""
    house = house_of(env={"ORCH_DRAIN_SECONDS": "60s"})
    gate = psycopg2.connect(house.database_url)
    with gate.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(4711)")
    house.sql("""create or replace function orch.disown_runs(node text, incarnation uuid, held bigint[]) returns int language plpgsql as
                 $$ begin perform pg_advisory_xact_lock(4711); return 0; end $$""")
    house.start()
    wait_for(lambda: house.value("select count(*) from pg_locks where locktype = 'advisory' and objid = 4711 and not granted") == 1)
    house.daemon.terminate()
    wait_for(lambda: "main.stopping" in house.log())
    gate.close()
    assert house.daemon.wait(timeout=60) == 0
    assert "main.drained" in house.log() and "main.drain_overdue" not in house.log()


def test_Q6_a_node_that_is_gone_has_its_jobs_taken_over(house_of):
    house = house_of(env={"ORCH_LEASE": "5s"}).start()
    house.wait_states()
    house.mode("analyst", "hang", "ok")
    issue = house.begin()
    house.wait_running(issue, "analyst")
    house.start_node(house.node + "b")
    house.kill9()
    wait_for(lambda: house.value("select brd_review_started_at from orch.tasks"), hint="for another node to do the work")
    assert [row["node"] for row in house.sql("select node from orch.agent_runs order by id")] == [house.node, house.node + "b"]
    assert house.task(issue)["stage"] == "analysis"


def test_Q6_Postgres_restarted_loses_nothing(house, cluster):
    house.mode("analyst", "hang")
    issue = house.begin()
    house.wait_running(issue, "analyst")
    subprocess.run([str(ROOT / "tools" / "devdb"), "restart", cluster.directory], check=True, capture_output=True)
    house.connection.close()
    house.reconnect()
    house.go()
    wait_for(lambda: call(house.url + "/health")[0] == 200)
    house.wait_open(issue, "done")


@pytest.mark.parametrize("changes, said", [
    ({"ORCH_LISTEN": "nonsense"}, "ORCH_LISTEN"), ({"ORCH_MAX_CONCURRENCY": "many"}, "ORCH_MAX_CONCURRENCY"),
    ({"ORCH_AGENTS_FILE": "/no/such/file.yaml"}, "/no/such/file.yaml"), ({"ORCH_LOG_LEVEL": "loud"}, "ORCH_LOG_LEVEL"),
])
def test_C2_a_wrong_setting_names_itself_and_stops_the_start(house_of, changes, said):
    house = house_of()
    for command in ("check-config", "serve"):
        done = house.run(command, **changes)
        assert done.returncode != 0 and said in done.stderr + done.stdout


def test_C1_version_and_check_config(house_of):
    house = house_of()
    assert house.run("version").stdout.startswith("orchd ")
    done = house.run("check-config")
    assert done.returncode == 0, done.stderr
    assert house.run("dance").returncode != 0
    for secret in ("plane-secret", "operator-token", "plane_api_0011"):
        assert secret not in done.stdout + done.stderr


def test_C2_an_unreachable_Postgres_says_so_by_name(house_of):
    house = house_of()
    done = house.run("migrate", ORCH_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none?connect_timeout=2")
    assert done.returncode != 0 and "127.0.0.1" in done.stderr + done.stdout


def test_S5_a_stopped_task_stays_stopped_over_a_restart(house):
    house.mode("analyst", "hang")
    issue = house.begin()
    run = house.wait_running(issue, "analyst")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    house.kill9()
    house.start()
    house.wait_clean(issue)
    house.sql("select orch.reap()")
    assert house.task(issue)["stage"] == "cancelled" and not house.processes(run)
    assert {row["status"] for row in house.sql("select status from orch.jobs")} == {"cancelled"}
    assert house.value("select count(*) from orch.agent_runs") == 1


def test_Q6_a_claim_that_was_prepared_for_too_long_is_given_back_and_not_started(house_of):
    """So that nobody starts what the reaper is about to give to others. Whatever takes a moment is too long here."""
    house = house_of(env={"ORCH_START_WITHIN": "1ms", "ORCH_REAPER_ENABLED": "off"})
    house.start()
    house.wait_states()
    house.begin()
    wait_for(lambda: house.value("select count(*) from orch.agent_runs where outcome = 'released' and message like '%%ORCH_START_WITHIN%%'") > 1)
    assert not house.calls() and house.value("select max(attempts) from orch.jobs") <= 1
    house.stop()
    house.start(ORCH_START_WITHIN="30m")
    wait_for(house.calls, hint="for the agent to be started")
