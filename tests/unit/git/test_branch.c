/* Branches: where a task's branch begins, that beginning twice is once, and that no default branch is touched in any spelling. */
#include "rig.h"

static void
S4_check_branch__refuses_default_branches_in_every_spelling(void **state)
{
    static const char *const names[] = { "main",
                                         "master",
                                         "Main",
                                         "MASTER",
                                         " main",
                                         "main ",
                                         " Main ",
                                         "\tmain\n",
                                         "main/",
                                         "heads/main",
                                         "refs/heads/main",
                                         "REFS/HEADS/MAIN",
                                         "origin/main",
                                         "Origin/Main",
                                         "remotes/origin/main",
                                         "refs/remotes/origin/master",
                                         "refs/heads/refs/heads/main",
                                         "HEAD",
                                         "develop",
                                         " refs/heads/Develop ",
                                         "origin/develop" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err e = ERR_INIT;
        if (git_check_branch(names[i], "develop", &e) != ERR_DENIED)
            fail_msg("\"%s\": %s", names[i], e.code ? e.text : "allowed");
    }
    struct err e = ERR_INIT;
    assert_int_equal(git_check_branch("trunk", "refs/heads/Trunk", &e), ERR_DENIED);
    assert_non_null(strstr(e.text, "trunk"));
}

static void
S4_check_branch__refuses_what_is_no_branch_name(void **state)
{
    static const char *const names[] = { NULL,
                                         "",
                                         "  ",
                                         "a..b",
                                         "a b",
                                         "-x",
                                         "a:b",
                                         "a*",
                                         "a.lock",
                                         "/a",
                                         "a//b",
                                         "a/",
                                         " feature/x",
                                         "refs/heads/feature/x",
                                         "origin/feature/x",
                                         "a\nb",
                                         "../main",
                                         "a/../b",
                                         "a~1",
                                         "a^",
                                         "a@{0}",
                                         "feature/.x" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err e = ERR_INIT;
        if (git_check_branch(names[i], "main", &e) != ERR_INVALID)
            fail_msg("\"%s\": %s", names[i] ? names[i] : "NULL", e.code ? e.text : "allowed");
    }
}

static void
check_branch__allows_names_that_only_resemble(void **state)
{
    static const char *const names[] = { RIG_BRANCH, "main2", "feature/main", "maintenance", "mastery", "feature/ORCH-042-größe" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err e = ERR_INIT;
        if (git_check_branch(names[i], "main", &e))
            fail_msg("%s", e.text);
        assert_int_equal(git_check_branch(names[i], NULL, &e), 0);
    }
}

static void
S4_no_verb__touches_the_default_branch(void **state)
{
    static const char *const names[] = { "main", "master", " Main ", "refs/heads/main", "origin/main" };
    struct rig              *r = CHECKED(*state, RIG_MAGIC);
    char                    *before;

    assert_int_equal(rig_start(r), 0); /* so that there is a mirror */
    before = rig_sh(r, "git -C forge.git for-each-ref");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        r->target.branch = names[i];
        assert_int_equal(rig_start(r), ERR_DENIED);
        assert_int_equal(rig_worktree(r), ERR_DENIED);
        assert_int_equal(rig_collect(r), ERR_DENIED);
        assert_int_equal(rig_remove(r), ERR_DENIED);
    }
    assert_sh(r, "git -C forge.git for-each-ref", before);
    free(before);
}

static void
P1_start_branch__begins_at_the_fresh_default_branch(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char       *fresh;

    r->target.branch = "feature/ORCH-041-first";
    assert_int_equal(rig_start(r), 0);
    rig_do(r, "cd person; echo two >>a; git commit -qam two; git push -q origin main");
    fresh = rig_sh(r, "git -C forge.git rev-parse main");

    r->target.branch = RIG_BRANCH;
    assert_int_equal(rig_start(r), 0);
    assert_string_equal(r->base, fresh);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, r->head);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH "^", fresh);
    assert_sh(r, "git -C forge.git show " RIG_BRANCH ":" RIG_REQUEST, "# Title\n\nWhat is wanted.");
    assert_sh(r, "git -C forge.git log -1 --format=%an/%s/%b " RIG_BRANCH, "orchd/ORCH-042: record the business request/Orch-Task: 42");
    assert_sh(r, "git -C forge.git diff --name-only main " RIG_BRANCH, RIG_REQUEST);
    free(fresh);
}

