"""What the driver hears of the tasks: from the database by NOTIFY (moments.sql), and from the agents by a pipe."""
import collections
import os
import pathlib
import select
import threading
import time

import psycopg2

MOMENTS = (pathlib.Path(__file__).parent / "moments.sql").read_text()
LOOK_S = 0.2


class Ear:
    """Remembers the words that it hears of each issue, in their order. A word may come twice, and while Postgres is away some are late."""

    def __init__(self, url, pipe):
        self.url = url
        self.words = collections.defaultdict(list)
        self.issues = {}  # Agents know their work item only.
        self.news = threading.Condition()
        self.is_over = False
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(MOMENTS)
        connection.close()
        os.mkfifo(pipe)
        self.pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.hear_agents, self.hear_database)]
        for thread in self.threads:
            thread.start()

    def close(self):
        self.is_over = True
        for thread in self.threads:
            thread.join(30)
        os.close(self.pipe)

    def note(self, issue, word):
        with self.news:
            self.words[issue].append(word)
            self.news.notify_all()

    def heard(self, issue):
        with self.news:
            return len(self.words[issue])

    def wait(self, issue, words, since=0, patience=60):
        """Until one of these words was heard of an issue, after the first so many; answers how many were heard up to it, 0 = it was not."""
        deadline = time.monotonic() + patience
        with self.news:
            while True:
                for at, word in enumerate(self.words[issue][since:], since + 1):
                    if word in words:
                        return at
                left = deadline - time.monotonic()
                if left <= 0:
                    return 0
                self.news.wait(left)

    def hear_agents(self):
        rest = b""
        while not self.is_over:
            if not select.select([self.pipe], [], [], LOOK_S)[0]:
                continue
            *lines, rest = (rest + os.read(self.pipe, 65536)).split(b"\n")
            for line in lines:
                word, item = line.decode().split()
                self.note(self.issues.get(item, item), word)

    def hear_database(self):
        is_first = True
        while not self.is_over:
            try:
                connection = psycopg2.connect(self.url, connect_timeout=5)
            except psycopg2.OperationalError:
                time.sleep(LOOK_S)
                continue
            try:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute("listen chaos")
                    if not is_first:
                        cursor.execute("select chaos.retell()")
                is_first = False
                self.listen(connection)
            except psycopg2.Error:
                pass
            finally:
                connection.close()

    def listen(self, connection):
        while not self.is_over:
            if select.select([connection], [], [], LOOK_S)[0]:
                connection.poll()
                for told in connection.notifies:
                    self.note(*told.payload.split(" "))
                connection.notifies.clear()
