/* doctor, forge: the token, what it may in each repository, and the webhook there. */
#include <stdlib.h>
#include <string.h>

#include "api/gitea.h"
#include "base/check.h"
#include "base/str.h"
#include "ctl/doctor.h"

struct answer {
    struct doctor *doctor;
    struct err     e;
    bool           can_merge;
    struct json   *hooks;
};

static void
on_answer(const struct gitea_result *r, const struct err *e, void *arg)
{
    struct answer *a = arg;

    if (e) {
        a->e = *e;
    } else {
        a->can_merge = r->can_merge;
        a->hooks = json_copy(r->hooks);
    }
    loop_quit(a->doctor->loop);
}

/* --- rights ------------------------------------------------------------------------------------------------------------------------------ */

static void
say_failed(struct doctor *d, const char *check, const struct err *e)
{
    doctor_say(d, DOCTOR_FAIL, check, "%s", e->text);
    if (e->code == ERR_DENIED)
        doctor_mend(d, "make a token as the bot account, with the scope write:repository, and put it into ORCH_GITEA_TOKEN");
    else if (e->code == ERR_GONE)
        doctor_mend(d, "give the bot account write permission there, or correct repository and default branch: orchctl projects");
    else
        doctor_mend(d, "correct ORCH_GITEA_URL, or bring the forge back");
}

/* A pull request of a branch into itself is refused by everybody who may open one (422), so nothing comes of the question. */
static bool
may_write(struct doctor *d, struct gitea *gitea, const char *check, const char *repo, const char *branch)
{
    struct answer a = { .doctor = d };

    gitea_open_pull(gitea, repo, branch, branch, "orchctl doctor asks whether it may write", NULL, on_answer, &a);
    loop_run(d->loop);
    if (a.e.code && a.e.code != ERR_INVALID)
        say_failed(d, check, &a.e);
    return !a.e.code || a.e.code == ERR_INVALID;
}

static bool
check_rights(struct doctor *d, struct gitea *gitea, const char *check, const char *repo, const char *branch)
{
    struct answer a = { .doctor = d };

    gitea_branch(gitea, repo, branch, on_answer, &a);
    loop_run(d->loop);
    if (a.e.code) {
        say_failed(d, check, &a.e);
        return false;
    }
    if (!may_write(d, gitea, check, repo, branch))
        return true;
    if (a.can_merge) {
        doctor_say(d, DOCTOR_OK, check, "the token may write, and merge into %s", branch);
    } else {
        doctor_say(d, DOCTOR_FAIL, check, "the bot account may not merge into %s", branch);
        doctor_mend(d, "give it write permission in %s, and name it in the protection of %s among those who may merge", repo, branch);
    }
    return true;
}

/* --- the webhook ------------------------------------------------------------------------------------------------------------------------- */

static bool
is_ours(const struct config *c, struct json *hook)
{
    static const char path[] = "/webhook/gitea";
    const char       *url = json_str(hook, "config.url");
    size_t            len = url ? strlen(url) : 0, base = strlen(c->public_url);

    if (base)
        return len == base + strlen(path) && strncmp(url, c->public_url, base) == 0 && str_equal(url + base, path);
    return len > strlen(path) && str_equal(url + len - strlen(path), path);
}

static bool
has_event(struct json *hook, const char *event)
{
    struct json *events = json_at(hook, "events");

    for (size_t i = 0; i < json_len(events); i++)
        if (str_equal(json_str(json_item(events, i), ""), event))
            return true;
    return false;
}

static void
judge_hook(struct doctor *d, const char *check, const char *repo, struct json *hook, const char *age)
{
    static const char *const events[] = { "push", "pull_request", "status" };
    const char              *lacking = NULL;

    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        lacking = has_event(hook, events[i]) ? lacking : events[i];
    if (!json_bool(hook, "active")) {
        doctor_say(d, DOCTOR_FAIL, check, "it is there, but not active");
        doctor_mend(d, "in the settings of %s, Webhooks: switch it on", repo);
    } else if (lacking) {
        doctor_say(d, DOCTOR_FAIL, check, "it does not send the event \"%s\"", lacking);
        doctor_mend(d, "in the settings of %s, Webhooks: let it send push, pull request and status", repo);
    } else if (!str_equal(json_str(hook, "config.content_type"), "json")) {
        doctor_say(d, DOCTOR_FAIL, check, "its content type is \"%.40s\", and only application/json is taken",
                   json_str(hook, "config.content_type"));
        doctor_mend(d, "in the settings of %s, Webhooks: content type application/json", repo);
    } else if (age) {
        doctor_say(d, DOCTOR_OK, check, "it is active, and signed deliveries come; the last one %s ago", age);
    } else {
        doctor_say(d, DOCTOR_WARN, check,
                   "it is active, but no delivery came within a day, and the forge does not tell whether it is signed");
        doctor_mend(d, "press Test Delivery in the settings of that webhook, then orchctl doctor again");
    }
}

