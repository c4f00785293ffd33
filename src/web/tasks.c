/* tasks: what SQL reports about the queue and the tasks, the HTTP door of STOP, and unfreezing. */
#include "web/web_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

enum { TASKS_A_PAGE = 50 };

static const char no_task[] = "there is no such task: accepted is a work item such as ORCH-042, or a task's number";

/* What SQL reports, and what only this node knows. */
static void
answer_queue(struct web *w, struct http_request *r, struct db_result *result, void *arg)
{
    const char  *text = db_rows(result) == 1 ? db_text(result, 0, "report") : NULL;
    struct err   e = ERR_INIT;
    struct json *report = text && w->queue_block_count ? json_parse(text, strlen(text), &e) : NULL;

    if (!json_is_object(report)) {
        json_free(report);
        web_answer_report(w, r, result, arg);
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

    web_ask(w, r, CALL_queue_report, NULL, answer_queue);
}

void
web_on_status(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);

    web_ask_report(w, r, CALL_status_report, NULL, NULL);
}

void
web_on_tasks(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);
    const char *state = http_query(r, "state");
    const char *repo = http_query(r, "repo");
    int64_t     limit;
    int64_t     before;
    char        most[24];
    char        bound[24];

    if (!web_read_number(r, "limit", TASKS_A_PAGE, &limit) || !web_read_number(r, "before", 0, &before))
        return;
    if (state && !str_equal(state, "unfinished") && !str_equal(state, "finished") && !str_equal(state, "all")) {
        http_problem(r, 400, "Bad Request", "state is wrong: accepted are unfinished, finished and all");
    } else if (repo && !str_is_utf8(repo, strlen(repo))) {
        http_problem(r, 400, "Bad Request", "repo is wrong: accepted is owner/name");
    } else {
        snprintf(most, sizeof most, "%lld", (long long)limit);
        snprintf(bound, sizeof bound, "%lld", (long long)before);
        web_ask_report(w, r, CALL_tasks_report, (const char *const[]){ state ? state : "unfinished", repo, most, before ? bound : NULL },
                       NULL);
    }
}

void
web_on_task(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);
    const char *ref = web_read_task(r);

    if (ref)
        web_ask_report(w, r, CALL_task_report, (const char *const[]){ ref }, no_task);
}

void
web_on_why(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);
    const char *ref = web_read_task(r);

    if (ref)
        web_ask_report(w, r, CALL_story_report, (const char *const[]){ ref }, no_task);
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
answer_stop(struct web *w, struct http_request *r, struct db_result *result, void *arg)
{
    struct json *stop = json_new_object();
    const char  *what = db_rows(result) == 1 ? db_text(result, 0, "result") : "not_found";

    (void)w;
    (void)arg;
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

void
web_on_stop(struct http_request *r, void *arg)
{
    struct web       *w = CHECKED(arg, WEB_MAGIC);
    const char       *ref = web_read_task(r);
    char             *reason = NULL;
    struct clock_text heard;

    if (ref && web_read_text(r, "reason", "{\"reason\": \"wrong approach\"}", true, &reason)) {
        LOGI("web.stop_asked", "task=%s peer=%s", log_quote(ref), log_quote(http_peer(r)));
        heard = clock_text_us(clock_wall_of_mono_us(http_arrived_us(r)));
        web_ask(w, r, CALL_stop_task, (const char *const[]){ ref, reason, "http", "operator", heard.text }, answer_stop);
    }
    free(reason);
}

/* Harmless when the repository is not frozen: the message says which it was. */
void
web_on_unfreeze(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);
    char       *repo = NULL;

    if (web_read_text(r, "repo", "{\"repo\": \"acme/shop\"}", false, &repo)) {
        LOGI("web.unfreeze_asked", "repo=%s peer=%s", log_quote(repo), log_quote(http_peer(r)));
        web_ask(w, r, CALL_unfreeze, (const char *const[]){ repo }, web_answer_message);
    }
    free(repo);
}
