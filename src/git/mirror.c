/* Mirrors: made bare when first needed, fetched with prune, pushed to branch by branch. A mirror that libgit2 cannot open is an error that
 * names its path: it holds archives, so it is never thrown away by us. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "git/git_int.h"

enum { DIR_MODE = 0750 };

const char *
git_why(void)
{
    const git_error *last = git_error_last();
    return last && last->message ? last->message : "no reason given";
}

enum err_code
git_code(int status)
{
    const git_error *last = git_error_last();
    switch (status) {
    case GIT_ENOTFOUND:
        return ERR_GONE;
    case GIT_EAUTH:
    case GIT_ECERTIFICATE:
        return ERR_DENIED;
    case GIT_EINVALIDSPEC:
    case GIT_ENONFASTFORWARD:
        return ERR_INVALID;
    case GIT_ELOCKED:
        return ERR_RETRY;
    default:
        break;
    }
    return last && (last->klass == GIT_ERROR_NET || last->klass == GIT_ERROR_OS || last->klass == GIT_ERROR_SSH ||
                    last->klass == GIT_ERROR_HTTP)
               ? ERR_RETRY
               : ERR_BUG;
}

int
make_dirs(const char *path, struct err *e)
{
    char *copy = xstrdup(path);
    for (char *p = copy + 1; !e->code; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char kept = *p;
        *p = '\0';
        if (mkdir(copy, DIR_MODE) && errno != EEXIST)
            err_set(e, ERR_RETRY, "could not make directory \"%s\": %s", copy, strerror(errno));
        if (kept == '\0')
            break;
        *p = kept;
    }
    free(copy);
    return e->code;
}

/* owner/name becomes a path, so it must be no more than that. */
static bool
is_repo_name(const char *repo)
{
    size_t slashes = 0;
    if (!repo || strspn(repo, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/") != strlen(repo))
        return false;
    for (const char *p = repo; *p; p++)
        slashes += *p == '/';
    return slashes == 1 && *repo != '/' && *repo != '.' && !strstr(repo, "/.") && repo[strlen(repo) - 1] != '/';
}

static int
make_mirror(git_repository **out, const char *path, const struct ask *ask, struct err *e)
{
    git_remote *remote = NULL;
    char       *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    char       *tmp = xasprintf("%s.new", path);
    int         status;

    if (make_dirs(parent, e))
        goto out;
    if ((status = git_repository_init(out, tmp, 1)) < 0 ||
        (status = git_remote_create_with_fetchspec(&remote, *out, "origin", ask->clone_url, "+refs/heads/*:refs/remotes/origin/*")) < 0) {
        err_set(e, git_code(status), "could not make the mirror of \"%s\" in \"%s\": %s", ask->repo, path, git_why());
        goto out;
    }
    git_repository_free(*out);
    *out = NULL;
    /* Made aside and moved, so that a crash in between leaves no half mirror under the name that is opened. */
    if (rename(tmp, path)) {
        err_set(e, ERR_RETRY, "could not move the mirror of \"%s\" to \"%s\": %s", ask->repo, path, strerror(errno));
        goto out;
    }
    if ((status = git_repository_open_bare(out, path)) < 0)
        err_set(e, git_code(status), "could not open the mirror of \"%s\" in \"%s\": %s", ask->repo, path, git_why());
out:
    git_remote_free(remote);
    free(tmp);
    free(parent);
    return e->code;
}

int
mirror_open(git_repository **out, const struct git_home *home, const struct ask *ask, struct err *e)
{
    char       *path = NULL;
    struct stat st;
    int         status;

    if (!is_repo_name(ask->repo)) {
        err_set(e, ERR_INVALID, "repo \"%s\" is no owner/name", ask->repo ? ask->repo : "");
        return e->code;
    }
    path = xasprintf("%s/mirrors/%s.git", home->data_dir, ask->repo);
    if (stat(path, &st) && errno == ENOENT) {
        make_mirror(out, path, ask, e);
    } else if ((status = git_repository_open_bare(out, path)) < 0) {
        err_set(e, ERR_BUG, "cannot open the mirror of \"%s\": %s; look at \"%s\", and move it away to have it made anew", ask->repo,
                git_why(), path);
    } else if ((status = git_remote_set_url(*out, "origin", ask->clone_url)) < 0) {
        err_set(e, git_code(status), "could not set the address of the mirror in \"%s\": %s", path, git_why());
    }
    free(path);
    return e->code;
}

/* One try with the token: a forge that refuses it would be asked for ever otherwise. */
struct credentials {
    const struct git_home *home;
    unsigned               asked;
};

static int
on_credentials(git_credential **out, const char *url, const char *user, unsigned allowed, void *arg)
{
    struct credentials *c = arg;
    (void)url;
    if (c->asked++ > 0)
        return GIT_EAUTH;
    if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) && c->home->token)
        return git_credential_userpass_plaintext_new(out, user && *user ? user : "orchd", c->home->token);
    if (allowed & GIT_CREDENTIAL_SSH_KEY)
        return git_credential_ssh_key_from_agent(out, user);
    return GIT_EAUTH;
}

