"""Postgres servers and poolers that only some tests need; each ends what it started."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

import psycopg2

from house import ROOT, free_port, wait_for

DEVDB = str(ROOT / "tools" / "devdb")
POSTGRES_USER = "postgres"


def make_directory(name):
    """One that the owner of Postgres can reach: all directories above have to let it through."""
    template = os.path.join(os.environ.get("TMPDIR", "/tmp"), name + ".XXXXXX")
    return pathlib.Path(subprocess.run(["mktemp", "-d", template], capture_output=True, text=True, check=True).stdout.strip())


def port_of(url):
    return int(url.rsplit("/", 1)[0].rsplit(":", 1)[1])


def kill_postmaster(directory):
    """SIGKILL; the other processes of the cluster notice and end."""
    os.kill(int(pathlib.Path(directory, "data", "postmaster.pid").read_text().split()[0]), signal.SIGKILL)


class Pooler:
    """PgBouncer in transaction mode in front of a server, for all of its databases."""

    SETTINGS = """
[databases]
* = host=127.0.0.1 port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = 6432
auth_type = trust
auth_file = /etc/pgbouncer/userlist.txt
auth_user = postgres
pool_mode = transaction
max_client_conn = 500
default_pool_size = 5
server_login_retry = 1
"""

    def __init__(self, url, text=SETTINGS):
        """text: a pgbouncer.ini, in which ports and directories are made those of this place."""
        self.directory = make_directory("e2e-pooler")
        self.port = free_port()
        for shown, ours in (("port=5432", "port=%d" % port_of(url)), ("listen_port = 6432", "listen_port = %d" % self.port),
                            ("/etc/pgbouncer/userlist.txt", str(self.directory / "users"))):
            assert shown in text
            text = text.replace(shown, ours)
        settings = self.directory / "pgbouncer.ini"
        settings.write_text("%s\nunix_socket_dir =\nlogfile = %s\n" % (text, self.directory / "log"))
        (self.directory / "users").write_text('"postgres" ""\n')
        command = ["pgbouncer", "-q", str(settings)]
        if os.getuid() == 0:
            # It refuses root.
            shutil.chown(self.directory, POSTGRES_USER, POSTGRES_USER)
            self.directory.chmod(0o755)
            command = ["setpriv", "--reuid", POSTGRES_USER, "--regid", POSTGRES_USER, "--clear-groups", *command]
        environment = {"PATH": os.environ["PATH"] + ":/usr/sbin"}
        self.process = subprocess.Popen(command, env=environment, cwd="/", stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.is_up(url), hint="for pgbouncer")

    def is_up(self, url):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            psycopg2.connect(self.url(url)).close()
            return True
        except psycopg2.OperationalError:
            return False

    def url(self, direct):
        """The URL that goes through it."""
        head, database = direct.rsplit("/", 1)
        return "%s:%d/%s" % (head.rsplit(":", 1)[0], self.port, database)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.directory)


class Pair:
    """A primary and a standby, which holds every commit before it is acknowledged."""

    def __init__(self):
        self.directory = make_directory("e2e-pair")
        if os.getuid() == 0:
            shutil.chown(self.directory, POSTGRES_USER, POSTGRES_USER)
        self.primary, self.standby = str(self.directory / "primary"), str(self.directory / "standby")
        self.primary_url = self.devdb("start", self.primary)
        self.standby_url = self.devdb("standby", self.primary, self.standby)
        # After the copy: the standby alone must not wait for another one when it is promoted.
        self.ask(self.primary_url, "alter system set synchronous_standby_names = 'standby'")
        self.ask(self.primary_url, "select pg_reload_conf()")
        wait_for(lambda: self.ask(self.primary_url, "select sync_state from pg_stat_replication") == "sync", hint="for the standby")
        self.url = "postgresql://postgres@127.0.0.1:%d,127.0.0.1:%d/orchd?target_session_attrs=read-write" % (
            port_of(self.primary_url), port_of(self.standby_url))

    @staticmethod
    def devdb(*words):
        return subprocess.run([DEVDB, *words], capture_output=True, text=True, check=True).stdout.strip()

    @staticmethod
    def ask(url, text):
        connection = psycopg2.connect(url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text)
                row = cursor.fetchone() if cursor.description else None
                return row and row[0]
        finally:
            connection.close()

    def kill_primary(self):
        kill_postmaster(self.primary)
        return time.monotonic()

    def promote(self):
        assert self.ask(self.standby_url, "select pg_promote()") is True

    def stop(self):
        for directory in (self.standby, self.primary):
            subprocess.run([DEVDB, "stop", directory], check=True)
        shutil.rmtree(self.directory)
