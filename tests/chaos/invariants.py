"""What has to be true when it is quiet again; the numbers are those of 5-quality. Each check answers what it found wrong."""
import collections
import hashlib

from house import git, processes
import watch


def check(round_, walks, calm):
    arena = round_.arena
    world = World(arena, walks, calm)
    wrong = list(round_.watch.sins)
    for check_one in (check_processes, check_tasks, check_jobs, check_deliveries, check_effects, check_messages, check_default_branches,
                      check_branches, check_worktrees, check_archives, check_bystander, check_results):
        wrong += check_one(world)
    return wrong


class World:
    """The tables, the books and the repositories, read once."""

    def __init__(self, arena, walks, calm):
        self.arena, self.walks, self.calm = arena, walks, calm
        self.tasks = arena.sql("select t.*, orch.original_key(t.work_item) as item, orch.original_key(t.plane_issue_id) as issue"
                               " from orch.tasks as t order by t.id")
        self.effects = arena.sql("select o.* from orch.outbox as o order by o.id")
        self.books = arena.house.books()

    def cancelled(self):
        return [task for task in self.tasks if task["stage"] == "cancelled"]

    def rows(self, text):
        return [dict(row) for row in self.arena.sql(text)]


def check_processes(world):
    """(2)"""
    found = processes(world.arena.house.node) + [pid for node in world.arena.nodes[1:] for pid in processes(node.name)]
    left = watch.look(world.arena.house.node.encode())
    return ["(2) processes are left: %s %s" % (found, left)] if found or left else []


def check_tasks(world):
    """(3), (7)"""
    wrong = ["(3) %(what)s at %(at)s" % sin for sin in world.rows("select * from chaos.sins")]
    by_issue = collections.Counter(task["issue"] for task in world.tasks)
    for task in world.tasks:
        if task["issue"] != world.calm and task["stage"] not in ("cancelled", "done"):
            wrong.append("task %(id)s (%(item)s) is neither cancelled nor done: %(stage)s" % task)
        if task["stage"] == "done" and task["cancel_requested_at"]:
            wrong.append("(7) task %(id)s (%(item)s) is done and its STOP still waits" % task)
        if task["stage"] == "cancelled" and task["work_item"] != "%s#cancelled-%d" % (task["item"], task["id"]):
            wrong.append("task %(id)s has no good tombstone: %(work_item)s" % task)
    for walk in world.walks:
        if by_issue[walk.issue] > 1 + bool(walk.plan.again) + walk.repeats:
            wrong.append("(4) %s has %d tasks" % (walk.item, by_issue[walk.issue]))
        if not by_issue[walk.issue]:
            wrong.append("%s has no task" % walk.item)
    wrong += ["(7) task %(id)s holds a lease, or a deploy, although it is over" % row for row in world.rows(
        "select t.id from orch.tasks as t where orch.is_terminal(t.stage) and (exists (select from orch.merge_leases as l where l.task_id = t.id)"
        " or exists (select from orch.deploys as d where d.task_id = t.id and d.finished_at is null))")]
    wrong += ["task %(task_id)s was cancelled %(count)s times" % row for row in world.rows(
        "select x.task_id, count(*) from orch.transitions as x where x.to_stage = 'cancelled' group by 1 having count(*) > 1")]
    return wrong


def check_jobs(world):
    """(3); what becomes of a job after the STOP is seen by moments.sql, for which of two came first no clock can tell."""
    return ["(3) job %(id)s of the cancelled task %(task_id)s is %(status)s" % row for row in world.rows(
        "select j.id, j.task_id, j.status from orch.jobs as j join orch.tasks as t on t.id = j.task_id"
        " where t.stage = 'cancelled' and j.status in ('queued', 'running')")]


