"""A Debian, the package, and the Postgres of the end-to-end tests: made once for all tests here."""
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

E2E = pathlib.Path(__file__).resolve().parents[1] / "e2e"
sys.path[:0] = [str(E2E), os.path.dirname(__file__)]

spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
e2e = importlib.util.module_from_spec(spec)
spec.loader.exec_module(e2e)

from machines import in_memory, make_debian, run  # noqa: E402

cluster, house_of, house = e2e.cluster, e2e.house_of, e2e.house
pytest_runtest_makereport = e2e.pytest_runtest_makereport
BUILD = e2e.BUILD


@pytest.fixture(scope="session")
def place():
    """A directory for roots; root has to make them, and a container has to let it."""
    assert os.getuid() == 0, "Debian in a directory, and systemd in it, need root: tools/test deploy"
    may_mount = subprocess.run(["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True,
                               text=True, check=False)
    if may_mount.returncode:
        pytest.skip("this host lets root mount nothing, so no Debian can be entered: %s" % may_mount.stderr.strip())
    with in_memory("deploy") as made:
        yield made


@pytest.fixture(scope="session")
def debian(place):
    """The directory of a plain Debian, to be copied."""
    return make_debian(place / "debian")


@pytest.fixture(scope="session")
def package(place):
    """The file of the Debian package of the build."""
    run(["cpack", "-B", place / "package"], cwd=BUILD)
    shutil.rmtree(place / "package" / "_CPack_Packages")
    (made,) = (place / "package").glob("*.deb")
    return made
