/* gitea: the forge's deliveries, and GitHub's, whose bodies agree in all that is read here.
 * Reviews arrive as pull_request_approved and the like, with the same body. A deleted branch is told by "delete" alone: no push with a zero
 * sha comes from Gitea. Pull requests of a deleted branch name their head refs/pull/N/head. */
#include "webhook/webhook_int.h"

#include <string.h>

#include "base/str.h"

/* GitHub's word for new commits, against Gitea's. */
static const char *
spell_action(const char *action)
{
    return str_equal(action, "synchronize") ? "synchronized" : action;
}

static void
take_status(struct json *facts, struct json *body)
{
    FACT(facts, "sha", body, "sha", "commit.id", "commit.sha");
    FACT(facts, "state", body, "state");
    FACT(facts, "context", body, "context");
    FACT(facts, "description", body, "description");
    FACT(facts, "target_url", body, "target_url");
    FACT(facts, "updated_at", body, "updated_at", "created_at");
}

static void
take_push(struct json *facts, struct json *body)
{
    FACT(facts, "ref", body, "ref");
    FACT(facts, "before", body, "before");
    FACT(facts, "after", body, "after");
    FACT(facts, "pusher", body, "pusher.login", "pusher.username", "pusher.name");
}

static void
take_pull(struct json *facts, struct json *body)
{
    int64_t number;

    if (json_int(body, "number", &number) || json_int(body, "pull_request.number", &number))
        json_set_int(facts, "number", number);
    FACT(facts, "head_ref", body, "pull_request.head.ref");
    FACT(facts, "head_sha", body, "pull_request.head.sha");
    FACT(facts, "base_ref", body, "pull_request.base.ref");
    json_set_bool(facts, "merged", json_bool(body, "pull_request.merged"));
    FACT(facts, "merge_commit_sha", body, "pull_request.merge_commit_sha");
    FACT(facts, "updated_at", body, "pull_request.updated_at");
}

/* An id is a key only while it looks like one: it stands in a header that no signature covers. */
static bool
is_good_id(const char *id)
{
    size_t len = id ? strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") : 0;

    return len && len <= 100 && !id[len];
}

void
inbound_from_forge(struct inbound *out, const char *source, const struct delivery *d, struct json *body)
{
    struct json *facts = json_new_object();

    json_scrub_nul(body);
    out->source = source;
    out->kind = facts_kind(d->event);
    out->facts = facts;
    out->delivery_key = xstrdup(is_good_id(d->id) ? d->id : signature_digest(d->body, d->len).text);
    FACT(facts, "repo", body, "repository.full_name");
    if (json_str(body, "action"))
        json_set_str(facts, "action", spell_action(json_str(body, "action")));
    if (str_equal(out->kind, "status")) {
        take_status(facts, body);
    } else if (str_equal(out->kind, "push")) {
        take_push(facts, body);
    } else if (str_equal(out->kind, "create") || str_equal(out->kind, "delete")) {
        FACT(facts, "ref", body, "ref");
        FACT(facts, "ref_type", body, "ref_type");
        FACT(facts, "sha", body, "sha");
    } else if (json_at(body, "pull_request")) {
        take_pull(facts, body);
        FACT(facts, "review", body, "review.type", "review.state");
    }
}
