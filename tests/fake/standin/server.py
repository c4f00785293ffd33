"""The HTTP side: the three peers under /plane, /gitea and /telegram, the books at /_books, and the tests' hands at /_control."""
import http.server
import json
import sys
import time
import urllib.parse

from . import control


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that went away is nothing to tell of."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one piece; with Nagle in the way each answer would wait for the other side's delayed acknowledgement.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def read_body(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            return raw.decode("utf-8", "replace")

    def reply(self, status, body=None, headers=None, end=b""):
        self.send(status, b"" if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False, default=str).encode() + end, headers)

    def send(self, status, text, headers=None):
        self.send_response(status)
        if text:
            self.send_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def serve(self):
        world, body = self.server.world, self.read_body()
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        _, first, rest = (parts.path + "/").split("/", 2)
        rest = "/" + rest[:-1]
        if first == "_books":
            self.reply(200, world.books())
        elif first == "_control":
            self.reply(*control.obey(world, rest[1:], body if isinstance(body, dict) else {}))
        elif first in ("plane", "gitea", "telegram"):
            self.serve_peer(world, first, rest, query, body)
        else:
            self.reply(404, {"error": "accepted are /plane, /gitea, /telegram, /_books and /_control"})

    def serve_peer(self, world, name, rest, query, body):
        peer = getattr(world, name)
        plan = world.planned_failure(name, self.command, rest)
        if plan and plan.get("hang_ms"):
            time.sleep(plan["hang_ms"] / 1000)
        if plan and plan.get("drip_ms"):
            world.note_request(name, self.command, rest, body, 200)
            self.drip(plan["drip_ms"] / 1000)
            return
        if plan and "raw" in plan:
            world.note_request(name, self.command, rest, body, plan.get("status", 200))
            self.send(plan.get("status", 200), plan["raw"].encode(), plan.get("headers"))
            return
        if plan and not plan.get("status"):
            if plan.get("after"):
                peer.answer(self.command, rest, query, self.headers, body)
            world.note_request(name, self.command, rest, body, 0)
            self.close_connection = True
            return
        answer = peer.failure(plan) if plan else peer.answer(self.command, rest, query, self.headers, body)
        world.note_request(name, self.command, rest, body, answer[0])
        self.reply(*answer, end=b"\n" if name == "gitea" else b"")

    def drip(self, pause):
        """An answer that never comes to an end, byte by byte, until the other side has had enough."""
        self.close_connection = True
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
            while True:
                self.wfile.write(b" ")
                time.sleep(pause)
        except OSError:
            pass

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve


def serve(world, port):
    server = Server(("127.0.0.1", port), Door)
    server.world = world
    return server
