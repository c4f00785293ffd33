/* telegram: the Bot API as typed verbs. Text goes as HTML, cut to what the messenger takes first and escaped second.
 * The token is part of the URL, so errors and logs name the method only. */
#ifndef ORCH_API_TELEGRAM_H
#define ORCH_API_TELEGRAM_H

#include <stdint.h>

#include "api/call.h"
#include "base/str.h"

struct telegram;

struct telegram_result {
    int64_t message_id;
    int64_t retry_after_ms; /* -1 = the messenger did not say */
};
/* r is never NULL; on failure only retry_after_ms counts. telegram_edit: ERR_GONE = there is no such message (any more). */
typedef void telegram_fn(const struct telegram_result *r, const struct err *e, void *arg);

/* A message: plain text; url (NULL = none) is put on the first occurrence of word in it, or on a line of its own. */
struct telegram_text {
    const char *text;
    const char *url;
    const char *word;
};

/* chat: a number or @name. Texts are copied. fetch outlives it. */
struct telegram *telegram_new(struct fetch *f, const char *url, const char *token, const char *chat);
void             telegram_free(struct telegram *t); /* NULL is fine; after its calls have ended or were cancelled */

struct api_call *telegram_send(struct telegram *t, const struct telegram_text *text, telegram_fn *fn, void *arg);
/* A message that says this already is success. */
struct api_call *telegram_edit(struct telegram *t, int64_t message_id, const struct telegram_text *text, telegram_fn *fn, void *arg);

/* The HTML of a message, appended to out. */
void telegram_render(struct buf *out, const struct telegram_text *text);

#endif
