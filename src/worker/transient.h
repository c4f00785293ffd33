/* transient: whether a run failed because the service behind its agent refuses or is overloaded, which is no fault of the work.
 * Coding-agent CLIs say so in their output only, each in its own words; what they were seen to say is the table in transient.c, and an
 * agent's entry in the agents file may add to it. Asked only about runs that failed: an agent may write about rate limits. */
#ifndef ORCH_WORKER_TRANSIENT_H
#define ORCH_WORKER_TRANSIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct transient_sign {
    bool    is_found;
    char    words[160]; /* what was found, with what stands around it; printable */
    int64_t wait_ms;    /* how long the service asks us to wait, at most a day; 0 = it does not say */
};

/* Pure. text is a NUL-ended copy of the log's tail; NUL bytes in it are overwritten. patterns may be NULL. now is in seconds since 1970. */
void transient_find(struct transient_sign *out, char *text, size_t len, struct json *patterns, int64_t now);

/* The same for the end of a file. A log that cannot be read shows no sign. */
void transient_find_in_log(struct transient_sign *out, const char *path, struct json *patterns);

/* Only the patterns of the agent's own entry: where its output tells by itself how it ended, what else stands there is no sign. */
void transient_find_own(struct transient_sign *out, const char *path, struct json *patterns);

/* How long a text says to wait ("retry-after: 20", "try again at 2:08 PM"), at most a day; 0 = it does not say. */
int64_t transient_wait(const char *text, int64_t now);

#endif
