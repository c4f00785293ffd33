"""TC-14 and D3: what each release left behind, with its rows, is brought to the schema of today, and is the same as a fresh one.

tests/fixtures/released_<migration>.sql.gz is pg_dump --schema=orch --no-owner --no-privileges of a database that the orchd of that release
had migrated (its functions and views, too), and filled through its own functions:

0002 a task in development, one behind the serial gate, and jobs without a task in every status.
0003 the same, a stopped task, one whose STOP waits for its deploy, and a pause, a limit, a schedule and a duty.
0004 the same, a task that is parked for Confirm Deploy, and one that is confirmed, with its deployer queued.
"""
import gzip
import json
import subprocess

import psycopg2
import pytest

from house import ROOT

FIXTURES = ROOT / "tests" / "fixtures"
RELEASES = ["0002", "0003", "0004"]


def unpack(cluster, release):
    url = cluster.fresh("template0")
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", url], stdout=subprocess.DEVNULL, check=True,
                   input=gzip.decompress((FIXTURES / ("released_%s.sql.gz" % release)).read_bytes()))
    return url


@pytest.fixture(params=RELEASES)
def released(cluster, request):
    url = unpack(cluster, request.param)
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


def test_TC_14_D3_an_upgraded_schema_is_a_fresh_one(cluster, released):
    fresh = cluster.fresh()
    cluster.migrate(released)
    assert dump(released) == dump(fresh)
    assert picture(released) == picture(fresh)
    cluster.migrate(released)
    assert dump(released) == dump(fresh), "a second migrate changes something"
    cluster.drop(fresh)


def all_rows(url):
    """table → key → the row, by its primary key."""
    found = {}
    for (table,) in rows(url, "select relname from pg_class where relnamespace = 'orch'::regnamespace and relkind = 'r' order by 1"):
        keys = rows(url, "select a.attname from pg_index as i join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)"
                         " where i.indisprimary and i.indrelid = 'orch.%s'::regclass" % table)
        found[table] = {}
        for (text,) in rows(url, "select row_to_json(t)::text from orch.%s as t" % table):
            row = json.loads(text)
            found[table][tuple(str(row[key]) for (key,) in keys)] = row
    return found


def test_TC_14_D3_an_upgrade_keeps_the_rows_and_goes_on_with_them(cluster, released):
    before = all_rows(released)
    assert all(before[table] for table in ("projects", "tasks", "jobs", "agent_runs", "events", "transitions", "outbox", "settings", "nodes"))
    for _ in range(2):
        cluster.migrate(released)
        after = all_rows(released)
        assert after.keys() >= before.keys()
        for table, old in before.items():
            for key, row in old.items():
                if (table, key) == ("migrations", ("0",)):
                    continue  # The digest of functions and views, which are made anew.
                assert {name: after[table][key].get(name) for name in row} == row, table
            assert table in ("migrations", "settings") or len(after[table]) == len(old), table
    assert rows(released, "select orch.setting('max_attempts')") == [("4",)]
    # The nodes of the old release are gone: what ran there is queued again, and the key is still taken by the job that had it.
    rows(released, "update orch.nodes set beat_at = now() - interval '1 hour' returning node")
    rows(released, "select orch.reap()")
    assert rows(released, "select status, count(*) from orch.jobs where agent = 'chore' group by status order by status") == [
        ("cancelled", 1), ("done", 1), ("failed", 1), ("queued", 2)]
    assert rows(released, "select j.content from orch.jobs as j where j.id = orch.enqueue('chore', unique_key => 'k')") == [("waits",)]


def test_TC_14_D3_what_was_stopped_before_an_upgrade_stays_stopped_and_a_deferred_stop_is_applied(cluster):
    url = unpack(cluster, "0003")
    cluster.migrate(url)
    assert rows(url, "select work_item, state from orch.stops order by id") == [("BLOG-001", "clean"), ("BLOG-002", "deferred")]
    assert rows(url, "select result from orch.stop_task('BLOG-002')") == [("already_pending",)]
    rows(url, "update orch.nodes set beat_at = now() - interval '1 hour' returning node")
    rows(url, "select orch.reap()")
    assert rows(url, "select stage, orch.original_key(work_item) from orch.tasks where id = orch.find_task('BLOG-002')") == [
        ("cancelled", "BLOG-002")]
    assert rows(url, "select status from orch.jobs where stage = 'deploy'") == [("failed",)]
    assert rows(url, "select count(*) from orch.merge_leases") == [(0,)]
    assert rows(url, "select result from orch.stop_task('BLOG-001')") == [("already_cancelled",)]
    cluster.drop(url)


def test_TC_14_D3_a_deploy_that_was_parked_before_an_upgrade_has_its_merge_tried_and_a_confirmed_one_goes_on(cluster):
    url = unpack(cluster, "0004")
    cluster.migrate(url)
    assert rows(url, "select w.work_item, w.why from orch.why as w where w.work_item = 'WIKI-001'") == [("WIKI-001", "parked: waits for Confirm Deploy")]
    rows(url, "select orch.confirm_deploy('WIKI-001', 'alice')")
    assert rows(url, "select kind, payload ->> 'head' from orch.outbox where kind = 'merge_check' and status = 'pending'") == [("merge_check", "h6")]
    assert rows(url, "select stage, status from orch.jobs where task_id = orch.find_task('TOYS-001') and status = 'queued'") == [("deploy", "queued")]
    cluster.drop(url)
