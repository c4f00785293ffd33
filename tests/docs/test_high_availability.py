"""Runs what docs/high-availability.md shows: a primary, a standby and a failover, and orchd behind a PgBouncer with the settings of the page."""
import os
import re
import subprocess

import pytest

import conftest
from conftest import BUILD
from house import House, call, wait_for
from servers import Pair, Pooler
from test_commands import DOCS, sessions, shape

PAGE = (DOCS / "high-availability.md").read_text()
POOLER = re.search(r"^```ini\n(; pgbouncer.ini\n.*?)^```$", PAGE, re.M | re.S).group(1)


@pytest.fixture
def live_in(tmp_path):
    """Starts orchd on a database; it ends with the test."""
    houses = []

    def start(url, **options):
        conftest.e2e.Cluster.migrate(url)
        house = House(tmp_path / "house", url, BUILD, **options)
        houses.append(house)
        house.node = "node-1"
        return house.start()

    yield start
    for house in houses:
        assert not house.close(), house.log()[-6000:]


@pytest.fixture
def pair():
    started = Pair()
    yield started
    started.stop()


@pytest.fixture
def pooler(cluster):
    started = Pooler(cluster.url, POOLER)
    yield started
    started.stop()


def run_job(house):
    job = house.value("select orch.enqueue('chore')")
    wait_for(lambda: house.value("select status = 'done' from orch.jobs where id = %s", (job,)), hint="for a job")


def ask(house, url, command):
    words = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-P", "pager=off", url, "-c", command] if url else ["bash", "-c", command]
    environment = house.environment()
    environment["PATH"] = "%s:%s" % (BUILD / "bin", os.environ["PATH"])
    done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, "%s\n%s%s" % (command, done.stdout, done.stderr)
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def test_Q10_the_failover_of_the_page(pair, live_in):
    house = live_in(pair.url)
    run_job(house)
    urls = {"primary=# ": pair.primary_url, "standby=# ": pair.standby_url, "$ ": None}
    count = 0
    for _, steps in sessions(PAGE, tuple(urls)):
        for prompt, command, shown in steps:
            if command == "select pg_promote();":
                pair.kill_primary()
            if prompt == "$ ":
                wait_for(lambda: call(house.url + "/ready")[0] == 200, hint="for orchd to be connected again")
            answer = ask(house, urls[prompt], command)
            assert shape(answer) == shape(shown), "%s\nshown:\n%s\nanswered:\n%s" % (command, shown, answer)
            count += 1
    assert count == 8
    house.connection.close()
    house.reconnect()
    run_job(house)


def test_Q10_the_pgbouncer_of_the_page(pooler, cluster, live_in):
    run_job(live_in(cluster.url, pooled_url=pooler.url(cluster.url)))
