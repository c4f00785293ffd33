"""The Debian package: what is in it, and orchd as a service of a Debian with systemd that it was installed in."""
import re
import stat
import subprocess

import psycopg2
import pytest
from house import ROOT, call, free_port, wait_for
from machines import Machine, run

SECRET = "operator-token-of-the-machine"
AGENTS = """
agents:
  tell: {command: [/bin/sh, -c, '%s']}
  sleep: {command: [/bin/sleep, '1000']}
"""
# What an agent finds: one word for each thing that it could do.
TELL = "; ".join("(%s) 2>&1 && echo can: %s || echo cannot: %s" % (try_it, name, name) for name, try_it in {
    "read-settings": "grep -q . /etc/orchd/orchd.env",
    "read-environment": "for d in /proc/[0-9]*; do tr -d \\\\000 <$d/environ | grep -q %s && exit; done; false" % SECRET,
    "write-etc": "touch /etc/orchd/x", "write-usr": "touch /usr/x", "write-tmp": "touch /tmp/agent", "write-var-tmp": "touch /var/tmp/x",
    "write-data": "touch /var/lib/orchd/x", "unshare": "unshare --user --map-root-user --pid --fork --mount-proc true",
    "be-in-a-group-of-its-own": "grep -q /orchd.service/orchd-machine-.*/run- /proc/self/cgroup",
    "gain-privileges": "grep -q NoNewPrivs:.*0 /proc/self/status"}.items())
CAN = {"write-tmp", "write-var-tmp", "write-data", "unshare", "be-in-a-group-of-its-own"}


def modes(package):
    """path → (mode, owner) of what is in the package."""
    lines = run(["dpkg-deb", "-c", package]).splitlines()
    return {re.split(r"\s+", line, maxsplit=5)[5][1:]: tuple(line.split()[:2]) for line in lines}


def field(package, name):
    return run(["dpkg-deb", "-f", package, name]).strip()


