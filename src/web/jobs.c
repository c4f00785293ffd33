/* jobs: one job of the queue, and what operators and programs may do with it. */
#include "web/web_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/str.h"

void
web_on_job(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);
    const char *id = web_read_id(r, "job");

    if (id)
        web_ask_report(w, r, CALL_job_report, (const char *const[]){ id },
                       "there is no such job: it never was, or retention has deleted it");
}

static void
answer_enqueued(struct web *w, struct http_request *r, struct db_result *result, void *arg)
{
    int64_t      id = db_rows(result) == 1 ? db_int(result, 0, "job") : 0;
    struct json *body = json_new_object();
    char        *place = xasprintf("%s/jobs/%lld", http_base_path(w->http), (long long)id);

    (void)arg;
    json_set_int(body, "job_id", id);
    http_add_header(r, "Location", place);
    web_reply_json(r, 201, body);
    free(place);
}

/* Members are read and refused by SQL, in the words of orch.enqueue_many(): nothing here knows what a job is made of. */
void
web_on_enqueue(struct http_request *r, void *arg)
{
    struct web  *w = CHECKED(arg, WEB_MAGIC);
    bool         is_good;
    struct json *body = web_read_body(r, false, &is_good);
    struct json *jobs;

    if (!is_good)
        return;
    if (json_is_object(body)) {
        jobs = json_new_array();
        json_push(jobs, body);
        LOGI("web.enqueue_asked", "peer=%s", log_quote(http_peer(r)));
        web_ask(w, r, CALL_enqueue_many, (const char *const[]){ json_text(jobs) }, answer_enqueued);
        json_free(jobs);
    } else {
        http_problem(r, 400, "Bad Request",
                     "the body is wrong: expected an object such as {\"agent\": \"report\", \"content\": \"March\"}");
        json_free(body);
    }
}

void
web_on_retry(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);
    const char *id = web_read_id(r, "job");

    if (id) {
        LOGI("web.retry_asked", "job=%s peer=%s", id, log_quote(http_peer(r)));
        web_ask(w, r, CALL_retry_job, (const char *const[]){ id }, web_answer_message);
    }
}

void
web_on_cancel(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);
    const char *id = web_read_id(r, "job");
    char       *reason = NULL;

    if (id && web_read_text(r, "reason", "{\"reason\": \"duplicate\"}", true, &reason)) {
        LOGI("web.cancel_asked", "job=%s peer=%s", id, log_quote(http_peer(r)));
        web_ask(w, r, CALL_cancel_job_because, (const char *const[]){ id, reason ? reason : "cancelled over HTTP" }, web_answer_message);
    }
    free(reason);
}
