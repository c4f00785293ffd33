"""The world as the stand-in sees it: settings, planned failures, the books, and the peers that share them. One lock guards all of it."""
import datetime
import threading
import time

from .gitea import Gitea
from .plane import Plane
from .sender import Sender
from .telegram import Telegram

# What tests turn at run time, with POST /_control/set.
SETTINGS = {
    "ci": "success",           # success, failure, silent, or pending (never gets further)
    "ci_ms": 100,              # from pending to the verdict
    "merge_busy": 1,           # how often a fresh head is "still checking": 405 and mergeable=false
    "conflict_object": False,  # a conflict is told as a 409 with a JSON object, instead of 405 "try again later"
    "forge_scope": "write",    # of the token: write, or read, for which every change is refused
    "forge_admin": True,       # the token's user may see webhooks
    "forge_merge": True,       # the token's user may merge into the default branch
    "drop_plane": False,       # webhooks of the board vanish
    "drop_gitea": False,       # webhooks of the forge vanish
    "plane_attempts": 6,       # transport errors of one delivery after which the board gives up for good
    "retry_ms": 300,           # longest pause before the board's retry of a transport error (really 10 minutes)
    "chat_limit": 0,           # messages and edits that the messenger takes within chat_window seconds; 0 = any number
    "chat_window": 60,
    "rate_limit": 0,           # requests a minute that the board allows; 0 = any number
}


class World:
    def __init__(self, args):
        self.args = args
        self.lock = threading.RLock()
        self.settings = dict(SETTINGS)
        self.failures = []
        self.requests = []
        self.port = 0
        self.target = args.orchd.rstrip("/")
        self.last_stamp = 0
        self.sender = Sender(self)
        specs = [spec.split(":") for spec in args.project or ["orch:ORCH:acme/shop"]]
        self.plane = Plane(self, args.workspace, [(name, prefix) for name, prefix, _ in specs])
        self.gitea = Gitea(self, args.dir, sorted({repo for _, _, repo in specs}))
        self.telegram = Telegram(self)
        self.projects = [{"name": name, "prefix": prefix, "repo": repo} for name, prefix, repo in specs]

    def start(self, port):
        self.port = port
        self.gitea.watch()

    def describe(self):
        base = "http://127.0.0.1:%d" % self.port
        projects = [
            dict(project, workspace=self.plane.workspace, clone_url=self.gitea.repos[project["repo"]].clone_url,
                 project_id=self.plane.projects[project["name"]]["id"])
            for project in self.projects
        ]
        return {"event": "ready", "port": self.port, "url": base, "plane_url": base + "/plane", "gitea_url": base + "/gitea",
                "telegram_url": base + "/telegram", "projects": projects}

    def stamp(self):
        """A time that is later than every stamp before it, as the board prints it: microseconds, Z."""
        with self.lock:
            micros = max(time.time_ns() // 1000, self.last_stamp + 1)
            self.last_stamp = micros
        moment = datetime.datetime.fromtimestamp(micros // 1000000, datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + ".%06dZ" % (micros % 1000000)

    def note_request(self, peer, method, path, body, status):
        with self.lock:
            self.requests.append({"n": len(self.requests), "at": self.stamp(), "peer": peer, "method": method, "path": path,
                                  "body": body, "status": status})

    def planned_failure(self, peer, method, path):
        """The failure that a test has planned for this request, used up by it; None = none."""
        with self.lock:
            for failure in self.failures:
                if failure["peer"] == peer and failure.get("match", "") in method + " " + path:
                    failure["times"] -= 1
                    if failure["times"] <= 0:
                        self.failures.remove(failure)
                    return dict(failure)
        return None

    def books(self):
        with self.lock:
            return {
                "settings": dict(self.settings), "target": self.target, "failures": list(self.failures), "requests": list(self.requests),
                "deliveries": [dict(delivery) for delivery in self.sender.deliveries], "issues": self.plane.issues_now(),
                "comments": [dict(comment) for comment in self.plane.comments], "pulls": self.gitea.pulls_now(),
                "statuses": [dict(status) for status in self.gitea.statuses], "merges": list(self.gitea.merges),
                "messages": [dict(message) for message in self.telegram.messages], "branches": self.gitea.branches_now(),
                "projects": self.describe()["projects"] if self.port else [],
            }
