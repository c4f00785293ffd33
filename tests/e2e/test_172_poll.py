"""L2, G3 and TC-15: what is done on the board and at the forge takes effect without one webhook, once, and a peer that lies moves nothing."""
import ssl
import subprocess
import urllib.parse

import pytest

from house import wait_for
from proxy import TlsFront

DROPPED = {"drop_plane": True, "drop_gitea": True}
POLLED = {"ORCH_BOARD_POLL_SECONDS": "500ms", "ORCH_RECONCILE_INTERVAL": "300ms", "ORCH_RECONCILE_GRACE": "0"}


@pytest.fixture
def deaf(house_of):
    """A house that no webhook ever reaches."""
    def build(**env):
        house = house_of(env=dict(POLLED, **env))
        house.order("set", **DROPPED)
        house.start()
        house.wait_states()
        return house
    return build


def polled_twice(house):
    """Two polls that began after this call have ended."""
    for _ in range(2):
        before = house.value("select clock_timestamp()")
        wait_for(lambda: house.value("select coalesce(min(polled_at) > %s, false) from orch.projects", (before,)), hint="for the poll")


def moves(house, issue):
    task = house.task(issue)
    return [row["to_stage"] for row in house.sql("select to_stage from orch.transitions where task_id = %s order by id", (task["id"],))]


def test_TC_15_to_analyse_approved_and_stop_take_effect_once_without_a_webhook(deaf):
    house = deaf()
    issue = house.begin("Lost & <found>", description="Two lines\nof text")
    assert "Two lines" in house.task(issue)["description"]
    house.wait_analysed(issue)
    house.mode("architect", "hang")
    house.move(issue, "Approved")
    house.wait_stage(issue, "architecture")
    run = house.wait_running(issue, "architect")
    polled_twice(house)
    assert moves(house, issue) == ["created", "analysis", "architecture"] and [call[1] for call in house.calls()].count("architect") == 1
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    house.wait_clean(issue)
    assert not house.processes(run)
    told = house.one("select cause, actor from orch.transitions where to_stage = 'cancelled'")
    assert told["actor"] == "board:11111111-aaaa-4bbb-8ccc-000000000001", told
    polled_twice(house)
    assert house.value("select count(*) from orch.tasks") == 1
    assert not house.value("select count(*) from orch.events where source <> 'poll'")
    # And again, from the start.
    house.move(issue, "To Analyse")
    wait_for(lambda: house.value("select count(*) from orch.tasks") == 2, hint="for the second task")
    polled_twice(house)
    assert house.value("select count(*) from orch.tasks") == 2


def test_L2_a_whole_run_reaches_done_from_the_apis_alone(deaf):
    house = deaf()
    issue = house.begin()
    house.wait_open(issue, "done")
    house.wait_board(issue, "Done")
    assert {row["source"] for row in house.sql("select distinct source from orch.events")} == {"poll"}
    assert house.one("select evidence from orch.transitions where to_stage = 'review'")["evidence"]["evidence"]["contexts"]


def test_L2_a_gesture_that_was_polled_is_not_done_again_by_its_late_delivery(house_of):
    house = house_of(env=POLLED).start()
    house.wait_states()
    house.order("set", **DROPPED)
    issue = house.begin()
    house.wait_analysed(issue)
    late = house.delivery(issue, "To Analyse")
    house.order("set", drop_plane=False, drop_gitea=False)
    late["data"]["updated_at"] = house.value("select facts ->> 'updated_at' from orch.events where facts ->> 'issue_id' = %s and reason not like"
                                             " 'nothing%%' and status = 'routed' order by id limit 1", (issue,))
    assert house.post_plane(late)[0] == 200
    polled_twice(house)
    assert len(house.calls()) == 1 and house.value("select count(*) from orch.tasks") == 1