def check_deliveries(world):
    """(4)"""
    wrong = ["(4) event %(event_id)s was applied %(count)s times" % row for row in world.rows(
        "select x.event_id, count(*) from orch.transitions as x where x.event_id is not null group by 1 having count(*) > 1")]
    known = {(row["source"], row["delivery_key"]) for row in world.rows("select e.source, e.delivery_key from orch.events as e")}
    for told in world.books["deliveries"]:
        if told["status"] == 200:
            key = hashlib.sha256(told["body"].encode()).hexdigest() if told["peer"] == "plane" else dict(told["headers"])["X-Gitea-Delivery"]
            if (told["peer"], key) not in known:
                wrong.append("(4) delivery %d of %s was accepted and is not there" % (told["n"], told["peer"]))
    return wrong


def check_effects(world):
    """(5)"""
    return ["(5) effect %(id)s (%(kind)s) of task %(task_id)s is %(status)s after %(attempts)s attempts: %(last_error)s" % effect
            for effect in world.effects if effect["status"] not in ("done", "skipped")]


def check_messages(world):
    """One alert and one comment for each STOP: no second one, unless the answer to the first was lost."""
    wrong = []
    messages, comments = [message["text"] for message in world.books["messages"]], world.books["comments"]
    for task in world.cancelled():
        for words in ("was stopped by", "waits until its deploy"):
            alerts = [effect for effect in world.effects if (effect["task_id"], effect["kind"]) == (task["id"], "alert")
                      and words in effect["payload"]["text"]]
            if len(alerts) > 1 or (words == "was stopped by" and not alerts):
                wrong.append("task %d (%s) has %d alerts that it %s" % (task["id"], task["item"], len(alerts), words))
    for item in sorted({task["item"] for task in world.cancelled()}):
        mine = [task for task in world.cancelled() if task["item"] == item]
        sent = [text for text in messages if item + " was stopped by" in text]
        tries = sum(effect["attempts"] for effect in world.effects if effect["kind"] == "alert"
                    and effect["task_id"] in [task["id"] for task in mine] and "was stopped by" in effect["payload"]["text"])
        if not len(mine) <= len(sent) <= (tries if world.arena.has_faults else len(mine)):
            wrong.append("%s was stopped %d times, and the messenger told it %d times (in %d attempts)" % (item, len(mine), len(sent), tries))
        said = [comment for comment in comments if comment["issue"] == mine[0]["issue"] and "Stopped by" in comment["comment_html"]]
        if len(said) != len(mine):
            wrong.append("%s was stopped %d times, and has %d comments that say so" % (item, len(mine), len(said)))
    return wrong


def check_default_branches(world):
    """(6)"""
    wrong = []
    done = {(task["repo"], task["pull_number"]) for task in world.tasks if task["stage"] == "done"}
    merges = {merge["merge"]: merge for merge in world.books["merges"]}
    for project in world.arena.house.projects:
        path = project["clone_url"][len("file://"):]
        history = git(path, "rev-list", "--first-parent", "main").split()
        strange = [sha for sha in history[:-2] if sha not in merges]  # The first two are the world's own.
        if strange:
            wrong.append("(6) main of %s has commits that nobody merged: %s" % (project["repo"], strange))
    for merge in merges.values():
        if (merge["repo"], merge["number"]) not in done:
            wrong.append("(6) pull request %d of %s is merged, and its task is not done" % (merge["number"], merge["repo"]))
    return wrong


