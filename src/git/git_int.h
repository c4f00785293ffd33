/* git_int: what the files of git share. Everything here runs on a thread of the pool, with the mirror's lock held, except where said. */
#ifndef ORCH_GIT_GIT_INT_H
#define ORCH_GIT_GIT_INT_H

#include <git2.h>
#include <stddef.h>
#include <stdint.h>

#include "git/git.h"

/* What is asked for, in copies of our own. */
struct ask {
    char           *repo, *clone_url, *default_branch, *branch;
    int64_t         task_id;
    _Atomic int64_t push_until_ms;            /* moved by git_push_until() while a thread works */
    char           *path, *content, *message; /* start_branch */
    char           *work_item;                /* collect, archive */
    char           *commit;                   /* check_merged, try_merge */
    struct json    *markers;                  /* check_merged */
};

/* What the pool knows; borrowed by every job, constant after git_open(). */
struct git_home {
    char *data_dir, *token, *author_name, *author_email;
};

struct answer {
    char         head[GIT_OID_HEXSZ + 1];
    char         base[GIT_OID_HEXSZ + 1];
    struct json *info; /* owned */
};

typedef void git_work_fn(const struct git_home *home, const struct ask *ask, struct answer *answer, struct err *e);

git_work_fn work_start_branch, work_open_worktree, work_collect, work_archive, work_remove_worktree, work_check_merged, work_try_merge;

/* libgit2's last message, and a code for what the caller can do about it. */
const char   *git_why(void);
enum err_code git_code(int status);

/* Opens the mirror of ask->repo, making it when it is missing. Caller frees with git_repository_free(). */
int mirror_open(git_repository **out, const struct git_home *home, const struct ask *ask, struct err *e);
/* Brings refs/remotes/origin/ up to date, pruned. */
int mirror_fetch(git_repository *repo, const struct git_home *home, const struct ask *ask, struct err *e);
/* Pushes the local branch to the same name, fast-forward only; refuses what git_check_branch() refuses. */
int mirror_push(git_repository *repo, const struct git_home *home, const struct ask *ask, struct err *e);
/* The commit of a ref; ERR_GONE when there is no such ref. */
int ref_commit(git_commit **out, git_repository *repo, const char *ref, struct err *e);
/* Whether a ref is there, and its commit. */
bool ref_oid(git_oid *out, git_repository *repo, const char *ref);
void oid_text(char out[GIT_OID_HEXSZ + 1], const git_oid *oid);

/* <data>/worktrees/task-<id>, and the name under which the mirror knows it. Caller frees. */
char *worktree_path(const struct git_home *home, int64_t task_id);
char *worktree_name(int64_t task_id);

/* The local branch takes in what the forge's has; unpushed work that stands in its way moves to refs/orch/kept/. ERR_GONE when there is
 * neither. */
int branch_take_in(git_repository *repo, const struct ask *ask, struct err *e);
/* Keeps a commit that no branch will hold any longer, as refs/orch/kept/<task id>/<commit>. */
int keep_commit(git_repository *repo, int64_t task_id, const git_oid *oid, struct err *e);

/* Makes a directory and those above it. */
int make_dirs(const char *path, struct err *e);
/* Removes a directory, or file, and all in it. Absent is success. */
int remove_tree(const char *path, struct err *e);

/* Gives libgit2 sockets that do not wait for ever. For the whole process. */
void stream_register(void);
/* Ends what waits for a peer that has been silent for long. Any thread; to be called again and again. */
void stream_sweep(void);

#endif
