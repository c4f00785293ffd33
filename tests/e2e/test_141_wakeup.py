"""Q3: nobody rings while nobody sleeps, and no wake-up is lost. The poll is an hour away in all of these; what the model in tests/model
promises about the protocol is looked for here in the program. ORCH_SEED=… repeats a randomized test."""
import collections
import os
import random
import threading
import time

import psycopg2

from house import wait_for

NO_POLL = {"ORCH_POLL_SECONDS": "3600"}
SEED = int(os.environ.get("ORCH_SEED") or random.randrange(1 << 31))
ROUNDS = int(os.environ.get("ORCH_ROUNDS") or 20)
PRODUCERS = 6
IDLE = """
select l.pid from pg_locks as l join pg_database as d on d.oid = l.database
 where d.datname = current_database() and l.locktype = 'advisory' and l.mode = 'ShareLock' and l.granted
   and (l.classid::bigint << 32) | l.objid::bigint = orch.idle_key()"""


def idle(house):
    """Backends that say that their node is idle."""
    return [row["pid"] for row in house.sql(IDLE)]


def wait_asleep(house, nodes=1):
    wait_for(lambda: len(idle(house)) == nodes and house.log().count("to=asleep") >= nodes, hint="for %d nodes to sleep" % nodes)


def open_session(house, autocommit=False):
    session = psycopg2.connect(house.database_url)
    session.autocommit = autocommit
    return session


def tell(session, text, parameters=None):
    with session.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetchone() if cursor.description else None


def enqueue(session, **named):
    named = dict({"content": "", "priority": 0, "max_attempts": 20}, **named)
    return tell(session, "select orch.enqueue('chore', %s)" % ", ".join("%s => %%(%s)s" % (name, name) for name in named), named)[0]


def wait_done(house, jobs):
    """Until all of these have ended; they ended well."""
    def left():
        return house.sql("select j.id, j.status, j.run_at, j.held from orch.jobs as j where j.id = any(%s) and j.finished_at is null",
                         (list(jobs),))
    wait_for(lambda: not left(), hint="for every job to run; left are %s; the seed is %d" % (left(), SEED))
    assert not house.sql("select j.id, j.status, j.error from orch.jobs as j where j.id = any(%s) and j.status <> 'done'", (list(jobs),))


class Ear:
    """Somebody who only listens."""

    def __init__(self, house):
        self.session = open_session(house, autocommit=True)
        tell(self.session, "listen orch_jobs")
        tell(self.session, "listen ear")

    def heard(self, teller):
        """How many rings came before this moment: they come in the order of the commits, and ours, which no node hears, is the last."""
        tell(teller, "notify ear")

        def is_here():
            self.session.poll()
            return any(note.channel == "ear" for note in self.session.notifies)
        wait_for(is_here, hint="for our own ring")
        rings = [note.channel for note in self.session.notifies]
        self.session.notifies.clear()
        return rings.index("ear")


def test_Q3_nobody_rings_while_nobody_is_idle(house_of):
    house = house_of(env=dict(NO_POLL, ORCH_MAX_CONCURRENCY="1"))
    ear, producer = Ear(house), open_session(house, autocommit=True)
    jobs = [enqueue(producer) for _ in range(20)]
    assert ear.heard(producer) == 0, "no node is up"
    house.start()
    wait_done(house, jobs)
    wait_asleep(house)
    ear.heard(producer)
    house.mode("chore", "hang")
    jobs = [enqueue(producer)]
    assert ear.heard(producer) == 1, "the node sleeps"
    wait_for(lambda: list(house.control.glob("up.*")) and not idle(house), hint="for the node to have its hands full")
    jobs += [enqueue(producer) for _ in range(20)]
    assert ear.heard(producer) == 0, "the node is busy"
    house.go()
    wait_done(house, jobs)


def test_Q3_settled_means_that_the_newest_transaction_has_ended_too(house_of):
    """An xid above the newest completed one is not below a snapshot's xmax, however long ago it was given."""
    house = house_of()
    node, producer = open_session(house, autocommit=True), open_session(house)
    ask = "select is_idle, new_horizon::text, is_settled from orch.node_idle(%s::xid8)"
    enqueue(producer)
    is_idle, horizon, is_settled = tell(node, ask, (None,))
    assert is_idle and not is_settled
    assert tell(node, ask, (horizon,)) == (True, horizon, False)
    producer.commit()
    assert tell(node, ask, (horizon,)) == (True, horizon, True)
    later = open_session(house)
    enqueue(later)
    assert tell(node, ask, (horizon,)) == (True, horizon, True), "who comes later rings"


def test_Q3_a_node_does_not_sleep_while_an_older_enqueue_is_open(house_of):
    house = house_of(env=NO_POLL)
    producer, ear = open_session(house), Ear(house)
    job = enqueue(producer)
    house.start()
    wait_for(lambda: idle(house), hint="for the node to be idle")
    producer.commit()
    wait_done(house, [job])
    assert ear.heard(house.connection) == 0, "nobody was idle when it was asked"


