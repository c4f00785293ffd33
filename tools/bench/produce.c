/* produce: one program that enqueues, at moments that nobody can foresee. It uses libpq as any program would, and nothing of orchd. */
#include <libpq-fe.h>
#include <math.h>
#include <stdlib.h>

#include "bench.h"

static int
fail(PGconn *db, PGresult *result, struct err *e)
{
    err_set(e, ERR_RETRY, "could not enqueue: %s",
            result && *PQresultErrorMessage(result) ? PQresultErrorMessage(result) : PQerrorMessage(db));
    PQclear(result);
    return e->code;
}

static int
run(PGconn *db, const char *sql, struct err *e)
{
    PGresult *done = PQexec(db, sql);

    if (PQresultStatus(done) != PGRES_COMMAND_OK)
        return fail(db, done, e);
    PQclear(done);
    return 0;
}

/* begin … commit, so that the moment of the COMMIT is known from the moment of the INSERT. */
static int
enqueue_one(PGconn *db, const char *sql, struct err *e)
{
    PGresult *job = NULL;
    int64_t   sent;

    if (run(db, "begin", e))
        return e->code;
    job = PQexec(db, sql);
    if (PQresultStatus(job) != PGRES_TUPLES_OK || PQntuples(job) != 1)
        return fail(db, job, e);
    sent = bench_now_ns();
    if (!run(db, "commit", e))
        printf("%s %lld %lld\n", PQgetvalue(job, 0, 0), (long long)sent, (long long)bench_now_ns());
    PQclear(job);
    return e->code;
}

int
bench_produce(const struct bench_options *o, struct err *e)
{
    PGconn        *db = PQconnectdb(o->url);
    unsigned short state[3] = { 0x330e, (unsigned short)o->seed, (unsigned short)(o->seed >> 16) };

    if (PQstatus(db) != CONNECTION_OK) {
        err_set(e, ERR_RETRY, "could not connect: %s", PQerrorMessage(db));
        goto out;
    }
    for (unsigned i = 0; i < o->jobs && !e->code; i++) {
        /* Exponential pauses: no worker's own rhythm can fall in step with them. */
        double          pause_s = -log(1 - erand48(state)) * o->mean_ms / 1000;
        struct timespec pause = { .tv_sec = (time_t)pause_s, .tv_nsec = (long)((pause_s - (double)(time_t)pause_s) * 1e9) };
        nanosleep(&pause, NULL);
        enqueue_one(db, o->sql, e);
    }
out:
    PQfinish(db);
    return e->code;
}
