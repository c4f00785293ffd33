/* bench: what the subcommands of orchd-bench share: their options, and the clock that producer, worker and agent have in common.
 * Each subcommand prints its figures on stdout and answers an exit status; what is wrong is told on stderr. */
#ifndef ORCH_BENCH_H
#define ORCH_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"

/* What the command line said; a subcommand reads what concerns it. */
#define BENCH_HOST "bench" /* of the nodes that we play */

struct bench_options {
    const char *url;
    const char *sql;         /* produce: the statement that enqueues one job and answers its name */
    const char *out;         /* pickup: file that gets a line a job */
    unsigned    batch;       /* jobs a claim */
    unsigned    connections; /* of the pool */
    unsigned    jobs;        /* jobs to be measured */
    unsigned    warm_up;     /* jobs before that, not measured */
    unsigned    mean_ms;     /* produce: mean of the random pauses between two jobs */
    unsigned    seed;        /* produce: of those pauses */
};

int bench_drain(const struct bench_options *o, struct err *e);
int bench_pickup(const struct bench_options *o, struct err *e);
int bench_produce(const struct bench_options *o, struct err *e);

/* Nanoseconds of CLOCK_MONOTONIC: one clock for all processes of the host. */
static inline int64_t
bench_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
