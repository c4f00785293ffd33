/* doctor, board: the key, and of each project whether it can be read and has the statuses that people need. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/plane.h"
#include "base/check.h"
#include "base/str.h"
#include "ctl/doctor.h"

/* What orch.status_key() knows, and what is lost without it. */
static const struct {
    const char         *name;
    enum doctor_verdict verdict;
    const char         *without;
} wanted[] = {
    { "STOP", DOCTOR_FAIL, "nobody can stop a task from the board" },
    { "To Analyse", DOCTOR_FAIL, "no task can begin" },
    { "Approved", DOCTOR_FAIL, "nobody can approve an analysis from the board" },
    { "Rejected", DOCTOR_FAIL, "nobody can send a task back from the board" },
    { "Confirm Deploy", DOCTOR_FAIL, "nobody can confirm a deploy from the board" },
    { "Analysis", DOCTOR_WARN, "the board does not show that stage" },
    { "Architecture", DOCTOR_WARN, "the board does not show that stage" },
    { "Development", DOCTOR_WARN, "the board does not show that stage" },
    { "Review", DOCTOR_WARN, "the board does not show that stage" },
    { "Testing", DOCTOR_WARN, "the board does not show that stage" },
    { "Deploying", DOCTOR_WARN, "the board does not show that stage" },
    { "Awaiting Deploy", DOCTOR_WARN, "the board does not show that a deploy waits for a person" },
    { "Needs Input", DOCTOR_WARN, "the board does not show that an agent has a question" },
    { "Blocked", DOCTOR_WARN, "the board does not show that a task is blocked" },
    { "Done", DOCTOR_WARN, "the board does not show that a task is done" },
};

struct answer {
    struct doctor *doctor;
    struct err     e;
    struct json   *states;
};

static void
on_answer(const struct plane_result *r, const struct err *e, void *arg)
{
    struct answer *a = arg;

    if (e)
        a->e = *e;
    else
        a->states = json_copy(r->states);
    loop_quit(a->doctor->loop);
}

/* Without case and outer blanks, as orchd compares. */
static bool
is_named(const char *name, const char *wanted_name)
{
    size_t len = strlen(wanted_name);

    name += strspn(name, " \t");
    return strncasecmp(name, wanted_name, len) == 0 && name[len + strspn(name + len, " \t")] == '\0';
}

static struct json *
find_state(struct json *states, const char *name)
{
    for (size_t i = 0; i < json_len(states); i++)
        if (is_named(json_str(json_item(states, i), "name"), name))
            return json_item(states, i);
    return NULL;
}

/* What is switched off needs no status. */
static bool
is_needed(const struct config *c, const char *name)
{
    return !(str_equal(name, "STOP") && !c->stop_status_enabled) && !(str_equal(name, "Confirm Deploy") && !c->confirm_deploy_enabled);
}

static void
judge_states(struct doctor *d, const char *check, struct json *states)
{
    struct json *stop = find_state(states, "STOP");
    bool         is_good = true;

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (find_state(states, wanted[i].name) || !is_needed(d->cfg, wanted[i].name))
            continue;
        is_good = false;
        doctor_say(d, wanted[i].verdict, check, "there is no status \"%s\": %s", wanted[i].name, wanted[i].without);
        doctor_mend(d, "add the status %s in the project's settings, States", wanted[i].name);
    }
    if (stop && !str_equal(json_str(stop, "group"), "cancelled")) {
        is_good = false;
        doctor_say(d, DOCTOR_FAIL, check, "STOP is in the group \"%s\": on the board a stopped issue looks as if it went on",
                   json_str(stop, "group"));
        doctor_mend(d, "move the status STOP into the group cancelled, in the project's settings, States");
    }
    if (is_good)
        doctor_say(d, DOCTOR_OK, check, "it has the statuses that are needed, and STOP is in the group cancelled");
}

