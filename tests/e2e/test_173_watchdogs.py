"""L8 and L9: disks that fill up are told of when they cross the threshold, once; build caches are pruned by one command line and no other."""
import pytest

from house import wait_for

LOOKS = {"ORCH_DISK_WATCH_INTERVAL": "200ms"}


def alerts(house):
    return [message["text"] for message in house.books()["messages"] if message["text"].find("disk of node") >= 0]


def looked_twice(house):
    for _ in range(2):
        before = house.value("select clock_timestamp()")
        wait_for(lambda: house.value("select coalesce(min(seen_at) > %s, false) from orch.disks", (before,)), hint="for the next look")


def test_L8_a_disk_is_told_of_when_it_fills_up_and_when_it_has_room_again(house_of):
    house = house_of(env=dict(LOOKS, ORCH_DISK_WATCH_PERCENT="1")).start()
    wait_for(lambda: len(alerts(house)) == 1, hint="for the alert")
    assert "the threshold is 1%" in alerts(house)[0] and house.node in alerts(house)[0] and str(house.data) in alerts(house)[0]
    looked_twice(house)
    block = house.api("/queue")[2]["disk_watchdog"]
    assert block["enabled"] is True and block["full"] == 1 and [disk["path"] for disk in block["disks"]] == [str(house.data)]
    assert 1 <= block["disks"][0]["used_percent"] <= 100 and block["disks"][0]["free_bytes"] > 0
    house.stop()
    house.start(ORCH_DISK_WATCH_PERCENT="100", ORCH_DISK_WATCH_HYSTERESIS="0")
    wait_for(lambda: len(alerts(house)) == 2, hint="for the second alert")
    looked_twice(house)
    assert "it has room again" in alerts(house)[1] and len(alerts(house)) == 2
    assert house.api("/queue")[2]["disk_watchdog"]["full"] == 0


def test_L8_a_path_that_is_not_there_is_named_and_the_others_are_looked_at(house_of):
    house = house_of(env=LOOKS)
    missing = str(house.directory / "missing")
    house.start(ORCH_DISK_WATCH_PATHS="%s,%s" % (missing, house.data))
    wait_for(lambda: house.value("select count(*) from orch.disks") == 2, hint="for both")
    assert "missing" in house.value("select error from orch.disks where path = %s", (missing,))
    assert house.value("select used_percent from orch.disks where path = %s", (str(house.data),)) is not None
    wait_for(lambda: missing in (house.api("/health")[2]["upkeep"]["duties"]["disk_watchdog"]["last_error"] or ""))


def test_L8_the_watchdog_can_be_switched_off(house_of):
    house = house_of(env=dict(LOOKS, ORCH_DISK_WATCH_ENABLED="off", ORCH_DISK_WATCH_PERCENT="1")).start()
    house.wait_states()
    assert house.api("/queue")[2]["disk_watchdog"] == {"enabled": False, "full": 0, "disks": []} and not alerts(house)


def pruner(house_of, status=0, **env):
    """A house in whose PATH docker and ssh write down how they were called."""
    house = house_of(env=dict({"ORCH_BUILD_CACHE_INTERVAL": "200ms"}, **env))
    tools = house.directory / "tools"
    tools.mkdir()
    for name in ("docker", "ssh"):
        (tools / name).write_text("#!/bin/sh\n{ printf '%%s' %s; printf ' <%%s>' \"$@\"; echo; } >> %s\nexit %d\n" % (name, house.directory / "called", status))
        (tools / name).chmod(0o755)
    house.start(PATH="%s:/usr/bin:/bin" % tools)
    return house


def called(house):
    path = house.directory / "called"
    return path.read_text().splitlines() if path.exists() else []


WORDS = "<builder> <prune>%s <-f> <--filter> <until=24h>"
REMOTE = "ssh <-o> <BatchMode=yes> <--> <ci@build.example.com> <docker> "


@pytest.mark.parametrize("target, with_all, line", [
    ("local", "off", "docker " + WORDS % ""), ("local", "on", "docker " + WORDS % " <-a>"),
    ("ci@build.example.com", "off", REMOTE + WORDS % ""), ("ci@build.example.com", "on", REMOTE + WORDS % " <-a>")])
def test_L9_the_command_line_to_the_word_and_once(house_of, target, with_all, line):
    house = pruner(house_of, ORCH_BUILD_CACHE_TARGET=target, ORCH_BUILD_CACHE_ALL=with_all)
    wait_for(lambda: house.value("select runs from orch.build_cache") == 1, hint="for the pruning")
    ran = wait_for(lambda: house.value("select ran_at from orch.duties where duty = 'build_cache'"))
    wait_for(lambda: house.value("select ran_at from orch.duties where duty = 'build_cache'") > ran, hint="for another look")
    assert called(house) == [line]
    block = house.api("/queue")[2]["build_cache"]
    assert block["enabled"] is True and block["runs"] == 1 and block["last_error"] is None and block["last_run"] and block["ended_at"]
    house.sql("update orch.build_cache set began_at = began_at - interval '6 hours'")
    wait_for(lambda: called(house) == [line, line], hint="for the next one, six hours later")


@pytest.mark.parametrize("target, said", [("", "ORCH_BUILD_CACHE_TARGET is not set"), ("-oProxyCommand=true", "accepted are"), ("host; rm -rf /", "accepted are")])
def test_L9_without_a_good_target_nothing_is_run_and_the_block_says_why(house_of, target, said):
    house = pruner(house_of, ORCH_BUILD_CACHE_TARGET=target)
    wait_for(lambda: said in (house.api("/queue")[2]["build_cache"]["last_error"] or ""), hint="for the reason")
    assert not called(house) and house.value("select runs from orch.build_cache") == 0


def test_L9_a_pruning_that_fails_is_told_and_not_repeated_before_its_time(house_of):
    house = pruner(house_of, status=3, ORCH_BUILD_CACHE_TARGET="local")
    wait_for(lambda: "exit status 3" in (house.api("/queue")[2]["build_cache"]["last_error"] or ""), hint="for the error")
    ran = house.value("select ran_at from orch.duties where duty = 'build_cache'")
    wait_for(lambda: house.value("select ran_at from orch.duties where duty = 'build_cache'") > ran, hint="for another look")
    assert len(called(house)) == 1 and house.value("select runs from orch.build_cache") == 0
