/* http: the server itself: where it listens, and how a request finds its handler. */
#include "http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/str.h"
#include "http/http_int.h"

/* Bits of evhttp_cmd_type, and the one by which evhttp marks methods that it does not know: all come to us, who can say 405 with Allow. */
enum { EVERY_METHOD = 0xffff, HEAD_DEFAULT = 16384 };

/* evhttp refuses a body over its limit with a page of its own, unread. Ours is this much lower, so that a client whose body is a little too
 * large, which is one that means well, gets a problem that a program can read. */
enum { BODY_SLACK = 65536 };

#define BASE_PATH_CHARS "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-"

/* The path behind the base path, which begins with a slash; NULL when it is not below it. */
static const char *
below_base(const struct http *h, const char *path)
{
    size_t len = strlen(h->base_path);

    return str_starts(path, h->base_path) && path[len] == '/' ? path + len : NULL;
}

static void
answer_no_path(struct http *h, struct http_request *r)
{
    char *top = xasprintf("%s/", h->base_path);
    char *detail;

    if (*h->base_path && str_equal(http_path(r), h->base_path)) {
        http_add_header(r, "Location", top);
        http_problem(r, 308, "Permanent Redirect", "the paths begin with a slash behind the base path");
    } else {
        detail = xasprintf("no such path; GET %sopenapi.json has them all", top);
        http_problem(r, 404, "Not Found", detail);
        free(detail);
    }
    free(top);
}

static void
on_request(struct evhttp_request *ev, void *arg)
{
    struct http         *h = CHECKED(arg, HTTP_MAGIC);
    struct http_request *r = request_new(h, ev);
    const char          *method = method_name(evhttp_request_get_command(ev));
    const char          *path = below_base(h, http_path(r));
    char                 allow[128];
    int                  at;

    if (r->body_len > h->max_body) {
        http_problem(r, 413, "Content Too Large", "the body is larger than this server accepts");
        return;
    }
    at = path ? route_find(h, r, method, path, allow, sizeof allow) : ROUTE_NONE;
    if (at == ROUTE_NONE) {
        answer_no_path(h, r);
    } else if (at == ROUTE_OTHER_METHOD) {
        http_add_header(r, "Allow", allow);
        http_problem(r, 405, "Method Not Allowed", "this path takes other methods, see Allow");
    } else {
        h->routes[at].fn(r, h->routes[at].arg);
    }
}

/* "host:port" or "[v6]:port" into host (caller frees) and port. */
static int
split_listen(const char *text, char **host, uint16_t *port, struct err *e)
{
    const char *colon = text ? strrchr(text, ':') : NULL;
    size_t      len = colon ? (size_t)(colon - text) : 0;
    long        number;

    if (!len || !str_to_long(colon + 1, &number) || number < 0 || number > 65535) {
        err_set(e, ERR_INVALID, "cannot listen on \"%s\": expected address:port, e.g. 127.0.0.1:8080 or [::1]:8080", text ? text : "");
        goto out;
    }
    *port = (uint16_t)number;
    if (len > 2 && text[0] == '[' && text[len - 1] == ']')
        *host = xstrndup(text + 1, len - 2);
    else
        *host = xstrndup(text, len);
out:
    return (int)e->code;
}

/* "/orchd", also written with a slash at its end. */
static int
set_base_path(struct http *h, const char *text, struct err *e)
{
    size_t len = text ? strlen(text) : 0;

    while (len && text[len - 1] == '/')
        len--;
    if (len && (text[0] != '/' || strspn(text, BASE_PATH_CHARS) < len))
        err_set(e, ERR_INVALID, "cannot serve below base path \"%s\": expected a slash, letters, digits and ._~-, e.g. /orchd", text);
    else
        h->base_path = xstrndup(text ? text : "", len);
    return (int)e->code;
}

static int
bound_port(struct evhttp_bound_socket *listener)
{
    union {
        struct sockaddr     any;
        struct sockaddr_in  v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t len = sizeof at;

    memset(&at, 0, sizeof at);
    CHECK(getsockname(evhttp_bound_socket_get_fd(listener), &at.any, &len) == 0);
    return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

static void
set_options(struct http *h, const struct http_options *o)
{
    /* Our own deadlines are the shorter ones; evhttp's stands behind them. */
    struct timeval idle = { .tv_sec = (time_t)(o->timeout_ms / 1000 + 1) };

    h->reads_forwarded = o->reads_forwarded;
    h->max_body = o->max_body;
    h->timeout_ms = o->timeout_ms;
    h->max_connections = o->max_connections;
    evhttp_set_max_headers_size(h->ev, (ev_ssize_t)(o->max_head ? o->max_head : HEAD_DEFAULT));
    evhttp_set_max_body_size(h->ev, (ev_ssize_t)(o->max_body + BODY_SLACK));
    evhttp_set_allowed_methods(h->ev, EVERY_METHOD);
    evhttp_set_default_content_type(h->ev, NULL);
    evhttp_set_timeout_tv(h->ev, &idle);
}

int
http_open(struct http **out, struct loop *l, const struct http_options *o, struct err *e)
{
    struct http *h = xcalloc(1, sizeof *h);
    char        *host = NULL;
    uint16_t     port = 0;

    h->magic = HTTP_MAGIC;
    h->loop = l;
    LIST_INIT(&h->conns);
    LIST_INIT(&h->requests);
    if (split_listen(o->listen, &host, &port, e) || set_base_path(h, o->base_path, e) ||
        proxy_list_parse(&h->trusted, o->trusted_proxies, e))
        goto out;
    /* evhttp writes with writev(), which cannot be told otherwise: a client that left must not end the process. */
    signal(SIGPIPE, SIG_IGN);
    h->ev = evhttp_new(loop_base(l));
    CHECK(h->ev != NULL);
    set_options(h, o);
    evhttp_set_bevcb(h->ev, conn_on_new, h);
    evhttp_set_gencb(h->ev, on_request, h);
    errno = 0;
    h->listener = evhttp_bind_socket_with_handle(h->ev, host, port);
    if (!h->listener) {
        err_set(e, ERR_RETRY, "could not listen on \"%s\": %s", o->listen, errno ? strerror(errno) : "no such address");
        goto out;
    }
    h->port = bound_port(h->listener);
    *out = give(&h);
out:
    free(host);
    http_close(h);
    return (int)e->code;
}

const char *
http_base_path(const struct http *h)
{
    return h->base_path;
}

int
http_port(const struct http *h)
{
    return h->port;
}

void
http_stop_listening(struct http *h)
{
    if (h->listener)
        evhttp_del_accept_socket(h->ev, h->listener);
    h->listener = NULL;
}

void
http_close(struct http *h)
{
    struct http_request *r;
    struct conn         *c;

    if (!h)
        return;
    /* evhttp_free() frees the requests of its connections; their owners still hold ours. */
    while ((r = LIST_FIRST(&h->requests))) {
        LIST_REMOVE(r, link);
        loop_timer_stop(r->notice);
        r->notice = NULL;
        r->http = NULL;
        r->ev = NULL;
    }
    if (h->ev)
        evhttp_free(h->ev);
    /* Those that closed without a word. */
    while ((c = LIST_FIRST(&h->conns)))
        conn_forget(c);
    h->magic = 0;
    free(h->base_path);
    free(h);
}
