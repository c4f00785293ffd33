/* git: what a merge would do and what it did, see git.h. Merging is done in memory: no ref, no file and no worktree is touched. */
#include "base/str.h"
#include "git/git_int.h"

/* One side of a conflict may be missing: deleted here, changed there. */
static const char *
conflict_path(const git_index_entry *ancestor, const git_index_entry *ours, const git_index_entry *theirs)
{
    const git_index_entry *one = ours ? ours : theirs ? theirs : ancestor;

    return one->path;
}

static int
list_conflicts(git_index *merged, struct json *into, struct err *e)
{
    const git_index_entry       *ancestor, *ours, *theirs;
    git_index_conflict_iterator *conflicts = NULL;
    int                          status = git_index_conflict_iterator_new(&conflicts, merged);

    while (status == 0 && (status = git_index_conflict_next(&ancestor, &ours, &theirs, conflicts)) == 0)
        json_push_str(into, conflict_path(ancestor, ours, theirs));
    git_index_conflict_iterator_free(conflicts);
    if (status != GIT_ITEROVER)
        err_set(e, git_code(status), "could not list the conflicts: %s", git_why());
    return e->code;
}

void
work_try_merge(const struct git_home *home, const struct ask *ask, struct answer *answer, struct err *e)
{
    git_merge_options how;
    git_repository   *repo = NULL;
    git_commit       *onto = NULL, *from = NULL;
    git_index        *merged = NULL;
    struct json      *conflicts = json_new_array();
    char             *ref = xasprintf("refs/remotes/origin/%s", ask->default_branch);
    git_oid           oid;
    int               status;

    git_merge_options_init(&how, GIT_MERGE_OPTIONS_VERSION);
    if (mirror_open(&repo, home, ask, e) || mirror_fetch(repo, home, ask, e) || ref_commit(&onto, repo, ref, e))
        goto out;
    if (git_oid_fromstr(&oid, ask->commit) < 0) {
        err_set(e, ERR_INVALID, "cannot merge \"%s\": it is no commit", ask->commit);
        goto out;
    }
    status = git_commit_lookup(&from, repo, &oid);
    if (status == 0)
        status = git_merge_commits(&merged, repo, onto, from, &how);
    if (status < 0) {
        err_set(e, git_code(status), "could not merge \"%s\" with \"%s\": %s", ask->commit, ask->default_branch, git_why());
        goto out;
    }
    if (list_conflicts(merged, conflicts, e))
        goto out;
    oid_text(answer->base, git_commit_id(onto));
    answer->info = json_new_object();
    json_set(answer->info, "conflicts", conflicts);
    conflicts = NULL;
out:
    json_free(conflicts);
    git_index_free(merged);
    git_commit_free(from);
    git_commit_free(onto);
    free(ref);
    git_repository_free(repo);
}

static int
list_missing(git_commit *head, struct json *markers, struct json *into, struct err *e)
{
    git_tree       *tree = NULL;
    git_tree_entry *entry;
    int             status = git_commit_tree(&tree, head);

    for (size_t i = 0; status == 0 && i < json_len(markers); i++) {
        const char *path = json_str(json_item(markers, i), "");

        entry = NULL;
        status = path ? git_tree_entry_bypath(&entry, tree, path) : GIT_ENOTFOUND;
        git_tree_entry_free(entry);
        if (status == GIT_ENOTFOUND) {
            json_push_str(into, path);
            status = 0;
        }
    }
    git_tree_free(tree);
    if (status < 0)
        err_set(e, git_code(status), "could not look for the markers of the repository: %s", git_why());
    return e->code;
}

/* -1 and *e, 0 or 1. A commit that is not known is an error of its own. */
static int
is_in(git_repository *repo, git_commit *head, const struct ask *ask, struct err *e)
{
    git_commit *found = NULL;
    git_oid     commit;
    int         below;

    if (git_oid_fromstr(&commit, ask->commit) < 0) {
        err_set(e, ERR_INVALID, "cannot tell whether \"%s\" is merged into \"%s\": it is no commit", ask->commit, ask->default_branch);
        return -1;
    }
    below = git_commit_lookup(&found, repo, &commit);
    if (below == 0)
        below = git_oid_equal(git_commit_id(head), &commit) ? 1 : git_graph_descendant_of(repo, git_commit_id(head), &commit);
    if (below < 0)
        err_set(e, git_code(below), "could not compare \"%s\" with \"%s\": %s", ask->commit, ask->default_branch, git_why());
    git_commit_free(found);
    return below;
}

void
work_check_merged(const struct git_home *home, const struct ask *ask, struct answer *answer, struct err *e)
{
    git_repository *repo = NULL;
    git_commit     *head = NULL;
    struct json    *missing = json_new_array();
    char           *ref = xasprintf("refs/remotes/origin/%s", ask->default_branch);
    int             below;

    if (mirror_open(&repo, home, ask, e) || mirror_fetch(repo, home, ask, e) || ref_commit(&head, repo, ref, e))
        goto out;
    below = is_in(repo, head, ask, e);
    if (below < 0 || list_missing(head, ask->markers, missing, e))
        goto out;
    oid_text(answer->base, git_commit_id(head));
    answer->info = json_new_object();
    json_set_bool(answer->info, "is_merged", below == 1);
    json_set(answer->info, "missing", missing);
    missing = NULL;
out:
    json_free(missing);
    git_commit_free(head);
    free(ref);
    git_repository_free(repo);
}
