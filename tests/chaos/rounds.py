"""A round: a house with many tasks, a STOP of each at its own moment, misfortunes meanwhile, then quiet, and a look at everything."""
import collections
import random
import subprocess
import threading
import time
import traceback

import faults
import invariants
from ear import Ear
from ground import CALM, PATIENCE_S, Arena
from plan import MOMENTS, draw_plans
from walk import Walk
from watch import Watch

QUIET_S = 300
UNQUIET = """
select (select count(*) from orch.agent_runs as r where r.ended_at is null) as "open runs",
       (select count(*) from orch.jobs as j where j.status in ('queued', 'running')) as "unfinished jobs",
       (select count(*) from orch.outbox as o where o.status = 'pending') as "pending effects",
       (select count(*) from orch.events as e where e.status in ('received', 'failed', 'waiting')) as "unsettled events",
       (select count(*) from orch.tasks as t where t.finished_at is null and not orch.original_key(t.plane_issue_id) = any (%s)) as "unfinished tasks",
       (select count(*) from orch.stops as s where s.state <> 'clean') as "STOPs not clean"
"""


class Round:
    def __init__(self, ground, seed, stops, kinds, log=print):
        """kinds: of faults; none = no misfortune, and then nothing may be told twice."""
        self.ground, self.seed, self.log = ground, seed, log
        self.dice = random.Random(seed)
        # All is drawn here, in one order, whatever the threads do later.
        self.nodes = self.dice.choice([1, 2])
        self.window_s = 2
        self.plans = draw_plans(self.dice, stops, self.window_s)
        self.mishaps = self.draw_faults(kinds)
        self.walk_seeds = [self.dice.random() for _ in self.plans]
        self.sins = []
        self.figures = {}
        self.asked = 0
        self.arena = self.ear = self.watch = None

    def draw_faults(self, kinds):
        """(seconds after the start, kind, dice): one in each round, now and then two."""
        chosen = [self.dice.choice(kinds)] if kinds else []
        if kinds and self.dice.random() < 0.35:
            chosen.append(self.dice.choice(kinds))
        return [(self.dice.uniform(0, 1.3 * self.window_s), kind, random.Random(self.dice.random())) for kind in chosen]

    def describe(self):
        return "seed %d, %d nodes, %d STOPs, faults: %s" % (
            self.seed, self.nodes, len(self.plans), ", ".join("%s at %.1f s" % (kind, at) for at, kind, _ in self.mishaps) or "none")

    def play(self):
        """True when nothing is wrong."""
        began = time.monotonic()
        kinds = [kind for _, kind, _ in self.mishaps]
        self.arena = Arena(self.ground, self.nodes, bool(kinds), "cut" in kinds)
        try:
            self.ear = Ear(self.arena.house.database_url, self.arena.pipe)
            self.watch = Watch(self.arena.house.node)
            self.arena.start()
            walks, calm = self.act()
            self.settle(walks, calm)
            self.sins += invariants.check(self, walks, calm)
            self.figures = invariants.measure(self.arena)
        except Exception:  # pylint: disable=broad-except
            self.sins.append("the driver failed:\n" + traceback.format_exc())
        finally:
            if self.sins:
                self.tell_sins()
            self.leave()
        self.log("%s %s, %.0f s" % ("not ok" if self.sins else "ok", self.describe(), time.monotonic() - began))
        return not self.sins

    def leave(self):
        for part in (self.watch, self.ear):
            if part:
                part.close()
        statuses = self.arena.close(bool(self.sins))
        if statuses and not self.mishaps:
            self.sins.append("orchd ended with %s" % statuses)

    def act(self):
        ready, go = threading.Semaphore(0), threading.Event()
        calm = self.arena.house.order("issue", title="Leave me alone", project=CALM)["id"]
        self.arena.house.move(calm, "To Analyse")
        walks = [Walk(self.arena, self.ear, plan, random.Random(seed), ready, go) for plan, seed in zip(self.plans, self.walk_seeds)]
        for walk in walks:
            walk.start()
        for plan in self.plans:
            if MOMENTS[plan.moment].is_deep and self.mishaps:
                ready.acquire(timeout=PATIENCE_S)
        if self.mishaps:
            self.ear.wait(calm, ("made",), 0, PATIENCE_S)
        go.set()
        harms = [threading.Thread(target=self.harm, args=mishap, daemon=True) for mishap in self.mishaps]
        for thread in harms:
            thread.start()
        self.await_end(harms)
        self.await_end(walks, self.arena.revive)
        self.sins += [walk.error for walk in walks if walk.error]
        return walks, calm

    @staticmethod
    def await_end(threads, meanwhile=lambda: None):
        """meanwhile: a node that was given up has ended, and a supervisor would start it again; misfortunes start theirs themselves."""
        deadline = time.monotonic() + 10 * PATIENCE_S
        for thread in threads:
            while thread.is_alive():
                meanwhile()
                thread.join(0.2)
                if time.monotonic() > deadline:
                    raise AssertionError("a thread of the driver hangs: %s" % thread)

    def harm(self, at, kind, dice):
        time.sleep(at)
        try:
            faults.KINDS[kind](self.arena, dice)
        except Exception as error:  # pylint: disable=broad-except
            self.sins.append("the fault %s failed: %r" % (kind, error))

    # --- quiet --------------------------------------------------------------------------------------------------------------------

    def settle(self, walks, calm):
        """Until nothing is under way any more, also not at the forge and on its way from there."""
        self.arena.insist(lambda: self.arena.house.order("heal"))
        late = [walk.issue for walk in walks if walk.repeats]
        deadline = time.monotonic() + QUIET_S
        while True:
            self.arena.revive()
            self.arena.forge.sweep()
            if late:
                self.arena.sql("select orch.stop_task(t.id::text, 'chaos') from orch.tasks as t where t.plane_issue_id = any (%s)", (late,))
            left = self.unquiet(calm)
            if not left and self.arena.forge.is_quiet() and self.arena.insist(lambda: self.arena.house.order("settle", seconds=1))["is_settled"]:
                # What was on its way has come now, and may have caused more.
                left = self.unquiet(calm)
                if not left and self.arena.forge.is_quiet():
                    return
            if time.monotonic() > deadline:
                self.sins.append("it does not become quiet: %s" % (left or "the forge, or deliveries"))
                return
            time.sleep(0.1)

    def unquiet(self, calm):
        return {name: count for name, count in self.arena.sql(UNQUIET, ([calm],))[0].items() if count}

    # --- what is told -------------------------------------------------------------------------------------------------------------

    def tell_sins(self):
        """The seed, the plans, and the story of each task; the tables are kept as well."""
        with open(self.arena.directory / "orch.sql", "wb") as out:
            subprocess.run(["pg_dump", "--schema=orch", "--dbname", self.arena.house.database_url], stdout=out, check=False)
        self.log("VIOLATION, %s" % self.describe())
        for sin in self.sins:
            self.log("  - " + sin)
        for plan in self.plans:
            self.log("  plan %d: at %.3f s, %s" % (plan.number, plan.offset_s, plan.describe()))
        try:
            for row in self.arena.sql("select t.id, orch.original_key(t.work_item) as item, t.stage from orch.tasks as t order by t.id"):
                self.log("  task %(id)s, %(item)s, %(stage)s" % row)
                for line in self.arena.sql("select * from orch.why(%s)", (str(row["id"]),)):
                    self.log("    %s  %s" % (line["at"], line["what"]))
        except Exception as error:  # pylint: disable=broad-except
            self.log("  orch.why is not there: %r" % error)
        self.log("  logs and repositories are kept in %s" % self.arena.directory)


def count_moments(rounds):
    told = collections.Counter()
    for one in rounds:
        for plan in one.plans:
            told[plan.moment] += 1
            if plan.again:
                told[plan.again.moment] += 1
    return told
