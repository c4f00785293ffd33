"""Q4, Q6: a node that cannot reach Postgres, or cannot move, ends its agents before others may take their jobs."""
import signal

import pytest

import witness
from house import processes, wait_for
from proxy import Proxy
from servers import port_of

LEASE_S = 8
LONG_LEASE_S = 15  # for a cut that heals: no busy machine makes two thirds of it pass between the beats around the cut
CUT_S = 2
BOOT_CLOCK_S = 0.02  # /proc/uptime has hundredths


class Partition:
    """Node a behind a network that breaks, node b with a direct way, and a job whose agent runs on a."""

    def __init__(self, house_of, lease_s):
        self.house = house_of(env={"ORCH_LEASE": "%ds" % lease_s, "ORCH_MAX_CONCURRENCY": "1", "ORCH_REAPER_INTERVAL": "100ms"})
        self.told = witness.hire(self.house)
        self.proxy = Proxy(port_of(self.house.database_url))
        direct = self.house.database_url
        url = direct.replace(":%d/" % port_of(direct), ":%d/" % self.proxy.port)
        self.name = self.house.node + "a"
        self.a, _ = self.house.start_node(self.name, ORCH_DATABASE_URL=url, ORCH_LISTEN_URL=url)
        self.job = self.house.value("select orch.enqueue('chore')")
        self.first = wait_for(lambda: self.lives() and self.lives()[0], hint="for the agent on node a")
        self.house.start()

    def lives(self):
        return witness.lives(self.told, self.job)

    def wait_taken_over(self):
        """Until the job runs on b; what went before on a must be over."""
        wait_for(lambda: len(self.lives()) > 1, hint="for node b to take the job")
        before, after = self.lives()[:2]
        assert before == self.first._replace(last=before.last, ticks=before.ticks), "it ended on a as if nothing had been"
        assert before.last + BOOT_CLOCK_S < after.first, "%s and %s lived at the same time" % (before, after)
        assert not processes(self.name)
        assert self.house.value("select node from orch.agent_runs where id = %s", (after.run,)) == self.house.node

    def wait_done(self, lives):
        (self.told / "go").touch()
        wait_for(lambda: self.house.value("select status = 'done' from orch.jobs where id = %s", (self.job,)), hint="for the end")
        assert len(self.lives()) == lives
        witness.check(self.lives())

    def wait_given_up(self):
        """Node a learns that it was given up, and ends."""
        assert wait_for(lambda: self.a.poll() is not None and self.a, hint="for node a to end").returncode > 0
        self.house.others.remove(self.a)
        assert "worker.given_up" in self.house.log()
        assert not processes(self.name)

    def close(self):
        (self.told / "go").touch()
        if self.a in self.house.others and self.a.poll() is None:
            self.a.send_signal(signal.SIGCONT)
        self.proxy.heal()
        for process in [self.house.daemon, *self.house.others]:
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
        self.proxy.close()


@pytest.fixture
def partition_with(house_of):
    built = []

    def build(lease_s):
        built.append(Partition(house_of, lease_s))
        return built[0]

    yield build
    for one in built:
        one.close()


@pytest.fixture
def partition(partition_with):
    return partition_with(LEASE_S)


@pytest.mark.parametrize("how", ["blackhole", "reset"])
def test_Q6_a_node_that_is_cut_off_ends_its_agents_before_another_starts_them(partition, how):
    partition.proxy.cut(how)
    partition.wait_taken_over()
    partition.proxy.heal()
    partition.wait_given_up()
    partition.wait_done(2)


@pytest.mark.parametrize("how", ["blackhole", "reset"])
def test_Q6_a_cut_that_heals_within_the_lease_harms_nobody(partition_with, how):
    partition = partition_with(LONG_LEASE_S)
    beat = "select extract(epoch from beat_at) from orch.nodes where node = %s"
    last = partition.house.value(beat, (partition.name,))
    partition.proxy.cut(how)
    cut_at = partition.lives()[0].last
    wait_for(lambda: partition.lives()[0].last > cut_at + CUT_S, hint="for the agent to have lived without a network")
    partition.proxy.heal()
    wait_for(lambda: partition.house.value(beat, (partition.name,)) > last + LONG_LEASE_S, hint="for beats beyond the old lease")
    assert len(partition.lives()) == 1 and processes(partition.name)
    partition.wait_done(1)
    assert partition.house.value("select attempts from orch.jobs where id = %s", (partition.job,)) == 1


def test_Q6_the_agents_of_a_suspended_node_end_before_another_starts_them(partition):
    partition.a.send_signal(signal.SIGSTOP)
    partition.wait_taken_over()
    partition.a.send_signal(signal.SIGCONT)
    partition.wait_given_up()
    partition.wait_done(2)


def test_Q4_what_a_cut_off_node_says_later_changes_nothing(partition):
    partition.proxy.cut("blackhole")
    partition.wait_taken_over()
    (partition.told / "go").touch()
    wait_for(lambda: partition.house.value("select status = 'done' from orch.jobs where id = %s", (partition.job,)))
    rows = partition.house.sql("select * from orch.jobs")
    partition.proxy.heal()
    partition.wait_given_up()
    assert partition.house.sql("select * from orch.jobs") == rows
    outcomes = [row["outcome"] for row in partition.house.sql("select outcome from orch.agent_runs order by id")]
    assert outcomes == ["lost", "ok"]
