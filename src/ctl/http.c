/* One request to an orchd. The token comes from the environment or a file, and goes into a header: never into the address or a message. */
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "base/check.h"
#include "config/config.h"
#include "ctl/ctl.h"
#include "fetch/fetch.h"
#include "loop/loop.h"

#define EXCHANGE_MAGIC 0x63746c78u /* "ctlx" */

struct exchange {
    uint32_t                  magic;
    struct loop              *loop;
    const struct ctl_request *request;
    struct json              *answer;
    long                      status;
    struct err               *e;
};

/* A reader's token is enough to read; without one the operator's does. */
static int
read_token(char **token, const struct ctl_request *request, struct err *e)
{
    bool is_reading = str_equal(request->method, "GET");

    if (is_reading && config_read_text(token, "reader_token", ctl_variable, NULL, e))
        return e->code;
    if (str_is_blank(*token)) {
        free(*token);
        *token = NULL;
        config_read_text(token, "operator_token", ctl_variable, NULL, e);
    }
    if (!e->code && str_is_blank(*token))
        err_set(e, ERR_INVALID, "there is no token to show to that orchd: set ORCH_OPERATOR_TOKEN%s, or its _FILE",
                is_reading ? " or ORCH_READER_TOKEN" : "");
    return e->code;
}

/* An orchd refuses with problem+json, and nobody else on the way does. */
static bool
is_of_orchd(const struct fetch_response *r)
{
    return str_starts(r->content_type, r->status < 400 ? "application/json" : "application/problem+json");
}

/* What api_judge() says, and what to do about it. */
static void
judge(struct exchange *x, const struct fetch_response *r, const struct err *failed)
{
    struct json *json = NULL;

    if (r && r->status == 416) /* a text that is shorter than what was asked for */
        return;
    api_judge(&json, r, failed, "orchd", !x->request->text_to, x->e);
    if (r && x->request->is_public && json_at(json, "process")) {
        err_clear(x->e); /* its health, which may be bad */
    } else if (r && x->e->code && !is_of_orchd(r)) {
        err_prefix(x->e, "is this the address of an orchd? it");
        x->e->code = ERR_RETRY;
    } else if (x->e->code == ERR_DENIED) {
        err_prefix(x->e, "the token is not the right one (ORCH_OPERATOR_TOKEN, ORCH_READER_TOKEN)");
    }
    if (x->e->code)
        json_free(json);
    else
        x->answer = json;
}

static void
on_answer(const struct fetch_response *r, const struct err *failed, void *arg)
{
    struct exchange *x = CHECKED(arg, EXCHANGE_MAGIC);

    x->status = r ? r->status : 0;
    judge(x, r, failed);
    loop_quit(x->loop);
}

static void
on_part(const char *data, size_t len, void *arg)
{
    struct exchange *x = CHECKED(arg, EXCHANGE_MAGIC);

    fwrite(data, 1, len, x->request->text_to);
    fflush(x->request->text_to);
}

static void
start(struct exchange *x, struct fetch *fetch, const char *base, const char *token)
{
    const struct ctl_request *request = x->request;
    struct fetch_request      out = { .method = request->method, .on_part = request->text_to ? on_part : NULL };
    char                     *trimmed = api_base_url(base);
    char                     *url = xasprintf("%s/%s", trimmed, request->path);
    char                     *authorization = token ? xasprintf("Authorization: Bearer %s", token) : NULL;
    char                     *range = request->range ? xasprintf("Range: %s", request->range) : NULL;
    const char               *headers[5] = { "Accept: application/json, application/problem+json, text/plain" };
    int                       n = 1;

    if (authorization)
        headers[n++] = authorization;
    if (range)
        headers[n++] = range;
    if (request->body) {
        headers[n++] = "Content-Type: application/json";
        out.body = json_text(request->body);
        out.len = strlen(out.body);
    }
    out.url = url;
    out.headers = headers;
    fetch_start(fetch, &out, on_answer, x);
    if (authorization)
        explicit_bzero(authorization, strlen(authorization));
    free(trimmed);
    free(url);
    free(range);
    free(authorization);
}

int
ctl_http(struct json **answer, long *status, const char *base, const struct ctl_request *request, struct err *e)
{
    struct exchange      x = { .magic = EXCHANGE_MAGIC, .request = request, .e = e };
    struct fetch        *fetch = NULL;
    char                *token = NULL, *ca_file = NULL;
    struct fetch_options options = { .user_agent = "orchctl/" ORCH_VERSION };

    if ((!request->is_public && read_token(&token, request, e)) || config_read_text(&ca_file, "ca_file", ctl_variable, NULL, e))
        goto out;
    options.ca_file = str_is_blank(ca_file) ? NULL : ca_file;
    if (loop_new(&x.loop, e) || fetch_open(&fetch, x.loop, &options, e))
        goto out;
    start(&x, fetch, base, token);
    loop_run(x.loop);
    *answer = x.answer;
    if (status)
        *status = x.status;
out:
    fetch_close(fetch);
    loop_free(x.loop);
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
    free(ca_file);
    return e->code;
}
