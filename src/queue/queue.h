/* queue: nodes, jobs and runs as the worker sees them, one C function per SQL function. Policy lives in SQL and in the caller.
 * Two things are kept here between the calls, both for speed alone: how far the claims have come in the order of the jobs, so that the
 * next one need not walk over the dead entries of those it took; and the ends of runs that wait for the ones under way (queue_finish()).
 * Each call answers through its callback exactly once, in a later turn; e is NULL on success. What e->code tells:
 *   ERR_RETRY    Postgres is away or slow: whether it happened is unknown, repeat it; every function here is safe to repeat, and a
 *                repeated claim may get other jobs than the one whose answer was lost
 *   ERR_GONE     stale hand: beat and claim, this incarnation was replaced or given up; a run's verb, the run is closed
 *   ERR_INVALID  refused, e.g. node_start while the name is alive on another host
 * Rows given to a callback are borrowed until it returns; who keeps, copies. */
#ifndef ORCH_QUEUE_QUEUE_H
#define ORCH_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "db/db.h"

struct queue;

/* db outlives the queue; node and incarnation (a UUID, new for each start of the process) are copied and name us in every call. */
struct queue *queue_new(struct db *db, const char *node, const char *incarnation);
void          queue_free(struct queue *q); /* NULL is fine; silences every open call, the statements themselves go on */

/* A run as the verbs name it after the claim. */
struct queue_run {
    int64_t run_id;
    int64_t job_id;
    bool    has_task; /* of its job; true also when that is not known */
};

/* One claimed job with its run. Texts are NULL where SQL has null: all task columns when task_id is 0, a job without a task. */
struct queue_job {
    int64_t run_id;
    int64_t job_id;
    char   *agent;
    char   *repo; /* owner/name */
    int64_t task_id;
    char   *work_item;
    char   *title;
    char   *branch;
    char   *default_branch;
    char   *clone_url;
    char   *stage;
    char   *content;
    int     attempt; /* 1 = the first */
    int     max_attempts;
    char   *plane_issue_id;
};

struct queue_job *queue_job_copy(const struct queue_job *job); /* deep; caller frees with queue_job_free() */
void              queue_job_free(struct queue_job *job);       /* NULL is fine */
struct queue_run  queue_job_run(const struct queue_job *job);

/* An open run of this node whose job is not wanted any more. */
struct queue_stop {
    int64_t     run_id;
    const char *why;
    double      asked_at; /* seconds since 1970 from which the stop counts (orch.agent_runs.stop_at); 0 when unknown */
};

/* An open run that an earlier incarnation of this node left behind. pid is 0 when it died before the start was recorded. */
struct queue_leftover {
    int64_t     run_id;
    int64_t     job_id;
    int64_t     pid;
    const char *pid_start;
    const char *boot_id;
    const char *marker; /* of its processes' environment */
    const char *cgroup; /* that held them; NULL = none */
    bool        is_detached;
    int64_t     task_id; /* this and what follows when it is detached */
    const char *work_item;
    const char *agent;
    const char *repo;
};

/* How a run ended, as finish_run() wants it. */
enum queue_outcome {
#define QUEUE_OUTCOMES(X)                                                                                                                  \
    X(OK, "ok")                                                                                                                            \
    X(FAILED, "failed")                                                                                                                    \
    X(TIMEOUT, "timeout")                                                                                                                  \
    X(STOPPED, "stopped")                                                                                                                  \
    X(LOST, "lost")               /* it, or the node, vanished */                                                                          \
    X(RELEASED, "released")       /* given back at shut-down: no attempt is used */                                                        \
    X(TRANSIENT, "transient")     /* exit 75 and the like: waits, no attempt is used up to a limit */                                      \
    X(UNSTARTABLE, "unstartable") /* the command could not be run at all */
#define QUEUE_OUTCOME_ENUM(name, text) QUEUE_##name,
    QUEUE_OUTCOMES(QUEUE_OUTCOME_ENUM)
#undef QUEUE_OUTCOME_ENUM
        QUEUE_OUTCOME_COUNT
};

const char *queue_outcome_name(enum queue_outcome o);
bool        queue_outcome_parse(const char *text, enum queue_outcome *out);

/* What finish_run() made of it. */
struct queue_finished {
    const char *job_status;
    const char *task_stage; /* NULL for a job without a task */
    const char *note;
};

