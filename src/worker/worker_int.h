/* worker_int: what the files of worker share. */
#ifndef ORCH_WORKER_WORKER_INT_H
#define ORCH_WORKER_WORKER_INT_H

#include <sys/queue.h>

#include "agent/agent.h"
#include "worker/breaker.h"
#include "worker/worker.h"

#define WORKER_MAGIC 0x576f726bu
#define RUN_MAGIC    0x52756e21u

enum run_state { RUN_PREPARING, RUN_STARTING, RUN_RUNNING, RUN_CONCLUDING, RUN_FINISHING };

struct run {
    uint32_t             magic;
    struct worker       *worker;
    struct queue_job    *job;
    enum run_state       state;
    struct agent        *agent; /* from RUN_STARTING to its end */
    struct agent_end     end;
    bool                 is_stop_asked;  /* the job is no longer wanted */
    int64_t              start_until_ms; /* clock_boot_ms(): then the job is about to be taken back, and is not started any more */
    bool                 is_detached;    /* its command outlives us, and takes no orders */
    bool                 is_released;    /* shut-down: stopped for our sake, not for the job's */
    double               asked_at;       /* seconds since 1970, 0 = not known */
    enum queue_outcome   outcome;
    enum breaker_verdict verdict;
    int64_t              wait_ms; /* that the service behind the agent asked for; 0 = none */
    struct json         *detail;
    char                *cwd;
    char                *revision; /* the commit that this run deploys; NULL: it deploys nothing */
    char                *dir, *task_file, *result_file, *log_path, *marker;
    char                *output;       /* the format of its log as it was started, whatever the agents file says since; NULL: none */
    pid_t                pid;          /* of the warden */
    char                *pid_start;    /* its start time */
    bool                 is_recording; /* run_started is on its way */
    unsigned             tries;        /* at finishing */
    bool                 is_bare;      /* detail was refused and is reduced to why */
    struct loop_timer   *again;
    LIST_ENTRY(run) link;
};

struct worker {
    uint32_t             magic;
    struct loop         *loop;
    struct db           *db;
    const struct config *cfg;
    struct worker_hooks  hooks;
    struct queue        *queue;
    struct offer        *offer;
    struct doorbell     *bell;
    char                *node;
    char                 incarnation[37];
    int                  lock_fd;
    LIST_HEAD(, run) runs;
    int                count;         /* of runs */
    bool               is_registered; /* and cleared up: may claim */
    int64_t            claim_sent_ms; /* clock_boot_ms() of the last claim */
    bool               is_claim_lost; /* the answer to a claim was lost: tell SQL what we hold */
    bool               is_draining;
    bool               is_over;         /* given up */
    bool               is_leaving;      /* told SQL that it goes */
    bool               is_start_failed; /* a leftover could not be closed: begin again */
    int64_t            beat_ok_ms;      /* when the last beat that succeeded was sent, clock_boot_ms() */
    int64_t            beat_sent_ms;    /* when the oldest beat without an answer was sent */
    int64_t            refused_ms;      /* since when our name is refused, 0 = it was not */
    int                beats_open;      /* beats without an answer */
    int                leftovers;       /* still to be finished before the first claim */
    struct loop_timer *beat_timer, *fence_timer, *drain_timer, *start_timer;
    loop_fn           *on_drained;
    void              *drained_arg;
};

/* worker.c */
void worker_forget_run(struct worker *w, struct run *r); /* the run is over: frees it, looks for more */

/* run.c */
void        run_begin(struct worker *w, const struct queue_job *job);
struct run *run_new(struct worker *w, const struct queue_job *job, struct err *e); /* never NULL; *e: its directories could not be made */
void        run_enter(struct run *r, enum run_state state);
void        run_start_agent(struct run *r);                             /* in r->cwd */
void        run_on_start(pid_t pid, const char *start_time, void *run); /* an agent_start_fn */
void        run_note_end(struct run *r, const struct agent_end *end);   /* its agent is over: frees it, and keeps what happened */
void        run_on_end(const struct agent_end *end, void *run);         /* outcome.c: an agent_end_fn */
/* The run ends with this outcome; error may be NULL. The first reason stands. */
void run_conclude(struct run *r, enum queue_outcome outcome, const char *error);
void run_stop(struct run *r, const char *why, double asked_at);
void run_release(struct run *r); /* stop for shut-down: the job goes back without using an attempt */
void run_kill(struct run *r, const char *why);
void run_free(struct run *r);

/* detached.c */
void run_deploy(struct run *r);                                          /* of r->revision: in place of run_start_agent() */
void run_adopt(struct worker *w, const struct queue_leftover *leftover); /* goes on watching what an earlier life started */
void run_let_go(struct run *r); /* forgets it, if it is detached and on record; nothing otherwise */

/* launch.c: the environment and the files of a run; pure but for the files. */
char **launch_env(const struct config *cfg, const struct config_agent *agent, const struct run *r);
char **launch_preflight_env(const struct config *cfg, const struct config_agent *agent, const char *name); /* without what a job brings */
struct agent_limits launch_limits(const struct config_agent *agent);
void launch_add_log(struct json *detail, const char *path); /* the end of the log, as "log", for who has to mend what failed */
/* The command with {prompt} and {prompt_file} filled in, NULL-ended; caller frees it by agent_env_free(). The file is written only when the
 * command has need of it: it names the file, or the prompt is longer than one argument may be. */
int launch_argv(char ***out, const char *const *argv, const struct run *r, struct err *e);
int launch_write_task(const struct run *r, struct err *e);
/* Reads the result file into detail (result_outcome, message, usage, cost_usd). Absent is fine; wrong is ERR_INVALID. */
int launch_read_result(const char *path, struct json *detail, struct err *e);

/* node.c */
void worker_beat(struct worker *w);
void worker_register(struct worker *w);
/* Until when agents may run, clock_boot_ms(). */
int64_t worker_lease_until(const struct worker *w);

#endif
