"""What a round stands on: Postgres, the houses of the end-to-end tests, nodes that can be lost and come back, and a forge that agents push
to."""
import contextlib
import importlib.util
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import psycopg2
import psycopg2.extras

E2E = pathlib.Path(__file__).resolve().parents[1] / "e2e"
sys.path.insert(0, str(E2E))

spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
e2e = importlib.util.module_from_spec(spec)
spec.loader.exec_module(e2e)

from house import FAKE, KEPT_VARIABLES, House, free_port, wait_for  # noqa: E402
from proxy import Proxy  # noqa: E402
from servers import DEVDB, kill_postmaster, make_directory, port_of  # noqa: E402

BUILD = e2e.BUILD
LEASE_S = 5
PATIENCE_S = 300
# Tasks on their way at once, when no fault asks for a crowd: so the round goes at the machine's own pace.
WALKERS = 12
GATED, CALM = "gate", "calm"
FREE = ("north", "east", "south", "west")
PROJECTS = tuple("%s:%s:acme/%s" % (name, name[:3].upper(), name) for name in (GATED, CALM, *FREE))
# What passes when somebody meets a lost Postgres.
AWAY = (psycopg2.OperationalError, psycopg2.InterfaceError)
# Real forges take their time between the end of the pack and the branch.
SLOW_HOOK = "#!/bin/sh\nsleep 0.15\n"


class Ground(e2e.Cluster):
    """A cluster that may be killed: what it has acknowledged it still has afterwards, though not after a power cut."""

    def __init__(self):
        super().__init__(str(make_directory("chaos-db")))
        for setting in ("synchronous_commit", "full_page_writes"):
            self.run("alter system set %s = on" % setting)
        self.run("select pg_reload_conf()")

    def kill(self):
        kill_postmaster(self.directory)

    def start(self):
        """Its last processes may hold the shared memory for a while."""
        wait_for(lambda: subprocess.run([DEVDB, "restart", self.directory], capture_output=True, check=False).returncode == 0, PATIENCE_S,
                 "for Postgres to start")


class Node:
    """One orchd, its way to Postgres, and whether it is there."""

    def __init__(self, house, name, port, has_proxy):
        self.house, self.name, self.port = house, name, port
        self.url = "http://127.0.0.1:%d" % port
        self.data = house.data if port == house.port else house.directory / name
        self.proxy = Proxy(port_of(house.database_url)) if has_proxy else None
        self.process = None
        self.starts = 0

    def changes(self):
        direct = self.house.database_url
        url = direct.replace(":%d/" % port_of(direct), ":%d/" % self.proxy.port) if self.proxy else direct
        return {"ORCH_NODE": self.name, "ORCH_LISTEN": "127.0.0.1:%d" % self.port, "ORCH_DATA_DIR": str(self.data),
                "ORCH_DATABASE_URL": url, "ORCH_LISTEN_URL": url}

    def start(self):
        """As a supervisor would: when it cannot start yet, it is started again."""
        wait_for(self.try_start, PATIENCE_S, "for node %s to start" % self.name)

    def try_start(self):
        self.starts += 1
        self.process = self.house.spawn(**self.changes())
        try:
            self.house.wait_up(self.process, self.url)
            return True
        except AssertionError:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            return False

    def is_up(self):
        return bool(self.process) and self.process.poll() is None

    def end(self, how):
        if self.is_up():
            self.process.send_signal(how)
        self.process.wait(PATIENCE_S)

    def signal(self, what):
        if self.is_up():
            self.process.send_signal(what)

    def close(self):
        if self.proxy:
            self.proxy.close()


