/* report: what a coding-agent CLI says of its run at the end of its output. Each has its own records; of none is exit status 0 enough: some
 * end so after a failure, or when they are stopped half-way. Seen on the wire with the versions that share/presets/ names. Unknown records
 * and members are passed over, lines that are no JSON as well: errors and warnings stand in the same log. */
#ifndef ORCH_WORKER_REPORT_H
#define ORCH_WORKER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct report {
    bool         is_known;     /* this output says how it ended; false: its exit status is all there is */
    bool         is_success;   /* a final record was there, and it is one of success */
    bool         is_transient; /* no success, and the service behind it is why: 429, 5xx, overloaded, timed out */
    char         words[240];   /* no success: why; printable */
    struct json *usage;        /* {"input", "output", "cache"} in tokens, as orch.agent_runs has them; NULL = not told */
    double       cost_usd;     /* below 0 = not told */
};

/* format: as config_agent.output has it; NULL or unknown: nothing is known. Pure; text is the end of the output, NUL-ended, and may begin in
 * the middle of a line. exit_status: -1 = a signal ended it. */
void report_read(struct report *out, const char *format, const char *text, size_t len, int exit_status);
void report_read_log(struct report *out, const char *format, const char *path, int exit_status); /* the last MiB of it */
void report_fini(struct report *r);

#endif
