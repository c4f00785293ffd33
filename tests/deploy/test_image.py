"""The image: its steps followed in a plain Debian, and what compose.yaml starts from it, run as it says, before a real Postgres."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

import psycopg2
import pytest
from compose import DOCKER, copy_tree, environment, read, settings
from house import ROOT, call, free_port, wait_for
from images import Container, Image, context, find_first
from machines import run
from servers import make_directory, port_of

UID = 991
AGENTS = "agents:\n  tell: {command: [/bin/sh, -c, 'echo it is told; id -u']}\n  sleep: {command: [/bin/sleep, '1000']}\n"


@pytest.fixture(scope="module")
def image(place, debian):
    (place / "image").mkdir()
    return Image(DOCKER / "Dockerfile", debian, place / "image", args={"AGENT_PACKAGES": "hello"})


def test_D1_the_image_holds_orchd_and_git_and_no_tool_that_builds(image):
    for stage in ("web", "worker"):
        shell = image.stages[stage].root.shell
        assert shell("orchd version").startswith("orchd ")
        shell("git --version && ssh -V && ls /etc/ssl/certs/ca-certificates.crt /usr/libexec/orchd/orchd-warden")
        names = shell("dpkg-query -W -f '${Package}\\n'").split()
        assert not [name for name in names if name.endswith("-dev") or name in ("gcc", "make", "cmake", "ninja-build", "dpkg-dev", "curl")]
        assert shell("ls /var/lib/apt/lists") == "" and not (image.stages[stage].root.directory / "src").exists()
        assert shell("id -u orchd") == "%d\n" % UID and image.stages[stage].said["USER"] == "%d:%d" % (UID, UID)
        assert shell("stat -c '%u %a' /var/lib/orchd/web /var/lib/orchd/workers").split() == ["991", "750"] * 2
        assert shell("find / -xdev -perm -4000 -newer /usr/bin/orchd -type f") == ""
    assert image.stages["worker"].root.shell("hello").startswith("Hello"), "what the agents need"
    assert not (image.stages["web"].root.directory / "usr/bin/hello").exists()


def test_D1_no_settings_reach_the_image(image):
    assert not [path for path in context() if path in ("docker", ".git", "build") or path.endswith(".env")]
    assert not [path for path in image.stages["build"].root.directory.joinpath("src").rglob("*") if path.name in (".env", ".git")]


class Town:
    """What compose.yaml starts: Postgres with passwords and the logins of postgres-init, volumes, and containers of the image."""

    def __init__(self, image, directory):
        self.image, self.directory = image, directory
        self.docker = copy_tree(directory)
        (directory / "agents.yaml").write_text(AGENTS)
        self.env = settings(self.docker, ORCHD_AGENTS_FILE=str(directory / "agents.yaml"), ORCH_DRAIN_SECONDS="0",
                            ORCH_AGENT_KILL_GRACE_SECONDS="1s")
        self.services = read(self.docker)["services"]
        self.volumes, self.running = directory / "volumes", {}
        self.start_postgres()

    def start_postgres(self):
        self.database = make_directory("deploy-db")
        url = run([ROOT / "tools" / "devdb", "start", "--fast", self.database]).strip()
        self.port = port_of(url)
        superuser = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres", "PATH": os.environ["PATH"]}
        run(["psql", "-Xqc", "drop database orchd", "-d", "postgres"], env=superuser)
        run([DOCKER / "postgres-init"], env=dict(superuser, POSTGRES_USER="postgres", **environment(self.services["postgres"])))
        (self.database / "data" / "pg_hba.conf").write_text("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        run(["psql", "-Xqc", "select pg_reload_conf()", "-d", "postgres"], env=superuser)
        self.superuser = psycopg2.connect(url)
        self.superuser.autocommit = True

    def ask(self, text, *parameters):
        with self.superuser.cursor() as cursor:
            cursor.execute(text, parameters)
            return cursor.fetchone()[0]

    def mounts(self, service):
        for volume in self.services[service].get("volumes", ()):
            if isinstance(volume, dict):
                source, target, mode = volume["source"], volume["target"], "ro" if volume.get("read_only") else "rw"
            else:
                source, target, mode = volume.split(":")
            if not source.startswith("/"):
                source = self.volumes / source
                if not source.exists():  # A new volume takes its owner from the image.
                    source.mkdir(parents=True)
                    shutil.chown(source, UID, UID)
            yield target, source, mode

    def words(self, service, command, **changes):
        stage = "worker" if service == "worker" else "web"
        root = self.image.stages[stage].root.directory
        hosts = root / "etc/hosts"
        hosts.write_text("127.0.0.1 localhost postgres\n")
        env = dict(self.image.stages[stage].env, PATH="/usr/local/bin:/usr/bin:/bin", PGPORT=str(self.port), **environment(self.services[service]))
        return Container.words(root, UID, self.mounts(service), command), dict(env, **changes)

    def run(self, service):
        """A service that ends."""
        words, env = self.words(service, [*self.image.words("web", "ENTRYPOINT"), *self.services[service]["command"]])
        return run(words, env=env)

    def start(self, service, name):
        port = free_port()
        words, env = self.words(service, [*self.image.words("web", "ENTRYPOINT"), *self.image.words("web", "CMD")],
                                ORCH_LISTEN="127.0.0.1:%d" % port)
        with open(self.directory / (name + ".log"), "wb") as log:
            process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running[name] = process
        check, env = self.words(service, self.image.words("web", "HEALTHCHECK"), ORCH_LISTEN="127.0.0.1:%d" % port)

        def is_well():
            assert process.poll() is None, (self.directory / (name + ".log")).read_text()
            return subprocess.run(check, env=env, capture_output=True, check=False).returncode == 0
        wait_for(is_well, hint="for %s to be well" % name)
        return "http://127.0.0.1:%d" % port

    def stop(self, name):
        process = self.running.pop(name)
        os.kill(find_first(process.pid), signal.SIGTERM)
        assert process.wait(30) == 0

    def nodes(self):
        return self.ask("select string_agg(node, ' ' order by node) from orch.nodes where stopped_at is null")

    def close(self):
        for process in self.running.values():
            # Not unshare: what would end its child with it was lost when that changed its user. All in there go with the first.
            os.kill(find_first(process.pid) or process.pid, signal.SIGKILL)
            process.wait(30)
        self.superuser.close()
        run([ROOT / "tools" / "devdb", "stop", self.database])


@pytest.fixture
def town(image, tmp_path):
    with contextlib.closing(Town(image, tmp_path)) as built:
        yield built


def test_D1_web_and_workers_scale_apart_and_web_shows_the_logs_of_all(town):
    town.run("migrate")
    web = town.start("web", "web")
    town.start("worker", "first")
    town.start("worker", "second")
    wait_for(lambda: town.nodes() == "web-1 worker-1 worker-2", hint="for web-1 worker-1 worker-2")
    operator = {"Authorization": "Bearer " + town.env["ORCH_OPERATOR_TOKEN"]}
    status, _, made = call(web + "/jobs", {"agent": "tell", "content": "x"}, headers=operator)
    assert status == 201, made
    run_id = wait_for(lambda: town.ask("select max(id) from orch.agent_runs where job_id = %s and ended_at is not null", made["job_id"]),
                      hint="for the job")
    assert town.ask("select node from orch.agent_runs where id = %s", run_id).startswith("worker-")
    status, _, log = call(web + "/runs/%d/log" % run_id, headers=operator)
    assert status == 200 and log == "it is told\n%d\n" % UID
    # A place that is free again is taken by the next, so that its leftovers have somebody.
    town.stop("first")
    town.start("worker", "third")
    wait_for(lambda: town.nodes() == "web-1 worker-1 worker-2", hint="for web-1 worker-1 worker-2")
    town.start("worker", "fourth")
    wait_for(lambda: town.nodes() == "web-1 worker-1 worker-2 worker-3", hint="for web-1 worker-1 worker-2 worker-3")


def test_D1_a_login_has_the_least_that_it_needs(town):
    town.run("migrate")
    for user, name, may, may_not in (
            ("orchd", "ORCHD_SERVICE_PASSWORD", "select orch.queue_report()", "delete from orch.tasks"),
            ("orch_backup", "ORCHD_BACKUP_PASSWORD", "select from orch.tasks", "delete from orch.tasks"),
            ("orch_owner", "ORCHD_OWNER_PASSWORD", "select from orch.tasks", "create role another")):
        given = {"host": "127.0.0.1", "port": town.port, "dbname": "orchd", "user": user}
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(password="wrong", **given)
        with contextlib.closing(psycopg2.connect(password=town.env[name], **given)) as connection, connection.cursor() as cursor:
            cursor.execute(may)
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(may_not)


def test_D1_orchd_in_a_container_writes_its_volumes_alone_and_no_environment_can_be_read(town):
    town.run("migrate")
    town.start("worker", "only")
    first = find_first(town.running["only"].pid)
    assert "Uid:\t991\t991\t991\t991" in (status := pathlib.Path("/proc/%d/status" % first).read_text())
    assert "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
    # The first process is orchd itself: what its user reads there would be the secrets.
    inside = ["nsenter", "-t", str(first), "-m", "-p", "-r", "setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
    read_it = subprocess.run([*inside, "cat", "/proc/1/environ"], capture_output=True, text=True, check=False)
    assert read_it.returncode != 0 and "Permission denied" in read_it.stderr
    for path, can in (("/tmp/x", True), ("/var/lib/orchd/workers/x", True), ("/etc/x", False), ("/usr/x", False), ("/var/lib/orchd/x", False)):
        assert (subprocess.run([*inside, "touch", path], capture_output=True, check=False).returncode == 0) == can, path


def test_D4_the_backup_service_dumps_with_its_login_and_the_restore_service_brings_it_back(town):
    town.run("migrate")
    services = read(town.docker, "--profile", "restore")["services"]
    (town.directory / "backups").mkdir()

    def do(service, *words):
        env = dict(environment(services[service]), PATH=os.environ["PATH"], PGHOST="127.0.0.1", PGPORT=str(town.port),
                   BACKUP_DIR=str(town.directory / "backups"))
        return run([DOCKER / "backup", *words], env=env)
    before = town.ask("select count(*) from orch.stages")
    do("backup", "now")
    with town.superuser.cursor() as cursor:
        cursor.execute("drop schema orch cascade")
    do("restore", "restore", do("restore", "list").strip())
    assert town.ask("select count(*) from orch.stages") == before
    assert town.ask("select schema_owner from information_schema.schemata where schema_name = 'orch'") == "orch_owner"
    town.run("migrate")
    town.start("web", "web")
