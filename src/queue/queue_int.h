/* queue_int: what the files of queue/ share. queue.c has the calls that keep nothing, claim.c how far the claims have come, finish.c the
 * ends that wait for others. */
#ifndef ORCH_QUEUE_QUEUE_INT_H
#define ORCH_QUEUE_QUEUE_INT_H

#include <inttypes.h>
#include <sys/queue.h>

#include "base/str.h"
#include "queue/queue.h"

enum {
    MARKS_MAX = 8,        /* priorities whose mark is kept; one that has none is looked through from its beginning */
    MARK_TIME_SIZE = 48,  /* a timestamptz as text */
    LOOK_EVERY_MS = 1000, /* how late a job is seen that became due behind its mark, while claims never come back short */
    LOOK_SHARE = 50,      /* a look everywhere may take a fiftieth of the time */
    GATHER_MAX = 500      /* ends in one call: the transaction holds their jobs' rows until the last */
};

/* One call on its way. Which member of fn is set follows from the function that made it. */
struct open_call {
    uint32_t      magic;
    struct queue *q;
    LIST_ENTRY(open_call) link;
    struct db_call *call;
    union {
        queue_done_fn      *done;
        queue_claim_fn     *claim;
        queue_stops_fn     *stops;
        queue_leftovers_fn *leftovers;
        queue_started_fn   *started;
        queue_finish_fn    *finish;
        queue_idle_fn      *idle;
    } fn;
    void *arg;
    /* of a claim */
    int     slots;
    bool    is_everywhere;
    int64_t sent_us;
};

/* The last key claimed in a priority. */
struct mark {
    int     priority;
    char    run_at[MARK_TIME_SIZE];
    int64_t id;
};

/* In falling priority. Both functions are pure. */
struct marks {
    int         count;
    struct mark at[MARKS_MAX];
};
void  marks_put(struct marks *m, int priority, const char *run_at, int64_t id); /* when there is no room, the others are forgotten */
char *marks_text(const struct marks *m);                                        /* as claim_jobs() wants it; caller frees */

/* While owners are being told something, the ends that they make only gather: what ends in one turn travels together. */
struct end;
TAILQ_HEAD(end_list, end);
struct batch;
struct telling {
    struct queue   *q;     /* NULL once an owner has freed it */
    struct batch   *batch; /* whose owners are being told, NULL = of something else */
    struct telling *outer;
};
void telling_begin(struct telling *t, struct queue *q, struct batch *batch);
void telling_end(struct telling *t); /* sends what was gathered, if the queue is still there */

struct queue {
    uint32_t    magic;
    struct db  *db;
    char       *node;
    char       *incarnation;
    const char *containment; /* what node_start tells; NULL = nothing */
    LIST_HEAD(, open_call) open;
    /* claim.c */
    struct marks marks;
    char        *without, *only; /* text[] of agents, NULL = null */
    bool         is_anew;        /* the next claim looks everywhere */
    bool         is_dry;
    int64_t      looked_us; /* when the last look everywhere was answered */
    int64_t      look_us;   /* how long it took */
    /* finish.c */
    struct end_list gathered;
    struct batch   *batch; /* under way, NULL = none */
    struct telling *telling;
};

#define QUEUE_MAGIC 0x71756575u
#define OPEN_MAGIC  0x71636c6cu

/* Room for the text of any 64-bit number. */
struct number {
    char text[24];
};
struct number number_text(int64_t value);

/* An array literal, element by element. */
void  array_add(struct buf *b, const char *text);
char *array_take(struct buf *b); /* "{}" when nothing was added; caller frees */

struct open_call *open_call(struct queue *q, enum db_call_id id, const char *const *params, db_fn *on_answer, void *arg);
struct open_call  answered(void *open); /* takes the call off the list before its owner hears of it: the owner may free the queue */

void finish_init(struct queue *q);
void finish_fini(struct queue *q); /* sends what is gathered, unheard */

#endif
