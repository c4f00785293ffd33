/* warden: what agent.c and the warden say to each other, over a SOCK_SEQPACKET socket that is descriptor 3 of the warden.
 * Both are built together, so the structs travel as they are. The socket's end is an order too: we died, kill at once.
 * When descriptor 3 is a plain file, the command is detached: the file is its journal (journal.h), there are no orders, and the end of the
 * lease is the time-out, with the whole grace. */
#ifndef ORCH_AGENT_WARDEN_H
#define ORCH_AGENT_WARDEN_H

#include <stdint.h>

enum { WARDEN_FD = 3, WARDEN_LEFTOVER_GRACE_MS = 2000 /* for what a command leaves behind, when the run's grace is longer */ };

enum warden_verb { WARDEN_STOP, WARDEN_KILL, WARDEN_RENEW };

struct warden_order {
    uint32_t verb;
    uint32_t reserved;
    int64_t  ms; /* WARDEN_STOP: the grace; WARDEN_RENEW: the new end of the lease, CLOCK_BOOTTIME */
};

/* The word is what a journal has. */
#define WARDEN_NEWS(X)                                                                                                                     \
    X(STARTED, "started")         /* number: pid of the command */                                                                         \
    X(EXEC_FAILED, "exec-failed") /* number: errno; negative: the control group refused it */                                              \
    X(EXITED, "exited")           /* number: wait status of the command */                                                                 \
    X(FENCED, "fenced")           /* the lease ended before the command did: it is killed, or was not started */                           \
    X(TIMED_OUT, "timed-out")     /* a detached command has had its time: the cascade begins */                                            \
    X(TERM_SENT, "term-sent")     /* number: processes that got it */                                                                      \
    X(KILL_SENT, "kill-sent")     /* number: processes that got it */                                                                      \
    X(GONE, "gone")               /* number: size of the tree that the cascade found, 0 = none was needed. The last report. */

enum warden_news {
#define WARDEN_NEWS_ENUM(news, name) WARDEN_##news,
    WARDEN_NEWS(WARDEN_NEWS_ENUM)
#undef WARDEN_NEWS_ENUM
};

struct warden_report {
    uint32_t news;
    int32_t  number;
    int64_t  at_us; /* wall clock */
};

/* argv of the warden: [1] which layout of the following it is, so that an orchd never starts the warden of another version with words that mean
 * something else there, [2] grace_ms of the sweep after the command's own end, and of a time-out, [3] end of the lease (CLOCK_BOOTTIME in
 * ms, 0 = none), [4] the directory of the run's control group, empty = none, [5] the log, and [6] its cap in bytes (runlog.h), 0 = none, [7]
 * limits of the command: five numbers as in struct agent_limits, [8] cwd, [9] the file to execute, [10…] the command's argv. Its environment is the command's. Descriptors 0, 1, 2 are the command's; with a cap, 1
 * and 2 become a pipe. */
enum {
    WARDEN_ARG_LAYOUT = 1,
    WARDEN_ARG_GRACE,
    WARDEN_ARG_LEASE,
    WARDEN_ARG_CAGE,
    WARDEN_ARG_LOG,
    WARDEN_ARG_LOG_MAX,
    WARDEN_ARG_LIMITS,
    WARDEN_ARG_CWD,
    WARDEN_ARG_FILE,
    WARDEN_ARG_COMMAND
};

#define WARDEN_LAYOUT "layout 2" /* no first word of another layout; changed with the list above */

#endif
