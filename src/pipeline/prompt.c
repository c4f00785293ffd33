/* prompt: what a coding agent is told in words. The contract of docs/agents.md for one job, for CLIs that know nothing of orchd. */
#include <stdlib.h>

#include "base/str.h"
#include "pipeline/pipeline.h"

/* What each owes, and where the gate looks for it. */
static const struct {
    const char *agent, *stage; /* stage NULL: any */
    const char *task;
    const char *file; /* NULL: the gate reads none */
    const char *key, *good, *bad;
} duties[] = {
    { "analyst", NULL,
      "Analyse what is asked: scope, open questions, and how one will know that it is done. Write it into 01-analysis.md there. Write no "
      "code. A person reads it and approves or rejects it.",
      NULL, NULL, NULL, NULL },
    { "architect", NULL,
      "Decide how it is built. Write each decision as a file of its own into the directory 06-adr/ there: context, decision, "
      "consequences. Write no code yet.",
      NULL, NULL, NULL, NULL },
    { "developer", NULL, "Build it, with its tests, as the analysis and the decisions there say. The branch is judged by its CI.", NULL,
      NULL, NULL, NULL },
    { "reviewer", NULL,
      "Review what this branch changes against the default branch: is it what was asked, is it right, is it tested? Change nothing else.",
      "12-review.md", "verdict", "APPROVED", "CHANGES_REQUESTED" },
    { "tester", NULL, "Test what this branch changes: build it, run its tests, try what was asked. Change nothing else.",
      "13-test-report.md", "result", "PASS", "FAIL" },
    { "deployer", "deploy-staging", "Deploy this branch to staging, and look whether it works there. Change nothing else.",
      "15-staging-log.md", "staging_status", "SUCCESS", "FAILED" },
    { "deployer", "deploy", "Deploy this branch to production. Change nothing else.", "14-deploy-log.md", "deploy_status", "SUCCESS",
      "FAILED" },
};

static void
add_duty(struct buf *b, const struct queue_job *job)
{
    for (size_t i = 0; i < sizeof duties / sizeof *duties; i++) {
        if (!str_equal(duties[i].agent, job->agent) || (duties[i].stage && !str_equal(duties[i].stage, job->stage)))
            continue;
        buf_printf(b, "%s\n", duties[i].task);
        if (duties[i].file)
            buf_printf(
                b,
                "Write your verdict into %s there. The file begins with these four lines, the commit being the output of `git rev-parse HEAD` "
                "before you commit it:\n---\n%s: %s or %s\ncommit: <commit>\n---\nBelow them give your reasons.\n",
                duties[i].file, duties[i].key, duties[i].good, duties[i].bad);
        return;
    }
}

char *
pipeline_prompt(const struct queue_job *job, const char *result_file)
{
    struct buf b = { 0 };

    if (job->task_id) {
        buf_printf(&b, "You are the %s of %s: %s\n", job->agent, job->work_item, job->title ? job->title : "");
        buf_printf(
            &b,
            "The repository is %s. The current directory is a checkout of the branch %s, which was made from %s. The documents of this work item are "
            "in docs/work-items/%s/.\n\n",
            job->repo, job->branch, job->default_branch, job->work_item);
        add_duty(&b, job);
        buf_add_str(
            &b,
            "\nCommit everything that is to be kept, on this branch. Do not push, do not switch branches, do not rewrite commits. Nobody can "
            "answer you while you work.\n");
    }
    buf_printf(
        &b,
        "If you cannot go on without an answer, write {\"outcome\": \"needs_input\", \"message\": \"<your question>\"} into the file %s and end. If it "
        "cannot be done at all, write {\"outcome\": \"blocked\", \"message\": \"<why>\"} there.\n\nWhat is asked:\n\n%s\n",
        result_file, job->content ? job->content : "");
    return buf_take(&b);
}
