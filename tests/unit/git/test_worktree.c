/* Worktrees: a run starts clean on its branch, whatever the run before, a killed agent or a crash left behind. */
#include "rig.h"

static void
assert_clean_on_branch(struct rig *r)
{
    if (rig_worktree(r))
        fail_msg("%s", r->err.text);
    assert_string_equal(r->path, r->worktree);
    assert_sh(r, "git -C \"$W\" status --porcelain", "");
    assert_sh(r, "git -C \"$W\" symbolic-ref HEAD", "refs/heads/" RIG_BRANCH);
    assert_sh(r, "git -C \"$W\" rev-parse HEAD", r->head);
    assert_sh(r, "git -C \"$M\" rev-parse " RIG_BRANCH, r->head);
    assert_true(rig_is(r, "[ -f \"$W/" RIG_REQUEST "\" ]"));
}

static void
R2_open_worktree__gives_the_branch(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char        head[41];

    assert_int_equal(rig_start(r), 0);
    memcpy(head, r->head, sizeof head);
    assert_clean_on_branch(r);
    assert_string_equal(r->head, head);
    assert_sh(r, "cat \"$W/a\"", "one");
}

static void
open_worktree__throws_away_what_was_not_committed(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "cd \"$W\"; echo x >>a; git rm -q .gitignore; mkdir -p new/dir; echo y >new/dir/f; echo z >staged; git add staged; "
              "git init -q nested; echo n >nested/f; ln -s /etc/passwd link");
    assert_clean_on_branch(r);
    assert_sh(r, "cat \"$W/a\"", "one");
    assert_false(rig_is(r, "[ -e \"$W/new\" ] || [ -e \"$W/staged\" ] || [ -h \"$W/link\" ] || [ -e \"$W/nested\" ]"));
    assert_true(rig_is(r, "[ -s /etc/passwd ]"));
}

static void
open_worktree__keeps_what_is_committed_and_not_yet_pushed(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "cd \"$W\"; echo x >b; git add b; git commit -qm b");
    assert_clean_on_branch(r);
    assert_sh(r, "git -C \"$W\" log -1 --format=%s", "b");
}

static void
open_worktree__takes_in_what_another_node_pushed(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "cd person; git fetch -q; git checkout -q " RIG_BRANCH "; echo x >b; git add b; git commit -qm there; git push -q");
    assert_clean_on_branch(r);
    assert_sh(r, "cat \"$W/b\"", "x");
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, r->head);
}

static void
open_worktree__keeps_aside_what_can_never_be_pushed(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char       *lost;

    rig_begin(r);
    rig_do(r, "cd \"$W\"; echo here >b; git add b; git commit -qm here");
    lost = rig_sh(r, "git -C \"$W\" rev-parse HEAD");
    rig_do(r, "cd person; git fetch -q; git checkout -q " RIG_BRANCH "; echo there >b; git add b; git commit -qm there; git push -q");
    assert_clean_on_branch(r);
    assert_sh(r, "cat \"$W/b\"", "there");
    assert_sh(r, "git -C \"$M\" for-each-ref --format='%(objectname)' refs/orch/kept/42/", lost);
    assert_int_equal(rig_collect(r), 0);
    free(lost);
}

static void
open_worktree__brings_back_an_agent_that_went_elsewhere(void **state)
{
    static const char *const ways[] = {
        "git checkout -q -b other; echo x >>a; git commit -qam other",
        "git checkout -q --detach; echo x >>a; git commit -qam detached",
        "git checkout -q -b main",
        "git checkout -q --orphan bare; git rm -rqf .",
        "git checkout -q --detach; git worktree add -q ../mine " RIG_BRANCH,
        "git checkout -q --detach; git worktree add -q ../gone " RIG_BRANCH "; rm -rf ../gone",
    };
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char        head[41];

    rig_begin(r);
    memcpy(head, r->head, sizeof head);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        free(rig_sh(r, "cd \"$W\"; %s", ways[i]));
        assert_clean_on_branch(r);
        assert_string_equal(r->head, head);
    }
}

