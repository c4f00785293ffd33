"""The stand-in itself: the traps of the real peers are there, so that what passes against it has met them."""
import http.server
import json
import threading

import pytest

from house import call, sender, wait_for

KEY = {"X-API-Key": "plane_api_00112233445566778899aabbccddeeff"}
TOKEN = {"Authorization": "token 0123456789abcdef0123456789abcdef01234567"}


class Listener(http.server.BaseHTTPRequestHandler):
    """Takes deliveries, and answers with the next of the planned statuses; 0 closes the connection without a word."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, self.headers.items(), body))
        status = self.server.plan.pop(0) if self.server.plan else 200
        if status:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def world(house_of):
    """A house without orchd, in whose place a listener takes the deliveries."""
    house = house_of()
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", house.port), Listener)
    listener.taken, listener.plan = [], []
    threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    house.taken, house.plan = listener.taken, listener.plan
    yield house
    listener.shutdown()
    listener.server_close()


def project(world, rest):
    return world.ready["plane_url"] + "/api/v1/workspaces/acme/projects/%s/%s" % (world.projects[0]["project_id"], rest)


def forge(world, rest, body=None, method=None):
    return call(world.ready["gitea_url"] + "/api/v1/repos/acme/shop/" + rest, body, method, TOKEN)


def test_W7_a_drag_is_two_deliveries_and_each_is_signed_over_its_bytes(world):
    issue = world.create("Ünicode → x")
    world.order("settle")
    world.move(issue, "STOP")
    world.order("settle")
    told = [(dict(headers), body) for path, headers, body in world.taken if path == "/webhook/plane"]
    assert sorted(str(json.loads(body)["activity"]["field"]) for _, body in told) == ["None", "sort_order", "state_id"]
    for headers, body in told:
        assert headers["X-Plane-Signature"] == sender.sign("plane-secret", body)
        assert b"\\u00dc" in body and body == sender.plane_body(json.loads(body))
    assert len({headers["X-Plane-Delivery"] for headers, _ in told}) == 3


def test_W7_the_board_ignores_statuses_and_retries_transport_errors_under_a_new_id(world):
    world.plan[:] = [500, 404, 0]
    for title in "ab":
        world.create(title)
        world.order("settle")
    assert len(world.taken) == 2
    world.create("c")
    world.order("settle", seconds=10)
    first, second = [dict(headers)["X-Plane-Delivery"] for _, headers, _ in world.taken[2:]]
    assert first != second and world.taken[2][2] == world.taken[3][2]


def test_W7_the_forge_never_retries_and_tells_a_deletion_without_a_push(world):
    world.order("commit", repo="acme/shop", branch="feature/ORCH-001-x", path="docs/a.md", content="a\n")
    wait_for(lambda: len(world.taken) == 2)
    world.plan[:] = [500, 0]
    assert forge(world, "branches/feature%2FORCH-001-x", method="DELETE")[0] == 204
    world.order("settle")
    events = [dict(headers)["X-Gitea-Event"] for _, headers, _ in world.taken]
    assert sorted(events) == ["create", "delete", "push"]
    headers = dict(world.taken[-1][1])
    assert headers["X-GitHub-Event"] == "delete" and headers["X-Hub-Signature-256"] == "sha256=" + headers["X-Gitea-Signature"]
    assert world.taken[-1][2].startswith(b'{\n  "ref"')


def test_W7_own_writes_come_back_with_the_key_s_user_and_the_other_spelling(world):
    issue = world.create()
    state = world.state_id("Review")
    assert call(project(world, "work-items/%s/" % issue), {"state": state}, "PATCH", KEY)[2]["state"] == state
    assert call(project(world, "work-items/%s/" % issue), {"state": state}, "PATCH", KEY)[0] == 200  # The same again: no delivery.
    world.order("settle")
    own = [json.loads(body) for _, _, body in world.taken if b'"field": "state"' in body]
    assert len(own) == 1 and own[0]["activity"]["actor"]["display_name"] == "orch-bot"


def test_W7_the_board_s_refusals(world):
    issue = world.create()
    assert call(project(world, "states/"))[0] == 401
    assert call(project(world, "states/"), headers={"X-API-Key": "no"})[0] == 403
    assert call(world.ready["plane_url"] + "/api/v1/workspaces/acme/projects/nothing/states/", headers=KEY)[0] == 403
    assert call(project(world, "work-items/00000000-0000-4000-8000-000000000000/"), headers=KEY)[0] == 404
    assert call(project(world, "work-items/%s/" % issue), {"state": "x"}, "PATCH", KEY)[0] == 400
    comment = {"comment_html": "<p>x</p>", "external_source": "orchd", "external_id": "effect-1@1"}
    assert [call(project(world, "work-items/%s/comments/" % issue), comment, "POST", KEY)[0] for _ in range(2)] == [201, 409]
    world.order("set", rate_limit=1)
    status, headers, _ = call(project(world, "states/"), headers=KEY)
    assert status == 429 and int(headers["Retry-After"]) > 0


def test_W7_a_merge_meets_its_checks(world):
    head = world.order("commit", repo="acme/shop", branch="feature/ORCH-001-x", path="src/x.c", content="int x;\n")["sha"]
    wanted = {"head": "feature/ORCH-001-x", "base": "main", "title": "x"}
    assert [forge(world, "pulls", wanted)[0] for _ in range(2)] == [201, 409]
    merge = {"Do": "merge", "head_commit_id": head, "delete_branch_after_merge": False}
    status, _, body = forge(world, "pulls/1/merge", merge)
    assert status == 405 and body["message"] == "Please try again later"
    assert forge(world, "pulls/1/merge", dict(merge, head_commit_id="0" * 40))[0] == 409
    assert forge(world, "pulls/1/merge", merge)[0] == 200
    assert forge(world, "pulls/1")[2]["merged"] is True and forge(world, "pulls/1/merge", merge)[0] == 405
    assert forge(world, "branches/main", method="DELETE")[0] == 403
    assert world.git("rev-parse", "main^2") == head


def test_W7_the_messenger_refuses_what_is_not_modified_or_not_there(world):
    url = world.ready["telegram_url"] + "/bot700000001:stand-in/"
    text = {"chat_id": "-1", "text": "<b>x</b> &amp; y", "parse_mode": "HTML"}
    number = call(url + "sendMessage", text)[2]["result"]["message_id"]
    assert "not modified" in call(url + "editMessageText", dict(text, message_id=number))[2]["description"]
    assert "to edit not found" in call(url + "editMessageText", dict(text, message_id=1))[2]["description"]
    assert call(url + "sendMessage", dict(text, text="a < b"))[0] == 400
    world.order("fail", peer="telegram", status=429, retry_after=3)
    status, headers, body = call(url + "sendMessage", text)
    assert status == 429 and headers["Retry-After"] == "3" and body["parameters"]["retry_after"] == 3
