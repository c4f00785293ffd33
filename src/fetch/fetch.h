/* fetch: one HTTP request out, one answer back, over libcurl multi on the loop. libcurl is seen in this room only.
 * http and https only; certificates are verified; redirects are not followed but answered as they are (following one would turn a POST
 * into a GET and carry the key to another host). Every request has a deadline and every answer a largest size.
 * A callback fires exactly once, in a later turn, and never after fetch_cancel(). Refuses to know JSON, or who the peer is. */
#ifndef ORCH_FETCH_FETCH_H
#define ORCH_FETCH_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "loop/loop.h"

struct fetch;
struct fetch_call;

struct fetch_options {
    int64_t     timeout_ms; /* of a request that names none; 0 = 20 s */
    const char *user_agent; /* NULL = "orchd" */
    const char *ca_file;    /* certificates of authorities, PEM, besides those of the system; NULL = none */
};

/* A piece of an answer, as it comes. Called from inside libcurl: it may neither cancel nor close anything. */
typedef void fetch_part_fn(const char *data, size_t len, void *arg);

struct fetch_request {
    const char        *method; /* GET, POST, PUT, PATCH or DELETE. A POST is sent once at most, the others may be repeated unseen */
    const char        *url;    /* http(s)://, without a user name */
    const char        *label;  /* what errors and logs call this request, for an URL with a secret in its path; NULL = method, host, path */
    const char *const *headers; /* NULL-ended "Name: value"; NULL = none */
    const void        *body;    /* NULL = none */
    size_t             len;
    size_t             max_bytes;  /* largest answer; 0 = 4 MiB */
    int64_t            timeout_ms; /* for the whole of it, waiting for a free connection included; 0 = that of fetch_open() */
    fetch_part_fn     *on_part;    /* NULL, or gets the body of a 2xx, of any size, which may take any time once there is a connection */
};

/* Borrowed until the callback returns. */
struct fetch_response {
    long        status; /* as it came: 301 and 500 are answers, too */
    const char *body;   /* NUL after the last byte; may hold NULs */
    size_t      len;
    int64_t     retry_after_ms; /* Retry-After, seconds or a date; -1 = not asked for; at most a day */
    const char *content_type;   /* "" when there was none */
};

/* Exactly one of r and e is NULL. e: ERR_RETRY when no whole answer came (refused, late, cut off, too big, bad certificate),
 * ERR_INVALID when the request itself is wrong. Texts name host and path, or the label; never a query, a header or a body. */
typedef void fetch_fn(const struct fetch_response *r, const struct err *e, void *arg);

int  fetch_open(struct fetch **out, struct loop *l, const struct fetch_options *o, struct err *e);
void fetch_close(struct fetch *f); /* NULL is fine; silences all */

/* Everything in the request is copied. */
struct fetch_call *fetch_start(struct fetch *f, const struct fetch_request *request, fetch_fn *fn, void *arg);
void               fetch_cancel(struct fetch_call *c); /* NULL is fine; the handle is dead after this, and after its callback began */

#endif
