/* board: the kinds board_comment and board_status. A repeat does no harm: a comment carries the effect's id, a status is read first. */
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "outbox/outbox_int.h"

static const char *const wanted_of_item[] = { "context.workspace", "context.plane_project_id", "context.plane_issue_id", NULL };

static struct plane_item
item_of(const struct effect *x)
{
    return (struct plane_item){ .workspace = outbox_text(x, "context.workspace"),
                                .project_id = outbox_text(x, "context.plane_project_id"),
                                .issue_id = outbox_text(x, "context.plane_issue_id") };
}

static void
on_comment(const struct plane_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    struct json   *result;
    x->call = NULL;
    if (e) {
        outbox_fail(x, e, r->retry_after_ms);
        return;
    }
    result = json_new_object();
    json_set_str(result, "comment_id", r->id);
    outbox_finish(x, result);
}

void
board_comment_start(struct effect *x)
{
    static const char *const wanted[] = { "payload.text", NULL };
    struct plane_item        item = item_of(x);
    struct plane            *p = outbox_plane(x);
    char                    *external_id;
    int64_t                  task = 0;
    if (!p || outbox_lacks(x, wanted_of_item) || outbox_lacks(x, wanted))
        return;
    json_int(x->context, "task_id", &task);
    external_id = xasprintf("effect-%lld@%lld", (long long)x->id, (long long)task);
    x->call = plane_comment(p, &item, outbox_text(x, "payload.text"), external_id, on_comment, x);
    free(external_id);
}

/* --- status --------------------------------------------------------------------------------------------------------------------------- */

static void
finish_status(struct effect *x, const struct plane_result *r)
{
    struct json *result = json_new_object();
    json_set_str(result, "state_id", r->state_id);
    json_set_str(result, "updated_at", r->updated_at);
    outbox_finish(x, result);
}

static void
on_status_set(const struct plane_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    x->call = NULL;
    if (e)
        outbox_fail(x, e, r->retry_after_ms);
    else
        finish_status(x, r);
}

/* Whether the issue stands where a person must have moved it, and nobody has told us yet. Written over, the gesture would be gone for good
 * when its delivery is lost: the poll of the board reads only what stands there. */
static bool
is_unheard(const struct effect *x, const char *state_id)
{
    struct json *ids = json_at(x->payload, "unheard_state_ids");
    for (size_t i = 0; i < json_len(ids); i++)
        if (str_equal(json_str(json_item(ids, i), ""), state_id))
            return true;
    return false;
}

static void
wait_to_hear(struct effect *x)
{
    struct err e = ERR_INIT;
    err_set(&e, ERR_RETRY, "a person has moved the issue, and the delivery or the poll that tells of it is awaited");
    outbox_fail(x, &e, -1);
}

static void
on_status_read(const struct plane_result *r, const struct err *e, void *arg)
{
    struct effect    *x = CHECKED(arg, EFFECT_MAGIC);
    struct plane_item item = item_of(x);
    const char       *stop = outbox_text(x, "payload.stop_state_id");
    x->call = NULL;
    if (e)
        outbox_fail(x, e, r->retry_after_ms);
    else if (str_equal(r->state_id, outbox_text(x, "payload.state_id")))
        finish_status(x, r);
    else if (*stop && str_equal(r->state_id, stop))
        outbox_skip(x, "the issue is in STOP"); /* a person's STOP is on its way to us, and must not be written over */
    else if (is_unheard(x, r->state_id))
        wait_to_hear(x);
    else
        x->call = plane_set_state(outbox_plane(x), &item, outbox_text(x, "payload.state_id"), on_status_set, x);
}

void
board_status_start(struct effect *x)
{
    struct plane_item item = item_of(x);
    struct plane     *p = outbox_plane(x);
    char             *reason;
    if (!p || outbox_lacks(x, wanted_of_item))
        return;
    if (*outbox_text(x, "payload.state_id")) {
        x->call = plane_get_item(p, &item, on_status_read, x);
        return;
    }
    reason = xasprintf("the board's project has no status for \"%s\"", outbox_text(x, "payload.key"));
    outbox_skip(x, reason);
    free(reason);
}
