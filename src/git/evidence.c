/* Evidence and archive: what the branch head says, never the working tree. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "git/git_int.h"

/* A verdict is a few lines at the top of a document that people read; DEPTH_MAX bounds our stack. */
enum { TEXT_MAX = 64 * 1024, DEPTH_MAX = 32 };

/* The tree of docs/work-items/<work item> in a commit; NULL without an error when there is none. */
static git_tree *
docs_tree(git_repository *repo, git_commit *head, const char *work_item)
{
    git_tree       *root = NULL;
    git_tree       *docs = NULL;
    git_tree_entry *entry = NULL;
    char           *path = xasprintf("docs/work-items/%s", work_item);

    if (git_commit_tree(&root, head) == 0 && git_tree_entry_bypath(&entry, root, path) == 0 &&
        git_tree_entry_type(entry) == GIT_OBJECT_TREE && git_tree_lookup(&docs, repo, git_tree_entry_id(entry)) < 0)
        docs = NULL;
    git_tree_entry_free(entry);
    git_tree_free(root);
    free(path);
    return docs;
}

static bool
is_text(const char *data, size_t size)
{
    return !size || (!memchr(data, 0, size) && str_is_utf8(data, size));
}

/* A blob's bytes end without a NUL. */
static void
set_text(struct json *file, const char *data, size_t size)
{
    char *text = xstrndup(size ? data : "", size);
    json_set_str(file, "text", text);
    free(text);
}

static struct json *
describe_blob(git_repository *repo, const git_tree_entry *entry)
{
    git_blob    *blob = NULL;
    struct json *file = json_new_object();
    char         id[GIT_OID_HEXSZ + 1];

    oid_text(id, git_tree_entry_id(entry));
    json_set_str(file, "blob", id);
    if (git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK)
        json_set_str(file, "error", "is a symbolic link");
    else if (git_blob_lookup(&blob, repo, git_tree_entry_id(entry)) < 0)
        json_set_str(file, "error", "cannot be read");
    else if (git_blob_rawsize(blob) > TEXT_MAX)
        json_set_str(file, "error", "is longer than 64 KiB");
    else if (!is_text(git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob)))
        json_set_str(file, "error", "is not UTF-8 text");
    else
        set_text(file, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    git_blob_free(blob);
    return file;
}

/* How many documents a directory holds. What only keeps a directory in git (.gitkeep, an empty file) says nothing. */
static int64_t
count_documents(git_repository *repo, git_tree *dir)
{
    int64_t count = 0;

    for (size_t i = 0; i < git_tree_entrycount(dir); i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(dir, i);
        git_filemode_t        mode = git_tree_entry_filemode(entry);
        git_blob             *blob = NULL;
        if ((mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE) && *git_tree_entry_name(entry) != '.' &&
            git_blob_lookup(&blob, repo, git_tree_entry_id(entry)) == 0 && git_blob_rawsize(blob) > 0)
            count++;
        git_blob_free(blob);
    }
    return count;
}

static struct json *
describe_docs(git_repository *repo, git_tree *docs)
{
    struct json *files = json_new_object();
    size_t       count = docs ? git_tree_entrycount(docs) : 0;

    for (size_t i = 0; i < count; i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(docs, i);
        const char           *name = git_tree_entry_name(entry);
        git_tree             *dir = NULL;
        if (git_tree_entry_type(entry) == GIT_OBJECT_BLOB) {
            json_set(files, name, describe_blob(repo, entry));
        } else if (git_tree_entry_type(entry) == GIT_OBJECT_TREE && git_tree_lookup(&dir, repo, git_tree_entry_id(entry)) == 0) {
            struct json *d = json_new_object();
            char        *key = xasprintf("%s/", name);
            json_set_int(d, "count", count_documents(repo, dir));
            json_set(files, key, d);
            free(key);
        }
        git_tree_free(dir);
    }
    return files;
}

void
work_collect(const struct git_home *home, const struct ask *ask, struct answer *answer, struct err *e)
{
    git_repository *repo = NULL;
    git_commit     *head = NULL;
    git_tree       *docs = NULL;
    char           *local = xasprintf("refs/heads/%s", ask->branch);
    char           *remote = xasprintf("refs/remotes/origin/%s", ask->branch);
    git_oid         there;

    if (git_check_branch(ask->branch, ask->default_branch, e) || mirror_open(&repo, home, ask, e) || ref_commit(&head, repo, local, e))
        goto out;
    if ((!ref_oid(&there, repo, remote) || !git_oid_equal(&there, git_commit_id(head))) && mirror_push(repo, home, ask, e))
        goto out;
    oid_text(answer->head, git_commit_id(head));
    docs = docs_tree(repo, head, ask->work_item);
    answer->info = json_new_object();
    json_set(answer->info, "files", describe_docs(repo, docs));
out:
    git_tree_free(docs);
    git_commit_free(head);
    git_repository_free(repo);
    free(remote);
    free(local);
}

