/* tasks: what SQL reports about the queue and a task, and the HTTP door of STOP. */
#include "web/web_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

static void
answer_report(struct web *w, struct http_request *r, struct db_result *result)
{
    const char *report = db_rows(result) == 1 ? db_text(result, 0, "report") : NULL;

    (void)w;
    if (report)
        http_reply_text(r, 200, "application/json", report);
    else
        http_problem(r, 404, "Not Found", "there is no such task");
}

/* What SQL reports, and what only this node knows. */
static void
answer_queue(struct web *w, struct http_request *r, struct db_result *result)
{
    const char  *text = db_rows(result) == 1 ? db_text(result, 0, "report") : NULL;
    struct err   e = ERR_INIT;
    struct json *report = text && w->queue_block_count ? json_parse(text, strlen(text), &e) : NULL;

    if (!json_is_object(report)) {
        json_free(report);
        answer_report(w, r, result);
        return;
    }
    for (int i = 0; i < w->queue_block_count; i++) {
        struct json *block = json_new_object();

        w->queue_blocks[i].fn(block, w->queue_blocks[i].arg);
        json_set(report, w->queue_blocks[i].name, block);
    }
    web_reply_json(r, 200, report);
}

void
web_on_queue(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);

    if (web_check_read(w, r))
        web_ask(w, r, CALL_queue_report, NULL, answer_queue);
}

void
web_on_status(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);

    if (web_check_read(w, r))
        web_ask(w, r, CALL_status_report, NULL, answer_report);
}

/* The {id} of the path, if Postgres can take it as a text; else the request was answered. */
static const char *
task_ref(struct http_request *r)
{
    const char *ref = http_param(r, "id");

    if (str_is_utf8(ref, strlen(ref)) && strlen(ref) <= 300)
        return ref;
    http_problem(r, 404, "Not Found", "there is no such task");
    return NULL;
}

void
web_on_task(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);
    const char *ref = NULL;

    if (web_check_read(w, r))
        ref = task_ref(r);
    if (ref)
        web_ask(w, r, CALL_task_report, (const char *const[]){ ref }, answer_report);
}

static void
copy_text(struct json *into, const char *key, struct db_result *result, const char *column)
{
    const char *text = db_text(result, 0, column);

    if (text)
        json_set_str(into, key, text);
    else
        json_set(into, key, NULL);
}

/* A refusal is a problem that also carries the result, so that a program need not read the detail. */
static void
answer_refused(struct http_request *r, int status, const char *title, struct json *stop)
{
    json_set_str(stop, "type", "about:blank");
    json_set_str(stop, "title", title);
    json_set_int(stop, "status", status);
    json_set_str(stop, "detail", json_str(stop, "message"));
    http_reply_text(r, status, "application/problem+json", json_text(stop));
    json_free(stop);
}

static void
answer_stop(struct web *w, struct http_request *r, struct db_result *result)
{
    struct json *stop = json_new_object();
    const char  *what = db_rows(result) == 1 ? db_text(result, 0, "result") : "not_found";

    (void)w;
    json_set_str(stop, "result", what);
    if (db_rows(result) == 1) {
        if (db_text(result, 0, "task_id"))
            json_set_int(stop, "task_id", db_int(result, 0, "task_id"));
        else
            json_set(stop, "task_id", NULL);
        copy_text(stop, "work_item", result, "work_item");
        copy_text(stop, "message", result, "message");
    }
    if (str_equal(what, "not_found"))
        answer_refused(r, 404, "Not Found", stop);
    else if (str_equal(what, "disabled"))
        answer_refused(r, 409, "Conflict", stop);
    else
        web_reply_json(r, str_equal(what, "deferred") ? 202 : 200, stop);
}

/* A text of the optional body, an object: *text is the caller's, or NULL when it was not given. False when the request was answered. */
static bool
read_text(struct http_request *r, const char *key, char **text)
{
    size_t       len = 0;
    const char  *raw = http_body(r, &len);
    const char  *type = http_header(r, "Content-Type");
    struct err   e = ERR_INIT;
    struct json *body = NULL;
    char         expected[80];
    bool         is_good = false;

    if (!len)
        return true;
    if (!type || strncasecmp(type, "application/json", 16)) {
        http_problem(r, 415, "Unsupported Media Type", "the content type must be application/json");
        goto out;
    }
    body = json_parse(raw, len, &e);
    if (!body) {
        http_problem(r, 400, "Bad Request", e.text);
        goto out;
    }
    json_scrub_nul(body);
    if (!json_is_object(body) || (json_at(body, key) && !json_str(body, key))) {
        snprintf(expected, sizeof expected, "expected an object with an optional text \"%s\"", key);
        http_problem(r, 400, "Bad Request", expected);
        goto out;
    }
    *text = xstrdup(json_str(body, key));
    is_good = true;
out:
    json_free(body);
    return is_good;
}

void
web_on_stop(struct http_request *r, void *arg)
{
    struct web       *w = CHECKED(arg, WEB_MAGIC);
    const char       *ref = NULL;
    char             *reason = NULL;
    struct clock_text heard;

    if (web_check_write(w, r))
        ref = task_ref(r);
    if (ref && read_text(r, "reason", &reason)) {
        LOGI("web.stop_asked", "task=%s peer=%s", log_quote(ref), log_quote(http_peer(r)));
        heard = clock_text_us(clock_wall_of_mono_us(http_arrived_us(r)));
        web_ask(w, r, CALL_stop_task, (const char *const[]){ ref, reason, "http", "operator", heard.text }, answer_stop);
    }
    free(reason);
}

static void
answer_unfrozen(struct web *w, struct http_request *r, struct db_result *result)
{
    struct json *body = json_new_object();

    (void)w;
    json_set_str(body, "message", db_rows(result) == 1 ? db_text(result, 0, "message") : NULL);
    web_reply_json(r, 200, body);
}

/* Harmless when the repository is not frozen: the message says which it was. */
void
web_on_unfreeze(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);
    char       *repo = NULL;

    if (!web_check_write(w, r) || !read_text(r, "repo", &repo))
        return;
    if (str_is_blank(repo ? repo : "")) {
        http_problem(r, 400, "Bad Request", "expected an object with a text \"repo\", for example {\"repo\": \"acme/shop\"}");
    } else {
        LOGI("web.unfreeze_asked", "repo=%s peer=%s", log_quote(repo), log_quote(http_peer(r)));
        web_ask(w, r, CALL_unfreeze, (const char *const[]){ repo }, answer_unfrozen);
    }
    free(repo);
}
