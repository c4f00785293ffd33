"""Backups by docker/backup: taken from a database that is at work, kept, and restored into a fresh cluster with which orchd goes on."""
import collections
import contextlib
import os
import shutil
import subprocess
import threading

import psycopg2
import pytest
from house import ROOT, wait_for
from servers import DEVDB, make_directory, port_of

BACKUP = str(ROOT / "docker" / "backup")
POSTGRES_BIN = "/usr/lib/postgresql/15/bin"
PRODUCERS, JOBS_BEFORE = 2, 20


class Backup:
    """docker/backup for a database, in a directory of its own."""

    def __init__(self, directory, url):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.env = {"PATH": POSTGRES_BIN + ":" + os.environ["PATH"], "PGHOST": "127.0.0.1", "PGPORT": str(port_of(url)), "PGUSER": "postgres",
                    "PGDATABASE": url.rsplit("/", 1)[1], "BACKUP_DIR": str(directory)}

    def run(self, *words, **changes):
        return subprocess.run([BACKUP, *words], env=dict(self.env, **changes), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)

    def do(self, *words, **changes):
        done = self.run(*words, **changes)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def names(self):
        return self.do("list").split()


@pytest.fixture
def fresh():
    """The URL of an empty database in another cluster, with the roles that a dump names."""
    directory = str(make_directory("e2e-fresh"))
    url = subprocess.run([DEVDB, "start", "--fast", directory], capture_output=True, text=True, check=True).stdout.strip()
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for role in ("orch_service", "orch_operator", "orch_producer", "orch_reader"):
                cursor.execute("create role %s nologin" % role)
    yield url
    subprocess.run([DEVDB, "stop", directory], check=True)


@contextlib.contextmanager
def load(url):
    """Producers that queue jobs all the time; gives the numbers of those that were acknowledged."""
    queued, is_over = [], threading.Event()

    def produce():
        with contextlib.closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                while not is_over.wait(0.05):
                    cursor.execute("select orch.enqueue('chore', priority => -10)")
                    queued.append(cursor.fetchone()[0])
    threads = [threading.Thread(target=produce) for _ in range(PRODUCERS)]
    for thread in threads:
        thread.start()
    try:
        yield queued
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def moved_to(house, url):
    """The house with another database, until its orchd has ended there."""
    before = house.database_url
    house.connection.close()
    house.database_url = url
    house.reconnect()
    try:
        yield
        assert house.stop() == 0
    finally:
        house.kill9()
        house.connection.close()
        house.database_url = before
        house.reconnect()


def number(house, what):
    return house.value("select max(id) from orch." + what) or 0


def test_D4_a_dump_taken_under_load_is_restored_into_a_fresh_cluster_and_orchd_goes_on(fresh, house_of, tmp_path):
    house = house_of(projects=("orch:ORCH:acme/shop", "api:API:acme/api")).start()
    house.wait_states()
    done = house.begin("Done before the dump")
    house.wait_open(done, "done")
    house.mode("developer", "hang")
    waits = house.begin("Waits for a person", project="api")
    house.wait_analysed(waits)
    runs = house.begin("Runs at the moment of the dump")
    house.wait_analysed(runs)
    house.move(runs, "Approved")
    house.wait_running(runs, "developer")
    backup = Backup(tmp_path / "backups", house.database_url)
    with load(house.database_url) as queued:
        wait_for(lambda: len(queued) > JOBS_BEFORE, hint="for some load")
        backup.do("now")
        wait_for(lambda: len(queued) > 2 * JOBS_BEFORE, hint="for jobs that the dump does not know")
    # Nor does it know what comes now: the run ends, the task goes on, a person acts.
    house.go()
    house.mode("developer", "ok")
    house.wait_board(runs, "Awaiting Deploy")
    house.move(waits, "Approved")
    house.wait_board(waits, "Awaiting Deploy")
    lost = {what: number(house, what) for what in ("agent_runs", "jobs", "outbox", "transitions")}
    house.kill9()

    assert Backup(backup.directory, fresh).do("restore", *backup.names()).startswith("backup: restored")
    with moved_to(house, fresh):
        goes_on(house, runs, waits, len(queued), lost)


