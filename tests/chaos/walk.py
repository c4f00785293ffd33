"""One task on its way to its STOP, as a person and the board would move it: a thread of the driver."""
import json
import subprocess
import threading
import time

from ground import BUILD, PATIENCE_S
from house import call, wait_for
from plan import DEPLOYS, MOMENTS

RESEND_S = 5
# A moment that a fault has taken away does not come.
MISS_S = 60


class Walk(threading.Thread):
    def __init__(self, arena, ear, plan, dice, ready, go):
        """ready: a semaphore that is released when a long way has been gone; go: the event that all then wait for."""
        super().__init__(daemon=True)
        self.arena, self.house, self.ear, self.plan, self.dice = arena, arena.house, ear, plan, dice
        self.ready, self.go = ready, go
        self.results = []
        self.missed = []
        self.repeats = 0  # of To Analyse: each may become a task of its own, when the first was late and not lost
        self.error = None
        project = next(project for project in self.house.projects if project["name"] == plan.project)
        issue = self.house.order("issue", title="Stop me: %s, number %d" % (plan.moment, plan.number), project=plan.project)
        self.issue, self.item = issue["id"], "%s-%03d" % (project["prefix"], issue["sequence_id"])
        self.repo = project["repo"]
        ear.issues[self.item] = self.issue

    def run(self):
        try:
            with self.arena.room:
                self.walk(self.plan)
                if self.plan.again:
                    self.ear.wait(self.issue, ("cancelled", "done"), 0, PATIENCE_S)
                    self.walk(self.plan.again)
        except Exception as error:  # pylint: disable=broad-except
            self.error = "%s (%s): %r" % (self.item, self.plan.describe(), error)
            self.ready.release()

    def move(self, status):
        self.arena.insist(lambda: self.house.move(self.issue, status))

    def walk(self, plan):
        since = self.ear.heard(self.issue)
        (self.house.control / ("%s.%s.chaos" % (self.item, plan.stage))).write_text(plan.mode + "\n")
        if MOMENTS[plan.moment].is_deep:
            since = self.go_deep(plan, since)
            self.ready.release()
            self.go.wait(PATIENCE_S)
            time.sleep(plan.offset_s)
            if plan.moment in ("deploy under way", "merge under way"):
                self.move("Confirm Deploy")
        else:
            self.go.wait(PATIENCE_S)
            time.sleep(plan.offset_s)
            self.begin(since)
        if not self.ear.wait(self.issue, MOMENTS[plan.moment].words, since, MISS_S):
            self.missed.append(plan.moment)
        time.sleep(plan.delay_s)
        self.stop(plan)

    def begin(self, since):
        """To Analyse, again when nothing comes of it: a delivery that meets a lost Postgres is refused, and the board does not care."""
        if since:
            self.move("Todo")  # The card may be in To Analyse still, and would not move.
        self.move("To Analyse")
        while not self.ear.wait(self.issue, ("made",), since, RESEND_S if self.arena.has_faults else PATIENCE_S):
            if not self.arena.has_faults:
                raise AssertionError("To Analyse made no task")
            if self.arena.value("select 1 from orch.tasks where plane_issue_id = %s", (self.issue,)):
                return
            self.repeats += 1
            self.move("Todo")
            self.move("To Analyse")

    def go_deep(self, plan, since):
        """Until the stage in which the STOP shall come; answers how much was heard by then."""
        self.begin(since)
        analysed = self.need(("analysed",), since)
        self.move("Approved")
        if plan.moment not in DEPLOYS:
            return self.need((plan.stage,), analysed)
        at = self.need(("parked",), analysed)
        return at - 1 if plan.moment == "parked" else self.ear.heard(self.issue)

    def need(self, words, since):
        at = self.ear.wait(self.issue, words, since, PATIENCE_S)
        if not at:
            raise AssertionError("waited in vain for %s; heard was %s" % (words, self.ear.words[self.issue]))
        return at

    # --- STOP -----------------------------------------------------------------------------------------------------------------------

    def stop(self, plan):
        began = [threading.Thread(target=self.knock, args=(delay, door), daemon=True) for delay, door in plan.doors]
        for thread in began:
            thread.start()
        for thread in began:
            thread.join(PATIENCE_S * 2)
            if thread.is_alive():
                raise AssertionError("a door did not answer")

    def knock(self, delay, door):
        time.sleep(delay)
        try:
            self.results.append((door, getattr(self, "stop_by_" + door)()))
        except Exception as error:  # pylint: disable=broad-except
            self.error = "%s (%s): STOP by %s: %r" % (self.item, self.plan.describe(), door, error)

    def stop_by_board(self):
        """Without faults the one gesture has to do; else the delivery is repeated until it is accepted, as a person would try again."""
        self.move("STOP")
        if not self.arena.has_faults:
            return None
        payload = self.arena.insist(lambda: self.house.delivery(self.issue, "STOP"))

        def is_accepted():
            try:
                return self.house.post_plane(payload)[0] == 200
            except OSError:
                return False
        wait_for(is_accepted, PATIENCE_S, "for the delivery to be accepted")
        return None

    def stop_by_http(self):
        def answer():
            for node in self.dice.sample(self.arena.nodes, len(self.arena.nodes)):
                try:
                    status, _, body = call("%s/tasks/%s/stop" % (node.url, self.item), {"reason": "chaos"}, "POST",
                                           {"Authorization": "Bearer operator-token"})
                except OSError:
                    continue
                if status in (200, 202):
                    return body["result"]
                if status not in (500, 503) or not self.arena.has_faults:
                    raise AssertionError("STOP over HTTP was answered %d: %s" % (status, body))
            return None
        return wait_for(answer, PATIENCE_S, "for HTTP to answer")

    def stop_by_orchctl(self):
        def answer():
            done = subprocess.run([str(BUILD / "bin" / "orchctl"), "--json", "stop", self.item, "chaos"], capture_output=True, text=True,
                                  check=False, env={"ORCH_DATABASE_URL": self.house.database_url}, timeout=PATIENCE_S)
            if done.returncode == 0:
                told = json.loads(done.stdout)
                return (told[0] if isinstance(told, list) else told)["result"]
            if not self.arena.has_faults:
                raise AssertionError("orchctl ended with %d: %s" % (done.returncode, done.stderr))
            return None
        return wait_for(answer, PATIENCE_S, "for orchctl to do it")

    def stop_by_psql(self):
        return self.arena.value("select result from orch.stop_task(%s, 'chaos')", (self.item,))
