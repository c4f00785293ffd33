"""Q5: transient and permanent failures, the breaker of an agent on a node, preflights, and what nodes offer."""
import re
import signal

import psycopg2
import pytest

from house import FAKE, wait_for

# Ends with the status and the words on the first line of control/<agent>, or of control/<agent>.<node>; of several lines each run takes one.
# "hang" in place of a status: waits for the file "go" first, and then works.
SCRIPT = """#!/bin/sh
set -eu
mine=$FAKE_CONTROL/$ORCH_AGENT.${ORCH_RUN_MARK%%/*}
[ -e "$mine" ] || mine=$FAKE_CONTROL/$ORCH_AGENT
read -r status words <"$mine"
[ "$(wc -l <"$mine")" -lt 2 ] || sed -i 1d "$mine"
echo "$ORCH_RUN" >>"$FAKE_CONTROL/started"
echo "${words:-nothing to say}"
if [ "$status" = hang ]; then
    while [ ! -e "$FAKE_CONTROL/go" ]; do sleep 0.05; done
    status=0
fi
exit "$status"
"""
PAUSE = {"ORCH_BREAKER_PAUSE": "1500ms", "ORCH_RETRY_BASE": "10ms"}


@pytest.fixture
def lab(house_of):
    """Makes a house whose agent "flaky" does as it is told; more: its other entries in the agents file."""
    def build(more="", env=None, **others):
        house = house_of(env=env)
        house.script = house.directory / "flaky"
        house.script.write_text(SCRIPT)
        house.script.chmod(0o755)
        write(house, more, **others)
        return house
    return build


def write(house, more="", **others):
    house.write_agents(flaky="{command: [%s], env: {FAKE_CONTROL: %s}%s}" % (house.script, house.control, more), **others)


def enqueue(house, agent="flaky", **named):
    return house.value("select orch.enqueue(%(agent)s" + "".join(", %s => %%(%s)s" % (name, name) for name in named) + ")",
                       dict(named, agent=agent))


def done(house, job, patience=30):
    return wait_for(lambda: house.one("select * from orch.jobs where id = %s and finished_at is not null", (job,)), patience)


def runs(house, job=None):
    return house.sql("select * from orch.agent_runs where agent = 'flaky' and (job_id = %s or %s::int is null) order by id", (job, job))


def started(house):
    path = house.control / "started"
    return len(path.read_text().split()) if path.exists() else 0


def left_out(house, node=None):
    return {agent: told for row in house.sql("select left_out from orch.nodes where node = %s", (node or house.node,))
            for agent, told in row["left_out"].items()}


def wait_moved(house, state, times):
    """Waits until the breaker came into a state for the nth time: some are over sooner than the table of the nodes can be asked."""
    wait_for(lambda: len(re.findall(r"worker\.breaker .* to=%s\b" % state, house.log())) >= times,
             hint="for a breaker that is %s, %d times" % (state, times))


def wait_breaker(house, state, node=None):
    return wait_for(lambda: left_out(house, node).get("flaky", {"breaker": "closed"})["breaker"] == state,
                    hint="for a breaker that is %s" % state)


def alerts(house):
    return [message["text"] for message in house.books()["messages"]]


def test_Q5_exit_75_and_a_429_in_the_log_use_no_attempt(lab):
    house = lab().start()
    house.mode("flaky", "75 come back", "1 HTTP 429 Too Many Requests", "0 done")
    job = done(house, enqueue(house, max_attempts=1))
    assert (job["status"], job["attempts"], job["transients"]) == ("done", 1, 2)
    told = [(run["outcome"], run["exit_status"]) for run in runs(house)]
    assert told == [("transient", 75), ("transient", 1), ("ok", 0)]
    assert "HTTP 429 Too Many Requests" in runs(house)[1]["message"]


def test_Q5_a_failure_without_a_sign_is_permanent(lab):
    house = lab().start()
    house.mode("flaky", "1 a test failed")
    job = done(house, enqueue(house, max_attempts=2))
    assert (job["status"], job["attempts"], job["transients"], job["error"]) == ("failed", 2, 0, "exit status 1")


def test_Q5_what_a_good_run_writes_is_no_sign(lab):
    house = lab().start()
    house.mode("flaky", "0 HTTP 429 is what I wrote about")
    assert [run["outcome"] for run in runs(house, done(house, enqueue(house))["id"])] == ["ok"]


