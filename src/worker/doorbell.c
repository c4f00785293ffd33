/* doorbell: a NOTIFY takes a lock of the whole database when it is committed, so those who enqueue ring only when some node is idle. Idle
 * is who holds the shared advisory lock orch.idle_key() in the session that listens; orch.wake_nodes() tries it, after the job is written.
 *
 *   off ──start──▶ awake ◀──────────────── ring, or a look that found something ─────────────────┐
 *                  │   ▲ ▲                                                                       │
 *        no free slot  │ └──found something──┐                                                   │
 *                  ▼   │                     │                                                   │
 *                  full┘       awake ──dry──▶ linger ──2 ms──▶ going ──lock──▶ settling ──dry──▶ asleep
 *                                             ▲  looks after    │  node_idle()   looks after      │ the next job is due,
 *                                             │  1, 2 ms        │  is asked      1, 2, … ms       │ or the poll is
 *                                             └────no lock──────┘                ▲────────────────┘
 *
 * Linger: in a stream of jobs the next one comes within milliseconds; whoever slept at once would make every one of them ring.
 *
 * Settling closes the gap between the test and the commit: an enqueue that found nobody idle before this node took the lock may commit
 * after this node has looked, and rings nobody. All such transactions are older than the horizon that node_idle() gave. So the node looks
 * on until it was told that they have ended, and then once more, everywhere; what is enqueued later was tested against the lock, and rings.
 * The horizon is asked before the look: the other way round, the last of them could commit between the two.
 *
 * Invariants: one look at a time; at most one lock is held, and it is given back whenever the node leaves going, settling and asleep. */
#include "worker/doorbell.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/str.h"

#define DOORBELL_MAGIC 0x62656c6cu

enum {
    WAIT_FIRST_MS = 1,
    WAIT_LINGER_MS = 2,    /* the last look before going: 3 ms after the last job, and as long waits at most who comes in between */
    WAIT_NO_LOCK_MS = 250, /* somebody was just testing it, and looking stands in for being rung */
    WAIT_MOST_MS = 1000    /* Postgres is away, or a transaction stays open for hours: two calls a second are next to nothing */
};

/* In this order: those from going on may hold the lock. */
enum bell_state { BELL_OFF, BELL_AWAKE, BELL_FULL, BELL_LINGER, BELL_GOING, BELL_SETTLING, BELL_ASLEEP };

struct doorbell {
    uint32_t           magic;
    struct loop       *loop;
    struct queue      *queue;
    const int64_t     *poll_ms;
    loop_fn           *look;
    void              *arg;
    enum bell_state    state;
    struct loop_timer *timer; /* full: slots were freed in this turn; linger, settling: the next look; asleep: the next job or the poll */
    int64_t            wait_ms;
    bool               is_looking;
    bool               is_again;     /* rung since the look began: it may have passed by what we were rung for */
    bool               is_held;      /* the lock, or it was asked for */
    unsigned           asked, heard; /* node_idle() calls and answers: only the answer to the last one counts */
    char              *horizon;
    bool               is_settled; /* told before the look that is under way */
    int64_t            next_ms;    /* the same */
};

static void on_timer(void *arg);

