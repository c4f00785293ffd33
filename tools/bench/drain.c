/* drain: a node whose jobs are done as soon as they are claimed. What is left is the price of the queue itself.
 * The answer of a claim is completed and the next claim sent in the same turn: both travel together. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/str.h"
#include "bench.h"
#include "db/db.h"
#include "loop/loop.h"
#include "queue/queue.h"

#define DRAIN_MAGIC 0x62647261u

enum { LEASE_MS = 3600000, CALL_TIMEOUT_MS = 60000, SLOTS = 100 };

struct drain {
    uint32_t                    magic;
    const struct bench_options *o;
    struct loop                *loop;
    struct db                  *db;
    struct queue               *q;
    struct err                 *e;
    unsigned                    claims_open;
    unsigned                    finishes_open;
    unsigned                    claimed;
    unsigned                    done;
    int64_t                     began_ns; /* when the last job of the warm-up was done */
    int64_t                     ended_ns;
};

static void claim_more(struct drain *d);

static void
end(struct drain *d, const struct err *why)
{
    if (why && !d->e->code)
        err_set(d->e, why->code, "%s", why->text);
    loop_quit(d->loop);
}

static void
on_finished(const struct queue_finished *f, const struct err *e, void *arg)
{
    struct drain *d = CHECKED(arg, DRAIN_MAGIC);

    (void)f;
    d->finishes_open--;
    if (e) {
        end(d, e);
        return;
    }
    if (++d->done == d->o->warm_up)
        d->began_ns = bench_now_ns();
    if (d->done >= d->o->warm_up + d->o->jobs && !d->ended_ns) {
        d->ended_ns = bench_now_ns();
        end(d, NULL);
    }
}

static void
on_claimed(const struct queue_job *jobs, size_t n, const struct err *e, void *arg)
{
    struct drain *d = CHECKED(arg, DRAIN_MAGIC);
    struct err    dry = ERR_INIT;

    d->claims_open--;
    if (e) {
        end(d, e);
        return;
    }
    for (size_t i = 0; i < n; i++)
        queue_finish(d->q, queue_job_run(&jobs[i]), QUEUE_OK, NULL, on_finished, d);
    d->finishes_open += (unsigned)n;
    d->claimed += (unsigned)n;
    if (!n && !d->claims_open && !d->finishes_open) {
        err_set(&dry, ERR_INVALID, "the queue was empty after %u jobs", d->done);
        end(d, &dry);
        return;
    }
    claim_more(d);
}

/* A node asks for what its slots have room for: one claim when that is a batch, several when batches are smaller, each on a connection. */
static void
claim_more(struct drain *d)
{
    unsigned wanted = d->o->warm_up + d->o->jobs;
    unsigned most = d->o->batch < SLOTS ? SLOTS / d->o->batch : 1;

    if (most > d->o->connections)
        most = d->o->connections;
    while (d->claims_open < most && d->claimed + d->claims_open * d->o->batch < wanted) {
        d->claims_open++;
        queue_claim(d->q, (int)d->o->batch, on_claimed, d);
    }
}

static void
on_started(const struct err *e, void *arg)
{
    struct drain *d = CHECKED(arg, DRAIN_MAGIC);

    if (e) {
        end(d, e);
        return;
    }
    d->began_ns = bench_now_ns();
    claim_more(d);
}

static void
on_up(void *arg)
{
    struct drain *d = CHECKED(arg, DRAIN_MAGIC);

    queue_node_start(d->q, (int)getpid(), (int)d->o->batch, ORCH_VERSION, LEASE_MS, BENCH_HOST, on_started, d);
}

int
bench_drain(const struct bench_options *o, struct err *e)
{
    struct drain      d = { .magic = DRAIN_MAGIC, .o = o, .e = e };
    struct db_options options = {
        .url = o->url, .connections = o->connections, .call_timeout_ms = CALL_TIMEOUT_MS, .application = "orchd-bench"
    };

    if (loop_new(&d.loop, e) || db_open(&d.db, d.loop, &options, e))
        goto out;
    d.q = queue_new(d.db, "bench-drain", "00000000-0000-4000-8000-00000000be4c");
    db_on_up(d.db, on_up, &d);
    loop_run(d.loop);
    if (!e->code)
        printf("%.1f\n", (d.done - o->warm_up) / ((double)(d.ended_ns - d.began_ns) / 1e9));
out:
    queue_free(d.q);
    db_close(d.db);
    loop_free(d.loop);
    return e->code;
}