def test_D2_the_package_holds_what_is_needed_and_protects_the_settings(package):
    held = modes(package)
    assert held["/usr/bin/orchd"] == ("-rwx--x--x", "root/root"), "who cannot read a program cannot look into it while it starts"
    for path in ("/usr/bin/orchctl", "/usr/libexec/orchd/orchd-warden"):
        assert held[path] == ("-rwxr-xr-x", "root/root")
    for path in ("/usr/lib/systemd/system/orchd.service", "/usr/lib/tmpfiles.d/orchd.conf", "/usr/share/man/man8/orchd.8.gz",
                 "/usr/share/man/man1/orchctl.1.gz", "/usr/share/doc/orchd/copyright", "/usr/share/doc/orchd/changelog.gz",
                 "/usr/share/orchd/presets/claude-code.yaml"):
        assert held[path] == ("-rw-r--r--", "root/root")
    assert held["/etc/orchd/orchd.env"] == ("-rw-------", "root/root")
    assert held["/etc/orchd/agents.yaml"] == ("-rw-r-----", "root/root")
    assert not [path for path, (mode, _) in held.items() if "s" in mode or "t" in mode]
    assert run(["dpkg-deb", "-I", package, "conffiles"]).split() == sorted(path for path in held if path.startswith("/etc/")
                                                                          and not path.endswith("/"))
    needed = field(package, "Depends")
    for library in ("libpq5", "libevent-2.1-7", "libcurl4", "libgit2-1.5", "libjson-c5", "libyaml-0-2", "libssl3", "libsystemd0", "adduser"):
        assert re.search(r"(^|, )%s( |,|$)" % re.escape(library), needed), (library, needed)
    assert field(package, "Version") == re.search(r"project\(orchd VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)


@pytest.fixture(scope="module")
def machine(place, debian, package):
    """A Debian with systemd, running, in which the package was installed as people do."""
    built = Machine.copy(debian, place / "machine")
    built.install("systemd", "systemd-sysv")
    run(["cp", package, built.directory / "root/orchd.deb"])
    built.boot()
    built.said = built.do("sh", "-c", "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /root/orchd.deb 2>&1")
    yield built
    built.halt()


@pytest.fixture
def service(machine, cluster):
    """orchd.service with a database, started by systemd."""
    url, port = cluster.fresh(), free_port()
    settings = machine.directory / "etc/orchd/orchd.env"
    before = settings.read_text()
    settings.write_text(before + "\n".join([
        "", "ORCH_DATABASE_URL=" + url, "ORCH_LISTEN=127.0.0.1:%d" % port, "ORCH_OPERATOR_TOKEN=" + SECRET, "ORCH_NODE=machine",
        "ORCH_CGROUP=require", "ORCH_DRAIN_SECONDS=0", "ORCH_AGENT_KILL_GRACE_SECONDS=1s", ""]))
    (machine.directory / "etc/orchd/agents.yaml").write_text(AGENTS % TELL)
    machine.url, machine.database = "http://127.0.0.1:%d" % port, psycopg2.connect(url)
    machine.database.autocommit = True
    try:
        machine.do("systemctl", "start", "orchd")
        yield machine
    finally:
        machine.ask("systemctl", "stop", "orchd")
        machine.ask("systemctl", "reset-failed", "orchd")
        settings.write_text(before)
        machine.database.close()
        cluster.drop(url)


def value(service, text, *parameters):
    with service.database.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetchone()[0]


def log_of(service, agent):
    """Queues a job of the agent, and gives the log of its run."""
    job = value(service, "select orch.enqueue(%s, '')", agent)
    path = wait_for(lambda: value(service, "select max(log_path) from orch.agent_runs where job_id = %s and ended_at is not null", job),
                    hint="for the run of " + agent)
    return (service.directory / path.lstrip("/")).read_text()


def test_D2_the_package_installs_on_Debian_and_starts_nothing_that_cannot_run(machine):
    assert "ORCH_DATABASE_URL" in machine.said and "orchd migrate" in machine.said
    assert machine.show("orchd", "LoadState") == "loaded"
    assert machine.ask("systemctl", "is-active", "orchd") == "inactive"
    assert machine.ask("systemctl", "is-enabled", "orchd") == "disabled"
    user = machine.do("getent", "passwd", "orchd").split(":")
    assert 0 < int(user[2]) < 1000 and user[5:] == ["/var/lib/orchd", "/usr/sbin/nologin"]
    settings, agents, data = (machine.do("stat", "-c", "%a %U %G", path)
                              for path in ("/etc/orchd/orchd.env", "/etc/orchd/agents.yaml", "/var/lib/orchd"))
    assert (settings, agents, data) == ("600 root root", "640 root orchd", "750 orchd orchd")
    assert machine.do("orchd", "version").startswith("orchd ")
    checked = machine.ask("orchd", "check-config")
    assert checked == "settings are fine, some agents cannot run", "the presets, which are not installed: " + checked
    verified = subprocess.run(machine.inside("systemd-analyze", "verify", "--man=no", "orchd.service"), capture_output=True, text=True,
                              check=False)
    assert verified.returncode == 0 and not verified.stderr, verified.stderr


def test_D2_a_service_without_a_setting_that_it_needs_says_so_and_is_not_started_again_and_again(machine):
    settings = machine.directory / "etc/orchd/orchd.env"
    before = settings.read_text()
    settings.write_text(before + "\nORCH_LISTEN=nonsense\n")
    try:
        assert subprocess.run(machine.inside("systemctl", "start", "orchd"), capture_output=True, check=False).returncode != 0
        assert machine.show("orchd", "ExecMainStatus") == "2"
        assert machine.ask("systemctl", "is-active", "orchd") == "failed"
        assert "ORCH_LISTEN" in machine.journal("orchd")
    finally:
        settings.write_text(before)
        machine.ask("systemctl", "reset-failed", "orchd")


def test_D2_the_service_runs_agents_that_reach_what_they_need_and_no_secret(service):
    wait_for(lambda: call(service.url + "/health")[0] == 200, hint="for orchd to be well")
    health = call(service.url + "/health")[2]
    assert health["containment"]["by"] == "cgroup", health
    told = re.findall(r"^(can|cannot): (\S+)$", log_of(service, "tell"), re.M)
    assert {name for verb, name in told if verb == "can"} == CAN, told
    assert len(told) == TELL.count("&& echo can")
    assert not (service.directory / "tmp/agent").exists(), "its /tmp is its own"
    assert (service.directory / "var/lib/orchd/tmp/agent").exists()
    assert stat.S_IMODE((service.directory / "var/lib/orchd/x").stat().st_mode) == 0o640


def test_D2_the_service_is_watched_reloaded_and_started_again(service):
    first = int(service.show("orchd", "MainPID"))
    assert service.show("orchd", "WatchdogUSec") == "1min" and service.show("orchd", "NotifyAccess") == "main"
    assert wait_for(lambda: service.show("orchd", "WatchdogTimestampMonotonic") not in ("", "0"))
    service.do("systemctl", "reload", "orchd")
    assert wait_for(lambda: "main.reloaded" in service.journal("orchd"), hint="for the reload")
    assert service.ask("systemctl", "is-active", "orchd") == "active" and int(service.show("orchd", "MainPID")) == first
    service.do("sh", "-c", "kill -KILL %d" % first)
    assert wait_for(lambda: service.show("orchd", "NRestarts") == "1" and service.ask("systemctl", "is-active", "orchd") == "active",
                    hint="for systemd to start it again")
    assert int(service.show("orchd", "MainPID")) != first


def test_D2_a_restart_ends_the_agents_and_leaves_what_is_detached_with_its_tmp(service):
    """A process in the unit's control group and mounts stands for a deploy hook; that its outcome is read is test_M2's."""
    job = value(service, "select orch.enqueue('sleep', '')")
    agent = wait_for(lambda: value(service, "select max(pid) from orch.agent_runs where job_id = %s", job), hint="for the agent")
    main = service.show("orchd", "MainPID")
    hook = subprocess.Popen(service.inside(
        "sh", "-ec", "echo $$ >/sys/fs/cgroup/system.slice/orchd.service/cgroup.procs; exec nsenter -t %s -m sh -ec '%s'" % (
            main, "echo begun >/tmp/hook; read line; echo $line >>/tmp/hook")), stdin=subprocess.PIPE, text=True)
    seen = service.directory / "var/lib/orchd/tmp/hook"
    try:
        wait_for(seen.exists, hint="for the hook to begin")
        service.do("systemctl", "restart", "orchd")
        assert service.show("orchd", "MainPID") != main
        assert not service.ask("readlink", "/proc/%d/exe" % agent), "the agent goes on without orchd"
        assert hook.poll() is None, "the restart has ended the hook"
        hook.communicate("done\n", timeout=30)
        assert hook.returncode == 0 and seen.read_text() == "begun\ndone\n"
    finally:
        hook.kill()
        hook.wait()
        seen.unlink(missing_ok=True)


def test_D2_the_settings_survive_a_new_installation_and_the_data_a_purge(machine):
    agents = machine.directory / "etc/orchd/agents.yaml"
    agents.write_text("agents: {own: {command: [/bin/true]}}\n")
    agents.chmod(0o600)
    machine.do("sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg -i /root/orchd.deb")
    assert "own" in agents.read_text() and stat.S_IMODE(agents.stat().st_mode) == 0o600
    kept = machine.directory / "var/lib/orchd/archive"
    kept.mkdir()
    try:
        assert "is kept" in machine.do("dpkg", "--purge", "orchd")
        assert kept.exists() and not agents.exists() and machine.ask("which", "orchd") == ""
    finally:
        kept.rmdir()
        machine.do("dpkg", "-i", "/root/orchd.deb")


def test_D2_the_lines_of_the_manual_bring_it_up(machine, cluster):
    """What docs/deployment.md shows at "#", on a host that has never seen orchd."""
    machine.do("sh", "-c", "dpkg --purge orchd; rm -rf /var/lib/orchd")
    page = (ROOT / "docs" / "deployment.md").read_text()
    lines = [line[2:] for block in re.findall(r"^```console\n(# .*?)^```$", page, re.M | re.S) for line in block.splitlines()]
    assert [line.split()[0] for line in lines] == ["apt-get", "editor", "systemctl", "orchd", "systemctl", "journalctl"]
    machine.do("cp", "/root/orchd.deb", "/root/orchd_0_amd64.deb")
    # Nobody is there to answer, and nobody needs what is only recommended.
    (machine.directory / "etc/apt/apt.conf.d/alone").write_text('APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n')
    url, port = cluster.fresh(), free_port()
    (machine.directory / "usr/local/bin/editor").write_text(
        "#!/bin/sh\nprintf 'ORCH_DATABASE_URL=%s\\nORCH_LISTEN=127.0.0.1:%d\\n' >>\"$1\"; echo 'agents: {a: {command: [/bin/true]}}' >\"$2\"\n" % (
            url, port))
    (machine.directory / "usr/local/bin/editor").chmod(0o755)
    try:
        for line in lines:
            machine.do("sh", "-c", "cd /root && DEBIAN_FRONTEND=noninteractive " + line)
        wait_for(lambda: call("http://127.0.0.1:%d/health" % port)[0] == 200, hint="for orchd to be well")
        assert machine.ask("systemctl", "is-enabled", "orchd") == "enabled"
        assert "are fine" in machine.do("sh", "-c", "set -a; . /etc/orchd/orchd.env; orchd check-config")
        machine.do("sh", "-c", ". /etc/orchd/orchd.env; ORCH_LISTEN=$ORCH_LISTEN orchd health")
    finally:
        machine.ask("systemctl", "stop", "orchd")
        cluster.drop(url)
