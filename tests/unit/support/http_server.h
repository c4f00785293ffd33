/* http_server: a scripted HTTP server on a thread of its own, for tests of what speaks to other people's APIs.
 * Each request gets the next reply of the script; the last one is repeated. A connection ends after its reply, unless that says otherwise. */
#ifndef ORCH_TESTS_HTTP_SERVER_H
#define ORCH_TESTS_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct http_server;

struct http_reply {
    int         status;
    const char *headers;    /* "Name: value\r\n…", NULL = application/json */
    const char *body;       /* NULL = empty */
    size_t      filler;     /* bytes of 'x' in place of body */
    bool        is_dripped; /* one byte each 20 ms */
    bool        is_cut;     /* Content-Length promises one byte more than comes */
    bool        is_kept;    /* the connection stays for one more request */
    bool        is_silent;  /* the connection ends without an answer */
};

/* Copies nothing: replies must outlive the server. */
struct http_server *http_server_start(const struct http_reply *replies, size_t count);
void                http_server_stop(struct http_server *s);
const char         *http_server_url(const struct http_server *s); /* http://127.0.0.1:port */

size_t http_server_count(struct http_server *s); /* requests so far */
/* Head and body of a request, or "" when it has not come. Valid until the server is stopped. */
const char *http_server_request(struct http_server *s, size_t at);

#endif