def test_L2_our_own_writes_are_no_gestures_and_what_a_delivery_told_is_no_news(house_of):
    house = house_of(env=POLLED).start()
    house.wait_states()
    issue = house.begin()
    house.wait_analysed(issue)
    house.order("settle")
    polled_twice(house)
    assert len(house.calls()) == 1
    assert not house.sql("select * from orch.events where source = 'poll' and status = 'routed' and task_id is not null")


def test_L2_what_was_moved_before_the_project_came_starts_nothing(house_of):
    house = house_of(env=POLLED)
    house.order("set", **DROPPED)
    old = house.create("Old", status="To Analyse")
    house.sql("update orch.projects set polled_to = clock_timestamp() + interval '2 minutes'")
    house.start()
    house.wait_states()
    polled_twice(house)
    assert not house.task(old)


def test_L2_a_gesture_that_no_delivery_told_is_not_written_over(deaf):
    house = deaf()
    issue = house.begin()
    house.wait_analysed(issue)
    house.stop()
    house.start(ORCH_BOARD_POLL_SECONDS="0")
    house.move(issue, "Approved")
    house.sql("select orch.add_effect(%s, 'board_status', '{\"key\": \"analysis\"}'::jsonb)", (house.task(issue)["id"],))
    wait_for(lambda: house.one("select 1 from orch.outbox where kind = 'board_status' and status = 'pending' and last_error like '%%awaited%%'"))
    assert house.books()["issues"][issue]["status"] == "Approved" and house.task(issue)["stage"] == "analysis"
    house.stop()
    house.start()
    house.wait_stage(issue, "architecture")


def test_L2_more_changes_than_a_page_holds_are_all_seen(deaf):
    house = deaf()
    for number in range(130):
        house.create("Issue %d" % number)
    last = house.begin("The last")
    wait_for(lambda: house.value("select count(*) from orch.board_issues") == 131, hint="for 131 issues")
    assert house.value("select count(*) from orch.tasks") == 1 and house.task(last)


def test_L2_the_poll_has_its_block_and_its_switch(house_of):
    house = house_of(env=dict(POLLED, ORCH_BOARD_POLL_SECONDS="0")).start()
    house.wait_states()
    told = house.api("/queue")[2]["reconcile"]["board_poll"]
    assert told["enabled"] is False and told["oldest"] is None and told["errors"] == {}
    house.stop()
    house.start(ORCH_BOARD_POLL_SECONDS="500ms")
    polled_twice(house)
    told = house.api("/queue")[2]["reconcile"]["board_poll"]
    assert told["enabled"] is True and told["oldest"]