def test_Q5_an_agent_has_patterns_of_its_own(lab):
    house = lab(", transient: ['licen[cs]e server']").start()
    house.mode("flaky", "1 no Licence Server today", "0")
    job = done(house, enqueue(house, max_attempts=1))
    assert (job["status"], job["transients"]) == ("done", 1)


def test_Q5_it_waits_as_long_as_the_service_asks(lab):
    house = lab().start()
    house.mode("flaky", "1 HTTP 429, retry-after: 600")
    job = enqueue(house)
    wait_for(lambda: house.value("select run_at > now() + interval '500 s' from orch.jobs where id = %s and status = 'queued'", (job,)))


def test_Q5_above_max_transient_failures_use_attempts_and_an_alert_tells(lab):
    house = lab(env={"ORCH_MAX_TRANSIENT": "2", "ORCH_RETRY_BASE": "10ms", "ORCH_BREAKER_FAILURES": "0"}).start()
    house.mode("flaky", "75")
    job = done(house, enqueue(house, max_attempts=2))
    assert (job["status"], job["attempts"], job["transients"]) == ("failed", 2, 2)
    assert [run["outcome"] for run in runs(house)] == ["transient"] * 4
    text = "job %s of flaky failed, attempts: 2; last: exit 75" % job["id"]
    wait_for(lambda: any(text in told for told in alerts(house)), hint="for the alert")


def test_Q5_an_open_breaker_spares_the_agent_and_no_other(lab):
    house = lab(env=dict(PAUSE, ORCH_BREAKER_PAUSE="300s")).start()
    house.mode("flaky", "75 no capacity")
    job = enqueue(house)
    wait_breaker(house, "open")
    assert started(house) == 3
    assert done(house, enqueue(house, "chore"))["status"] == "done"
    waiting = house.one("select * from orch.queue where id = %s", (job,))
    wait_for(lambda: house.value("select run_at <= now() from orch.jobs where id = %s", (job,)))
    waiting = house.one("select * from orch.queue where id = %s", (job,))
    assert 'node %s leaves out agent "flaky" until ' % house.node in waiting["why"] and "exit 75" in waiting["why"]
    assert started(house) == 3 and house.value("select status from orch.jobs where id = %s", (job,)) == "queued"
    block = house.api("/queue")[2]["resilience"]
    assert [(entry["node"], entry["agent"], entry["breaker"]) for entry in block] == [(house.node, "flaky", "open")]
    assert house.api("/health")[2]["resilience"]["left_out"]["flaky"]["breaker"] == "open" and house.api("/health")[0] == 200
    told = house.api("/metrics", token=None)[2]
    assert "\norchd_breakers_open 1\n" in told and "\norchd_breaker_openings_total 1\n" in told
    assert "\norchd_transient_failures_total 3\n" in told
    assert "worker.breaker" in house.log() and "from=closed to=open" in house.log()
    wait_for(lambda: any("takes no jobs of agent flaky" in text for text in alerts(house)))


def test_Q5_half_open_one_probe_goes_first(lab):
    house = lab(env=PAUSE).start()
    house.mode("flaky", "75", "75", "75", "75", "hang", "0")
    first = enqueue(house)
    wait_breaker(house, "open")
    jobs = [first] + [enqueue(house) for _ in range(8)]
    wait_moved(house, "probing", 1)
    wait_moved(house, "open", 2)  # The first probe failed: the pause is twice as long now.
    assert started(house) == 4
    wait_moved(house, "probing", 2)
    wait_breaker(house, "probing")
    wait_for(lambda: started(house) == 5)
    assert house.value("select count(*) from orch.jobs where agent = 'flaky' and status = 'queued'") >= 5
    assert done(house, enqueue(house, "chore"))["status"] == "done"
    assert started(house) == 5 and left_out(house)["flaky"]["breaker"] == "probing"
    house.go()
    for job in jobs:
        assert done(house, job)["status"] == "done"
    wait_for(lambda: not left_out(house), hint="for the node to offer it again")
    assert house.api("/queue")[2]["resilience"] == []
    openings = wait_for(lambda: [text for text in alerts(house) if "takes no jobs of agent flaky" in text], hint="for the alert")
    assert len(openings) == 1  # One for each opening, not for each probe that fails.
    assert house.value("select max(attempts) from orch.jobs") == 1


