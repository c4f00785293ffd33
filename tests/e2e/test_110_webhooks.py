"""W: deliveries, from signature to row."""
import concurrent.futures

from house import call, wait_for


def events(house):
    return house.value("select count(*) from orch.events")


def test_W1_a_signed_delivery_of_the_board_is_stored_and_routed(house):
    issue = house.begin("Add a thing")
    row = house.one("select * from orch.events where source = 'plane' and status = 'routed' and reason = 'started'")
    assert row["kind"] == "issue" and row["task_id"] == house.task(issue)["id"]


def test_W1_a_wrong_missing_or_empty_signature_is_401_and_no_row(house):
    issue = house.create()
    payload = house.delivery(issue, "To Analyse")
    house.order("settle")
    before = events(house)
    assert house.post_plane(payload, secret="wrong")[0] == 401
    assert house.post_plane(payload, X_Plane_Signature=None)[0] == 401
    assert house.post_plane(payload, X_Plane_Signature="")[0] == 401
    assert house.post_gitea({"repository": {"full_name": "acme/shop"}}, "push", secret="wrong")[0] == 401
    assert events(house) == before and not house.task(issue)


def test_W1_both_secrets_are_accepted_during_a_rotation(house_of):
    house = house_of(env={"ORCH_PLANE_WEBHOOK_SECRET": "new-secret", "ORCH_PLANE_WEBHOOK_SECRET_OLD": "plane-secret"}).start()
    issue = house.create()
    payload = house.delivery(issue, "Todo")
    assert house.post_plane(payload, secret="new-secret")[0] == 200
    assert house.post_plane(payload, secret="plane-secret")[0] == 200
    assert house.post_plane(payload, secret="older-secret")[0] == 401


def test_W1_without_a_secret_the_endpoint_is_closed_and_the_log_says_why(house_of):
    house = house_of(env={"ORCH_PLANE_WEBHOOK_SECRET": None, "ORCH_GITEA_WEBHOOK_SECRET": None}).start()
    assert house.post_plane({"event": "issue"})[0] == 503
    assert house.post_gitea({}, "push")[0] == house.post_gitea({}, "push", path="github")[0] == 503
    assert "plane_webhook_secret" in house.log().lower() and events(house) == 0


def test_W1_github_has_the_semantics_of_gitea(house):
    push = {"repository": {"full_name": "acme/shop"}, "ref": "refs/heads/x", "after": "0" * 40}
    assert house.post_gitea(push, "push", path="github")[0] == 200
    assert house.one("select * from orch.events where source = 'github'")["kind"] == "push"


def test_W2_a_repeated_delivery_is_answered_200_and_changes_nothing(house):
    issue = house.create()
    payload = house.delivery(issue, "To Analyse")
    assert house.post_plane(payload)[0] == 200
    tasks, rows = house.value("select count(*) from orch.tasks"), events(house)
    assert tasks == 1
    assert house.post_plane(payload)[0] == 200  # Another delivery id, the same signed body: the board's retry.
    push = {"repository": {"full_name": "acme/shop"}, "ref": "refs/heads/x", "before": "1" * 40, "after": "2" * 40}
    for _ in range(2):
        assert house.post_gitea(push, "push", delivery="b1c2d3e4-0001-4f5a-8b6c-7d8e9f0a1b01")[0] == 200
    assert house.value("select count(*) from orch.tasks") == 1
    assert house.value("select count(*) from orch.events where kind = 'issue' and body like %s", ("%To Analyse%",)) == 1
    assert house.value("select count(*) from orch.events where delivery_key = 'b1c2d3e4-0001-4f5a-8b6c-7d8e9f0a1b01'") == 1
    assert rows >= 1


def test_W2_a_redelivery_of_the_forge_under_a_new_id_is_harmless(house):
    issue = house.begin()
    house.wait_open(issue, "done")
    house.order("settle")
    before = house.sql("select id, from_stage, to_stage from orch.transitions order by id")
    for told in house.books()["deliveries"]:
        if told["peer"] == "gitea" and told["event"] in ("status", "push", "pull_request"):
            house.order("resend", n=told["n"])
    house.order("settle", seconds=15)
    assert house.sql("select id, from_stage, to_stage from orch.transitions order by id") == before


def test_W3_two_deliveries_at_once_make_one_task(house):
    issue = house.create()
    payloads = [house.delivery(issue, "To Analyse", sort_order=float(at)) for at in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda payload: house.post_plane(payload)[0], payloads)) == {200}
    assert house.value("select count(*) from orch.tasks") == 1
    wait_for(lambda: house.calls())
    house.wait_analysed(issue)
    assert [agent for _, agent, *_ in house.calls()] == ["analyst"]


def test_W3_the_answer_comes_after_the_commit(house):
    issue = house.create()
    assert house.post_plane(house.delivery(issue, "To Analyse"))[0] == 200
    assert house.task(issue)  # Read by another session at once.


def test_W3_an_event_whose_routing_fails_is_kept_and_tried_again_and_blocks_nothing(house):
    issue = house.create()
    bad = house.delivery(issue, "To Analyse", updated_at="no time at all")
    assert house.post_plane(bad)[0] == 200
    failed = house.one("select * from orch.events where status = 'failed'")
    assert failed and failed["reason"] and failed["next_try_at"]
    wait_for(lambda: house.value("select attempts from orch.events where id = %s", (failed["id"],)) >= 3, hint="for more attempts")
    house.begin("Another thing")


def test_W6_what_is_unknown_is_200_and_ignored_with_its_reason(house):
    issue = house.create()
    stranger = house.delivery(issue, "STOP", id="00000000-0000-4000-8000-000000000001")
    elsewhere = house.delivery(issue, "STOP", project="00000000-0000-4000-8000-000000000002")
    unheard = dict(house.delivery(issue, "STOP"), event="cycle")
    for payload in (stranger, elsewhere, unheard):
        assert house.post_plane(payload)[0] == 200
    assert house.post_gitea({"repository": {"full_name": "some/body"}, "ref": "refs/heads/x"}, "push")[0] == 200
    assert house.post_gitea({"repository": {"full_name": "acme/shop"}}, "wiki")[0] == 200
    reasons = {row["reason"] for row in house.sql("select reason from orch.events where status = 'ignored'")}
    for text in ("unknown issue", "unknown project", "cycle", "wiki"):
        assert any(text in reason for reason in reasons), (text, reasons)


def test_W6_malformed_json_wrong_type_and_wrong_method_are_told_and_leave_no_row(house):
    before = events(house)
    assert house.post_plane(b'{"event": "issue", ')[0] == 400
    assert house.post_plane(b"[1, 2]")[0] == 400
    assert house.post_plane({"event": "issue"}, Content_Type="text/plain")[0] == 415
    status, headers, _ = call(house.url + "/webhook/plane")
    assert status == 405 and "POST" in headers["Allow"]
    assert events(house) == before


def test_W6_a_body_past_the_limit_is_413(house_of):
    house = house_of(env={"ORCH_HTTP_MAX_BODY": "4096"}).start()
    assert house.post_plane({"event": "issue", "data": {"name": "x" * 8000}})[0] == 413
    assert events(house) == 0
