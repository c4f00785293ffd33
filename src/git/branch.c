/* The task's branch: which names are allowed, how it begins, and whether its work has arrived on the default branch. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "git/git_int.h"

/* Strips blanks and the prefixes by which people and programs name the same branch. */
static char *
bare_name(const char *name)
{
    static const char *const prefixes[] = { "refs/", "heads/", "remotes/", "origin/", "tags/" };
    while (isspace((unsigned char)*name))
        name++;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncasecmp(name, prefixes[i], strlen(prefixes[i]))) {
            name += strlen(prefixes[i]);
            i = (size_t)-1;
        }
    size_t len = strlen(name);
    while (len && (isspace((unsigned char)name[len - 1]) || name[len - 1] == '/'))
        len--;
    return xstrndup(name, len);
}

int
git_check_branch(const char *name, const char *default_branch, struct err *e)
{
    char *bare = bare_name(name ? name : "");
    char *deflt = bare_name(default_branch ? default_branch : "");
    char *ref = xasprintf("refs/heads/%s", name ? name : "");
    int   valid = 0;

    git_libgit2_init(); /* counted; this one may be asked before git_open() */
    if (!strcasecmp(bare, "main") || !strcasecmp(bare, "master") || !strcasecmp(bare, "HEAD") || (*deflt && !strcasecmp(bare, deflt)))
        err_set(e, ERR_DENIED, "branch \"%s\" is a default branch: orchd never pushes to it or deletes it", name ? name : "");
    else if (!name || !*name || !str_equal(bare, name) || *name == '-' || git_reference_name_is_valid(&valid, ref) < 0 || !valid)
        err_set(e, ERR_INVALID, "branch \"%s\" is no plain branch name, such as feature/ORCH-042-title", name ? name : "");
    git_libgit2_shutdown();
    free(ref);
    free(deflt);
    free(bare);
    return e->code;
}

/* Whether each part of a path is a plain name: nothing outside the tree, nothing of git's own. */
static bool
is_plain_path(const char *path)
{
    for (const char *p = path;; p++) {
        size_t len = strcspn(p, "/");
        if (!len || (len == 1 && *p == '.') || (len == 2 && !strncmp(p, "..", 2)) || (len == 4 && !strncasecmp(p, ".git", 4)))
            return false;
        p += len;
        if (!*p)
            return true;
    }
}

/* The tree of base with one more file. */
static int
tree_with_file(git_tree **out, git_repository *repo, git_commit *base, const struct ask *ask, struct err *e)
{
    git_tree       *old = NULL;
    git_oid         blob = { { 0 } };
    git_oid         id = { { 0 } };
    git_tree_update update = { .action = GIT_TREE_UPDATE_UPSERT, .filemode = GIT_FILEMODE_BLOB, .path = ask->path };
    int             status;

    if ((status = git_blob_create_from_buffer(&blob, repo, ask->content, strlen(ask->content))) == 0) {
        update.id = blob;
        if ((status = git_commit_tree(&old, base)) == 0 && (status = git_tree_create_updated(&id, repo, old, 1, &update)) == 0)
            status = git_tree_lookup(out, repo, &id);
    }
    if (status < 0)
        err_set(e, git_code(status), "could not add \"%s\": %s", ask->path, git_why());
    git_tree_free(old);
    return e->code;
}

static char *
request_message(const struct ask *ask)
{
    return xasprintf("%s\n\nOrch-Task: %lld\n", ask->message, (long long)ask->task_id);
}

static int
commit_request(git_oid *out, git_repository *repo, const struct git_home *home, git_commit *base, const struct ask *ask, struct err *e)
{
    git_signature    *who = NULL;
    git_tree         *tree = NULL;
    char             *message = request_message(ask);
    const git_commit *parents[] = { base };
    int               status;

    if (tree_with_file(&tree, repo, base, ask, e))
        goto out;
    if ((status = git_signature_now(&who, home->author_name, home->author_email)) < 0 ||
        (status = git_commit_create(out, repo, NULL, who, who, NULL, message, tree, 1, parents)) < 0)
        err_set(e, git_code(status), "could not commit \"%s\": %s", ask->path, git_why());
out:
    git_tree_free(tree);
    git_signature_free(who);
    free(message);
    return e->code;
}

/* Whether the commit's tree holds the request as we would write it. */
static bool
holds_request(git_repository *repo, git_commit *commit, const struct ask *ask)
{
    git_tree       *tree = NULL;
    git_tree_entry *entry = NULL;
    git_blob       *blob = NULL;
    bool            holds = false;

    if (git_commit_tree(&tree, commit) == 0 && git_tree_entry_bypath(&entry, tree, ask->path) == 0 &&
        git_blob_lookup(&blob, repo, git_tree_entry_id(entry)) == 0) {
        size_t len = strlen(ask->content);
        holds = (size_t)git_blob_rawsize(blob) == len && (!len || !memcmp(git_blob_rawcontent(blob), ask->content, len));
    }
    git_blob_free(blob);
    git_tree_entry_free(entry);
    git_tree_free(tree);
    return holds;
}

