"""R1, R4: coding-agent CLIs by preset. Each is a program of its own name in the PATH of its entry, that prints what the real one was seen to
print (tests/fixtures/agents/) and ends as that did."""
import json
import signal

import pytest

from house import ROOT, wait_for

RECORDED = ROOT / "tests" / "fixtures" / "agents"
# Writes down how it was called, prints the file that "say" names, and ends with the status in "status". With "work" it does what that says.
CLI = """#!/bin/sh
case $1 in --version) echo 1.2.3; exit 0;; esac
printf '%%s\\0' "$@" >%(control)s/argv.$ORCH_RUN
cat >%(control)s/stdin.$ORCH_RUN
env >%(control)s/env.$ORCH_RUN
cat "$(cat %(control)s/say)"
echo 'a warning on the other channel' >&2
[ ! -e %(control)s/work ] || . %(control)s/work
exit "$(cat %(control)s/status)"
"""
PRESETS = {"claude-code": "claude", "codex": "codex", "gemini": "gemini", "aider": "aider"}


@pytest.fixture
def cli_of(house_of):
    """A house whose agents are of presets: cli_of(agent=preset, …)."""
    def build(env=None, timeout="60s", **agents):
        house = house_of(env=dict({"ORCH_BREAKER_FAILURES": "0"}, **(env or {})))
        house.tools = house.directory / "tools"
        house.tools.mkdir()
        for name in PRESETS.values():
            (house.tools / name).write_text(CLI % {"control": house.control})
            (house.tools / name).chmod(0o755)
        house.write_agents(**{agent: "{preset: %s, args: [--model, big], timeout: %s, env: {PATH: '%s:/usr/bin:/bin'}}" % (preset, timeout, house.tools)
                              for agent, preset in agents.items()})
        house.start()
        house.wait_states()
        return house
    return build


def say(house, what, status=0):
    """what: a recorded file, or a text."""
    path = RECORDED / what
    if "\n" in what or not path.is_file():
        path = house.control / "said"
        path.write_text(what)
    (house.control / "say").write_text(str(path))
    (house.control / "status").write_text(str(status))


def run_one(house, content="Count the lines"):
    """The first run of a new job of the agent chore, when it has ended."""
    job = house.value("select orch.enqueue('chore', %s)", (content,))
    return wait_for(lambda: house.one("select * from orch.agent_runs where job_id = %s and ended_at is not null order by id", (job,)), hint="for its run")


def argv(house, run):
    return (house.control / ("argv.%s" % run["id"])).read_text().split("\0")[:-1]


@pytest.mark.parametrize("preset, said, used", [
    ("claude-code", "claude_stream_success.jsonl", (4600, 70, 5600, 0.0285)), ("codex", "codex_success.jsonl", (1200, 180, 800, None)),
    ("gemini", "gemini_success.jsonl", (800, 400, 200, None)), ("aider", "aider_success.txt", (None, None, None, None)),
    ("claude-code", "claude_stream_tool_429_success.jsonl", (4600, 70, 5600, 0.0285)), ("aider", "aider_recovered.txt", (None, None, None, None))])
def test_R1_R4_a_success_has_its_usage_and_the_prompt_reaches_it(cli_of, preset, said, used):
    house = cli_of(chore=preset)
    say(house, said)
    run = run_one(house)
    assert run["outcome"] == "ok", run["message"]
    assert (run["tokens_in"], run["tokens_out"], run["tokens_cache"], run["cost_usd"] and float(run["cost_usd"])) == used
    words = argv(house, run)
    assert words[words.index("--model") + 1] == "big"
    prompt = next((word for word in words if "Count the lines" in word), None)
    if preset == "aider":
        prompt = open(words[words.index("--message-file") + 1]).read()
    assert "Count the lines" in prompt and "needs_input" in prompt
    assert (house.control / ("stdin.%s" % run["id"])).read_text() == "", "stdin was at its end"


