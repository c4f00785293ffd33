/* http: an HTTP/1.1 server: routes, limits, bytes. evhttp is seen here only. Refuses to know JSON bodies and who is calling.
 * A handler gets a request and owns it until it has answered, at once or much later, exactly once, with http_reply() or http_problem().
 * The client may be gone by then; the answer is dropped in silence. Bounded for strangers: size of head and body, the time to send a
 * request and to take the answer (whole, not per byte, so that dripping does not help), and how many connections are open.
 *   route: pattern "/tasks/{id}/stop"; {…} is one segment, not empty, percent-decoded. HEAD is answered as GET without the body.
 *   no such path: 404; another method: 405 with Allow; body too large: 413; all as application/problem+json, except that a body
 *   over the limit by more than 64 KiB is refused unread, with a page of evhttp's. */
#ifndef ORCH_HTTP_HTTP_H
#define ORCH_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "loop/loop.h"

struct http;
struct http_request;
typedef void http_fn(struct http_request *r, void *arg);

struct http_options {
    const char *listen; /* "127.0.0.1:8080", "[::1]:0", "localhost:80"; port 0 = any free one */
    size_t      max_body;
    size_t      max_head;        /* request line and headers, bytes; 0 = 16 KiB */
    int64_t     timeout_ms;      /* for a whole request, then again for the answer; an idle connection ends by it too */
    const char *trusted_proxies; /* "127.0.0.1, 10.0.0.0/8": who may name the client; NULL = nobody */
    bool        reads_forwarded; /* they name it in Forwarded (RFC 7239) instead of X-Forwarded-For; the other header is never believed */
    const char *base_path;       /* "/orchd": before every path; NULL or "" = none */
    unsigned    max_connections; /* for one more, the one that has let us wait longest is closed; the new one when none has */
};

/* ERR_INVALID: listen is no address and port, a proxy no address, or the base path no path; ERR_RETRY: the address is taken or not ours. Options are copied.
 * Ignores SIGPIPE for the whole process. */
int         http_open(struct http **out, struct loop *l, const struct http_options *o, struct err *e);
int         http_port(const struct http *h);
const char *http_base_path(const struct http *h); /* "" or "/orchd" */
void        http_stop_listening(struct http *h);  /* no new connections; the open ones go on */
/* NULL is fine. Requests not answered yet stay with their owners, whose answers are dropped; rooms close before the server does. */
void http_close(struct http *h);

/* The texts are borrowed and outlive the server (literals). Asserts that method and pattern are new. */
void http_route(struct http *h, const char *method, const char *pattern, http_fn *fn, void *arg);
void http_unroute(struct http *h, const void *arg); /* forgets every route with this arg */

/* Asking a request. All is borrowed until it is answered. */
const char *http_method(const struct http_request *r);                  /* "GET" also for HEAD */
const char *http_path(const struct http_request *r);                    /* as sent, without the query */
const char *http_param(const struct http_request *r, const char *name); /* of the pattern; asserts that it is there */
const char *http_query(struct http_request *r, const char *name);       /* decoded; NULL when absent */
/* The first name in the query that is not among these (with spaces between); NULL when all are. Caller frees. */
char       *http_query_other(struct http_request *r, const char *names);
const char *http_header(const struct http_request *r, const char *name); /* any case; the first of several; NULL when absent */
const char *http_body(const struct http_request *r, size_t *len);        /* never NULL; a NUL stands behind the last byte */
const char *http_peer(const struct http_request *r);       /* the client's address: the socket's other end, or whom a trusted proxy names */
int64_t     http_arrived_us(const struct http_request *r); /* clock_mono_us() when the last byte was in */

/* Whether the client takes this type, "application/json", by its Accept headers; without one it takes all. */
bool http_accepts(const struct http_request *r, const char *content_type);

/* Answering. The request is gone afterwards. Nobody keeps an answer, unless a Cache-Control was added that says otherwise. */
void http_add_header(struct http_request *r, const char *name, const char *value); /* before the answer; line breaks are refused */
void http_reply(struct http_request *r, int status, const char *content_type, const void *body, size_t len);
void http_reply_text(struct http_request *r, int status, const char *content_type, const char *text);
/* RFC 9457: {"type":"about:blank","title":…,"status":…,"detail":…}; detail may be NULL. */
void http_problem(struct http_request *r, int status, const char *title, const char *detail);

/* Answering in pieces, after http_begin() instead of http_reply(). Headers are added before; with a Content-Length among them exactly that
 * many bytes are to follow, else the answer is chunked. fn is called in later turns: first, then whenever all that was written has been taken,
 * and once when nobody takes any more, which http_is_gone() tells (also true for HEAD). A client that does not take what was written in time
 * is hung up on; how much is written at once is the caller's to bound. After http_end() the request is gone and fn never called again. */
typedef void http_pull_fn(struct http_request *r, void *arg);
void         http_begin(struct http_request *r, int status, const char *content_type, http_pull_fn *fn, void *arg);
void         http_write(struct http_request *r, const void *data, size_t len); /* nothing once it is gone */
bool         http_is_gone(const struct http_request *r);
void         http_end(struct http_request *r);

#endif
