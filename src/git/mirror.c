/* Mirrors: made bare when first needed, fetched with prune, pushed to branch by branch. A mirror that libgit2 cannot open is an error that
 * names its path: it holds archives, so it is never thrown away by us. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/str.h"
#include "git/git_int.h"

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
                    last->klass == GIT_ERROR_SSL || last->klass == GIT_ERROR_HTTP)
               ? ERR_RETRY
               : ERR_BUG;
}

#define FETCH_SPEC "+refs/heads/*:refs/remotes/origin/*"

/* libgit2 follows a redirect within one host in any case. To another one it would take our token along. */
#define OUR_HOST_ONLY GIT_REMOTE_REDIRECT_NONE

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

/* "origin" for agents that look at it. Written as text: libgit2 1.5 leaks two megabytes with each remote looked up or made by name. */
static int
write_origin(git_repository *repo, const struct ask *ask)
{
    git_config *config = NULL;
    int         status = git_repository_config(&config, repo);
    if (status == 0 && (status = git_config_set_string(config, "remote.origin.url", ask->clone_url)) == 0)
        status = git_config_set_string(config, "remote.origin.fetch", FETCH_SPEC);
    git_config_free(config);
    return status;
}

static int
make_mirror(git_repository **out, const char *path, const struct ask *ask, struct err *e)
{
    char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    char *tmp = xasprintf("%s.new", path);
    int   status;

    /* The leftovers of a crash while it was made. */
    if (make_dirs(parent, e) || remove_tree(tmp, e))
        goto out;
    if ((status = git_repository_init(out, tmp, 1)) < 0 || (status = write_origin(*out, ask)) < 0) {
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
    free(tmp);
    free(parent);
    return e->code;
}

int
mirror_open(git_repository **out, const struct git_home *home, const struct ask *ask, struct err *e)
{
    char       *path = NULL;
    struct stat st;

    if (!is_repo_name(ask->repo)) {
        err_set(e, ERR_INVALID, "repo \"%s\" is no owner/name", ask->repo ? ask->repo : "");
        return e->code;
    }
    path = xasprintf("%s/mirrors/%s.git", home->data_dir, ask->repo);
    if (stat(path, &st) && errno == ENOENT) {
        make_mirror(out, path, ask, e);
    } else if (git_repository_open_bare(out, path) < 0) {
        err_set(e, ERR_BUG, "cannot open the mirror of \"%s\": %s; look at \"%s\", and move it away to have it made anew", ask->repo,
                git_why(), path);
    }
    free(path);
    return e->code;
}

/* The forge as the task names it. Agents can write to the mirror's configuration, which could send our token elsewhere; so what it says of
 * "origin" is for their convenience only, and never read by us. */
static int
open_remote(git_remote **out, git_repository *repo, const struct ask *ask, struct err *e)
{
    git_remote_create_options o;
    int                       status;

    git_remote_create_options_init(&o, GIT_REMOTE_CREATE_OPTIONS_VERSION);
    o.repository = repo;
    o.fetchspec = FETCH_SPEC;
    o.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF;
    if ((status = git_remote_create_with_opts(out, ask->clone_url, &o)) < 0)
        err_set(e, git_code(status), "cannot use the address \"%s\": %s", ask->clone_url, git_why());
    return e->code;
}

struct credentials {
    const struct git_home *home;
    unsigned               tries;
};

/* One try with the token: a forge that refuses it would be asked for ever otherwise. */
static int
on_credentials(git_credential **out, const char *url, const char *user, unsigned allowed, void *arg)
{
    struct credentials *c = arg;
    (void)url;
    if (allowed & GIT_CREDENTIAL_USERNAME)
        return git_credential_username_new(out, "git");
    if (c->tries++ > 0) {
        git_error_set_str(GIT_ERROR_HTTP, "the forge refused our credentials");
        return GIT_EAUTH;
    }
    if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) && c->home->token)
        return git_credential_userpass_plaintext_new(out, user && *user ? user : "orchd", c->home->token);
    if (allowed & GIT_CREDENTIAL_SSH_KEY)
        return git_credential_ssh_key_from_agent(out, user);
    git_error_set_str(GIT_ERROR_HTTP, "the forge wants credentials, and there are none");
    return GIT_EAUTH;
}

