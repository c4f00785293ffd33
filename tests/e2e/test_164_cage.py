"""S3, R2: what holds the processes of a run: its warden always, and a control group of its own where the node may make one."""
import pathlib

import pytest

from house import FAKE, call, wait_for


@pytest.fixture(params=["off", "auto"])
def wish(request):
    """ORCH_CGROUP."""
    return request.param


@pytest.fixture
def caged_house(house_of, wish):
    """A running house whose analyst is a hopper. With "auto" the test is skipped where no control group can be made."""
    house = house_of(env={"ORCH_CGROUP": wish})
    house.write_agents(analyst="{command: [%s], timeout: 600s, env: {FAKE_CONTROL: %s}}" % (FAKE / "agents" / "hopper", house.control))
    house.start()
    held = call(house.url + "/health")[2]["containment"]
    wait_for(lambda: house.value("select containment from orch.nodes_now where node = %s", (house.node,)) == held["by"],
             hint="for the node to say what holds its agents")
    if wish == "off":
        assert (held["by"], held["why"]) == ("warden", "it is switched off")
    elif held["by"] != "cgroup":
        pytest.skip("no control group can be made here: %s" % held["why"])
    house.wait_states()
    return house


def group_of(house, run):
    return house.value("select cgroup from orch.agent_runs where id = %s", (run["id"],))


def test_S3_R2_a_STOP_catches_hoppers(caged_house, wish):
    house = caged_house
    issue = house.begin()
    run = house.wait_running(issue, "analyst")
    group = group_of(house, run)
    assert (group is None) == (wish == "off")
    assert group is None or pathlib.Path(group, "cgroup.procs").read_text()
    house.move(issue, "STOP")
    wait_for(lambda: house.value("select ended_at from orch.agent_runs where id = %s", (run["id"],)), hint="for the end of the run")
    assert not house.processes(run)
    ended = house.one("select * from orch.agent_runs where id = %s", (run["id"],))
    assert ended["outcome"] == "stopped" and ended["kill_at"] and ended["gone_at"]
    wait_for(lambda: group is None or not pathlib.Path(group).exists(), hint="for the group to be removed")


def test_S3_Q7_what_was_caged_is_gone_after_a_crash(caged_house):
    house = caged_house
    issue = house.begin()
    run = house.wait_running(issue, "analyst")
    group = group_of(house, run)
    house.kill9()
    house.write_agents()
    house.start()
    wait_for(lambda: not house.processes(run), hint="for the left-over processes to be gone")
    house.wait_analysed(issue)
    assert house.value("select outcome from orch.agent_runs where id = %s", (run["id"],)) == "lost"
    assert group is None or not pathlib.Path(group).exists()


def test_R2_an_unusable_wish_is_refused(house_of):
    """An unusable wish is refused, and names what is accepted."""
    house = house_of(env={"ORCH_CGROUP": "sometimes"})
    refused = house.run("serve")
    assert refused.returncode != 0 and "ORCH_CGROUP" in refused.stderr and "require" in refused.stderr
