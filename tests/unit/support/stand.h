/* stand: what the tests of a room above api/ stand on: a loop, a fetch, a fake database and a scripted peer. */
#ifndef ORCH_TESTS_STAND_H
#define ORCH_TESTS_STAND_H

#include "fetch/fetch.h"
#include "loop/loop.h"
#include "support/fake_db.h"
#include "support/http_server.h"

struct stand {
    struct loop        *loop;
    struct fetch       *fetch;
    struct db          *db;
    struct http_server *server; /* NULL before stand_serve() */
};

typedef bool stand_fn(void);

int  stand_open(struct stand *s); /* 0 = fine */
void stand_close(struct stand *s);
/* Starts the peer, and gives its URL, which lives as long as the stand. */
char *stand_serve(struct stand *s, const struct http_reply *replies, size_t count);
/* Fails the test when the deadline comes first. */
void stand_run_until(struct stand *s, stand_fn *is_over);

#endif
