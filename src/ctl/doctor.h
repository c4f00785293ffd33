/* doctor: looks at an installation from this host, with the settings of its environment, and says of each part whether it is well, and of
 * what is not the line that mends it. Nothing is changed anywhere, and no secret is told. What cannot be asked is a warning that says so.
 * Each check_…() below looks at one part; they go from the near to the far, and need what is near. */
#ifndef ORCH_CTL_DOCTOR_H
#define ORCH_CTL_DOCTOR_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "config/config.h"
#include "fetch/fetch.h"
#include "loop/loop.h"

enum doctor_verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
    uint32_t             magic;
    const struct config *cfg;
    struct loop         *loop;
    struct fetch        *fetch;
    struct json         *findings; /* [{"check","verdict","says","mend"}] */
    int                  count[DOCTOR_FAIL + 1];
    struct json         *projects;   /* rows of orch.projects; NULL = the database could not be asked */
    struct json         *nodes;      /* rows of orch.nodes_now; NULL as well */
    struct json         *deliveries; /* of the last day: [{"source","repo","age"}]; NULL as well */
};

enum { DOCTOR_MAGIC = 0x646f6374 /* "doct" */, DOCTOR_PATIENCE_MS = 10000 /* for one answer over the network */ };

/* Adds a finding. */
void doctor_say(struct doctor *d, enum doctor_verdict verdict, const char *check, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The line that mends what was said last. */
void doctor_mend(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* How long ago the last delivery of a sender came, of this repo or, for NULL, of any; NULL = none within the last day. Only what bears a
 * right signature is a delivery. */
const char *doctor_last_delivery(const struct doctor *d, const char *source, const char *repo);

void doctor_check_settings(struct doctor *d, struct config *cfg); /* reads them, too */
void doctor_check_database(struct doctor *d);
void doctor_check_host(struct doctor *d);
void doctor_check_address(struct doctor *d);
void doctor_check_board(struct doctor *d);
void doctor_check_forge(struct doctor *d);

#endif