static void
judge_hooks(struct doctor *d, const char *check, const char *repo, struct json *hooks)
{
    const char *age = doctor_last_delivery(d, "gitea", repo);
    const char *base = *d->cfg->public_url ? d->cfg->public_url : "https://<address of orchd>";

    for (size_t i = 0; i < json_len(hooks); i++)
        if (is_ours(d->cfg, json_item(hooks, i))) {
            judge_hook(d, check, repo, json_item(hooks, i), age);
            return;
        }
    if (age) {
        doctor_say(d, DOCTOR_OK, check, "the repository has none to %s, but signed deliveries come; the last one %s ago", base, age);
        return;
    }
    doctor_say(d, DOCTOR_FAIL, check, "the repository has none to %s/webhook/gitea", base);
    doctor_mend(d,
                "in the settings of %s, Webhooks, add one of type Gitea: %s/webhook/gitea, application/json, the secret that is in "
                "ORCH_GITEA_WEBHOOK_SECRET, events push, pull request and status, active",
                repo, base);
}

static void
check_hooks(struct doctor *d, struct gitea *gitea, const char *repo)
{
    struct answer a = { .doctor = d };
    char         *check = xasprintf("webhook %s", repo);
    const char   *age = doctor_last_delivery(d, "gitea", repo);

    gitea_hooks(gitea, repo, on_answer, &a);
    loop_run(d->loop);
    if (!a.e.code) {
        judge_hooks(d, check, repo, a.hooks);
    } else if (a.e.code == ERR_DENIED && age) {
        doctor_say(d, DOCTOR_OK, check, "signed deliveries come; the last one %s ago", age);
    } else if (a.e.code == ERR_DENIED) {
        doctor_say(d, DOCTOR_WARN, check,
                   "the forge shows webhooks to administrators of the repository only, and no delivery came within a day");
        doctor_mend(d, "press Test Delivery in the settings of that webhook, then orchctl doctor again");
    } else {
        say_failed(d, check, &a.e);
    }
    json_free(a.hooks);
    free(check);
}

/* --- all of it --------------------------------------------------------------------------------------------------------------------------- */

/* Of two projects in one repository the first speaks for both. */
static bool
is_repeated(struct json *projects, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (str_equal(json_str(json_item(projects, i), "repo"), json_str(json_item(projects, at), "repo")))
            return true;
    return false;
}

static void
check_repo(struct doctor *d, struct gitea *gitea, struct json *project)
{
    const char *repo = json_str(project, "repo");
    char       *check = xasprintf("forge %s", repo);

    if (check_rights(d, gitea, check, repo, json_str(project, "default_branch")))
        check_hooks(d, gitea, repo);
    free(check);
}

static bool
is_set_up(struct doctor *d)
{
    if (str_is_blank(d->cfg->gitea_url)) {
        doctor_say(d, DOCTOR_WARN, "forge", "ORCH_GITEA_URL is not set: no pull request can be opened or merged");
        doctor_mend(d, "set ORCH_GITEA_URL and ORCH_GITEA_TOKEN");
    } else if (str_is_blank(d->cfg->gitea_token)) {
        doctor_say(d, DOCTOR_FAIL, "forge", "ORCH_GITEA_TOKEN is not set");
        doctor_mend(d, "make a token as the bot account, with the scope write:repository, and put it into ORCH_GITEA_TOKEN");
    } else if (!d->projects) {
        doctor_say(d, DOCTOR_WARN, "forge", "its repositories were not asked for, since the database does not tell them");
    } else {
        return true;
    }
    return false;
}

void
doctor_check_forge(struct doctor *d)
{
    struct gitea *gitea;

    if (!is_set_up(d))
        return;
    gitea = gitea_new(d->fetch, d->cfg->gitea_url, d->cfg->gitea_token);
    for (size_t i = 0; i < json_len(d->projects); i++)
        if (!is_repeated(d->projects, i))
            check_repo(d, gitea, json_item(d->projects, i));
    gitea_free(gitea);
}