static void
start_branch__twice_is_once(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char        head[41], base[41];

    assert_int_equal(rig_start(r), 0);
    memcpy(head, r->head, sizeof head);
    memcpy(base, r->base, sizeof base);
    rig_do(r, "cd person; echo two >>a; git commit -qam two; git push -q origin main");
    assert_int_equal(rig_start(r), 0);
    assert_string_equal(r->head, head);
    assert_string_equal(r->base, base);

    /* On another node, or after the mirror was lost, and with work on top. */
    rig_do(r,
           "rm -rf \"$M\"; cd person; git fetch -q; git checkout -q " RIG_BRANCH "; echo x >b; git add b; git commit -qm b; git push -q");
    assert_int_equal(rig_start(r), 0);
    assert_string_equal(r->base, base);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH "^", head);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, r->head);
}

static void
start_branch__takes_up_what_a_failed_push_left(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    assert_int_equal(rig_start(r), 0);
    rig_do(r, "git -C forge.git update-ref -d refs/heads/" RIG_BRANCH);
    assert_int_equal(rig_start(r), 0);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, r->head);
    assert_sh(r, "git -C \"$M\" for-each-ref refs/orch/kept/", "");
}

static void
start_branch__throws_no_work_away(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char       *work;

    /* Done again while unpushed work is there. */
    rig_begin(r);
    rig_do(r, "cd \"$W\"; echo x >b; git add b; git commit -qm b");
    work = rig_sh(r, "git -C \"$W\" rev-parse HEAD");
    assert_int_equal(rig_start(r), 0);
    assert_sh(r, "git -C \"$M\" rev-parse " RIG_BRANCH, work);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, r->head);

    /* The next task of the issue, after another node cleared this one away. */
    rig_do(r, "git -C forge.git update-ref -d refs/heads/" RIG_BRANCH);
    r->target.task_id = 43;
    assert_int_equal(rig_start(r), 0);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, r->head);
    assert_sh(r, "git -C \"$M\" for-each-ref --format='%(refname)' refs/orch/kept/", turn_fmt(r->loop, "refs/orch/kept/43/%s", work));
    free(work);
}

static void
start_branch__refuses_a_branch_of_somebody_else(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_do(r, "cd person; git checkout -q -b " RIG_BRANCH "; mkdir -p " RIG_DOCS "; printf '# Title\\n\\nWhat is wanted.\\n' >" RIG_REQUEST
              "; git add .; git commit -qm mine; git push -q origin HEAD");
    assert_int_equal(rig_start(r), ERR_INVALID);
    assert_non_null(strstr(r->err.text, RIG_BRANCH "\" is already on the forge and was not made for this task"));
    assert_sh(r, "git -C forge.git log -1 --format=%s " RIG_BRANCH, "mine");
}

static void
S9_start_branch__does_not_take_up_an_earlier_task_of_the_same_issue(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    assert_int_equal(rig_start(r), 0);
    r->target.task_id = 43;
    assert_int_equal(rig_start(r), ERR_INVALID);
    rig_do(r, "git -C forge.git update-ref -d refs/heads/" RIG_BRANCH);
    assert_int_equal(rig_start(r), 0);
}

static void
start_branch__refuses_an_empty_branch_of_that_name(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_do(r, "git -C forge.git branch " RIG_BRANCH " main");
    assert_int_equal(rig_start(r), ERR_INVALID);
}

static void
start_branch__names_an_empty_repository(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_do(r, "rm -rf forge.git; git init -q --bare forge.git");
    assert_int_equal(rig_start(r), ERR_INVALID);
    assert_non_null(strstr(r->err.text, "\"acme/shop\" has no branch \"main\""));
    assert_int_equal(rig_worktree(r), ERR_GONE);
}

