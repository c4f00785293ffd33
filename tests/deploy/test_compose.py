"""compose.yaml and .env: valid, complete, and no more than needed for each."""
import re
import stat
import subprocess

import pytest
from compose import DOCKER, copy_tree, environment, plugin, read, settings
from house import free_port, wait_for
from machines import run

PASSWORDS = ("ORCHD_POSTGRES_PASSWORD", "ORCHD_OWNER_PASSWORD", "ORCHD_SERVICE_PASSWORD", "ORCHD_BACKUP_PASSWORD")
# What the compose file itself decides.
DECIDED = {"ORCH_DATABASE_URL", "ORCH_LISTEN_URL", "ORCH_NODE", "ORCH_DATA_DIR", "ORCH_AGENTS_FILE", "ORCH_WARDEN", "ORCH_LISTEN",
           "ORCH_TRUSTED_PROXIES", "ORCH_TRUSTED_HEADER", "ORCH_SPOOL_DIR", "ORCH_CA_FILE"}


@pytest.fixture
def directory(tmp_path):
    return copy_tree(tmp_path)


def test_D1_make_env_writes_secrets_once_and_compose_takes_them(directory):
    first = settings(directory)
    assert stat.S_IMODE((directory / ".env").stat().st_mode) == 0o600
    made = [first[line.split("=")[0]] for line in (DOCKER / ".env.example").read_text().splitlines() if line.endswith("=GENERATED")]
    assert len(made) == len(set(made)) == 8 and all(re.fullmatch("[0-9a-f]{64}", secret) for secret in made)
    again = subprocess.run([directory / "make-env"], capture_output=True, text=True, check=False)
    assert again.returncode == 1 and "there already" in again.stderr
    (directory / ".env").unlink()
    bad = subprocess.run([directory / "make-env", "a b"], capture_output=True, text=True, check=False)
    assert bad.returncode == 2 and "no name of a host" in bad.stderr and not (directory / ".env").exists()
    run([directory / "make-env", "orchd.example.com"])
    text = (directory / ".env").read_text()
    assert "ORCHD_DOMAIN=orchd.example.com\n" in text and "ORCHD_PUBLISH=0.0.0.0\n" in text
    assert "ORCH_PUBLIC_URL=https://orchd.example.com\n" in text


def test_D1_without_a_secret_compose_names_it_and_starts_nothing(directory):
    for missing in (*PASSWORDS, "ORCH_OPERATOR_TOKEN"):
        (directory / ".env").unlink(missing_ok=True)
        settings(directory, **{missing: ""})
        done = subprocess.run([*plugin(), "config"], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode != 0 and missing in done.stderr + done.stdout and "make-env" in done.stderr + done.stdout


def test_D1_only_caddy_is_reached_and_each_has_the_least_that_it_needs(directory):
    settings(directory)
    all_of_it = read(directory)
    services = all_of_it["services"]
    assert set(services) >= {"postgres", "migrate", "web", "worker", "caddy", "backup"}
    assert [name for name, service in services.items() if service.get("ports")] == ["caddy"]
    for port in services["caddy"]["ports"]:
        assert str(port).startswith("127.0.0.1:") or (isinstance(port, dict) and port["host_ip"] == "127.0.0.1")
    assert {name: service["image"] for name, service in services.items()} | {"restore": "postgres:15"} == {
        "postgres": "postgres:15", "backup": "postgres:15", "restore": "postgres:15", "caddy": "caddy:2", "migrate": "orchd-web",
        "web": "orchd-web", "worker": "orchd-worker"}
    for name, service in services.items():
        assert not service.get("privileged") and not service.get("network_mode") and not service.get("pid"), name
        assert "no-new-privileges:true" in service["security_opt"], name
        if name != "postgres":
            assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ())), name
    assert all(services[name]["restart"] == "unless-stopped" for name in ("postgres", "web", "worker", "caddy", "backup"))
    assert all("test" in services[name]["healthcheck"] for name in ("postgres", "caddy", "backup"))
    assert all_of_it["networks"]["inside"]["internal"] is True
    assert set(services["postgres"]["networks"]) == {"inside"} and set(services["caddy"]["networks"]) == {"edge"}


def test_D1_a_secret_reaches_those_who_need_it_and_nobody_else(directory):
    set_here = dict(settings(directory), ORCH_PLANE_TOKEN="plane-token", ORCH_GITEA_TOKEN="gitea-token")
    (directory / ".env").write_text("".join("%s=%s\n" % pair for pair in set_here.items()))
    services = read(directory, "--profile", "restore")["services"]
    holders = {name: {service for service, what in services.items() if set_here[name] in environment(what).values()}
               for name in (*PASSWORDS, "ORCH_OPERATOR_TOKEN", "ORCH_READER_TOKEN", "ORCH_PLANE_WEBHOOK_SECRET", "ORCH_GITEA_WEBHOOK_SECRET",
                            "ORCH_PLANE_TOKEN", "ORCH_GITEA_TOKEN")}
    assert holders == {
        "ORCHD_POSTGRES_PASSWORD": {"postgres"}, "ORCHD_OWNER_PASSWORD": {"postgres", "migrate", "restore"},
        "ORCHD_SERVICE_PASSWORD": {"postgres", "web", "worker"}, "ORCHD_BACKUP_PASSWORD": {"postgres", "backup"},
        "ORCH_OPERATOR_TOKEN": {"web"}, "ORCH_READER_TOKEN": {"web"}, "ORCH_PLANE_WEBHOOK_SECRET": {"web"},
        "ORCH_GITEA_WEBHOOK_SECRET": {"web"}, "ORCH_PLANE_TOKEN": {"web", "worker"}, "ORCH_GITEA_TOKEN": {"web", "worker"}}


