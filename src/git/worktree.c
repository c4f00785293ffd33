/* Worktrees: one directory per task, made from the mirror, clean at the start of each run. What killed agents and crashes leave behind
 * (lock files, half registrations, a missing directory, another branch checked out) is put right, not reported. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "git/git_int.h"

enum { OPEN_DIRS = 16 };

char *
worktree_name(int64_t task_id)
{
    return xasprintf("task-%lld", (long long)task_id);
}

char *
worktree_path(const struct git_home *home, int64_t task_id)
{
    return xasprintf("%s/worktrees/task-%lld", home->data_dir, (long long)task_id);
}

static int
remove_entry(const char *path, const struct stat *st, int what, struct FTW *at)
{
    (void)st;
    (void)what;
    (void)at;
    return remove(path) && errno != ENOENT ? -1 : 0;
}

/* Symlinks are removed, not followed. */
static int
remove_tree(const char *path, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) && errno == ENOENT)
        return 0;
    if (nftw(path, remove_entry, OPEN_DIRS, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
        err_set(e, ERR_RETRY, "could not remove \"%s\": %s", path, strerror(errno));
    return e->code;
}

/* Forgets the registration in the mirror and removes the directory. Absent is fine. */
static int
drop_worktree(git_repository *repo, const char *name, const char *path, struct err *e)
{
    git_worktree              *wt = NULL;
    git_worktree_prune_options o = GIT_WORKTREE_PRUNE_OPTIONS_INIT;
    char                      *registration = xasprintf("%sworktrees/%s", git_repository_path(repo), name);
    int                        status;

    if (remove_tree(path, e))
        goto out;
    o.flags = GIT_WORKTREE_PRUNE_VALID | GIT_WORKTREE_PRUNE_LOCKED;
    if (git_worktree_lookup(&wt, repo, name) == 0 && (status = git_worktree_prune(wt, &o)) < 0)
        err_set(e, git_code(status), "could not forget worktree \"%s\": %s", name, git_why());
    else
        remove_tree(registration, e); /* what is too broken to be looked up */
out:
    git_worktree_free(wt);
    free(registration);
    return e->code;
}

static int
add_worktree(git_repository *repo, const char *name, const char *path, const char *branch_ref, struct err *e)
{
    git_worktree            *wt = NULL;
    git_reference           *ref = NULL;
    git_worktree_add_options o;
    char                    *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    int                      status;

    git_worktree_add_options_init(&o, GIT_WORKTREE_ADD_OPTIONS_VERSION);
    if (make_dirs(parent, e) || drop_worktree(repo, name, path, e))
        goto out;
    if ((status = git_reference_lookup(&ref, repo, branch_ref)) < 0) {
        err_set(e, git_code(status), "could not find branch \"%s\": %s", branch_ref, git_why());
        goto out;
    }
    o.ref = ref;
    if ((status = git_worktree_add(&wt, repo, name, path, &o)) < 0)
        err_set(e, git_code(status), "could not make worktree \"%s\": %s", path, git_why());
out:
    git_worktree_free(wt);
    git_reference_free(ref);
    free(parent);
    return e->code;
}

/* Opens the worktree as a repository when it is whole: registered, in its place, readable. */
static git_repository *
whole_worktree(git_repository *repo, const char *name, const char *path)
{
    git_worktree   *wt = NULL;
    git_repository *tree = NULL;
    if (git_worktree_lookup(&wt, repo, name) == 0 && git_worktree_validate(wt) == 0 && str_equal(git_worktree_path(wt), path) &&
        git_repository_open_from_worktree(&tree, wt) < 0)
        tree = NULL;
    git_worktree_free(wt);
    return tree;
}

/* The branch as it is, on it, with nothing else in the directory than what git ignores. */
static int
make_clean(git_repository *tree, const char *branch_ref, struct err *e)
{
    git_checkout_options o;
    git_object          *head = NULL;
    char                *lock = xasprintf("%sindex.lock", git_repository_path(tree));
    int                  status;

    unlink(lock);
    git_checkout_options_init(&o, GIT_CHECKOUT_OPTIONS_VERSION);
    o.checkout_strategy = GIT_CHECKOUT_FORCE | GIT_CHECKOUT_REMOVE_UNTRACKED | GIT_CHECKOUT_RECREATE_MISSING;
    if ((status = git_repository_set_head(tree, branch_ref)) < 0 || (status = git_revparse_single(&head, tree, "HEAD")) < 0 ||
        (status = git_reset(tree, head, GIT_RESET_HARD, &o)) < 0 || (status = git_checkout_head(tree, &o)) < 0 ||
        (status = git_repository_state_cleanup(tree)) < 0)
        err_set(e, git_code(status), "could not clean worktree \"%s\": %s", git_repository_workdir(tree), git_why());
    git_object_free(head);
    free(lock);
    return e->code;
}

/* The local branch takes in what another node has pushed, as long as that is a fast-forward; our own unpushed work stays. */
static int
take_in_remote(git_repository *repo, const struct ask *ask, const char *branch_ref, struct err *e)
{
    git_reference *made = NULL;
    char          *remote = xasprintf("refs/remotes/origin/%s", ask->branch);
    git_oid        here, there;
    bool           is_here = ref_oid(&here, repo, branch_ref);
    bool           is_there = ref_oid(&there, repo, remote);
    int            status;

    if (!is_here && !is_there)
        err_set(e, ERR_GONE, "branch \"%s\" is neither in the mirror nor on the forge", ask->branch);
    else if (is_there && (!is_here || git_graph_descendant_of(repo, &there, &here) == 1) &&
             (status = git_reference_create(&made, repo, branch_ref, &there, 1, "orchd: take in")) < 0)
        err_set(e, git_code(status), "could not set branch \"%s\": %s", ask->branch, git_why());
    git_reference_free(made);
    free(remote);
    return e->code;
}

void
work_open_worktree(const struct git_home *home, const struct ask *ask, struct answer *answer, struct err *e)
{
    git_repository *repo = NULL;
    git_repository *tree = NULL;
    char           *name = worktree_name(ask->task_id);
    char           *path = worktree_path(home, ask->task_id);
    char           *ref = xasprintf("refs/heads/%s", ask->branch);
    git_oid         head;

    if (git_check_branch(ask->branch, ask->default_branch, e) || mirror_open(&repo, home, ask, e) || mirror_fetch(repo, home, e) ||
        take_in_remote(repo, ask, ref, e))
        goto out;
    tree = whole_worktree(repo, name, path);
    if (!tree) {
        if (add_worktree(repo, name, path, ref, e))
            goto out;
        tree = whole_worktree(repo, name, path);
    }
    if (!tree) {
        err_set(e, ERR_BUG, "cannot open the worktree \"%s\" that was just made: %s", path, git_why());
        goto out;
    }
    if (make_clean(tree, ref, e))
        goto out;
    if (ref_oid(&head, repo, ref))
        oid_text(answer->head, &head);
    answer->info = json_new_object();
    json_set_str(answer->info, "path", path);
out:
    git_repository_free(tree);
    git_repository_free(repo);
    free(ref);
    free(path);
    free(name);
}

void
work_remove_worktree(const struct git_home *home, const struct ask *ask, struct answer *answer, struct err *e)
{
    git_repository *repo = NULL;
    git_reference  *local = NULL;
    char           *name = worktree_name(ask->task_id);
    char           *path = worktree_path(home, ask->task_id);
    char           *ref = xasprintf("refs/heads/%s", ask->branch);
    int             status;

    (void)answer;
    if (git_check_branch(ask->branch, ask->default_branch, e) || mirror_open(&repo, home, ask, e) || drop_worktree(repo, name, path, e))
        goto out;
    if (git_reference_lookup(&local, repo, ref) == 0 && (status = git_reference_delete(local)) < 0)
        err_set(e, git_code(status), "could not delete the mirror's branch \"%s\": %s", ask->branch, git_why());
out:
    git_reference_free(local);
    git_repository_free(repo);
    free(ref);
    free(path);
    free(name);
}