static void
start_branch__names_a_default_branch_that_is_not_there(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    r->target.default_branch = "trunk";
    assert_int_equal(rig_start(r), ERR_INVALID);
    assert_non_null(strstr(r->err.text, "has no branch \"trunk\""));
    assert_sh(r, "git -C forge.git for-each-ref --format='%(refname)'", "refs/heads/main");
}

static void
start_branch__refuses_names_that_leave_their_directory(void **state)
{
    static const char *const repos[] = { "../shop", "acme/..",   "acme",       "/shop", "acme/",
                                         "a/b/c",   "acme/.git", "acme/sh op", "",      "acme/../../x" };
    static const char *const paths[] = { "../x", "/x", "docs/../../x", ".git/config", "docs/.GIT/x", "", "docs//x", "docs/." };
    struct rig              *r = CHECKED(*state, RIG_MAGIC);

    for (size_t i = 0; i < sizeof repos / sizeof *repos; i++) {
        r->target.repo = repos[i];
        assert_int_equal(rig_start(r), ERR_INVALID);
    }
    r->target.repo = "acme/shop";
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        rig_forget(r);
        git_start_branch(r->git, &r->target, paths[i], "x", "x", on_result, r);
        rig_wait(r);
        assert_int_equal(r->err.code, ERR_INVALID);
    }
    assert_sh(r, "git -C forge.git for-each-ref --format='%(refname)'", "refs/heads/main");
}

static void
start_branch__may_work_later_when_the_forge_is_away(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_do(r, "mv forge.git elsewhere");
    assert_int_equal(rig_start(r), ERR_RETRY);
    assert_non_null(strstr(r->err.text, r->url));
    rig_do(r, "mv elsewhere forge.git");
    assert_int_equal(rig_start(r), 0);
}

static void
a_broken_mirror__is_named_and_kept(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    assert_int_equal(rig_start(r), 0);
    rig_do(r, "rm \"$M/HEAD\"; touch \"$M/kept\"");
    assert_int_equal(rig_start(r), ERR_BUG);
    assert_non_null(strstr(r->err.text, r->mirror));
    assert_true(rig_is(r, "[ -e \"$M/kept\" ]"));
}

static void
a_mirror_half_made__is_made_again(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_do(r, "mkdir -p \"$M.new\"; git init -q --bare \"$M.new\"; git -C \"$M.new\" remote add origin nowhere");
    assert_int_equal(rig_start(r), 0);
    assert_false(rig_is(r, "[ -e \"$M.new\" ]"));
}

static void
a_mirror__obeys_the_task_not_what_an_agent_wrote_in_its_configuration(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "git init -q --bare evil.git; cd \"$W\"; git config remote.origin.url \"file://$HOME/evil.git\"; "
              "git config remote.origin.pushurl \"file://$HOME/evil.git\"; git config remote.origin.push '+refs/heads/*:refs/heads/main'; "
              "git config url.\"file://$HOME/evil.git\".insteadOf \"file://$HOME/forge.git\"; echo x >b; git add b; git commit -qm b");
    assert_int_equal(rig_collect(r), 0);
    assert_sh(r, "git -C evil.git for-each-ref", "");
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, r->head);
}

static void
check_merged__follows_the_forge(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char        head[41];

    assert_int_equal(rig_start(r), 0);
    memcpy(head, r->head, sizeof head);
    assert_int_equal(rig_merged(r, head), 0);
    assert_false(r->is_merged);
    rig_do(r, "cd person; git fetch -q; git merge -q --no-ff -m merge origin/" RIG_BRANCH "; git push -q origin main");
    assert_int_equal(rig_merged(r, head), 0);
    assert_true(r->is_merged);
    assert_sh(r, "git -C forge.git rev-parse main", r->base);
    assert_int_equal(rig_merged(r, r->base), 0);
    assert_true(r->is_merged);
    assert_int_equal(rig_merged(r, "0123456789012345678901234567890123456789"), ERR_GONE);
    assert_int_equal(rig_merged(r, "main"), ERR_INVALID);
}

