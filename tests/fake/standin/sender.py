"""Webhooks as the two senders send them: the board ignores the status and retries transport errors only, each time under a new delivery
id; the forge gives up after five seconds and never tries again. Neither promises an order, so several workers send at once."""
import hashlib
import hmac
import http.client
import json
import queue
import random
import threading
import time
import urllib.parse
import uuid

WORKERS = 4
PLANE_TIMEOUT = 30
GITEA_TIMEOUT = 5


def sign(secret, body, digest=hashlib.sha256):
    return hmac.new(secret.encode(), body, digest).hexdigest()


def plane_body(payload):
    """The signed text: Python's default separators, non-ASCII as \\uXXXX, one line, no final newline."""
    return json.dumps(payload).encode()


def gitea_body(payload):
    return json.dumps(payload, indent=2, ensure_ascii=False).encode()


def plane_headers(secret, event, body):
    return [("User-Agent", "Autopilot"), ("Accept-Encoding", "gzip, deflate"), ("Accept", "*/*"), ("Connection", "keep-alive"),
            ("Content-Type", "application/json"), ("X-Plane-Delivery", str(uuid.uuid4())), ("X-Plane-Event", event),
            ("X-Plane-Signature", sign(secret, body)), ("Content-Length", str(len(body)))]


def gitea_headers(secret, event, event_type, body, delivery=None):
    delivery = delivery or str(uuid.uuid4())
    signature = sign(secret, body)
    kind = "repository"
    return [("User-Agent", "Go-http-client/1.1"), ("Content-Length", str(len(body))), ("Content-Type", "application/json"),
            ("X-GitHub-Delivery", delivery), ("X-GitHub-Event", event), ("X-GitHub-Event-Type", event_type),
            ("X-GitHub-Hook-Installation-Target-Type", kind), ("X-Gitea-Delivery", delivery), ("X-Gitea-Event", event),
            ("X-Gitea-Event-Type", event_type), ("X-Gitea-Hook-Installation-Target-Type", kind), ("X-Gitea-Signature", signature),
            ("X-Gogs-Delivery", delivery), ("X-Gogs-Event", event), ("X-Gogs-Event-Type", event_type), ("X-Gogs-Signature", signature),
            ("X-Hub-Signature", "sha1=" + sign(secret, body, hashlib.sha1)), ("X-Hub-Signature-256", "sha256=" + signature),
            ("Accept-Encoding", "gzip")]


def post(url, headers, body, timeout):
    """Sends exactly these headers; answers the status. Transport errors are raised."""
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.putrequest("POST", parts.path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


class Sender:
    def __init__(self, world):
        self.world = world
        self.deliveries = []
        self.is_plane_active = True
        self.waiting = queue.Queue()
        for _ in range(WORKERS):
            threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            send = self.waiting.get()
            try:
                send()
            finally:
                self.waiting.task_done()

    def book(self, peer, event, body, headers):
        with self.world.lock:
            entry = {"n": len(self.deliveries), "at": self.world.stamp(), "peer": peer, "event": event, "body": body.decode(),
                     "headers": [list(header) for header in headers], "attempts": 0, "status": None, "error": None, "is_over": False}
            self.deliveries.append(entry)
        return entry

    def plane(self, event, build):
        """Queues a delivery of the board. build() gives the payload when it is sent, so data may be newer than what is told about it."""
        self.waiting.put(lambda: self.send_plane(event, plane_body(build())))

    def gitea(self, event, event_type, payload):
        self.waiting.put(lambda: self.send_gitea(event, event_type, gitea_body(payload)))

    def send_plane(self, event, body):
        entry = self.book("plane", event, body, [])
        if self.world.settings["drop_plane"] or not self.is_plane_active or not self.world.target:
            entry.update(error="dropped", is_over=True)
            return
        self.try_plane(entry, event, body, 1)

    def try_plane(self, entry, event, body, attempt):
        headers = plane_headers(self.world.args.plane_secret, event, body)
        entry["headers"] = [list(header) for header in headers]
        entry["attempts"] = attempt
        try:
            entry["status"] = post(self.world.target + "/webhook/plane", headers, body, PLANE_TIMEOUT)
            entry.update(error=None, is_over=True)
        except (OSError, http.client.HTTPException) as error:
            entry["error"] = str(error) or type(error).__name__
            if attempt >= self.world.settings["plane_attempts"]:
                # The real board switches the webhook off for good here.
                self.is_plane_active = False
                entry["is_over"] = True
                return
            pause = random.uniform(0, self.world.settings["retry_ms"]) / 1000
            threading.Timer(pause, lambda: self.waiting.put(lambda: self.try_plane(entry, event, body, attempt + 1))).start()

    def send_gitea(self, event, event_type, body, delivery=None):
        headers = gitea_headers(self.world.args.gitea_secret, event, event_type, body, delivery)
        entry = self.book("gitea", event, body, headers)
        entry["event_type"] = event_type
        if self.world.settings["drop_gitea"] or not self.world.target:
            entry.update(error="dropped", is_over=True)
            return
        entry["attempts"] = 1
        try:
            entry["status"] = post(self.world.target + "/webhook/gitea", headers, body, GITEA_TIMEOUT)
        except (OSError, http.client.HTTPException) as error:
            entry["error"] = str(error) or type(error).__name__
        entry["is_over"] = True

    def resend(self, number, is_same_id):
        """Repeats a delivery byte for byte: under the same id (as a network may do) or a new one (as a person's redelivery does)."""
        with self.world.lock:
            old = dict(self.deliveries[number])
        body = old["body"].encode()
        if old["peer"] == "plane":
            self.waiting.put(lambda: self.send_plane(old["event"], body))
        else:
            delivery = dict(old["headers"])["X-Gitea-Delivery"] if is_same_id else None
            self.waiting.put(lambda: self.send_gitea(old["event"], old["event_type"], body, delivery))

    def settle(self, seconds):
        """Waits until nothing is on its way. True = so it is."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.world.lock:
                # A worker that has just taken a delivery has not booked it yet: an empty queue alone says nothing.
                if not self.waiting.unfinished_tasks and all(entry["is_over"] for entry in self.deliveries):
                    return True
            time.sleep(0.02)
        return False
