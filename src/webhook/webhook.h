/* webhook: signed deliveries of the board and the forge → one normal struct inbound → orch.receive_event(), one delivery = one transaction.
 * The signature is checked over the raw bytes before one of them is parsed; the answer is sent after COMMIT. Refuses to do the work.
 *   no secret set: 503, and the log says why; wrong, empty or absent signature: 401; another content type than application/json: 415;
 *   not a JSON object: 400; an address that sends too many: 429; in all these cases nothing is stored. Stored, routed or not, or seen
 *   before: 200. Postgres away, or slower than spool_after: on this node's disk, 202, and applied in order once it can be; without room
 *   there: 503 with Retry-After.
 * Routes: POST /webhook/plane, /webhook/gitea, /webhook/github. */
#ifndef ORCH_WEBHOOK_WEBHOOK_H
#define ORCH_WEBHOOK_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "config/config.h"
#include "db/db.h"
#include "http/http.h"
#include "loop/loop.h"

struct webhook;

/* All four outlive the webhook. Logs a warning for each endpoint that has no secret. ERR_INVALID: the spool's directory is of no use. */
int  webhook_open(struct webhook **out, struct loop *loop, struct http *http, struct db *db, const struct config *config, struct err *e);
void webhook_close(struct webhook *w); /* NULL is fine; deliveries neither committed nor kept yet are answered 503 */

/* A web_block_fn: what is in the spool; false while deliveries are lost. */
bool webhook_show_spool(struct json *into, void *webhook);

/* One delivery, whoever sent it: what orch.receive_event() takes. */
struct inbound {
    const char  *source; /* "plane", "gitea" or "github"; a literal */
    char        *delivery_key;
    char        *kind;
    struct json *facts;
};

/* The headers that matter, borrowed; NULL when absent. */
struct delivery {
    const char *event;
    const char *id;
    const char *body; /* its digest is a key where the sender's id is none */
    size_t      len;
};

/* Pure: the facts of a parsed body. body is scrubbed of NULs in place. inbound_fini() what comes out. */
void inbound_from_plane(struct inbound *out, const struct delivery *d, struct json *body);
void inbound_from_forge(struct inbound *out, const char *source, const struct delivery *d, struct json *body);
/* Whose order matters: the issue of the board, the repository of the forge, else the source. Borrowed. */
const char *inbound_lane(const struct inbound *in);
void        inbound_fini(struct inbound *in);

/* HMAC-SHA256 of the bytes, hex in any case, compared in constant time with each secret that is set. prefix (NULL = none) must stand before
 * the hex. Absent or empty text never holds. */
bool signature_holds(const char *text, const char *prefix, const char *const secrets[2], const void *body, size_t len);

struct digest_text {
    char text[65];
};
struct digest_text signature_digest(const void *body, size_t len); /* SHA-256, lower-case hex */

#endif
