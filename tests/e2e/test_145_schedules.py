"""Q8, Q9 and L6: jobs that the clock queues, and rows and logs that are old enough to go."""
import os
import random
import signal
import time

import cron_oracle
import psycopg2
import pytest

from house import GaveUp, call, wait_for

DUTIES = {"reaper", "sweeper", "reconciler", "event_retry", "schedules", "holds", "retention", "board_states", "ci_poll", "build_cache",
          "post_deploy", "cards"}
QUICK = {"ORCH_SCHEDULES_INTERVAL": "100ms", "ORCH_RETENTION_INTERVAL": "100ms", "ORCH_HOLDS_INTERVAL": "100ms",
         "ORCH_RECONCILE_INTERVAL": "100ms", "ORCH_BUILD_CACHE_INTERVAL": "100ms", "ORCH_POST_DEPLOY_INTERVAL": "100ms",
         "ORCH_CARD_REFRESH_SECONDS": "100ms"}
OPERATOR = {"Authorization": "Bearer operator-token"}


def set_back(house, name, to):
    """Makes the clock of one schedule believe that nobody was there since then."""
    house.sql("update orch.schedules set next_at = " + to + " where name = %s", (name,))


def has_fired(house, name):
    return lambda: house.value("select next_at > now() from orch.schedules where name = %s", (name,))


def holder(house, duty="schedules"):
    return house.value("select node from orch.duties where duty = %s and until_at > now()", (duty,))


def test_Q8_cron_agrees_with_an_oracle_in_any_zone(cluster):
    """900 random expressions, most of them near a change of the clocks; ORCH_SEED repeats a run."""
    seed = cron_oracle.new_seed(os.environ.get("ORCH_SEED"))
    print("ORCH_SEED=%d" % seed)
    rng = random.Random(seed)
    connection = psycopg2.connect(cluster.fresh())
    connection.autocommit = True
    with connection.cursor() as cursor:
        for _ in range(900):
            cron, zone, after = cron_oracle.random_case(rng)
            try:
                expected = cron_oracle.next_tick(cron, zone, after)
            except cron_oracle.Never:
                expected = None
            try:
                cursor.execute("select orch.cron_next(%s, %s, %s)", (cron, zone, after))
                answer = cursor.fetchone()[0]
            except psycopg2.Error as error:
                assert error.pgcode == "OR422", error
                answer = None
            assert answer == expected, (seed, cron, zone, after)
    connection.close()


def test_Q8_a_schedule_queues_a_job_that_runs(house_of):
    house = house_of(env=QUICK).start()
    house.sql("select orch.schedule('nightly', '30 2 * * *', 'chore', 'for the night', 'Europe/Berlin')")
    set_back(house, "nightly", "(date_trunc('day', now() at time zone 'Europe/Berlin') - interval '21.5 hours') at time zone 'Europe/Berlin'")
    job = wait_for(lambda: house.one("select * from orch.jobs where agent = 'chore' and finished_at is not null"))
    assert job["status"] == "done" and job["content"] == "for the night"
    assert house.value("select last_status from orch.timetable") == "done"


@pytest.mark.parametrize("missed, count", [("once", 1), ("all", 11), ("skip", 1)])
def test_Q8_ticks_that_nobody_was_there_for(house_of, missed, count):
    house = house_of(env=QUICK)
    house.sql("select orch.schedule('each', '* * * * *', 'chore', missed => %s)", (missed,))
    since = house.value("select now()")
    set_back(house, "each", "date_trunc('minute', now()) - interval '10 minutes'")
    house.start()
    wait_for(has_fired(house, "each"))
    jobs = house.sql("select * from orch.jobs")
    # Each minute that begins meanwhile, before the firing or after it, may bring a tick of its own.
    begun = house.value("select extract(epoch from date_trunc('minute', now()) - date_trunc('minute', %s)) / 60", (since,))
    assert count <= len(jobs) <= count + begun
    assert len({job["unique_key"] for job in jobs}) == len(jobs)
    assert all(job["run_at"].second == 0 for job in jobs)