def goes_on(house, runs, waits, queued, lost):
    known = house.value("select count(*) from orch.jobs where task_id is null")
    assert 0 < known < queued, "the dump is of a moment in the middle of the load"
    assert house.task(runs)["stage"] == "development" and house.task(waits)["stage"] == "analysis"
    assert house.value("select count(*) from orch.agent_runs where ended_at is null") > 0
    house.start()
    house.wait_board(runs, "Awaiting Deploy")
    house.move(waits, "Approved")
    house.wait_board(waits, "Awaiting Deploy")
    for issue in (runs, waits):
        house.move(issue, "Confirm Deploy")
        house.wait_stage(issue, "done")
    house.begin("After the restore", project="api")

    wait_for(lambda: not house.value("select count(*) from orch.jobs where task_id is null and status not in ('done', 'failed', 'cancelled')"),
             patience=90, hint="for the queue to be worked off")
    assert house.value("select count(*) from orch.jobs where task_id is null and status = 'done'") == known
    assert not house.sql("select job_id from orch.agent_runs where outcome = 'ok' group by job_id having count(*) > 1"), "done twice"
    wait_for(lambda: not house.value("select count(*) from orch.outbox where status = 'pending'"), hint="for the effects")
    assert not house.value("select count(*) from orch.outbox where status = 'dead'")
    books = house.books()
    told = collections.Counter(comment["external_id"] for comment in books["comments"] if comment["external_source"] == "orchd")
    assert told and set(told.values()) == {1}, "a comment came twice"
    assert len(books["merges"]) == 3 and len(books["pulls"]) == 3, "each of the three was merged once"
    for what, last in lost.items():
        new = house.value("select min(id) from orch.%s where id > %%s" % what, [last])
        assert new > last + 500000, "a number of the lost time was given again: %s %s" % (what, new)


def test_D4_dumps_are_made_when_due_kept_for_their_time_and_never_half(house_of, tmp_path):
    house = house_of()
    backup = Backup(tmp_path / "backups", house.database_url)
    assert backup.run("check").returncode == 1
    serving = subprocess.Popen([BACKUP, "serve"], env=dict(backup.env, BACKUP_KEEP_DAYS="7"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    try:
        wait_for(backup.names, hint="for the first dump")
        assert backup.run("check").returncode == 0
    finally:
        serving.terminate()
        said, _ = serving.communicate(timeout=30)
    assert serving.returncode == 0 and said.count("backup: made") == 1, said
    (made,) = backup.names()
    assert oct((backup.directory / made).stat().st_mode)[-3:] == "600"
    # Old ones: five of last month, and of this week, when the newest is two days old.
    now = (backup.directory / made).stat().st_mtime
    for days in (2, 3, 4, 30, 31, 32, 33, 34):
        name = backup.directory / ("orchd-20000101T%06dZ.dump" % (100 - days))
        shutil.copy(backup.directory / made, name)
        os.utime(name, (now - days * 86400, now - days * 86400))
    (backup.directory / made).unlink()
    assert backup.run("check", BACKUP_EVERY_HOURS="23").returncode == 1, "two days old is too old"
    (backup.directory / ".orchd-20000101T000000Z.dump.part").write_text("half")
    serving = subprocess.Popen([BACKUP, "serve"], env=dict(backup.env, BACKUP_KEEP_DAYS="7"), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(backup.names()) == 4, hint="for the old ones to go")
    finally:
        serving.terminate()
        serving.wait(30)
    assert sorted(path.name for path in backup.directory.iterdir()) == backup.names(), "half a dump is left"


def test_D4_what_cannot_be_backed_up_or_restored_says_why(house_of, tmp_path):
    house = house_of()
    backup = Backup(tmp_path / "backups", house.database_url)
    for changes, said in (({"BACKUP_EVERY_HOURS": "0"}, "BACKUP_EVERY_HOURS"), ({"BACKUP_KEEP_DAYS": "week"}, "BACKUP_KEEP_DAYS"),
                          ({"BACKUP_DIR": "/nowhere"}, "/nowhere"), ({"PGPORT": "1"}, "port 1")):
        done = backup.run("now", **changes)
        assert done.returncode != 0 and said in done.stderr, done.stderr
    assert backup.names() == []
    backup.do("now")
    refused = backup.run("restore", *backup.names())
    assert refused.returncode != 0 and "has a schema orch" in refused.stderr
    missing = backup.run("restore", "orchd-1.dump")
    assert missing.returncode != 0 and backup.names()[0] in missing.stderr, "it tells which there are"
    assert house.value("select count(*) from orch.stages") > 0
