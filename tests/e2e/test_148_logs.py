"""R3: the log of a run keeps its head and its tail, whatever an agent writes."""
import json
import pathlib
import subprocess

import pytest

from house import READER, ROOT, call, wait_for

RECORDED = ROOT / "tests" / "fixtures" / "agents" / "claude_stream_success.jsonl"
CAP = 1024 * 1024
LINE = "a line of a tool that does not know when to stop"


@pytest.fixture
def flooded(house_of):
    """A house whose agent chore is a shell script, with a cap of one MiB on its log: flooded(script)."""
    def build(script, **env):
        house = house_of(env=dict({"ORCH_LOG_MAX_BYTES": str(CAP)}, **env))
        tool = house.directory / "flood"
        tool.write_text("#!/bin/sh\n" + script)
        tool.chmod(0o755)
        house.write_agents(chore="{command: [%s], output: claude, timeout: 120s}" % tool)
        return house.start()
    return build


def begin(house):
    job = house.value("select orch.enqueue('chore', 'write')")
    return lambda: house.one("select * from orch.agent_runs where job_id = %s order by id desc limit 1", (job,))


def log_of(run):
    """The path of a run's log."""
    return pathlib.Path(run["log_path"])


def test_R3_a_log_of_hundreds_of_megabytes_keeps_its_head_and_the_final_record(flooded):
    house = flooded("echo the first line\nyes '%s' | head -c 300000000\ncat '%s'\n" % (LINE, RECORDED))
    look = begin(house)
    run = wait_for(lambda: look() and look()["ended_at"] and look(), patience=120, hint="for its end")
    assert run["outcome"] == "ok", run["message"]
    assert (run["tokens_in"], run["tokens_out"]) == (4600, 70), "the record in the tail was read"
    raw = log_of(run).read_bytes()
    assert CAP * 3 // 4 <= len(raw) <= CAP
    head, left_out, tail = raw.partition(b"\n[orchd: ")
    assert head.startswith(b"the first line\n" + LINE.encode()) and len(head) > CAP // 5
    number, _, tail = tail.partition(b" bytes left out]\n")
    assert int(number) + len(head) + len(tail) == 300000000 + len("the first line\n") + RECORDED.stat().st_size
    assert json.loads(tail.strip().splitlines()[-1])["type"] == "result" and b"\0" not in raw
    assert sorted(path.name for path in (house.data / "logs").iterdir()) == [log_of(run).name], "one file a run"


def test_R3_a_run_that_writes_without_end_takes_no_more_of_the_disk(flooded):
    house = flooded("trap '' TERM\nyes '%s'\n" % LINE)
    look = begin(house)
    run = wait_for(lambda: look() and look()["log_path"] and look(), hint="for its start")
    wait_for(lambda: log_of(run).stat().st_size > 100 * CAP, patience=60, hint="for a long log")
    status = log_of(run).stat()
    assert status.st_blocks * 512 <= CAP + 64 * 1024 < status.st_size
    house.sql("select orch.cancel_job(%s)", (run["job_id"],))
    run = wait_for(lambda: look()["ended_at"] and look(), hint="for its end")
    assert run["outcome"] == "stopped"
    assert log_of(run).stat().st_size <= CAP


def test_R3_L6_a_capped_log_grows_old_as_any_other(flooded):
    house = flooded("yes '%s' | head -c 8000000\nexit 1\n" % LINE, ORCH_RETENTION_LOGS="1s", ORCH_RETENTION_INTERVAL="200ms")
    look = begin(house)
    run = wait_for(lambda: look() and look()["ended_at"] and look(), hint="for its end")
    wait_for(lambda: not log_of(run).exists(), hint="for retention")


def test_R3_over_HTTP_and_in_orchctl_a_capped_log_has_no_hole(flooded):
    house = flooded("echo the first line\nyes '%s' | head -c 50000000\ncat '%s'\nwhile ! [ -e gate ]; do sleep 0.05; done\n" % (LINE, RECORDED))
    look = begin(house)
    run = wait_for(lambda: look() and look()["log_path"] and look(), hint="for its start")
    whole = house.url + "/runs/%d/log" % run["id"]
    reader = {"Authorization": "Bearer " + READER}
    wait_for(lambda: '"result"' in call(whole, headers=reader)[2][-20000:], hint="for the last record")
    going = call(whole, headers=reader)[2]
    shown = subprocess.run([str(house.binary.parent / "orchctl"), "logs", str(run["id"])], env=house.environment(), stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=60, check=True).stdout
    pathlib.Path(house.data, "runs", str(run["id"]), "gate").touch()
    followed = call(whole + "?follow=1", headers=reader)[2]
    wait_for(lambda: look()["ended_at"], hint="for its end")
    for text in (going, shown, followed, call(whole, headers=reader)[2]):
        assert text.startswith("the first line\n" + LINE) and text.count(" bytes left out]\n") == 1 and "\0" not in text
        assert json.loads(text.strip().splitlines()[-1])["type"] == "result" and len(text) <= CAP
