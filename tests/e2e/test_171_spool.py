"""W4, W5: deliveries while Postgres is away or slow, and senders that take more than their share."""
import contextlib
import copy
import datetime
import http.client
import json
import re
import socket
import subprocess
import threading

import psycopg2
import pytest

from house import ROOT, call, wait_for
from proxy import Proxy
from servers import port_of

DEVDB = str(ROOT / "tools" / "devdb")
ISSUES, EACH = 10, 100
# What House.delivery() makes; the board itself tells of other actions and actors.
DRAGS = "facts->>'actor_id' = '11111111-aaaa-4bbb-8ccc-000000000001' and facts->>'action' = 'updated'"
# However long Postgres is away on a busy machine, that is not what these tests are about.
PATIENT = {"ORCH_LEASE": "300s"}
STATUSES = ("Todo", "Backlog")
# Holds every delivery from the nth on, for as long as the table says so; sessions of orchd wait here, and go on though it is killed.
GATE = """
create table public.gate (shut_at int not null);
insert into public.gate values (%d);
create function public.wait_at_gate() returns trigger language plpgsql as $$
begin
    while (select count(*) from orch.events) >= (select shut_at from public.gate) loop
        perform pg_sleep(0.02);
    end loop;
    return new;
end $$;
create trigger at_gate before insert on orch.events for each row execute function public.wait_at_gate();
"""


@contextlib.contextmanager
def stopped(cluster, house):
    """Postgres is not there inside."""
    subprocess.run([DEVDB, "stop", "--keep", cluster.directory], check=True, capture_output=True)
    house.connection.close()
    try:
        wait_for(lambda: not call(house.url + "/health")[2]["database"]["up"], hint="for orchd to miss Postgres")
        yield
    finally:
        subprocess.run([DEVDB, "start", cluster.directory], check=True, capture_output=True)
        house.reconnect()


def test_W4_an_orchd_that_is_started_while_Postgres_is_away_takes_deliveries(cluster, house_of):
    house = house_of(env=PATIENT).start()
    house.wait_states()
    issue = house.create()
    late = house.delivery(issue, "To Analyse")
    house.stop()
    subprocess.run([DEVDB, "stop", "--keep", cluster.directory], check=True, capture_output=True)
    house.connection.close()
    try:
        house.daemon = house.spawn()

        def taken():
            with contextlib.suppress(OSError):
                return house.post_plane(late)[0]
        assert wait_for(taken, hint="for an answer") == 202
        status, _, health = call(house.url + "/health")
        assert status == 503 and not health["database"]["up"]
        assert "main.database_away" in house.log()
    finally:
        subprocess.run([DEVDB, "start", cluster.directory], check=True, capture_output=True)
        house.reconnect()
    wait_for(lambda: house.task(issue), hint="for the delivery to be applied")
    wait_for(lambda: call(house.url + "/health")[0] == 200)


class Cut:
    """A house whose orchd reaches Postgres through a network that breaks on command; the test has a direct way."""

    def __init__(self, house_of, **env):
        self.house = house_of(env=dict(PATIENT, **env))
        self.proxy = Proxy(port_of(self.house.database_url))
        self.direct = self.house.database_url
        url = self.direct.replace(":%d/" % port_of(self.direct), ":%d/" % self.proxy.port)
        self.house.extra.update(ORCH_DATABASE_URL=url, ORCH_LISTEN_URL=url)
        self.house.start()
        self.house.wait_states()

    def cut(self):
        self.proxy.cut("reset")
        wait_for(lambda: not call(self.house.url + "/health")[2]["database"]["up"], hint="for orchd to miss Postgres")

    def heal(self):
        self.proxy.heal()


@pytest.fixture
def cut_of(house_of):
    built = []

    def build(**env):
        built.append(Cut(house_of, **env))
        return built[0]

    yield build
    for one in built:
        one.proxy.heal()
        if one.house.daemon.poll() is None:
            one.house.daemon.terminate()
            one.house.daemon.wait(60)
        one.proxy.close()


@pytest.fixture
def house(house_of):
    built = house_of(env=PATIENT).start()
    built.wait_states()
    return built


def spool(house):
    return call(house.url + "/health")[2]["spool"]


def metric(house, name):
    return float(re.search(r"^orchd_spool_%s (\S+)$" % name, call(house.url + "/metrics")[2], re.M)[1])


def wait_empty(house):
    wait_for(lambda: spool(house)["deliveries"] == 0 and not list((house.data / "spool").glob("*.deliveries")), patience=120,
             hint="for the spool to be empty")


def files(house):
    return list((house.data / "spool").glob("*.deliveries"))


