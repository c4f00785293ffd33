/* rig: a forge made of a bare repository in a temporary directory, a data directory beside it, and the pool under test.
 * Included by each test program once; what one of them has no use for is quiet. */
#ifndef ORCH_TESTS_UNIT_GIT_RIG_H
#define ORCH_TESTS_UNIT_GIT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "git/git.h"
#include "loop/loop.h"

#define RIG_BRANCH  "feature/ORCH-042-title"
#define RIG_DOCS    "docs/work-items/ORCH-042"
#define RIG_REQUEST RIG_DOCS "/00-business-request.md"
#define RIG_CONTENT "# Title\n\nWhat is wanted.\n"

enum { RIG_MAGIC = 0x52696721, RIG_DEADLINE_MS = 60000 };

struct rig {
    uint32_t          magic;
    struct loop      *loop;
    struct git       *git;
    struct git_target target;
    char             *dir, *data, *url, *worktree, *mirror;
    /* of the last call */
    unsigned     calls;
    struct err   err;
    char         head[41], base[41];
    char        *path;  /* info.path */
    int64_t      count; /* info.files as number */
    bool         is_merged;
    struct json *info;
};

/* Runs a shell command in the rig's directory ($D data directory, $W worktree, $M mirror); gives its output without the last line end. */
__attribute__((unused, format(printf, 2, 3))) static char *
rig_sh(struct rig *r, const char *fmt, ...)
{
    struct buf out = { 0 };
    char       chunk[4096];
    size_t     got;
    va_list    ap;
    char      *command, *whole, *text;

    va_start(ap, fmt);
    assert_true(vasprintf(&command, fmt, ap) >= 0);
    va_end(ap);
    whole = xasprintf("set -e; export HOME='%s' GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=agent GIT_AUTHOR_EMAIL=a@example.org "
                      "GIT_COMMITTER_NAME=agent GIT_COMMITTER_EMAIL=a@example.org D='%s' W='%s' M='%s'; cd '%s'; { %s ; } 2>&1",
                      r->dir, r->data, r->worktree, r->mirror, r->dir, command);
    FILE *p = popen(whole, "re");
    assert_non_null(p);
    while ((got = fread(chunk, 1, sizeof chunk, p)))
        buf_add(&out, chunk, got);
    text = buf_take(&out);
    if (pclose(p))
        fail_msg("%s: %s", command, text);
    for (size_t len = strlen(text); len && text[len - 1] == '\n'; len--)
        text[len - 1] = '\0';
    free(whole);
    free(command);
    return text;
}

__attribute__((unused)) static void
rig_do(struct rig *r, const char *command)
{
    free(rig_sh(r, "%s", command));
}

/* Whether a shell condition holds. */
__attribute__((unused)) static bool
rig_is(struct rig *r, const char *condition)
{
    char *text = rig_sh(r, "if %s; then echo yes; else echo no; fi", condition);
    bool  is = strstr(text, "yes") != NULL;
    free(text);
    return is;
}

__attribute__((unused)) static void
assert_sh(struct rig *r, const char *command, const char *expected)
{
    char *text = rig_sh(r, "%s", command);
    assert_string_equal(text, expected);
    free(text);
}

static void
rig_forget(struct rig *r)
{
    free(r->path);
    json_free(r->info);
    r->path = NULL;
    r->info = NULL;
    r->count = 0;
    r->is_merged = false;
    r->err = (struct err)ERR_INIT;
}

__attribute__((unused)) static void
on_result(const struct git_result *res, const struct err *e, void *arg)
{
    struct rig *r = CHECKED(arg, RIG_MAGIC);
    r->calls++;
    if (e)
        r->err = *e;
    memcpy(r->head, res->head, sizeof r->head);
    memcpy(r->base, res->base, sizeof r->base);
    if (res->info) {
        r->info = json_copy(res->info);
        r->path = xstrdup(json_str(res->info, "path"));
        json_int(res->info, "files", &r->count);
        r->is_merged = json_bool(res->info, "is_merged");
    }
    loop_quit(r->loop);
}

static void
on_deadline(void *arg)
{
    (void)arg;
    fail_msg("no answer within %d ms", RIG_DEADLINE_MS);
}

/* Waits for the answer of the call just made. */
static void
rig_wait(struct rig *r)
{
    unsigned           before = r->calls;
    struct loop_timer *t = loop_after(r->loop, RIG_DEADLINE_MS, on_deadline, NULL);
    while (r->calls == before)
        loop_run(r->loop);
    loop_timer_stop(t);
}

