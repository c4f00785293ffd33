/* rig: an outbox whose effects are handed out by a fake database and delivered to a scripted peer and a git that says yes. */
#ifndef ORCH_TESTS_UNIT_OUTBOX_RIG_H
#define ORCH_TESTS_UNIT_OUTBOX_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "outbox/outbox.h"
#include "support/stand.h"

#define HEAD "9a8b7c6d5e4f30211223344556677889900aabbc"
enum { RIG_EFFECTS = 8 };

struct git_job {
    git_fn            *fn;
    void              *arg;
    struct git_result  r;
    struct loop_timer *timer;
    int64_t            until_ms;
};

/* What the git that says yes was asked, and how it answers. */
struct fake_git {
    int             checked;
    bool            is_merged, is_marker_gone, is_silent;
    char            what[256];
    struct git_job *jobs[RIG_EFFECTS];
    int             job_count;
};

struct rig {
    struct stand       stand;
    struct outbox     *outbox;
    struct config      cfg;
    struct fake_git    git;
    struct fake_answer claimed[RIG_EFFECTS];
    const char        *cells[RIG_EFFECTS][7];
    int                claimed_count;
    int64_t            asleep_ms; /* since the first claim was sent the host was suspended for so long */
    int                looks;     /* at the clock */
};
extern struct rig w;

int  set_up(void **state);
int  tear_down(void **state);
void begin_anew(void **state);

/* The next claim answers this effect. */
void hand_out(const char *id, const char *token, const char *kind, const char *payload);
/* replies NULL: no channel is configured. */
void open_outbox(const struct http_reply *replies, size_t count);
void run_until(stand_fn *is_over);
bool is_reported(void);
/* A silent git answers its first job now. */
void git_answers(void);
/* The first such call's parameter has part in it. */
void has(enum db_call_id id, int param, const char *part);

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