static void
check_project(struct doctor *d, struct plane *plane, struct json *project)
{
    struct answer a = { .doctor = d };
    char         *check = xasprintf("board %s", json_str(project, "name"));

    plane_states(plane, json_str(project, "plane_workspace"), json_str(project, "plane_project_id"), on_answer, &a);
    loop_run(d->loop);
    if (!a.e.code) {
        judge_states(d, check, a.states);
    } else {
        doctor_say(d, DOCTOR_FAIL, check, "its statuses cannot be read: %s", a.e.text);
        if (a.e.code == ERR_RETRY)
            doctor_mend(d, "wait until the board answers, then orchctl doctor again");
        else
            doctor_mend(d, "add the bot account to the project as a member, or correct workspace and id: orchctl projects");
    }
    json_free(a.states);
    free(check);
}

static bool
check_key(struct doctor *d, struct plane *plane)
{
    struct answer a = { .doctor = d };

    plane_me(plane, on_answer, &a);
    loop_run(d->loop);
    if (a.e.code == ERR_DENIED) {
        doctor_say(d, DOCTOR_FAIL, "board", "%s does not take the key: %s", d->cfg->plane_url, a.e.text);
        doctor_mend(d, "make an API key as the bot account, and put it into ORCH_PLANE_TOKEN");
    } else if (a.e.code) {
        doctor_say(d, DOCTOR_FAIL, "board", "%s", a.e.text);
        doctor_mend(d, "correct ORCH_PLANE_URL, or bring the board back");
    } else {
        doctor_say(d, DOCTOR_OK, "board", "%s takes the key", d->cfg->plane_url);
    }
    json_free(a.states);
    return !a.e.code;
}

/* Plane's API has no way to ask for webhooks with a key. */
static void
check_webhook(struct doctor *d)
{
    const char *age = doctor_last_delivery(d, "plane", NULL);
    const char *base = *d->cfg->public_url ? d->cfg->public_url : "https://<address of orchd>";

    if (age) {
        doctor_say(d, DOCTOR_OK, "board webhook", "signed deliveries come; the last one %s ago", age);
        return;
    }
    doctor_say(d, DOCTOR_WARN, "board webhook", "no delivery came within a day, and Plane's API does not tell whether there is a webhook");
    doctor_mend(d, "look in the workspace's settings, Webhooks: %s/webhook/plane, active, with issue and issue comment", base);
}

static bool
is_set_up(struct doctor *d)
{
    if (str_is_blank(d->cfg->plane_url)) {
        doctor_say(d, DOCTOR_WARN, "board", "ORCH_PLANE_URL is not set: nothing is written to the board, and its statuses cannot be read");
        doctor_mend(d, "set ORCH_PLANE_URL and ORCH_PLANE_TOKEN");
    } else if (str_is_blank(d->cfg->plane_token)) {
        doctor_say(d, DOCTOR_FAIL, "board", "ORCH_PLANE_TOKEN is not set");
        doctor_mend(d, "make an API key as the bot account, and put it into ORCH_PLANE_TOKEN");
    }
    return !str_is_blank(d->cfg->plane_url) && !str_is_blank(d->cfg->plane_token);
}

void
doctor_check_board(struct doctor *d)
{
    struct plane *plane;

    if (d->projects && !json_len(d->projects)) {
        doctor_say(d, DOCTOR_WARN, "projects", "there is none, so no issue of a board begins a task");
        doctor_mend(d, "orchctl add-project NAME PREFIX OWNER/REPO CLONE-URL WORKSPACE PROJECT-ID");
    }
    if (!is_set_up(d))
        return;
    plane = plane_new(d->fetch, d->cfg->plane_url, d->cfg->plane_token);
    if (check_key(d, plane) && !d->projects)
        doctor_say(d, DOCTOR_WARN, "board", "its projects were not asked for, since the database does not tell them");
    else if (d->projects)
        for (size_t i = 0; i < json_len(d->projects); i++)
            check_project(d, plane, json_item(d->projects, i));
    if (d->projects && json_len(d->projects))
        check_webhook(d);
    plane_free(plane);
}
