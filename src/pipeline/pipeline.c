#include "pipeline/pipeline.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/check.h"
#include "base/str.h"

#define PIPELINE_MAGIC 0x50697065u
#define STEP_MAGIC     0x53746570u

struct step {
    uint32_t              magic;
    struct pipeline      *pipeline;
    struct git_job       *job;
    bool                  is_deploy;
    pipeline_ready_fn    *on_ready;
    pipeline_evidence_fn *on_evidence;
    void                 *arg;
    LIST_ENTRY(step) link;
};

struct pipeline {
    uint32_t    magic;
    struct git *git;
    LIST_HEAD(, step) steps; /* under way in git/ */
};

int
pipeline_open(struct pipeline **out, struct git *git, struct err *e)
{
    struct pipeline *p = xcalloc(1, sizeof *p);
    (void)e;
    p->magic = PIPELINE_MAGIC;
    p->git = git;
    LIST_INIT(&p->steps);
    *out = p;
    return 0;
}

void
pipeline_close(struct pipeline *p)
{
    struct step *s;
    if (!p)
        return;
    while ((s = LIST_FIRST(&p->steps))) {
        LIST_REMOVE(s, link);
        git_forget(s->job);
        free(s);
    }
    free(p);
}

static struct step *
step_new(struct pipeline *p, void *arg)
{
    struct step *s = xcalloc(1, sizeof *s);
    s->magic = STEP_MAGIC;
    s->pipeline = p;
    s->arg = arg;
    LIST_INSERT_HEAD(&p->steps, s, link);
    return s;
}

static struct git_target
target_of(const struct queue_job *job)
{
    return (struct git_target){ .repo = job->repo,
                                .clone_url = job->clone_url,
                                .default_branch = job->default_branch,
                                .branch = job->branch,
                                .task_id = job->task_id };
}

static void
on_worktree(const struct git_result *r, const struct err *e, void *arg)
{
    struct step *s = CHECKED(arg, STEP_MAGIC);
    LIST_REMOVE(s, link);
    s->on_ready(e ? NULL : json_str(r->info, "path"), e || !s->is_deploy ? NULL : r->head, e, s->arg);
    free(s);
}

void
pipeline_prepare(struct pipeline *p, const struct queue_job *job, pipeline_ready_fn *done, void *arg)
{
    struct step      *s = step_new(CHECKED(p, PIPELINE_MAGIC), arg);
    struct git_target t = target_of(job);
    s->on_ready = done;
    s->is_deploy = str_equal(job->stage, "deploy");
    s->job = git_open_worktree(p->git, &t, on_worktree, s);
}

static void
on_collected(const struct git_result *r, const struct err *e, void *arg)
{
    struct step *s = CHECKED(arg, STEP_MAGIC);
    struct json *evidence = e ? NULL : evidence_read(json_at(r->info, "files"));
    LIST_REMOVE(s, link);
    s->on_evidence(e ? NULL : r->head, evidence, e, s->arg);
    json_free(evidence);
    free(s);
}

void
pipeline_renew(struct pipeline *p, int64_t push_until_ms)
{
    struct step *s;
    LIST_FOREACH (s, &p->steps, link)
        if (s->on_evidence)
            git_push_until(s->job, push_until_ms);
}

void
pipeline_conclude(struct pipeline *p, const struct queue_job *job, int64_t push_until_ms, pipeline_evidence_fn *done, void *arg)
{
    struct step      *s = step_new(CHECKED(p, PIPELINE_MAGIC), arg);
    struct git_target t = target_of(job);
    t.push_until_ms = push_until_ms;
    s->on_evidence = done;
    s->job = git_collect(p->git, &t, job->work_item, on_collected, s);
}
