"""Runs what docs/deployment.md shows at "$". Lines of Docker are held against what compose.yaml has, for no engine is here; what they start is run
by tests/deploy, as are the lines of root at "#", in a Debian with systemd."""
import os
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from conftest import BUILD
from house import ROOT
from servers import port_of
from test_commands import DOCS, sessions

PAGE = (DOCS / "deployment.md").read_text()
LINES = [command for _, steps in sessions(PAGE, ("$ ",)) for _, command, _ in steps]
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
# verb → options that take a value, options that do not, and whether words of a service's own follow its name
VERBS = {"up": ({"--scale"}, {"--detach", "--wait", "--build"}, False), "build": (set(), set(), False), "stop": (set(), set(), False),
         "run": (set(), {"--rm"}, True), "exec": (set(), set(), True)}


def check_compose(words):
    """That Compose would understand the line, and each service that it names is there; gives what a service is told, if anything."""
    with_value, alone, has_command = VERBS[words[0]]
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word in with_value:
            service, _, number = rest.pop(0).partition("=")
            assert service in COMPOSE["services"] and number.isdigit()
        elif word not in alone:
            assert word in COMPOSE["services"], word
            if has_command:
                return word, rest
    return None, []


def test_every_line_of_docker_names_what_the_compose_file_has():
    told = [check_compose(shlex.split(line)[2:]) for line in LINES if line.startswith("docker compose ")]
    assert len(told) > 8
    verbs = set(re.findall(r"^    (\w+)(?: \| \*)?\) ", (ROOT / "docker" / "backup").read_text(), re.M))
    for service, words in told:
        if service in ("backup", "restore"):
            assert words[0] in verbs, words
        elif service:
            assert service == "postgres" and words[0] == "psql"


@pytest.fixture
def tree(tmp_path):
    """The parts of the tree that the lines touch, so that they may write."""
    for part in ("docker", "share"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns(".env"))
    for name in ("CMakePresets.json", "CMakeLists.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "release").symlink_to(BUILD)
    return tmp_path


def test_every_other_line_works(tree, cluster):
    url = cluster.fresh()
    env = {"PATH": "%s:%s" % (BUILD / "bin", os.environ["PATH"]), "PGHOST": "127.0.0.1", "PGPORT": str(port_of(url)), "PGUSER": "postgres",
           "PGDATABASE": url.rsplit("/", 1)[1], "HOME": str(tree)}
    at, ran = tree, []
    (tree / "backups").mkdir()
    for line in LINES:
        if line.startswith("cd "):
            at = tree / line[3:]
        elif line.startswith("cmake "):
            assert '"release"' in subprocess.run(["cmake", "--list-presets"], cwd=tree, capture_output=True, text=True, check=True).stdout
        elif not line.startswith("docker "):
            here = at if (at / "make-env").exists() and line.startswith("./make-env") else tree
            done = subprocess.run(["bash", "-c", line.replace("/var/backups/orchd", str(tree / "backups"))], cwd=here, env=env,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            assert done.returncode == 0, "%s\n%s%s" % (line, done.stdout, done.stderr)
            ran.append(line)
    cluster.drop(url)
    assert len(ran) >= 6
    assert list(tree.glob("build/package/orchd_*.deb")) and list(tree.glob("backups/orchd-*.dump"))
    assert "ORCHD_DOMAIN=orchd.example.com\n" in (tree / "docker" / ".env").read_text()


def test_the_statement_for_other_ways_to_restore_is_that_of_the_script(cluster):
    (statement,) = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.M | re.S)
    assert statement.replace("1000000", ":skipped") in (ROOT / "docker" / "backup").read_text()
    url = cluster.fresh()
    done = subprocess.run(["psql", "-XAtq", url, "-c", statement], capture_output=True, text=True, check=True)
    assert done.stdout.split() and all(int(value) >= 1000000 for value in done.stdout.split())
    cluster.drop(url)