@pytest.mark.parametrize("preset, said, status, outcome, words, cost", [
    ("claude-code", "claude_stream_429.jsonl", 1, "transient", "Request rejected (429)", 0),
    ("claude-code", "claude_stream_529.jsonl", 1, "transient", "API Error", 0),
    ("claude-code", "claude_stream_max_turns.jsonl", 1, "failed", "Reached maximum number of turns (2)", 0.0285),
    ("claude-code", '{"type":"system","subtype":"init"}\n', 0, "failed", "it ended without its final record", None),
    ("claude-code", '{"type":"user","content":"HTTP 429 Too Many Requests"}\n{"type":"result","subtype":"success","is_error":true,"api_error_status":401,'
                    '"result":"Invalid API key"}\n', 1, "failed", "Invalid API key", None),
    ("codex", "codex_429.jsonl", 1, "transient", "429", None),
    ("gemini", "gemini_error.jsonl", 173, "transient", "429", None),
    ("gemini", "gemini_error.jsonl", 144, "failed", "API Error", None),
    ("gemini", "", 0, "failed", "without its final record", None),
    ("claude-code", "claude_stream_tool_429_max_turns.jsonl", 1, "failed", "Reached maximum number of turns (2)", 0.0285),
    ("aider", "aider_auth.txt", 0, "failed", "litellm.AuthenticationError", None),
    ("aider", "aider_nothing.txt", 0, "failed", "without an answer of its model", None)])
def test_R1_Q5_a_failure_is_what_the_final_record_says_and_its_cost_counts(cli_of, preset, said, status, outcome, words, cost):
    house = cli_of(chore=preset)
    say(house, said, status)
    run = run_one(house)
    assert (run["outcome"], run["exit_status"]) == (outcome, status) and words in run["message"], run["message"]
    assert (run["cost_usd"] is None) == (cost is None) and (cost is None or float(run["cost_usd"]) == cost)


@pytest.mark.parametrize("preset, said, status, wait", [
    ("gemini", "gemini_429.jsonl", 173, 57.6), ("aider", "aider_rate_limit.txt", 0, 20)])
def test_R1_Q5_the_time_that_its_service_names_is_waited_for(cli_of, preset, said, status, wait):
    house = cli_of(chore=preset)
    say(house, said, status)
    run = run_one(house)
    assert run["outcome"] == "transient", run["message"]
    job = house.one("select *, extract(epoch from run_at - %s)::float8 as wait from orch.jobs where id = %s", (run["ended_at"], run["job_id"]))
    assert (job["status"], job["transients"]) == ("queued", 1) and wait <= job["wait"] < wait * 1.2, job


def test_R4_a_run_whose_time_is_over_has_its_cost_too(cli_of):
    house = cli_of(chore="claude-code", timeout="4s")
    say(house, "claude_stream_success.jsonl")
    (house.control / "work").write_text("sleep 300")
    run = run_one(house)
    assert (run["outcome"], float(run["cost_usd"]), run["tokens_in"]) == ("timeout", 0.0285, 4600)


def test_R1_a_run_is_read_as_it_was_started_though_the_file_is_another_by_then(cli_of):
    house = cli_of(chore="claude-code")
    say(house, "claude_stream_success.jsonl")
    (house.control / "work").write_text("until [ -e %s/go.on ]; do sleep 0.1; done" % house.control)
    job = house.value("select orch.enqueue('chore', 'x')")
    wait_for(lambda: house.value("select pid from orch.agent_runs where job_id = %s", (job,)), hint="for its run")
    house.write_agents(chore="{command: [/bin/true]}", herald="{command: [/bin/true]}")
    house.daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: house.value("select 'herald' = any (agents) from orch.nodes where node = %s", (house.node,)), hint="for the new file")
    (house.control / "go.on").touch()
    run = wait_for(lambda: house.one("select * from orch.agent_runs where job_id = %s and ended_at is not null", (job,)), hint="for its end")
    assert (run["outcome"], run["tokens_in"], float(run["cost_usd"] or 0)) == ("ok", 4600, 0.0285)


