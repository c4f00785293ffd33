"""The houses of the end-to-end tests, for the lines that the manual shows."""
import importlib.util
import pathlib
import sys

E2E = pathlib.Path(__file__).resolve().parents[1] / "e2e"
sys.path.insert(0, str(E2E))

spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
e2e = importlib.util.module_from_spec(spec)
spec.loader.exec_module(e2e)

cluster, house_of, pytest_runtest_makereport = e2e.cluster, e2e.house_of, e2e.pytest_runtest_makereport
BUILD = e2e.BUILD
