"""One house for one test: a database, the stand-in, a data directory and orchd, and the hands to move all of them."""
import collections
import contextlib
import datetime
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psycopg2
import psycopg2.extras

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests" / "fake"
sys.path.insert(0, str(FAKE))

from standin import sender  # noqa: E402

AGENTS = ("analyst", "architect", "developer", "reviewer", "tester", "deployer", "chore")
PATIENCE = float(os.environ.get("E2E_PATIENCE", "30"))
MOST_KEPT = 64  # ports; a test needs a handful
OPERATOR, READER = "operator-token", "reader-token"
PLANE_SECRET, GITEA_SECRET = "plane-secret", "gitea-secret"
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
QUICK = {
    "ORCH_POLL_SECONDS": "1s", "ORCH_LEASE": "15s", "ORCH_AGENT_KILL_GRACE_SECONDS": "1s", "ORCH_RETRY_BASE": "100ms",
    "ORCH_EFFECT_RETRY_BASE": "100ms", "ORCH_EVENT_RETRY_BASE": "100ms", "ORCH_REAPER_INTERVAL": "300ms",
    "ORCH_SWEEPER_INTERVAL": "300ms", "ORCH_EVENT_RETRY_INTERVAL": "200ms", "ORCH_BOARD_STATES_INTERVAL": "200ms",
    "ORCH_OUTBOX_INTERVAL": "300ms", "ORCH_DRAIN_SECONDS": "1s", "ORCH_BREAKER_PAUSE": "300ms", "ORCH_LOG_LEVEL": "debug",
    "ORCH_SPOOL_AFTER": "20s",  # A busy machine is no slow database.
    "ORCH_TELEGRAM_PER_MINUTE": "0",  # As many messages as a test makes.
    "ORCH_BOARD_POLL_SECONDS": "0",  # What a test wants to know of a delivery, no poll may do.
}


class GaveUp(AssertionError):
    """What was waited for did not come."""


def wait_for(what, patience=PATIENCE, hint=""):
    """Asks until the answer is true, and gives it; a deadline stands behind every wait."""
    deadline = time.monotonic() + patience
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise GaveUp("waited %.0f s in vain %s" % (patience, hint or getattr(what, "__doc__", None) or ""))
        time.sleep(0.03)


KEPT_PORTS = collections.deque()


def free_port():
    """A port below the ephemeral range, so that no outgoing connection takes it before orchd does, also across restarts. Its twin of UDP is
    kept bound, which nobody uses: so no other process that asks here gets the same port before orchd listens, or while it restarts."""
    while True:
        port = random.randrange(12000, 20000)
        twin = socket.socket(type=socket.SOCK_DGRAM)
        try:
            twin.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            twin.close()
            continue
        KEPT_PORTS.append(twin)
        if len(KEPT_PORTS) > MOST_KEPT:
            KEPT_PORTS.popleft().close()
        return port


def call(url, body=None, method=None, headers=None):
    """(status, headers, body): JSON is parsed, anything else is text."""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    kind = {"Content-Type": "application/json"} if data else {}
    request = urllib.request.Request(url, data, method=method, headers=dict(kind, **(headers or {})))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, told, raw = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        status, told, raw = answer.code, answer.headers, answer.read()
    try:
        return status, told, json.loads(raw)
    except ValueError:
        return status, told, raw.decode("utf-8", "replace")


