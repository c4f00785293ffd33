/* spool: deliveries that Postgres did not take in time, in files of this node until it has.
 * What was kept is on the disk, file and directory, before its callback says so; it stays there until orch.receive_event() has committed
 * it, over any number of crashes. A crash between the two makes a repetition, which the delivery key makes harmless.
 * Order: deliveries of one lane (an issue of the board, a repository of the forge) are applied in the order in which they were put; lanes do
 * not wait for each other. While spool_holds() a lane, whoever has a new delivery of it must put it here, behind the others.
 * Bounded in bytes and in deliveries. A record that Postgres refuses for good goes with its file to the directory "refused" and holds up
 * nobody; moved back, it is tried again at the next start. Nothing here blocks the loop, except spool_open(). */
#ifndef ORCH_WEBHOOK_SPOOL_H
#define ORCH_WEBHOOK_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "db/db.h"
#include "loop/loop.h"

struct spool;

struct spool_options {
    const char *dir; /* made if need be, for its owner alone */
    int64_t     max_bytes;
    int64_t     max_deliveries; /* 0 = off: nothing is kept, but what is there is applied */
};

/* What orch.receive_event() takes, and the lane. Texts without NUL, UTF-8. */
struct spool_record {
    struct json *owner; /* of the texts, once decoded; NULL: borrowed */
    const char  *lane;
    const char  *source;
    const char  *delivery_key;
    const char  *kind;
    const char  *facts; /* JSON */
    const char  *body;
    const char  *heard_at; /* RFC 3339 */
};

/* e is NULL once the record is safe; else it is not kept. */
typedef void spool_kept_fn(const struct err *e, void *arg);

/* Reads what is left from before, and begins to apply it once the loop runs. ERR_INVALID: the directory cannot be made or written.
 * loop and db outlive the spool. */
int  spool_open(struct spool **out, struct loop *l, struct db *db, const struct spool_options *o, struct err *e);
bool spool_holds(const struct spool *s, const char *lane);
/* Copies the record. ERR_RETRY at once when it is full or off, and fn is never called. */
int spool_put(struct spool *s, const struct spool_record *r, spool_kept_fn *fn, void *arg, struct err *e);
/* For /health: how much there is, since when. False while deliveries are lost, because it is full or cannot write. */
bool spool_show(const struct spool *s, struct json *into);
void spool_close(struct spool *s); /* NULL is fine; silences all. What was put and not confirmed yet may be kept or not */

/* One record as one line of a file: its SHA-256, a space, JSON, a line feed. */
void spool_encode(struct buf *out, const struct spool_record *r);
/* line without its line feed. ERR_INVALID: it is damaged, or of another kind. Fini what comes out. */
int  spool_decode(struct spool_record *out, const char *line, size_t len, struct err *e);
void spool_record_fini(struct spool_record *r);

#endif
