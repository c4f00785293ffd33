"""A person at three in the morning: what orchctl tells of a task that was stopped, and whether what it tells to do does it."""
import json
import re
import subprocess

import conftest
from house import wait_for

STORY = (
    r"created: to_analyse by board:\S+",
    r"created -> analysis: branch made by orchd",
    r"STOP was asked for by \S+ through http: wrong customer",
    r"analysis -> cancelled: the STOP took effect at once, \d+ ms after it was heard of; jobs cancelled: 1",
    r"run 1: analyst, attempt 1 on \S+ ended stopped by signal 9; SIGTERM after \S+ m?s, SIGKILL after \S+ m?s; "
    r"\d+ process(?:es)? under its warden, the last gone after \S+ m?s",
    r"archived on node \S+: documents: 1 in /\S+/archive/1; the branch head [0-9a-f]{10} is kept as refs/orch/archive/1",
    r"to get its work back, on node \S+: git -C .* push \S+ refs/orch/archive/1:refs/heads/rescue/ORCH-001",
    r"worktree removed on node \S+",
    r"branch feature/ORCH-001\S* deleted on the forge",
    r"STOP again by board:\S+ through board: nothing changed, it was stopped already",
    r"the issue was started anew by board:\S+ as task 2: orch.why\('2'\)",
    r"now: stopped and clean; its issue goes on as task 2",
)


def orchctl(house, *words):
    done = subprocess.run([conftest.BUILD / "bin" / "orchctl", *words], env=house.environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_S11_orchctl_tells_the_whole_story_of_a_stop(house_of):
    house = house_of().start()
    house.wait_states()
    house.mode("analyst", "stubborn")
    issue = house.begin()
    house.wait_running(issue, "analyst")
    assert house.api("/tasks/ORCH-001/stop", {"reason": "wrong customer"}, "POST")[2]["result"] == "cancelled"
    wait_for(lambda: house.value("select state from orch.stops") == "clean", hint="for the clean-up")
    house.move(issue, "STOP")
    house.wait_event("plane", "unknown issue: no task for status \"stop\"")
    house.move(issue, "To Analyse")
    wait_for(lambda: house.value("select count(*) from orch.tasks") == 2, hint="for the new task")

    status, told, _ = orchctl(house, "--json", "why", "1")
    lines = [row["what"] for row in json.loads(told)]
    assert status == 0
    left = iter(lines)
    for wanted in STORY:
        assert any(re.fullmatch(wanted, line) for line in left), "%s\nis not in its place in\n%s" % (wanted, "\n".join(lines))
    assert "orch.why('1')" in orchctl(house, "why", issue)[1], "the issue's newest task does not name the older"
    status, _, said = orchctl(house, "why", "ORCH-999")
    assert status == 1 and 'task "ORCH-999" does not exist' in said

    head = house.value("select result ->> 'head' from orch.outbox where kind = 'archive' and task_id = 1")
    rescue = next(line for line in lines if line.startswith("to get its work back")).partition(": ")[2]
    subprocess.run(rescue.split(), check=True, capture_output=True, timeout=60)
    assert house.git("rev-parse", "rescue/ORCH-001") == head
