/* rig: one agent on one loop in one temporary directory, for the tests of agent/. */
#ifndef ORCH_TEST_AGENT_RIG_H
#define ORCH_TEST_AGENT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "base/err.h"
#include "loop/loop.h"

enum { RIG_PATIENCE_MS = 60000 };

struct rig {
    struct loop     *loop;
    struct agent    *agent;
    struct agent_end end;
    int              ends; /* times that on_end came */
    int              cascades;
    int64_t          grace_ms;
    int64_t          timeout_ms;
    int64_t          lease_until_ms;
    int64_t          log_max;
    pid_t            warden;
    char             warden_start[32];
    const char      *cage;    /* NULL = none */
    const char      *journal; /* NULL = not detached */
    char             journal_path[80];
    char             dir[64];
    char             log_path[80];
    char             needle[64];
    char             marker[96];
};

int  rig_set_up(void **state);
int  rig_tear_down(void **state);
int  rig_start(struct rig *r, const char *manner, const char *more, struct err *e); /* more may be NULL */
void rig_start_ready(struct rig *r, const char *manner);                            /* and waits until it says so */
int  rig_adopt(struct rig *r, struct err *e); /* the agent of the journal takes the place of r->agent */
bool rig_is_ready(struct rig *r);
void rig_wait_end(struct rig *r);
bool rig_wait(struct rig *r, bool (*is_true)(struct rig *r)); /* runs the loop until then; false after RIG_PATIENCE_MS */

bool        rig_is_over(struct rig *r);
bool        rig_is_started(struct rig *r);
bool        rig_is_empty(struct rig *r); /* no process with the needle is left */
int         rig_count(struct rig *r);    /* living processes of the run, the warden not counted */
pid_t       rig_command(struct rig *r);  /* any process of the run; 0 = none */
char       *rig_log(struct rig *r);      /* caller frees */
const char *rig_fake(void);

#endif