/* Prunes before it updates, as git does and git_remote_fetch() does not: a branch that became a directory of branches is in the way of its
 * successors. */
static int
fetch_from(git_remote *remote, git_fetch_options *o)
{
    git_remote_connect_options c;
    int                        status;

    git_remote_connect_options_init(&c, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
    c.callbacks = o->callbacks;
    c.follow_redirects = o->follow_redirects;
    if ((status = git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &c)) < 0 || (status = git_remote_download(remote, NULL, o)) < 0 ||
        (status = git_remote_prune(remote, &o->callbacks)) < 0)
        return status;
    return git_remote_update_tips(remote, &o->callbacks, 0, o->download_tags, "orchd: fetch");
}

int
mirror_fetch(git_repository *repo, const struct git_home *home, const struct ask *ask, struct err *e)
{
    git_remote        *remote = NULL;
    git_fetch_options  o;
    struct credentials c = { .home = home };
    int                status;

    if (open_remote(&remote, repo, ask, e))
        goto out;
    git_fetch_options_init(&o, GIT_FETCH_OPTIONS_VERSION);
    o.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    o.follow_redirects = OUR_HOST_ONLY;
    o.callbacks.credentials = on_credentials;
    o.callbacks.payload = &c;
    if ((status = fetch_from(remote, &o)) < 0)
        err_set(e, git_code(status) == ERR_GONE ? ERR_RETRY : git_code(status), "could not fetch \"%s\" into \"%s\": %s", ask->clone_url,
                git_repository_path(repo), git_why());
out:
    git_remote_free(remote);
    return e->code;
}

/* What the callbacks of a push share. */
struct push {
    struct credentials credentials;
    const struct ask  *ask;
    struct err         refused;
};

static int
on_push_update(const char *ref, const char *status, void *arg)
{
    struct push *p = arg;
    if (status)
        err_set(&p->refused, ERR_DENIED, "the forge refused \"%s\": %s", ref, status);
    return 0;
}

static int
on_push_credentials(git_credential **out, const char *url, const char *user, unsigned allowed, void *arg)
{
    struct push *p = arg;
    return on_credentials(out, url, user, allowed, &p->credentials);
}

/* Whoever has lost the right to push may be succeeded by somebody who has it. */
static bool
is_too_late(struct push *p)
{
    int64_t until_ms = p->ask->push_until_ms;
    bool    is = until_ms && clock_boot_ms() >= until_ms;
    if (is)
        err_set(&p->refused, ERR_RETRY, "could not push in time: the right to do so has ended");
    return is;
}

/* The last moment at which nothing has been asked of the forge. */
static int
on_push_negotiated(const git_push_update **updates, size_t count, void *arg)
{
    (void)updates;
    (void)count;
    return is_too_late(arg) ? GIT_EUSER : 0;
}

static int
on_push_progress(unsigned sent, unsigned total, size_t bytes, void *arg)
{
    (void)sent;
    (void)total;
    (void)bytes;
    return is_too_late(arg) ? GIT_EUSER : 0;
}

int
mirror_push(git_repository *repo, const struct git_home *home, const struct ask *ask, struct err *e)
{
    git_remote      *remote = NULL;
    git_push_options o;
    struct push      p = { .credentials = { .home = home }, .ask = ask, .refused = ERR_INIT };
    char            *spec = NULL;
    int              status = 0;

    if (git_check_branch(ask->branch, ask->default_branch, e))
        return e->code;
    git_push_options_init(&o, GIT_PUSH_OPTIONS_VERSION);
    spec = xasprintf("refs/heads/%s:refs/heads/%s", ask->branch, ask->branch);
    git_strarray specs = { .strings = &spec, .count = 1 };
    o.follow_redirects = OUR_HOST_ONLY;
    o.callbacks.credentials = on_push_credentials;
    o.callbacks.push_update_reference = on_push_update;
    o.callbacks.push_negotiation = on_push_negotiated;
    o.callbacks.push_transfer_progress = on_push_progress;
    o.callbacks.payload = &p;
    if (!open_remote(&remote, repo, ask, e))
        status = git_remote_push(remote, &specs, &o);
    if (!e->code && p.refused.code)
        *e = p.refused;
    else if (status < 0)
        err_set(e, git_code(status), "could not push branch \"%s\": %s", ask->branch, git_why());
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
