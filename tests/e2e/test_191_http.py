"""H1, H2, R3: the HTTP API. Every answer is held against openapi.json, which is made from the table of routes."""
import contextlib
import http.client
import json
import re
import socket

import jsonschema
import pytest

from house import OPERATOR, READER, call, wait_for
from proxy import Proxy
from servers import port_of

IDS = {"/tasks": "ORCH-001", "/jobs": "1", "/runs": "1"}


def schema_of(api, name):
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/components/schemas/" + name, "components": api["components"]}


def check(api, value, name):
    jsonschema.Draft202012Validator(schema_of(api, name)).validate(value)


def resolve(api, response):
    return api["components"]["responses"][response["$ref"].rsplit("/", 1)[1]] if "$ref" in response else response


class Client:
    """Asks, and holds what comes against the description."""

    def __init__(self, house):
        self.house = house
        self.api = house.api("/openapi.json", token=None)[2]
        self.seen = set()

    def ask(self, method, path, template, body=None, token=OPERATOR, headers=None, base=""):
        told = dict(headers or {}, **({"Authorization": "Bearer " + token} if token else {}))
        status, got, answer = call(self.house.url + base + path, body, method, told)
        response = resolve(self.api, self.api["paths"][template][method.lower()]["responses"][str(status)])
        kind = got["Content-Type"].split(";")[0]
        assert kind in response["content"], (method, path, status, kind)
        schema = response["content"][kind]["schema"]
        if "$ref" in schema:
            check(self.api, answer, schema["$ref"].rsplit("/", 1)[1])
        self.seen.add((template, method.lower(), str(status)))
        return status, got, answer


@contextlib.contextmanager
def stream(house, path, token=READER, headers=None, base=""):
    """An answer that goes on: yields the response, to be read line by line."""
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
    try:
        connection.request("GET", base + path, headers=dict(headers or {}, Authorization="Bearer " + token))
        response = connection.getresponse()
        assert response.status == 200, response.read()
        yield response
    finally:
        connection.close()


def next_event(response, kind):
    """(id, data) of the next event of this kind."""
    event = {}
    while True:
        line = response.readline().decode().rstrip("\n")
        if line == "" and event.get("event") == kind:
            return event.get("id"), json.loads(event["data"])
        if line == "":
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def ready(house_of, **more):
    house = house_of(**more).start()
    issue = house.begin()
    house.wait_analysed(issue)
    return house, issue