def test_D1_every_setting_can_be_set_in_the_one_file(directory):
    from conftest import BUILD  # noqa: PLC0415
    known = set(re.findall(r"^#(ORCH_[A-Z0-9_]+)=", run([BUILD / "bin" / "orchd", "settings", "--dotenv"]), re.M))
    settings(directory, **{name: "x" for name in known})
    services = read(directory)["services"]
    for where, lacking in (("web", {"ORCH_AGENT_ENV_PASS"}), ("worker", {
            "ORCH_OPERATOR_TOKEN", "ORCH_READER_TOKEN", "ORCH_PLANE_WEBHOOK_SECRET", "ORCH_PLANE_WEBHOOK_SECRET_OLD", "ORCH_BASE_PATH",
            "ORCH_GITEA_WEBHOOK_SECRET", "ORCH_GITEA_WEBHOOK_SECRET_OLD", "ORCH_WEBHOOK_RATE_PER_MINUTE", "ORCH_HTTP_MAX_BODY"})):
        passed = {name for name, value in environment(services[where]).items() if value == "x"}
        decided = DECIDED | ({"ORCH_MAX_CONCURRENCY"} if where == "web" else set())
        assert passed == known - decided - lacking, (where, passed ^ (known - decided - lacking))


def test_D1_a_setting_that_is_not_in_the_file_keeps_its_default(directory):
    settings(directory)
    services = read(directory)["services"]
    assert "ORCH_LEASE" not in environment(services["web"]) and "ORCH_LEASE" not in environment(services["worker"])
    assert environment(services["web"])["ORCH_MAX_CONCURRENCY"] == "0"
    assert environment(services["worker"])["ORCH_MAX_CONCURRENCY"] == "4"


def test_D1_the_caddyfile_is_valid_for_a_name_and_for_this_host(tmp_path):
    for domain in ("localhost", "orchd.example.com"):
        done = subprocess.run(["caddy", "validate", "--adapter", "caddyfile", "--config", DOCKER / "Caddyfile"], capture_output=True,
                              text=True, check=False, env={"PATH": "/usr/bin", "HOME": str(tmp_path), "ORCHD_DOMAIN": domain})
        assert done.returncode == 0, done.stderr
    assert subprocess.run(["caddy", "fmt", DOCKER / "Caddyfile"], capture_output=True, text=True,
                          check=False).stdout == (DOCKER / "Caddyfile").read_text()


def test_D1_caddy_with_this_file_speaks_TLS_hides_the_metrics_and_says_that_it_lives(house, tmp_path):
    """The file itself; only the ports are others, and HTTP/3 is left out, because free_port() keeps the port of UDP."""
    http, https, alive = free_port(), free_port(), free_port()
    text = (DOCKER / "Caddyfile").read_text().replace(
        "admin off", "admin off\n\thttp_port %d\n\thttps_port %d\n\tskip_install_trust\n"
        "\tservers {\n\t\tprotocols h1 h2\n\t}" % (http, https)).replace(":2020", ":%d" % alive)
    (tmp_path / "Caddyfile").write_text(text)
    with open(tmp_path / "log", "wb") as log:
        caddy = subprocess.Popen(["caddy", "run", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"], stdin=subprocess.DEVNULL,
                                 stdout=log, stderr=log, env={"PATH": "/usr/bin", "HOME": str(tmp_path), "ORCHD_UPSTREAM": "localhost %d" % house.port})
    try:
        authority = tmp_path / ".local/share/caddy/pki/authorities/local/root.crt"

        def fetch(path, *more):
            return subprocess.run(["curl", "--silent", "--show-error", "--cacert", authority, "--write-out", "\n%{http_code}", *more,
                                   "https://localhost:%d%s" % (https, path)], capture_output=True, text=True, check=False).stdout.rsplit("\n", 1)
        wait_for(lambda: fetch("/health")[-1] == "200", hint="for caddy")
        assert fetch("/metrics")[-1] == fetch("/%6detrics")[-1] == "404"
        assert fetch("/status")[-1] == "401"
        assert "max-age" in fetch("/health", "--head")[0].lower()
        lived = subprocess.run(["curl", "--silent", "--write-out", "%{http_code}", "http://127.0.0.1:%d/" % alive], capture_output=True,
                               text=True, check=False)
        assert lived.stdout == "204"
    finally:
        caddy.terminate()
        caddy.wait(30)
