"""D3: what the first release left behind, with its rows, is brought to the schema of today, and is the same as a fresh one.

tests/fixtures/released_0002.sql.gz is pg_dump of a database that orchd 0.1.0 had migrated (migrations 1 and 2, its functions and views),
with a task in development, one behind the serial gate, and jobs without a task in every status.
"""
import gzip
import subprocess

import psycopg2
import pytest

from house import ROOT

RELEASED = ROOT / "tests" / "fixtures" / "released_0002.sql.gz"


@pytest.fixture
def released(cluster):
    url = cluster.fresh("template0")
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", url], input=gzip.decompress(RELEASED.read_bytes()),
                   stdout=subprocess.DEVNULL, check=True)
    yield url
    cluster.drop(url)


def rows(url, sql):
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql)
        answer = cursor.fetchall()
    connection.close()
    return answer


def dump(url):
    """All of the schema, the rights included."""
    done = subprocess.run(["pg_dump", "--schema-only", "--schema=orch", url], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line and not line.startswith(("--", "\\"))]


def picture(url):
    return subprocess.run([str(ROOT / "tools" / "dump-schema"), "--url", url], capture_output=True, text=True, check=True).stdout


def test_D3_an_upgraded_schema_is_a_fresh_one(cluster, released):
    fresh = cluster.fresh()
    cluster.migrate(released)
    assert dump(released) == dump(fresh)
    assert picture(released) == picture(fresh)
    cluster.migrate(released)
    assert dump(released) == dump(fresh), "a second migrate changes something"
    cluster.drop(fresh)


def test_D3_an_upgrade_keeps_the_rows_and_goes_on_with_them(cluster, released):
    kept = ("select id, agent, task_id, status, content, priority, run_at, attempts, max_attempts, unique_key, tags, error"
            " from orch.jobs order by id")
    before = rows(released, kept)
    tasks = rows(released, "select id, work_item, stage, head_sha, pull_number from orch.tasks order by id")
    effects = rows(released, "select id, kind, status, payload from orch.outbox order by id")
    cluster.migrate(released)
    assert rows(released, kept) == before
    assert rows(released, "select id, work_item, stage, head_sha, pull_number from orch.tasks order by id") == tasks
    assert rows(released, "select id, kind, status, payload from orch.outbox order by id") == effects
    assert rows(released, "select orch.setting('max_attempts')") == [("4",)]
    # The nodes of the old release are gone: what ran there is queued again, and the key is still taken by the job that had it.
    rows(released, "update orch.nodes set beat_at = now() - interval '1 hour' returning node")
    rows(released, "select orch.reap()")
    assert rows(released, "select status, count(*) from orch.jobs where task_id is null group by status order by status") == [
        ("cancelled", 1), ("done", 1), ("failed", 1), ("queued", 2)]
    assert rows(released, "select j.content from orch.jobs as j where j.id = orch.enqueue('chore', unique_key => 'k')") == [("waits",)]
