/* telegram: the messenger. */
#include "api/telegram.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/api_int.h"
#include "base/check.h"

enum {
    MAX_TEXT = 4000, /* code points; the messenger takes 4096, and a link on its own line needs a few */
    MAX_URL = 1400   /* bytes; the messenger takes 32768 with the markup, and an escaped byte may be six: 6 * (4000 + 1400) */
};

struct telegram {
    struct fetch *fetch;
    char         *base; /* …/bot<token>: a secret */
    char         *chat;
};

struct telegram_call {
    struct api_call base; /* first: the room casts between the two */
    telegram_fn    *fn;
    void           *arg;
    int64_t         edited; /* message that is edited; 0 = a new one */
};

struct telegram *
telegram_new(struct fetch *f, const char *url, const char *token, const char *chat)
{
    struct telegram *t = xcalloc(1, sizeof(*t));
    char            *base = api_base_url(url);
    t->fetch = f;
    t->base = xasprintf("%s/bot%s", base, token);
    t->chat = xstrdup(chat);
    free(base);
    return t;
}

void
telegram_free(struct telegram *t)
{
    if (!t)
        return;
    free(t->base);
    free(t->chat);
    free(t);
}

static void
release(struct api_call *base)
{
    free(base);
}

/* --- text ----------------------------------------------------------------------------------------------------------------------------- */

static void
add_escaped(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '&')
            buf_add_str(out, "&amp;");
        else if (text[i] == '<')
            buf_add_str(out, "&lt;");
        else if (text[i] == '>')
            buf_add_str(out, "&gt;");
        else if (text[i] == '"')
            buf_add_str(out, "&quot;");
        else
            buf_add(out, text + i, 1);
    }
}

/* Bytes of text that hold at most max code points. */
static size_t
cut(const char *text, size_t max)
{
    size_t points = 0, i = 0;
    for (; text[i]; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80 && ++points > max)
            break;
    return i;
}

static void
add_link(struct buf *out, const char *url, const char *word, size_t len)
{
    buf_add_str(out, "<a href=\"");
    add_escaped(out, url, strlen(url));
    buf_add_str(out, "\">");
    add_escaped(out, word, len);
    buf_add_str(out, "</a>");
}

void
telegram_render(struct buf *out, const struct telegram_text *text)
{
    const char *plain = text->text && *text->text ? text->text : "(no text)"; /* an empty message is refused */
    size_t      len = cut(plain, MAX_TEXT);
    const char *end = plain + len;
    size_t      word_len = text->word ? strlen(text->word) : 0;
    const char *at = word_len ? strstr(plain, text->word) : NULL;
    bool has_url = text->url && strlen(text->url) <= MAX_URL && (str_starts(text->url, "http://") || str_starts(text->url, "https://"));
    if (at && at + word_len > end)
        at = NULL;
    if (has_url && at) {
        add_escaped(out, plain, (size_t)(at - plain));
        add_link(out, text->url, at, word_len);
        add_escaped(out, at + word_len, (size_t)(end - at) - word_len);
    } else {
        add_escaped(out, plain, len);
    }
    if (*end)
        buf_add_str(out, "…");
    if (has_url && !at) {
        buf_add_str(out, "\n");
        add_link(out, text->url, "open", 4);
    }
}

/* --- answers -------------------------------------------------------------------------------------------------------------------------- */

/* The messenger tells why in words; these are the ones that somebody branches on. */
static void
judge_words(struct telegram_call *c, struct json *json, const struct err *e, struct err *own)
{
    const char *why = api_text(json, "description");
    int64_t     chat;
    if (c->edited && (strcasestr(why, "message to edit not found") || strcasestr(why, "MESSAGE_ID_INVALID")))
        err_set(own, ERR_GONE, "messenger: there is no message %lld to edit", (long long)c->edited);
    else if (json && json_int(json, "parameters.migrate_to_chat_id", &chat))
        err_set(own, ERR_INVALID, "messenger: the chat became a supergroup: set ORCH_TELEGRAM_CHAT to %lld", (long long)chat);
    else if (e && e->code == ERR_GONE)
        err_set(own, ERR_DENIED, "messenger: knows no such bot: is ORCH_TELEGRAM_TOKEN right?");
    else if (!e)
        err_set(own, ERR_RETRY, "messenger: answered ok=false: %.200s", *why ? why : "no reason");
}

static void
on_answer(struct api_call *base, struct json *json, const struct fetch_response *r, const struct err *e)
{
    struct telegram_call  *c = (struct telegram_call *)base;
    struct telegram_result result = { .retry_after_ms = r ? r->retry_after_ms : -1 };
    struct err             own = ERR_INIT;
    int64_t                wait_s;
    if (json && json_int(json, "parameters.retry_after", &wait_s) && wait_s > 0 && wait_s <= 86400)
        result.retry_after_ms = wait_s * 1000;
    if (c->edited && strcasestr(api_text(json, "description"), "message is not modified")) {
        result.message_id = c->edited; /* it says so already */
        e = NULL;
    } else if (e || !json_bool(json, "ok")) {
        judge_words(c, json, e, &own);
    } else if (!json_int(json, "result.message_id", &result.message_id) || result.message_id <= 0) {
        err_set(&own, ERR_RETRY, "messenger: answered %ld without a message's number", r ? r->status : 0);
    }
    c->fn(&result, own.code ? &own : e, c->arg);
    api_end(&c->base);
}

/* --- verbs ---------------------------------------------------------------------------------------------------------------------------- */

static struct api_call *
ask(struct telegram *t, const char *method, int64_t message_id, const struct telegram_text *text, telegram_fn *fn, void *arg)
{
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    struct telegram_call    *c = xcalloc(1, sizeof(*c));
    char                    *url = xasprintf("%s/%s", t->base, method);
    char                    *label = xasprintf("telegram %s", method);
    struct json             *body = json_new_object(), *preview = json_new_object();
    struct buf               html = { 0 };
    struct api_request request = { .method = "POST", .url = url, .label = label, .headers = headers, .body = body, .needs_json = true };
    long               chat;
    telegram_render(&html, text);
    if (str_to_long(t->chat, &chat))
        json_set_int(body, "chat_id", chat);
    else
        json_set_str(body, "chat_id", t->chat);
    if (message_id)
        json_set_int(body, "message_id", message_id);
    json_set_str(body, "text", html.data);
    json_set_str(body, "parse_mode", "HTML");
    json_set_bool(preview, "is_disabled", true);
    json_set(body, "link_preview_options", preview);
    api_init(&c->base, t->fetch, "messenger", release);
    c->fn = fn;
    c->arg = arg;
    c->edited = message_id;
    api_send(&c->base, &request, on_answer);
    json_free(body);
    buf_fini(&html);
    free(label);
    free(url);
    return &c->base;
}

struct api_call *
telegram_send(struct telegram *t, const struct telegram_text *text, telegram_fn *fn, void *arg)
{
    return ask(t, "sendMessage", 0, text, fn, arg);
}

struct api_call *
telegram_edit(struct telegram *t, int64_t message_id, const struct telegram_text *text, telegram_fn *fn, void *arg)
{
    return ask(t, "editMessageText", message_id, text, fn, arg);
}