/* What a node that wants to sleep is told. */
struct queue_idle {
    bool        is_idle;    /* it holds the lock that makes others ring; false: somebody was just looking at it, ask again */
    const char *horizon;    /* to ask with from now on */
    bool        is_settled; /* what was open when it became idle has ended: after one more look only a ring can bring news */
    int64_t     next_ms;    /* until the next job is due; 0 = one is, -1 = none waits for its time */
};

typedef void queue_done_fn(const struct err *e, void *arg);
typedef void queue_claim_fn(const struct queue_job *jobs, size_t n, const struct err *e, void *arg);
typedef void queue_stops_fn(const struct queue_stop *stops, size_t n, const struct err *e, void *arg);
typedef void queue_leftovers_fn(const struct queue_leftover *runs, size_t n, const struct err *e, void *arg);
typedef void queue_started_fn(bool is_wanted, const struct err *e, void *arg); /* false: stop it, the job was cancelled meanwhile */
typedef void queue_finish_fn(const struct queue_finished *f, const struct err *e, void *arg); /* f is NULL when e is set */
typedef void queue_idle_fn(const struct queue_idle *i, const struct err *e, void *arg);       /* i is NULL when e is set */

/* Life of a node, in order. host tells machines apart. */
void queue_contain(struct queue *q, const char *by); /* what node_start then tells of this node: cgroup or warden. A literal */
void queue_node_start(struct queue *q, int pid, int slots, const char *version, int64_t lease_ms, const char *host, queue_done_fn *fn,
                      void *arg);
void queue_leftovers(struct queue *q, queue_leftovers_fn *fn, void *arg);
void queue_beat(struct queue *q, bool is_draining, queue_stops_fn *fn, void *arg);
/* The most urgent due jobs, at most so many. It begins where the claims before it have come, so what became due behind them is seen with
 * a delay: by a claim that looks everywhere, which is the first, the one after queue_look_anew() or after a claim that came back short or
 * failed, and one every second, or less often when it takes more than a fiftieth of the time. */
void queue_claim(struct queue *q, int slots, queue_claim_fn *fn, void *arg);
/* The claims to come pass over the agents of one list, and take those of the other alone. NULL-ended, copied; NULL = any. */
void    queue_choose_agents(struct queue *q, const char *const *without, const char *const *only);
void    queue_look_anew(struct queue *q);          /* the next claim looks everywhere */
int64_t queue_look_rest_ms(const struct queue *q); /* between two looks everywhere, so that they take a fiftieth of the time */
bool    queue_is_dry(const struct queue *q);       /* the claim answered last looked everywhere and came back short: nothing more was due */
/* On the LISTEN connection (db_listener_call()): whoever was rung there for a STOP waits for nobody else's call, and a loss rings again. */
void queue_runs_to_stop(struct queue *q, queue_stops_fn *fn, void *arg);
/* Both travel on the LISTEN connection too, whose session holds the lock. horizon NULL: become idle; else: ask again. Each
 * answer with is_idle to a NULL wants one queue_node_awake(), unless the connection was lost since: the lock goes with it. */
void queue_node_idle(struct queue *q, const char *horizon, queue_idle_fn *fn, void *arg);
void queue_node_awake(struct queue *q, queue_done_fn *fn, void *arg); /* fn may be NULL */
/* Tells everybody which agents this node can run (NULL-ended), and which of them it leaves out now ({"<agent>": {"why": …}}). */
void queue_node_agents(struct queue *q, const char *const *agents, struct json *left_out, queue_done_fn *fn, void *arg);
void queue_node_stop(struct queue *q, queue_done_fn *fn, void *arg);

/* Life of a run, in order. Times are microseconds since 1970, 0 = not (yet). detail is borrowed until the call returns; NULL = {}. */
void queue_run_started(struct queue *q, struct queue_run run, int pid, const char *pid_start, const char *boot_id, const char *log_path,
                       const char *cgroup, queue_started_fn *fn, void *arg);
/* Before it is started; its command has ended by itself after within_ms. Answers as run_started. */
void queue_run_detaches(struct queue *q, struct queue_run run, const char *boot_id, const char *log_path, int64_t within_ms,
                        queue_started_fn *fn, void *arg);
void queue_run_stopping(struct queue *q, int64_t run_id, int64_t term_at_us, int64_t kill_at_us, queue_done_fn *fn, void *arg);
/* A run of a task ends in a transaction of its own. The others go at once when none of them is under way; those that end meanwhile are
 * gathered, and go together when the answer is here. One that Postgres refuses does not keep the others from ending. */
void queue_finish(struct queue *q, struct queue_run run, enum queue_outcome outcome, struct json *detail, queue_finish_fn *fn, void *arg);

#endif
