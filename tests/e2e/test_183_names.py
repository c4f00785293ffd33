"""Q6: two hosts that were given one ORCH_NODE."""
import subprocess

import pytest

from house import wait_for

ELSEWHERE = "elsewhere/11111111-2222-4333-8444-555555555555"


@pytest.fixture
def house(house_of):
    """A house whose name is alive on another host, and stays so."""
    built = house_of(env={"ORCH_LEASE": "20s"})
    built.sql("select orch.node_start(%s, gen_random_uuid(), 1, 1, 'test', '1 hour', %s)", (built.node, ELSEWHERE))
    return built


def spawn_refused(house, **changes):
    """Starts orchd, and waits until it was told that its name is taken."""
    house.daemon = house.spawn(**changes)
    wait_for(lambda: "what=name" in house.log(), hint="for the refusal")


def host(house):
    return house.value("select host from orch.nodes where node = %s", (house.node,))


def test_Q6_a_name_is_taken_over_when_the_lease_of_the_other_host_has_ended(house):
    spawn_refused(house)
    ends_at = house.value("update orch.nodes set beat_at = now(), lease = '1 s' where node = %s returning beat_at + lease", (house.node,))
    wait_for(lambda: host(house) != ELSEWHERE, hint="for the name")
    assert house.value("select started_at > %s from orch.nodes where node = %s", (ends_at, house.node))
    assert ELSEWHERE in house.log()
    job = house.value("select orch.enqueue('chore')")
    wait_for(lambda: house.value("select status = 'done' from orch.jobs where id = %s", (job,)), hint="for the job")


def test_Q6_a_node_gives_up_when_its_name_stays_alive_elsewhere(house):
    house.value("select orch.enqueue('chore')")
    spawn_refused(house, ORCH_LEASE="2s")
    wait_for(lambda: house.daemon.poll() is not None, hint="for orchd to give up")
    assert house.daemon.returncode > 0
    house.daemon = None
    assert "gave up after two leases" in house.log() and "ORCH_NODE" in house.log() and ELSEWHERE in house.log()
    assert host(house) == ELSEWHERE
    assert house.value("select count(*) from orch.jobs where status = 'queued'") == 1


def test_Q6_sigterm_ends_the_wait_for_a_name(house):
    spawn_refused(house)
    house.daemon.terminate()
    try:
        assert house.daemon.wait(30) == 0
    except subprocess.TimeoutExpired:
        raise AssertionError("it waits on") from None
    assert host(house) == ELSEWHERE
