"""Q and R: the queue by itself, and how agents run."""
import os
import pathlib
import re
import signal

import psycopg2
import pytest

from house import FAKE, PATIENCE, wait_for


def done(house, job, patience=PATIENCE):
    return wait_for(lambda: house.one("select * from orch.jobs where id = %s and finished_at is not null", (job,)), patience)


def enqueue(house, content="", **named):
    more = "".join(", %s => %%(%s)s" % (name, name) for name in named)
    return house.value("select orch.enqueue('chore', %(content)s" + more + ")", dict(named, content=content))


def hold_queue(house, jobs):
    """Hangs one job in the only slot, so that what comes next queues up."""
    house.mode("chore", "hang", *["ok"] * jobs)
    first = enqueue(house)
    return wait_for(lambda: house.one("select * from orch.agent_runs where job_id = %s and pid is not null", (first,)))


def test_Q1_a_job_without_a_task_runs_and_is_done(house):
    job = done(house, enqueue(house, "for March"))
    assert (job["status"], job["attempts"], job["error"]) == ("done", 1, None)
    run = house.one("select * from orch.agent_runs where job_id = %s", (job["id"],))
    assert run["outcome"] == "ok" and run["exit_status"] == 0


def test_Q2_priority_then_time_then_number(house_of):
    house = house_of(env={"ORCH_MAX_CONCURRENCY": "1"})
    low, later, high, low_too = enqueue(house), enqueue(house), enqueue(house, priority=9), enqueue(house)
    house.sql("update orch.jobs set run_at = now() - interval '1 minute' where id in (%s, %s, %s)", (low, high, low_too))
    house.start()
    done(house, later)
    order = [row["job_id"] for row in house.sql("select job_id from orch.agent_runs order by id")]
    assert order == [high, low, low_too, later]


def test_Q2_no_more_agents_than_slots(house_of):
    house = house_of(env={"ORCH_MAX_CONCURRENCY": "2"}).start()
    house.mode("chore", "hang")
    jobs = [enqueue(house) for _ in range(5)]
    wait_for(lambda: len(list(house.control.glob("up.*"))) == 2)
    assert house.value("select count(*) from orch.jobs where status = 'running'") == 2
    house.go()
    for job in jobs:
        assert done(house, job)["status"] == "done"


def test_Q2_two_nodes_never_run_a_job_twice(house):
    house.start_node(house.node + "b")
    house.mode("chore", "hang")  # Until both have their hands full: one alone might be done with all before the other has looked.
    jobs = [enqueue(house) for _ in range(30)]
    wait_for(lambda: house.value("select count(distinct node) from orch.agent_runs") == 2, hint="for both nodes to work")
    house.go()
    for job in jobs:
        assert done(house, job, 60)["status"] == "done"
    assert house.value("select count(*) from orch.agent_runs") == 30
    assert house.value("select count(distinct node) from orch.agent_runs") == 2


def test_Q3_an_enqueue_wakes_the_node_long_before_its_poll(house_of):
    house = house_of(env={"ORCH_POLL_SECONDS": "300s"}).start()
    assert done(house, enqueue(house))["status"] == "done"


def listeners(house):
    """Backends that heard NOTIFY for the node, in order. pg_stat_activity shows only what such a session asked last, and it asks for other things too."""
    return [int(pid) for pid in re.findall(r"db\.up +listener=1 pid=(\d+)", house.log())]


def test_Q3_a_dropped_listen_connection_comes_back(house_of):
    house = house_of(env={"ORCH_POLL_SECONDS": "300s"}).start()
    wait_for(lambda: listeners(house))
    assert house.value("select pg_terminate_backend(%s)", (listeners(house)[-1],))
    wait_for(lambda: len(listeners(house)) == 2)
    assert done(house, enqueue(house))["status"] == "done"


def test_Q3_a_poll_stands_behind_the_wake_up(house):
    house.sql("insert into orch.jobs (agent) values ('chore')")  # Nobody rings.
    wait_for(lambda: house.value("select count(*) from orch.jobs where status = 'done'") == 1)


def test_Q4_a_stale_run_changes_nothing(house):
    house.mode("chore", "hang")
    job = enqueue(house)
    run = wait_for(lambda: house.one("select * from orch.agent_runs where job_id = %s and pid is not null", (job,)))
    house.go()
    done(house, job)
    with pytest.raises(psycopg2.Error) as refused:
        house.sql("select * from orch.finish_run(%s, 'failed', '{}')", (run["id"],))
    assert refused.value.pgcode == "OR410"
    assert house.value("select status from orch.jobs where id = %s", (job,)) == "done"


def test_Q4_a_unique_key_keeps_one(house):
    house.mode("chore", "hang")
    first = enqueue(house, unique_key="march")
    assert enqueue(house, unique_key="march") == first
    house.go()
    done(house, first)
    assert enqueue(house, unique_key="march") != first


def test_R1_a_command_is_argv_not_a_shell_line(house):
    out = house.directory / "argv"
    script = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    house.write_agents(other='{command: [python3, -c, "%s", "%s", "$HOME; `id` *"]}' % (script, out))
    house.stop()
    house.start()
    job = house.value("select orch.enqueue('other')")
    assert done(house, job)["status"] == "done" and out.read_text() == "$HOME; `id` *"


