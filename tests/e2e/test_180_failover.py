"""Q10: the primary is lost under load, the standby takes its place, and nothing that was acknowledged is lost or done twice."""
import threading

import psycopg2
import pytest

import witness
from conftest import BUILD, Cluster
from house import House, processes, wait_for
from servers import Pair


@pytest.fixture
def pair():
    started = Pair()
    yield started
    started.stop()


@pytest.fixture
def house_on(pair, tmp_path):
    """A house whose database is the pair."""
    houses = []
    Cluster.migrate(pair.url)

    def build(**env):
        house = House(tmp_path / "house", pair.url, BUILD, env=env)
        houses.append(house)
        return house

    yield build
    for house in houses:
        bad = house.close()
        assert not bad, "orchd ended with %s:\n%s" % (bad, house.log()[-6000:])
        assert not processes(house.node)


class Producer(threading.Thread):
    """Enqueues, and tries again what was not acknowledged, until it is told to stop. Each try says something else, so that one whose
    acknowledgement was lost can be told from its repetition."""

    def __init__(self, url, name):
        super().__init__(daemon=True)
        self.url, self.name, self.acknowledged, self.is_over = url + "&connect_timeout=2", name, {}, threading.Event()
        self.start()

    def run(self):
        number = tries = 0
        connection = None
        while not self.is_over.wait(0.02):
            content = "%s/%d/%d" % (self.name, number, tries)
            try:
                connection = connection or psycopg2.connect(self.url)
                with connection, connection.cursor() as cursor:
                    cursor.execute("select orch.enqueue('chore', %s)", (content,))
                    job = cursor.fetchone()[0]
                self.acknowledged[content] = job
                number, tries = number + 1, 0
            except psycopg2.Error:
                connection, tries = None, tries + 1

    def finish(self):
        self.is_over.set()
        self.join(60)
        assert not self.is_alive()
        return self.acknowledged


def wait_reconnected(house):
    def again():
        try:
            house.reconnect()
            return True
        except psycopg2.OperationalError:
            return False
    house.connection.close()
    wait_for(again, hint="for the promoted standby")


def check_jobs(house, told, acknowledged):
    jobs = {row["id"]: row for row in house.sql("select * from orch.jobs")}
    assert len(set(acknowledged.values())) == len(acknowledged)
    for content, job in acknowledged.items():
        assert job in jobs, "%s was acknowledged as job %d, and is lost" % (content, job)
        assert (jobs[job]["content"], jobs[job]["status"]) == (content, "done")
    found = witness.lives(told)
    witness.check(found)
    runs = {row["id"]: row for row in house.sql("select * from orch.agent_runs")}
    for job, row in jobs.items():
        mine = [life for life in found if life.job == job]
        assert sum(life.is_ended for life in mine) == 1, "job %d came to its end more than once, or never: %s" % (job, mine)
        cut = [life for life in mine if not life.is_ended]
        assert len(mine) <= row["attempts"] + sum(runs[life.run]["outcome"] == "released" for life in cut), (row, mine)
    return found


def load_until(producers, count):
    wait_for(lambda: sum(len(producer.acknowledged) for producer in producers) >= count, 60, "for %d enqueues" % count)


def test_Q10_a_failover_under_load_loses_and_doubles_nothing(pair, house_on):
    house = house_on(ORCH_LEASE="30s", ORCH_POLL_SECONDS="3600s", ORCH_MAX_CONCURRENCY="3")
    told = witness.hire(house, ticks=4)
    house.start()
    house.start_node(house.node + "b")
    producers = [Producer(pair.url, "p%d" % number) for number in range(2)]
    load_until(producers, 25)
    wait_for(lambda: house.value("select count(*) from orch.jobs where status = 'running'") and len(witness.lives(told)) > 10)
    pair.kill_primary()
    pair.promote()
    wait_reconnected(house)
    load_until(producers, sum(len(producer.acknowledged) for producer in producers) + 25)
    acknowledged = {content: job for producer in producers for content, job in producer.finish().items()}
    wait_for(lambda: not house.value("select count(*) from orch.jobs where finished_at is null"), 90, "for the queue to be empty")
    found = check_jobs(house, told, acknowledged)
    assert {life.attempt for life in found} == {1}, "no agent was killed: the failover was shorter than the lease"
    # Both nodes are idle and poll once an hour: only a NOTIFY to a connection that listens on the new primary can bring this about.
    last = house.value("select orch.enqueue('chore', 'the last')")
    wait_for(lambda: house.value("select status = 'done' from orch.jobs where id = %s", (last,)), hint="for LISTEN to be back")


def test_Q10_an_outage_longer_than_the_lease_ends_agents_and_loses_nothing(pair, house_on):
    house = house_on(ORCH_LEASE="6s", ORCH_POLL_SECONDS="3600s", ORCH_MAX_CONCURRENCY="3", ORCH_REAPER_INTERVAL="100ms")
    told = witness.hire(house, ticks=100)
    house.start()
    jobs = {"job %d" % number: house.value("select orch.enqueue('chore', %s)", ("job %d" % number,)) for number in range(4)}
    wait_for(lambda: len(witness.lives(told)) == 3)
    killed_at = witness.now()
    pair.kill_primary()
    wait_for(lambda: not processes(house.node), hint="for the node to fence itself")
    # By the agents' own words, on the clock of the boot: when we look for them is another matter.
    assert max(life.last for life in witness.lives(told)) - killed_at < 6, "later than the lease"
    before = [life.run for life in witness.lives(told)]
    # Beyond the lease, to the clock of the boot: Postgres may count the node as gone from then on.
    wait_for(lambda: witness.now() > killed_at + 7)
    (told / "go").touch()
    pair.promote()
    wait_reconnected(house)
    wait_for(lambda: not house.value("select count(*) from orch.jobs where finished_at is null"), 60, "for the queue to be empty")
    check_jobs(house, told, jobs)
    outcomes = {row["outcome"] for row in house.sql("select outcome from orch.agent_runs where id = any (%s)", (before,))}
    assert outcomes <= {"released", "lost"}
