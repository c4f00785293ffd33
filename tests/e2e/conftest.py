"""Fixtures: one Postgres cluster for each pytest worker, one migrated template, one database and one house for each test."""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import psycopg2
import pytest

sys.path.insert(0, os.path.dirname(__file__))

from house import ROOT, House, processes  # noqa: E402
from servers import Pooler, make_directory  # noqa: E402

IS_POOLED = os.environ.get("ORCHD_E2E_PGBOUNCER") == "1"
BUILD = pathlib.Path(os.environ.get("ORCHD_BUILD", str(ROOT / "build" / "release"))).resolve()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.failed_call = report.failed
        for house in getattr(item, "houses", []):
            if report.failed:
                report.sections.append(("orchd.log", house.log()[-12000:]))


class Cluster:
    """A throw-away Postgres and a template database that orchd has migrated."""

    def __init__(self, directory):
        self.directory = directory
        self.pooler = None
        done = subprocess.run([str(ROOT / "tools" / "devdb"), "start", "--fast", directory], capture_output=True, text=True, check=True)
        self.url = done.stdout.strip()
        self.made = 0
        self.run("create database template_orch")
        self.migrate(self.database("template_orch"))

    def database(self, name):
        return self.url.rsplit("/", 1)[0] + "/" + name

    def run(self, text):
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(text)
        connection.close()

    @staticmethod
    def migrate(url):
        environment = {"PATH": os.environ["PATH"], "ORCH_DATABASE_URL": url}
        done = subprocess.run([str(BUILD / "bin" / "orchd"), "migrate"], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def fresh(self, template="template_orch"):
        self.made += 1
        name = "t%d_%d" % (os.getpid(), self.made)
        self.run("create database %s template %s" % (name, template))
        return self.database(name)

    def drop(self, url):
        self.run("drop database if exists %s with (force)" % url.rsplit("/", 1)[1])

    def pooled(self, url):
        """The way to a database through PgBouncer in transaction mode; it is started for the first who asks."""
        self.pooler = self.pooler or Pooler(self.url)
        return self.pooler.url(url)

    def stop(self):
        if self.pooler:
            self.pooler.stop()
        subprocess.run([str(ROOT / "tools" / "devdb"), "stop", self.directory], check=True)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if not (BUILD / "bin" / "orchd").exists():
        pytest.exit("no orchd in %s: build it, or set ORCHD_BUILD" % BUILD, 2)
    started = Cluster(str(make_directory("e2e-db")))
    yield started
    started.stop()


@pytest.fixture
def house_of(cluster, tmp_path, request):
    """Makes houses that are not yet inhabited: house_of(env=…, projects=…).start(). is_pooled: orchd goes through PgBouncer."""
    request.node.houses = []

    def build(is_pooled=IS_POOLED, **options):
        url = cluster.fresh()
        if is_pooled:
            options["pooled_url"] = cluster.pooled(url)
        house = House(tmp_path / ("h%d" % len(request.node.houses)), url, BUILD, **options)
        request.node.houses.append(house)
        return house

    yield build
    problems = []
    for house in request.node.houses:
        bad = house.close()
        if bad:
            problems.append("orchd ended with %s:\n%s" % (bad, house.log()[-6000:]))
        left = processes(house.node)
        if left:
            problems.append("processes of agents are left: %s" % left)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # Known by the mark of this very house.
        cluster.drop(house.database_url)
    if not getattr(request.node, "failed_call", True):
        assert not problems, "\n".join(problems)


@pytest.fixture
def house(house_of):
    """A house with orchd running in it, which knows the board's statuses: a delivery before that waits for them."""
    built = house_of().start()
    built.wait_states()
    return built
