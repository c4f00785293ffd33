"""A network between a node and Postgres that breaks on command."""
import selectors
import socket
import socketserver
import struct
import threading

PIECE = 65536
LOOK_S = 0.02
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends RST.


class Proxy:
    """Carries TCP connections to a port of this machine. cut("blackhole"): nothing passes in either direction, and nobody is told; what was
    sent meanwhile arrives after heal(), as it would by retransmission. cut("reset"): connections are reset and new ones are refused."""

    def __init__(self, target):
        self.target = target
        self.peers = {}
        self.selector = selectors.DefaultSelector()
        self.orders = threading.Condition()
        self.mode = self.wanted = "open"
        self.port = 0
        self.listen()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def listen(self):
        self.door = socket.socket()
        self.door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.door.bind(("127.0.0.1", self.port))
        self.door.listen(64)
        self.port = self.door.getsockname()[1]
        self.selector.register(self.door, selectors.EVENT_READ)

    def cut(self, mode):
        self.order(mode)

    def heal(self):
        self.order("open")

    def close(self):
        self.order("closed")
        self.thread.join(10)

    def order(self, mode):
        """Answers when it is so."""
        with self.orders:
            self.wanted = mode
            assert self.orders.wait_for(lambda: self.mode == mode, 10), "the proxy does not obey"

    def enter(self, mode):
        if mode in ("reset", "closed"):
            for end in list(self.peers):
                self.drop(end)
            if self.door:
                self.selector.unregister(self.door)
                self.door.close()
                self.door = None
        elif mode == "open" and not self.door:
            self.listen()
        self.mode = mode

    def work(self):
        while self.mode != "closed":
            with self.orders:
                if self.mode != self.wanted:
                    self.enter(self.wanted)
                    self.orders.notify_all()
            for key, _ in self.selector.select(LOOK_S) if self.mode == "open" else self.wait():
                if key.fileobj is self.door:
                    self.accept()
                elif key.fileobj in self.peers:
                    self.carry(key.fileobj)

    def wait(self):
        with self.orders:
            self.orders.wait(LOOK_S)
        return []

    def accept(self):
        near, _ = self.door.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            near.close()
            return
        for end, other in ((near, far), (far, near)):
            self.peers[end] = other
            self.selector.register(end, selectors.EVENT_READ)

    def carry(self, end):
        try:
            piece = end.recv(PIECE)
            if piece:
                self.peers[end].sendall(piece)
                return
        except OSError:
            pass
        self.drop(end)

    def drop(self, end):
        for one in (end, self.peers.get(end)):
            if self.peers.pop(one, None):
                self.selector.unregister(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                one.close()


class TlsFront(socketserver.ThreadingTCPServer):
    """Speaks TLS in front of a server of this machine that does not."""
    daemon_threads = True
    allow_reuse_address = True

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            try:
                with self.server.context.wrap_socket(self.request, server_side=True) as near, socket.create_connection(self.server.target, 5) as far:
                    back = threading.Thread(target=self.copy, args=(far, near), daemon=True)
                    back.start()
                    self.copy(near, far)
                    back.join(10)
            except OSError:
                pass  # The client did not like our certificate.

        @staticmethod
        def copy(source, to):
            try:
                while piece := source.recv(PIECE):
                    to.sendall(piece)
            except OSError:
                pass
            try:
                to.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __init__(self, context, target):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.context, self.target, self.port = context, target, self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
