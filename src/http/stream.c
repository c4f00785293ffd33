/* stream: an answer in pieces, for as long as there is something to say and somebody who listens.
 * evhttp reads on while it writes, which is how it notices that the client has left. What a client says meanwhile is of no interest, so
 * little of it is taken; and its silence is no fault, so evhttp's own time-out is off, while that of conn.c covers what is not taken. */
#include "http/http_int.h"

#include "base/check.h"
#include "base/str.h"

enum { MOST_UNREAD = 4096 };

static void
on_notice(void *arg)
{
    struct http_request *r = CHECKED(arg, REQUEST_MAGIC);

    r->notice = NULL;
    r->pull(r, r->pull_arg);
}

static void
notify_later(struct http_request *r)
{
    if (!r->notice)
        r->notice = loop_after(r->http->loop, 0, on_notice, r);
}

void
stream_on_gone(struct http_request *r)
{
    if (r->pull && r->http) /* a server that closes calls nobody */
        notify_later(r);
}

static void
on_taken(struct evhttp_connection *evcon, void *arg)
{
    struct http_request *r = CHECKED(arg, REQUEST_MAGIC);

    (void)evcon;
    if (r->conn)
        r->conn->due_at = 0;
    r->pull(r, r->pull_arg);
}

void
http_begin(struct http_request *r, int status, const char *content_type, http_pull_fn *pull, void *arg)
{
    r->pull = pull;
    r->pull_arg = arg;
    if (!r->ev)
        return;
    http_add_header(r, "Content-Type", content_type);
    http_add_header(r, "Cache-Control", "no-store");
    http_add_header(r, "X-Content-Type-Options", "nosniff"); /* what an agent wrote is no page, whatever it looks like */
    http_add_header(r, "Connection", "close");
    if (r->conn) {
        bufferevent_set_timeouts(r->conn->bev, NULL, NULL);
        bufferevent_setwatermark(r->conn->bev, EV_READ, 0, MOST_UNREAD);
    }
    /* Else evhttp promises a client of HTTP/1.0 that wants to keep the connection an empty body. */
    evhttp_remove_header(evhttp_request_get_input_headers(r->ev), "Connection");
    evhttp_send_reply_start(r->ev, status, NULL);
    notify_later(r);
}

bool
http_is_gone(const struct http_request *r)
{
    return !r->ev || !r->conn || evhttp_request_get_command(r->ev) == EVHTTP_REQ_HEAD;
}

void
http_write(struct http_request *r, const void *data, size_t len)
{
    struct evbuffer *piece;

    if (http_is_gone(r) || !len)
        return;
    piece = evbuffer_new();
    CHECK(piece != NULL && evbuffer_add(piece, data, len) == 0);
    if (!r->conn->due_at)
        conn_expect(r->conn);
    evhttp_send_reply_chunk_with_cb(r->ev, piece, on_taken, r);
    evbuffer_free(piece);
}

void
http_end(struct http_request *r)
{
    CHECK(r->pull != NULL);
    loop_timer_stop(r->notice);
    r->notice = NULL;
    r->pull = NULL; /* nobody listens to what becomes of the connection */
    if (r->conn)
        conn_expect(r->conn);
    if (r->ev)
        evhttp_send_reply_end(r->ev);
    request_free(CHECKED(r, REQUEST_MAGIC));
}
