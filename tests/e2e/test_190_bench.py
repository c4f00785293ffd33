"""tools/bench: each workload runs, and its books have the shape that tools/bench/report reads. No figure is judged here."""
import json
import os
import subprocess

from conftest import BUILD
from house import ROOT

WORKLOADS = {"drain": {"floor", "orchd"}, "pickup": {"orchd"}, "enqueue": {"insert", "notify", "enqueue"},
             "depth": {"empty", "full", "built", "size", "old transaction"},
             "starts": {"xargs", "orchd"}, "stop": {"board", "http", "psql"}, "idle": {"orchd"}}


def test_bench__a_quick_run_measures_each_workload_beside_its_baseline(tmp_path):
    out = tmp_path / "bench.json"
    done = subprocess.run([str(ROOT / "tools" / "bench" / "run"), "--quick", "--build", str(BUILD), "--out", str(out)], capture_output=True,
                          text=True, timeout=1200, check=False, env=dict(os.environ, TMPDIR="/tmp"))
    assert done.returncode == 0, done.stderr[-3000:]
    book = json.loads(out.read_text())
    assert book["is_quick"] and book["settings"]["fsync"] == "on"
    for workload, who in WORKLOADS.items():
        figures = [f for f in book["figures"] if f["workload"] == workload]
        assert {f["who"] for f in figures} == who, workload
        assert all(f["least"] <= f["median"] <= f["most"] and f["count"] > 0 and f["unit"] for f in figures)
    assert {r["workload"] for r in book["ratios"]} == {"drain", "enqueue", "depth", "starts"}
    page = subprocess.run([str(ROOT / "tools" / "bench" / "report"), str(out)], capture_output=True, text=True, check=True).stdout
    assert page.startswith("# Performance") and "smoke run" in page


def test_bench__a_figure_that_was_not_measured_is_told_with_its_reason(tmp_path):
    samples, facts, out = tmp_path / "samples", tmp_path / "facts", tmp_path / "bench.json"
    samples.write_text("drain\tits best, connections 1\tgraphile\tnot measured\tnot done within 60 s\n"
                       "pickup\tto the agent's exec, from COMMIT sent\torchd\tms\t2.5\n"
                       "idle\tno agents\torchd\tMB resident\t21\n"
                       "enqueue\t1000 a transaction, 1 writer\tinsert\tjobs/s\t10\n"
                       "enqueue\t1000 a transaction, 1 writer\tenqueue\tjobs/s\t1\n")
    facts.write_text("".join(f"{name}\t1\n" for name in ("command", "version", "commit", "taken_at", "cpu", "cores", "memory_kb", "kernel",
                                                         "load_before", "load_after", "postgres", "pgbench", "quick")))
    table = subprocess.run([str(ROOT / "tools" / "bench" / "gather"), str(samples), str(facts), str(out)], capture_output=True, text=True,
                           check=True).stdout
    assert "not measured: not done within 60 s" in table and table.count("MISSED") == 1
    book = json.loads(out.read_text())
    assert [m["is_met"] for f in book["figures"] for m in f["limits"]] == [True, True, False]
    assert [r["is_met"] for r in book["ratios"]] == [None]
    page = subprocess.run([str(ROOT / "tools" / "bench" / "report"), str(out)], capture_output=True, text=True, check=True).stdout
    assert "| graphile | not measured | not done within 60 s |" in page
