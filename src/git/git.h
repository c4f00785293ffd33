/* git: mirrors, branches, worktrees and evidence, on a small pool of threads because libgit2 blocks. libgit2 is seen in this room only.
 * One mirror (bare) per repo in <data>/mirrors/<owner>/<name>.git: remote branches in refs/remotes/origin/, task branches in refs/heads/,
 * archives in refs/orch/archive/<task id>, what had to leave a branch in refs/orch/kept/<task id>/. Jobs of one mirror run one after
 * another, different mirrors side by side. A peer that says nothing ends a job with ERR_RETRY.
 * Callbacks fire exactly once, on the loop's thread. Nothing here pushes to a default branch, and nothing forces a push. */
#ifndef ORCH_GIT_GIT_H
#define ORCH_GIT_GIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "loop/loop.h"

struct git;
struct git_job;

struct git_options {
    const char *data_dir;                   /* holds mirrors/, worktrees/, archive/ */
    const char *token;                      /* forge token for http(s) remotes, sent as password; NULL = none */
    const char *author_name, *author_email; /* of our own commits */
    const char *ca_file;                    /* as fetch_options has it */
    unsigned    threads;
};

/* Names a repo and a task's branch in it. Borrowed until the function returns. */
struct git_target {
    const char *repo;           /* owner/name */
    const char *clone_url;      /* http(s)://, ssh:// or file:// */
    const char *default_branch; /* without refs/heads/ */
    const char *branch;         /* the task's branch, without refs/heads/ */
    int64_t     task_id;
    int64_t     push_until_ms; /* clock_boot_ms() after which nothing is pushed, and a push under way is broken off: ERR_RETRY; 0 = never */
};

/* heads: commit ids as 40 hex, "" when there is none. info: what the call says it returns, else NULL; borrowed. */
struct git_result {
    char         head[41];
    char         base[41];
    struct json *info;
};
typedef void git_fn(const struct git_result *r, const struct err *e, void *arg); /* e NULL = fine */

int  git_open(struct git **out, struct loop *l, const struct git_options *o, struct err *e);
void git_close(struct git *g); /* waits for running jobs; silences callbacks */
void git_forget(struct git_job *j);

/* Makes the task's branch from the freshly fetched default branch, with path = content committed on it, and pushes it. Repeatable: a
 * branch that begins with our commit for this task (its message names the task) is success; any other of that name is ERR_INVALID.
 * r.base = the default branch's commit, r.head = the branch's. */
struct git_job *git_start_branch(struct git *g, const struct git_target *t, const char *path, const char *content, const char *message,
                                 git_fn *fn, void *arg);

/* Gives the task's worktree at its branch head, making it when it is missing; work committed but not yet pushed is kept, what was not
 * committed is thrown away (a run starts clean; what git ignores stays). The remote branch's newer commits are taken in; unpushed work
 * that stands in their way could never be pushed, and moves to refs/orch/kept/.
 * r.info = {"path": …}. */
struct git_job *git_open_worktree(struct git *g, const struct git_target *t, git_fn *fn, void *arg);

/* After a run: pushes the branch if it moved (fast-forward only, never the default branch), then reads the evidence of the work item
 * from the branch head, not from the working tree. r.head = branch head; r.info = {"files": {"12-review.md": {"blob": …, "text": …},
 * "06-adr/": {"count": n}}}: every file directly in docs/work-items/<work_item>/ ("error" in place of "text" when it is longer than 64 KiB
 * or no text; blob = the id of its bytes in git), and for each directory in it the count of its documents: its files that are neither
 * hidden nor empty. */
struct git_job *git_collect(struct git *g, const struct git_target *t, const char *work_item, git_fn *fn, void *arg);

/* Archives: copies docs/work-items/<work_item>/ of the branch head to <data>/archive/<task id>/ and points refs/orch/archive/<task id> at
 * that head. No branch or no docs is success with less to keep. r.head = what was archived; r.info = {"path": …, "files": n}. */
struct git_job *git_archive(struct git *g, const struct git_target *t, const char *work_item, git_fn *fn, void *arg);

/* Removes the task's worktree directory and registration, and the mirror's local branch. Absent is success. */
struct git_job *git_remove_worktree(struct git *g, const struct git_target *t, git_fn *fn, void *arg);

/* Fetches, and tells whether commit is an ancestor of (or is) the default branch, and which of the paths in markers (a list of texts, borrowed;
 * NULL = none) its tree lacks: r.info = {"is_merged": bool, "missing": [path, …]}, r.base = its head. */
struct git_job *git_check_merged(struct git *g, const struct git_target *t, const char *commit, struct json *markers, git_fn *fn,
                                 void *arg);

/* Fetches, and merges commit with the default branch in memory, of which nothing is kept: r.info = {"conflicts": [path, …]}, empty when it merges
 * cleanly; r.base = the default branch's head. */
struct git_job *git_try_merge(struct git *g, const struct git_target *t, const char *commit, git_fn *fn, void *arg);

/* Moves the end of the right to push (struct git_target) of a call that is waiting or under way. */
void git_push_until(struct git_job *j, int64_t until_ms);

/* Whether name may be made, pushed to or deleted: a valid ref name of ours, and, in any spelling (case, blanks, refs/heads/,
 * origin/, remotes/), neither main, master nor the default branch. ERR_DENIED or ERR_INVALID otherwise. */
int git_check_branch(const char *name, const char *default_branch, struct err *e);

#endif
