"""A look at the processes of all runs, again and again: never two runs of one job alive at the same moment."""
import collections
import os
import pathlib
import threading

Seen = collections.namedtuple("Seen", "pid start node run job task")
LOOK_S = 0.25
WARDEN = "orchd-warden"


def read_stat(pid):
    """(name, state, start time) of a process; None = there is none."""
    try:
        text = pathlib.Path("/proc", str(pid), "stat").read_text(errors="replace")
    except OSError:
        return None
    name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
    return name, rest[0], int(rest[19])


def look(prefix, is_warden=False):
    """The living processes of the runs of nodes whose names begin so: those of the agents, or their wardens."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            environment = pathlib.Path("/proc", entry, "environ").read_bytes()
        except OSError:
            continue
        if b"ORCH_RUN_MARK=" + prefix not in environment:
            continue
        stat = read_stat(entry)
        if stat and stat[1] not in "ZX" and (stat[0] == WARDEN) == is_warden:
            named = dict(pair.split(b"=", 1) for pair in environment.split(b"\0") if b"=" in pair)
            node, run = named[b"ORCH_RUN_MARK"].decode().rsplit("/", 1)
            found.append(Seen(int(entry), stat[2], node, int(run), int(named[b"ORCH_JOB"]), int(named.get(b"ORCH_TASK", 0))))
    return found


class Watch:
    def __init__(self, prefix):
        self.prefix = prefix.encode()
        self.sins = []
        self.most = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def close(self):
        self.is_over.set()
        self.thread.join(30)

    def work(self):
        while not self.is_over.wait(LOOK_S):
            found = look(self.prefix)
            self.most = max(self.most, len(found))
            jobs = collections.defaultdict(list)
            for seen in found:
                jobs[seen.job].append(seen)
            for seen in jobs.values():
                self.compare(seen)

    def compare(self, seen):
        """A walk is no snapshot: what was seen first has to live still after the last was seen."""
        last = seen[-1]
        for one in seen:
            if one.run != last.run and self.is_alive(one):
                self.sins.append("(1) job %d had two runs alive: %s and %s" % (last.job, one, last))
                return

    @staticmethod
    def is_alive(seen):
        stat = read_stat(seen.pid)
        return bool(stat) and stat[2] == seen.start and stat[1] not in "ZX"
