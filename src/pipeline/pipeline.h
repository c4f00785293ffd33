/* pipeline: what happens around a claimed job of a task: its worktree before the run, the evidence after it. Refuses SQL and sockets; what
 * the evidence means is decided in SQL (orch.check_gate). */
#ifndef ORCH_PIPELINE_PIPELINE_H
#define ORCH_PIPELINE_PIPELINE_H

#include "base/err.h"
#include "base/json.h"
#include "git/git.h"
#include "queue/queue.h"

struct pipeline;
typedef void pipeline_ready_fn(const char *cwd, const char *revision, const struct err *e, void *arg);
typedef void pipeline_evidence_fn(const char *head, struct json *evidence, const struct err *e, void *arg);

int  pipeline_open(struct pipeline **out, struct git *git, struct err *e); /* git outlives it */
void pipeline_close(struct pipeline *p);                                   /* NULL is fine; silences all */

/* Gives the job's task a clean worktree at its branch head. done fires once, in a later turn; cwd is borrowed, and so is revision: the commit
 * that the job is to deploy, NULL when it is of another stage. */
void pipeline_prepare(struct pipeline *p, const struct queue_job *job, pipeline_ready_fn *done, void *arg);

/* Moves the end of the right to push of all that pipeline_conclude() has under way. */
void pipeline_renew(struct pipeline *p, int64_t push_until_ms);

/* Pushes what the run committed, not later than push_until_ms (clock_boot_ms(); then ERR_RETRY), and reads the evidence from the branch head. head is 40 hex; evidence is borrowed:
 * {"12-review.md": {"verdict": "APPROVED", "blob": …} | {"error": "no front matter", "blob": …}, "06-adr/": {"count": 1}}. By its blob the
 * gate tells a file of this round from one of an earlier round. */
void pipeline_conclude(struct pipeline *p, const struct queue_job *job, int64_t push_until_ms, pipeline_evidence_fn *done, void *arg);

/* What the job's agent is to do, in words, for the placeholder {prompt} of its command. Pure. Caller frees. */
char *pipeline_prompt(const struct queue_job *job, const char *result_file);

/* The front matter of a document as an object of texts: the lines between a first line "---" and the next "---" or "...". NULL and *e set
 * (ERR_INVALID) when there is none or it is not plain. Caller frees. */
struct json *front_matter_parse(const char *text, struct err *e);

/* From git_collect()'s files to evidence. Caller frees. */
struct json *evidence_read(struct json *files);

#endif
