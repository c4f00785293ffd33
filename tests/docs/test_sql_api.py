"""X1: docs/sql-api.md is what the comments of a migrated database say, and leaves nothing out."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sql-api.md").read_text()


def ask(house, *words):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", house.database_url, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_X1_the_page_of_the_sql_api_is_what_the_schema_says(house_of):
    house = house_of()
    assert ask(house, "-f", str(ROOT / "tools" / "sql_api.sql")) == PAGE, "docs/sql-api.md is stale: run tools/gen-docs"


def test_X1_every_function_view_and_table_is_on_the_page(house_of):
    house = house_of()
    functions = ask(house, "-c", "select proname from pg_proc where pronamespace = 'orch'::regnamespace").split()
    relations = ask(house, "-c", "select relname from pg_class where relnamespace = 'orch'::regnamespace and relkind in ('r', 'v')").split()
    assert len(functions) > 150 and len(relations) > 30
    missing = [name for name in functions if "\norch.%s(" % name not in PAGE and "\n| `%s(" % name not in PAGE]
    missing += [name for name in relations if "\n### orch.%s\n" % name not in PAGE]
    assert not missing
