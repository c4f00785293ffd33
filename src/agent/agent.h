/* agent: run one command as a child process tree, watch it, stop the whole of it.
 * Between us and the command stands a warden (warden.c, its own small program): the sub-reaper of this run alone, so that whatever the
 * command starts, in whatever session, however orphaned, is a descendant of that warden and of no other. The warden ends when the tree
 * has ended. If we die, the warden's control socket closes and it kills the tree at once: agents do not outlive orchd. If we live but do
 * not move (suspended, stuck), nobody renews the agent's lease, and at its end the warden kills the tree as well.
 * Where the node can, the command is born in a control group of the run as well (agent_contain()), which the kernel kills at once.
 * A tree that is over is a tree of which no process is left. Signals go through pidfds whose start time was checked, so a number that
 * now belongs to somebody else is never signalled.
 * on_end fires once, in a later turn than agent_start(), after the tree is gone. Refuses to know what a job is.
 * A detached command (spec.journal) is the exception: its warden does not end with us, takes no orders, and keeps a journal of what happens.
 * The next orchd goes on watching it with agent_adopt(). What the journal does not tell, nobody knows: on_end says is_lost.
 * No other room starts processes: what else has this process as its parent is an orphan of a killed warden, and is killed and reaped. */
#ifndef ORCH_AGENT_AGENT_H
#define ORCH_AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "loop/loop.h"

struct agent;

/* setrlimit(2), soft and hard, at most what we have ourselves; 0 = what we have, and for core none at all. */
struct agent_limits {
    int64_t memory; /* bytes of address space */
    int64_t open_files, processes, cpu_s, core;
};

struct agent_spec {
    const char *const  *argv; /* NULL-ended; argv[0] is looked up in the PATH of env; no shell */
    const char *const  *env;  /* NULL-ended NAME=value; the whole environment of the command */
    const char         *cwd;
    const char         *log_path; /* appended to; stdout and stderr. Absolute */
    int64_t             log_max;  /* bytes of the log, of which head and tail are kept (runlog.h); 0 = no cap */
    struct agent_limits limits;
    const char         *marker;         /* NAME=value put into env, by which agent_sweep() knows the run's processes again */
    const char         *cage;           /* name of the run's control group, not that of any other run; NULL = none. See agent_contain() */
    const char         *journal;        /* detached: the file that its warden is to make and keep; NULL = not detached */
    int64_t             grace_ms;       /* from SIGTERM to SIGKILL */
    int64_t             timeout_ms;     /* 0 = none, which a detached one must not have; then the same cascade as agent_stop("timeout") */
    int64_t             lease_until_ms; /* clock_boot_ms() at which the warden kills the tree, unless agent_renew() came; 0 = never */
};

/* What really happened. Times are clock_wall_us(), 0 = did not happen. */
struct agent_end {
    bool    is_started;  /* the command was executed */
    int     exit_status; /* -1 when a signal ended it */
    int     signal;      /* 0 when it exited by itself */
    bool    is_stopped;  /* agent_stop() was asked for before the command had ended */
    bool    is_timeout;
    bool    is_lost;   /* the warden itself was killed; the tree was swept by its marker */
    bool    is_fenced; /* the lease ended before the command did: it was killed without grace, or not even started */
    int64_t started_us, ended_us, term_us, kill_us, gone_us;
    int     tree_size;  /* processes found by the stop cascade, the command included; 0 = none was needed */
    char    error[256]; /* why it could not be started: names the command */
};

/* Whether the command ended by itself, in time, with exit status 0; if not, how says in words what it did. */
enum { AGENT_HOW_SIZE = 300 };
bool agent_end_is_good(const struct agent_end *end, char *how, size_t size);

typedef void agent_start_fn(pid_t pid, const char *start_time, void *arg); /* the command runs: pid and start time of the *warden* */
typedef void agent_end_fn(const struct agent_end *end, void *arg);
/* The cascade as it happens: SIGTERM was sent to the tree; again when SIGKILL was. kill_us is 0 until then. */
typedef void agent_cascade_fn(int64_t term_us, int64_t kill_us, void *arg);

/* The spec is copied. on_start may be NULL. Fails (ERR_INVALID) at once for what is known at once: no such directory, no such command. */
int agent_start(struct agent **out, struct loop *l, const struct agent_spec *spec, agent_start_fn *on_start, agent_end_fn *on_end,
                void *arg, struct err *e);
/* Watches the detached command of an earlier life. on_end tells what its journal says, once its warden is gone; started_us, exit_status and
 * ended_us count also when is_lost. ERR_GONE: there is no such journal. */
int  agent_adopt(struct agent **out, struct loop *l, const char *journal, const char *marker, agent_end_fn *on_end, void *arg,
                 struct err *e);
void agent_on_cascade(struct agent *a, agent_cascade_fn *fn); /* with the arg of agent_start() */
void agent_stop(struct agent *a, const char *why);   /* asks, once: SIGTERM to the tree, grace, SIGKILL to the tree; on_end still comes */
void agent_kill(struct agent *a, const char *why);   /* the same without grace */
void agent_renew(struct agent *a, int64_t until_ms); /* the lease now ends then, clock_boot_ms() */
void agent_free(struct agent *a);                    /* NULL is fine; silences callbacks; a tree still there is killed by its warden, a
                                                        detached one lives on. The orders above mean nothing to a detached one */

/* The directory of its control group; NULL: it has none. Borrowed until agent_free(). */
const char *agent_cage(const struct agent *a);

/* Process-wide, once, before agent_start(): becomes a sub-reaper for orphans of a killed warden. warden_path NULL = beside
 * /proc/self/exe. */
int agent_init(const char *warden_path, struct err *e);

/* Process-wide, once, after agent_init(), and after this process has become the only one with this node's name and data directory: whatever
 * is found in a control group of theirs was left by an earlier life, is killed and removed. Finds out, by doing it, whether each run can
 * have a control group (cgroup v2) of its own. REQUIRE: if not, ERR_INVALID, and later no run starts without one. AUTO and OFF never fail. */
enum agent_contain_mode { AGENT_CONTAIN_AUTO, AGENT_CONTAIN_OFF, AGENT_CONTAIN_REQUIRE };
int         agent_contain(enum agent_contain_mode mode, const char *node, const char *data_dir, struct err *e);
const char *agent_containment(const char **detail); /* "cgroup" with its directory, or "warden" with the reason why. Static; NULL is fine */
void        agent_contain_end(void);                /* removes the group of groups, when it is empty */

/* This boot's id, to store with a pid. Static. */
const char *agent_boot_id(void);

/* Kills what is left of a run that a crashed orchd had started: the warden (pid, its start time, boot id: all three must match) and every
 * process whose environment holds marker, or which lives in cage (an agent_cage() of then; NULL, or one that is not of this node, holds
 * nobody). Blocks at most wait_ms (start-up only). Returns how many processes were killed; *left_out tells how many are still there. Never
 * touches a process that matches none of them. */
int agent_sweep(pid_t warden, const char *start_time, const char *boot_id, const char *marker, const char *cage, int64_t wait_ms,
                int *left_out);

/* Whether argv[0] can be executed with this PATH; *e says what to do. */
int agent_check_command(const char *command, const char *path, struct err *e);

#endif