static void
open_worktree__puts_right_what_killed_hands_left(void **state)
{
    static const char *const leftovers[] = {
        "touch \"$M/worktrees/task-42/index.lock\" \"$M/worktrees/task-42/HEAD.lock\" \"$M/refs/heads/" RIG_BRANCH ".lock\"",
        "touch -d '1 hour ago' \"$M/packed-refs.lock\" \"$M/config.lock\"; git -C \"$M\" pack-refs --all 2>/dev/null || true",
        "rm -rf \"$W\"",
        "rm \"$W/.git\"",
        "echo 'gitdir: /nowhere' >\"$W/.git\"",
        "echo \"gitdir: $HOME/person/.git\" >\"$W/.git\"",
        "rm -rf \"$M/worktrees/task-42\"",
        "rm -rf \"$M/worktrees\" \"$W\"; mkdir -p \"$W\"; echo x >\"$W/x\"",
        "rm -rf \"$W\"; echo x >\"$W\"",
        "rm -rf \"$W\"; ln -s \"$HOME/person\" \"$W\"",
        ": >\"$M/worktrees/task-42/HEAD\"",
        ": >\"$M/worktrees/task-42/gitdir\"",
        "echo garbage >\"$M/worktrees/task-42/index\"",
        "rm \"$M/worktrees/task-42/commondir\"",
        "git -C \"$M\" worktree lock task-42; rm -rf \"$W\"",
        "cd \"$W\"; echo x >>a; git commit -qam x; git reset -q --hard HEAD^; git merge -q --no-ff --no-commit HEAD@{1}",
        "cd \"$W\"; git sparse-checkout set docs",
        "cd \"$W\"; git config extensions.worktreeConfig true; git config --worktree core.sparseCheckout true",
        "cd \"$W\"; git fetch -q --depth 1 origin main",
        "cd \"$W\"; git update-index --skip-worktree a; rm a",
        "cd \"$W\"; git update-index --assume-unchanged a; echo x >a",
        "cd \"$W\"; mkdir -p cache/deep; echo x >cache/deep/f; chmod 0555 cache/deep; chmod 0 cache; rm .git",
    };
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++) {
        free(rig_sh(r, "%s", leftovers[i]));
        print_message("           %s\n", leftovers[i]);
        assert_clean_on_branch(r);
        assert_sh(r, "cat \"$W/a\"", "one");
        assert_true(rig_is(r, "[ -e person/a ] && [ \"$(git -C person symbolic-ref HEAD)\" = refs/heads/main ]"));
    }
}

static void
open_worktree__begins_anew_on_a_node_that_has_nothing(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "rm -rf \"$D\"");
    assert_clean_on_branch(r);
    assert_sh(r, "git -C \"$W\" remote get-url origin", r->url);
}

static void
open_worktree__works_behind_a_link(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    git_close(r->git);
    rig_do(r, "rmdir data; mkdir elsewhere; ln -s elsewhere data");
    rig_open_pool(r, 1);
    free(r->worktree);
    r->worktree = xasprintf("%s/elsewhere/worktrees/task-42", r->dir);
    assert_int_equal(rig_start(r), 0);
    assert_clean_on_branch(r);
    assert_clean_on_branch(r);
}

static void
open_worktree__names_a_branch_that_is_nowhere(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    assert_int_equal(rig_worktree(r), ERR_GONE);
    assert_non_null(strstr(r->err.text, RIG_BRANCH));
}

static void
open_worktree__does_not_disturb_other_tasks(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "cd \"$W\"; echo half >>a");
    r->target.branch = "feature/ORCH-043-other";
    r->target.task_id = 43;
    rig_begin(r);
    assert_non_null(strstr(r->path, "/task-43"));
    assert_int_equal(rig_remove(r), 0);
    assert_sh(r, "git -C \"$W\" status --porcelain", " M a");
}

