"""A worker for one agent, in the place of an orchd node: DATABASE_URL=postgresql://… python3 worker.py <agent> [jobs]

The login is a member of orch_service. It ends after so many jobs, or never.
"""
import json
import os
import socket
import sys
import time
import uuid

import psycopg2

LEASE, BEAT = 30, 5  # seconds


class Worker:
    def __init__(self, connection, agent):
        connection.autocommit = True  # each call is one transaction
        self.cursor = connection.cursor()
        self.agent = agent
        self.node = "%s-%s-%d" % (agent, socket.gethostname(), os.getpid())
        self.incarnation = str(uuid.uuid4())
        self.ask("select orch.node_start(%s, %s, %s, 1, 'worker.py', make_interval(secs => %s))",
                 self.node, self.incarnation, os.getpid(), LEASE)
        self.ask("select orch.node_agents(%s, %s, array[%s], '{}')", self.node, self.incarnation, agent)
        self.beat()

    def ask(self, sql, *parameters):
        self.cursor.execute(sql, parameters)
        return self.cursor.fetchall()

    def beat(self):
        """Keeps what we claimed for another lease. OR410: we were given up, and our job is somebody else's; so is every call of ours."""
        self.beat_at = time.monotonic()
        self.ask("select run_id, why from orch.beat(%s, %s, false)", self.node, self.incarnation)

    def claim(self):
        """(run, job, content) or None. The run is the fence: every later word about the job names it."""
        rows = self.ask("select run_id, job_id, content from orch.claim_jobs(%s, %s, 1, only_agents => array[%s])",
                        self.node, self.incarnation, self.agent)
        return rows[0] if rows else None

    def work(self, run, job, content):
        """True when the job was ours to the end."""
        try:
            if not self.ask("select orch.run_started(%s, %s, null, null, null, %s)", run, os.getpid(), job)[0][0]:
                outcome, detail = "stopped", {"error": "it was cancelled before it began"}
            else:
                outcome, detail = do(content)
            self.ask("select * from orch.finish_run(%s, %s, %s, %s)", run, outcome, json.dumps(detail), job)
            return True
        except psycopg2.Error as error:
            if error.pgcode != "OR410":
                raise
            print("run", run, "is not ours any more; what it did must not count")
            return False


def do(content):
    """The work itself. Long work belongs in a process of its own, so that beats go on, and it can be ended when a beat names its run."""
    print("working on", content)
    return ("failed", {"error": "there is nothing to do"}) if content == "" else ("ok", {"message": "done"})


def main():
    worker = Worker(psycopg2.connect(os.environ["DATABASE_URL"]), sys.argv[1])
    left = int(sys.argv[2]) if len(sys.argv) > 2 else float("inf")
    while left > 0:
        if time.monotonic() - worker.beat_at > BEAT:
            worker.beat()
        claimed = worker.claim()
        if claimed:
            worker.work(*claimed)
            left -= 1
        else:
            time.sleep(1)
    worker.ask("select orch.node_stop(%s, %s)", worker.node, worker.incarnation)


if __name__ == "__main__":
    main()
