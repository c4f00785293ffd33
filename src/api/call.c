/* call: sending a verb's requests, and judging what comes back. */
#include "api/call.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/api_int.h"
#include "base/check.h"

enum { MAX_QUOTED = 200 }; /* bytes of a peer's own words in an error: enough for a reason, too little for a payload */

void
api_init(struct api_call *c, struct fetch *f, const char *peer, void (*release)(struct api_call *c))
{
    c->magic = API_CALL_MAGIC;
    c->fetch = f;
    c->peer = peer;
    c->release = release;
}

static void
on_response(const struct fetch_response *r, const struct err *failed, void *arg)
{
    struct api_call *c = CHECKED(arg, API_CALL_MAGIC);
    struct json     *json = NULL;
    struct err       e = ERR_INIT;
    c->request = NULL;
    api_judge(&json, r, failed, c->peer, c->needs_json, &e);
    c->on_answer(c, json, r, e.code ? &e : NULL); /* may have freed c */
    json_free(json);
}

void
api_send(struct api_call *c, const struct api_request *request, api_answer_fn *fn)
{
    const char          *body = request->body ? json_text(request->body) : NULL;
    struct fetch_request out = {
        .method = request->method,
        .url = request->url,
        .label = request->label,
        .headers = request->headers,
        .body = body,
        .len = body ? strlen(body) : 0,
    };
    CHECK(!c->request);
    c->on_answer = fn;
    c->needs_json = request->needs_json;
    c->request = fetch_start(c->fetch, &out, on_response, c);
}

void
api_peer_init(struct api_peer *p, struct fetch *f, const char *name, const char *url, const char *key, const char *secret)
{
    char *base = api_base_url(url);
    p->fetch = f;
    p->name = name;
    p->base = xasprintf("%s/api/v1", base);
    p->key = xasprintf("%s%s", key, secret);
    free(base);
}

void
api_peer_fini(struct api_peer *p)
{
    free(p->base);
    free(p->key);
}

void
api_ask(struct api_call *c, const struct api_peer *p, const char *method, const char *url, struct json *body, bool needs_json,
        api_answer_fn *fn)
{
    const char *const        headers[] = { p->key, "Accept: application/json", body ? "Content-Type: application/json" : NULL, NULL };
    const struct api_request request = { .method = method, .url = url, .headers = headers, .body = body, .needs_json = needs_json };
    api_send(c, &request, fn);
}

void
api_end(struct api_call *c)
{
    fetch_cancel(c->request);
    c->request = NULL;
    c->release(c);
}

void
api_cancel(struct api_call *c)
{
    if (c)
        api_end(CHECKED(c, API_CALL_MAGIC));
}

/* --- judging -------------------------------------------------------------------------------------------------------------------------- */

/* The peer's own words for a refusal: each of the three has another key for them. */
static void
quote_reason(struct buf *out, struct json *json)
{
    static const char *const keys[] = { "message", "error", "detail", "description", "error_message" };
    const char              *text = NULL;
    size_t                   len;
    for (size_t i = 0; json && !text && i < sizeof(keys) / sizeof(*keys); i++)
        text = json_str(json, keys[i]);
    if (!text && json)
        text = json_text(json); /* {"state":["… is not a valid UUID."]} */
    if (!text || !*text)
        return;
    len = strlen(text);
    if (len > MAX_QUOTED)
        for (len = MAX_QUOTED; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
            ;
    buf_add_str(out, ": ");
    for (size_t i = 0; i < len; i++)
        buf_add(out, (unsigned char)text[i] < 0x20 ? " " : text + i, 1);
}

static bool
asks_to_come_back(struct json *json)
{
    const char *message = json ? json_str(json, "message") : NULL;
    return message && strcasestr(message, "try again later");
}

static enum err_code
code_of(long status, struct json *json)
{
    if (status == 408 || status == 425 || status == 429 || status >= 500 || (status == 405 && asks_to_come_back(json)))
        return ERR_RETRY;
    if (status == 401 || status == 403)
        return ERR_DENIED;
    if (status == 404 || status == 410)
        return ERR_GONE;
    return ERR_INVALID;
}

static const char *
what_else(const struct fetch_response *r)
{
    if (!r->len)
        return "nothing";
    return strcasestr(r->content_type, "html") ? "an HTML page" : "something that is no JSON";
}

int
api_judge(struct json **json, const struct fetch_response *r, const struct err *failed, const char *peer, bool needs_json, struct err *e)
{
    struct err parse = ERR_INIT;
    struct buf why = { 0 };
    *json = NULL;
    if (failed) {
        err_set(e, failed->code, "%s", failed->text);
        err_prefix(e, "%s", peer);
        goto out;
    }
    if (r->len)
        *json = json_parse(r->body, r->len, &parse);
    if (*json && !json_is_object(*json) && !json_is_array(*json)) {
        json_free(*json);
        *json = NULL;
    }
    if (r->status >= 200 && r->status < 300) {
        if (needs_json && !*json)
            err_set(e, ERR_RETRY, "%s: answered %ld with %s in place of JSON", peer, r->status, what_else(r));
        goto out;
    }
    quote_reason(&why, *json);
    err_set(e, code_of(r->status, *json), "%s: answered %ld%s%s", peer, r->status,
            r->status >= 300 && r->status < 400 ? ", a redirect, which is not followed" : "", why.data ? why.data : "");
out:
    buf_fini(&why);
    return e->code;
}

/* --- texts ---------------------------------------------------------------------------------------------------------------------------- */

char *
api_base_url(const char *url)
{
    size_t len = strlen(url);
    while (len && url[len - 1] == '/')
        len--;
    return xstrndup(url, len);
}

void
api_add_encoded(struct buf *b, const char *text)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; text && *text; text++) {
        if (strchr(unreserved, *text))
            buf_add(b, text, 1);
        else
            buf_printf(b, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

const char *
api_text(struct json *json, const char *path)
{
    const char *text = json ? json_str(json, path) : NULL;
    return text ? text : "";
}
