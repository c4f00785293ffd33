/* api_int: one verb under way, inside the room. A verb's own struct begins with a struct api_call; it may send several requests, one after
 * another, and ends by api_end(), which must be the last thing it does. */
#ifndef ORCH_API_API_INT_H
#define ORCH_API_API_INT_H

#include "api/call.h"
#include "base/str.h"

enum { API_CALL_MAGIC = 0x61706963 }; /* "apic" */

/* json is the parsed body, NULL when it is none; r is NULL when no answer came; e is NULL when api_judge() found none. */
typedef void api_answer_fn(struct api_call *c, struct json *json, const struct fetch_response *r, const struct err *e);

/* A peer that speaks JSON below <url>/api/v1, and knows us by one header. */
struct api_peer {
    struct fetch *fetch;
    const char   *name; /* "board", …; static */
    char         *base; /* …/api/v1 */
    char         *key;  /* the whole header */
};

struct api_call {
    uint32_t           magic;
    struct fetch      *fetch;
    struct fetch_call *request; /* under way; NULL between two */
    const char        *peer;    /* "board", …; static */
    api_answer_fn     *on_answer;
    bool               needs_json;       /* of the request under way */
    void (*release)(struct api_call *c); /* frees what the verb added, and c itself */
};

struct api_request {
    const char        *method;
    const char        *url;
    const char        *label; /* see fetch.h */
    const char *const *headers;
    struct json       *body; /* NULL = none; borrowed */
    bool               needs_json;
};

void api_init(struct api_call *c, struct fetch *f, const char *peer, void (*release)(struct api_call *c));
void api_send(struct api_call *c, const struct api_request *request, api_answer_fn *fn);
void api_end(struct api_call *c);

/* key: the header up to its secret, "X-API-Key: ". */
void api_peer_init(struct api_peer *p, struct fetch *f, const char *name, const char *url, const char *key, const char *secret);
void api_peer_fini(struct api_peer *p);
/* api_send() to a peer: with its key, and the headers of JSON. body is borrowed; NULL = none. */
void api_ask(struct api_call *c, const struct api_peer *p, const char *method, const char *url, struct json *body, bool needs_json,
             api_answer_fn *fn);

/* The text at path, or "" when it is absent or of another type. */
const char *api_text(struct json *json, const char *path);

#endif
