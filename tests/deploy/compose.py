"""compose.yaml as Compose reads it, with a .env made by make-env."""
import contextlib
import shutil
import subprocess

import yaml
from house import ROOT
from machines import run

DOCKER = ROOT / "docker"


def plugin():
    """The command of Compose that is here: the plugin of docker, else Debian's docker-compose. Neither needs an engine for "config"."""
    for words in (["docker", "compose"], ["docker-compose"]):
        with contextlib.suppress(FileNotFoundError):
            if subprocess.run([*words, "version"], capture_output=True, check=False).returncode == 0:
                return words
    raise AssertionError("compose.yaml cannot be checked: install docker-compose")


def copy_tree(place):
    """docker/ and what it refers to, so that a test may write a .env."""
    (place / "share").mkdir(parents=True)
    shutil.copytree(DOCKER, place / "docker", ignore=shutil.ignore_patterns(".env"))
    shutil.copytree(ROOT / "share" / "examples", place / "share" / "examples")
    return place / "docker"


def settings(directory, **changes):
    """A .env by make-env, with lines changed or added."""
    run([directory / "make-env"])
    lines = [line for line in (directory / ".env").read_text().splitlines() if line.split("=")[0] not in changes]
    (directory / ".env").write_text("\n".join([*lines, *("%s=%s" % pair for pair in changes.items())]) + "\n")
    return dict(line.split("=", 1) for line in (directory / ".env").read_text().splitlines() if "=" in line and not line.startswith("#"))


def read(directory, *words):
    """What Compose makes of it."""
    done = subprocess.run([*plugin(), *words, "config"], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          env={"PATH": "/usr/local/bin:/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def environment(service):
    """Its variables; those that .env does not have are unset."""
    return {name: str(value) for name, value in (service.get("environment") or {}).items() if value is not None}