static void
S4_remove_worktree__leaves_nothing_and_may_be_repeated(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    assert_int_equal(rig_remove(r), 0); /* before there was anything */
    rig_begin(r);
    rig_do(r, "cd \"$W\"; mkdir -p ro/d; echo x >ro/d/f; chmod 0555 ro/d ro; ln -s \"$HOME/person\" out; touch \"$M/refs/heads/" RIG_BRANCH
              ".lock\"");
    for (int i = 0; i < 2; i++) {
        if (rig_remove(r))
            fail_msg("%s", r->err.text);
        assert_false(rig_is(r, "[ -e \"$W\" ] || [ -e \"$M/worktrees/task-42\" ]"));
        assert_false(rig_is(r, "git -C \"$M\" rev-parse -q --verify refs/heads/" RIG_BRANCH));
        assert_true(rig_is(r, "[ -e person/a ]"));
    }
    assert_true(rig_is(r, "git -C forge.git rev-parse -q --verify refs/heads/" RIG_BRANCH));
}

static void
forgotten_jobs__are_silent(void **state)
{
    struct rig     *r = CHECKED(*state, RIG_MAGIC);
    struct git_job *j = git_start_branch(r->git, &r->target, RIG_REQUEST, RIG_CONTENT, "m", on_result, r);

    git_forget(j);
    r->target.branch = "feature/ORCH-043-other";
    assert_int_equal(rig_start(r), 0); /* of the same mirror, so it comes after */
    assert_int_equal(r->calls, 1);
    assert_true(rig_is(r, "git -C forge.git rev-parse -q --verify refs/heads/" RIG_BRANCH));
}

static void
close__silences_jobs_that_wait_run_or_are_over(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    for (int i = 0; i < 20; i++)
        git_open_worktree(r->git, &r->target, on_result, r);
    usleep(20000);
    git_close(r->git);
    r->git = NULL;
    loop_after(r->loop, 100, (loop_fn *)loop_quit, r->loop);
    loop_run(r->loop);
    assert_int_equal(r->calls, 0);
}

static void
count_result(const struct git_result *res, const struct err *e, void *arg)
{
    struct rig *r = CHECKED(arg, RIG_MAGIC);
    (void)res;
    if (e)
        r->err = *e;
    if (++r->calls == 24)
        loop_quit(r->loop);
}

static void
many_jobs__of_two_mirrors_each_answer_once(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char        branch[64];

    for (int i = 0; i < 24; i++) {
        snprintf(branch, sizeof branch, "feature/ORCH-%d-x", i);
        r->target.repo = i % 2 ? "acme/shop" : "acme/other"; /* two mirrors of one repository */
        r->target.branch = branch;
        r->target.task_id = i + 1;
        git_start_branch(r->git, &r->target, RIG_REQUEST, RIG_CONTENT, "m", count_result, r);
    }
    struct loop_timer *t = loop_after(r->loop, RIG_DEADLINE_MS, on_deadline, NULL);
    loop_run(r->loop);
    loop_timer_stop(t);
    if (r->err.code)
        fail_msg("%s", r->err.text);
    assert_sh(r, "git -C forge.git for-each-ref refs/heads/feature | wc -l", "24");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(R2_open_worktree__gives_the_branch),
        RIG_TEST(open_worktree__throws_away_what_was_not_committed),
        RIG_TEST(open_worktree__keeps_what_is_committed_and_not_yet_pushed),
        RIG_TEST(open_worktree__takes_in_what_another_node_pushed),
        RIG_TEST(open_worktree__keeps_aside_what_can_never_be_pushed),
        RIG_TEST(open_worktree__brings_back_an_agent_that_went_elsewhere),
        RIG_TEST(open_worktree__puts_right_what_killed_hands_left),
        RIG_TEST(open_worktree__begins_anew_on_a_node_that_has_nothing),
        RIG_TEST(open_worktree__works_behind_a_link),
        RIG_TEST(open_worktree__names_a_branch_that_is_nowhere),
        RIG_TEST(open_worktree__does_not_disturb_other_tasks),
        RIG_TEST(S4_remove_worktree__leaves_nothing_and_may_be_repeated),
        RIG_TEST(forgotten_jobs__are_silent),
        RIG_TEST(close__silences_jobs_that_wait_run_or_are_over),
        RIG_TEST(many_jobs__of_two_mirrors_each_answer_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
