"""C1: orchctl, for people and for programs: what it answers, how it refuses, and with which exit status."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

import conftest
from house import OPERATOR, ROOT, free_port, wait_for

ORCHCTL = str(conftest.BUILD / "bin" / "orchctl")
DONE, REFUSED, USAGE, AWAY = 0, 1, 2, 3


def orchctl(house, *words, **changes):
    """(exit status, stdout, stderr)."""
    environment = {"PATH": os.environ["PATH"], "ORCH_DATABASE_URL": house.database_url} if house else {"PATH": os.environ["PATH"]}
    environment.update(changes)
    done = subprocess.run([ORCHCTL, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def answer(house, *words, **changes):
    """The JSON of a verb that has to succeed."""
    status, out, err = orchctl(house, "--json", *words, **changes)
    assert status == DONE, err
    return json.loads(out)


def refusal(house, *words, **changes):
    """(exit status, the one line on stderr) of a verb that has to fail."""
    status, out, err = orchctl(house, *words, **changes)
    assert status != DONE and out == "", out
    assert len(err.splitlines()) == 1 and err.startswith("orchctl: "), err
    return status, err


def verbs():
    found = re.findall(r'^    \{ "([a-z -]+)", ', (ROOT / "src" / "ctl" / "verbs.c").read_text(), re.M)
    assert len(found) > 40
    return found


def test_C1_a_task_its_jobs_and_what_it_cost(house):
    issue = house.begin("Greet the caller by name")
    house.wait_analysed(issue)
    task = house.task(issue)
    status, out, _ = orchctl(house, "task", task["work_item"])
    assert status == DONE
    for words in (r"^work_item +ORCH-001$", r"^title +Greet the caller by name$", r"^stage +analysis$", r"^jobs$", r"^runs$", r"^moves$"):
        assert re.search(words, out, re.M), (words, out)
    assert not re.search(r"\d\d:\d\d:\d\d\.\d", out), "a person reads no fractions of a second"
    report = answer(house, "task", str(task["id"]))
    assert report["work_item"] == "ORCH-001" and report["runs"][0]["agent"] == "analyst"
    job = report["jobs"][0]["id"]
    assert answer(house, "job", str(job))["runs"][0]["job_id"] == job
    assert re.search(r"^agent +analyst$", orchctl(house, "job", str(job))[1], re.M)
    assert [row["work_item"] for row in answer(house, "tasks")] == ["ORCH-001"]
    assert answer(house, "tasks", "--state", "finished") == [] and len(answer(house, "tasks", "--state=all", "--limit=1")) == 1
    assert [row["id"] for row in answer(house, "jobs", "--agent", "analyst", "--state", "done")] == [job]
    assert answer(house, "costs")[0]["work_item"] == "ORCH-001" and answer(house, "costs", "ORCH-999") == []
    assert refusal(house, "task", "ORCH-999") == (REFUSED, 'orchctl: task "ORCH-999" does not exist\n')
    assert refusal(house, "job", "999") == (REFUSED, 'orchctl: job "999" does not exist\n')


def test_C1_every_verb_that_only_asks_answers_a_table_and_JSON(house):
    asking = ["status", "tasks", "queue", "jobs", "recent", "costs", "stops", "dep list", "timetable", "pauses", "limits", "frozen", "projects",
              "settings", "nodes", "disks", "monitors", "dead-effects", "health"]
    for verb in asking:
        status, out, err = orchctl(house, *verb.split())
        assert status == DONE and out.strip() and err == "", (verb, err)
        assert isinstance(answer(house, *verb.split()), list), verb


def test_C1_an_operator_gets_through_a_day(house):
    project = house.projects[0]
    added = ("add-project", "blog", "BLOG", "acme/blog", "https://git.example.com/acme/blog.git", project["workspace"], "p-blog")
    assert answer(house, *added)[0]["message"] == "project blog ties BLOG-… on the board to acme/blog"
    assert answer(house, "projects")[1]["default_branch"] == "main"
    assert "has that name, prefix or id" in refusal(house, *added)[1]
    assert "accepted is owner/name" in refusal(house, "add-project", "x", "X", "nowhere", "https://x/y.git", "w", "p")[1]
    assert "holds a password" in refusal(house, "add-project", "x", "X", "a/b", "https://me:pw@x/y.git", "w", "p")[1]

    assert answer(house, "set", "max_attempts", "5") == [{"setting": "max_attempts", "value": "5"}]
    assert next(row for row in answer(house, "settings") if row["name"] == "max_attempts")["override"] == "5"
    assert answer(house, "unset", "max_attempts")[0]["value"] == "2"
    assert "accepted is a whole number" in refusal(house, "set", "max_attempts", "many")[1]
    assert "known are" in refusal(house, "set", "nonsense", "1")[1]

    answer(house, "set", "serial_gate_enabled", "off")
    house.mode("ORCH-001.analyst", "hang")
    issues = [house.begin("One"), house.begin("Two")]
    assert answer(house, "dep", "add", "ORCH-002", "ORCH-001")[0]["message"] == "ORCH-002 waits for ORCH-001"
    assert answer(house, "dep", "list")[0]["waits_for"] == "ORCH-001"
    assert "that is a cycle" in refusal(house, "dep", "add", "ORCH-001", "ORCH-002")[1]
    assert answer(house, "dep", "remove", "ORCH-002", "ORCH-001")[0]["message"] == "ORCH-002 no longer waits for ORCH-001"
    assert answer(house, "dep", "remove", "ORCH-002", "ORCH-001")[0]["message"] == "ORCH-002 did not wait for ORCH-001"
    assert answer(house, "dep", "list") == []
    house.wait_running(issues[0], "analyst")

    answer(house, "freeze", "acme/shop", "release week")
    assert answer(house, "frozen")[0]["reason"] == "release week"
    answer(house, "unfreeze", "acme/shop")
    assert answer(house, "stop", "ORCH-001", "wrong customer")[0]["result"] == "cancelled"
    assert answer(house, "stop", "ORCH-001")[0]["result"] == "already_cancelled"
    status, out, _ = orchctl(house, "stop", "ORCH-999", "--json")
    assert (status, json.loads(out)[0]["result"]) == (REFUSED, "not_found"), "a program sees that nothing was stopped by the exit status, too"
    job = answer(house, "enqueue", "chore", "tidy up", "--priority", "-3", "--tags", "a,b")[0]["job"]
    assert answer(house, "job", str(job))["job"]["tags"] == ["a", "b"]


def test_C1_R3_logs_are_read_where_they_are_and_followed_to_the_end(house):
    house.mode("ORCH-001.analyst", "hang")
    issue = house.begin("Say something")
    run = house.wait_running(issue, "analyst")
    path = pathlib.Path(house.value("select log_path from orch.agent_runs where id = %s", (run["id"],)))
    with path.open("a") as log:
        log.write("the first line\n")
    follower = subprocess.Popen([ORCHCTL, "logs", "ORCH-001", "--follow"], env={"PATH": os.environ["PATH"], "ORCH_DATABASE_URL": house.database_url},
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        lines, came = [], threading.Event()

        def read():
            for line in follower.stdout:
                lines.append(line)
                if "the first line" in line:
                    came.set()
        reader = threading.Thread(target=read)
        reader.start()
        assert came.wait(30)
        with path.open("a") as log:
            log.write("the last line\n")
        house.go()
        assert follower.wait(30) == DONE
        reader.join(30)
    finally:
        if follower.poll() is None:
            follower.send_signal(signal.SIGKILL)
        follower.stdout.close()
    assert "".join(lines) == path.read_text() and "the last line\n" in lines
    assert orchctl(house, "logs", str(run["id"]), "--tail", "5")[1] == path.read_text()[-5:]
    assert "--tail cannot be" in refusal(house, "logs", "ORCH-001", "--tail", "much")[1]
    assert refusal(house, "logs", "99999")[1] == "orchctl: run 99999 does not exist\n"
    house.sql("update orch.nodes set host = 'elsewhere/boot'")
    status, err = refusal(house, "logs", str(run["id"]))
    assert status == REFUSED and 'host "elsewhere"' in err and str(path) in err
    house.sql("update orch.nodes set host = %s", (socket.gethostname() + "/boot",))
    path.unlink()
    assert "No such file or directory" in refusal(house, "logs", str(run["id"]))[1]


@pytest.mark.parametrize("words, told", [
    (["nonsense"], '"nonsense" is no verb'),
    (["dep"], '"dep" is no verb'),
    (["why"], '"why" takes: TASK'),
    (["status", "now"], '"status" takes: no argument'),
    (["tasks", "--colour", "red"], '"--colour" is no option; accepted are: --json --url --help state='),
    (["tasks", "--state", "new"], '--state cannot be "new": accepted is one of unfinished,finished,all'),
    (["tasks", "--limit"], '"--limit" needs a value'),
    (["logs", "1", "--follow=yes"], '"--follow=yes" is no option'),
    (["completion", "tcsh"], 'accepted are bash zsh fish'),
    (["help", "nonsense"], 'there is no verb "nonsense"'),
])
def test_C1_wrong_usage_is_named_and_is_status_2(words, told):
    status, err = refusal(None, *words)
    assert status == USAGE and told in err


@pytest.mark.parametrize("url, status, told", [
    ("ftp://example.com", USAGE, "accepted are http://"),
    ("postgresql://localhost:1/x", AWAY, "could not connect to Postgres"),
    ("nonsense", USAGE, "accepted are http://"),
])
def test_C1_a_wrong_address_says_what_to_do(url, status, told):
    for words, environment in ((["--url", url], {}), ([], {"ORCH_URL": url})):
        assert refusal(None, "status", *words, **environment)[0] == status
        assert told in refusal(None, "status", *words, **environment)[1]


def test_C1_no_other_setting_stands_in_the_way(house):
    assert answer(house, "status", ORCH_MAX_CONCURRENCY="many", ORCH_AGENTS_FILE="/nowhere") == []


def test_C1_a_schema_of_another_version_says_what_to_do(house):
    house.stop()
    house.sql("drop function orch.approve")
    house.sql("update orch.migrations set digest = 'x' where version = 0")
    assert refusal(house, "approve", "ORCH-001") == (REFUSED, "orchctl: the database has the functions and views of another orchd: run orchd migrate\n")
    house.sql("insert into orch.migrations (version, name, digest) values (9000, 'of the future', 'x')")
    assert "run a newer orchd" in refusal(house, "approve", "ORCH-001")[1]
    assert "run a newer orchd" in refusal(house, "health")[1]
    house.sql("drop schema orch cascade")
    for verb in (["status"], ["health"], ["logs", "1"]):
        assert "run orchd migrate" in refusal(house, *verb)[1]


def test_C1_help_and_version_need_nobody():
    status, out, _ = orchctl(None, "help")
    assert status == DONE
    for verb in verbs():
        assert re.search(r"^[* ] %s " % verb, out, re.M), verb
        status, told, _ = orchctl(None, "help", *verb.split())
        assert status == DONE and told.startswith("usage: orchctl %s" % verb)
        assert orchctl(None, *verb.split(), "--help")[1] == told
    assert re.fullmatch(r"orchctl \d+\.\d+\.\d+\n", orchctl(None, "version")[1])
    assert orchctl(None)[0] == USAGE


def completed(line):
    """What bash would offer at the end of a line."""
    words = line.split(" ")
    script = ('eval "$("$ORCHCTL" completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _orchctl; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-euc", script, "bash", *words], env={"PATH": os.environ["PATH"], "ORCHCTL": ORCHCTL}, capture_output=True,
                          text=True, timeout=30, check=True)
    return done.stdout.split()


def test_C1_completion_of_bash_knows_verbs_options_and_choices():
    assert set(completed("orchctl ")) >= {verb.split()[0] for verb in verbs()}
    assert completed("orchctl unfr") == ["unfreeze"]
    assert completed("orchctl --url http://x --json unfr") == ["unfreeze"]
    assert completed("orchctl dep r") == ["remove"]
    assert completed("orchctl enqueue chore --unique-") == ["--unique-key", "--unique-for"]
    assert completed("orchctl tasks --state ") == ["unfinished", "finished", "all"]
    assert completed("orchctl completion z") == ["zsh"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_C1_completion_of_other_shells_is_one_that_they_can_read(shell, tmp_path):
    script = tmp_path / "script"
    script.write_text(orchctl(None, "completion", shell)[1])
    for verb in verbs():
        assert verb.split()[-1] in script.read_text()
    if not shutil.which(shell):
        pytest.skip("%s is not installed" % shell)
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and done.stderr == ""


# --- over HTTP ---------------------------------------------------------------------------------------------------------------------------


def over_http(house, **changes):
    """The environment of somebody who has nothing but the address of an orchd and a token."""
    return dict({"ORCH_URL": house.url, "ORCH_OPERATOR_TOKEN": OPERATOR}, **changes)


def test_C1_over_HTTP_it_answers_what_Postgres_does(house):
    issue = house.begin("Greet the caller by name")
    house.wait_analysed(issue)
    job = house.value("select max(id) from orch.jobs")
    for verb in ("status", "tasks", "recent", "nodes", "disks", "dep list", "frozen", "dead-effects"):
        there = answer(None, *verb.split(), **over_http(house))
        here = answer(house, *verb.split())
        assert isinstance(there, list) and len(there) == len(here), verb
        assert orchctl(None, *verb.split(), **over_http(house))[0] == DONE
    assert answer(None, "tasks", "--state", "finished", **over_http(house)) == []
    assert answer(None, "task", "orch-001", **over_http(house))["jobs"] == answer(house, "task", "orch-001")["jobs"]
    assert answer(None, "job", str(job), **over_http(house)) == answer(house, "job", str(job))
    for words in (["task", "ORCH-001"], ["job", str(job)]):
        assert orchctl(None, *words, **over_http(house))[1] == orchctl(house, *words)[1]
    story = [row["what"] for row in answer(house, "why", "ORCH-001")]
    assert [row["what"] for row in answer(None, "why", "ORCH-001", **over_http(house))][:-1] == story[:-1]
    assert "counts" in answer(None, "queue", **over_http(house)) and "\ncounts\n" in orchctl(None, "queue", **over_http(house))[1]
    health = answer(None, "health", ORCH_URL=house.url)
    assert health["status"] == "ok", "health takes no token"
    run = house.value("select max(id) from orch.agent_runs")
    log = pathlib.Path(house.value("select log_path from orch.agent_runs where id = %s", (run,)))
    log.write_text("one\ntwo\n")
    assert orchctl(None, "logs", "ORCH-001", **over_http(house)) == (DONE, "one\ntwo\n", "")
    assert orchctl(None, "logs", str(run), "--tail", "4", **over_http(house)) == (DONE, "two\n", "")
    assert orchctl(None, "logs", str(run), "--follow", "--tail", "4", **over_http(house)) == (DONE, "two\n", "")
    log.write_text("")
    assert orchctl(None, "logs", str(run), "--tail", "4", **over_http(house)) == (DONE, "", "")


def test_C1_over_HTTP_it_acts_and_is_refused(house, tmp_path):
    token = tmp_path / "token"
    token.write_text(OPERATOR + "\n")
    by_file = {"ORCH_URL": house.url + "/", "ORCH_OPERATOR_TOKEN_FILE": str(token)}
    job = answer(None, "enqueue", "chore", "tidy & \u00fc up", "--priority", "7", "--tags", "a,b", "--unique-key", "k", **by_file)[0]["job_id"]
    row = house.one("select * from orch.jobs where id = %s", (job,))
    assert (row["content"], row["priority"], row["tags"], row["unique_key"]) == ("tidy & \u00fc up", 7, ["a", "b"], "k")
    wait_for(lambda: house.value("select status from orch.jobs where id = %s", (job,)) == "done", hint="for the job")
    assert "again" in answer(None, "retry", str(job), **by_file)[0]["message"]
    later = answer(house, "enqueue", "chore", "later", "--run-at", "2099-01-01T00:00:00Z")[0]["job"]
    assert "cancelled" in answer(None, "cancel", str(later), **by_file)[0]["message"]
    assert "was not frozen" in answer(None, "unfreeze", "acme/shop", **by_file)[0]["message"]
    house.mode("ORCH-001.analyst", "hang")
    house.wait_running(house.begin("Rewrite everything"), "analyst")
    assert answer(None, "stop", "ORCH-001", "wrong customer", **by_file)[0]["result"] == "cancelled"
    assert house.one("select cancel_via, cancel_reason from orch.tasks") == {"cancel_via": "http", "cancel_reason": "wrong customer"}
    assert answer(None, "stop", "ORCH-001", **by_file)[0]["result"] == "already_cancelled"
    for words, told in ((["stop", "ORCH-999"], "404"), (["task", "ORCH-999"], "404"), (["logs", "99999"], "404"),
                        (["enqueue", "a b"], "422"), (["enqueue", "chore", "--priority", "high"], "priority")):
        status, err = refusal(None, *words, **by_file)
        assert status == REFUSED and told in err, err


def test_C1_over_HTTP_the_wrong_address_token_or_verb_says_what_to_do(house):
    status, err = refusal(None, "status", **over_http(house, ORCH_OPERATOR_TOKEN="wrong"))
    assert status == REFUSED and "the token is not the right one" in err and "wrong" not in err
    status, err = refusal(None, "stop", "ORCH-001", ORCH_URL=house.url, ORCH_READER_TOKEN="reader-token", ORCH_OPERATOR_TOKEN="reader-token")
    assert status == REFUSED and "operator" in err and "reader-token" not in err
    status, err = refusal(None, "stop", "ORCH-001", ORCH_URL=house.url, ORCH_READER_TOKEN="reader-token")
    assert status == REFUSED and "set ORCH_OPERATOR_TOKEN" in err
    status, err = refusal(None, "approve", "ORCH-001", **over_http(house))
    assert status == USAGE and "has no way over HTTP" in err and "status, tasks" in err
    status, err = refusal(None, "status", **over_http(house, ORCH_URL="http://127.0.0.1:%d" % free_port()))
    assert status == AWAY and "could not get an answer" in err
    status, err = refusal(None, "status", **over_http(house, ORCH_URL=house.ready["url"]))
    assert status == AWAY and "is this the address of an orchd?" in err
    status, err = refusal(None, "status", **over_http(house, ORCH_URL=house.ready["url"] + "/gitea/api/v1/version?"))
    assert status == AWAY and 'its answer has no "tasks"' in err
    status, err = refusal(None, "status", **over_http(house, ORCH_URL="http://me:secret@127.0.0.1:1"))
    assert status == REFUSED and "secret" not in err


def test_C1_R3_a_log_is_followed_over_HTTP_until_its_run_has_ended(house):
    house.mode("ORCH-001.analyst", "hang")
    run = house.wait_running(house.begin("Say something"), "analyst")
    path = pathlib.Path(house.value("select log_path from orch.agent_runs where id = %s", (run["id"],)))
    with path.open("a") as log:
        log.write("the first line\n")
    follower = subprocess.Popen([ORCHCTL, "logs", "ORCH-001", "--follow"], env=dict({"PATH": os.environ["PATH"]}, **over_http(house)),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in follower.stdout:
            if "the first line" in line:
                break
        with path.open("a") as log:
            log.write("the last line\n")
        house.go()
        rest = follower.stdout.read()
        assert follower.wait(30) == DONE and "the last line\n" in rest
    finally:
        if follower.poll() is None:
            follower.send_signal(signal.SIGKILL)
        follower.stdout.close()
