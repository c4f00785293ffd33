"""Q10: orchd through PgBouncer in transaction mode, LISTEN direct. The suite e2e-pgbouncer of tools/test runs all scenarios so."""
import pytest

from conftest import Cluster
from house import wait_for


@pytest.fixture
def house(house_of):
    built = house_of(is_pooled=True, env={"ORCH_POLL_SECONDS": "300s"}).start()
    built.wait_states()
    return built


def test_Q10_migrate_through_a_pooler(cluster):
    url = cluster.fresh("template0")
    Cluster.migrate(cluster.pooled(url))
    Cluster.migrate(cluster.pooled(url))
    cluster.drop(url)


def test_Q10_a_job_is_picked_up_at_once_and_done(house):
    for _ in range(3):
        job = house.value("select orch.enqueue('chore')")
        wait_for(lambda: house.value("select status = 'done' from orch.jobs where id = %s", (job,)), hint="for the job")


def test_Q10_a_task_goes_its_whole_way(house):
    issue = house.begin()
    house.wait_open(issue, "done")
    house.wait_clean(issue)


def test_Q10_stop_ends_the_agent(house):
    house.mode("analyst", "stubborn")
    issue = house.begin()
    run = house.wait_running(issue, "analyst")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    wait_for(lambda: not house.processes(run), hint="for the tree to be gone")
    house.wait_clean(issue)


def test_Q10_many_jobs_on_two_nodes_run_once_each(house):
    house.start_node(house.node + "b")
    house.sql("select orch.enqueue('chore', i::text) from generate_series(1, 40) as i")
    wait_for(lambda: not house.value("select count(*) from orch.jobs where status <> 'done'"), 60, "for all to be done")
    assert house.value("select count(distinct job_id) = count(*) and count(*) = 40 from orch.agent_runs")
