"""S6: a STOP and a claim of the deployer's job at the same moment, in two sessions. No node takes part: what is asked is who waits for whom."""
import concurrent.futures
import pathlib

import psycopg2
import pytest

from house import wait_for

SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "sql" / "support.inc"
CLAIM = "select run_id from orch.claim_jobs('n1', '00000000-0000-0000-0000-000000000001', 1)"


class Session:
    def __init__(self, url):
        self.connection = psycopg2.connect(url)

    def ask(self, text):
        """In the session's open transaction."""
        with self.connection.cursor() as cursor:
            cursor.execute(text)
            row = cursor.fetchone() if cursor.description else None
            return row and row[0]


@pytest.fixture(name="sessions")
def sessions_of(cluster):
    """Three of them, in a database where the deployer's job of SHOP-007 is queued."""
    url = cluster.fresh()
    sessions = [Session(url) for _ in range(3)]
    statements = [line for line in SUPPORT.read_text().splitlines() if not line.startswith("\\")]
    sessions[0].ask("\n".join(statements))
    sessions[0].ask("select pg_temp.drive('parked')")
    sessions[0].ask("select pg_temp.confirm()")
    sessions[0].connection.commit()
    sessions[2].connection.autocommit = True
    yield sessions
    for session in sessions:
        session.connection.close()
    cluster.drop(url)


@pytest.mark.parametrize("gesture, answer", [
    ("select result from orch.stop_task('SHOP-007')", "deferred"),
    ("select orch.reject('SHOP-007')", "too late: a deploy of SHOP-007 is under way"),
])
def test_S6_a_deployer_that_is_being_claimed_is_not_ended(sessions, gesture, answer):
    node, person, watch = sessions
    run = node.ask(CLAIM)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        told = pool.submit(person.ask, gesture)
        waiting = "select cardinality(pg_blocking_pids(%d)) > 0" % person.connection.info.backend_pid
        wait_for(lambda: told.done() or watch.ask(waiting))
        node.connection.commit()
        assert told.result() == answer
    person.connection.commit()
    assert watch.ask("select status from orch.jobs where run_id = %d" % run) == "running"
    assert watch.ask("select orch.run_started(%d, 4001, '1', 'boot', '/log')" % run) is True


def test_S6_a_stop_that_has_decided_is_not_overtaken_by_a_claim(sessions):
    node, person, watch = sessions
    assert person.ask("select result from orch.stop_task('SHOP-007')") == "cancelled"
    assert node.ask(CLAIM) is None
    person.connection.commit()
    assert watch.ask("select count(*) from orch.jobs where status in ('queued', 'running')") == 0
