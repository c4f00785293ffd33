/* Worktrees: one directory per task, made from the mirror, clean at the start of each run. What killed agents and crashes leave behind
 * (lock files, half registrations, a missing directory, another branch checked out) is put right, not reported. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "git/git_int.h"

/* A lock of the whole mirror may be another agent's; older than this it is nobody's. */
enum { STALE_LOCK_S = 600 };

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
        git_repository_open_from_worktree(&tree, wt) == 0 && !str_equal(git_repository_commondir(tree), git_repository_path(repo))) {
        git_repository_free(tree); /* its .git was made to point to another repository */
        tree = NULL;
    }
    git_worktree_free(wt);
    return tree;
}

/* Removes what a killed git left in the way of this task, whose run is over: nobody else uses these. */
static void
clear_locks(git_repository *repo, const char *name, const char *branch_ref)
{
    static const char *const shared[] = { "packed-refs.lock", "config.lock", "shallow.lock" };
    const char              *dir = git_repository_path(repo);
    char                    *own[] = { xasprintf("%sworktrees/%s/index.lock", dir, name), xasprintf("%sworktrees/%s/HEAD.lock", dir, name),
                                       xasprintf("%s%s.lock", dir, branch_ref) };
    struct stat              st;

    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        unlink(own[i]);
        free(own[i]);
    }
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        char *path = xasprintf("%s%s", dir, shared[i]);
        if (lstat(path, &st) == 0 && st.st_mtime < time(NULL) - STALE_LOCK_S)
            unlink(path);
        free(path);
    }
}

/* Takes the branch away from a worktree that has it checked out; its files stay, its HEAD becomes a plain commit. */
static void
detach_worktree(git_repository *repo, const char *name, const char *branch_ref)
{
    git_repository *tree = NULL;
    git_worktree   *wt = NULL;
    git_reference  *head = NULL;

    if (git_worktree_lookup(&wt, repo, name) == 0 && git_repository_open_from_worktree(&tree, wt) == 0 &&
        git_reference_lookup(&head, tree, "HEAD") == 0 && git_reference_type(head) == GIT_REFERENCE_SYMBOLIC &&
        str_equal(git_reference_symbolic_target(head), branch_ref))
        git_repository_detach_head(tree);
    git_reference_free(head);
    git_repository_free(tree);
    git_worktree_free(wt);
}

/* Git refuses a branch that another worktree has: an agent's own, or one whose directory went away. */
static void
free_branch(git_repository *repo, const char *own_name, const char *branch_ref)
{
    git_strarray names = { 0 };

    if (git_worktree_list(&names, repo) < 0)
        return;
    for (size_t i = 0; i < names.count; i++) {
        git_worktree              *wt = NULL;
        git_worktree_prune_options o = GIT_WORKTREE_PRUNE_OPTIONS_INIT;
        if (str_equal(names.strings[i], own_name))
            continue;
        if (git_worktree_lookup(&wt, repo, names.strings[i]) == 0 && git_worktree_validate(wt) < 0)
            git_worktree_prune(wt, &o);
        else
            detach_worktree(repo, names.strings[i], branch_ref);
        git_worktree_free(wt);
    }
    git_strarray_dispose(&names);
}

/* What a checkout leaves: repositories that the agent made inside, which git takes for somebody's property. */
static int
remove_untracked(git_repository *tree, struct err *e)
{
    git_status_list   *found = NULL;
    git_status_options o;
    int                status;

    git_status_options_init(&o, GIT_STATUS_OPTIONS_VERSION);
    o.show = GIT_STATUS_SHOW_WORKDIR_ONLY;
    o.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH;
    if ((status = git_status_list_new(&found, tree, &o)) < 0)
        err_set(e, git_code(status), "could not look through worktree \"%s\": %s", git_repository_workdir(tree), git_why());
    for (size_t i = 0; !e->code && i < git_status_list_entrycount(found); i++) {
        const git_status_entry *entry = git_status_byindex(found, i);
        if (entry->status & GIT_STATUS_WT_NEW) {
            char *path = xasprintf("%s%s", git_repository_workdir(tree), entry->index_to_workdir->new_file.path);
            for (size_t len = strlen(path); len && path[len - 1] == '/'; len--)
                path[len - 1] = '\0';
            remove_tree(path, e);
            free(path);
        }
    }
    git_status_list_free(found);
    return e->code;
}

/* The branch as it is, on it, with nothing else in the directory than what git ignores. */
static int
make_clean(git_repository *tree, const char *branch_ref, struct err *e)
{
    git_checkout_options o;
    git_object          *head = NULL;
    int                  status;

    git_checkout_options_init(&o, GIT_CHECKOUT_OPTIONS_VERSION);
    o.checkout_strategy = GIT_CHECKOUT_FORCE | GIT_CHECKOUT_REMOVE_UNTRACKED | GIT_CHECKOUT_RECREATE_MISSING;
    if ((status = git_repository_set_head(tree, branch_ref)) < 0 || (status = git_revparse_single(&head, tree, "HEAD")) < 0 ||
        (status = git_reset(tree, head, GIT_RESET_HARD, &o)) < 0 || (status = git_checkout_head(tree, &o)) < 0 ||
        (status = git_repository_state_cleanup(tree)) < 0)
        err_set(e, git_code(status), "could not clean worktree \"%s\": %s", git_repository_workdir(tree), git_why());
    else
        remove_untracked(tree, e);
    git_object_free(head);
    return e->code;
}

