/* breaker: whether an agent's jobs are worth taking now on this node. When the service behind an agent is overloaded or refuses us, each
 * further run costs time and money and changes nothing; so after some transient failures in a row the node leaves that agent alone for a
 * pause, and then tries it with one run.
 *
 *   closed ──n transient failures in a row──▶ open ──the pause is over──▶ half-open ──a job was taken──▶ probing
 *      ▲                                       ▲                              ▲───────no verdict──────────│  │
 *      │                                       └──transient failure: twice the pause──────────────────────┘  │
 *      └──the probe worked, or failed for a reason of its own────────────────────────────────────────────────┘
 *
 * While it is not closed only the probe counts: what other runs say is older news. Pure: the caller brings the clock. */
#ifndef ORCH_WORKER_BREAKER_H
#define ORCH_WORKER_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_PROBING };

/* What the end of a run says about the service behind its agent. */
enum breaker_verdict {
    BREAKER_NO_VERDICT, /* it never ran, was stopped, or ran out of time */
    BREAKER_WORKED,     /* it ended by itself, well or not */
    BREAKER_TRANSIENT
};

struct breaker_rules {
    int64_t failures; /* in a row, that open it; 0 = it never opens */
    int64_t pause_ms;
    int64_t pause_most_ms; /* what doubling ends at; a longer wait that the service itself asks for stands */
};

/* All zero is a closed one. */
struct breaker {
    enum breaker_state state;
    int64_t            failures; /* in a row, while closed */
    int64_t            pause_ms; /* the present, or last, pause */
    int64_t            until_ms; /* its end, by the caller's clock */
    int64_t            probe;    /* run, while probing */
};

bool        breaker_may_take(const struct breaker *b); /* whether jobs of this agent should be asked for */
const char *breaker_state_name(enum breaker_state s);

/* Each of these names the agent for the log, and answers whether the state has changed. */
bool breaker_tick(struct breaker *b, const char *agent, int64_t now_ms);
bool breaker_end(struct breaker *b, const char *agent, const struct breaker_rules *rules, int64_t run, enum breaker_verdict verdict,
                 int64_t wait_ms, int64_t now_ms); /* wait_ms: what the service asked for; 0 = nothing */

/* A job was claimed. False: it must be given back, because the breaker opened meanwhile, or has its probe. */
bool breaker_take(struct breaker *b, const char *agent, int64_t run);

#endif
