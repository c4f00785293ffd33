"""Builds the stages of a Dockerfile as directories, without a Docker engine: the base is a Debian of ours, each RUN runs in it.
What it does not know it refuses, so that no instruction is left out in silence."""
import json
import os
import pathlib
import re
import shlex
import shutil

from house import ROOT
from machines import IN_A_ROOT, Root, run

BASE = "debian:bookworm-slim"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KEPT_FOR_LATER = ("CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "USER")


def instructions(text):
    """[(instruction, rest)]: comments gone, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [tuple(line.strip().split(None, 1)) for line in joined.splitlines() if line.strip()]


def context():
    """What the client would send: paths below the top of the tree. Knows only lists that begin with "*" and take back by "!"."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*" and all(rule.startswith("!") for rule in rules[1:]), rules
    return [rule[1:] for rule in rules[1:]]


class Stage:
    def __init__(self, name, directory):
        self.name, self.root = name, Root(directory)
        self.env, self.workdir, self.said = {}, "/", {}

    def take_over(self, other):
        self.env, self.workdir, self.said = dict(other.env), other.workdir, dict(other.said)


class Image:
    def __init__(self, dockerfile, debian, place, args=None):
        """Builds all stages in place; debian: the directory that is the base image."""
        self.args, self.stages, self.stage = args or {}, {}, None
        self.debian, self.place = debian, place
        for instruction, rest in instructions(dockerfile.read_text()):
            getattr(self, "do_" + instruction.lower(), self.refuse)(instruction, rest)

    def refuse(self, instruction, rest):
        if instruction not in KEPT_FOR_LATER:
            raise AssertionError("the tests do not know how to follow %s %s" % (instruction, rest))
        self.stage.said[instruction] = rest

    def do_from(self, _, rest):
        base, word, name = rest.split()
        assert word == "AS"
        source = self.debian if base == BASE else self.stages[base].root.directory
        self.stage = Stage(name, self.place / name)
        Root.copy(source, self.place / name)
        if base != BASE:
            self.stage.take_over(self.stages[base])
        self.stages[name] = self.stage

    def do_arg(self, _, rest):
        name, default = rest.split("=", 1)
        self.stage.env[name] = self.args.get(name, default.strip('"'))

    def do_env(self, _, rest):
        self.stage.env.update(pair.split("=", 1) for pair in shlex.split(rest))

    def do_workdir(self, _, rest):
        self.stage.workdir = rest
        (self.stage.root.directory / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def do_copy(self, _, rest):
        words = rest.split()
        mode = int(words.pop(0).split("=")[1], 8) if words[0].startswith("--chmod=") else None
        source, target = words
        allowed = context()
        into = self.stage.root.directory / os.path.join(self.stage.workdir, target).lstrip("/")
        if source == ".":
            for path in allowed:
                (into / path).parent.mkdir(parents=True, exist_ok=True)
                run(["cp", "-a", ROOT / path, into / path])
        else:
            assert any(source == path or source.startswith(path + "/") for path in allowed), "%s is not in the context" % source
            shutil.copy(ROOT / source, into)
            into.chmod(mode)

    def do_run(self, _, rest):
        mount = re.match(r"--mount=type=bind,from=(\w+),source=(\S+),target=(\S+)\s+", rest)
        script = rest[mount.end():] if mount else rest
        words = IN_A_ROOT[:]
        if mount:
            target = self.stage.root.directory / mount.group(3).lstrip("/")
            target.mkdir()
            words[-1] = words[-1].replace("exec chroot", 'mount --bind "%s" "%s"; exec chroot' % (
                self.stages[mount.group(1)].root.directory / mount.group(2).lstrip("/"), target))
        run([*words, self.stage.root.directory, "/bin/sh", "-c", "cd %s && %s" % (self.stage.workdir, script)],
            env=dict(self.stage.env, PATH=PATH, HOME="/root"))
        if mount:
            target.rmdir()

    def words(self, stage, instruction):
        """The words of a CMD, ENTRYPOINT or HEALTHCHECK in its form without a shell."""
        return json.loads(re.search(r"\[.*\]", self.stages[stage].said[instruction]).group())


class Container:
    """A program in a stage, as compose.yaml has it: read-only, unprivileged, with its volumes, the first of its process numbers. It shares
    the network of the host."""

    SCRIPT = """
        root=$1 user=$2 path=$PATH
        shift 2
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        mount --make-rprivate /
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
        while [ "$1" != -- ]; do
            mount --bind "$2" "$root/$1"
            [ "$3" = rw ] || mount -o remount,ro,bind "$root/$1"
            shift 3
        done
        shift
        cd "$root"
        mkdir tmp/before
        pivot_root . tmp/before
        umount -l /tmp/before
        rmdir /tmp/before
        mount -o remount,ro,bind /
        exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \\
            env PATH="$path" "$@"
    """

    @classmethod
    def words(cls, root, user, volumes, command):
        """volumes: [(path inside, directory, "rw" or "ro")]."""
        mounts = [str(word) for volume in volumes for word in volume]
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", cls.SCRIPT, "container", str(root), str(user), *mounts,
                "--", *command]


def find_first(pid):
    """The process that unshare has started, by the number out here."""
    children = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()
    return int(children[0]) if children else None
