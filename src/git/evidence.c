/* Evidence and archive: what the branch head says, never the working tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "git/git_int.h"

enum { TEXT_MAX = 64 * 1024, FILE_MAX = 1024 * 1024 };

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

static struct json *
describe_blob(git_repository *repo, const git_tree_entry *entry)
{
    git_blob    *blob = NULL;
    struct json *file = json_new_object();

    if (git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK)
        json_set_str(file, "error", "is a symbolic link");
    else if (git_blob_lookup(&blob, repo, git_tree_entry_id(entry)) < 0)
        json_set_str(file, "error", "cannot be read");
    else if (git_blob_rawsize(blob) > FILE_MAX)
        json_set_str(file, "error", "is larger than 1 MiB");
    else {
        size_t size = (size_t)git_blob_rawsize(blob);
        char  *text = xstrndup(git_blob_rawcontent(blob), size < TEXT_MAX ? size : TEXT_MAX);
        if (memchr(git_blob_rawcontent(blob), 0, size) || !str_is_utf8(git_blob_rawcontent(blob), size))
            json_set_str(file, "error", "is not UTF-8 text");
        else if (size > TEXT_MAX && !str_is_utf8(text, strlen(text)))
            json_set_str(file, "error", "is not cut at a character"); /* 64 KiB end inside one: too long for a verdict anyway */
        else
            json_set_str(file, "text", text);
        free(text);
    }
    git_blob_free(blob);
    return file;
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
            json_set_int(d, "count", (int64_t)git_tree_entrycount(dir));
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

/* Copies files and directories; symbolic links and submodules are left out: an archive holds what can be read. */
static int
copy_tree(git_repository *repo, git_tree *from, const char *to, int64_t *files, struct err *e)
{
    if (make_dirs(to, e))
        return e->code;
    for (size_t i = 0; i < git_tree_entrycount(from) && !e->code; i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(from, i);
        char                 *path = xasprintf("%s/%s", to, git_tree_entry_name(entry));
        git_tree             *dir = NULL;
        git_blob             *blob = NULL;
        if (git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE && git_tree_lookup(&dir, repo, git_tree_entry_id(entry)) == 0)
            copy_tree(repo, dir, path, files, e);
        else if ((git_tree_entry_filemode(entry) == GIT_FILEMODE_BLOB || git_tree_entry_filemode(entry) == GIT_FILEMODE_BLOB_EXECUTABLE) &&
                 git_blob_lookup(&blob, repo, git_tree_entry_id(entry)) == 0 &&
                 !write_file(path, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob), e))
            (*files)++;
        git_blob_free(blob);
        git_tree_free(dir);
        free(path);
    }
    return e->code;
}

/* The newest commit of the branch that can be found: here, else as the forge last had it. */
static bool
find_head(git_oid *out, git_repository *repo, const struct ask *ask)
{
    char *local = xasprintf("refs/heads/%s", ask->branch);
    char *remote = xasprintf("refs/remotes/origin/%s", ask->branch);
    bool  found = ref_oid(out, repo, local) || ref_oid(out, repo, remote);
    free(remote);
    free(local);
    return found;
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
    git_oid         oid;
    int             status;

    if (mirror_open(&repo, home, ask, e) || mirror_fetch(repo, home, e))
        goto out;
    /* A second try may find the branch gone: then what the first one kept is the archive. */
    if (find_head(&oid, repo, ask) && (status = git_reference_create(&kept, repo, ref, &oid, 1, "orchd: archive")) < 0) {
        err_set(e, git_code(status), "could not set \"%s\": %s", ref, git_why());
        goto out;
    }
    if (ref_oid(&oid, repo, ref)) {
        if (ref_commit(&head, repo, ref, e))
            goto out;
        docs = docs_tree(repo, head, ask->work_item);
        if (docs && copy_tree(repo, docs, path, &files, e))
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
