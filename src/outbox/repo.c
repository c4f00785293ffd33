/* repo: the kinds that git alone does: task_start, merge_check, archive, worktree_remove. Each may be repeated; see git.h. */
#include "base/check.h"
#include "base/str.h"
#include "outbox/outbox_int.h"

static const char *const wanted_of_target[] = { "context.repo", "context.clone_url", "context.default_branch", "context.branch", NULL };

struct git_target
repo_target(const struct effect *x)
{
    struct git_target t = {
        .repo = outbox_text(x, "context.repo"),
        .clone_url = outbox_text(x, "context.clone_url"),
        .default_branch = outbox_text(x, "context.default_branch"),
        .branch = outbox_text(x, "context.branch"),
        .push_until_ms = x->token_ends_ms,
    };
    json_int(x->context, "task_id", &t.task_id);
    return t;
}

static void
on_task_start(const struct git_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    struct json   *result;
    x->job = NULL;
    if (e && outbox_is_late(x))
        return;
    if (e) {
        outbox_fail(x, e, -1);
        return;
    }
    result = json_new_object();
    json_set_str(result, "base", r->base);
    json_set_str(result, "head", r->head);
    outbox_finish(x, result);
}

void
repo_task_start_start(struct effect *x)
{
    static const char *const wanted[] = { "payload.path", "payload.message", NULL };
    struct git_target        t = repo_target(x);
    if (outbox_lacks(x, wanted_of_target) || outbox_lacks(x, wanted))
        return;
    x->job = git_start_branch(outbox_git(x), &t, outbox_text(x, "payload.path"), outbox_text(x, "payload.content"),
                              outbox_text(x, "payload.message"), on_task_start, x);
}

static void
on_merge_tried(const struct git_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    struct json   *result;
    x->job = NULL;
    if (e) {
        outbox_fail(x, e, -1);
        return;
    }
    result = json_copy(r->info);
    json_set_str(result, "onto", r->base);
    outbox_finish(x, result);
}

void
repo_merge_check_start(struct effect *x)
{
    static const char *const wanted[] = { "payload.head", NULL };
    struct git_target        t = repo_target(x);
    if (!outbox_lacks(x, wanted_of_target) && !outbox_lacks(x, wanted))
        x->job = git_try_merge(outbox_git(x), &t, outbox_text(x, "payload.head"), on_merge_tried, x);
}

static void
on_archive(const struct git_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    struct json   *result;
    int64_t        files = 0;
    x->job = NULL;
    if (e) {
        outbox_fail(x, e, -1);
        return;
    }
    result = json_new_object();
    json_set_str(result, "head", *r->head ? r->head : NULL);
    json_set_str(result, "path", r->info ? json_str(r->info, "path") : NULL);
    if (r->info)
        json_int(r->info, "files", &files);
    json_set_int(result, "files", files);
    outbox_finish(x, result);
}

void
repo_archive_start(struct effect *x)
{
    static const char *const wanted[] = { "context.work_item", NULL };
    struct git_target        t = repo_target(x);
    if (!outbox_lacks(x, wanted_of_target) && !outbox_lacks(x, wanted))
        x->job = git_archive(outbox_git(x), &t, outbox_text(x, "context.work_item"), on_archive, x);
}

static void
on_worktree_removed(const struct git_result *r, const struct err *e, void *arg)
{
    struct effect *x = CHECKED(arg, EFFECT_MAGIC);
    (void)r;
    x->job = NULL;
    if (e)
        outbox_fail(x, e, -1);
    else
        outbox_finish(x, NULL);
}

void
repo_worktree_remove_start(struct effect *x)
{
    struct git_target t = repo_target(x);
    if (!outbox_lacks(x, wanted_of_target))
        x->job = git_remove_worktree(outbox_git(x), &t, on_worktree_removed, x);
}