def test_R1_a_time_out_stops_the_whole_tree(house):
    # It ignores SIGTERM from its first moment on: the time-out may come before the program has set itself up.
    house.write_agents(other='{command: [sh, -c, "trap \'\' TERM; exec %s"], timeout: 1s, env: {FAKE_CONTROL: %s}}' % (
        FAKE / "agents" / "stubborn", house.control))
    house.stop()
    house.start()
    job = house.value("select orch.enqueue('other', max_attempts => 1)")
    assert done(house, job)["status"] == "failed"
    run = house.one("select * from orch.agent_runs where job_id = %s", (job,))
    assert run["outcome"] == "timeout" and run["term_at"] and run["kill_at"] and not house.processes(run)


def test_R1_an_agent_that_cannot_run_says_so_by_name(house):
    house.write_agents(other="{command: [/no/such/program]}")
    house.stop()
    house.start()
    job = house.value("select orch.enqueue('other', max_attempts => 1)")
    assert "/no/such/program" in done(house, job)["error"]


def facts_of(pid):
    """What /proc says of a process; None when it has ended, as the short-lived children of a script do at any time."""
    try:
        fds = {fd: os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)}
        return {"pid": pid, "sid": os.getsid(pid), "pgid": os.getpgid(pid), "fds": fds} if "0" in fds else None
    except OSError:
        return None


def test_R2_the_environment_is_clean_and_the_agent_is_on_its_own(house):
    house.mode("analyst", "hang")
    issue = house.begin("Add a thing")
    run = house.wait_running(issue, "analyst")
    told = dict(line.split("=", 1) for line in (house.control / ("env.%s" % run["id"])).read_text().splitlines() if "=" in line)
    assert told["ORCH_WORK_ITEM"] == "ORCH-001" and told["ORCH_AGENT"] == "analyst" and told["ORCH_STAGE"] == "analysis"
    assert told["ORCH_BRANCH"] == "feature/ORCH-001-add-a-thing" and told["ORCH_REPO"] == "acme/shop" and told["ORCH_RUN"] == str(run["id"])
    for name, value in house.environment().items():
        if name.endswith(("SECRET", "TOKEN", "DATABASE_URL")):
            assert name not in told and value not in told.values(), name
    facts = [fact for fact in map(facts_of, house.processes(run)) if fact and fact["pid"] != run["pid"]]  # The run's pid is its warden's.
    assert facts
    for fact in facts:
        assert fact["sid"] != os.getsid(house.daemon.pid) and fact["pgid"] != os.getpgid(house.daemon.pid)
        assert fact["fds"]["0"] == "/dev/null" and not [target for target in fact["fds"].values() if target.startswith("socket:")]
    house.go()
    house.wait_analysed(issue)


def test_R2_an_agent_has_the_limits_of_its_entry(house_of):
    house = house_of()
    house.write_agents(chore="{command: [cat, /proc/self/limits], limits: {memory: 2G, open_files: 100, processes: 5000, cpu: 30}}",
                       greedy="{command: [sh, -c, 'while :; do :; done'], limits: {cpu: 1}}", plain="{command: [cat, /proc/self/limits]}")
    house.start()
    for agent in ("chore", "greedy", "plain"):
        house.sql("select orch.enqueue(%s, max_attempts => 1)", (agent,))
    wait_for(lambda: house.value("select count(*) from orch.agent_runs where ended_at is not null") == 3, hint="for three runs")
    runs = {run["agent"]: run for run in house.sql("select * from orch.agent_runs")}
    lines = {agent: pathlib.Path(runs[agent]["log_path"]).read_text().splitlines() for agent in ("chore", "plain")}
    told = {agent: {line[:26].strip(): line[26:].split()[:2] for line in lines[agent]} for agent in lines}
    assert told["chore"]["Max address space"] == [str(2 << 30)] * 2 and told["chore"]["Max open files"] == ["100"] * 2
    assert told["chore"]["Max processes"] == ["5000"] * 2 and told["chore"]["Max cpu time"] == ["30"] * 2
    assert told["chore"]["Max core file size"] == told["plain"]["Max core file size"] == ["0"] * 2
    assert told["plain"]["Max address space"] == ["unlimited"] * 2
    assert runs["greedy"]["outcome"] == "failed" and runs["greedy"]["signal"] in (signal.SIGKILL, signal.SIGXCPU)


def test_R4_a_run_tells_what_happened(house):
    house.begin()
    run = wait_for(lambda: house.one("select * from orch.agent_runs where ended_at is not null"))
    assert run["node"] == house.node and run["pid"] and run["exit_status"] == 0 and run["signal"] is None
    assert (run["tokens_in"], run["tokens_out"], run["tokens_cache"], float(run["cost_usd"])) == (1200, 70, 5600, 0.0285)
    assert run["claimed_at"] <= run["started_at"] <= run["ended_at"] and len(run["head_sha"]) == 40
    assert "analyst: run %s" % run["id"] in pathlib.Path(run["log_path"]).read_text()
    assert house.one("select * from orch.costs where work_item = 'ORCH-001'")["runs"] == 1


def test_R2_Q5_exit_75_waits_without_using_attempts(house):
    house.mode("chore", "transient", "transient", "transient", "ok")
    job = done(house, enqueue(house))
    assert (job["status"], job["attempts"], job["transients"]) == ("done", 1, 3)
    outcomes = [row["outcome"] for row in house.sql("select outcome from orch.agent_runs order by id")]
    assert outcomes == ["transient", "transient", "transient", "ok"]
