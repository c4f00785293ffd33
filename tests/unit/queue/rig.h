/* rig: what each test of this room stands on: a loop, and a pool of connections to a Postgres with orchd's schema. */
#ifndef ORCH_TESTS_UNIT_QUEUE_RIG_H
#define ORCH_TESTS_UNIT_QUEUE_RIG_H

#include "../devdb.h"
#include "queue/queue.h"

static struct loop *loop;
static struct db   *db;

static inline void
rig_open(void **state, unsigned call_timeout_ms)
{
    struct err        e = ERR_INIT;
    struct db_options o = { .url = devdb_url, .connections = 2, .call_timeout_ms = call_timeout_ms, .application = "orchd unit" };

    CHECK(!devdb_start_migrated(state));
    CHECK(!loop_new(&loop, &e));
    CHECK(!db_open(&db, loop, &o, &e));
}

static inline int
rig_close(void **state)
{
    db_close(db);
    loop_free(loop);
    return devdb_stop(state);
}

#endif