int
mirror_fetch(git_repository *repo, const struct git_home *home, struct err *e)
{
    git_remote        *remote = NULL;
    git_fetch_options  o;
    struct credentials c = { .home = home };
    int                status;

    git_fetch_options_init(&o, GIT_FETCH_OPTIONS_VERSION);
    o.prune = GIT_FETCH_PRUNE;
    o.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    o.callbacks.credentials = on_credentials;
    o.callbacks.payload = &c;
    if ((status = git_remote_lookup(&remote, repo, "origin")) < 0 || (status = git_remote_fetch(remote, NULL, &o, NULL)) < 0)
        err_set(e, git_code(status) == ERR_GONE ? ERR_RETRY : git_code(status), "could not fetch \"%s\": %s",
                remote ? git_remote_url(remote) : "origin", git_why());
    git_remote_free(remote);
    return e->code;
}

static int
on_push_update(const char *ref, const char *status, void *arg)
{
    struct err *e = ((void **)arg)[1];
    if (status)
        err_set(e, ERR_DENIED, "the forge refused \"%s\": %s", ref, status);
    return 0;
}

/* The push callbacks share one payload: credentials first. */
static int
on_push_credentials(git_credential **out, const char *url, const char *user, unsigned allowed, void *arg)
{
    return on_credentials(out, url, user, allowed, ((void **)arg)[0]);
}

int
mirror_push(git_repository *repo, const struct git_home *home, const struct ask *ask, struct err *e)
{
    git_remote        *remote = NULL;
    git_push_options   o;
    struct credentials c = { .home = home };
    struct err         refused = ERR_INIT;
    void              *both[] = { &c, &refused };
    char              *spec = NULL;
    int                status;

    if (git_check_branch(ask->branch, ask->default_branch, e))
        return e->code;
    git_push_options_init(&o, GIT_PUSH_OPTIONS_VERSION);
    spec = xasprintf("refs/heads/%s:refs/heads/%s", ask->branch, ask->branch);
    git_strarray specs = { .strings = &spec, .count = 1 };
    o.callbacks.credentials = on_push_credentials;
    o.callbacks.push_update_reference = on_push_update;
    o.callbacks.payload = both;
    if ((status = git_remote_lookup(&remote, repo, "origin")) < 0 || (status = git_remote_push(remote, &specs, &o)) < 0)
        err_set(e, git_code(status), "could not push branch \"%s\": %s", ask->branch, git_why());
    else if (refused.code)
        *e = refused;
    git_remote_free(remote);
    free(spec);
    return e->code;
}

void
oid_text(char out[GIT_OID_HEXSZ + 1], const git_oid *oid)
{
    git_oid_tostr(out, GIT_OID_HEXSZ + 1, oid);
}

bool
ref_oid(git_oid *out, git_repository *repo, const char *ref)
{
    return git_reference_name_to_id(out, repo, ref) == 0;
}

int
ref_commit(git_commit **out, git_repository *repo, const char *ref, struct err *e)
{
    git_oid oid;
    int     status;
    if ((status = git_reference_name_to_id(&oid, repo, ref)) < 0 || (status = git_commit_lookup(out, repo, &oid)) < 0)
        err_set(e, git_code(status), "could not find \"%s\": %s", ref, git_why());
    return e->code;
}
