"""The houses of the end-to-end tests, and a browser to look at them with."""
import importlib.util
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
sys.path.insert(0, str(E2E))
sys.path.insert(0, str(HERE))

spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
e2e = importlib.util.module_from_spec(spec)
spec.loader.exec_module(e2e)

from browser import Browser, Page  # noqa: E402

cluster, house_of, house, pytest_runtest_makereport = e2e.cluster, e2e.house_of, e2e.house, e2e.pytest_runtest_makereport


@pytest.fixture(scope="session")
def browser():
    started = Browser()
    yield started
    started.close()


@pytest.fixture
def look(browser, tmp_path, request):
    """look(house, token, address, …) opens the page of a house. A test that fails leaves a picture of each page; one that passes has
    nothing in any console."""
    pages = []

    def opened(at, token=None, address="", **options):
        page = Page(browser, getattr(at, "url", at), **options)
        pages.append(page)
        return page.enter(token, address)

    yield opened
    is_failed = getattr(request.node, "failed_call", True)
    said = []
    for at, page in enumerate(pages):
        if is_failed:
            page.picture(tmp_path / ("page-%d.png" % at))
            print("a picture of the page: %s" % (tmp_path / ("page-%d.png" % at)))
        said += page.close()
    assert is_failed or not said, "in the console: %s" % said
