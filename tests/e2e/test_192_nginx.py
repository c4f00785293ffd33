"""Debian's nginx in front, with the files that the manual shows (share/examples/proxies): only ports and certificates are others."""
import http.client
import json
import pathlib
import shutil
import ssl
import subprocess

import pytest
from house import OPERATOR, PLANE_SECRET, READER, ROOT, call, free_port, sender, wait_for

EXAMPLES = ROOT / "share" / "examples" / "proxies"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
STRANGER, NEIGHBOUR = "127.0.0.2", "127.0.0.3"  # where a client may come from, besides nginx's own address
MAIN = """
daemon off;
user root;
worker_processes 1;
pid %(at)s/pid;
error_log %(at)s/error.log;
events {}
http {
    access_log off;
    client_body_temp_path %(at)s/body;
    proxy_temp_path %(at)s/proxy;
    fastcgi_temp_path %(at)s/fastcgi;
    scgi_temp_path %(at)s/scgi;
    uwsgi_temp_path %(at)s/uwsgi;
    include %(at)s/example.conf;
}
"""
A_SITE = """
server {
    listen 443 ssl http2;
    ssl_certificate     /etc/letsencrypt/live/orchd.example.com/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/orchd.example.com/privkey.pem;
    location / { return 200 "another page of the site"; }
%s
}
"""


class Front:
    """nginx with an example before a port."""

    def __init__(self, directory, text):
        self.directory, self.text = directory, text
        self.port, self.process = free_port(), None
        self.url = "https://127.0.0.1:%d" % self.port
        directory.mkdir()
        self.certificate = directory / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=orchd.example.com", "-addext", "subjectAltName=DNS:orchd.example.com,IP:127.0.0.1", "-keyout",
                        directory / "key.pem", "-out", self.certificate], check=True, capture_output=True)

    def start(self, port):
        """Before orchd at this port; gives the address."""
        text = self.text
        for shown, ours, count in (("listen 443", "listen 127.0.0.1:%d" % self.port, 1), ("127.0.0.1:8080", "127.0.0.1:%d" % port, 1),
                                   ("/etc/letsencrypt/live/orchd.example.com/fullchain.pem", str(self.certificate), 1),
                                   ("/etc/letsencrypt/live/orchd.example.com/privkey.pem", str(self.directory / "key.pem"), 1)):
            assert text.count(shown + ";") + text.count(shown + " ssl") == count, shown
            text = text.replace(shown, ours)
        (self.directory / "example.conf").write_text(text.replace("listen 80;", "listen 127.0.0.1:%d;" % free_port()))
        (self.directory / "nginx.conf").write_text(MAIN % {"at": self.directory})
        words = [NGINX, "-p", str(self.directory), "-e", str(self.directory / "error.log"), "-c", str(self.directory / "nginx.conf")]
        tested = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
        assert tested.returncode == 0 and "[warn]" not in tested.stderr, tested.stderr
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.is_up(), hint="for nginx")
        return self.url

    def is_up(self):
        assert self.process.poll() is None, (self.directory / "error.log").read_text()
        try:
            return call(self.url + "/")[0]
        except OSError:
            return False

    def ask(self, method, path, body=None, headers=None, source=STRANGER):
        """(status, body) of a request from an address."""
        connection = self.connection(source)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def connection(self, source=STRANGER):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, source_address=(source, 0),
                                           context=ssl.create_default_context(cafile=self.certificate))

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)


@pytest.fixture
def front_of(tmp_path, monkeypatch):
    made = []

    def build(text):
        front = Front(tmp_path / "nginx", text)
        monkeypatch.setenv("SSL_CERT_FILE", str(front.certificate))  # for the board and the forge, and for call()
        made.append(front)
        return front
    yield build
    for front in made:
        front.stop()


@pytest.fixture
def front(front_of):
    return front_of((EXAMPLES / "nginx.conf").read_text())


def bearer(token):
    return {"Authorization": "Bearer " + token}


def delivery(house, front, body, source=STRANGER, **headers):
    signed = dict(sender.plane_headers(PLANE_SECRET, "issue", body), **headers)
    return front.ask("POST", "/webhook/plane", body, signed, source)


def test_D2_a_task_walks_its_whole_way_by_deliveries_through_nginx(house_of, front):
    house = house_of(front=front.start, env={"ORCH_TRUSTED_PROXIES": "127.0.0.1"}).start()
    house.wait_states()
    issue = house.begin("Behind a proxy")
    house.wait_open(issue, "done")
    assert house.value("select count(*) from orch.events where status = 'failed'") == 0
    assert house.books()["deliveries"] and "webhook.refused" not in house.log()


def test_D2_signatures_survive_nginx_byte_by_byte(house_of, front):
    house = house_of(front=front.start).start()
    # Spaces, escapes, non-ASCII text, and more than nginx keeps in memory.
    odd = b'{ "event":"issue",\t"action" : "updated","data":{"id":"x\\u0041","name":"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"} }\r\n'
    for body in (odd, odd[:-4] + b', "more": "' + b"x" * 300000 + b'" }\n'):
        status, told = delivery(house, front, body)
        assert status == 200, told
    assert house.value("select count(*) from orch.events where source = 'plane' and status = 'ignored'") == 2
    assert front.ask("POST", "/webhook/plane", odd.replace(b"\r\n", b" \n"), dict(sender.plane_headers(PLANE_SECRET, "issue", odd)))[0] == 401
    assert delivery(house, front, b'{"event":"issue","x":"' + b"x" * 1048000 + b'"}')[0] == 200, "the largest that orchd takes"
    assert delivery(house, front, b'{"event":"issue","x":"' + b"x" * 1500000 + b'"}')[0] == 413