def test_Q5_another_node_takes_the_jobs_meanwhile(lab):
    house = lab(env=dict(PAUSE, ORCH_BREAKER_PAUSE="300s")).start()
    house.mode("flaky.%s" % house.node, "75")
    house.mode("flaky", "0")
    first = enqueue(house)
    wait_breaker(house, "open")
    other = house.node + "b"
    house.start_node(other)
    assert done(house, first)["node"] == other
    jobs = [done(house, enqueue(house)) for _ in range(5)]
    assert {job["node"] for job in jobs} == {other}


def test_Q5_a_failing_preflight_keeps_jobs_away_until_it_heals(lab):
    house = lab(env={"ORCH_PREFLIGHT_CACHE": "200ms"})
    write(house, ", preflight: [sh, -c, 'env >%s/env.$$; mv %s/env.$$ %s/preflight; echo checking; test -e %s/key || { echo the key is missing; exit 3; }']" % (
        (house.control,) * 4))
    house.mode("flaky", "0")
    house.start()
    wait_for(lambda: left_out(house).get("flaky", {}).get("preflight") == "fails")
    job = enqueue(house)
    assert done(house, enqueue(house, "chore"))["status"] == "done"
    assert left_out(house)["flaky"]["why"] == "exit status 3: the key is missing"
    assert house.value("select status from orch.jobs where id = %s", (job,)) == "queued" and not started(house)
    assert "\norchd_preflights_failing 1\n" in house.api("/metrics", token=None)[2]
    wait_for(lambda: any("the key is missing" in text for text in alerts(house)))
    given = dict(line.split("=", 1) for line in (house.control / "preflight").read_text().splitlines() if "=" in line)
    assert given["ORCH_AGENT"] == "flaky" and given["FAKE_CONTROL"] == str(house.control)
    assert not [name for name in given if name.endswith(("SECRET", "TOKEN", "DATABASE_URL"))]
    (house.control / "key").touch()
    assert done(house, job)["status"] == "done"
    wait_for(lambda: not left_out(house))
    assert len([text for text in alerts(house) if "the key is missing" in text]) == 1


@pytest.mark.parametrize("command, limit, why", [("[sleep, '60']", "300ms", "it took longer than 300 ms"),
                                                 ("[/no/such/check]", "60s", "/no/such/check"),
                                                 ("[sh, -c, 'kill -9 $$']", "60s", "ended by signal 9")])
def test_Q5_a_preflight_that_hangs_or_cannot_run_fails(lab, command, limit, why):
    house = lab(", preflight: " + command, env={"ORCH_PREFLIGHT_TIMEOUT": limit}).start()
    told = wait_for(lambda: left_out(house).get("flaky"))
    assert why in told["why"] and told["preflight"] == "fails"
    assert done(house, enqueue(house, "chore"))["status"] == "done"


def test_Q5_an_agent_that_nobody_offers_is_refused_by_name(lab):
    house = lab().start()
    wait_for(lambda: house.value("select agents from orch.nodes"))
    with pytest.raises(psycopg2.Error) as refused:
        enqueue(house, "flakey")
    assert refused.value.pgcode == "OR422"
    assert 'agent "flakey" is not offered by any node: accepted are analyst, architect, chore, deployer, developer, flaky' in str(refused.value)
    house.sql("select orch.set_setting('unknown_agents_enabled', 'on')")
    job = enqueue(house, "flakey")
    assert house.value("select why from orch.queue where id = %s", (job,)) == 'no node runs agent "flakey"'
    write(house, flakey="{command: [%s], env: {FAKE_CONTROL: %s}}" % (FAKE / "agents" / "agent", house.control))
    house.daemon.send_signal(signal.SIGHUP)  # The file has the agent now, and the job that waited for it runs.
    assert done(house, job)["status"] == "done"


def test_Q5_a_node_takes_only_what_it_can_run(lab):
    house = lab().start()
    house.mode("flaky", "0")
    write(house, special="{command: [%s], env: {FAKE_CONTROL: %s}}" % (FAKE / "agents" / "agent", house.control))
    other = house.node + "b"
    house.start_node(other)
    wait_for(lambda: house.value("select 'special' = any (agents) from orch.nodes where node = %s", (other,)))
    jobs = [done(house, enqueue(house, "special")) for _ in range(6)]
    assert {(job["status"], job["node"]) for job in jobs} == {("done", other)}
