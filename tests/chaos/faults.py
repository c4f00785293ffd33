"""Misfortunes. Each is a function of the arena and the dice that does the harm, lets it last, and takes it back."""
import os
import signal
import time

import watch
from ground import LEASE_S

PEERS = ("plane", "gitea", "telegram")


def lose_orchd(arena, dice):
    node, pause = dice.choice(arena.nodes), dice.choice([0, dice.uniform(0, 2), dice.uniform(0, 2 * LEASE_S)])
    node.end(signal.SIGKILL)
    time.sleep(pause)
    node.start()


def drain_orchd(arena, dice):
    """An orderly end, which a STOP may meet."""
    node, pause = dice.choice(arena.nodes), dice.uniform(0, 1)
    node.end(signal.SIGTERM)
    time.sleep(pause)
    node.start()


def suspend_orchd(arena, dice):
    node, pause = dice.choice(arena.nodes), dice.uniform(0.2, 2 * LEASE_S)
    node.signal(signal.SIGSTOP)
    time.sleep(pause)
    node.signal(signal.SIGCONT)


def lose_postgres(arena, dice):
    pause = dice.choice([0, dice.uniform(0, 2), dice.uniform(0, 1.5 * LEASE_S)])
    arena.ground.kill()
    time.sleep(pause)
    arena.ground.start()


def lose_backend(arena, dice):
    """SIGKILL of one session's process, after which Postgres ends all sessions and recovers."""
    lot = dice.random()
    rows = arena.sql("select a.pid from pg_stat_activity as a where a.datname = current_database()"
                     " and a.application_name like 'orchd%%' order by a.pid")
    if rows:
        kill(rows[int(lot * len(rows))]["pid"])


def lose_agent(arena, dice):
    lose_process(arena, dice, is_warden=False)


def lose_warden(arena, dice):
    lose_process(arena, dice, is_warden=True)


def lose_process(arena, dice, is_warden):
    for lot in [dice.random() for _ in range(dice.choice([1, 1, 3]))]:
        found = watch.look(arena.house.node.encode(), is_warden)
        if found:
            kill(found[int(lot * len(found))].pid)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def cut_network(arena, dice):
    node, how, pause = dice.choice(arena.nodes), dice.choice(["blackhole", "reset"]), dice.uniform(0.2, 2 * LEASE_S)
    node.proxy.cut(how)
    time.sleep(pause)
    node.proxy.heal()


def fail_peers(arena, dice):
    """Errors, refusals, and answers that are lost after the deed."""
    for _ in range(dice.randrange(1, 4)):
        order = dice.choice([{"status": 500}, {"status": 429, "retry_after": 1}, {"status": 502}, {"after": True}])
        order.update(peer=dice.choice(PEERS), times=dice.randrange(1, 6))
        arena.insist(lambda order=order: arena.house.order("fail", **order))


KINDS = {"orchd": lose_orchd, "drain": drain_orchd, "suspend": suspend_orchd, "postgres": lose_postgres, "backend": lose_backend,
         "agent": lose_agent, "warden": lose_warden, "cut": cut_network, "peers": fail_peers}
