/* gitea: the forge's REST API as typed verbs. Names of branches are percent-encoded, redirects (a renamed repo) are refused.
 * Results are borrowed until the callback returns. On failure (e set) only refusal and retry_after_ms of r count; r is never NULL. */
#ifndef ORCH_API_GITEA_H
#define ORCH_API_GITEA_H

#include <stdint.h>

#include "api/call.h"

struct gitea;

/* Refusals that a caller branches on. */
enum gitea_refusal {
    GITEA_NO_REFUSAL,
    GITEA_EXISTS,     /* gitea_open_pull: there is an open pull request of these branches */
    GITEA_NOT_NOW,    /* gitea_merge 405: still checking, a protection, or merged already: look at the pull request */
    GITEA_HEAD_MOVED, /* gitea_merge: the branch has other commits than the caller thinks */
    GITEA_CONFLICT    /* gitea_merge: the forge says that it cannot be merged */
};

struct gitea_result {
    int64_t            number; /* of a pull request; with GITEA_EXISTS the one that is there, 0 when the forge did not tell */
    const char        *head_ref, *head_sha, *base_ref;
    const char        *merge_sha; /* "" while not merged */
    bool               is_open, is_merged;
    struct json       *statuses;  /* gitea_statuses: [{"context","state","updated_at","target_url"}], the newest of each context */
    bool               can_merge; /* gitea_branch: whether we may merge into it */
    struct json       *hooks;     /* gitea_hooks: [{"id","active","events","config":{"url","content_type"}}], as the forge has them */
    enum gitea_refusal refusal;
    int64_t            retry_after_ms; /* -1 = the forge did not say */
};
typedef void gitea_fn(const struct gitea_result *r, const struct err *e, void *arg);

/* url: scheme, host and perhaps a path, with or without a final slash. Texts are copied. fetch outlives it. */
struct gitea *gitea_new(struct fetch *f, const char *url, const char *token);
void          gitea_free(struct gitea *g); /* NULL is fine; after its calls have ended or were cancelled */

/* repo is owner/name; branches are without refs/heads/. */
struct api_call *gitea_open_pull(struct gitea *g, const char *repo, const char *base, const char *head, const char *title, const char *body,
                                 gitea_fn *fn, void *arg);
struct api_call *gitea_find_pull(struct gitea *g, const char *repo, const char *base, const char *head, gitea_fn *fn, void *arg);
struct api_call *gitea_get_pull(struct gitea *g, const char *repo, int64_t number, gitea_fn *fn, void *arg);
/* A page of a commit's statuses, the first being 1; an empty one is behind the last. */
struct api_call *gitea_statuses(struct gitea *g, const char *repo, const char *sha, int page, gitea_fn *fn, void *arg);
/* A merge commit of exactly this head; the branch stays. Success is 200; 201 means "later" and is ERR_RETRY. */
struct api_call *gitea_merge(struct gitea *g, const char *repo, int64_t number, const char *head, gitea_fn *fn, void *arg);
struct api_call *gitea_branch(struct gitea *g, const char *repo, const char *branch, gitea_fn *fn, void *arg);
/* The webhooks of the repository itself, fifty at most. The forge shows them to administrators of the repository only, and no secret. */
struct api_call *gitea_hooks(struct gitea *g, const char *repo, gitea_fn *fn, void *arg);
/* A branch that is not there is success. Refuses nothing by itself: ask git_check_branch() first. */
struct api_call *gitea_delete_branch(struct gitea *g, const char *repo, const char *branch, gitea_fn *fn, void *arg);

#endif
