/* until: runs a loop until something is true. Waiting has one deadline for all tests, long enough for a machine that does ten other things:
 * only what failed reaches it. */
#ifndef ORCH_TESTS_UNTIL_H
#define ORCH_TESTS_UNTIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "loop/loop.h"

enum { UNTIL_DEADLINE_MS = 60000 };

struct until {
    struct loop *loop;
    bool (*is_true)(void *arg);
    void   *arg;
    int64_t due_ms;
};

static inline void
until_look(void *arg)
{
    struct until *u = arg;

    if (u->is_true(u->arg) || clock_mono_ms() > u->due_ms)
        loop_quit(u->loop);
}

/* False when the deadline came first. */
static inline bool
until(struct loop *l, bool (*is_true)(void *arg), void *arg)
{
    struct until       u = { l, is_true, arg, clock_mono_ms() + UNTIL_DEADLINE_MS };
    struct loop_timer *t = loop_every(l, 5, until_look, &u);

    loop_run(l);
    loop_timer_stop(t);
    return is_true(arg);
}

#endif
