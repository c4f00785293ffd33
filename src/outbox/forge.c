/* forge: the kinds pull_open, pull_merge and branch_delete. A merge goes:
 *
 *   read the pull request ──merged──────────────────────────▶ fetch: is the head in the default branch? ──▶ done
 *        │ open                                                          ▲
 *        ▼                                                               │ merged
 *      merge ──200, or a refusal that may mean "merged already"──▶ read it again ──not merged──▶ failed, with the refusal
 *
 * so a merge whose answer was lost, or that a person made, is found and not made twice. */
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "outbox/outbox_int.h"

static const char *const wanted_of_repo[] = { "context.repo", "context.default_branch", NULL };

static void
fail(struct effect *x, enum err_code code, const char *text, int64_t wait_ms)
{
    struct err e = ERR_INIT;
    err_set(&e, code, "%s", text);
    outbox_fail(x, &e, wait_ms);
}

/* --- opening a pull request ----------------------------------------------------------------------------------------------------------- */

static void
finish_open(struct effect *x, const struct gitea_result *r)
{
    struct json *result = json_new_object();
    json_set_int(result, "number", r->number);
    json_set_str(result, "head_sha", r->head_sha);
    outbox_finish(x, result);
}

static bool
is_ours(const struct effect *x, const struct gitea_result *r)
{
    return r->is_open && str_equal(r->head_ref, outbox_text(x, "context.branch")) &&
           str_equal(r->base_ref, outbox_text(x, "context.default_branch"));
}

static void
on_named(const struct gitea_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    x->call = NULL;
    if (e)
        outbox_fail(x, e, r->retry_after_ms);
    else if (is_ours(x, r))
        finish_open(x, r);
    else
        fail(x, ERR_RETRY, "forge: says that the pull request exists, and shows none that is open", -1);
}

static void
on_found(const struct gitea_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    x->call = NULL;
    if (!e && is_ours(x, r))
        finish_open(x, r);
    else if (e && e->code != ERR_GONE)
        outbox_fail(x, e, r->retry_after_ms);
    else if (x->number > 0) /* found by branches was an older, closed one: the refusal named the open one */
        x->call = gitea_get_pull(outbox_gitea(x), outbox_text(x, "context.repo"), x->number, on_named, x);
    else
        fail(x, ERR_RETRY, "forge: says that the pull request exists, and shows none that is open", -1);
}

static void
on_opened(const struct gitea_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    x->call = NULL;
    if (!e) {
        finish_open(x, r);
    } else if (r->refusal == GITEA_EXISTS) {
        x->number = r->number;
        x->call = gitea_find_pull(outbox_gitea(x), outbox_text(x, "context.repo"), outbox_text(x, "context.default_branch"),
                                  outbox_text(x, "context.branch"), on_found, x);
    } else {
        outbox_fail(x, e, r->retry_after_ms);
    }
}

void
forge_pull_open_start(struct effect *x)
{
    static const char *const wanted[] = { "context.branch", "payload.title", NULL };
    struct gitea            *g = outbox_gitea(x);
    if (!g || outbox_lacks(x, wanted_of_repo) || outbox_lacks(x, wanted))
        return;
    x->call = gitea_open_pull(g, outbox_text(x, "context.repo"), outbox_text(x, "context.default_branch"), outbox_text(x, "context.branch"),
                              outbox_text(x, "payload.title"), outbox_text(x, "payload.body"), on_opened, x);
}

/* --- merging it ----------------------------------------------------------------------------------------------------------------------- */

/* SQL knows by the first word that it is merged all the same. */
static void
fail_integrity(struct effect *x, struct json *missing)
{
    struct buf list = { 0 };
    struct err e = ERR_INIT;

    for (size_t i = 0; i < json_len(missing); i++)
        buf_printf(&list, "%s%s", i ? ", " : "", json_str(json_item(missing, i), ""));
    err_set(&e, ERR_INVALID, "integrity: after the merge the default branch lacks %s", list.data);
    buf_fini(&list);
    outbox_fail(x, &e, -1);
}

static void
on_checked(const struct git_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    struct json   *result;
    x->job = NULL;
    if (e) {
        outbox_fail(x, e, -1);
    } else if (!r->info || !json_bool(r->info, "is_merged")) {
        fail(x, ERR_RETRY, "forge: says merged, but the head is not in the fetched default branch", -1);
    } else if (json_len(json_at(r->info, "missing"))) {
        fail_integrity(x, json_at(r->info, "missing"));
    } else {
        result = json_new_object();
        json_set_str(result, "merge_sha", x->merge_sha);
        outbox_finish(x, result);
    }
}