def test_H1_every_answer_is_as_described(house_of):
    house, _ = ready(house_of)
    client = Client(house)
    for schema in client.api["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for path, methods in client.api["paths"].items():
        if "get" not in methods or path == "/events":
            continue
        real = path.replace("{id}", IDS.get("/" + path.split("/")[1], ""))
        assert client.ask("GET", real, path)[0] == 200, path
    # A task that has been through more: a failed job, a freeze, a STOP.
    house.mode("analyst", "fail")
    other = house.create("Second")
    house.move(other, "To Analyse")
    status, got, made = client.ask("POST", "/jobs", "/jobs", {"agent": "chore", "content": "x", "tags": ["a"], "priority": 3})
    assert status == 201 and got["Location"] == "/jobs/%d" % made["job_id"]
    wait_for(lambda: house.value("select status from orch.jobs where id = %s", (made["job_id"],)) == "done", hint="for the job")
    path = "/jobs/%d" % made["job_id"]
    assert client.ask("GET", path, "/jobs/{id}")[2]["job"]["tags"] == ["a"]
    assert "does the work of" in client.ask("POST", path + "/retry", "/jobs/{id}/retry")[2]["message"]
    assert "done already" in client.ask("POST", path + "/cancel", "/jobs/{id}/cancel")[2]["message"]
    house.sql("select orch.freeze('acme/shop', 'because')")
    assert client.ask("GET", "/queue", "/queue")[2]["serial_gate"]["frozen"][0]["reason"] == "because"
    assert client.ask("POST", "/serial-gate/unfreeze", "/serial-gate/unfreeze", {"repo": "acme/shop"})[0] == 200
    assert client.ask("POST", "/tasks/ORCH-001/stop", "/tasks/{id}/stop", {"reason": "x"})[2]["result"] == "cancelled"
    assert "nothing changed" in client.ask("POST", "/tasks/ORCH-001/stop", "/tasks/{id}/stop")[2]["message"]
    for path in ("/tasks/ORCH-001", "/tasks/ORCH-001/why", "/tasks?state=all", "/tasks?state=finished&repo=acme/shop&limit=1", "/status", "/queue"):
        assert client.ask("GET", path, re.sub("/ORCH-001", "/{id}", path.split("?")[0]))[0] == 200
    with stream(house, "/events") as events:
        check(client.api, next_event(events, "board")[1], "Board")


# (method, path, template, body, token, headers, status, words of the detail)
WRONG = (
    ("GET", "/queue", None, None, None, {}, 401, "Authorization: Bearer TOKEN"),
    ("GET", "/queue", None, None, "nonsense", {}, 401, "Authorization: Bearer TOKEN"),
    ("POST", "/tasks/ORCH-001/stop", "/tasks/{id}/stop", None, READER, {}, 403, "operator"),
    ("POST", "/jobs", None, {"agent": "chore"}, READER, {}, 403, "operator"),
    ("GET", "/tasks/ORCH-999", "/tasks/{id}", None, READER, {}, 404, "a work item such as ORCH-042"),
    ("GET", "/tasks/ORCH-999/why", "/tasks/{id}/why", None, READER, {}, 404, "a work item such as ORCH-042"),
    ("POST", "/tasks/ORCH-999/stop", "/tasks/{id}/stop", None, OPERATOR, {}, 404, "ORCH-999"),
    ("GET", "/jobs/abc", "/jobs/{id}", None, READER, {}, 404, 'no job "abc": accepted is its number'),
    ("GET", "/jobs/0", "/jobs/{id}", None, READER, {}, 404, "accepted is its number"),
    ("GET", "/jobs/99999999999999999999", "/jobs/{id}", None, READER, {}, 404, "accepted is its number"),
    ("GET", "/jobs/4711", "/jobs/{id}", None, READER, {}, 404, "no such job"),
    ("POST", "/jobs/4711/retry", "/jobs/{id}/retry", None, OPERATOR, {}, 404, "4711"),
    ("POST", "/jobs/4711/cancel", "/jobs/{id}/cancel", None, OPERATOR, {}, 404, "4711"),
    ("GET", "/runs/4711/log", "/runs/{id}/log", None, READER, {}, 404, "no run 4711"),
    ("GET", "/runs/1/log", "/runs/{id}/log", None, READER, {"Range": "bytes=9999999-"}, 416, "bytes=0-999"),
    ("GET", "/runs/1/log", "/runs/{id}/log", None, READER, {"Range": "bytes=x"}, 416, "bytes=0-999"),
    ("GET", "/runs/1/log", "/runs/{id}/log", None, READER, {"Range": "bytes=0-1,3-4"}, 416, "bytes=0-999"),
    ("GET", "/runs/1/log?follow=1", "/runs/{id}/log", None, READER, {"Range": "bytes=0-1"}, 400, "a Range header, or follow=1"),
    ("GET", "/runs/1/log?follow=yes", "/runs/{id}/log", None, READER, {}, 400, 'follow "yes" is wrong'),
    ("GET", "/runs/1/log?offset=1", "/runs/{id}/log", None, READER, {}, 400, "a Range header, or follow=1"),
    ("GET", "/tasks?limit=0", "/tasks", None, READER, {}, 400, "from 1 to 500"),
    ("GET", "/tasks?before=x", "/tasks", None, READER, {}, 400, 'before "x"'),
    ("GET", "/tasks?state=open", "/tasks", None, READER, {}, 400, "unfinished, finished and all"),
    ("GET", "/tasks?status=all", "/tasks", None, READER, {}, 400, 'parameter "status" is unknown'),
    ("GET", "/queue?x=1", "/queue", None, READER, {}, 400, "takes none"),
    ("GET", "/queue", None, None, READER, {"Accept": "text/html"}, 406, "application/json"),
    ("GET", "/metrics", None, None, None, {"Accept": "application/json"}, 406, "text/plain"),
    ("GET", "/events", None, None, READER, {"Last-Event-ID": "x"}, 400, "Last-Event-ID"),
    ("POST", "/jobs", None, None, OPERATOR, {}, 400, "the body is empty"),
    ("POST", "/jobs", None, b"{", OPERATOR, {}, 400, ""),
    ("POST", "/jobs", None, [1], OPERATOR, {}, 400, "expected an object"),
    ("POST", "/jobs", None, {"agent": "nobody"}, OPERATOR, {}, 422, "nobody"),
    ("POST", "/jobs", None, {"agent": "chore", "when": 1}, OPERATOR, {}, 422, 'member "when" is unknown'),
    ("POST", "/jobs", None, {"agent": "chore", "run_at": "soon"}, OPERATOR, {}, 422, "a time such as"),
    ("POST", "/jobs", None, b"agent=chore", OPERATOR, {"Content-Type": "application/x-www-form-urlencoded"}, 415, "application/json"),
    ("POST", "/jobs", None, b"{}", OPERATOR, {"Content-Type": "application/jsonp"}, 415, "application/json"),
    ("POST", "/serial-gate/unfreeze", None, {}, OPERATOR, {}, 400, '"repo"'),
    ("POST", "/tasks/1/stop", "/tasks/{id}/stop", {"why": "x"}, OPERATOR, {}, 400, '"reason"'),
    ("POST", "/tasks/1/stop", "/tasks/{id}/stop", {"reason": 7}, OPERATOR, {}, 400, '"reason"'),
)


def test_H2_what_is_wrong_is_named_with_what_is_accepted_and_changes_nothing(house_of):
    house, _ = ready(house_of)
    client = Client(house)
    before = house.sql("select * from orch.jobs order by id"), house.sql("select * from orch.tasks order by id")
    for method, path, template, body, token, headers, status, words in WRONG:
        got = client.ask(method, path, template or path.split("?")[0], body, token, headers)
        assert got[0] == status, (method, path, got)
        assert got[1]["Content-Type"] == "application/problem+json" and got[2]["status"] == status
        assert words in got[2]["detail"], (method, path, got[2])
    assert before == (house.sql("select * from orch.jobs order by id"), house.sql("select * from orch.tasks order by id"))
    status, got, problem = call(house.url + "/tasks", method="DELETE")
    assert (status, got["Allow"]) == (405, "GET, HEAD") and problem["status"] == 405
    status, got, problem = call(house.url + "/nothing")
    assert status == 404 and "/openapi.json" in problem["detail"]


def test_H1_tasks_come_in_pages_and_each_once(house_of):
    house = house_of(env={"ORCH_MAX_CONCURRENCY": "0"}).start()
    issues = [house.create("Task %d" % n) for n in range(5)]
    for issue in issues:
        house.move(issue, "To Analyse")
    wait_for(lambda: house.value("select count(*) from orch.tasks") == 5, hint="for the tasks")
    seen, before = [], ""
    while before is not None:
        page = house.api("/tasks?limit=2" + (before and "&before=%s" % before), token=READER)[2]
        seen += [task["id"] for task in page["tasks"]]
        before = page["next"]
    assert seen == sorted(seen, reverse=True) and len(set(seen)) == 5


def test_R3_a_log_whole_in_parts_and_only_a_file(house_of):
    house, _ = ready(house_of)
    path = house.value("select log_path from orch.agent_runs where id = 1")
    text = "".join("line %06d\n" % n for n in range(30000))
    with open(path, "w", encoding="ascii") as log:
        log.write(text)

    def get(headers=None, method=None):
        return call(house.url + "/runs/1/log", None, method, dict(headers or {}, Authorization="Bearer " + READER))

    status, got, body = get()
    assert (status, body) == (200, text) and got["Content-Length"] == str(len(text)) and got["Accept-Ranges"] == "bytes"
    assert got["X-Content-Type-Options"] == "nosniff"
    status, got, body = get(method="HEAD")
    assert (status, body, got["Content-Length"]) == (200, "", str(len(text)))
    assert get({"Range": "lines=1-2"})[0] == 200, "a unit that is not ours is as if it were not there"
    for asked, begin, end in (("0-11", 0, 12), ("100000-", 100000, len(text)), ("-24", len(text) - 24, len(text)), ("5-999999999", 5, len(text)),
                              ("-999999999", 0, len(text))):
        status, got, body = get({"Range": "bytes=" + asked})
        assert (status, body) == (206, text[begin:end]), asked
        assert got["Content-Range"] == "bytes %d-%d/%d" % (begin, end - 1, len(text))
    # An agent that puts a link where its log is shows nobody what it points to.
    (house.directory / "secret").write_text("secret")
    house.sql("update orch.agent_runs set log_path = %s where id = 1", (str(house.directory / "link"),))
    (house.directory / "link").symlink_to(house.directory / "secret")
    status, _, problem = get()
    assert status == 404 and house.node in problem["detail"]
    (house.directory / "link").unlink()
    (house.directory / "link").hardlink_to(house.directory / "secret")
    assert get()[0] == 404


def test_R3_a_log_is_followed_until_its_run_has_ended(house_of):
    house = house_of().start()
    gate = house.directory / "gate"
    house.write_agents(chore={"command": ["/bin/sh", "-c", "echo first; while ! [ -e %s ]; do sleep 0.05; done; echo last" % gate]})
    house.stop()
    house.start()
    job = house.value("select orch.enqueue('chore', 'x')")
    run = wait_for(lambda: house.value("select run_id from orch.jobs where id = %s and status = 'running'", (job,)), hint="for the run")
    wait_for(lambda: "first" in call(house.url + "/runs/%d/log" % run, headers={"Authorization": "Bearer " + READER})[2], hint="for a line")
    with stream(house, "/runs/%d/log?follow=1" % run) as whole, stream(house, "/runs/%d/log?follow=1&tail=3" % run) as tail, \
            stream(house, "/runs/%d/log?follow=1&offset=2" % run) as rest:
        assert whole.readline() == b"first\n" and tail.readline() == b"st\n" and rest.readline() == b"rst\n"
        gate.touch()
        for response in (whole, tail, rest):
            assert response.read() == b"last\n"


def test_H1_events_tell_what_changed_and_go_on_after_the_last(house_of):
    house, issue = ready(house_of)
    with stream(house, "/events") as events:
        assert events.getheader("Content-Type") == "text/event-stream" and events.getheader("X-Accel-Buffering") == "no"
        board = next_event(events, "board")[1]
        assert [task["work_item"] for task in board["tasks"]] == ["ORCH-001"]
        house.move(issue, "Approved")
        number, move = next_event(events, "transition")
        assert (move["from_stage"], move["to_stage"], move["work_item"]) == ("analysis", "architecture", "ORCH-001") and int(number) == move["id"]
    house.wait_stage(issue, "development")
    with stream(house, "/events", headers={"Last-Event-ID": number}) as events:
        assert next_event(events, "transition")[1]["to_stage"] == "development"
    with stream(house, "/events", headers={"Last-Event-ID": "0"}) as events:
        told = [next_event(events, "transition")[1]["to_stage"] for _ in range(4)]
    assert told == ["created", "analysis", "architecture", "development"]


def test_H1_events_say_when_the_database_is_away_and_when_it_is_back(house_of):
    house = house_of(env={"ORCH_LEASE": "300s"})
    direct = house.database_url
    with contextlib.closing(Proxy(port_of(direct))) as proxy:
        url = direct.replace(":%d/" % port_of(direct), ":%d/" % proxy.port)
        house.start(ORCH_DATABASE_URL=url, ORCH_LISTEN_URL=url)
        with stream(house, "/events") as events:
            next_event(events, "board")
            proxy.cut("reset")
            assert "away" in next_event(events, "away")[1]["detail"]
            proxy.heal()
            assert "tasks" in next_event(events, "board")[1]
        house.stop()


def test_H1_streams_end_when_orchd_drains_and_do_not_hold_it_up(house_of):
    house, _ = ready(house_of)
    with stream(house, "/events") as events:
        next_event(events, "board")
        house.stop()
        events.read()


def test_H2_streams_leave_half_of_the_connections_to_others(house_of):
    house = house_of(env={"ORCH_HTTP_MAX_CONNECTIONS": "8"}).start()
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            next_event(stack.enter_context(stream(house, "/events")), "board")
        status, got, problem = house.api("/events", token=READER)
        assert status == 503 and got["Retry-After"] and "ORCH_HTTP_MAX_CONNECTIONS" in problem["detail"]
        assert house.api("/health", token=None)[0] == 200
    wait_for(lambda: first_status(house, "/events") == 200, hint="for the places that were left")


def first_status(house, path):
    with socket.create_connection(("127.0.0.1", house.port), timeout=30) as s:
        s.sendall(("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % (path, READER)).encode())
        return int(s.recv(100).split()[1])


def test_H2_a_base_path_stands_before_everything(house_of):
    house = house_of(env={"ORCH_BASE_PATH": "/tools/orchd"})
    house.daemon = house.spawn()
    base = house.url + "/tools/orchd"
    wait_for(lambda: first_status(house, "/tools/orchd/ready") == 200 if is_listening(house) else False, hint="for orchd")
    told = {"Authorization": "Bearer " + OPERATOR}
    assert call(base + "/openapi.json")[2]["servers"] == [{"url": "/tools/orchd"}]
    status, got, made = call(base + "/jobs", {"agent": "chore"}, headers=told)
    assert status == 201 and got["Location"] == "/tools/orchd/jobs/%d" % made["job_id"]
    assert call(house.url + "/health")[0] == 404
    assert call(base + "/webhook/gitea", b"{}", headers={"X-Gitea-Signature": "0"})[0] in (400, 401, 403)
    with stream(house, "/events", base="/tools/orchd") as events:
        next_event(events, "board")


def is_listening(house):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", house.port)) == 0


@pytest.mark.parametrize("name,value,words", (("ORCH_BASE_PATH", "orchd", "/orchd"), ("ORCH_TRUSTED_HEADER", "x-real-ip", "forwarded")))
def test_C2_a_wrong_setting_of_the_proxy_is_named(house_of, name, value, words):
    done = house_of().run("check-config", **{name: value})
    assert done.returncode == 2 and name in done.stderr and value in done.stderr and words in done.stderr


def test_H1_whoever_comes_while_the_database_is_away_is_told_so(house_of):
    house = house_of(env={"ORCH_LEASE": "300s"})
    direct = house.database_url
    with contextlib.closing(Proxy(port_of(direct))) as proxy:
        url = direct.replace(":%d/" % port_of(direct), ":%d/" % proxy.port)
        house.start(ORCH_DATABASE_URL=url, ORCH_LISTEN_URL=url)
        with stream(house, "/events") as first:
            next_event(first, "board")
            proxy.cut("reset")
            next_event(first, "away")
            with stream(house, "/events") as second:
                next_event(second, "away")
                proxy.heal()
                next_event(second, "board")
            next_event(first, "board")
        house.stop()


def test_H1_a_slow_watcher_is_told_the_newest_and_costs_no_memory(house_of):
    house = house_of(env={"ORCH_HTTP_TIMEOUT": "300s"}).start()
    house.sql("insert into orch.repo_freeze (repo, reason) select 'acme/r' || n, repeat('r', 100) from generate_series(1, 20000) as n")
    with stream(house, "/events") as slow, stream(house, "/events") as quick:
        size = len(json.dumps(next_event(slow, "board")[1]))
        wait_frozen(quick, "acme/r1")
        before = resident(house)
        for n in range(16):
            house.sql("insert into orch.repo_freeze (repo, reason) values (%s, 'x')", ("acme/new%d" % n,))
            wait_frozen(quick, "acme/new%d" % n)
        assert resident(house) - before < 11 * size, "it keeps what its reader does not take"
        assert wait_frozen(slow, "acme/new15") < 4, "it is told what is old"


def wait_frozen(events, repo):
    """Reads on until the board has this one; answers how many boards that were."""
    count = 1
    while not any(frozen["repo"] == repo for frozen in next_event(events, "board")[1]["frozen"]):
        count += 1
    return count


def resident(house):
    """Bytes."""
    with open("/proc/%d/status" % house.daemon.pid, encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))
