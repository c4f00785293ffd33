"""The examples of share/examples: what monitors and proxies read is valid, and names what orchd really has."""
import json
import re
import shutil
import subprocess
import urllib.request

import pytest
import yaml
from house import ROOT, free_port, wait_for
from machines import run

EXAMPLES = ROOT / "share" / "examples"
MONITORING = EXAMPLES / "monitoring"
METRIC = re.compile(r"\b(?:orchd|process)_[a-z_]+\b")


def metrics(house):
    with urllib.request.urlopen(house.url + "/metrics", timeout=30) as answer:
        return answer.read().decode()


def expressions():
    """Of each panel and the variable, as Grafana would send them."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")


def test_D2_promtool_is_content_with_the_metrics_and_the_rules(house, tmp_path):
    checked = subprocess.run(["promtool", "check", "metrics"], input=metrics(house), capture_output=True, text=True, check=False)
    assert checked.returncode == 0 and not checked.stdout + checked.stderr, checked.stdout + checked.stderr
    assert "14 rules found" in run(["promtool", "check", "rules", MONITORING / "alerts.yaml"])
    shutil.copytree(MONITORING, tmp_path / "monitoring")
    run(["promtool", "check", "config", tmp_path / "monitoring" / "prometheus.yaml"])
    rules = {"groups": [{"name": "panels", "rules": [{"record": "panel:%d" % at, "expr": expr} for at, (_, expr) in enumerate(expressions())]}]}
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump(rules))
    run(["promtool", "check", "rules", "--lint=none", tmp_path / "panels.yaml"])


def test_D2_alerts_and_dashboard_ask_for_metrics_that_are_there(house):
    there = set(re.findall(r"^([a-z_]+)(?:\{[^}]*\})? ", metrics(house), re.M))
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"][0]["rules"]
    asked = {name for rule in rules for name in METRIC.findall(rule["expr"])}
    shown = {name for _, expr in expressions() for name in METRIC.findall(expr)}
    assert asked and shown and not (asked | shown) - there, (asked | shown) - there
    assert all(rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"] for rule in rules)
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_D2_the_alerts_ring_when_they_should(tmp_path):
    """Their expressions over made-up series."""
    def rings(alert, at, series, labels):
        return {"interval": "1m", "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [{"eval_time": at, "alertname": alert, "exp_alerts": [{"exp_labels": labels}] if labels else []}]}
    one = {"instance": "a", "job": "orchd"}
    page, ticket = dict(one, severity="page"), dict(one, severity="ticket")
    cases = [
        rings("OrchdDown", "1m", {'up{job="orchd",instance="a"}': "1 0 0 0 0"}, None),
        rings("OrchdDown", "4m", {'up{job="orchd",instance="a"}': "1 0 0 0 0"}, page),
        rings("OrchdLosesDeliveries", "5m", {'orchd_spool_refused_total{job="orchd",instance="a"}': "0 0 0 0 3 3"}, page),
        rings("OrchdLosesDeliveries", "5m", {'orchd_spool_refused_total{job="orchd",instance="a"}': "7 7 7 7 7 7"}, None),
        rings("OrchdLeavesAgentsOut", "40m", {'orchd_breakers_open{job="orchd",instance="a"}': "1+0x60",
                                              'orchd_preflights_failing{job="orchd",instance="a"}': "0+0x60"}, ticket),
        rings("OrchdStartsAgainAndAgain", "20m", {'process_start_time_seconds{job="orchd",instance="a"}': "1 1 2 3 4 5" + " 5" * 15}, page)]
    for case in cases:  # of an alert that rings, the texts are compared, too
        for test in case["alert_rule_test"]:
            for wanted in test["exp_alerts"]:
                wanted["exp_annotations"] = {}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": cases}))
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    for rule in rules["groups"][0]["rules"]:
        del rule["annotations"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    run(["promtool", "test", "rules", tmp_path / "test.yaml"])


@pytest.mark.parametrize("name", ["Caddyfile", "Caddyfile-path"])
def test_D2_the_examples_for_Caddy_pass_on_what_they_should(house_of, tmp_path, name):
    base = "/orchd" if name.endswith("-path") else ""
    house = house_of(env={"ORCH_BASE_PATH": base})
    house.url += base
    house.start()
    port = free_port()
    text = (EXAMPLES / "proxies" / name).read_text()
    assert subprocess.run(["caddy", "fmt", EXAMPLES / "proxies" / name], capture_output=True, text=True, check=False).stdout == text
    site = "www.example.com" if base else "orchd.example.com"
    assert text.count("127.0.0.1:8080") >= 1 and text.count("\n%s {" % site) == 1
    text = text.replace("127.0.0.1:8080", "127.0.0.1:%d" % house.port).replace("\n%s {" % site, "\nhttp://%s:%d {" % (site, port))
    (tmp_path / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text)
    with open(tmp_path / "log", "wb") as log:
        caddy = subprocess.Popen(["caddy", "run", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"], stdin=subprocess.DEVNULL,
                                 stdout=log, stderr=log, env={"PATH": "/usr/bin", "HOME": str(tmp_path)})
    try:
        def status(path):
            return subprocess.run(["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--header", "Host: " + site,
                                   "http://127.0.0.1:%d%s" % (port, path)], capture_output=True, text=True, check=False).stdout
        wait_for(lambda: status(base + "/health") == "200", hint="for caddy")
        assert status(base + "/metrics") == status(base + "/%6detrics") == "404"
        assert status(base + "/status") == "401"
        assert not base or status(base) == "308"
    finally:
        caddy.terminate()
        caddy.wait(30)


@pytest.mark.parametrize("name", ["traefik.yaml", "traefik-path.yaml"])
def test_D2_the_examples_for_Traefik_are_whole(name):
    http = yaml.safe_load((EXAMPLES / "proxies" / name).read_text())["http"]
    router, balancer = http["routers"]["orchd"], http["services"]["orchd"]["loadBalancer"]
    assert set(http) == {"routers", "services"} and router["service"] == "orchd" and "middlewares" not in router
    base = "/orchd" if "-path" in name else ""
    assert "!Path(`%s/metrics`)" % base in router["rule"] and "healthCheck" not in balancer
    assert [server["url"] for server in balancer["servers"]] == ["http://127.0.0.1:8080"]
