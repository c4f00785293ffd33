"""C3: orchctl doctor against a whole installation, and against one that is broken in each of the ways that it knows."""
import contextlib
import json
import re
import socket
import struct
import subprocess
import threading

import pytest

import conftest
from house import GITEA_SECRET, PLANE_SECRET, ROOT, free_port, wait_for

TOKENS = {"ORCH_OPERATOR_TOKEN": "0123456789-operator", "ORCH_READER_TOKEN": "0123456789-reader"}
SECRETS = [*TOKENS.values(), PLANE_SECRET, GITEA_SECRET, "plane_api_00112233445566778899aabbccddeeff", "0123456789abcdef0123456789abcdef01234567"]


def run(house, *words, before=(), **changes):
    """(exit status, stdout) of the doctor, with the environment of the house's orchd."""
    environment = house.environment(**{**TOKENS, "ORCH_PUBLIC_URL": house.url, **changes})
    done = subprocess.run([*before, str(conftest.BUILD / "bin" / "orchctl"), "doctor", *words], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == "", done.stderr
    for secret in SECRETS:
        assert secret not in done.stdout
    return done.returncode, done.stdout


def doctor(house, **changes):
    status, out = run(house, "--json", **changes)
    findings = json.loads(out)
    assert status == (1 if any(finding["verdict"] == "FAIL" for finding in findings) else 0)
    for finding in findings:
        assert finding["verdict"] in ("ok", "warn", "FAIL") and finding["says"]
        assert finding["verdict"] != "FAIL" or finding["mend"], "what is broken has a line that mends it: %s" % finding
    return findings


def found(findings, check, verdict, says="", mend=""):
    """Whether one finding of this check is so; else tells them all."""
    mine = [finding for finding in findings if finding["check"] == check]
    good = [finding for finding in mine if finding["verdict"] == verdict and says in finding["says"] and mend in (finding["mend"] or "")]
    assert good, "no %s of %s says \"%s\", mended by \"%s\": %s" % (verdict, check, says, mend, mine or findings)
    return True


def failed(findings):
    return {finding["check"] for finding in findings if finding["verdict"] == "FAIL"}


def hook(house, **changes):
    house.order("hooks", repo="acme/shop", hooks=[changes])


def test_C3_a_whole_installation_is_well(house_of):
    house = house_of(env=TOKENS).start()
    house.wait_states()
    issue = house.begin("Greet the caller by name")
    house.wait_open(issue, "review")
    house.wait_clean(issue)
    findings = doctor(house)
    assert failed(findings) == set()
    for check in ("settings", "tokens", "secrets", "agents", "database", "clock", "schema", "notify", "nodes", "effects", "warden", "data_dir", "disk",
                  "spool", "address", "board", "board orch", "board webhook", "forge acme/shop", "webhook acme/shop"):
        assert found(findings, check, "ok")
    assert found(findings, "rights", "warn", "is a superuser", "create role orchd login in role orch_service")
    status, out = run(house)
    assert status == 0
    lines = out.splitlines()
    assert re.fullmatch(r"ok    settings +all can be read", lines[0])
    assert re.fullmatch(r"\d+ ok, \d+ warn, 0 FAIL", lines[-1])
    for line in lines[:-1]:
        assert re.match(r"(ok  |warn|FAIL)  \S|      +mend: \S", line), line


def test_C3_wrong_settings_are_all_named_and_the_rest_is_looked_at(house):
    findings = doctor(house, ORCH_MAX_CONCURRENCY="many", ORCH_LOG_LEVEL="loud", ORCH_PLANE_URL="plane.example.com", ORCH_DATABSE_URL="x",
                      ORCH_GITEA_TOKEN_FILE="/nowhere", ORCH_GITEA_TOKEN=None, ORCH_READER_TOKEN=None, ORCH_OPERATOR_TOKEN="short",
                      ORCH_PLANE_WEBHOOK_SECRET=None, ORCH_NODE=house.node)
    for setting in ("ORCH_MAX_CONCURRENCY", "ORCH_LOG_LEVEL", "ORCH_PLANE_URL", "ORCH_GITEA_TOKEN_FILE"):
        assert found(findings, "settings", "FAIL", "setting " + setting, "orchd settings")
    assert found(findings, "settings", "warn", "ORCH_DATABSE_URL is the name of no setting", "unset ORCH_DATABSE_URL")
    assert found(findings, "tokens", "warn", "ORCH_READER_TOKEN is not set") and found(findings, "tokens", "warn", "fewer than 16 characters")
    assert found(findings, "secrets", "FAIL", "ORCH_PLANE_WEBHOOK_SECRET is not set", "ORCH_PLANE_WEBHOOK_SECRET_FILE")
    assert found(findings, "database", "ok") and found(findings, "forge", "FAIL", "ORCH_GITEA_TOKEN is not set")
    same = doctor(house, ORCH_READER_TOKEN=TOKENS["ORCH_OPERATOR_TOKEN"])
    assert found(same, "tokens", "warn", "the reader's token is the operator's")


def test_C3_agents_warden_and_directories(house, tmp_path):
    house.write_agents(tester="{command: [/nowhere/tester]}", deploys="{hook: {command: [no-such-program]}}")
    not_executable = tmp_path / "warden"
    not_executable.write_text("")
    findings = doctor(house, ORCH_WARDEN=str(not_executable), ORCH_DATA_DIR=str(tmp_path / "missing"))
    assert found(findings, "agents", "FAIL", "/nowhere/tester", "agents.yaml") and found(findings, "agents", "FAIL", "no-such-program")
    assert found(findings, "warden", "FAIL", str(not_executable), "ORCH_WARDEN")
    assert found(findings, "data_dir", "FAIL", "No such file or directory", "install -d")
    (tmp_path / "file").write_text("")
    assert found(doctor(house, ORCH_DATA_DIR=str(tmp_path / "file")), "data_dir", "FAIL", "Not a directory")
    (tmp_path / "agents.yaml").write_text("agents: {}\n")
    assert found(doctor(house, ORCH_AGENTS_FILE=str(tmp_path / "agents.yaml")), "agents", "warn", "names none")
    (tmp_path / "agents.yaml").write_text("agents: [\n")
    assert found(doctor(house, ORCH_AGENTS_FILE=str(tmp_path / "agents.yaml")), "settings", "FAIL", "agents file")
    assert found(doctor(house, ORCH_DISK_WATCH_PERCENT="1"), "disk", "FAIL", "in use", "ORCH_DISK_WATCH_PERCENT")


def test_C3_the_spool(house, tmp_path):
    assert found(doctor(house, ORCH_SPOOL_MAX_DELIVERIES="0"), "spool", "warn", "it is off", "ORCH_SPOOL_MAX_DELIVERIES")
    assert found(doctor(house, ORCH_SPOOL_DIR=str(tmp_path / "new")), "spool", "ok", "is not there yet")
    spool = tmp_path / "spool"
    (spool / "refused").mkdir(parents=True)
    (spool / "1.deliveries").write_bytes(b"x" * 1500)
    options = {"ORCH_SPOOL_DIR": str(spool), "ORCH_SPOOL_MAX_BYTES": "2000"}
    assert found(doctor(house, **options), "spool", "warn", "it holds 1500 of 2000 bytes", "ORCH_SPOOL_MAX_BYTES")
    (spool / "2.deliveries").write_bytes(b"x" * 600)
    assert found(doctor(house, **options), "spool", "FAIL", "it holds 2100 of 2000 bytes")
    (spool / "1.deliveries").rename(spool / "refused" / "1.deliveries")
    assert found(doctor(house, ORCH_SPOOL_DIR=str(spool)), "spool", "warn", "refused the deliveries of 1 files", "refused")
    file = tmp_path / "no-directory"
    file.write_text("")
    assert found(doctor(house, ORCH_SPOOL_DIR=str(file)), "spool", "FAIL", "cannot be written: Not a directory")


def test_C3_nodes_effects_and_control_groups(house):
    house.sql("insert into orch.outbox (kind, lane, status, ended_at) values ('alert', 'chat', 'dead', now())")
    house.sql("update orch.nodes set containment = 'warden'")
    findings = doctor(house)
    assert found(findings, "effects", "warn", "1 effects gave up", "orchctl dead-effects")
    assert found(findings, "cgroup", "warn", "held by their wardens alone", "Delegate=yes")
    house.sql("update orch.nodes set containment = 'cgroup'")
    assert found(doctor(house), "cgroup", "ok", "each run has a control group")
    assert found(doctor(house, ORCH_CGROUP="off"), "cgroup", "ok", "off")
    house.stop()
    findings = doctor(house)
    assert found(findings, "nodes", "warn", "none is alive", "orchd serve") and found(findings, "cgroup", "warn", "known only while node")
    assert found(findings, "address", "FAIL", "is not answered by an orchd", "ORCH_PUBLIC_URL")
    house.sql("insert into orch.nodes (node, incarnation, pid, slots, version, lease, beat_at)"
              " values ('lost', gen_random_uuid(), 1, 1, '0.1.0', '1 s', now() - interval '1 day'),"
              "        ('old', gen_random_uuid(), 1, 1, '0.0.9', '1 h', now())")
    findings = doctor(house)
    assert found(findings, "nodes", "warn", 'node "lost" is gone', "start orchd there")
    assert found(findings, "nodes", "warn", 'node "old" runs orchd 0.0.9')


def test_C3_the_database_and_its_schema(house_of):
    house = house_of()
    findings = doctor(house, ORCH_DATABASE_URL="postgresql://127.0.0.1:%d/x" % free_port())
    assert found(findings, "database", "FAIL", "could not connect to Postgres", "ORCH_DATABASE_URL")
    assert found(findings, "board", "ok") and found(findings, "board", "warn", "were not asked for") and found(findings, "forge", "warn", "were not asked for")
    assert found(doctor(house), "schema", "ok")
    house.sql("update orch.migrations set digest = 'x' where version = 0")
    assert found(doctor(house), "schema", "FAIL", "functions and views of another orchd", "orchd migrate")
    newest = house.value("select max(version) from orch.migrations")
    was = house.one("delete from orch.migrations where version = %s returning name, digest", (newest,))
    assert found(doctor(house), "schema", "FAIL", "is older (version %d)" % (newest - 1), "orchd migrate")
    house.sql("insert into orch.migrations (version, name, digest) values (%s, %s, 'edited')", (newest, was["name"]))
    assert found(doctor(house), "schema", "FAIL", "differs from the one that was applied", "install the orchd")
    house.sql("update orch.migrations set digest = %s where version = %s", (was["digest"], newest))
    house.sql("insert into orch.migrations (version, name, digest) values (9000, 'of the future', 'x')")
    assert found(doctor(house), "schema", "FAIL", "is newer (version 9000)", "install the orchd")
    house.sql("drop schema orch cascade")
    assert found(doctor(house), "schema", "FAIL", 'no schema "orch" yet', "orchd migrate")


class OtherPostgres:
    """A server that answers every statement with one row of an old, or a standing-by, Postgres."""
    COLUMNS = (("number", 23), ("version", 25), ("is_standby", 16), ("now_ms", 20))

    def __init__(self, *row):
        self.row = [str(value).encode() for value in row]
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "postgresql://me@127.0.0.1:%d/x?sslmode=disable&gssencmode=disable" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    @staticmethod
    def message(kind, body=b""):
        return kind + struct.pack("!I", len(body) + 4) + body

    def answer(self):
        columns = b"".join(name.encode() + b"\0" + struct.pack("!IhIhih", 0, 0, oid, -1, -1, 0) for name, oid in self.COLUMNS)
        values = b"".join(struct.pack("!I", len(value)) + value for value in self.row)
        count = struct.pack("!h", len(self.COLUMNS))
        return (self.message(b"1") + self.message(b"2") + self.message(b"T", count + columns) + self.message(b"D", count + values)
                + self.message(b"C", b"SELECT 1\0") + self.message(b"Z", b"I"))

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                with client, client.makefile("rb") as stream:
                    stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
                    client.sendall(self.message(b"R", struct.pack("!I", 0)) + self.message(b"S", b"client_encoding\0UTF8\0") + self.message(b"Z", b"I"))
                    while kind := stream.read(1):
                        stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
                        if kind == b"S":
                            client.sendall(self.answer())

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(30)


@pytest.mark.parametrize("row, says, mend", [
    ((140009, "14.9", "f", 0), "PostgreSQL 14.9 is too old", "PostgreSQL 15 or newer"),
    ((150006, "15.6", "t", 0), "it is a standby", "target_session_attrs=read-write"),
])
def test_C3_an_old_or_a_standby_Postgres(house_of, row, says, mend):
    server = OtherPostgres(*row)
    try:
        assert found(doctor(house_of(), ORCH_DATABASE_URL=server.url), "database", "FAIL", says, mend)
    finally:
        server.close()


def test_C3_what_the_role_may_do(house):
    name = house.database_url.rsplit("/", 1)[1]
    for role, verdict, says in (("service", "ok", "may do what the service does"), ("reader", "FAIL", "claim_jobs")):
        house.sql("create role %s_%s login in role orch_%s" % (role, name, role))
        findings = doctor(house, ORCH_DATABASE_URL=house.database_url.replace("postgres@", "%s_%s@" % (role, name)))
        assert found(findings, "rights", verdict, says, "grant orch_service" if verdict == "FAIL" else "")
    house.sql("create role stranger_%s login" % name)
    assert failed(doctor(house, ORCH_DATABASE_URL=house.database_url.replace("postgres@", "stranger_%s@" % name))) >= {"schema"}


def test_C3_a_transaction_pooler_in_the_way_of_NOTIFY(house_of, cluster):
    house = house_of()
    pooled = cluster.pooled(house.database_url)
    assert found(doctor(house, ORCH_DATABASE_URL=pooled, ORCH_LISTEN_URL=house.database_url), "notify", "ok")
    assert found(doctor(house, ORCH_DATABASE_URL=pooled, ORCH_LISTEN_URL=None), "notify", "FAIL", "a transaction pooler is in between", "ORCH_LISTEN_URL")
    assert found(doctor(house, ORCH_LISTEN_URL="postgresql://127.0.0.1:%d/x" % free_port()), "notify", "FAIL", "cannot be made", "ORCH_LISTEN_URL")


def test_C3_clocks_that_differ(house_of):
    house = house_of()
    for ahead, verdict in (("+1h", "FAIL"), ("-10s", "warn")):
        status, out = run(house, "--json", before=("faketime", "-m", "-f", ahead), FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1")
        assert status in (0, 1)
        assert found(json.loads(out), "clock", verdict, "behind" if ahead[0] == "+" else "ahead of", "timedatectl")


def test_C3_the_board(house):
    assert found(doctor(house, ORCH_PLANE_TOKEN="wrong"), "board", "FAIL", "does not take the key", "ORCH_PLANE_TOKEN")
    assert found(doctor(house, ORCH_PLANE_TOKEN=None), "board", "FAIL", "ORCH_PLANE_TOKEN is not set")
    assert found(doctor(house, ORCH_PLANE_URL=None), "board", "warn", "ORCH_PLANE_URL is not set")
    assert found(doctor(house, ORCH_PLANE_URL="http://127.0.0.1:%d" % free_port()), "board", "FAIL", "could not get an answer", "ORCH_PLANE_URL")
    assert found(doctor(house), "board webhook", "warn", "Plane's API does not tell", house.url + "/webhook/plane")
    for status in ("STOP", "Confirm Deploy", "Blocked"):
        house.order("remove_status", status=status)
    findings = doctor(house)
    assert found(findings, "board orch", "FAIL", 'no status "STOP"', "add the status STOP")
    assert found(findings, "board orch", "FAIL", 'no status "Confirm Deploy"') and found(findings, "board orch", "warn", 'no status "Blocked"')
    assert "board orch" not in failed(doctor(house, ORCH_STOP_STATUS_ENABLED="off", ORCH_CONFIRM_DEPLOY_ENABLED="off")), "what is off needs no status"
    house.sql("update orch.projects set plane_project_id = 'nowhere'")
    assert found(doctor(house), "board orch", "FAIL", "its statuses cannot be read", "orchctl projects")
    house.sql("delete from orch.projects")
    assert found(doctor(house), "projects", "warn", "there is none", "orchctl add-project")


def test_C3_the_statuses_that_it_wants_are_those_that_orchd_knows(house_of):
    house = house_of()
    wanted = re.findall(r'^    \{ "([A-Za-z ]+)", DOCTOR_', (ROOT / "src" / "ctl" / "doctor_board.c").read_text(), re.M)
    keys = {house.value("select orch.status_key(%s)", (name,)) for name in wanted}
    assert None not in keys and len(keys) == len(wanted) > 10
    shown = {row["status_key"] for row in house.sql("select status_key from orch.stages where status_key is not null")}
    assert shown - {"cancelled"} <= keys


def test_C3_STOP_in_the_wrong_group(house):
    house.order("regroup_status", status="STOP", group="started")
    assert found(doctor(house), "board orch", "FAIL", 'STOP is in the group "started"', "into the group cancelled")
    house.order("regroup_status", status="STOP", group="cancelled")
    house.order("rename_status", **{"from": "STOP", "to": "  stop "})
    assert found(doctor(house), "board orch", "ok"), "names compare without case and outer blanks, as orchd compares them"


def test_C3_the_forge_and_what_its_token_may(house):
    assert found(doctor(house, ORCH_GITEA_TOKEN="wrong"), "forge acme/shop", "FAIL", "answered 401", "ORCH_GITEA_TOKEN")
    assert found(doctor(house, ORCH_GITEA_URL=None), "forge", "warn", "ORCH_GITEA_URL is not set")
    assert found(doctor(house, ORCH_GITEA_URL="http://127.0.0.1:%d" % free_port()), "forge acme/shop", "FAIL", "could not get an answer")
    house.order("set", forge_scope="read")
    assert found(doctor(house), "forge acme/shop", "FAIL", "required scope(s): [write:repository]", "write:repository")
    house.order("set", forge_scope="write", forge_merge=False)
    assert found(doctor(house), "forge acme/shop", "FAIL", "may not merge into main", "write permission")
    house.sql("update orch.projects set default_branch = 'trunk'")
    assert found(doctor(house), "forge acme/shop", "FAIL", "answered 404", "orchctl projects")
    assert house.books()["pulls"] == [], "the doctor leaves nothing behind"


def test_C3_webhooks_of_the_forge(house):
    assert found(doctor(house), "webhook acme/shop", "warn", "does not tell whether it is signed", "Test Delivery")
    hook(house, active=False)
    assert found(doctor(house), "webhook acme/shop", "FAIL", "not active", "switch it on")
    hook(house, events=["push"])
    assert found(doctor(house), "webhook acme/shop", "FAIL", 'does not send the event "', "push, pull request and status")
    hook(house, content_type="form")
    assert found(doctor(house), "webhook acme/shop", "FAIL", 'content type is "form"', "application/json")
    hook(house, url="https://elsewhere.example.com/webhook/gitea")
    assert found(doctor(house), "webhook acme/shop", "FAIL", "has none to " + house.url, "add one of type Gitea")
    assert found(doctor(house, ORCH_PUBLIC_URL=None), "webhook acme/shop", "warn"), "without an address of our own its path has to do"
    house.order("hooks", repo="acme/shop", hooks=[])
    assert found(doctor(house), "webhook acme/shop", "FAIL", "has none to")
    house.order("set", forge_admin=False)
    assert found(doctor(house), "webhook acme/shop", "warn", "to administrators of the repository only")
    house.git("update-ref", "refs/heads/feature/x", "refs/heads/main")
    wait_for(lambda: house.value("select count(*) from orch.events where source = 'gitea'"), hint="for a signed delivery")
    assert found(doctor(house), "webhook acme/shop", "ok", "signed deliveries come")
    house.order("set", forge_admin=True)
    assert found(doctor(house), "webhook acme/shop", "ok", "has none to"), "it may be the organisation's"


def test_C3_the_way_in(house):
    assert found(doctor(house, ORCH_PUBLIC_URL=None), "address", "warn", "ORCH_PUBLIC_URL is not set")
    assert found(doctor(house, ORCH_PUBLIC_URL=house.ready["url"]), "address", "FAIL", "is not answered by an orchd", "reverse proxy")