__attribute__((unused)) static enum err_code
rig_start(struct rig *r)
{
    rig_forget(r);
    git_start_branch(r->git, &r->target, RIG_REQUEST, RIG_CONTENT, "ORCH-042: record the business request", on_result, r);
    rig_wait(r);
    return r->err.code;
}

__attribute__((unused)) static enum err_code
rig_worktree(struct rig *r)
{
    rig_forget(r);
    git_open_worktree(r->git, &r->target, on_result, r);
    rig_wait(r);
    return r->err.code;
}

__attribute__((unused)) static enum err_code
rig_collect(struct rig *r)
{
    rig_forget(r);
    git_collect(r->git, &r->target, "ORCH-042", on_result, r);
    rig_wait(r);
    return r->err.code;
}

__attribute__((unused)) static enum err_code
rig_archive(struct rig *r)
{
    rig_forget(r);
    git_archive(r->git, &r->target, "ORCH-042", on_result, r);
    rig_wait(r);
    return r->err.code;
}

__attribute__((unused)) static enum err_code
rig_remove(struct rig *r)
{
    rig_forget(r);
    git_remove_worktree(r->git, &r->target, on_result, r);
    rig_wait(r);
    return r->err.code;
}

__attribute__((unused)) static enum err_code
rig_merged_with(struct rig *r, const char *commit, struct json *markers)
{
    rig_forget(r);
    git_check_merged(r->git, &r->target, commit, markers, on_result, r);
    rig_wait(r);
    return r->err.code;
}

__attribute__((unused)) static enum err_code
rig_merged(struct rig *r, const char *commit)
{
    return rig_merged_with(r, commit, NULL);
}

__attribute__((unused)) static enum err_code
rig_try_merge(struct rig *r, const char *commit)
{
    rig_forget(r);
    git_try_merge(r->git, &r->target, commit, on_result, r);
    rig_wait(r);
    return r->err.code;
}

/* What every test of a run needs: the branch, and its worktree. */
__attribute__((unused)) static void
rig_begin(struct rig *r)
{
    if (rig_start(r) || rig_worktree(r))
        fail_msg("%s", r->err.text);
}

static void
rig_open_pool(struct rig *r, unsigned threads)
{
    struct git_options o = { .data_dir = r->data, .author_name = "orchd", .author_email = "orchd@example.org", .threads = threads };
    struct err         e = ERR_INIT;
    if (git_open(&r->git, r->loop, &o, &e))
        fail_msg("%s", e.text);
}

static int
rig_open(void **state)
{
    struct rig *r = xcalloc(1, sizeof *r);
    struct err  e = ERR_INIT;
    char        name[] = "/tmp/orch-git-XXXXXX";

    r->magic = RIG_MAGIC;
    if (!mkdtemp(name) || loop_new(&r->loop, &e))
        return -1;
    r->dir = realpath(name, NULL);
    r->data = xasprintf("%s/data", r->dir);
    r->url = xasprintf("file://%s/forge.git", r->dir);
    r->worktree = xasprintf("%s/worktrees/task-42", r->data);
    r->mirror = xasprintf("%s/mirrors/acme/shop.git", r->data);
    /* libgit2 reads the configuration of whoever runs the test, unless told otherwise. */
    setenv("HOME", r->dir, 1);
    r->target =
        (struct git_target){ .repo = "acme/shop", .clone_url = r->url, .default_branch = "main", .branch = RIG_BRANCH, .task_id = 42 };
    rig_do(r, "git init -q --bare -b main forge.git; git clone -q forge.git person 2>/dev/null; cd person; git checkout -q -b main; "
              "echo one >a; echo '*.o' >.gitignore; git add .; git commit -qm one; git push -q origin main");
    rig_open_pool(r, 2);
    *state = r;
    return 0;
}

static int
rig_close(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    git_close(r->git);
    loop_free(r->loop);
    rig_forget(r);
    rig_do(r, "chmod -R u+rwx . && rm -rf data forge.git person elsewhere evil.git .config");
    rmdir(r->dir);
    free(r->dir);
    free(r->data);
    free(r->url);
    free(r->worktree);
    free(r->mirror);
    free(r);
    return 0;
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_open, rig_close)

#endif
