"""Debian in a directory: made by mmdebstrap, entered with chroot, or booted with its own systemd."""
import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import uuid

import pytest

from house import wait_for

HERE = pathlib.Path(__file__).resolve().parent
SUITE = "bookworm"
# What packages need in order not to start services, and what is quick where a power cut does no harm.
NO_SERVICES = "#!/bin/sh\nexit 101\n"
QUICK_DPKG = "force-unsafe-io\n"
IN_A_ROOT = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc",
             'mount --make-rprivate /; mount -t proc proc "$0/proc"; mount --bind /dev "$0/dev"; exec chroot "$0" "$@"']


def run(words, **options):
    """Ends with what was said when the command fails."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, "%s\n%s%s" % (shlex.join(str(word) for word in words), done.stdout[-8000:], done.stderr[-8000:])
    return done.stdout


def make_debian(root, packages=()):
    """The least Debian that has apt, as in the image debian:bookworm-slim."""
    run(["mmdebstrap", "--variant=minbase", "--dpkgopt=force-unsafe-io", "--include=" + ",".join(("ca-certificates", *packages)), SUITE, root])
    (root / "usr/sbin/policy-rc.d").write_text(NO_SERVICES)
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    (root / "etc/dpkg/dpkg.cfg.d/quick").write_text(QUICK_DPKG)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    return root


class Root:
    """Commands in a directory that holds a Debian; each has a /proc and process numbers of its own."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)

    @classmethod
    def copy(cls, other, directory):
        run(["cp", "-a", other, directory])
        return cls(directory)

    def shell(self, script, env=None):
        environment = dict({"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}, **(env or {}))
        return run([*IN_A_ROOT, self.directory, "/bin/sh", "-ec", script], env=environment)

    def install(self, *packages):
        self.shell("apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "
                   + shlex.join(packages))

    def remove(self):
        shutil.rmtree(self.directory)


def control_groups():
    """Where cgroup v2 is mounted."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line:
            return pathlib.Path(line.split()[4])
    pytest.skip("systemd is tested in a control group of its own, and there is no cgroup v2 here")


class Machine(Root):
    """A Debian whose systemd runs."""

    def boot(self):
        self.group = control_groups() / ("orchd-test-%s" % uuid.uuid4().hex[:12])
        try:
            self.group.mkdir()
        except OSError as why:
            pytest.skip("systemd is tested in a control group of its own, which this host does not let root make: %s" % why)
        self.process = subprocess.Popen([str(HERE / "boot"), str(self.directory), str(self.group)], stdin=subprocess.DEVNULL)
        self.first = wait_for(self.find_first, hint="for systemd to be executed")
        wait_for(lambda: self.ask("systemctl", "is-system-running") in ("running", "degraded"), hint="for systemd to be up")
        return self

    def find_first(self):
        """The number, out here, of its first process."""
        assert self.process.poll() is None, "systemd did not start"
        for pid in (self.group / "cgroup.procs").read_text().split() + self.in_scopes():
            with contextlib.suppress(OSError):
                if os.readlink("/proc/%s/exe" % pid).endswith("/systemd") and self.is_first(pid):
                    return int(pid)
        return None

    def in_scopes(self):
        """systemd moves itself into init.scope."""
        with contextlib.suppress(OSError):
            return (self.group / "init.scope" / "cgroup.procs").read_text().split()
        return []

    @staticmethod
    def is_first(pid):
        status = pathlib.Path("/proc", pid, "status").read_text()
        return status.split("NSpid:")[1].split("\n")[0].split()[-1] == "1"

    def inside(self, *words):
        return ["nsenter", "-t", str(self.first), "-m", "-p", "-u", "-i", "-C", "--", *words]

    def ask(self, *words):
        """What a command says, whatever its exit status."""
        return subprocess.run(self.inside(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout.strip()

    def do(self, *words):
        return run(self.inside(*words)).strip()

    def show(self, unit, name):
        return self.ask("systemctl", "show", "--value", "-p", name, unit)

    def journal(self, unit):
        return self.ask("journalctl", "--no-pager", "-u", unit)

    def halt(self):
        os.kill(self.first, signal.SIGKILL)  # the first of its process numbers: all others go with it
        self.process.wait(30)
        wait_for(self.is_empty, hint="for the processes of the machine to end")
        for group in sorted(self.group.rglob("*/"), key=lambda path: -len(path.parts)):
            if group.is_dir():
                group.rmdir()
        self.group.rmdir()

    def is_empty(self):
        return "populated 0" in (self.group / "cgroup.events").read_text()


@contextlib.contextmanager
def in_memory(name):
    """A directory for roots: what is installed there is never flushed to a disk, and gone at once."""
    made = pathlib.Path(tempfile.mkdtemp(prefix="orchd-%s." % name))
    run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", made])
    try:
        yield made
    finally:
        run(["umount", "--lazy", made])
        made.rmdir()