static void
bell_enter(struct doorbell *b, enum bell_state to)
{
    static const char *const names[] = { "off", "awake", "full", "linger", "going", "settling", "asleep" };
    static const unsigned    legal[] = {
           [BELL_OFF] = 1u << BELL_AWAKE,
           [BELL_AWAKE] = 1u << BELL_OFF | 1u << BELL_FULL | 1u << BELL_LINGER,
           [BELL_FULL] = 1u << BELL_OFF | 1u << BELL_AWAKE,
           [BELL_LINGER] = 1u << BELL_OFF | 1u << BELL_AWAKE | 1u << BELL_FULL | 1u << BELL_GOING,
           [BELL_GOING] = 1u << BELL_OFF | 1u << BELL_AWAKE | 1u << BELL_LINGER | 1u << BELL_SETTLING,
           [BELL_SETTLING] = 1u << BELL_OFF | 1u << BELL_AWAKE | 1u << BELL_FULL | 1u << BELL_LINGER | 1u << BELL_ASLEEP,
           [BELL_ASLEEP] = 1u << BELL_OFF | 1u << BELL_AWAKE | 1u << BELL_SETTLING,
    };

    CHECK(legal[b->state] & 1u << to);
    LOGD("worker.doorbell", "from=%s to=%s", names[b->state], names[to]);
    b->state = to;
    loop_timer_stop(give(&b->timer));
    if (to < BELL_GOING && b->is_held) {
        b->is_held = false;
        queue_node_awake(b->queue, NULL, NULL); /* it fails only with its session, and the lock goes with that too */
    }
}

static void
look_after(struct doorbell *b, int64_t ms)
{
    loop_timer_stop(b->timer);
    b->timer = loop_after(b->loop, ms, on_timer, b);
}

static void
look(struct doorbell *b)
{
    if (b->is_looking) {
        b->is_again = true;
        return;
    }
    b->is_looking = true;
    b->look(b->arg);
}

static void
wake_up(struct doorbell *b)
{
    if (b->state != BELL_AWAKE)
        bell_enter(b, BELL_AWAKE);
    b->wait_ms = WAIT_FIRST_MS;
}