int
keep_commit(git_repository *repo, int64_t task_id, const git_oid *oid, struct err *e)
{
    git_reference *kept = NULL;
    char           text[GIT_OID_HEXSZ + 1];
    char          *ref;
    int            status;

    oid_text(text, oid);
    ref = xasprintf("refs/orch/kept/%lld/%s", (long long)task_id, text);
    if ((status = git_reference_create(&kept, repo, ref, oid, 1, "orchd: keep")) < 0)
        err_set(e, git_code(status), "could not set \"%s\": %s", ref, git_why());
    else
        LOGW("git.commit_kept", "task=%lld ref=%s", (long long)task_id, ref);
    git_reference_free(kept);
    free(ref);
    return e->code;
}

/* The local branch takes in what another node has pushed. Our own unpushed work stays as long as it can be pushed; when the forge's branch
 * has gone another way it never can, so it is kept beside the branch, and the run goes on from what everybody sees. */
int
branch_take_in(git_repository *repo, const struct ask *ask, struct err *e)
{
    git_reference *made = NULL;
    char          *local = xasprintf("refs/heads/%s", ask->branch);
    char          *remote = xasprintf("refs/remotes/origin/%s", ask->branch);
    git_oid        here, there;
    bool           is_here = ref_oid(&here, repo, local);
    bool           is_there = ref_oid(&there, repo, remote);
    int            status;

    if (!is_here && !is_there) {
        err_set(e, ERR_GONE, "branch \"%s\" is neither in the mirror nor on the forge", ask->branch);
        goto out;
    }
    if (!is_there || (is_here && (git_oid_equal(&here, &there) || git_graph_descendant_of(repo, &here, &there) == 1)))
        goto out;
    if (is_here && git_graph_descendant_of(repo, &there, &here) != 1 && keep_commit(repo, ask->task_id, &here, e))
        goto out;
    if ((status = git_reference_create(&made, repo, local, &there, 1, "orchd: take in")) < 0)
        err_set(e, git_code(status), "could not set branch \"%s\": %s", ask->branch, git_why());
out:
    git_reference_free(made);
    free(remote);
    free(local);
    return e->code;
}

/* A worktree that is whole is cleaned; one that is not, or cannot be cleaned, is made anew. */
static int
give_worktree(git_repository *repo, const char *name, const char *path, const char *branch_ref, struct err *e)
{
    git_repository *tree = whole_worktree(repo, name, path);
    struct err      unclean = ERR_INIT;

    if (tree && !make_clean(tree, branch_ref, &unclean))
        goto out;
    if (unclean.code)
        LOGW("git.worktree_remade", "path=%s why=%s", log_quote(path), log_quote(unclean.text));
    git_repository_free(tree);
    tree = NULL;
    if (add_worktree(repo, name, path, branch_ref, e))
        goto out;
    tree = whole_worktree(repo, name, path);
    if (!tree)
        err_set(e, ERR_BUG, "cannot open the worktree \"%s\" that was just made: %s", path, git_why());
    else
        make_clean(tree, branch_ref, e);
out:
    git_repository_free(tree);
    return e->code;
}

void
work_open_worktree(const struct git_home *home, const struct ask *ask, struct answer *answer, struct err *e)
{
    git_repository *repo = NULL;
    char           *name = worktree_name(ask->task_id);
    char           *path = worktree_path(home, ask->task_id);
    char           *ref = xasprintf("refs/heads/%s", ask->branch);
    git_oid         head;

    if (git_check_branch(ask->branch, ask->default_branch, e) || mirror_open(&repo, home, ask, e) || mirror_fetch(repo, home, ask, e))
        goto out;
    clear_locks(repo, name, ref);
    if (branch_take_in(repo, ask, e))
        goto out;
    free_branch(repo, name, ref);
    if (give_worktree(repo, name, path, ref, e))
        goto out;
    if (ref_oid(&head, repo, ref))
        oid_text(answer->head, &head);
    answer->info = json_new_object();
    json_set_str(answer->info, "path", path);
out:
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
    clear_locks(repo, name, ref);
    if (git_reference_lookup(&local, repo, ref) == 0 && (status = git_reference_delete(local)) < 0)
        err_set(e, git_code(status), "could not delete the mirror's branch \"%s\": %s", ask->branch, git_why());
out:
    git_reference_free(local);
    git_repository_free(repo);
    free(ref);
    free(path);
    free(name);
}
