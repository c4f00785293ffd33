"""What the agent tests/fake/agents/witness tells of its lives."""
import collections
import pathlib

from house import FAKE

Life = collections.namedtuple("Life", "job attempt run pid first last ticks is_ended")


def now():
    """The clock of the lives."""
    return float(pathlib.Path("/proc/uptime").read_text().split()[0])


def hire(house, ticks=6000):
    """Makes the agent chore a witness; answers the directory of its words."""
    told = pathlib.Path(house.directory, "witness")
    told.mkdir(exist_ok=True)
    house.write_agents(chore='{command: [%s], timeout: 600s, env: {WITNESS: %s, WITNESS_TICKS: "%d"}}' % (
        FAKE / "agents" / "witness", told, ticks))
    return told


def lives(told, job=None):
    """The lives of all jobs, or of one, in the order of their starts."""
    found = {}
    for path in [told / str(job)] if job else [path for path in told.iterdir() if path.name.isdigit()]:
        for line in path.read_text().splitlines() if path.exists() else []:
            what, number, attempt, run, pid, at = line.split()
            old = found.get((run, pid)) or Life(int(number), int(attempt), int(run), int(pid), float(at), 0, 0, False)
            found[run, pid] = old._replace(last=float(at), ticks=old.ticks + (what == "tick"), is_ended=what == "end")
    return sorted(found.values(), key=lambda life: (life.job, life.first))


def check(found):
    """Never two lives of one job at a time, and never two of one run."""
    assert len({life.run for life in found}) == len(found), "a run was started twice: %s" % found
    for before, after in zip(found, found[1:]):
        assert before.job != after.job or before.last <= after.first, "%s and %s lived at the same time" % (before, after)