def check_branches(world):
    wrong = []
    kept = {(task["repo"], task["branch"]) for task in world.tasks if task["stage"] != "cancelled"}
    for project in world.arena.house.projects:
        for branch in git(project["clone_url"][len("file://"):], "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split():
            if branch != "main" and (project["repo"], branch) not in kept:
                wrong.append("%s still has the branch %s" % (project["repo"], branch))
    return wrong


def check_worktrees(world):
    wrong = []
    for node in world.arena.nodes:
        for task in world.cancelled():
            if (node.data / "worktrees" / ("task-%d" % task["id"])).exists():
                wrong.append("%s still has the worktree of task %d (%s)" % (node.name, task["id"], task["item"]))
    return wrong


def check_archives(world):
    """The archive's ref is the head that was archived, and whatever of the branch ever came to the forge can be reached from an archive."""
    wrong = []
    reached = collections.defaultdict(set)
    nodes = {node.name: node for node in world.arena.nodes}
    heads = {}
    for node in nodes.values():
        for repo in {project["repo"] for project in world.arena.house.projects}:
            mirror = world.arena.mirror(node, repo)
            if mirror.exists():
                reached[repo] |= set(git(mirror, "rev-list", "--glob=refs/orch").split())
                for line in git(mirror, "for-each-ref", "--format=%(refname) %(objectname)", "refs/orch/archive").splitlines():
                    ref, sha = line.split()
                    heads[node.name, int(ref.rsplit("/", 1)[1])] = sha
    for effect in world.effects:
        head = (effect["result"] or {}).get("head")
        if effect["kind"] == "archive" and effect["status"] == "done" and head and heads.get((effect["holder"], effect["task_id"])) != head:
            wrong.append("the archive of task %d on %s is %s, not %s" % (effect["task_id"], effect["holder"],
                                                                          heads.get((effect["holder"], effect["task_id"])), head))
    branches = {(task["repo"], "refs/heads/" + task["branch"]) for task in world.cancelled()}
    lost = collections.Counter()
    for row in world.rows("select e.id, e.facts ->> 'repo' as repo, e.facts ->> 'ref' as ref, e.facts ->> 'after' as after from orch.events as e"
                          " where e.source = 'gitea' and e.kind = 'push'"):
        if (row["repo"], row["ref"]) in branches and row["after"] not in reached[row["repo"]]:
            lost["%(ref)s of %(repo)s" % row] += 1
    return wrong + ["no archive reaches %d commits that were pushed to %s" % (count, ref) for ref, count in lost.items()]


def check_bystander(world):
    task = next((task for task in world.tasks if task["issue"] == world.calm), None)
    if not task or task["stage"] != "analysis" or not task["brd_review_started_at"]:
        return ["the task that was left alone is not where it ought to be: %s" % task]
    return ["a run of the task that was left alone was stopped: %s" % row for row in world.rows(
        "select r.id, r.outcome, r.message from orch.agent_runs as r where r.outcome = 'stopped' and r.task_id = %d" % task["id"])]


def check_results(world):
    """What the doors said. Without faults exactly one takes effect; an answer may be lost, and then the repetition finds it done."""
    wrong = []
    for walk in world.walks:
        said = collections.Counter(result for _, result in walk.results)
        if set(said) - {None, "cancelled", "deferred", "already_pending", "already_cancelled", "already_done"}:
            wrong.append("%s was told %s" % (walk.item, dict(said)))
        if said["cancelled"] + said["deferred"] > 1 + bool(walk.plan.again) + walk.repeats:
            wrong.append("the STOP of %s took effect more than once: %s" % (walk.item, walk.results))
    return wrong


# --- figures ------------------------------------------------------------------------------------------------------------------------------


def measure(arena):
    """Milliseconds from the STOP to SIGTERM and to the last process gone, and how the tasks and runs ended."""
    runs = arena.sql("select r.stop_at, r.term_at, r.gone_at, r.outcome from orch.agent_runs as r")
    return {
        "to SIGTERM": [(run["term_at"] - run["stop_at"]).total_seconds() * 1000 for run in runs if run["stop_at"] and run["term_at"]],
        "to gone": [(run["gone_at"] - run["stop_at"]).total_seconds() * 1000 for run in runs if run["stop_at"] and run["gone_at"]],
        "outcomes": collections.Counter(run["outcome"] for run in runs),
        "tasks": collections.Counter(row["stage"] for row in arena.sql("select t.stage from orch.tasks as t")),
        "STOPs": arena.value("select count(*) from orch.tasks as t where t.stage = 'cancelled' or t.cancel_via is not null"),
    }