static void
M3_check_merged__names_the_markers_that_are_gone(void **state)
{
    struct rig  *r = CHECKED(*state, RIG_MAGIC);
    struct json *markers = json_new_array();

    json_push_str(markers, "a");
    json_push_str(markers, "VERSION");
    json_push_str(markers, "../a");
    assert_int_equal(rig_start(r), 0);
    assert_int_equal(rig_merged_with(r, r->head, markers), 0);
    assert_string_equal(json_text(json_at(r->info, "missing")), "[\"VERSION\",\"../a\"]");
    json_free(markers);
}

static void
Q6_push__is_not_made_after_the_right_to_it_has_ended(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r,
           "cd \"$W\"; echo x >b; git add b; git commit -qm b; git -C \"$HOME/forge.git\" rev-parse " RIG_BRANCH " >\"$HOME/elsewhere\"");
    r->target.push_until_ms = clock_boot_ms();
    assert_int_equal(rig_collect(r), ERR_RETRY);
    assert_non_null(strstr(r->err.text, "in time"));
    rig_do(r, "test $(git -C forge.git rev-parse " RIG_BRANCH ") = $(cat elsewhere)");
    r->target.push_until_ms = clock_boot_ms() + RIG_DEADLINE_MS;
    assert_int_equal(rig_collect(r), 0);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, r->head);
}

static void
M1_try_merge__names_each_path_in_conflict_and_changes_nothing(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);
    char        head[41];

    rig_begin(r);
    rig_do(r, "cd \"$W\"; echo mine >a; mkdir d; echo new >d/e; git add .; git commit -qm mine");
    assert_int_equal(rig_collect(r), 0);
    memcpy(head, r->head, sizeof head);
    assert_int_equal(rig_try_merge(r, head), 0);
    assert_string_equal(json_text(json_at(r->info, "conflicts")), "[]");
    assert_sh(r, "git -C forge.git rev-parse main", r->base);
    rig_do(r, "cd person; git checkout -q main; echo theirs >a; mkdir d; echo other >d/e; git add .; git commit -qm theirs; "
              "git push -q origin main");
    assert_int_equal(rig_try_merge(r, "not a commit"), ERR_INVALID);
    assert_int_equal(rig_try_merge(r, "0123456789012345678901234567890123456789"), ERR_GONE);
    assert_int_equal(rig_try_merge(r, head), 0);
    assert_string_equal(json_text(json_at(r->info, "conflicts")), "[\"a\",\"d/e\"]");
    assert_sh(r, "git -C forge.git rev-parse main", r->base);
    assert_sh(r, "git -C \"$W\" status --porcelain", "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(S4_check_branch__refuses_default_branches_in_every_spelling),
        cmocka_unit_test(S4_check_branch__refuses_what_is_no_branch_name),
        cmocka_unit_test(check_branch__allows_names_that_only_resemble),
        RIG_TEST(S4_no_verb__touches_the_default_branch),
        RIG_TEST(P1_start_branch__begins_at_the_fresh_default_branch),
        RIG_TEST(start_branch__twice_is_once),
        RIG_TEST(start_branch__takes_up_what_a_failed_push_left),
        RIG_TEST(start_branch__throws_no_work_away),
        RIG_TEST(start_branch__refuses_a_branch_of_somebody_else),
        RIG_TEST(S9_start_branch__does_not_take_up_an_earlier_task_of_the_same_issue),
        RIG_TEST(start_branch__refuses_an_empty_branch_of_that_name),
        RIG_TEST(start_branch__names_an_empty_repository),
        RIG_TEST(start_branch__names_a_default_branch_that_is_not_there),
        RIG_TEST(start_branch__refuses_names_that_leave_their_directory),
        RIG_TEST(start_branch__may_work_later_when_the_forge_is_away),
        RIG_TEST(a_broken_mirror__is_named_and_kept),
        RIG_TEST(a_mirror_half_made__is_made_again),
        RIG_TEST(a_mirror__obeys_the_task_not_what_an_agent_wrote_in_its_configuration),
        RIG_TEST(check_merged__follows_the_forge),
        RIG_TEST(M3_check_merged__names_the_markers_that_are_gone),
        RIG_TEST(Q6_push__is_not_made_after_the_right_to_it_has_ended),
        RIG_TEST(M1_try_merge__names_each_path_in_conflict_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