def test_Q3_a_job_that_a_dead_claim_had_locked_is_not_forgotten(house_of):
    """A look steps over locked rows, and who locked them may roll back and tell nobody."""
    house = house_of(env=NO_POLL)
    producer, rival = open_session(house), open_session(house)
    asked = ("select count(*) from pg_stat_activity as a where a.datname = current_database() and a.pid = any(%s)"
             " and a.query like '%%node_idle%%' and a.query_start > %s")

    def rival_is_first():
        """True when the rival locked the row before the node claimed it; its transaction is younger than the node's horizon."""
        job = enqueue(producer)
        if not house.daemon:
            house.start()
        wait_for(lambda: idle(house), hint="for the node to be idle")
        tell(rival, "select 1")
        producer.commit()
        if tell(rival, "select id from orch.jobs where id = %s and status = 'queued' for update skip locked", (job,)):
            return job
        rival.rollback()
        wait_done(house, [job])
        return None
    job = wait_for(rival_is_first)
    for _ in range(3):
        now = tell(rival, "select clock_timestamp()")[0]
        wait_for(lambda since=now: house.value(asked, (idle(house), since)), hint="for the node to ask whether it may sleep")
    assert house.value("select status from orch.jobs where id = %s", (job,)) == "queued"
    rival.rollback()
    wait_done(house, [job])


# --- many producers, many nodes, chance ---------------------------------------------------------------------------------------------------


class Producer(threading.Thread):
    """Some transactions: an enqueue or several, open for a while, and then a commit or a roll-back."""

    def __init__(self, house, dice):
        super().__init__()
        self.session = open_session(house)
        self.plan = [self.transaction(dice) for _ in range(dice.choice([1, 1, 2, 4]))]
        self.committed, self.undone = [], []

    @staticmethod
    def transaction(dice):
        """(seconds before it, the priorities of its jobs, seconds open after the last enqueue, does it commit)"""
        priorities = [dice.randrange(-3, 4) for _ in range(dice.choice([1, 1, 1, 2, 5]))]
        return dice.uniform(0, 0.03), priorities, dice.choice([0, 0, 0.002, dice.uniform(0, 0.2)]), dice.random() < 0.8

    def run(self):
        for delay, priorities, hold, is_kept in self.plan:
            time.sleep(delay)
            jobs = [enqueue(self.session, priority=priority) for priority in priorities]
            time.sleep(hold)
            if is_kept:
                self.session.commit()
                self.committed += jobs
            else:
                self.session.rollback()
                self.undone += jobs
        self.session.close()


def hang_up(house, dice):
    """Ends a session that says it is idle, or any of orchd's."""
    pids = idle(house) if dice.random() < 0.7 else [row["pid"] for row in house.sql(
        "select a.pid from pg_stat_activity as a where a.datname = current_database() and a.application_name like 'orchd%'"
        " order by a.pid")]
    if pids:
        house.sql("select pg_terminate_backend(%s)", (dice.choice(pids),))


def test_Q3_what_is_queued_again_wakes_whoever_sleeps(house_of):
    house = house_of(env=dict(NO_POLL, ORCH_RETRY_BASE="300ms")).start()
    wait_asleep(house)
    house.mode("chore", "transient", "fail", "ok")
    with open_session(house, autocommit=True) as session:
        wait_done(house, [enqueue(session)])


def test_Q3_randomized_every_committed_job_runs_once(house_of):
    dice = random.Random(SEED)
    print("ORCH_SEED=%d ORCH_ROUNDS=%d" % (SEED, ROUNDS))
    house = house_of(env=dict(NO_POLL, ORCH_MAX_CONCURRENCY="3"))
    ran = house.directory / "ran"
    house.write_agents(chore="{command: [/bin/sh, -c, 'echo $ORCH_JOB >>%s'], timeout: 60s}" % ran)
    house.start()
    names = [house.node + "b", house.node + "c"]
    others = {name: house.start_node(name)[0] for name in names}
    committed, undone, kills = [], [], 0
    for _ in range(ROUNDS):
        producers = [Producer(house, dice) for _ in range(dice.randrange(1, PRODUCERS + 1))]
        fault = dice.choices(["none", "hang up", "kill"], [12, 6, 2])[0]
        when, whom = dice.uniform(0, 0.15), dice.choice(names)
        for producer in producers:
            producer.start()
        time.sleep(when)
        if fault == "hang up":
            hang_up(house, dice)
        elif fault == "kill":
            kills += 1
            others[whom].kill()
            others[whom].wait()
            others[whom] = house.start_node(whom)[0]
        for producer in producers:
            producer.join()
            committed += producer.committed
            undone += producer.undone
        # Each round ends in quiet: the ring of a later job would hide that one was forgotten.
        wait_done(house, committed)
    assert sorted(committed) == [row["id"] for row in house.sql("select j.id from orch.jobs as j order by j.id")]
    outcomes = collections.defaultdict(list)
    for row in house.sql("select r.job_id, r.outcome from orch.agent_runs as r order by r.id"):
        outcomes[row["job_id"]].append(row["outcome"])
    times = collections.Counter(int(line) for line in ran.read_text().split())
    assert set(times) == set(committed) and not set(times) & set(undone)
    for job in committed:
        assert outcomes[job].count("ok") == 1, (SEED, job, outcomes[job])
        assert times[job] <= len(outcomes[job]), (SEED, job, outcomes[job])
        assert set(outcomes[job]) <= ({"ok", "lost"} if kills else {"ok"}), (SEED, job, outcomes[job])
