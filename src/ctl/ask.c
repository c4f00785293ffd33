/* A verb that is a question: over Postgres one call of calls.def, over HTTP one request. */
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "base/table.h"
#include "config/config.h"
#include "ctl/ctl.h"
#include "db/sync.h"

const char *
ctl_variable(const char *name, void *arg)
{
    (void)arg;
    return getenv(name);
}

int
ctl_status_of(const struct err *e)
{
    return e->code == ERR_RETRY ? CTL_AWAY : e->code ? CTL_REFUSED : CTL_DONE;
}

int
ctl_database(char **url, const struct ctl_line *line, struct err *e)
{
    if (!line->url)
        return config_read_text(url, "database_url", ctl_variable, NULL, e);
    *url = xstrdup(line->url);
    return 0;
}

/* --- Postgres ---------------------------------------------------------------------------------------------------------------------------- */

/* The one cell of a report. NULL: what was asked for is not there. */
static struct json *
report_of(const struct ctl_line *line, struct json *rows, struct err *e)
{
    const char *text = json_str(json_item(rows, 0), "report");

    if (!text)
        err_set(e, ERR_GONE, "%s \"%s\" does not exist", line->verb->name, line->params[0] ? line->params[0] : "");
    return text ? json_parse(text, strlen(text), e) : NULL;
}

static bool
is_report(const struct ctl_line *line)
{
    return line->verb->show && (line->verb->fields || ctl_is_http(line));
}

static int
ask_postgres(const struct ctl_line *line, struct json **columns, struct json **answer, struct err *e)
{
    struct json *rows = NULL;
    char        *url = NULL;

    if (ctl_database(&url, line, e) || db_sync_rows(url, line->verb->call, line->params, columns, &rows, e))
        goto out;
    *answer = is_report(line) ? report_of(line, rows, e) : give(&rows);
out:
    json_free(rows);
    free(url);
    return e->code;
}

/* --- HTTP -------------------------------------------------------------------------------------------------------------------------------- */

static struct json *
list_of(const char *value)
{
    struct json *list = json_new_array();
    char        *copy = xstrdup(value), *rest = copy;

    for (char *item; (item = strsep(&rest, ","));)
        json_push_str(list, item);
    free(copy);
    return list;
}

/* One parameter by its field: n, n# or n[]. What is no number is sent as it is: the other side says best what it accepts. */
static void
set_field(struct json *body, const char *field, size_t len, const char *value)
{
    bool  is_number = field[len - 1] == '#', is_list = field[len - 1] == ']';
    char *name = xstrndup(field, len - (is_number ? 1 : is_list ? 2 : 0));
    long  number;

    if (is_list)
        json_set(body, name, list_of(value));
    else if (is_number && str_to_long(value, &number))
        json_set_int(body, name, number);
    else
        json_set_str(body, name, value);
    free(name);
}

/* Puts the parameters where they belong: into the body of a POST, else behind the path. */
static void
place_params(const struct ctl_line *line, struct buf *path, struct json *body)
{
    const char *field = line->verb->fields ? line->verb->fields : "";

    for (int at = 0; *field; at++) {
        size_t      len = strcspn(field, " ");
        const char *value = line->params[at];
        if (value && *field != '-' && body) {
            set_field(body, field, len, value);
        } else if (value && *field != '-') {
            buf_printf(path, "%c%.*s=", strchr(path->data, '?') ? '&' : '?', (int)len, field);
            api_add_encoded(path, value);
        }
        field += len + strspn(field + len, " ");
    }
}

static void
add_path(struct buf *path, const struct ctl_line *line, const char *pattern)
{
    const char *hole = strstr(pattern, "{1}");

    buf_add(path, pattern, hole ? (size_t)(hole - pattern) : strlen(pattern));
    if (hole) {
        api_add_encoded(path, line->params[0]);
        buf_add_str(path, hole + strlen("{1}"));
    }
}

/* The rows of an answer; one object is one row. */
static struct json *
rows_of(const struct ctl_line *line, struct json *answer, struct err *e)
{
    const char  *path = line->verb->rows;
    struct json *found = path ? json_at(answer, path) : answer;
    struct json *rows;

    if (!found) {
        err_set(e, ERR_RETRY, "is \"%.100s\" the address of an orchd? its answer has no \"%s\"", line->url, path);
        return NULL;
    }
    if (json_is_array(found))
        return json_copy(found);
    rows = json_new_array();
    json_push(rows, json_copy(found));
    return rows;
}

static int
ask_http(const struct ctl_line *line, struct json **answer, struct err *e)
{
    const char        *space = strchr(line->verb->http, ' ');
    char              *method = xstrndup(line->verb->http, (size_t)(space - line->verb->http));
    struct json       *body = str_equal(method, "POST") ? json_new_object() : NULL, *whole = NULL;
    struct buf         path = { 0 };
    struct ctl_request request = { .method = method, .body = body };

    add_path(&path, line, space + 1);
    place_params(line, &path, body);
    request.path = path.data;
    if (ctl_http(&whole, NULL, line->url, &request, e))
        goto out;
    *answer = is_report(line) ? give(&whole) : rows_of(line, whole, e);
out:
    json_free(whole);
    json_free(body);
    buf_fini(&path);
    free(method);
    return e->code;
}

/* --- both -------------------------------------------------------------------------------------------------------------------------------- */

int
ctl_ask(const struct ctl_line *line, struct json **columns, struct json **answer, struct err *e)
{
    return ctl_is_http(line) ? ask_http(line, answer, e) : ask_postgres(line, columns, answer, e);
}

/* STOP tells in a column that it did nothing because it could not. */
static bool
is_refusal(struct json *answer)
{
    const char *result = json_str(json_item(answer, 0), "result");

    return str_equal(result, "not_found") || str_equal(result, "disabled");
}

int
ctl_run_question(const struct ctl_line *line, struct err *e)
{
    struct json *columns = NULL, *answer = NULL;
    struct buf   out = { 0 };
    int          status;

    if (ctl_ask(line, &columns, &answer, e))
        goto out;
    if (line->as_json)
        buf_printf(&out, "%s\n", json_text(answer));
    else if (is_report(line))
        line->verb->show(&out, answer);
    else
        table_render(&out, columns, answer);
    fputs(out.data ? out.data : "", stdout);
out:
    status = e->code ? ctl_status_of(e) : is_refusal(answer) ? CTL_REFUSED : CTL_DONE;
    json_free(columns);
    json_free(answer);
    buf_fini(&out);
    return status;
}
