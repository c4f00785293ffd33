/* Answers that are more than a table: a task, a job, the queue's report, health. Columns in which nothing stands are left out. */
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "ctl/ctl.h"
#include "db/migrate.h"
#include "db/sync.h"

static struct json *
names_of(const char *list)
{
    struct json *names = json_new_array();
    char        *copy = xstrdup(list), *rest = copy;

    for (char *name; (name = strsep(&rest, " "));)
        json_push_str(names, name);
    free(copy);
    return names;
}

static void
show_fields(struct buf *out, struct json *object, const char *list)
{
    struct json *names = names_of(list);

    table_render_object(out, names, object);
    json_free(names);
}

static bool
has_column(struct json *rows, const char *name)
{
    for (size_t i = 0; i < json_len(rows); i++)
        if (!json_is_null(json_member(json_item(rows, i), name)))
            return true;
    return false;
}

/* A table under its title; nothing at all without a row. */
static void
show_section(struct buf *out, const char *title, struct json *rows, const char *list)
{
    struct json *all = names_of(list), *names = json_new_array();

    for (size_t i = 0; i < json_len(all); i++)
        if (has_column(rows, json_str(json_item(all, i), "")))
            json_push_str(names, json_str(json_item(all, i), ""));
    if (json_len(rows)) {
        buf_printf(out, "\n%s\n", title);
        table_render(out, names, rows);
    }
    json_free(all);
    json_free(names);
}

#define RUN_COLUMNS "id job_id agent node attempt started_at ended_at outcome exit_status signal cost_usd message log_path"

void
ctl_show_task(struct buf *out, struct json *report)
{
    show_fields(
        out, report,
        "work_item id title repo branch stage stage_since attention attention_reason why cancel_requested_at cancel_reason pull_number "
        "head_sha created_at finished_at");
    show_section(out, "jobs", json_at(report, "jobs"), "id agent stage status attempts max_attempts run_at held error");
    show_section(out, "runs", json_at(report, "runs"), RUN_COLUMNS);
    show_section(out, "moves", json_at(report, "transitions"), "at from_stage to_stage cause actor");
    show_section(out, "effects", json_at(report, "effects"), "id kind status attempts next_at ended_at last_error");
}

void
ctl_show_job(struct buf *out, struct json *report)
{
    show_fields(
        out, json_at(report, "job"),
        "id agent status work_item stage repo content priority run_at attempts max_attempts held error node unique_key limit_key tags "
        "created_at started_at finished_at");
    show_section(out, "runs", json_at(report, "runs"), RUN_COLUMNS);
}

static void
show_member(const char *key, struct json *value, void *arg)
{
    struct buf *out = arg;

    if (json_is_array(value)) {
        struct json *names = table_columns(value);
        if (json_len(value))
            buf_printf(out, "\n%s\n", key);
        table_render(out, names, value);
        json_free(names);
    } else if (json_is_object(value)) {
        struct json *rows = json_new_array(), *names;
        json_push(rows, json_copy(value));
        names = table_columns(rows);
        buf_printf(out, "\n%s\n", key);
        table_render_object(out, names, value);
        json_free(names);
        json_free(rows);
    } else if (json_str(value, "")) {
        buf_printf(out, "%s  %s\n", key, json_str(value, ""));
    }
}

/* One subject after another, whatever they are. */
void
ctl_show_queue(struct buf *out, struct json *report)
{
    json_each(report, show_member, out);
}

/* --- health ------------------------------------------------------------------------------------------------------------------------------ */

static int
print_health(const struct ctl_line *line, struct json *answer)
{
    struct buf out = { 0 };

    if (line->as_json)
        buf_printf(&out, "%s\n", json_text(answer));
    else if (json_is_array(answer))
        table_render(&out, NULL, answer);
    else
        ctl_show_queue(&out, answer);
    fputs(out.data ? out.data : "", stdout);
    buf_fini(&out);
    return CTL_DONE;
}

/* Of an orchd: what it says of itself. Of Postgres: that its schema is ours, and what stands there. */
int
ctl_health(const struct ctl_line *line, struct err *e)
{
    struct ctl_request request = { .method = "GET", .path = "health", .is_public = true };
    struct json       *answer = NULL;
    char              *url = NULL;
    long               status = 200;

    if (ctl_is_http(line))
        ctl_http(&answer, &status, line->url, &request, e);
    else if (!ctl_database(&url, line, e) && !db_check_schema(url, e))
        db_sync_rows(url, line->verb->call, line->params, NULL, &answer, e);
    if (!e->code)
        print_health(line, answer);
    json_free(answer);
    free(url);
    return e->code ? ctl_status_of(e) : status == 200 ? CTL_DONE : CTL_REFUSED;
}

/* --- of orchctl itself ------------------------------------------------------------------------------------------------------------------- */

int
ctl_version(const struct ctl_line *line, struct err *e)
{
    (void)e;
    printf(line->as_json ? "{\"version\":\"%s\"}\n" : "orchctl %s\n", ORCH_VERSION);
    return CTL_DONE;
}

int
ctl_help(const struct ctl_line *line, struct err *e)
{
    int                    taken;
    const struct ctl_verb *verb = ctl_find_verb(line->params[0], line->params[1], &taken);

    if (verb)
        ctl_print_verb(stdout, verb);
    else if (line->params[0])
        err_set(e, ERR_INVALID, "there is no verb \"%s\": orchctl help lists them", line->params[0]);
    else
        ctl_print_usage(stdout);
    return e->code ? CTL_USAGE : CTL_DONE;
}