static int
write_file(const char *path, const void *data, size_t len, struct err *e)
{
    FILE *f = fopen(path, "we");
    if (!f || fwrite(data, 1, len, f) != len || fflush(f) || fsync(fileno(f)))
        err_set(e, ERR_RETRY, "could not write \"%s\": %s", path, strerror(errno));
    if (f && fclose(f) && !e->code)
        err_set(e, ERR_RETRY, "could not write \"%s\": %s", path, strerror(errno));
    return e->code;
}

/* A tree made by hand can hold any name, and names become paths here. */
static bool
is_plain_name(const char *name)
{
    return *name && !str_equal(name, ".") && !str_equal(name, "..") && strcasecmp(name, ".git") && !strchr(name, '/') &&
           strlen(name) <= NAME_MAX;
}

/* Copies files and directories; symbolic links, submodules and what no directory can hold are left out: an archive can be read. */
static int
copy_tree(git_repository *repo, git_tree *from, const char *to, int depth, int64_t *files, struct err *e)
{
    if (make_dirs(to, e))
        return e->code;
    for (size_t i = 0; i < git_tree_entrycount(from) && !e->code; i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(from, i);
        git_filemode_t        mode = git_tree_entry_filemode(entry);
        char                 *path = xasprintf("%s/%s", to, git_tree_entry_name(entry));
        git_tree             *dir = NULL;
        git_blob             *blob = NULL;
        if (!is_plain_name(git_tree_entry_name(entry)) || strlen(path) >= PATH_MAX)
            LOGW("git.archive_left_out", "path=%s", log_quote(path));
        else if (mode == GIT_FILEMODE_TREE && depth < DEPTH_MAX && git_tree_lookup(&dir, repo, git_tree_entry_id(entry)) == 0)
            copy_tree(repo, dir, path, depth + 1, files, e);
        else if ((mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE) &&
                 git_blob_lookup(&blob, repo, git_tree_entry_id(entry)) == 0 &&
                 !write_file(path, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob), e))
            (*files)++;
        git_blob_free(blob);
        git_tree_free(dir);
        free(path);
    }
    return e->code;
}

/* The newest commit of the branch: here, or as the forge last had it. When both have gone their own way, ours is the head and the forge's
 * is kept beside it. */
static int
find_head(git_oid *out, bool *is_found, git_repository *repo, const struct ask *ask, struct err *e)
{
    char   *local = xasprintf("refs/heads/%s", ask->branch);
    char   *remote = xasprintf("refs/remotes/origin/%s", ask->branch);
    git_oid here, there;
    bool    is_here = ref_oid(&here, repo, local);
    bool    is_there = ref_oid(&there, repo, remote);

    *is_found = is_here || is_there;
    *out = is_here ? here : there;
    if (is_here && is_there && !git_oid_equal(&here, &there)) {
        if (git_graph_descendant_of(repo, &there, &here) == 1)
            *out = there;
        else if (git_graph_descendant_of(repo, &here, &there) != 1)
            keep_commit(repo, ask->task_id, &there, e);
    }
    free(remote);
    free(local);
    return e->code;
}

void
work_archive(const struct git_home *home, const struct ask *ask, struct answer *answer, struct err *e)
{
    git_repository *repo = NULL;
    git_commit     *head = NULL;
    git_tree       *docs = NULL;
    git_reference  *kept = NULL;
    char           *ref = xasprintf("refs/orch/archive/%lld", (long long)ask->task_id);
    char           *path = xasprintf("%s/archive/%lld", home->data_dir, (long long)ask->task_id);
    int64_t         files = 0;
    bool            is_found = false;
    git_oid         oid;
    int             status;

    if (mirror_open(&repo, home, ask, e) || mirror_fetch(repo, home, ask, e) || find_head(&oid, &is_found, repo, ask, e))
        goto out;
    /* A second try may find the branch gone: then what the first one kept is the archive. */
    if (is_found && (status = git_reference_create(&kept, repo, ref, &oid, 1, "orchd: archive")) < 0) {
        err_set(e, git_code(status), "could not set \"%s\": %s", ref, git_why());
        goto out;
    }
    if (ref_oid(&oid, repo, ref)) {
        if (ref_commit(&head, repo, ref, e))
            goto out;
        docs = docs_tree(repo, head, ask->work_item);
        /* Anew: what an earlier try copied may be of an older head. */
        if (docs && (remove_tree(path, e) || copy_tree(repo, docs, path, 0, &files, e)))
            goto out;
        oid_text(answer->head, &oid);
    }
    answer->info = json_new_object();
    json_set_str(answer->info, "path", files ? path : NULL);
    json_set_int(answer->info, "files", files);
out:
    git_reference_free(kept);
    git_tree_free(docs);
    git_commit_free(head);
    git_repository_free(repo);
    free(path);
    free(ref);
}