def git(directory, *arguments):
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(directory), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def processes(node, run=None):
    """Pids of the living processes of a run, or of all runs of a node: known by their environment, wherever they went."""
    mark = ("ORCH_RUN_MARK=%s/" % node).encode() + (b"" if run is None else str(run).encode())
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            environment = pathlib.Path("/proc", entry, "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(name == mark if run is not None else name.startswith(mark) for name in environment):
            found.append(int(entry))
    return found


class House:
    def __init__(self, directory, database_url, build, projects=("orch:ORCH:acme/shop",), env=None, pooled_url=None, front=None):
        """pooled_url: the way through a pooler to the same database, for all but LISTEN. front: puts a proxy before the port of orchd, and
        gives the address to which board and forge deliver."""
        self.directory = pathlib.Path(directory)
        self.database_url = database_url
        self.pooled_url = pooled_url
        self.binary = pathlib.Path(build) / "bin" / "orchd"
        self.control = self.directory / "control"
        self.data = self.directory / "data"
        self.log_path = self.directory / "orchd.log"
        self.node = "n%d-%s" % (os.getpid(), self.directory.name[-12:])
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.front = front(self.port) if front else self.url
        self.extra = dict(env or {})
        self.daemon = None
        self.others = []
        for made in (self.control, self.data):
            made.mkdir(parents=True)
        self.reconnect()
        self.start_world(projects)
        self.write_agents()

    def reconnect(self):
        self.connection = psycopg2.connect(self.database_url)
        self.connection.autocommit = True

    # --- the surroundings ---------------------------------------------------------------------------------------------------------

    def start_world(self, projects):
        options = [option for project in projects for option in ("--project", project)]
        self.world = subprocess.Popen([str(FAKE / "stand-in"), "--dir", str(self.directory / "forge"), "--orchd", self.front, "--watch-stdin",
                                       "--plane-secret", PLANE_SECRET, "--gitea-secret", GITEA_SECRET, *options],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ready = json.loads(self.world.stdout.readline())
        # The real board's six attempts take half an hour: a restart of orchd is over by then, and does not cost the webhook.
        self.order("set", plane_attempts=1000)
        self.projects = self.ready["projects"]
        for project in self.projects:
            self.sql("insert into orch.projects (name, prefix, repo, clone_url, default_branch, plane_workspace, plane_project_id)"
                     " values (%(name)s, %(prefix)s, %(repo)s, %(clone_url)s, 'main', %(workspace)s, %(project_id)s)", project)

    def write_agents(self, deploys=None, **others):
        """The agents file; others: agent → YAML text of its entry; deploys: YAML text of what acme/shop has there."""
        lines = ["agents:"]
        for agent in AGENTS:
            lines.append("  %s: %s" % (agent, others.pop(agent, "{command: [%s], timeout: 60s, env: {FAKE_CONTROL: %s}}" % (
                FAKE / "agents" / "agent", self.control))))
        lines += ["  %s: %s" % pair for pair in others.items()]
        if deploys:
            lines += ["deploys:", "  acme/shop: " + deploys]
        (self.directory / "agents.yaml").write_text("\n".join(lines) + "\n")

    def environment(self, **changes):
        keep = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        settings = dict(QUICK, ORCH_DATABASE_URL=self.database_url, ORCH_NODE=self.node, ORCH_DATA_DIR=str(self.data),
                        ORCH_AGENTS_FILE=str(self.directory / "agents.yaml"), ORCH_LISTEN="127.0.0.1:%d" % self.port,
                        ORCH_PLANE_WEBHOOK_SECRET=PLANE_SECRET, ORCH_GITEA_WEBHOOK_SECRET=GITEA_SECRET, ORCH_OPERATOR_TOKEN=OPERATOR,
                        ORCH_READER_TOKEN=READER, ORCH_PLANE_URL=self.ready["plane_url"],
                        ORCH_PLANE_TOKEN="plane_api_00112233445566778899aabbccddeeff", ORCH_GITEA_URL=self.ready["gitea_url"],
                        ORCH_GITEA_TOKEN="0123456789abcdef0123456789abcdef01234567", ORCH_TELEGRAM_URL=self.ready["telegram_url"],
                        ORCH_TELEGRAM_TOKEN="700000001:stand-in", ORCH_TELEGRAM_CHAT="-1001234567890")
        if self.pooled_url:
            settings.update(ORCH_DATABASE_URL=self.pooled_url, ORCH_LISTEN_URL=self.database_url)
        for name, value in dict(self.extra, **changes).items():
            settings[name] = value
        return dict(keep, **{name: value for name, value in settings.items() if value is not None})

    # --- orchd --------------------------------------------------------------------------------------------------------------------

    def spawn(self, **changes):
        with open(self.log_path, "ab") as log:
            return subprocess.Popen([str(self.binary), "serve"], env=self.environment(**changes), stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log)

    def start(self, **changes):
        self.daemon = self.spawn(**changes)
        self.wait_up(self.daemon, self.url)
        return self

    def wait_states(self):
        """Until the board's statuses are known: a delivery before that waits for them."""
        wait_for(lambda: not self.value("select count(*) from orch.projects where states_read_at is null"), hint="for the statuses")

    def start_node(self, name, **changes):
        """Another orchd on the same database; answers (process, url)."""
        port = free_port()
        url = "http://127.0.0.1:%d" % port
        other = self.spawn(ORCH_NODE=name, ORCH_LISTEN="127.0.0.1:%d" % port, ORCH_DATA_DIR=str(self.directory / name), **changes)
        self.others.append(other)
        self.wait_up(other, url)
        return other, url

    def wait_up(self, process, url):
        def is_up():
            if process.poll() is not None:
                raise AssertionError("orchd ended at start with status %d:\n%s" % (process.returncode, self.log()[-3000:]))
            with contextlib.suppress(OSError):
                return call(url + "/health")[0] == 200
            return False
        wait_for(is_up, hint="for orchd to be up")

    def run(self, *words, **changes):
        """One short command of orchd."""
        return subprocess.run([str(self.binary), *words], env=self.environment(**changes), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)

    def kill9(self):
        self.daemon.kill()
        self.daemon.wait()

    def stop(self, patience=30):
        self.daemon.send_signal(signal.SIGTERM)
        return self.daemon.wait(patience)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def close(self):
        statuses = []
        for process in [self.daemon, *self.others]:
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in [self.daemon, *self.others]:
            if process:
                try:
                    statuses.append(process.wait(30))
                except subprocess.TimeoutExpired:
                    process.kill()
                    statuses.append("did not end at SIGTERM")
        self.world.stdin.close()
        self.world.wait(10)
        self.world.stdout.close()
        self.connection.close()
        return [status for status in statuses if status not in (0, -signal.SIGKILL)]

    # --- asking -------------------------------------------------------------------------------------------------------------------

    def sql(self, text, parameters=None):
        """Rows as dictionaries; [] for a statement without rows."""
        with self.connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(text, parameters)
            return cursor.fetchall() if cursor.description else []

    def one(self, text, parameters=None):
        rows = self.sql(text, parameters)
        return rows[0] if rows else None

    def value(self, text, parameters=None):
        row = self.one(text, parameters)
        return next(iter(row.values())) if row else None

    def books(self):
        return call(self.ready["url"] + "/_books")[2]

    def order(self, name, **order):
        status, _, answer = call(self.ready["url"] + "/_control/" + name, order)
        assert status == 200 and answer.get("is_settled", True), answer
        return answer

    def api(self, path, body=None, method=None, token=OPERATOR):
        return call(self.url + path, body, method, {"Authorization": "Bearer " + token} if token else {})

    def state_id(self, name, project=0):
        project = self.projects[project]
        status, _, body = call(self.ready["plane_url"] + "/api/v1/workspaces/%(workspace)s/projects/%(project_id)s/states/" % project,
                               headers={"X-API-Key": "plane_api_00112233445566778899aabbccddeeff"})
        if status != 200:
            raise OSError("the board answered %d" % status)  # As a peer that is failed for orchd answers us, too.
        return next(row for row in body["results"] if row["name"] == name)["id"]

    # --- acting -------------------------------------------------------------------------------------------------------------------

    def create(self, title="Add a thing", **more):
        return self.order("issue", title=title, **more)["id"]

    def move(self, issue, status):
        return self.order("move", issue=issue, status=status)

    def mode(self, who, *modes):
        """How an agent behaves: who is an agent, a stage, or <work item>.<agent>; of several modes each run takes one."""
        path = self.control / who
        if modes:
            # Renamed, so that an agent that starts meanwhile reads the old file or the new one, not a half of it.
            fresh = self.control / (who + ".new")
            fresh.write_text("\n".join(modes) + "\n")
            fresh.replace(path)
        else:
            path.unlink(missing_ok=True)

    def go(self):
        """Lets hanging agents go on."""
        (self.control / "go").touch()

    def calls(self):
        """(run, agent, work item, stage, mode) of every start of an agent."""
        path = self.control / "calls"
        return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []

    def post_plane(self, payload, secret=PLANE_SECRET, **changes):
        """A signed delivery of the board; changes: headers to set, or to leave out with None."""
        body = payload if isinstance(payload, bytes) else sender.plane_body(payload)
        event = payload.get("event", "issue") if isinstance(payload, dict) else "issue"
        headers = dict(sender.plane_headers(secret, event, body))
        headers.update({name.replace("_", "-"): value for name, value in changes.items()})
        return call(self.url + "/webhook/plane", body, "POST", {name: value for name, value in headers.items() if value is not None})

    def post_gitea(self, payload, event, secret=GITEA_SECRET, path="gitea", delivery=None):
        body = payload if isinstance(payload, bytes) else sender.gitea_body(payload)
        return call(self.url + "/webhook/" + path, body, "POST", dict(sender.gitea_headers(secret, event, event, body, delivery)))

    def delivery(self, issue, status, **data):
        """A delivery of the board as it would be for a person's change of status at this moment; data overrides fields of the issue."""
        def told():
            said = [json.loads(told["body"]) for told in self.books()["deliveries"] if (told["peer"], told["event"]) == ("plane", "issue")]
            return next((payload for payload in reversed(said) if payload["data"]["id"] == issue), None)
        payload = wait_for(told)
        home = next(at for at, project in enumerate(self.projects) if project["project_id"] == payload["data"]["project"])
        state = self.state_id(status, home)
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        shown = {"id": state, "name": status, "color": "#60646C", "group": "started"}
        payload["data"].update(dict({"state": shown, "updated_at": now}, **data))
        payload["activity"].update(field="state_id", new_value=state, old_value=None)
        payload["activity"]["actor"]["id"] = payload["data"]["updated_by"] = "11111111-aaaa-4bbb-8ccc-000000000001"
        payload["action"] = "updated"
        return payload

    # --- a task's way -------------------------------------------------------------------------------------------------------------

    def task(self, issue):
        """The newest task of an issue, cancelled or not."""
        return self.one("select * from orch.tasks where orch.original_key(plane_issue_id) = %s order by id desc limit 1", (issue,))

    def begin(self, title="Add a thing", status="To Analyse", **more):
        """A person makes an issue and moves it to To Analyse; answers it when its task is there."""
        issue = self.create(title, **more)
        self.move(issue, status)
        wait_for(lambda: self.task(issue), hint="for a task")
        return issue

    def wait_stage(self, issue, stage, patience=PATIENCE):
        def there():
            task = self.task(issue)
            return task if task and task["stage"] == stage else None
        return wait_for(there, patience, "for stage %s; the task is %s" % (stage, self.task(issue)))

    def wait_board(self, issue, status):
        return wait_for(lambda: self.books()["issues"][issue]["status"] == status, hint="for the board to show %s" % status)

    def wait_event(self, source, reason):
        """Waits for an event of a source whose reason holds this text."""
        return wait_for(lambda: self.one("select * from orch.events where source = %s and reason like %s", (source, "%" + reason + "%")),
                        hint='for an event with the reason "%s"' % reason)

    def wait_analysed(self, issue):
        def is_ready():
            task = self.task(issue)
            return task and task["brd_review_started_at"] and not self.active(task["id"])
        wait_for(is_ready, hint="for the analysis")
        self.wait_board(issue, "Analysis")

    def active(self, task):
        return self.sql("select * from orch.jobs where task_id = %s and status in ('queued', 'running') order by id", (task,))

    def wait_running(self, issue, agent):
        """Waits until an agent in mode hang, stubborn or sessions is up; answers its run."""
        def running():
            task = self.task(issue)
            run = task and self.one("select r.* from orch.agent_runs as r where r.task_id = %s and r.agent = %s and r.ended_at is null"
                                    " order by r.id desc limit 1", (task["id"], agent))
            return run if run and (self.control / ("up.%s" % run["id"])).exists() and run["pid"] else None
        return wait_for(running, hint="for a running %s" % agent)

    def wait_open(self, issue, stage):
        """Goes through the person's gates until the task's stage is reached."""
        order = ["analysis", "architecture", "development", "review", "testing", "deploy-staging", "deploy", "done"]
        if order.index(stage) > 0:
            self.wait_analysed(issue)
            self.move(issue, "Approved")
        if stage == "done":
            self.wait_board(issue, "Awaiting Deploy")
            self.move(issue, "Confirm Deploy")
        return self.wait_stage(issue, stage)

    def park(self, **more):
        """Takes a new task to where it waits for Confirm Deploy; answers its issue."""
        issue = self.begin(**more)
        self.wait_open(issue, "deploy")
        self.wait_board(issue, "Awaiting Deploy")
        return issue

    @staticmethod
    def processes(run):
        return processes(run["node"], run["id"])

    def branch(self, issue):
        return self.books()["branches"][self.projects[0]["repo"]].get(self.task(issue)["branch"])

    def repo_path(self, project=0):
        return self.projects[project]["clone_url"][len("file://"):]

    def git(self, *arguments):
        """Asks the forge's repository."""
        return git(self.repo_path(), *arguments)

    def worktrees(self, issue):
        """Directories under the data directory that hold a checkout of the task's branch."""
        branch = self.task(issue)["branch"]
        found = []
        for pointer in self.data.glob("worktrees/**/.git"):
            with contextlib.suppress(FileNotFoundError):
                head = pathlib.Path(pointer.read_text().removeprefix("gitdir:").strip(), "HEAD")
                if head.read_text().strip() == "ref: refs/heads/" + branch:
                    found.append(pointer.parent)
        return found

    def wait_clean(self, issue):
        """Waits until the effects of a task are all over, and answers them by kind."""
        task = self.task(issue)
        wait_for(lambda: not self.sql("select 1 from orch.outbox where task_id = %s and status = 'pending'", (task["id"],)),
                 hint="for the effects of %s" % task["work_item"])
        effects = {}
        for row in self.sql("select * from orch.outbox where task_id = %s order by id", (task["id"],)):
            effects.setdefault(row["kind"], []).append(row)
        return effects