def test_Q8_many_ticks_on_two_nodes_fire_once_each_though_the_one_with_the_duty_is_killed(house_of):
    house = house_of(env=QUICK).start()
    other, _ = house.start_node(house.node + "b", **QUICK)
    house.sql("select orch.pause('agent', 'chore')")
    processes = {house.node: house.daemon, house.node + "b": other}
    killed = None
    for round_number in range(4):
        for number in range(10):
            house.sql("select orch.schedule(%s, '* * * * *', 'chore', missed => 'all')", ("s%d-%d" % (round_number, number),))
        house.sql("update orch.schedules set next_at = date_trunc('minute', now()) - interval '3 minutes' where name like %s", ("s%d-%%" % round_number,))
        if round_number == 1:
            killed = wait_for(lambda: holder(house))
            processes[killed].send_signal(signal.SIGKILL)
            processes[killed].wait()
        wait_for(lambda: not house.value("select count(*) from orch.schedules where next_at <= now()"), hint="for all to have fired")
    fired = house.one("select count(*), count(distinct unique_key) as ticks from orch.jobs")
    assert fired["count"] == fired["ticks"] >= 40 * 4
    assert wait_for(lambda: holder(house)) != killed


def test_L_each_duty_is_one_nodes_and_moves_when_that_leaves(house_of):
    house = house_of(env=QUICK).start()
    wait_for(lambda: {row["duty"] for row in house.sql("select duty from orch.duties")} == DUTIES, hint="for all duties to be taken")
    assert {row["node"] for row in house.sql("select node from orch.duties")} == {house.node}
    other, url = house.start_node(house.node + "b", **QUICK)

    def says():
        return call(url + "/queue", headers=OPERATOR)[2]["upkeep"]
    assert {says()[duty]["node"] for duty in DUTIES} == {house.node}
    wait_for(lambda: call(url + "/health")[2]["upkeep"]["duties"]["reaper"]["node"] == house.node, hint="for the other node to see who has it")
    assert call(url + "/health")[2]["upkeep"]["duties"]["logs"]["node"] == house.node + "b"
    house.daemon.send_signal(signal.SIGTERM)
    wait_for(lambda: all(says()[duty]["node"] == house.node + "b" for duty in DUTIES), hint="for the duties to move")
    assert "orchd_schedules_rows_total" in call(url + "/metrics", headers=OPERATOR)[2]


def test_Q8_a_schedule_that_cannot_fire_says_why_and_stops_no_other(house_of):
    house = house_of(env=QUICK).start()
    for name in ("bad", "good"):
        house.sql("select orch.schedule(%s, '* * * * *', 'chore')", (name,))
    house.sql("update orch.schedules set repo = 'nonsense' where name = 'bad'")
    house.sql("update orch.schedules set next_at = date_trunc('minute', now())")
    wait_for(has_fired(house, "good"))
    assert "nonsense" in wait_for(lambda: house.value("select why from orch.timetable where name = 'bad' and state = 'failing'"))


def test_Q9_old_rows_and_logs_go_in_small_batches_and_the_rest_stays(house_of):
    house = house_of(env=QUICK).start()
    job = house.value("select orch.enqueue('chore')")
    run = wait_for(lambda: house.one("select * from orch.agent_runs where job_id = %s and ended_at is not null", (job,)))
    log = house.data / "logs" / ("%d.log" % run["id"])
    assert log.exists()
    house.sql("insert into orch.jobs (agent, status, created_at, finished_at)"
              " select 'old', 'done', now() - interval '60 days', now() - interval '59 days' from generate_series(1, 5000)")
    house.sql("update orch.jobs set created_at = now() - interval '60 days', finished_at = now() - interval '59 days' where id = %s", (job,))
    house.sql("update orch.walks set last_id = 0")
    kept = house.value("select orch.enqueue('chore', run_at => now() + interval '1 day')")
    old = time.time() - 31 * 86400
    os.utime(log, (old, old))
    wait_for(lambda: not house.value("select count(*) from orch.jobs where finished_at is not null"), hint="for the old jobs to go")
    assert not house.value("select count(*) from orch.agent_runs where id = %s", (run["id"],))
    wait_for(lambda: not log.exists(), hint="for the old log to go")
    assert [row["id"] for row in house.sql("select id from orch.jobs")] == [kept]


def test_L_a_switched_off_duty_does_nothing(house_of):
    house = house_of(env=dict(QUICK, ORCH_SCHEDULES_ENABLED="off")).start()
    house.sql("select orch.schedule('each', '* * * * *', 'chore')")
    set_back(house, "each", "date_trunc('minute', now())")
    wait_for(lambda: holder(house, "retention"))
    with pytest.raises(GaveUp):
        wait_for(has_fired(house, "each"), patience=1)