def test_R4_a_run_that_is_stopped_has_its_cost_too(cli_of):
    house = cli_of(analyst="claude-code")
    say(house, "claude_stream_success.jsonl")
    (house.control / "work").write_text(": >%s/up.$ORCH_RUN; sleep 300" % house.control)
    issue = house.begin()
    run = house.wait_running(issue, "analyst")
    house.move(issue, "STOP")
    house.wait_stage(issue, "cancelled")
    house.wait_clean(issue)
    row = house.one("select outcome, cost_usd from orch.agent_runs where id = %s", (run["id"],))
    assert row["outcome"] == "stopped" and float(row["cost_usd"]) == 0.0285


def test_P6_the_result_file_says_more_than_the_output(cli_of):
    house = cli_of(chore="claude-code")
    say(house, "claude_stream_success.jsonl")
    (house.control / "work").write_text("""printf '{"cost_usd": 2.5, "usage": {"input": 1}, "message": "by file"}' >"$ORCH_RESULT_FILE"\n""")
    run = run_one(house)
    assert (float(run["cost_usd"]), run["tokens_in"], run["message"]) == (2.5, 1, "by file")


def test_R1_a_prompt_longer_than_an_argument_is_read_from_a_file(cli_of):
    house = cli_of(chore="codex")
    say(house, "codex_success.jsonl")
    run = run_one(house, "Much to do. " * 20000)
    assert run["outcome"] == "ok", run["message"]
    last = argv(house, run)[-1]
    assert last.startswith("Read the file /") and len(open(last.split()[3]).read()) > 200000


def test_R1_a_CLI_that_knows_nothing_of_orchd_can_review(cli_of):
    """All that it is told stands in its prompt: what it judges, into which file, and how."""
    house = cli_of(reviewer="claude-code")
    say(house, "claude_stream_success.jsonl")
    (house.control / "work").write_text(
        'mkdir -p "docs/work-items/$ORCH_WORK_ITEM"\n'
        'printf -- "---\\nverdict: APPROVED\\ncommit: %s\\n---\\n" "$(git rev-parse HEAD)" >"docs/work-items/$ORCH_WORK_ITEM/12-review.md"\n'
        'git add -A && git commit -qm review\n')
    issue = house.begin(title="A \"quoted\" title; $(touch /tmp/nothing)")
    house.wait_open(issue, "testing")
    run = house.one("select * from orch.agent_runs where agent = 'reviewer'")
    task = house.task(issue)
    prompt = argv(house, run)[-1]
    for part in ('You are the reviewer of %s: A "quoted" title; $(touch /tmp/nothing)' % task["work_item"], "12-review.md", "verdict: APPROVED or CHANGES_REQUESTED",
                 "branch %s, which was made from main" % task["branch"], "docs/work-items/%s/" % task["work_item"], "Do not push"):
        assert part in prompt, part
    assert argv(house, run)[-2] == "--" and house.value("select sum(cost_usd) from orch.agent_runs where task_id = %s", (task["id"],)) > 0
    assert "CLAUDE_CODE_MAX_RETRIES=2" in (house.control / ("env.%s" % run["id"])).read_text().splitlines()


def test_R1_a_preset_whose_program_is_not_there_takes_no_jobs(cli_of):
    house = cli_of(chore="claude-code")
    (house.tools / "claude").unlink()
    house.write_agents(chore="{preset: claude-code, env: {PATH: %s}}" % house.tools)
    house.stop()
    house.start()
    wait_for(lambda: "chore" in (house.value("select left_out from orch.nodes where node = %s", (house.node,)) or {}), hint="for the preflight")
    told = json.dumps(house.value("select left_out from orch.nodes where node = %s", (house.node,)))
    assert "claude" in told and "not found in PATH" in told