/* The oldest commit of the branch that the default branch does not have, along first parents; NULL when there is none. */
static git_commit *
first_own_commit(git_repository *repo, const git_oid *head, const git_oid *base)
{
    git_revwalk *walk = NULL;
    git_commit  *first = NULL;
    git_oid      oid, oldest;
    bool         is_any = false;

    if (git_revwalk_new(&walk, repo) < 0 || git_revwalk_push(walk, head) < 0 || git_revwalk_hide(walk, base) < 0 ||
        git_revwalk_simplify_first_parent(walk) < 0)
        goto out;
    git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL);
    while (git_revwalk_next(&oid, walk) == 0) {
        oldest = oid;
        is_any = true;
    }
    if (is_any && git_commit_lookup(&first, repo, &oldest) < 0)
        first = NULL;
out:
    git_revwalk_free(walk);
    return first;
}

/* A branch is ours when it begins with our request commit on a commit of the default branch: the trailer names the task, so that an earlier
 * task of the same issue is not taken up again. */
static bool
is_ours(git_repository *repo, git_commit *head, git_commit *base, const struct ask *ask, git_oid *fork)
{
    git_commit *first = first_own_commit(repo, git_commit_id(head), git_commit_id(base));
    char       *message = request_message(ask);
    bool        is = first && git_commit_parentcount(first) == 1 && str_equal(git_commit_message(first), message) &&
              holds_request(repo, first, ask) && holds_request(repo, head, ask);
    if (is)
        *fork = *git_commit_parent_id(first, 0);
    free(message);
    git_commit_free(first);
    return is;
}

/* A branch of that name is on the forge: ours from an attempt whose answer was lost, or somebody else's. */
static int
adopt_branch(git_repository *repo, const char *remote_ref, git_commit *base, const struct ask *ask, struct answer *answer, struct err *e)
{
    git_commit *head = NULL;
    git_oid     fork;

    if (ref_commit(&head, repo, remote_ref, e))
        goto out;
    if (!is_ours(repo, head, base, ask, &fork)) {
        err_set(e, ERR_INVALID,
                "branch \"%s\" is already on the forge and was not made for this task: delete it, or rename it, then retry the effect",
                ask->branch);
        goto out;
    }
    if (branch_take_in(repo, ask, e))
        goto out;
    oid_text(answer->base, &fork);
    oid_text(answer->head, git_commit_id(head));
out:
    git_commit_free(head);
    return e->code;
}

/* Whether a local branch holds more than what a start of this task that could not be pushed left behind. */
static bool
is_worth_keeping(git_repository *repo, const git_oid *local, git_commit *base, const struct ask *ask)
{
    git_commit *first = first_own_commit(repo, local, git_commit_id(base));
    char       *message = request_message(ask);
    bool        is = first && !(git_oid_equal(git_commit_id(first), local) && str_equal(git_commit_message(first), message));
    free(message);
    git_commit_free(first);
    return is;
}

static int
make_branch(git_repository *repo, const struct git_home *home, git_commit *base, const struct ask *ask, struct answer *answer,
            struct err *e)
{
    git_reference *local = NULL;
    git_oid        made = { { 0 } };
    git_oid        old;
    char          *ref = xasprintf("refs/heads/%s", ask->branch);
    int            status;

    if (commit_request(&made, repo, home, base, ask, e))
        goto out;
    /* A local branch without a remote one is what a failed push left behind: it is made anew from the fresh default branch. Or it is of an
     * earlier task of the issue, which another node cleared away. */
    if (ref_oid(&old, repo, ref) && is_worth_keeping(repo, &old, base, ask) && keep_commit(repo, ask->task_id, &old, e))
        goto out;
    if ((status = git_reference_create(&local, repo, ref, &made, 1, "orchd: start")) < 0) {
        err_set(e, git_code(status), "could not make branch \"%s\": %s", ask->branch, git_why());
        goto out;
    }
    if (mirror_push(repo, home, ask, e))
        goto out;
    oid_text(answer->base, git_commit_id(base));
    oid_text(answer->head, &made);
out:
    git_reference_free(local);
    free(ref);
    return e->code;
}

void
work_start_branch(const struct git_home *home, const struct ask *ask, struct answer *answer, struct err *e)
{
    git_repository *repo = NULL;
    git_commit     *base = NULL;
    char           *deflt = xasprintf("refs/remotes/origin/%s", ask->default_branch);
    char           *remote = xasprintf("refs/remotes/origin/%s", ask->branch);
    git_oid         there;

    if (!is_plain_path(ask->path)) {
        err_set(e, ERR_INVALID, "path \"%s\" is no plain path of a file in a repository", ask->path);
        goto out;
    }
    if (git_check_branch(ask->branch, ask->default_branch, e) || mirror_open(&repo, home, ask, e) || mirror_fetch(repo, home, ask, e))
        goto out;
    if (!ref_oid(&there, repo, deflt)) {
        err_set(e, ERR_INVALID, "repo \"%s\" has no branch \"%s\": is it empty, or is the project's default branch another?", ask->repo,
                ask->default_branch);
        goto out;
    }
    if (ref_commit(&base, repo, deflt, e))
        goto out;
    if (ref_oid(&there, repo, remote))
        adopt_branch(repo, remote, base, ask, answer, e);
    else
        make_branch(repo, home, base, ask, answer, e);
out:
    free(remote);
    free(deflt);
    git_commit_free(base);
    git_repository_free(repo);
}
