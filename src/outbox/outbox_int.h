/* outbox_int: one effect being delivered, as the kinds see it. A kind's start function begins the first step; each step's callback begins
 * the next one or ends the effect by exactly one of outbox_finish(), outbox_fail(), outbox_skip() and outbox_conclude(), as the last thing it does. */
#ifndef ORCH_OUTBOX_OUTBOX_INT_H
#define ORCH_OUTBOX_OUTBOX_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "api/gitea.h"
#include "api/plane.h"
#include "api/telegram.h"
#include "base/json.h"
#include "outbox/outbox.h"

enum { EFFECT_MAGIC = 0x65666665 }; /* "effe" */

/*  DELIVERING ──▶ REPORTING ──▶ OVER
 *  Reporting is repeated while Postgres is away, until the token ends; what was not reported by then is delivered again. */
enum effect_state { EFFECT_DELIVERING, EFFECT_REPORTING, EFFECT_OVER };

struct effect {
    uint32_t          magic;
    struct outbox    *outbox;
    struct effect    *next, **back;
    enum effect_state state;
    int64_t           id;
    char             *token;
    int64_t           token_ends_ms; /* clock_boot_ms(), which counts a suspended host: SQL hands the effect out again after this */
    char             *kind;
    struct json      *payload, *context;
    /* the step under way: at most one of these */
    struct api_call   *call;
    struct git_job    *job;
    struct db_call    *report;
    struct loop_timer *timer;
    /* what a kind remembers between its steps */
    int64_t    number;
    char      *merge_sha;
    char      *link;
    struct err refusal;
    int64_t    refusal_wait_ms;
    /* what is to be reported */
    enum db_call_id report_id;
    char           *report_text; /* result, error or reason */
    int64_t         report_wait_ms;
    bool            report_is_permanent;
};

void outbox_finish(struct effect *x, struct json *result); /* takes result; NULL = {} */
/* Which codes are permanent: INVALID, GONE and BUG. DENIED is not: a token can be repaired while the effect waits. */
void outbox_fail(struct effect *x, const struct err *e, int64_t retry_after_ms);
void outbox_skip(struct effect *x, const char *reason);
/* Ends the effect by the answer to its last call: fails it with e, or finishes it without a result when e is NULL. */
void outbox_conclude(struct effect *x, const struct err *e, int64_t retry_after_ms);

/* Asked right before each step that cannot be taken back. True: the token has ended, somebody else may have gone on with the effect since,
 * and it was dropped without a report. */
bool outbox_is_late(struct effect *x);

/* Fails the effect for good when one of the NULL-ended paths ("payload.text", "context.repo") holds no text; true = it did. */
bool outbox_lacks(struct effect *x, const char *const *paths);
/* A text of the effect, "payload.…" or "context.…"; "" when absent. */
const char *outbox_text(const struct effect *x, const char *path);

/* Where people see what the effect tells of: as its payload says, the task's issue on the board, or the task below ORCH_PUBLIC_URL. NULL =
 * nowhere. Borrowed from x. */
const char *outbox_link(struct effect *x);

/* The channels; NULL after the effect was skipped because the channel is not configured. */
struct plane    *outbox_plane(struct effect *x);
struct gitea    *outbox_gitea(struct effect *x);
struct telegram *outbox_telegram(struct effect *x);
struct git      *outbox_git(const struct effect *x);

/* The kinds. */
void board_comment_start(struct effect *x);
void board_status_start(struct effect *x);
void chat_alert_start(struct effect *x);
void chat_card_start(struct effect *x);
void forge_pull_open_start(struct effect *x);
void forge_pull_merge_start(struct effect *x);
void forge_branch_delete_start(struct effect *x);
void repo_task_start_start(struct effect *x);
void repo_merge_check_start(struct effect *x);
void repo_archive_start(struct effect *x);
void repo_worktree_remove_start(struct effect *x);

/* The task's repository and branch, borrowed from x. */
struct git_target repo_target(const struct effect *x);

#endif
