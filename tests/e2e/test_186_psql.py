"""X2: a session in psql, as an operator sees it, compared word for word. DOCS_REFRESH=1 writes its answers anew."""
import os
import re
import subprocess

from house import ROOT

SCRIPT = ROOT / "tests" / "fixtures" / "psql" / "operator.sql"
ANSWERS = SCRIPT.with_suffix(".out")
NAMED = "stop_task unfreeze retry_job cancel_job pause resume add_dep approve reject confirm_deploy set_setting".split()
SET_UP = """
\\o /dev/null
\\i {support}
select orch.publish_settings('{{"confirm_deploy_enabled": "on", "max_attempts": "2"}}');
select orch.node_agents('n1', '00000000-0000-0000-0000-000000000001', '{{analyst,architect,developer,reviewer,tester,deployer,chore}}', '{{}}');
select pg_temp.drive('parked');
select pg_temp.board('i-2', 'to-analyse-b', project => 'p-2', seq => 8, title => 'Show the date');
select pg_temp.deliver('task_start', '{{"base": "b0", "head": "h0"}}');
select pg_temp.finish(pg_temp.claim(), 'ok', '{{"head": "h1"}}');
\\o
set search_path = pg_catalog;
set role orch_operator;
\\set ON_ERROR_STOP off
\\set SHOW_CONTEXT never
\\set ECHO all
"""


def test_X2_a_session_of_an_operator(house_of):
    house = house_of()
    house.sql("delete from orch.projects")
    text = SET_UP.format(support=ROOT / "tests" / "sql" / "support.inc") + SCRIPT.read_text()
    done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-P", "pager=off", house.database_url], input=text, env=dict(os.environ, TZ="UTC"),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    told = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-01-01 12:00", re.sub(r":\d\d UTC", ":00 UTC", done.stdout))
    told = re.sub("known are: .*", "known are: …", told)  # Each new setting would be another answer.
    told = "\n".join(line.rstrip() for line in told.splitlines()) + "\n"
    if os.environ.get("DOCS_REFRESH"):
        ANSWERS.write_text(told)
    assert told == ANSWERS.read_text()


def test_X2_every_named_function_is_called_in_the_session():
    assert not [name for name in NAMED if not re.search(r"\borch\.%s\(" % name, SCRIPT.read_text())]
