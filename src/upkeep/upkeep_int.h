/* upkeep_int: one duty, as its file sees it. A tick ends by exactly one upkeep_end(), in the same turn or a later one, as the last thing it
 * does; until then no second tick begins. */
#ifndef ORCH_UPKEEP_UPKEEP_INT_H
#define ORCH_UPKEEP_UPKEEP_INT_H

#include <stdint.h>

#include "api/plane.h"
#include "base/metrics.h"
#include "upkeep/upkeep.h"

enum { DUTY_MAGIC = 0x64757479 }; /* "duty" */

struct duty;

struct duty_kind {
    const char        *name;
    enum metric        counter; /* rows changed */
    const enum metric *skips;   /* rows looked at and left alone; NULL = this duty counts none */
    bool is_everywhere;         /* it looks after this node's own things; else one node of all has it, and orch.run_duty() says which */
    /* What is not done in SQL; NULL = all is. Where one node has the duty, it is called on that node only, after the part in SQL. */
    void (*tick)(struct duty *d);
    void (*fini)(struct duty *d); /* frees d->own and silences what it asked for; NULL = nothing to do */
};

struct duty {
    uint32_t                magic;
    struct upkeep          *upkeep;
    const struct duty_kind *kind;
    const bool             *is_enabled;  /* in the config, which a reload changes in place; NULL = the interval alone decides */
    const int64_t          *interval_ms; /* likewise; 0 = off */
    struct loop_timer      *timer;
    struct db_call         *call; /* under way; NULL = none */
    bool                    is_under_way;
    bool                    is_wanted_again;          /* a doorbell rang during the tick */
    int64_t                 last_tick_us, last_ok_us; /* clock_wall_us(), 0 = not yet */
    int64_t                 last_count;
    char                   *last_error; /* NULL when the last tick went well */
    char                   *holder;     /* node that has the duty, as of the last answer; NULL = not known */
    void                   *own;        /* what the duty keeps between the steps of a tick */
};

/* e NULL = it went well; count = how many rows (or files) it changed. */
void upkeep_end(struct duty *d, int64_t count, const struct err *e);

/* Before upkeep_end(): another tick follows at once, because this one has not done all that there is. */
void upkeep_go_on(struct duty *d);

const char          *upkeep_node(const struct duty *d); /* this one's name */
struct loop         *upkeep_loop(const struct duty *d);
struct db           *upkeep_db(const struct duty *d);
struct fetch        *upkeep_fetch(const struct duty *d);
const struct config *upkeep_config(const struct duty *d);

/* --- what the duties that ask the board share (board.c) --- */

struct board_project {
    char *id;
    char *workspace;
    char *plane_project_id;
};

/* A round through projects, one after another. When the board asks for patience, the round ends, and no other begins before that time. */
struct board {
    struct plane         *plane; /* NULL = not configured */
    struct api_call      *call;
    struct board_project *projects; /* of this round */
    int                   count, at;
    int64_t               quiet_until_ms; /* clock_mono_ms() */
    struct err            first_error;    /* of this round */
};

void board_open(struct board *b, const struct duty *d);
void board_close(struct board *b); /* silences its call */
/* Whether the round may not begin: the tick has ended then, as failed. */
bool board_must_wait(struct board *b, struct duty *d);
/* With the answer to which projects there are. False: there is none, or e came, and the tick has ended. */
bool board_begin_round(struct board *b, struct duty *d, struct db_result *r, const struct err *e);
/* Of the errors of a round the first one stands. NULL is none. */
void board_keep_error(struct board *b, const struct err *e);
/* The project is dealt with: the next one, or the end of the round. e NULL = it went well. */
bool board_has_next(struct board *b, const struct err *e);
/* Sets *e and is false without a board. */
bool board_is_there(const struct board *b, const struct duty *d, struct err *e);
void board_be_quiet(struct board *b, int64_t retry_after_ms); /* not above 0: the board did not ask for it */
/* How many ms more, for Postgres, which keeps the effects from the board meanwhile; NULL = none. Dies with the turn. */
const char *board_quiet_text(const struct board *b, const struct duty *d);
void        board_end_round(struct board *b, struct duty *d, int64_t count);

/* Has one thing that was read routed as a delivery would be (W3). key makes a repetition known. fn with the answer of receive_event(). */
struct db_call *upkeep_route(struct duty *d, const char *kind, const char *key, struct json *facts, db_fn *fn);

extern const struct duty_kind duty_reaper, duty_sweeper, duty_reconciler, duty_events, duty_schedules, duty_holds, duty_retention,
    duty_board_states, duty_board_poll, duty_ci_poll, duty_logs, duty_disks, duty_build_cache, duty_post_deploy, duty_cards;

#endif