/* The forge's word is not enough: a merge counts when the fetched default branch holds the head. */
static void
check_merged(struct effect *x, const struct gitea_result *r)
{
    struct git_target t = repo_target(x);
    free(x->merge_sha);
    x->merge_sha = xstrdup(*r->merge_sha ? r->merge_sha : NULL);
    x->job = git_check_merged(outbox_git(x), &t, outbox_text(x, "payload.head"), json_at(x->context, "markers"), on_checked, x);
}

static void
on_reread(const struct gitea_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    x->call = NULL;
    if (e)
        outbox_fail(x, e, r->retry_after_ms);
    else if (r->is_merged)
        check_merged(x, r);
    else if (x->refusal.code)
        outbox_fail(x, &x->refusal, x->refusal_wait_ms);
    else
        fail(x, ERR_RETRY, "forge: the merge was accepted and is not done yet", -1);
}

static void
on_merged(const struct gitea_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    x->call = NULL;
    if (e && r->refusal == GITEA_HEAD_MOVED) {
        fail(x, ERR_INVALID, "head moved: the branch has other commits than those that passed the gates", -1);
        return;
    }
    if (e && r->refusal == GITEA_CONFLICT) {
        fail(x, ERR_INVALID, "conflict: the branch cannot be merged into the default branch", -1);
        return;
    }
    if (e && r->refusal != GITEA_NOT_NOW && e->code != ERR_GONE) {
        outbox_fail(x, e, r->retry_after_ms);
        return;
    }
    if (e) {
        x->refusal = *e;
        x->refusal_wait_ms = r->retry_after_ms;
    }
    x->call = gitea_get_pull(outbox_gitea(x), outbox_text(x, "context.repo"), x->number, on_reread, x);
}

static void
on_read(const struct gitea_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    const char    *head = outbox_text(x, "payload.head");
    x->call = NULL;
    if (e)
        outbox_fail(x, e, r->retry_after_ms);
    else if (r->is_merged)
        check_merged(x, r);
    else if (!r->is_open)
        fail(x, ERR_INVALID, "closed: the pull request was closed without a merge", -1);
    else if (!str_equal(r->head_sha, head))
        fail(x, ERR_INVALID, "head moved: the branch has other commits than those that passed the gates", -1);
    else if (!outbox_is_late(x))
        x->call = gitea_merge(outbox_gitea(x), outbox_text(x, "context.repo"), x->number, head, on_merged, x);
}

void
forge_pull_merge_start(struct effect *x)
{
    static const char *const wanted[] = { "context.clone_url", "payload.head", NULL };
    struct gitea            *g = outbox_gitea(x);
    if (!g || outbox_lacks(x, wanted_of_repo) || outbox_lacks(x, wanted))
        return;
    if (!json_int(x->payload, "number", &x->number) && !json_int(x->context, "pull_number", &x->number)) {
        fail(x, ERR_BUG, "cannot merge: the effect names no pull request", -1);
        return;
    }
    x->call = gitea_get_pull(g, outbox_text(x, "context.repo"), x->number, on_read, x);
}

/* --- deleting a branch ---------------------------------------------------------------------------------------------------------------- */

static void
on_deleted(const struct gitea_result *r, const struct err *e, void *arg)
{
    outbox_conclude(CHECKED(arg, EFFECT_MAGIC), e, r->retry_after_ms);
}

void
forge_branch_delete_start(struct effect *x)
{
    static const char *const wanted[] = { "payload.branch", NULL };
    const char              *branch = outbox_text(x, "payload.branch");
    struct err               e = ERR_INIT;
    struct gitea            *g = outbox_gitea(x);
    if (!g || outbox_lacks(x, wanted_of_repo) || outbox_lacks(x, wanted))
        return;
    if (git_check_branch(branch, outbox_text(x, "context.default_branch"), &e)) {
        e.code = ERR_INVALID; /* a protected branch stays protected: do not try again */
        outbox_fail(x, &e, -1);
        return;
    }
    if (!outbox_is_late(x))
        x->call = gitea_delete_branch(g, outbox_text(x, "context.repo"), branch, on_deleted, x);
}
