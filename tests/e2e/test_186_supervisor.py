"""What systemd hears of orchd: a socket in the place of systemd's."""
import signal
import socket
import time

from house import PATIENCE

EVERY_MS = 100
PINGS = 20


class Ear:
    """The socket of NOTIFY_SOCKET; said holds the variables of each datagram."""

    def __init__(self, directory):
        self.path = str(directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)

    def next(self, but="WATCHDOG"):
        """The next datagram that does not speak of this."""
        while True:
            said = dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())
            if but not in said:
                return said


def test_D2_systemd_hears_of_start_reload_and_end(house_of, tmp_path):
    ear = Ear(tmp_path)
    house = house_of(env={"NOTIFY_SOCKET": ear.path, "ORCH_DRAIN_SECONDS": "120s", "ORCH_AGENT_KILL_GRACE_SECONDS": "20s"}).start()
    assert ear.next() == {"READY": "1"}
    house.daemon.send_signal(signal.SIGHUP)
    reload = ear.next()
    assert reload.pop("RELOADING") == "1"
    assert int(reload.pop("MONOTONIC_USEC")) > 0
    assert not reload
    assert ear.next() == {"READY": "1"}
    (house.directory / "agents.yaml").write_text("agents: nonsense\n")
    house.daemon.send_signal(signal.SIGHUP)
    assert "RELOADING" in ear.next()
    assert ear.next() == {"READY": "1"}, "a reload that is refused is over, too"
    house.daemon.send_signal(signal.SIGTERM)
    end = ear.next()
    assert end["STOPPING"] == "1"
    assert int(end["EXTEND_TIMEOUT_USEC"]) > 140e6, "the settings allow more than the unit"


def test_D2_the_watchdog_is_fed_twice_in_its_time_and_not_by_a_loop_that_stands_still(house_of, tmp_path):
    ear = Ear(tmp_path)
    house = house_of(env={"NOTIFY_SOCKET": ear.path, "WATCHDOG_USEC": str(2 * EVERY_MS * 1000)})
    # Heard from the beginning: a socket takes as few as ten datagrams that nobody reads.
    house.daemon = house.spawn()
    assert ear.next() == {"READY": "1"}
    deadline = time.monotonic() + PATIENCE
    for _ in range(PINGS):
        assert ear.next(but="STATUS") == {"WATCHDOG": "1"}
        assert time.monotonic() < deadline
    house.daemon.send_signal(signal.SIGSTOP)
    try:
        ear.socket.setblocking(False)
        try:
            while True:  # what it had said before
                ear.socket.recv(4096)
        except BlockingIOError:
            pass
        ear.socket.settimeout(10 * EVERY_MS / 1000)
        try:
            said = ear.socket.recv(4096)
        except TimeoutError:
            said = None
        assert said is None
    finally:
        house.daemon.send_signal(signal.SIGCONT)
    ear.socket.settimeout(PATIENCE)
    assert ear.next(but="STATUS") == {"WATCHDOG": "1"}


def test_D2_without_a_watchdog_none_is_fed(house_of, tmp_path):
    ear = Ear(tmp_path)
    house = house_of(env={"NOTIFY_SOCKET": ear.path, "WATCHDOG_USEC": "400000", "WATCHDOG_PID": "1"}).start()
    assert ear.next() == {"READY": "1"}
    house.stop()
    assert "STOPPING" in ear.next(but="nothing"), "the watchdog is that of another process"


def test_D1_health_asks_the_orchd_of_this_host(house_of):
    house = house_of(env={"ORCH_BASE_PATH": "/orchd"})
    house.url += "/orchd"
    house.start()
    everywhere = {"ORCH_LISTEN": "0.0.0.0:%d" % house.port, "http_proxy": "http://127.0.0.1:1"}
    for changes in ({}, everywhere):
        done = house.run("health", **changes)
        assert done.returncode == 0, done.stderr
    wrong = house.run("health", ORCH_BASE_PATH=None)
    assert wrong.returncode == 1 and "does not do its work: status 404" in wrong.stderr
    unknown = house.run("health", ORCH_LISTEN="127.0.0.1:0")
    assert unknown.returncode == 1 and "ORCH_LISTEN" in unknown.stderr
    assert house.stop() == 0
    gone = house.run("health")
    assert gone.returncode == 1 and "127.0.0.1:%d" % house.port in gone.stderr
