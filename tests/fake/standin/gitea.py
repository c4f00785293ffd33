"""The forge: Gitea's REST API v1 on real repositories, its webhooks, and a CI that judges new commits with code."""
import re
import threading
import time
import urllib.parse

from . import shapes
from .repo import Repo

ZERO = "0" * 40
WATCH_SECONDS = 0.03
CI_CONTEXT = "CI / build (pull_request)"


class Gitea:
    def __init__(self, world, directory, names):
        self.world = world
        self.repos = {name: Repo(directory, name, 31 + at) for at, name in enumerate(names)}
        self.known = {}
        self.pulls = []
        self.statuses = []
        self.merges = []
        self.hooks = {}  # repo → what a test says of its webhooks

    def base(self):
        return "http://127.0.0.1:%d/gitea" % self.world.port

    # --- what changes in the repositories -------------------------------------------------------------------------------------------

    def watch(self):
        """Nobody runs hooks for a push by file, so the branches are looked at."""
        self.known = {name: repo.heads() for name, repo in self.repos.items()}
        threading.Thread(target=self.watch_always, daemon=True).start()

    def watch_always(self):
        while True:
            time.sleep(WATCH_SECONDS)
            for repo in self.repos.values():
                with self.world.lock:
                    self.look(repo)

    def look(self, repo):
        now, before = repo.heads(), self.known[repo.name]
        self.known[repo.name] = now
        for branch in sorted(set(before) | set(now)):
            if before.get(branch) == now.get(branch):
                continue
            if branch not in now:
                # A deletion is told by "delete" only; there is no push with a zero commit.
                self.tell("delete", "delete", shapes.delete(self.base(), repo, branch))
                self.close_pulls(repo, branch)
                continue
            if branch not in before:
                self.tell("create", "create", shapes.create(self.base(), repo, branch, now[branch]))
            self.tell("push", "push", shapes.push(self.base(), repo, branch, before.get(branch, ZERO), now[branch]))
            self.synchronize(repo, branch, now[branch])
            if branch != repo.default_branch:
                self.start_ci(repo, now[branch])

    def tell(self, event, event_type, payload):
        self.world.sender.gitea(event, event_type, payload)

    def tell_pull(self, action, pull, event_type="pull_request"):
        told = self.shape(pull)
        if action != "closed":
            told["mergeable"] = False  # The conflict check has not run when the delivery is made.
        self.tell("pull_request", event_type, shapes.pull_event(self.base(), action, pull, told))

    def synchronize(self, repo, branch, sha):
        for pull in self.open_pulls(repo, branch):
            pull.update(head_sha=sha, busy=self.world.settings["merge_busy"], updated_at=shapes.now())
            self.tell_pull("synchronized", pull, "pull_request_sync")

    def close_pulls(self, repo, branch):
        for pull in self.open_pulls(repo, branch):
            pull.update(state="closed", closed_at=shapes.now(), updated_at=shapes.now())
            self.tell_pull("closed", pull)

    def open_pulls(self, repo, branch):
        return [pull for pull in self.pulls if pull["repo"] is repo and pull["head"] == branch and pull["state"] == "open"]

    # --- CI -------------------------------------------------------------------------------------------------------------------------

    def start_ci(self, repo, sha):
        mode = self.world.settings["ci"]
        if mode == "silent" or not repo.has_code(sha):
            return
        self.set_status(repo, sha, "pending", CI_CONTEXT, "Has started running")
        if mode != "pending":
            threading.Timer(self.world.settings["ci_ms"] / 1000, lambda: self.set_status(repo, sha, mode, CI_CONTEXT, "Ended")).start()

    def set_status(self, repo, sha, state, context, description=""):
        with self.world.lock:
            # Times are whole seconds and deliveries have no order: a verdict within the second of the start could not be told from it.
            before = [status["updated_at"] for status in self.statuses if (status["sha"], status["context"]) == (sha, context)]
            moment = max([shapes.now(), *(shapes.second_after(stamp) for stamp in before)])
            status = {"id": 900 + len(self.statuses), "repo": repo.name, "sha": sha, "state": state, "context": context,
                      "description": description, "created_at": moment, "updated_at": moment,
                      "target_url": "%s/%s/actions/runs/15/jobs/%d" % (self.base(), repo.name, len(self.statuses))}
            self.statuses.append(status)
            self.tell("status", "status", shapes.status_event(self.base(), repo, status))
            return status

    # --- REST -----------------------------------------------------------------------------------------------------------------------

    def refuse(self, status, text):
        body = {"message": text, "url": self.base() + "/api/swagger"}
        return status, dict({"errors": None}, **body) if status == 404 else body

    def answer(self, method, path, query, headers, body):
        """path is what follows /gitea, still escaped. Answers (status, body)."""
        if path == "/api/v1/version":
            return 200, {"version": "1.26.3"}
        words = (headers.get("Authorization") or "").split()
        is_known = len(words) == 2 and words[0].lower() in ("token", "bearer") and words[1] == self.world.args.gitea_token
        found = re.fullmatch(r"/api/v1/repos/([^/]+/[^/]+)/(.*)", path)
        if not is_known:
            return self.refuse(404, "not found") if method == "GET" and not words else self.refuse(401, "token is required")
        if not found or found.group(1) not in self.repos:
            return self.refuse(404, "not found")
        if method != "GET" and self.world.settings["forge_scope"] != "write":
            return self.refuse(403, "token does not have at least one of required scope(s): [write:repository]")
        repo, rest = self.repos[found.group(1)], found.group(2)
        routes = [(r"hooks", self.on_hooks), (r"branches/(.+)", self.on_branch), (r"pulls", self.on_pulls), (r"pulls/(\d+)", self.on_pull),
                  (r"pulls/(\d+)/merge", self.on_merge), (r"pulls/([^/]+)/(.+)", self.on_pull_of),
                  (r"commits/(.+)/status", self.on_combined),
                  (r"statuses/([0-9a-f]{40})", self.on_statuses), (r"commits/([0-9a-f]{40})/statuses", self.on_statuses)]
        for pattern, verb in routes:
            match = re.fullmatch(pattern, rest)
            if match:
                with self.world.lock:
                    self.look(repo)
                    return verb(repo, method, body or {}, query, *[urllib.parse.unquote(part) for part in match.groups()])
        return self.refuse(404, "not found")

    def on_hooks(self, repo, method, body, query):
        if not self.world.settings["forge_admin"]:
            return self.refuse(403, "user should be an owner or a collaborator with admin write of a repository")
        if method != "GET":
            return self.refuse(405, "method not allowed")
        url = self.world.target + "/webhook/gitea"
        return 200, [shapes.hook(number, dict({"url": url}, **hook)) for number, hook in enumerate(self.hooks.get(repo.name, [{}]), 1)]

    def on_branch(self, repo, method, body, query, branch):
        sha = repo.head(branch)
        if sha is None:
            return self.refuse(404, "not found")
        if method == "GET":
            return 200, dict(shapes.branch(self.base(), repo, branch, sha), user_can_merge=self.world.settings["forge_merge"])
        if method != "DELETE":
            return self.refuse(405, "method not allowed")
        if branch == repo.default_branch:
            return self.refuse(403, "can not delete default or pull request target branch")
        repo.delete_branch(branch)
        self.look(repo)
        return 204, None

    def on_pulls(self, repo, method, body, query):
        if method == "GET":
            state = query.get("state", "open")
            return 200, [self.shape(pull) for pull in self.pulls if pull["repo"] is repo and state in ("all", pull["state"])]
        head, base = body.get("head", ""), body.get("base", "")
        if head == base:
            return self.refuse(422, "head and base are the same")
        if repo.head(head) is None or repo.head(base) is None:
            return self.refuse(404, "not found")
        for pull in self.open_pulls(repo, head):
            if pull["base"] == base:
                return self.refuse(409, "pull request already exists for these targets [id: %d, issue_id: %d, head_repo_id: %d, "
                                   "base_repo_id: %d, head_branch: %s, base_branch: %s]" % (
                                       80 + pull["number"], pull["number"], repo.number, repo.number, head, base))
        number = 1 + max([pull["number"] for pull in self.pulls if pull["repo"] is repo], default=0)
        moment = shapes.now()
        pull = {"number": number, "repo": repo, "head": head, "base": base, "head_sha": repo.head(head), "title": body.get("title", ""),
                "body": body.get("body", ""), "state": "open", "merge_sha": None, "busy": self.world.settings["merge_busy"],
                "created_at": moment, "updated_at": moment, "closed_at": None}
        self.pulls.append(pull)
        self.tell_pull("opened", pull)
        return 201, self.shape(pull)

    def find(self, repo, number):
        return next((pull for pull in self.pulls if pull["repo"] is repo and pull["number"] == int(number)), None)

    def on_pull(self, repo, method, body, query, number):
        pull = self.find(repo, number)
        if pull is None:
            return self.refuse(404, "not found")
        told = self.shape(pull)
        pull["busy"] = max(0, pull["busy"] - 1)  # Looking at it makes the check run.
        return 200, told

    def on_pull_of(self, repo, method, body, query, base, head):
        found = [pull for pull in self.pulls if pull["repo"] is repo and (pull["base"], pull["head"]) == (base, head)]
        found.sort(key=lambda pull: (pull["state"] == "open", pull["number"]))
        return (200, self.shape(found[-1])) if found else self.refuse(404, "not found")

    def on_merge(self, repo, method, body, query, number):
        pull = self.find(repo, number)
        if method == "GET":
            return (204, None) if pull and pull["merge_sha"] else self.refuse(404, "not found")
        if pull is None or (pull["state"] == "closed" and not pull["merge_sha"]):
            return self.refuse(404, "not found")
        if pull["merge_sha"]:
            return self.refuse(405, "The PR is already merged")
        if pull["title"].startswith(("WIP:", "[WIP]")):
            return self.refuse(405, "Work in progress PRs cannot be merged")
        if pull["busy"] > 0:
            pull["busy"] -= 1
            return self.refuse(405, "Please try again later")
        if body.get("head_commit_id") and body["head_commit_id"] != pull["head_sha"]:
            return self.refuse(409, "head out of date")
        if not repo.is_mergeable(pull["head_sha"]):
            return (409, {"Style": "merge", "StdOut": "CONFLICT (content)", "StdErr": "", "Err": {}}) if (
                self.world.settings["conflict_object"]) else self.refuse(405, "Please try again later")
        made = repo.merge(pull["head_sha"], "Merge pull request '%s' (#%d)" % (pull["title"], pull["number"]))
        self.merges.append({"repo": repo.name, "number": pull["number"], "head": pull["head_sha"], "merge": made})
        pull.update(state="closed", merge_sha=made, closed_at=shapes.now(), updated_at=shapes.now())
        self.tell_pull("closed", pull)
        if body.get("delete_branch_after_merge"):
            repo.delete_branch(pull["head"])
        self.look(repo)
        return 200, None

    def on_combined(self, repo, method, body, query, ref):
        sha = ref if re.fullmatch(r"[0-9a-f]{40}", ref) else repo.head(ref)
        if sha is None:
            return self.refuse(404, "not found")
        newest = {}
        for status in self.statuses:
            if status["repo"] == repo.name and status["sha"] == sha:
                newest[status["context"]] = status
        # State and count are those of the returned page only.
        limit, at = min(int(query.get("limit", 30)), 50), int(query.get("page", 1)) - 1
        return 200, shapes.combined(self.base(), repo, sha, list(newest.values())[at * limit:(at + 1) * limit])

    def on_statuses(self, repo, method, body, query, sha):
        if method == "POST":
            status = self.set_status(repo, sha, body.get("state", ""), body.get("context", "default"), body.get("description", ""))
            return 201, shapes.status(self.base(), repo, status)
        found = [status for status in self.statuses if status["repo"] == repo.name and status["sha"] == sha]
        return 200, [shapes.status(self.base(), repo, status) for status in reversed(found)]

    def shape(self, pull):
        told = shapes.pull(self.base(), pull)
        told["mergeable"] = pull["state"] == "open" and not pull["busy"] and pull["repo"].is_mergeable(pull["head_sha"])
        return told

    @staticmethod
    def failure(plan):
        return plan["status"], {"message": "", "url": ""}

    def pulls_now(self):
        return [dict(pull, repo=pull["repo"].name) for pull in self.pulls]

    def branches_now(self):
        return {name: repo.heads() for name, repo in self.repos.items()}