@pytest.mark.parametrize("lie, said", [
    ({"status": 500}, "500"), ({"raw": "{\"results\": [{\"id\": "}, "JSON"), ({"raw": "<html>Bad gateway</html>"}, "JSON"),
    ({"raw": "{\"results\": [{\"id\": 7, \"state\": [], \"updated_at\": true}]}"}, "a page of issues"),
    ({"raw": "{\"results\": {}}"}, "a page of issues"), ({"raw": "[]"}, "a page of issues"),
    ({"raw": "{\"results\": [{\"id\": \"x\", \"name\": \"y\", \"state\": \"z\", \"updated_at\": \"tomorrow\"}]}"}, "a page of issues"),
    ({"raw": "{\"results\": [{\"id\": \"x\", \"name\": \"y\", \"state\": \"z\", \"updated_at\": \"2026-13-45T00:00:00\\u0000Z\"}]}"}, "date/time"),
    ({"raw": "[%s]" % (" " * 10_000_000)}, "larger"), ({"raw": "", "status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, "302"),
    ({"status": 429, "retry_after": 1}, "429"), ({"drip_ms": 50}, "timed out")])
def test_L2_a_board_that_lies_moves_nothing_and_is_named(deaf, lie, said):
    house = deaf(ORCH_API_TIMEOUT="2s")
    waiting = house.begin("Seen")
    house.wait_analysed(waiting)
    house.order("fail", peer="plane", match="/projects/%s/issues/" % house.projects[0]["project_id"], times=1000, **lie)
    issue = house.create("Unseen", status="To Analyse")
    told = wait_for(lambda: house.value("select poll_error from orch.projects"), hint="for the error")
    assert said in told, told
    assert told in house.value("select why from orch.why where task_id = %s", (house.task(waiting)["id"],))
    assert not house.task(issue) and house.daemon.poll() is None
    house.order("heal")
    wait_for(lambda: house.task(issue), hint="for the task")
    wait_for(lambda: house.value("select poll_error is null from orch.projects"))


def make_certificate(directory, enddate):
    """A certificate for 127.0.0.1, its own authority, that ends at this date; answers (certificate, key)."""
    (directory / "ca.cnf").write_text("[ca]\ndefault_ca=own\n[own]\ndatabase=%s/index\nnew_certs_dir=%s\nrand_serial=yes\ndefault_md=sha256\n"
                                      "policy=any\nx509_extensions=ext\n[any]\ncommonName=supplied\n[ext]\nsubjectAltName=IP:127.0.0.1\n"
                                      "basicConstraints=critical,CA:true\n" % (directory, directory))
    (directory / "index").touch()
    key, request, made = directory / "key.pem", directory / "request.pem", directory / "certificate.pem"
    for words in (["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1"],
                  ["ca", "-batch", "-notext", "-config", directory / "ca.cnf", "-selfsign", "-keyfile", key, "-in", request, "-out", made,
                   "-startdate", "20200101000000Z", "-enddate", enddate]):
        done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return made, key


@pytest.mark.parametrize("enddate, is_trusted, said", [("20200102000000Z", True, "expired"), ("20500101000000Z", False, "self"),
                                                       ("20500101000000Z", True, None)])
def test_L2_a_board_whose_certificate_is_no_good_is_not_asked(house_of, enddate, is_trusted, said):
    house = house_of(env=POLLED)
    certificate, key = make_certificate(house.directory, enddate)
    board = urllib.parse.urlsplit(house.ready["plane_url"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with TlsFront(context, (board.hostname, board.port)) as front:
        house.start(ORCH_PLANE_URL="https://127.0.0.1:%d%s" % (front.port, board.path), ORCH_CA_FILE=str(certificate) if is_trusted else "")
        if said is None:
            house.wait_states()
            return
        told = wait_for(lambda: house.value("select states_error from orch.projects"), hint="for the error")
        assert said in told and "certificate" in told.lower(), told
        assert house.value("select states_read_at from orch.projects") is None and house.daemon.poll() is None
        assert house.books()["requests"] == [], "not a byte of ours went there"


@pytest.mark.parametrize("lie, said", [
    ({"status": 500}, "500"), ({"raw": "<html>Bad gateway</html>"}, "JSON"), ({"raw": "{\"statuses\": 7}"}, "statuses of a commit"),
    ({"raw": "{\"state\": \"success\", \"statuses\": [{\"context\": \"ci\", \"status\": true}]}"}, "statuses of a commit"),
    ({"raw": "{\"state\": \"success\", \"total_count\": 1, \"statuses\": null}"}, None)])
def test_G3_a_forge_that_lies_about_ci_moves_nothing(deaf, lie, said):
    house = deaf()
    house.order("fail", peer="gitea", match="/status", times=100000, **lie)
    issue = house.begin()
    house.wait_open(issue, "development")
    wait_for(lambda: house.value("select count(*) from orch.tasks where ci_asked_at is not null"), hint="for the question")
    asked = house.value("select ci_asked_at from orch.tasks")
    wait_for(lambda: house.value("select ci_asked_at from orch.tasks") > asked, hint="for another one")
    if said:
        wait_for(lambda: said in house.value("select why from orch.why"), hint="for orch.why to name the forge")
        wait_for(lambda: said in (house.api("/health")[2]["upkeep"]["duties"]["ci_poll"]["last_error"] or ""))
    assert house.task(issue)["stage"] == "development" and not house.value("select count(*) from orch.ci_statuses")
    house.order("heal")
    house.wait_stage(issue, "review")
