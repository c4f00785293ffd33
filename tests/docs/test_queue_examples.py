"""Q8: the examples of docs/queue.md are run as they are shown, by logins that have no more than the role the page says."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import conftest
from house import wait_for

PAGE = conftest.E2E.parents[1] / "docs" / "queue.md"
EXAMPLES = PAGE.parent / "examples"
PG_MODULE = "pg@8"


@pytest.fixture
def shop(house_of):
    """A house in which the agents invoice and chore run, and a program's own table beside the queue; house.producer is its login's URL."""
    house = house_of()
    house.write_agents(invoice="{command: ['true']}")
    house.start()
    house.sql("create table orders (id bigint generated always as identity primary key, customer text not null)")
    house.producer = login(house, "producer")
    house.sql("grant insert, select on orders to %s" % house.producer.split("//")[1].split("@")[0])
    wait_for(lambda: house.value("select count(*) from orch.nodes where 'invoice' = any (agents)"), hint="for the node to tell its agents")
    return house


def login(house, role):
    name = "shop_%s_%s" % (role, house.database_url.rsplit("/", 1)[1])
    house.sql("create role %s login in role orch_%s" % (name, role))
    return house.database_url.replace("postgres@", name + "@")


def run(house, *words, directory=None):
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DATABASE_URL": house.producer}
    done = subprocess.run([str(word) for word in words], env=environment, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_order(house, customer, said):
    """The order is there, its job is done, and so are the many; what was wrong was said, with what is accepted."""
    order = house.value("select id from orders where customer = %s", (customer,))
    job = house.one("select * from orch.jobs where content = %s", ("order %s" % order,))
    assert job["status"] == "done" and job["unique_key"] == "invoice of order %s" % order
    assert "job %s done" % job["id"] in said
    wait_for(lambda: house.value("select count(*) from orch.jobs where content in ('March', 'April') and status = 'done'") == 2)
    assert "OR422 " in said and "accepted " in said


def test_Q8_psql(shop):
    said = run(shop, "psql", "-XAt", "-v", "ON_ERROR_STOP=1", shop.producer, "-f", EXAMPLES / "enqueue.sql")
    order = shop.value("select id from orders where customer = 'Ada'")
    assert wait_for(lambda: shop.value("select status from orch.jobs where content = %s", ("order %s" % order,)) == "done")
    assert shop.value("select count(*) from orch.jobs where content in ('March', 'April')") == 2
    assert shop.value("select count(*) from orch.jobs where content like 'nobody%%'") == 0
    later = shop.one("select * from orch.jobs where content = 'May'")
    assert (later["status"], later["max_attempts"], later["limit_key"]) == ("queued", 3, "printer")
    assert "\nt\n" in said, "the key gave another job"


def test_Q8_python(shop):
    check_order(shop, "Grace", run(shop, "/usr/bin/python3", EXAMPLES / "enqueue.py"))


def test_Q8_c(shop, tmp_path):
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"], capture_output=True, text=True, check=True).stdout.split()
    compiler = [os.environ.get("CC", "cc"), "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*compiler, EXAMPLES / "enqueue.c", "-o", tmp_path / "enqueue", *flags], check=True)
    check_order(shop, "Barbara", run(shop, tmp_path / "enqueue"))


def node_modules(directory):
    """Where pg is for Node: Debian's, else fetched into the directory."""
    if pathlib.Path("/usr/share/nodejs/pg").exists():
        return pathlib.Path("/usr/share/nodejs")
    if not shutil.which("npm"):
        pytest.skip("neither Debian's node-pg nor npm is here")
    fetched = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory, PG_MODULE],
                             capture_output=True, text=True, timeout=180, check=False)
    if fetched.returncode:
        pytest.skip("could not fetch %s: %s" % (PG_MODULE, fetched.stderr[-300:]))
    return directory / "node_modules"


def test_Q8_node(shop, tmp_path):
    if not shutil.which("node"):
        pytest.skip("node is not here")
    fetched = tmp_path / "fetched"
    program = tmp_path / "program"
    program.mkdir()
    shutil.copy(EXAMPLES / "enqueue.mjs", program)
    (program / "node_modules").symlink_to(node_modules(fetched))
    check_order(shop, "Margaret", run(shop, "node", "enqueue.mjs", directory=program))


def test_Q8_a_worker_of_ones_own(shop):
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": login(shop, "service"), "PYTHONUNBUFFERED": "1"}
    worker = subprocess.Popen(["/usr/bin/python3", str(EXAMPLES / "worker.py"), "tally", "2"], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for(lambda: shop.value("select count(*) from orch.nodes where agents = '{tally}'"), hint="for the worker to tell its agent")
        good, bad = (shop.value("select orch.enqueue('tally', %s, max_attempts => 1)", (content,)) for content in ("the votes", ""))
        said, _ = worker.communicate(timeout=60)
    finally:
        worker.kill()
    assert worker.returncode == 0, said
    assert shop.value("select status from orch.job(%s)", (good,)) == "done"
    assert shop.one("select status, error from orch.jobs where id = %s", (bad,)) == {"status": "failed", "error": "there is nothing to do"}
    assert shop.value("select stopped_at is not null from orch.nodes where agents = '{tally}'")


def test_the_page_shows_the_examples_as_they_are():
    """DOCS_REFRESH=1 writes them into the page in place of comparing."""
    text = PAGE.read_text()
    for path in sorted(path for path in EXAMPLES.iterdir() if path.is_file()):
        shown = re.compile(r"(\[examples/%s\]\([^\n]*\n\n```\w+\n)(.*?)(^```$)" % re.escape(path.name), re.M | re.S)
        found = shown.search(text)
        assert found, "docs/queue.md does not show %s" % path.name
        if os.environ.get("DOCS_REFRESH"):
            text = shown.sub(lambda match, path=path: match.group(1) + path.read_text() + match.group(3), text)
        else:
            assert found.group(2) == path.read_text(), "docs/queue.md shows another %s" % path.name
    if os.environ.get("DOCS_REFRESH"):
        PAGE.write_text(text)


def test_Q8_every_statement_of_the_page_does(shop):
    operator = login(shop, "operator")
    for job in range(17):
        shop.value("select orch.enqueue('chore', %s, run_at => now() + interval '1 day')", (str(job),))
    files = [path.read_text() for path in EXAMPLES.iterdir()]
    statements = [block for block in re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text(), re.M | re.S) if block not in files]
    assert len(statements) > 6
    for statement in statements:
        url = shop.database_url if "create role" in statement else operator
        done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", statement], capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == 0, statement + done.stderr
