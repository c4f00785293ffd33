"""Queues jobs with psycopg2: DATABASE_URL=postgresql://… python3 enqueue.py"""
import json
import os
import time

import psycopg2


def place_order(connection, customer):
    """The order and the job that writes its invoice, in one transaction: both are there, or neither."""
    with connection, connection.cursor() as cursor:
        cursor.execute("insert into orders (customer) values (%s) returning id", (customer,))
        order = cursor.fetchone()[0]
        cursor.execute("select orch.enqueue('invoice', %s, unique_key => %s)", ("order %s" % order, "invoice of order %s" % order))
        return cursor.fetchone()[0]


def queue_all(connection, jobs):
    """Many at once, all or none. The numbers come in the order of the jobs."""
    with connection, connection.cursor() as cursor:
        cursor.execute("select * from orch.enqueue_many(%s)", (json.dumps(jobs),))
        return [row[0] for row in cursor.fetchall()]


def wait_for(connection, job, seconds):
    """Asks until the job has ended. Each question is a transaction of its own: an old one would always get the old answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with connection, connection.cursor() as cursor:
            cursor.execute("select status from orch.job(%s)", (job,))
            row = cursor.fetchone()
        if row is None or row[0] in ("done", "failed", "cancelled"):
            return row and row[0]
        time.sleep(0.2)
    raise TimeoutError("job %s has not ended within %s s" % (job, seconds))


def main():
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    job = place_order(connection, "Grace")
    print("jobs", queue_all(connection, [{"agent": "invoice", "content": month, "tags": ["monthly"]} for month in ("March", "April")]))
    try:
        queue_all(connection, [{"agent": "invoice", "priority": "soon"}])
    except psycopg2.Error as error:
        print(error.pgcode, error.diag.message_primary)
    print("job", job, wait_for(connection, job, 60))
    connection.close()


if __name__ == "__main__":
    main()
