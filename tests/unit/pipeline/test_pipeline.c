/* The steps around a claimed job, with a real repository: a clean worktree before, what the branch head says after. */
#include "../git/rig.h"

#include "pipeline/pipeline.h"

enum { BENCH_MAGIC = 0x42656E63 };

struct bench {
    uint32_t         magic;
    struct rig      *rig;
    struct pipeline *pipeline;
    struct queue_job job;
    /* of the last answers */
    unsigned   answers;
    bool       is_asking; /* inside pipeline_prepare() or pipeline_conclude() */
    struct err err;
    char       cwd[256], head[41], revision[41];
    char      *evidence;
};

static int
open_bench(void **state)
{
    struct bench *b = xcalloc(1, sizeof *b);
    struct err    e = ERR_INIT;
    void         *rig = NULL;

    if (rig_open(&rig))
        return -1;
    b->magic = BENCH_MAGIC;
    b->rig = rig;
    b->job = (struct queue_job){ .run_id = 1,
                                 .job_id = 2,
                                 .repo = (char *)b->rig->target.repo,
                                 .task_id = b->rig->target.task_id,
                                 .work_item = "ORCH-042",
                                 .branch = RIG_BRANCH,
                                 .default_branch = "main",
                                 .clone_url = b->rig->url };
    *state = b;
    return rig_start(b->rig) || pipeline_open(&b->pipeline, b->rig->git, &e) ? -1 : 0;
}

static int
close_bench(void **state)
{
    struct bench *b = CHECKED(*state, BENCH_MAGIC);
    void         *rig = b->rig;

    pipeline_close(b->pipeline);
    free(b->evidence);
    free(b);
    return rig_close(&rig);
}

static void
note(struct bench *b, const struct err *e)
{
    assert_false(b->is_asking);
    b->answers++;
    b->err = e ? *e : (struct err)ERR_INIT;
    loop_quit(b->rig->loop);
}

static void
on_ready(const char *cwd, const char *revision, const struct err *e, void *arg)
{
    struct bench *b = CHECKED(arg, BENCH_MAGIC);
    snprintf(b->revision, sizeof b->revision, "%s", revision ? revision : "");
    snprintf(b->cwd, sizeof b->cwd, "%s", cwd ? cwd : "");
    note(b, e);
}

static void
on_evidence(const char *head, struct json *evidence, const struct err *e, void *arg)
{
    struct bench *b = CHECKED(arg, BENCH_MAGIC);
    snprintf(b->head, sizeof b->head, "%s", head ? head : "");
    free(b->evidence);
    b->evidence = evidence ? xstrdup(json_text(evidence)) : NULL;
    note(b, e);
}

static enum err_code
wait_for(struct bench *b, unsigned answers)
{
    struct loop_timer *t = loop_after(b->rig->loop, RIG_DEADLINE_MS, on_deadline, NULL);
    while (b->answers < answers)
        loop_run(b->rig->loop);
    loop_timer_stop(t);
    return b->err.code;
}

static enum err_code
prepare(struct bench *b)
{
    b->is_asking = true;
    pipeline_prepare(b->pipeline, &b->job, on_ready, b);
    b->is_asking = false;
    return wait_for(b, b->answers + 1);
}

static enum err_code
conclude(struct bench *b)
{
    b->is_asking = true;
    pipeline_conclude(b->pipeline, &b->job, 0, on_evidence, b);
    b->is_asking = false;
    return wait_for(b, b->answers + 1);
}

static void
R2_prepare__gives_the_worktree_of_the_task(void **state)
{
    struct bench *b = CHECKED(*state, BENCH_MAGIC);

    assert_int_equal(prepare(b), 0);
    assert_string_equal(b->cwd, b->rig->worktree);
    assert_string_equal(b->revision, "");
    assert_sh(b->rig, "git -C \"$W\" symbolic-ref --short HEAD", RIG_BRANCH);
}

static void
M2_prepare__names_the_commit_that_a_deploy_is_of(void **state)
{
    struct bench *b = CHECKED(*state, BENCH_MAGIC);

    b->job.stage = "deploy";
    assert_int_equal(prepare(b), 0);
    assert_sh(b->rig, "git -C \"$W\" rev-parse HEAD", b->revision);
}

