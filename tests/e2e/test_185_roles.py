"""X3: orchd as a login that is no more than the service, and people as logins that are no more than operators, readers and producers."""
import os
import subprocess

import psycopg2
import pytest

import conftest
from house import wait_for


def login(house, role):
    """A login of its own for this house, and its URL."""
    name = "%s_%s" % (role, house.database_url.rsplit("/", 1)[1])
    house.sql("create role %s login in role orch_%s" % (name, role))
    return house.database_url.replace("postgres@", name + "@"), name


def orchctl(url, *words):
    environment = {"PATH": os.environ["PATH"], "ORCH_DATABASE_URL": url}
    return subprocess.run([str(conftest.BUILD / "bin" / "orchctl"), *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)


def test_X3_the_service_needs_no_more_than_its_role(house_of):
    house = house_of()
    house.extra["ORCH_DATABASE_URL"] = login(house, "service")[0]
    house.start()
    house.wait_states()
    done = house.begin("Greet the caller by name")
    house.wait_open(done, "done")
    house.wait_clean(done)
    house.mode("ORCH-002.analyst", "stubborn")
    stopped = house.begin("Rewrite everything")
    house.wait_running(stopped, "analyst")
    house.move(stopped, "STOP")
    wait_for(lambda: house.value("select state from orch.stops where work_item = 'ORCH-002'") == "clean", hint="for the clean-up")
    job = house.value("select orch.enqueue('chore', 'for March')")
    wait_for(lambda: house.value("select status from orch.job(%s)", (job,)) == "done", hint="for a job without a task")
    assert house.api("/queue")[0] == 200 and house.api("/status")[0] == 200
    assert "permission denied" not in house.log()


def test_X3_a_person_is_what_her_role_allows(house):
    operator, name = login(house, "operator")
    reader = login(house, "reader")[0]
    producer = login(house, "producer")[0]
    house.mode("ORCH-001.analyst", "hang")
    issue = house.begin("Rewrite everything")
    house.wait_running(issue, "analyst")
    assert orchctl(reader, "status").returncode == 0
    refused = orchctl(reader, "stop", "ORCH-001")
    assert refused.returncode != 0 and "permission denied" in refused.stderr
    assert orchctl(producer, "status").returncode != 0
    stopped = orchctl(operator, "stop", "ORCH-001")
    assert stopped.returncode == 0, stopped.stderr
    assert house.one("select cancel_actor, cancel_via from orch.tasks") == {"cancel_actor": name, "cancel_via": "orchctl"}


@pytest.mark.parametrize("role", ["operator", "reader", "producer"])
def test_X3_nobody_else_can_serve(house_of, role):
    house = house_of()
    ended = house.run("serve", ORCH_DATABASE_URL=login(house, role)[0])
    assert ended.returncode != 0
    assert "permission denied" in ended.stderr


def test_X3_a_producer_enqueues_in_her_own_transaction(house):
    url, name = login(house, "producer")
    house.sql("create schema shop authorization %s; create table shop.orders (id int)" % name)
    house.sql("grant insert on shop.orders to %s" % name)
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("insert into shop.orders values (1); select orch.enqueue('chore', 'order 1')")
        connection.rollback()
        cursor.execute("insert into shop.orders values (2); select orch.enqueue('chore', 'order 2')")
        job = cursor.fetchone()[0]
        connection.commit()
        wait_for(lambda: cursor.execute("select status from orch.job(%s)", (job,)) or cursor.fetchone()[0] == "done")
    connection.close()
    assert house.value("select string_agg(content, ', ') from orch.jobs") == "order 2"
    assert house.value("select string_agg(id::text, ', ') from shop.orders") == "2"
