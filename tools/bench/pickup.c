/* pickup: an idle node with an in-process handler. It sleeps and wakes by the worker's own doorbell, but starts no process: what is left is
 * the way of a job from the COMMIT of whoever enqueued it to the node. */
#include <unistd.h>

#include "base/check.h"
#include "bench.h"
#include "db/db.h"
#include "loop/loop.h"
#include "queue/queue.h"
#include "worker/doorbell.h"

#define PICKUP_MAGIC 0x62706963u

enum { LEASE_MS = 3600000, CALL_TIMEOUT_MS = 60000, SLOTS = 4, CONNECTIONS = 4, POLL_MS = 5000 };

struct pickup {
    uint32_t                    magic;
    const struct bench_options *o;
    FILE                       *out;
    struct loop                *loop;
    struct db                  *db;
    struct queue               *q;
    struct doorbell            *bell;
    struct err                 *e;
    unsigned                    seen;
};

static void
end(struct pickup *p, const struct err *why)
{
    if (why && !p->e->code)
        err_set(p->e, why->code, "%s", why->text);
    loop_quit(p->loop);
}

static void
on_finished(const struct queue_finished *f, const struct err *e, void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    (void)f;
    if (e)
        end(p, e);
}

static void
note(struct pickup *p, const struct queue_job *jobs, size_t n)
{
    int64_t now = bench_now_ns();

    for (size_t i = 0; i < n; i++) {
        fprintf(p->out, "%lld %lld\n", (long long)jobs[i].job_id, (long long)now);
        queue_finish(p->q, queue_job_run(&jobs[i]), QUEUE_OK, NULL, on_finished, p);
    }
    p->seen += (unsigned)n;
    if (p->seen >= p->o->jobs)
        end(p, NULL);
}

static void
on_claimed(const struct queue_job *jobs, size_t n, const struct err *e, void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    if (e) {
        end(p, e);
        return;
    }
    note(p, jobs, n);
    doorbell_looked(p->bell, n, queue_is_dry(p->q));
}

static void
look(void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    queue_claim(p->q, SLOTS, on_claimed, p);
}

static void
on_ring(const char *payload, void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    if (payload)
        doorbell_ring(p->bell);
    else
        doorbell_reset(p->bell);
}

static void
on_started(const struct err *e, void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    if (e) {
        end(p, e);
        return;
    }
    db_listen(p->db, "orch_jobs", on_ring, p);
    doorbell_start(p->bell);
}

static void
on_up(void *arg)
{
    struct pickup *p = CHECKED(arg, PICKUP_MAGIC);

    queue_node_start(p->q, (int)getpid(), SLOTS, ORCH_VERSION, LEASE_MS, BENCH_HOST, on_started, p);
}

int
bench_pickup(const struct bench_options *o, struct err *e)
{
    const int64_t     poll_ms = POLL_MS;
    struct pickup     p = { .magic = PICKUP_MAGIC, .o = o, .e = e };
    struct db_options options = {
        .url = o->url, .connections = CONNECTIONS, .call_timeout_ms = CALL_TIMEOUT_MS, .application = "orchd-bench"
    };

    p.out = fopen(o->out ? o->out : "/dev/stdout", "we");
    if (!p.out) {
        err_set(e, ERR_INVALID, "could not write \"%s\"", o->out);
        goto out;
    }
    if (loop_new(&p.loop, e) || db_open(&p.db, p.loop, &options, e))
        goto out;
    p.q = queue_new(p.db, "bench-pickup", "00000000-0000-4000-8000-00000000be4d");
    p.bell = doorbell_new(p.loop, p.q, &poll_ms, look, &p);
    db_on_up(p.db, on_up, &p);
    loop_run(p.loop);
out:
    doorbell_free(p.bell);
    queue_free(p.q);
    db_close(p.db);
    loop_free(p.loop);
    if (p.out && fclose(p.out) && !e->code)
        err_set(e, ERR_RETRY, "could not write \"%s\"", o->out);
    return e->code;
}
