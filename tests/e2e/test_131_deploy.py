"""M and P9: what happens between a passed staging and done, and the labels that let it happen without a person."""
from house import wait_for


def confirm(house, issue):
    """Confirms the deploy when it is parked and its merge was tried."""
    wait_for(lambda: house.one("select 1 from orch.deploys where phase = 'A' and checked_at is not null"))
    house.move(issue, "Confirm Deploy")


def test_M1_a_branch_in_conflict_goes_back_with_the_paths_and_nothing_is_deployed(house):
    house.mode("developer", "conflict", "ok")
    issue = house.begin()
    house.wait_analysed(issue)
    theirs = house.order("commit", repo="acme/shop", branch="main", path="README.md", content="theirs\n")["sha"]
    house.move(issue, "Approved")
    row = wait_for(lambda: house.one("select evidence from orch.transitions where from_stage = 'deploy'"))
    assert row["evidence"]["conflicts"] == ["README.md"] and row["evidence"]["onto"] == theirs
    job = house.one("select content from orch.jobs where agent = 'developer' order by id desc limit 1")
    assert "conflicts in: README.md" in job["content"] and theirs[:10] in job["content"]
    assert house.git("rev-parse", "main") == theirs
    assert [stage for _, agent, _, stage, _ in house.calls() if agent == "deployer"].count("deploy") == 0


def test_M3_a_merge_after_which_a_marker_is_missing_is_not_done(house):
    house.sql("update orch.projects set markers = '{VERSION}'")
    issue = house.park()
    confirm(house, issue)
    row = wait_for(lambda: house.one("select evidence from orch.transitions where from_stage = 'deploy'"))
    assert "the default branch lacks VERSION" in row["evidence"]["reason"]
    assert len(house.books()["merges"]) == 1 and house.task(issue)["stage"] == "development"
    house.order("commit", repo="acme/shop", branch="main", path="VERSION", content="1\n")
    confirm(house, issue)
    house.wait_stage(issue, "done")
    first, second = house.books()["merges"]
    assert first["number"] != second["number"], "what is merged is not merged again: there is a second pull request"


def test_P9_labels_take_a_task_to_done_without_a_person(house_of):
    house = house_of(env={"ORCH_AUTO_LABELS_ENABLED": "on"})
    house.start()
    house.wait_states()
    issue = house.begin(labels=["auto-approve", "Auto-Deploy"])
    house.wait_stage(issue, "done")
    actors = house.sql("select to_stage, actor from orch.transitions where actor like 'label %%'")
    assert [(row["to_stage"], row["actor"]) for row in actors] == [("architecture", "label auto-approve")]
    assert house.value("select confirmed_by from orch.deploys") == "label auto-deploy"
    assert house.api("/queue")[2]["auto_labels"]["deployed_count"] == 1