static void
G1_conclude__pushes_and_reads_verdicts_from_the_head(void **state)
{
    struct bench *b = CHECKED(*state, BENCH_MAGIC);

    assert_int_equal(prepare(b), 0);
    rig_do(b->rig,
           "cd \"$W/" RIG_DOCS "\"; printf -- '---\\nverdict: APPROVED\\n---\\n# Review\\n' >12-review.md; echo text >13-test-report.md; "
           "printf 'a\\000' >14-deploy-log.md; mkdir 06-adr; echo x >06-adr/1.md; git rm -q 00-business-request.md; git add .; "
           "git commit -qm docs; printf -- '---\\nverdict: CHANGES_REQUESTED\\n---\\n' >12-review.md");
    assert_int_equal(conclude(b), 0);
    assert_sh(
        b->rig,
        "cd \"$W\"; of() { git rev-parse HEAD:" RIG_DOCS "/$1; }; printf '{\"06-adr/\":{\"count\":1},"
        "\"12-review.md\":{\"verdict\":\"APPROVED\",\"blob\":\"%s\"},\"13-test-report.md\":{\"error\":\"no front matter\",\"blob\":\"%s\"},"
        "\"14-deploy-log.md\":{\"blob\":\"%s\",\"error\":\"is not UTF-8 text\"}}' "
        "$(of 12-review.md) $(of 13-test-report.md) $(of 14-deploy-log.md)",
        b->evidence);
    assert_sh(b->rig, "git -C forge.git rev-parse " RIG_BRANCH, b->head);
    assert_sh(b->rig, "git -C \"$W\" rev-parse HEAD", b->head);
}

static void
S4_prepare_and_conclude__refuse_the_default_branch(void **state)
{
    struct bench *b = CHECKED(*state, BENCH_MAGIC);

    b->job.branch = "main";
    assert_int_equal(prepare(b), ERR_DENIED);
    assert_string_equal(b->cwd, "");
    assert_int_equal(conclude(b), ERR_DENIED);
    assert_string_equal(b->head, "");
    assert_null(b->evidence);
}

static void
G2_conclude__without_the_branch_is_an_error_and_no_evidence(void **state)
{
    struct bench *b = CHECKED(*state, BENCH_MAGIC);

    b->job.branch = "feature/ORCH-099-nowhere";
    assert_int_equal(prepare(b), ERR_GONE);
    assert_int_equal(conclude(b), ERR_GONE);
    assert_null(b->evidence);
}

static void
prepare__keeps_its_own_copy_of_the_job(void **state)
{
    struct bench     *b = CHECKED(*state, BENCH_MAGIC);
    struct queue_job *copy = queue_job_copy(&b->job);

    pipeline_prepare(b->pipeline, copy, on_ready, b);
    pipeline_conclude(b->pipeline, copy, 0, on_evidence, b);
    queue_job_free(copy);
    assert_int_equal(wait_for(b, 2), 0);
    assert_string_equal(b->cwd, b->rig->worktree);
    assert_non_null(b->evidence);
}

static void
Q6_conclude__pushes_while_the_lease_goes_on(void **state)
{
    struct bench *b = CHECKED(*state, BENCH_MAGIC);

    assert_int_equal(prepare(b), 0);
    rig_do(b->rig, "cd \"$W\"; echo x >b; git add b; git commit -qm b");
    pipeline_conclude(b->pipeline, &b->job, clock_boot_ms(), on_evidence, b);
    assert_int_equal(wait_for(b, 2), ERR_RETRY);
    assert_null(b->evidence);
    b->is_asking = true;
    pipeline_conclude(b->pipeline, &b->job, clock_boot_ms() + RIG_DEADLINE_MS, on_evidence, b);
    pipeline_renew(b->pipeline, clock_boot_ms() + 2 * RIG_DEADLINE_MS);
    b->is_asking = false;
    assert_int_equal(wait_for(b, 3), 0);
    assert_sh(b->rig, "git -C forge.git rev-parse " RIG_BRANCH, b->head);
}

static void
close__silences_what_is_under_way(void **state)
{
    struct bench *b = CHECKED(*state, BENCH_MAGIC);

    for (int i = 0; i < 4; i++) {
        pipeline_prepare(b->pipeline, &b->job, on_ready, b);
        pipeline_conclude(b->pipeline, &b->job, 0, on_evidence, b);
    }
    pipeline_close(b->pipeline);
    b->pipeline = NULL;
    assert_int_equal(rig_worktree(b->rig), 0); /* of the same mirror, so it comes after all of them */
    assert_int_equal(b->answers, 0);
}

#define BENCH_TEST(fn) cmocka_unit_test_setup_teardown(fn, open_bench, close_bench)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(R2_prepare__gives_the_worktree_of_the_task),
        BENCH_TEST(M2_prepare__names_the_commit_that_a_deploy_is_of),
        BENCH_TEST(G1_conclude__pushes_and_reads_verdicts_from_the_head),
        BENCH_TEST(S4_prepare_and_conclude__refuse_the_default_branch),
        BENCH_TEST(G2_conclude__without_the_branch_is_an_error_and_no_evidence),
        BENCH_TEST(prepare__keeps_its_own_copy_of_the_job),
        BENCH_TEST(Q6_conclude__pushes_while_the_lease_goes_on),
        BENCH_TEST(close__silences_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
