"""O: what the outside sees, at least once and in order."""
import pytest

from house import wait_for


def comments(house):
    return [comment for comment in house.books()["comments"] if comment["external_source"] == "orchd"]


@pytest.mark.parametrize("peer, match", [("plane", "comments"), ("plane", "PATCH"), ("telegram", "sendMessage")])
def test_O1_a_failing_peer_is_tried_again_until_it_holds(house, peer, match):
    house.order("fail", peer=peer, match=match, status=500, times=2)
    issue = house.begin()
    house.wait_analysed(issue)
    effects = house.wait_clean(issue)
    assert {row["status"] for rows in effects.values() for row in rows} == {"done"}
    assert any(row["attempts"] == 3 and row["last_error"] for rows in effects.values() for row in rows)


def test_O1_retry_after_is_obeyed(house):
    house.order("fail", peer="plane", match="PATCH", status=429, retry_after=2, times=1)
    issue = house.begin()
    house.wait_board(issue, "Analysis")
    wait_for(lambda: house.value("select status from orch.outbox where kind = 'board_status' order by id limit 1") == "done")
    tries = [request for request in house.books()["requests"] if request["method"] == "PATCH"][:2]
    assert [request["status"] for request in tries] == [429, 200]
    took = "select extract(epoch from ended_at - created_at) from orch.outbox where kind = 'board_status' order by id limit 1"
    assert house.value(took) >= 2


def test_O1_an_answer_that_was_lost_does_not_double_the_comment(house):
    house.order("fail", peer="plane", match="comments", after=True, times=2)
    issue = house.begin()
    house.wait_analysed(issue)
    effects = house.wait_clean(issue)
    assert {row["status"] for row in effects["board_comment"]} == {"done"}
    external = [comment["external_id"] for comment in comments(house)]
    assert len(external) == len(set(external)) == len(effects["board_comment"])
    assert 409 in [request["status"] for request in house.books()["requests"] if "comments" in request["path"]]


def test_O1_a_dead_effect_is_listed_and_can_be_tried_again(house_of):
    house = house_of(env={"ORCH_EFFECT_MAX_ATTEMPTS": "2"}).start()
    house.order("fail", peer="plane", match="PATCH", status=500, times=2)
    house.begin()
    dead = wait_for(lambda: house.one("select * from orch.dead_effects"))
    assert dead["work_item"] == "ORCH-001" and dead["last_error"]
    house.sql(dead["again"])
    wait_for(lambda: not house.sql("select 1 from orch.dead_effects"))
    wait_for(lambda: house.value("select status from orch.outbox where id = %s", (dead["id"],)) == "done")


def test_O1_effects_of_a_lane_keep_their_order(house):
    issue = house.begin()
    house.wait_open(issue, "done")
    house.wait_clean(issue)
    for row in house.sql("select lane, array_agg(id order by id) = array_agg(id order by ended_at, id) as in_order"
                         "  from orch.outbox group by lane"):
        assert row["in_order"], row["lane"]


def test_O2_the_card_is_one_message_edited_in_place(house):
    issue = house.begin()
    house.wait_open(issue, "done")
    house.wait_clean(issue)
    card = house.value("select message_id from orch.tracker_messages")
    messages = {str(message["message_id"]): message for message in house.books()["messages"]}
    assert messages[card]["edits"] >= 1 and "ORCH-001" in messages[card]["text"]
    assert house.value("select count(*) from orch.tracker_messages") == 1


def test_O2_a_card_that_was_deleted_is_sent_anew(house):
    issue = house.begin()
    house.wait_analysed(issue)
    house.wait_clean(issue)
    card = house.value("select message_id from orch.tracker_messages")
    house.order("forget_message", message_id=int(card))
    house.move(issue, "Approved")
    wait_for(lambda: house.value("select message_id from orch.tracker_messages") != card)


def test_O2_what_people_wrote_is_escaped_for_board_and_messenger(house):
    issue = house.begin("A <b> & </i> thing")
    house.wait_analysed(issue)
    effects = house.wait_clean(issue)
    assert {row["status"] for rows in effects.values() for row in rows} == {"done"}
    assert any("A <b> & </i> thing" in message["text"] for message in house.books()["messages"])


def test_O2_the_pull_request_is_opened_once_and_merged_with_the_expected_head(house):
    house.order("set", merge_busy=2)
    issue = house.begin()
    house.wait_open(issue, "done")
    books = house.books()
    pull, = books["pulls"]
    assert pull["title"] == "ORCH-001: Add a thing" and pull["merge_sha"]
    merges = [request for request in books["requests"] if request["path"].endswith("/merge") and request["method"] == "POST"]
    assert [request["status"] for request in merges][-1] == 200 and 405 in [request["status"] for request in merges]
    assert all(request["body"]["head_commit_id"] == pull["head_sha"] for request in merges)


def test_O2_a_pull_request_that_is_there_already_is_taken(house):
    house.order("fail", peer="gitea", match="POST /api/v1/repos/acme/shop/pulls", after=True, times=1)
    issue = house.begin()
    house.wait_open(issue, "done")
    assert len(house.books()["pulls"]) == 1
    assert 409 in [request["status"] for request in house.books()["requests"] if request["path"].endswith("/pulls")]


def test_O2_a_conflict_sends_the_task_back(house):
    house.mode("developer", "conflict")
    house.order("set", conflict_object=True)
    issue = house.park()
    house.order("commit", repo="acme/shop", branch="main", path="README.md", content="# somebody else\n")
    house.move(issue, "Confirm Deploy")
    wait_for(lambda: house.one("select 1 from orch.transitions where from_stage = 'deploy' and to_stage = 'development'"))
    assert not house.books()["merges"]


def test_O3_without_a_channel_an_effect_is_skipped_visibly(house_of):
    house = house_of(env={"ORCH_TELEGRAM_TOKEN": None}).start()
    issue = house.begin()
    house.wait_analysed(issue)
    effects = house.wait_clean(issue)
    assert {row["status"] for row in effects["card"]} == {"skipped"} and effects["card"][0]["last_error"]
    assert not house.books()["messages"]
