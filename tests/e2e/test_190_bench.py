"""tools/bench: each workload runs, and its books have the shape that tools/bench/report reads. No figure is judged here."""
import json
import os
import subprocess

from conftest import BUILD
from house import ROOT

WORKLOADS = {"drain": {"floor", "orchd"}, "pickup": {"orchd"}, "enqueue": {"insert", "notify", "enqueue"}, "depth": {"empty", "full", "built", "size"},
             "starts": {"xargs", "orchd"}, "idle": {"orchd"}}


def test_bench__a_quick_run_measures_each_workload_beside_its_baseline(tmp_path):
    out = tmp_path / "bench.json"
    done = subprocess.run([str(ROOT / "tools" / "bench" / "run"), "--quick", "--build", str(BUILD), "--out", str(out)], capture_output=True,
                          text=True, timeout=600, check=False, env=dict(os.environ, TMPDIR="/tmp"))
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
