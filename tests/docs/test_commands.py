"""Runs what the manual shows at a prompt ("orchd=#" or "$" in a console block) and compares the answers with those that it shows.

One house serves all pages, in the order of the pages: ORCH-001 is done, ORCH-002 was stopped in mid-flight, ORCH-003 waits for a person,
ORCH-004 is held by the serial gate; two reports have failed. DOCS_REFRESH=1 writes the answers into the pages in place of comparing.
"""
import os
import pathlib
import re
import subprocess

import conftest
from house import FAKE, OPERATOR, wait_for

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
PAGES = ("operations.md", "stop.md", "http-api.md")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
PROMPTS = ("orchd=# ", "$ ")
SETTLE = ("select not exists (select from orch.outbox where status = 'pending')"
          " and not exists (select from orch.agent_runs where ended_at is null)"
          " and not exists (select from orch.jobs where status = 'queued' and held is null and run_at <= now())")


def sessions(text, prompts=PROMPTS):
    """Of each console block: [(prompt, command, shown answer)]."""
    for block in BLOCK.finditer(text):
        steps = []
        for line in block.group(1).splitlines():
            prompt = next((known for known in prompts if line.startswith(known)), None)
            if prompt:
                steps.append([prompt, line[len(prompt):], []])
            elif steps:
                steps[-1][2].append(line)
        yield block, [(prompt, command, "\n".join(shown).strip("\n")) for prompt, command, shown in steps]


def furnish(house_of):
    """The state in which an operator finds the system."""
    house = house_of()
    house.node = "node-1"
    house.write_agents(report="{command: [%s], timeout: 60s, env: {FAKE_CONTROL: %s}}" % (FAKE / "agents" / "agent", house.control))
    house.mode("report", "fail", "fail", "ok")
    house.start()
    house.wait_states()
    first = house.begin("Greet the caller by name")
    house.wait_open(first, "done")
    house.wait_clean(first)
    house.mode("ORCH-002.analyst", "stubborn")
    second = house.begin("Rewrite everything")
    house.wait_running(second, "analyst")
    third = house.begin("Say goodbye too")
    house.move(second, "STOP")
    wait_for(lambda: house.value("select state from orch.stops where work_item = 'ORCH-002'") == "clean", hint="for the clean-up")
    house.wait_analysed(third)
    house.begin("Count the callers")
    wait_for(lambda: house.value("select why from orch.queue"), hint="for the fourth to be held")
    house.sql("select orch.enqueue('report', month, max_attempts => 1) from unnest('{March,April}'::text[]) as month")
    wait_for(lambda: house.value("select count(*) = 2 from orch.jobs where status = 'failed'"), hint="for two failures")
    wait_for(lambda: house.value(SETTLE), hint="for quiet")
    return house


def run(house, prompt, command):
    if prompt == "orchd=# ":
        words = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-P", "pager=off", house.database_url, "-c", command]
    else:
        words = ["bash", "-c", command]
    environment = house.environment(ORCHD=house.url, TOKEN=OPERATOR, CLONE_URL=house.projects[0]["clone_url"])
    environment["PATH"] = "%s:%s" % (conftest.BUILD / "bin", environment["PATH"])
    done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, "%s%s\n%s%s" % (prompt, command, done.stdout, done.stderr)
    answer = done.stdout + done.stderr
    for here, there in ((str(house.data), "/var/lib/orchd"), (house.url, "http://127.0.0.1:8080"),
                        (house.projects[0]["clone_url"], "https://git.example.com/acme/shop.git")):
        answer = answer.replace(here, there)
    return "\n".join(line.rstrip() for line in answer.strip("\n").splitlines())


def shape(answer):
    """What has to stay: the column names of a table; of a table with one cell, and of other answers, the words."""
    lines = answer.splitlines()
    if len(lines) > 1 and re.fullmatch(r"[-+]+", lines[1]):
        named = re.sub(r"\s+", " ", lines[0]).strip()
        if "|" in named or len(lines) != 4:
            return named
        return named + ": " + re.sub(r"\d+", "N", lines[2].strip())
    return re.sub(r"\s+", " ", re.sub(r"\d+", "N", lines[0])) if lines else ""


def test_every_line_at_a_prompt_does_what_the_manual_shows(house_of):
    house = furnish(house_of)
    wrong, count = [], 0
    for page in PAGES:
        text = (DOCS / page).read_text()
        fresh = text
        for block, steps in sessions(text):
            told = []
            for prompt, command, shown in steps:
                answer = run(house, prompt, command)
                count += 1
                told += [prompt + command, *([answer] if answer else []), ""]
                if shape(answer) != shape(shown):
                    wrong.append("%s: %s\nshown:\n%s\nanswered:\n%s" % (page, command, shown, answer))
                wait_for(lambda: house.value(SETTLE), hint="for quiet after " + command)
            fresh = fresh.replace(block.group(0), "```console\n" + "\n".join(told).strip("\n") + "\n```")
        if os.environ.get("DOCS_REFRESH"):
            (DOCS / page).write_text(fresh)
    assert count > 30
    assert os.environ.get("DOCS_REFRESH") or not wrong, "\n\n".join(wrong)
