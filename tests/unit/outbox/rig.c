#include "rig.h"

#include "base/str.h"

#define CONTEXT                                                                                                                            \
    "{\"task_id\":3,\"work_item\":\"ORCH-042\",\"branch\":\"feature/a\",\"plane_issue_id\":\"i-1\",\"repo\":\"acme/app\","                 \
    "\"clone_url\":\"file:///x\","                                                                                                         \
    "\"default_branch\":\"main\",\"workspace\":\"acme\",\"plane_project_id\":\"p-1\",\"pull_number\":7,"                                   \
    "\"markers\":[\"VERSION\"]}"

struct rig w;

int64_t __real_clock_boot_ms(void);
int64_t __wrap_clock_boot_ms(void);

int64_t
__wrap_clock_boot_ms(void)
{
    return __real_clock_boot_ms() + (w.looks++ ? w.asleep_ms : 0);
}

/* --- a git that says yes -------------------------------------------------------------------------------------------------------------- */

static void
on_git(void *arg)
{
    struct git_job *j = arg;
    j->timer = NULL;
    if (j->fn)
        j->fn(&j->r, NULL, j->arg);
}

static struct git_job *
new_job(const struct git_target *t, const char *what, struct json *info, git_fn *fn, void *arg)
{
    struct git_job *j = xcalloc(1, sizeof(*j));
    snprintf(w.git.what, sizeof(w.git.what), "%s %s %s %d", what, t->repo, t->branch, (int)t->task_id);
    snprintf(j->r.head, sizeof(j->r.head), "%s", HEAD);
    snprintf(j->r.base, sizeof(j->r.base), "%s", HEAD);
    j->r.info = info;
    j->fn = fn;
    j->arg = arg;
    if (!w.git.is_silent)
        j->timer = loop_after(w.stand.loop, 0, on_git, j);
    w.git.jobs[w.git.job_count++] = j;
    return j;
}

struct git_job *
git_start_branch(struct git *g, const struct git_target *t, const char *path, const char *content, const char *message, git_fn *fn,
                 void *arg)
{
    (void)g;
    (void)path;
    (void)content;
    (void)message;
    return new_job(t, "start", NULL, fn, arg);
}

struct git_job *
git_archive(struct git *g, const struct git_target *t, const char *work_item, git_fn *fn, void *arg)
{
    struct json *info = json_new_object();
    (void)g;
    json_set_str(info, "path", work_item);
    json_set_int(info, "files", 2);
    return new_job(t, "archive", info, fn, arg);
}

struct git_job *
git_remove_worktree(struct git *g, const struct git_target *t, git_fn *fn, void *arg)
{
    (void)g;
    return new_job(t, "remove", NULL, fn, arg);
}

struct git_job *
git_check_merged(struct git *g, const struct git_target *t, const char *commit, struct json *markers, git_fn *fn, void *arg)
{
    struct json *info = json_new_object();
    struct json *missing = json_new_array();
    (void)g;
    assert_string_equal(json_str(json_item(markers, 0), ""), "VERSION");
    if (w.git.is_marker_gone)
        json_push_str(missing, "VERSION");
    json_set(info, "missing", missing);
    assert_string_equal(commit, HEAD);
    w.git.checked++;
    json_set_bool(info, "is_merged", w.git.is_merged);
    return new_job(t, "check", info, fn, arg);
}

struct git_job *
git_try_merge(struct git *g, const struct git_target *t, const char *commit, git_fn *fn, void *arg)
{
    struct json *info = json_new_object();
    struct json *conflicts = json_new_array();
    (void)g;
    assert_string_equal(commit, HEAD);
    json_push_str(conflicts, "a.txt");
    json_set(info, "conflicts", conflicts);
    return new_job(t, "try_merge", info, fn, arg);
}

void
git_push_until(struct git_job *j, int64_t until_ms)
{
    j->until_ms = until_ms;
}

int
git_check_branch(const char *name, const char *default_branch, struct err *e)
{
    if (str_equal(name, default_branch))
        err_set(e, ERR_DENIED, "branch \"%s\" is protected", name);
    return e->code;
}

void
git_forget(struct git_job *j)
{
    j->fn = NULL;
}

/* --- scaffolding ---------------------------------------------------------------------------------------------------------------------- */

static const char *const columns[] = { "effect_id", "token", "kind", "attempts", "task_id", "payload", "context" };

void
hand_out(const char *id, const char *token, const char *kind, const char *payload)
{
    int               n = w.claimed_count++;
    const char *const row[] = { id, token, kind, "1", "3", payload, CONTEXT };
    memcpy(w.cells[n], row, sizeof(row));
    w.claimed[n] = (struct fake_answer){ .rows = 1, .columns = 7, .names = columns, .cells = w.cells[n] };
    fake_db_push(w.stand.db, CALL_claim_effects, &w.claimed[n]);
}

int
set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.cfg.outbox_interval = 60000;
    return stand_open(&w.stand);
}

int
tear_down(void **state)
{
    (void)state;
    outbox_close(w.outbox);
    for (int i = 0; i < w.git.job_count; i++) {
        loop_timer_stop(w.git.jobs[i]->timer);
        json_free(w.git.jobs[i]->r.info);
        free(w.git.jobs[i]);
    }
    stand_close(&w.stand);
    return 0;
}

void
begin_anew(void **state)
{
    tear_down(state);
    assert_int_equal(set_up(state), 0);
}

void
open_outbox(const struct http_reply *replies, size_t count)
{
    struct err e = ERR_INIT;
    if (replies) {
        static char key[] = "1:k", chat[] = "@c";
        w.cfg.plane_url = stand_serve(&w.stand, replies, count);
        w.cfg.gitea_url = w.cfg.plane_url;
        w.cfg.telegram_url = w.cfg.plane_url;
        w.cfg.plane_token = key;
        w.cfg.gitea_token = key;
        w.cfg.telegram_token = key;
        w.cfg.telegram_chat = chat;
    }
    assert_int_equal(outbox_open(&w.outbox, w.stand.loop, w.stand.db, w.stand.fetch, NULL, &w.cfg, "n1", &e), 0);
}

void
run_until(stand_fn *is_over)
{
    stand_run_until(&w.stand, is_over);
}

void
git_answers(void)
{
    w.git.jobs[0]->timer = loop_after(w.stand.loop, 0, on_git, w.git.jobs[0]);
}

bool
is_reported(void)
{
    return fake_db_count(w.stand.db, CALL_effect_done) + fake_db_count(w.stand.db, CALL_effect_failed) +
               fake_db_count(w.stand.db, CALL_effect_skipped) >
           0;
}

void
has(enum db_call_id id, int param, const char *part)
{
    const char *text = fake_db_param(w.stand.db, id, 0, param);
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" lacks \"%s\"", text ? text : "(no such call)", part);
}
