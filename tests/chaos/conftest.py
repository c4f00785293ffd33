"""One Postgres for each pytest worker, which its rounds may kill."""
import pytest

from ground import BUILD, Ground


@pytest.fixture(scope="session")
def ground():
    if not (BUILD / "bin" / "orchctl").exists():
        pytest.exit("no orchctl in %s: build it, or set ORCHD_BUILD" % BUILD, 2)
    made = Ground()
    yield made
    made.stop()