def test_D2_addresses_are_those_of_the_clients_and_no_client_names_another(house_of, front):
    house = house_of(front=front.start, env={"ORCH_TRUSTED_PROXIES": "127.0.0.1", "ORCH_WEBHOOK_RATE_PER_MINUTE": "2"}).start()
    body = b'{"event":"issue","action":"updated","data":{}}'
    lies = {"X-Forwarded-For": NEIGHBOUR, "Forwarded": "for=" + NEIGHBOUR, "X-Real-IP": NEIGHBOUR}
    assert [delivery(house, front, body, **lies)[0] for _ in range(3)] == [200, 200, 429], "three from one address"
    assert delivery(house, front, body, source=NEIGHBOUR)[0] == 200, "another one has sent nothing yet"
    assert "peer=%s" % STRANGER in house.log()
    assert front.ask("GET", "/status", headers=dict(bearer("wrong"), **lies))[0] == 401
    denied = [line for line in house.log().splitlines() if "web.denied" in line]
    assert denied and all("peer=" + STRANGER in line for line in denied), denied


def test_D2_a_proxy_that_is_not_trusted_is_the_client_itself(house_of, front):
    house = house_of(front=front.start).start()
    assert front.ask("GET", "/status", headers=bearer("wrong"))[0] == 401
    assert "peer=127.0.0.1" in next(line for line in house.log().splitlines() if "web.denied" in line)


def test_D2_the_metrics_are_not_shown_to_the_outside(house_of, front):
    house = house_of(front=front.start).start()
    assert call(house.url + "/metrics")[0] == 200
    for path in ("/metrics", "/%6detrics", "//metrics"):
        assert front.ask("GET", path)[0] == 404, path


class Lines:
    """A stream that is read line by line, while it goes on."""

    def __init__(self, connection, path, token):
        connection.request("GET", path, headers=bearer(token))
        self.answer = connection.getresponse()
        assert self.answer.status == 200
        self.connection = connection

    def until(self, wanted):
        """The line that begins so. nginx holding it back ends this by the time-out of the connection."""
        while True:
            line = self.answer.readline().decode()
            assert line, "the stream has ended"
            if line.startswith(wanted):
                return line.strip()


def test_D2_events_come_through_nginx_as_they_happen(house_of, front):
    house = house_of(front=front.start).start()
    house.wait_states()
    events = Lines(front.connection(), "/events", READER)
    assert events.answer.headers["Content-Type"].startswith("text/event-stream")
    events.until("event: board")
    json.loads(events.until("data: ")[6:])
    issue = house.begin("Look at me")
    events.until("event: transition")
    assert json.loads(events.until("data: ")[6:])["task_id"] == house.task(issue)["id"]
    events.connection.close()


def test_R3_a_log_is_followed_through_nginx(house_of, front, tmp_path):
    house = house_of(front=front.start)
    go_on = pathlib.Path(tmp_path) / "go-on"
    house.write_agents(chatty="{command: [/bin/sh, -c, 'echo first; while [ ! -e %s ]; do sleep 0.1; done; echo last'], timeout: 120s}" % go_on)
    house.start()
    job = house.api("/jobs", {"agent": "chatty", "content": "x"})[2]["job_id"]
    run = wait_for(lambda: house.value("select id from orch.agent_runs where job_id = %s and log_path is not null", [job]), hint="for the run")
    log = Lines(front.connection(), "/runs/%d/log?follow=1" % run, READER)
    assert log.until("first") == "first", "it is there before the run has ended"
    go_on.touch()
    assert log.until("last") == "last"
    assert log.answer.readline() == b""


def test_H2_the_base_path_works_behind_nginx_beside_other_pages(house_of, front_of):
    base = "/orchd"
    front = front_of(A_SITE % (EXAMPLES / "nginx-path.conf").read_text())
    house = house_of(front=lambda port: front.start(port) + base, env={"ORCH_BASE_PATH": base, "ORCH_TRUSTED_PROXIES": "127.0.0.1"})
    house.url += base
    house.start()
    house.wait_states()
    house.begin("Below a path")
    assert front.ask("GET", "/")[1] == "another page of the site"
    assert front.ask("GET", base)[0] == 308
    assert front.ask("GET", base + "/health")[0] == 200
    assert front.ask("GET", base + "/metrics")[0] == 404
    assert json.loads(front.ask("GET", base + "/openapi.json")[1])["servers"][0]["url"] == base
    made = front.connection()
    made.request("POST", base + "/jobs", json.dumps({"agent": "chore", "content": "x"}), dict(bearer(OPERATOR), **{"Content-Type": "application/json"}))
    answer = made.getresponse()
    assert answer.status == 201 and answer.headers["Location"].startswith(base + "/jobs/")
    made.close()
    assert front.ask("GET", answer.headers["Location"], headers=bearer(READER))[0] == 200
