/* request: what a handler may ask of a request, and how it is answered. */
#include "http/http_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

const char *
method_name(enum evhttp_cmd_type type)
{
    switch (type) {
    case EVHTTP_REQ_GET:
    case EVHTTP_REQ_HEAD:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    default:
        return "";
    }
}

struct http_request *
request_new(struct http *h, struct evhttp_request *ev)
{
    struct http_request      *r = xcalloc(1, sizeof *r);
    struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
    struct evbuffer          *in = evhttp_request_get_input_buffer(ev);
    char                     *host = NULL;
    uint16_t                  port = 0;

    r->magic = REQUEST_MAGIC;
    r->http = h;
    r->ev = ev;
    r->arrived_us = clock_mono_us();
    r->conn = conn_find(h, evhttp_connection_get_bufferevent(evcon));
    evhttp_connection_get_peer(evcon, &host, &port);
    snprintf(r->peer, sizeof r->peer, "%s", host ? host : "");
    proxy_find_client(&h->trusted, h->reads_forwarded, ev, r->peer, sizeof r->peer);
    r->body_len = evbuffer_get_length(in);
    CHECK(evbuffer_add(in, "", 1) == 0);
    r->body = (const char *)evbuffer_pullup(in, -1);
    CHECK(r->body != NULL);
    evhttp_connection_set_closecb(evcon, conn_on_closed, r->conn);
    r->conn->request = r;
    r->conn->due_at = 0;
    LIST_INSERT_HEAD(&h->requests, r, link);
    return r;
}

void
request_free(struct http_request *r)
{
    if (r->http)
        LIST_REMOVE(r, link);
    if (r->conn)
        r->conn->request = NULL;
    route_forget_params(r);
    if (r->has_query)
        evhttp_clear_headers(&r->query);
    r->magic = 0;
    free(r);
}

const char *
http_method(const struct http_request *r)
{
    return r->ev ? method_name(evhttp_request_get_command(r->ev)) : "";
}

const char *
http_path(const struct http_request *r)
{
    const char *path = r->ev ? evhttp_uri_get_path(evhttp_request_get_evhttp_uri(r->ev)) : NULL;

    return path ? path : "";
}

const char *
http_param(const struct http_request *r, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < r->param_count; i++)
        if (strlen(name) == r->params[i].name_len && !memcmp(name, r->params[i].name, r->params[i].name_len))
            value = r->params[i].value;
    CHECK(value != NULL);
    return value;
}

static struct evkeyvalq *
parsed_query(struct http_request *r)
{
    const char *text;

    if (!r->has_query) {
        text = r->ev ? evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r->ev)) : NULL;
        /* On failure (too strange to decode) it is left empty. */
        evhttp_parse_query_str(text ? text : "", &r->query);
        r->has_query = true;
    }
    return &r->query;
}

const char *
http_query(struct http_request *r, const char *name)
{
    return evhttp_find_header(parsed_query(r), name);
}

static bool
is_among(const char *name, const char *names)
{
    size_t len = strlen(name);

    for (const char *at = names; *at; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");

        if (word == len && !memcmp(at, name, len))
            return true;
        at += word;
    }
    return false;
}

char *
http_query_other(struct http_request *r, const char *names)
{
    struct evkeyval *pair;

    TAILQ_FOREACH (pair, parsed_query(r), next)
        if (!is_among(pair->key, names))
            return xstrdup(pair->key);
    return NULL;
}

const char *
http_header(const struct http_request *r, const char *name)
{
    return r->ev ? evhttp_find_header(evhttp_request_get_input_headers(r->ev), name) : NULL;
}

const char *
http_body(const struct http_request *r, size_t *len)
{
    *len = r->ev ? r->body_len : 0;
    return r->ev ? r->body : "";
}

const char *
http_peer(const struct http_request *r)
{
    return r->peer;
}

int64_t
http_arrived_us(const struct http_request *r)
{
    return r->arrived_us;
}

void
http_add_header(struct http_request *r, const char *name, const char *value)
{
    if (!r->ev)
        return;
    /* evhttp refuses what would split the answer; such a value is a bug of ours, and not worth a half-made answer. */
    CHECK(evhttp_add_header(evhttp_request_get_output_headers(r->ev), name, value) == 0);
}

/* The last bytes are with the kernel: the connection may idle, or bring its next request, for as long as a request may take. */
static void
on_sent(struct evhttp_request *ev, void *arg)
{
    struct conn *c = CHECKED(arg, CONN_MAGIC);

    (void)ev;
    conn_expect(c);
}

void
http_reply(struct http_request *r, int status, const char *content_type, const void *body, size_t len)
{
    struct evhttp_request *ev = r->ev;
    struct evbuffer       *out = NULL;
    char                   digits[24];

    if (!ev)
        goto out;
    snprintf(digits, sizeof digits, "%zu", len);
    if (content_type)
        http_add_header(r, "Content-Type", content_type);
    if (status != 304) /* it would be of what was not sent */
        http_add_header(r, "Content-Length", digits);
    if (!evhttp_find_header(evhttp_request_get_output_headers(ev), "Cache-Control"))
        http_add_header(r, "Cache-Control", "no-store");
    if (len && evhttp_request_get_command(ev) != EVHTTP_REQ_HEAD) {
        out = evbuffer_new();
        CHECK(out != NULL && evbuffer_add(out, body, len) == 0);
    }
    if (r->conn) {
        conn_expect(r->conn);
        evhttp_request_set_on_complete_cb(ev, on_sent, r->conn);
    }
    /* Frees ev at once when the client is gone, and after it was sent otherwise. */
    evhttp_send_reply(ev, status, NULL, out);
out:
    if (out)
        evbuffer_free(out);
    request_free(CHECKED(r, REQUEST_MAGIC));
}

void
http_reply_text(struct http_request *r, int status, const char *content_type, const char *text)
{
    http_reply(r, status, content_type, text, strlen(text));
}

void
http_problem(struct http_request *r, int status, const char *title, const char *detail)
{
    struct json *problem = json_new_object();

    json_set_str(problem, "type", "about:blank");
    json_set_str(problem, "title", title);
    json_set_int(problem, "status", status);
    if (detail)
        json_set_str(problem, "detail", detail);
    http_reply_text(r, status, "application/problem+json", json_text(problem));
    json_free(problem);
}