def deliveries(house, issues, each):
    """For each issue, what a person drags: between two statuses that start nothing, and at last to To Analyse."""
    told = {}
    for issue in issues:
        first = {status: house.delivery(issue, status) for status in (*STATUSES, "To Analyse")}
        told[issue] = []
        for at in range(each):
            payload = copy.deepcopy(first["To Analyse" if at == each - 1 else STATUSES[at % 2]])
            when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=at)
            payload["data"].update(sort_order=float(at), updated_at=when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
            told[issue].append(payload)
    return told


def send(house, told):
    """Each issue's deliveries in their order, the issues side by side; answers how often each status was answered."""
    counts, lock = {}, threading.Lock()

    def send_one(payloads):
        for payload in payloads:
            status = house.post_plane(payload)[0]
            with lock:
                counts[status] = counts.get(status, 0) + 1

    threads = [threading.Thread(target=send_one, args=(payloads,)) for payloads in told.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def orders(house, issue):
    """The numbers of an issue's deliveries, in the order in which they were applied."""
    rows = house.sql("select body from orch.events where facts->>'issue_id' = %s and " + DRAGS + " order by id", (issue,))
    return [int(json.loads(row["body"])["data"]["sort_order"]) for row in rows]


def check_applied(house, told):
    total = sum(map(len, told.values()))
    wait_for(lambda: house.value("select count(*) from orch.events where " + DRAGS) >= total, patience=120, hint="for all deliveries")
    wait_empty(house)
    for issue, payloads in told.items():
        assert orders(house, issue) == list(range(len(payloads)))
        assert house.value("select count(*) from orch.tasks where orch.original_key(plane_issue_id) = %s", (issue,)) == 1
    assert not house.value("select count(*) from orch.events where status in ('failed', 'waiting')")


def issues_of(house, count):
    issues = [house.create("Thing %d" % at) for at in range(count)]
    house.order("settle")
    return issues


def test_W4_a_thousand_deliveries_while_Postgres_is_stopped_are_applied_once_and_in_order(house, cluster):
    told = deliveries(house, issues_of(house, ISSUES), EACH)
    house.mode("analyst", "hang")
    with stopped(cluster, house):
        assert send(house, told) == {202: ISSUES * EACH}
        block = spool(house)
        assert block["deliveries"] == ISSUES * EACH and block["files"] == len(files(house)) <= ISSUES * EACH
        assert block["bytes"] == sum(path.stat().st_size for path in files(house)) and block["ok"]
        assert call(house.url + "/health")[0] == 503
        assert metric(house, "deliveries") == ISSUES * EACH and metric(house, "bytes") == block["bytes"]
    check_applied(house, told)
    assert metric(house, "replayed_total") >= ISSUES * EACH and metric(house, "refused_total") == 0
    assert "spool.empty" in house.log()


def test_W4_SIGKILL_in_the_middle_of_the_replay_changes_nothing(house, cluster):
    told = deliveries(house, issues_of(house, ISSUES), EACH)
    before = house.value("select count(*) from orch.events")
    gates = [before + at for at in (1, 200, 500, 800)]
    house.sql(GATE % gates[0])
    house.mode("analyst", "hang")
    with stopped(cluster, house):
        assert send(house, told) == {202: ISSUES * EACH}
    for gate, following in zip(gates, [*gates[1:], 10 ** 6]):
        wait_for(lambda at=gate: house.value("select count(*) from orch.events") >= at, patience=120, hint="for the replay to be at the gate")
        assert house.value("select count(*) from orch.events") < before + ISSUES * EACH
        house.kill9()
        house.sql("update public.gate set shut_at = %s", (following,))
        house.start()
    check_applied(house, told)


def test_W4_what_was_answered_before_a_SIGKILL_is_applied(cut_of):
    cut = cut_of()
    house = cut.house
    told = deliveries(house, issues_of(house, 4), 60)
    house.mode("analyst", "hang")
    answered, lock = {issue: [] for issue in told}, threading.Lock()

    def send_until_killed(issue):
        with contextlib.suppress(OSError, http.client.HTTPException):
            for at, payload in enumerate(told[issue]):
                if house.post_plane(payload)[0] == 202:
                    with lock:
                        answered[issue].append(at)

    cut.cut()
    threads = [threading.Thread(target=send_until_killed, args=(issue,)) for issue in told]
    for thread in threads:
        thread.start()
    wait_for(lambda: sum(map(len, answered.values())) >= 40)
    house.kill9()
    for thread in threads:
        thread.join()
    cut.heal()
    house.start()
    wait_empty(house)
    for issue, numbers in answered.items():
        applied = orders(house, issue)
        # The last one may have been kept and not answered any more.
        assert applied[:len(numbers)] == numbers and len(applied) <= len(numbers) + 1


def test_W4_a_STOP_that_comes_while_Postgres_is_away_takes_effect_when_it_is_back(cut_of):
    cut = cut_of()
    house = cut.house
    house.mode("analyst", "hang")
    issue = house.begin()
    run = house.wait_running(issue, "analyst")
    payload = house.delivery(issue, "STOP")
    cut.cut()
    sent = house.value("select clock_timestamp()")
    status, _, answer = house.post_plane(payload)
    heard = house.value("select clock_timestamp()")
    assert status == 202 and answer["status"] == "spooled" and answer["event_id"] is None
    assert not house.value("select count(*) from orch.stops")
    cut.heal()
    house.wait_stage(issue, "cancelled")
    wait_for(lambda: not house.processes(run), hint="for the agent to be gone")
    event = house.one("select heard_at, received_at from orch.events where body like '%\"STOP\"%' order by id desc limit 1")
    assert sent <= event["heard_at"] <= heard < event["received_at"], "STOP counts from the webhook's last byte"
    wait_empty(house)


def test_W4_a_full_spool_answers_503_and_takes_again_when_there_is_room(cut_of):
    cut = cut_of(ORCH_SPOOL_MAX_DELIVERIES="3")
    house = cut.house
    issue, = issues_of(house, 1)
    payloads = deliveries(house, [issue], 5)[issue]
    cut.cut()
    assert [house.post_plane(payload)[0] for payload in payloads[:3]] == [202] * 3
    status, headers, problem = house.post_plane(payloads[3])
    assert (status, headers["Content-Type"]) == (503, "application/problem+json") and int(headers["Retry-After"]) > 0
    assert "the spool is full" in problem["detail"] and "ORCH_SPOOL_MAX_DELIVERIES" in problem["detail"]
    block = spool(house)
    assert not block["ok"] and "full" in block["losing"] and block["deliveries"] == 3
    assert metric(house, "refused_total") == 1 and "spool.losing" in house.log()
    cut.heal()
    wait_empty(house)
    wait_for(lambda: spool(house)["ok"])
    assert [house.post_plane(payload)[0] for payload in payloads[3:]] == [200] * 2
    assert orders(house, issue) == list(range(5))


def test_W4_a_slow_database_holds_up_no_sender_and_no_other_issue(house_of):
    house = house_of(env={"ORCH_SPOOL_AFTER": "500ms", "ORCH_DB_TIMEOUT": "5s"}).start()
    house.wait_states()
    house.mode("analyst", "hang")
    issue = house.begin()
    house.wait_running(issue, "analyst")
    other = house.create("Another")
    stop, start = house.delivery(issue, "STOP"), house.delivery(other, "To Analyse")
    holder = psycopg2.connect(house.database_url)
    with holder.cursor() as cursor:
        cursor.execute("select from orch.tasks where id = %s for update", (house.task(issue)["id"],))
        assert house.post_plane(stop)[0] == 202
        assert house.post_plane(start)[0] in (200, 202)
        wait_for(lambda: house.task(other), patience=90, hint="for the other issue's task, while the first waits")
        assert house.task(issue)["stage"] == "analysis"
        # What waits too long for the lock takes its connection with it, and whoever asked there.
        wait_for(lambda: house.api("/queue")[2].get("spool", {}).get("deliveries"), hint="for GET /queue to tell of it")
    holder.rollback()
    holder.close()
    house.wait_stage(issue, "cancelled", patience=90)
    wait_empty(house)


def test_W4_a_directory_that_cannot_be_used_stops_the_start_and_names_the_setting(house_of):
    house = house_of()
    done = house.run("serve", ORCH_SPOOL_DIR="/proc/spool")
    assert done.returncode != 0 and "ORCH_SPOOL_DIR" in done.stderr


def test_W5_an_address_that_sends_too_many_deliveries_is_429(house_of):
    house = house_of(env={"ORCH_WEBHOOK_RATE_PER_MINUTE": "5"}).start()
    answers = []

    def is_limited():
        answers.append(house.post_plane({"event": "issue"}, secret="wrong"))
        return answers[-1][0] != 401

    wait_for(is_limited)
    status, headers, problem = answers[-1]
    assert (status, headers["Content-Type"]) == (429, "application/problem+json") and len(answers) > 1
    assert 1 <= int(headers["Retry-After"]) <= 60 and "ORCH_WEBHOOK_RATE_PER_MINUTE" in problem["detail"]
    assert call(house.url + "/health")[0] == 200, "only the webhooks have a rate"
    assert "webhook.limited" in house.log()


def test_W5_behind_a_trusted_proxy_each_client_has_its_own_rate(house_of):
    house = house_of(env={"ORCH_WEBHOOK_RATE_PER_MINUTE": "3", "ORCH_TRUSTED_PROXIES": "127.0.0.1"}).start()

    def post(client):
        return house.post_plane({"event": "issue"}, secret="wrong", X_Forwarded_For="198.51.100.1, " + client)[0]

    wait_for(lambda: post("203.0.113.7") == 429)
    assert post("203.0.113.8") == 401
    wait_for(lambda: "peer=203.0.113.8 " in house.log(), hint="for the log to name the client")


def test_W5_slow_senders_that_take_all_connections_leave_the_service_answering(house_of):
    house = house_of(env={"ORCH_HTTP_MAX_CONNECTIONS": "50"}).start()
    house.wait_states()
    issue, = issues_of(house, 1)
    payload = house.delivery(issue, "Todo")
    slow = []
    try:
        for at in range(200):
            peer = socket.create_connection(("127.0.0.1", house.port), 10)
            slow.append(peer)
            with contextlib.suppress(OSError):
                peer.sendall(b"POST /webhook/plane HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{" if at % 2 else b"POST /web")
            if at % 20 == 0:
                assert call(house.url + "/health")[0] == 200
        assert house.post_plane(payload)[0] == 200
    finally:
        for peer in slow:
            peer.close()
