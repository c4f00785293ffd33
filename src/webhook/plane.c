/* plane: the board's deliveries. Several spellings of one thing exist, by release and by who made the change (web app, REST): all become
 * one. A drag is two deliveries (status and sort order); each is its own fact, and SQL tells by "field" which one is a status change.
 * data is the issue as it is when the board sends, activity what had changed: SQL orders by updated_at. */
#include "webhook/webhook_int.h"

#include <stdlib.h>
#include <strings.h>

#include "base/html.h"
#include "base/str.h"

struct spelling {
    const char *theirs;
    const char *ours;
};

static const struct spelling actions[] = {
    { "create", "created" }, { "created", "created" }, { "post", "created" },   { "update", "updated" },  { "updated", "updated" },
    { "patch", "updated" },  { "put", "updated" },     { "delete", "deleted" }, { "deleted", "deleted" }, { NULL, NULL },
};

/* The web app changes state_id, REST changes state; it is the same drag. */
static const struct spelling fields[] = {
    { "state_id", "state" },
    { "label_ids", "labels" },
    { "assignee_ids", "assignees" },
    { NULL, NULL },
};

static const char *
spell(const struct spelling *table, const char *text)
{
    for (; text && table->theirs; table++)
        if (!strcasecmp(table->theirs, text))
            return table->ours;
    return text;
}

static struct json *
label_names(struct json *labels)
{
    struct json *names = json_new_array();

    for (size_t i = 0; i < json_len(labels); i++) {
        const char *name = json_str(json_item(labels, i), "name");

        if (name)
            json_push_str(names, name);
    }
    return names;
}

/* A value of the activity: where a release sends a name beside an identifier, the identifier. */
static void
take_value(struct json *facts, const char *key, struct json *body, const char *identifier, const char *value)
{
    struct json *found = json_at(body, identifier);

    if (!found)
        found = json_at(body, value);
    if (found)
        json_set(facts, key, json_copy(found));
}

static void
take_activity(struct json *facts, struct json *body)
{
    const char *field = spell(fields, json_str(body, "activity.field"));

    if (field)
        json_set_str(facts, "field", field);
    take_value(facts, "new_value", body, "activity.new_identifier", "activity.new_value");
    take_value(facts, "old_value", body, "activity.old_identifier", "activity.old_value");
    FACT(facts, "actor_id", body, "activity.actor.id", "activity.actor");
}

static void
take_issue(struct json *facts, struct json *body)
{
    const char *html = json_str(body, "data.description_html");
    char       *text = NULL;
    int64_t     sequence;

    FACT(facts, "issue_id", body, "data.id");
    FACT(facts, "state_id", body, "data.state.id", "data.state", "data.state_id");
    FACT(facts, "title", body, "data.name");
    FACT(facts, "updated_by", body, "data.updated_by.id", "data.updated_by");
    if (json_int(body, "data.sequence_id", &sequence))
        json_set_int(facts, "sequence_id", sequence);
    if (json_at(body, "data.labels"))
        json_set(facts, "labels", label_names(json_at(body, "data.labels")));
    FACT(facts, "description", body, "data.description_stripped");
    if (html && !json_str(facts, "description")) {
        text = html_text(html);
        json_set_str(facts, "description", text);
    }
    free(text);
}

static void
take_comment(struct json *facts, struct json *body)
{
    const char *html = json_str(body, "data.comment_html");
    char       *text = NULL;

    FACT(facts, "comment_id", body, "data.id");
    FACT(facts, "issue_id", body, "data.issue.id", "data.issue", "data.issue_id");
    FACT(facts, "text", body, "data.comment_stripped");
    if (html && str_is_blank(json_str(facts, "text"))) {
        text = html_text(html);
        json_set_str(facts, "text", text);
    }
    if (!json_str(facts, "actor_id"))
        FACT(facts, "actor_id", body, "data.actor.id", "data.actor");
    free(text);
}

void
inbound_from_plane(struct inbound *out, const struct delivery *d, struct json *body)
{
    struct json *facts = json_new_object();
    const char  *event;

    json_scrub_nul(body);
    /* The body is signed, the header is not. */
    event = json_str(body, "event");
    out->source = "plane";
    out->kind = facts_kind(event ? event : d->event);
    out->facts = facts;
    /* Each try of one delivery has an id of its own; the bytes stay the same. */
    out->delivery_key = xstrdup(signature_digest(d->body, d->len).text);
    if (json_str(body, "action"))
        json_set_str(facts, "action", spell(actions, json_str(body, "action")));
    FACT(facts, "workspace_id", body, "workspace_id", "data.workspace.id", "data.workspace");
    FACT(facts, "project_id", body, "data.project.id", "data.project", "data.project_id");
    FACT(facts, "updated_at", body, "data.updated_at");
    take_activity(facts, body);
    if (str_equal(out->kind, "issue")) {
        take_issue(facts, body);
    } else if (str_equal(out->kind, "issue_comment")) {
        take_comment(facts, body);
    } else {
        FACT(facts, "id", body, "data.id");
        if (str_equal(out->kind, "project"))
            FACT(facts, "project_id", body, "data.id");
    }
}