class Forge:
    """A git server before the forge's repositories: what an agent pushes goes on there when the agent is dead."""

    def __init__(self, house):
        self.root = house.directory / "forge"
        self.port = free_port()
        self.url = "git://127.0.0.1:%d" % self.port
        for repo in self.repositories():
            hook = repo / "hooks" / "pre-receive"
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(SLOW_HOOK)
            hook.chmod(0o755)
        environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        daemon = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip() + "/git-daemon"
        # It must not outlive a driver that is killed.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", daemon, "--listen=127.0.0.1", "--port=%d" % self.port,
                                         "--reuseaddr", "--export-all", "--enable=receive-pack", "--base-path=%s" % self.root],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
                                        start_new_session=True)

    def repositories(self):
        return [path for path in self.root.glob("*/*.git") if path.is_dir()]

    def is_quiet(self):
        """No push is under way: the server is alone."""
        return len(self.group()) <= 1

    def group(self):
        found = []
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError, ValueError):
                if entry.isdigit() and os.getpgid(int(entry)) == self.process.pid:
                    found.append(int(entry))
        return found

    def sweep(self):
        """orchd pushes by file, so a killed one leaves locks here that on a real forge would not be its own."""
        for repo in self.repositories():
            for lock in repo.glob("refs/**/*.lock"):
                with contextlib.suppress(FileNotFoundError):
                    if lock.stat().st_mtime < time.time() - 2:
                        lock.unlink()

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Arena:
    """The house of one round: nodes, forge and database, and what the driver asks of them whatever is away."""

    def __init__(self, ground, nodes, has_faults, has_proxy):
        self.ground = ground
        self.has_faults = has_faults
        self.directory = make_directory("chaos-round")
        self.house = House(self.directory / "house", ground.fresh(), BUILD, projects=PROJECTS, env={
            "ORCH_SERIAL_GATE_REPOS": GATED, "ORCH_MAX_CONCURRENCY": "8", "ORCH_BREAKER_FAILURES": "0", "ORCH_LEASE": "%ds" % LEASE_S, "ORCH_DRAIN_SECONDS": "0"})
        self.room = threading.Semaphore(1000 if has_faults else WALKERS)
        self.forge = Forge(self.house)
        self.pipe = self.directory / "pipe"
        self.write_agents()
        self.nodes = [Node(self.house, self.house.node + suffix, free_port() if suffix else self.house.port, has_proxy)
                      for suffix in ("", "b")[:nodes]]

    def write_agents(self):
        entry = "{command: [%s], timeout: 300s, env: {FAKE_CONTROL: %s, CHAOS_PIPE: %s, CHAOS_FORGE: \"%s\"}}" % (
            FAKE / "agents" / "restless", self.house.control, self.pipe, self.forge.url)
        self.house.write_agents(**{agent: entry for agent in ("analyst", "architect", "developer", "reviewer", "tester", "deployer")})

    def start(self):
        for node in self.nodes:
            node.start()
        self.house.wait_states()

    def revive(self):
        """Starts the nodes that have ended; answers their names."""
        fallen = [node for node in self.nodes if not node.is_up()]
        for node in fallen:
            node.start()
        return [node.name for node in fallen]

    @staticmethod
    def insist(what):
        """Does what bears a repetition until the stand-in has the time for it."""
        answers = []

        def is_done():
            try:
                answers.append(what())
                return True
            except OSError:
                return False
        wait_for(is_done, PATIENCE_S, "for the stand-in")
        return answers[0]

    def sql(self, text, parameters=None):
        """Asks until Postgres is there; what it does has to bear a repetition."""
        answer = []

        def is_answered():
            connection = None
            try:
                connection = psycopg2.connect(self.house.database_url, connect_timeout=60)
                connection.autocommit = True
                with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                    cursor.execute(text, parameters)
                    answer[:] = [cursor.fetchall() if cursor.description else []]
                return True
            except AWAY:
                return False
            finally:
                if connection:
                    connection.close()
        wait_for(is_answered, PATIENCE_S, "for Postgres")
        return answer[0]

    def value(self, text, parameters=None):
        rows = self.sql(text, parameters)
        return next(iter(rows[0].values())) if rows else None

    def mirror(self, node, repo):
        return node.data / "mirrors" / (repo + ".git")

    def close(self, is_kept):
        """Ends everything; answers what did not end well."""
        self.house.daemon, self.house.others = None, [node.process for node in self.nodes if node.process]
        statuses = self.house.close()
        self.forge.close()
        for node in self.nodes:
            node.close()
        self.ground.drop(self.house.database_url)
        if not is_kept:
            shutil.rmtree(self.directory)
        return statuses
