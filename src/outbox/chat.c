/* chat: the kinds alert (a new message) and card (one message per task, edited in place). The messenger knows no idempotency key, so an
 * alert whose answer was lost comes twice; a card is told apart by its number. */
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "outbox/outbox_int.h"

static struct telegram_text
text_of(struct effect *x)
{
    return (
        struct telegram_text){ .text = outbox_text(x, "payload.text"), .url = outbox_link(x), .word = outbox_text(x, "context.work_item") };
}

static void
on_alert(const struct telegram_result *r, const struct err *e, void *arg)
{
    outbox_conclude(CHECKED(arg, EFFECT_MAGIC), e, r->retry_after_ms);
}

void
chat_alert_start(struct effect *x)
{
    static const char *const wanted[] = { "payload.text", NULL };
    struct telegram_text     text = text_of(x);
    struct telegram         *t = outbox_telegram(x);
    if (t && !outbox_lacks(x, wanted))
        x->call = telegram_send(t, &text, on_alert, x);
}

/* --- card ----------------------------------------------------------------------------------------------------------------------------- */

static void
on_card(const struct telegram_result *r, const struct err *e, void *arg)
{
    struct effect       *x = CHECKED(arg, EFFECT_MAGIC);
    struct telegram_text text = text_of(x);
    struct json         *result;
    x->call = NULL;
    if (e && e->code == ERR_GONE && x->number) {
        x->number = 0; /* somebody deleted the card: a new one takes its place */
        x->call = telegram_send(outbox_telegram(x), &text, on_card, x);
        return;
    }
    if (e) {
        outbox_fail(x, e, r->retry_after_ms);
        return;
    }
    result = json_new_object();
    json_set_int(result, "message_id", r->message_id);
    outbox_finish(x, result);
}

void
chat_card_start(struct effect *x)
{
    static const char *const wanted[] = { "payload.text", NULL };
    struct telegram_text     text = text_of(x);
    struct telegram         *t = outbox_telegram(x);
    const char              *kept;
    long                     number;
    if (!t || outbox_lacks(x, wanted))
        return;
    kept = outbox_text(x, "payload.message_id"); /* SQL keeps it as text */
    if (!json_int(x->payload, "message_id", &x->number) && str_to_long(kept, &number))
        x->number = number;
    if (x->number > 0)
        x->call = telegram_edit(t, x->number, &text, on_card, x);
    else
        x->call = telegram_send(t, &text, on_card, x);
}