static void
linger(struct doorbell *b)
{
    if (b->state != BELL_LINGER)
        bell_enter(b, BELL_LINGER);
    look_after(b, b->wait_ms);
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A look over a million due jobs of which this node can run none must not follow upon the last. */
static int64_t
rest_ms(const struct doorbell *b)
{
    int64_t ms = queue_look_rest_ms(b->queue);

    return ms < WAIT_MOST_MS ? WAIT_MOST_MS : ms;
}

/* --- going, settling, sleeping -------------------------------------------------------------------------------------------------------- */

static void
sleep_on(struct doorbell *b)
{
    int64_t ms = *b->poll_ms;

    if (b->next_ms >= 0 && b->next_ms < ms)
        ms = b->next_ms;
    bell_enter(b, BELL_ASLEEP);
    look_after(b, ms);
}

static void
stay_up(struct doorbell *b, int64_t most_ms)
{
    if (b->wait_ms > most_ms)
        b->wait_ms = most_ms;
    linger(b);
}

static void
on_idle(const struct queue_idle *i, const struct err *e, void *arg)
{
    struct doorbell *b = CHECKED(arg, DOORBELL_MAGIC);

    if (++b->heard != b->asked || (b->state != BELL_GOING && b->state != BELL_SETTLING))
        return; /* rung since, and the lock was given back behind this call */
    if (e) {
        stay_up(b, WAIT_MOST_MS);
        return;
    }
    if (!i->is_idle) {
        b->is_held = false;
        stay_up(b, WAIT_NO_LOCK_MS);
        return;
    }
    if (b->state == BELL_GOING) {
        free(b->horizon);
        b->horizon = xstrdup(i->horizon);
        bell_enter(b, BELL_SETTLING);
        b->wait_ms = WAIT_FIRST_MS;
    }
    b->is_settled = i->is_settled;
    b->next_ms = i->next_ms;
    queue_look_anew(b->queue);
    look(b);
}

static void
ask(struct doorbell *b)
{
    b->asked++;
    queue_node_idle(b->queue, b->state == BELL_GOING ? NULL : b->horizon, on_idle, b);
}

static void
go(struct doorbell *b)
{
    bell_enter(b, BELL_GOING);
    b->is_held = true;
    ask(b);
}

static void
on_timer(void *arg)
{
    struct doorbell *b = CHECKED(arg, DOORBELL_MAGIC);

    b->timer = NULL;
    switch (b->state) {
    case BELL_FULL:
        wake_up(b);
        look(b);
        return;
    case BELL_LINGER:
        look(b);
        return;
    case BELL_SETTLING:
        ask(b);
        return;
    case BELL_ASLEEP:
        bell_enter(b, BELL_SETTLING);
        b->wait_ms = WAIT_FIRST_MS;
        ask(b);
        return;
    default:
        CHECK(!"a doorbell that waits for nothing has no timer");
    }
}

/* Nothing was found. */
static void
calm_down(struct doorbell *b, bool is_certain)
{
    switch (b->state) {
    case BELL_AWAKE:
        linger(b);
        return;
    case BELL_LINGER:
        b->wait_ms *= 2;
        if (b->wait_ms > WAIT_LINGER_MS)
            go(b);
        else
            linger(b);
        return;
    case BELL_SETTLING:
        /* A job that is due and was not given to us is somebody else's in this moment, or no agent of ours: neither need ring us. */
        if (is_certain && b->is_settled && b->next_ms != 0) {
            sleep_on(b);
            return;
        }
        look_after(b, b->wait_ms);
        b->wait_ms = least(b->wait_ms * 2, rest_ms(b));
        return;
    default:
        CHECK(!"who waits for no look is told of none");
    }
}

/* --- how a look went ------------------------------------------------------------------------------------------------------------------ */

void
doorbell_looked(struct doorbell *b, size_t found, bool is_dry)
{
    bool is_again = b->is_again;

    b->is_looking = b->is_again = false;
    if (b->state == BELL_OFF)
        return;
    if (found > 0)
        wake_up(b);
    if (is_again || !is_dry)
        look(b);
    else
        calm_down(b, true);
}

void
doorbell_failed(struct doorbell *b)
{
    b->is_looking = b->is_again = false;
    if (b->state != BELL_OFF)
        calm_down(b, false);
}

void
doorbell_full(struct doorbell *b)
{
    b->is_looking = b->is_again = false;
    if (b->state != BELL_OFF)
        bell_enter(b, BELL_FULL);
}

/* --- news ----------------------------------------------------------------------------------------------------------------------------- */

void
doorbell_ring(struct doorbell *b)
{
    if (b->state == BELL_OFF)
        return;
    queue_look_anew(b->queue);
    wake_up(b);
    look(b);
}

void
doorbell_reset(struct doorbell *b)
{
    /* A node_idle() that is still without an answer travels behind the LISTEN, on the new connection: its lock is to be given back. */
    if (b->state != BELL_GOING)
        b->is_held = false;
    doorbell_ring(b);
}

void
doorbell_slot_freed(struct doorbell *b)
{
    if (b->state == BELL_FULL && !b->timer)
        look_after(b, 0);
}

bool
doorbell_is_looking(const struct doorbell *b)
{
    return b->is_looking;
}

bool
doorbell_is_asleep(const struct doorbell *b)
{
    return b->state == BELL_ASLEEP;
}

/* --- life ----------------------------------------------------------------------------------------------------------------------------- */

void
doorbell_start(struct doorbell *b)
{
    if (b->state == BELL_OFF)
        bell_enter(b, BELL_AWAKE);
    doorbell_ring(b);
}

void
doorbell_stop(struct doorbell *b)
{
    if (b->state != BELL_OFF)
        bell_enter(b, BELL_OFF);
}

struct doorbell *
doorbell_new(struct loop *l, struct queue *q, const int64_t *poll_ms, loop_fn *look_fn, void *arg)
{
    struct doorbell *b = xcalloc(1, sizeof *b);

    *b = (struct doorbell){ .magic = DOORBELL_MAGIC, .loop = l, .queue = q, .poll_ms = poll_ms, .look = look_fn, .arg = arg };
    return b;
}

void
doorbell_free(struct doorbell *b)
{
    if (!b)
        return;
    loop_timer_stop(b->timer);
    free(b->horizon);
    b->magic = 0;
    free(b);
}
