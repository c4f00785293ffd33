/* record: one delivery as one line of a spool file. The digest in front tells a whole line from a damaged one, and an operator may read the
 * rest with jq. */
#include <string.h>

#include "base/str.h"
#include "webhook/spool.h"
#include "webhook/webhook.h"

enum { DIGEST_TEXT = 64, FIELD_COUNT = 7 };

struct field {
    const char *key;
    size_t      at; /* of the text in struct spool_record */
};

static const struct field fields[FIELD_COUNT] = {
    { "heard_at", offsetof(struct spool_record, heard_at) },
    { "source", offsetof(struct spool_record, source) },
    { "delivery_key", offsetof(struct spool_record, delivery_key) },
    { "kind", offsetof(struct spool_record, kind) },
    { "lane", offsetof(struct spool_record, lane) },
    { "facts", offsetof(struct spool_record, facts) },
    { "body", offsetof(struct spool_record, body) },
};

void
spool_encode(struct buf *out, const struct spool_record *r)
{
    struct json *j = json_new_object();
    const char  *text;

    for (size_t i = 0; i < FIELD_COUNT; i++)
        json_set_str(j, fields[i].key, *(const char *const *)((const char *)r + fields[i].at));
    text = json_text(j);
    buf_printf(out, "%s %s\n", signature_digest(text, strlen(text)).text, text);
    json_free(j);
}

int
spool_decode(struct spool_record *out, const char *line, size_t len, struct err *e)
{
    const char *text = line + DIGEST_TEXT + 1;

    *out = (struct spool_record){ 0 };
    if (len <= DIGEST_TEXT || line[DIGEST_TEXT] != ' ' ||
        memcmp(signature_digest(text, len - DIGEST_TEXT - 1).text, line, DIGEST_TEXT) != 0) {
        err_set(e, ERR_INVALID, "the record is damaged: its digest is another");
        goto out;
    }
    out->owner = json_parse(text, len - DIGEST_TEXT - 1, e);
    if (!out->owner)
        goto out;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const char *found = json_is_object(out->owner) ? json_str(out->owner, fields[i].key) : NULL;

        if (!found) {
            err_set(e, ERR_INVALID, "the record has no \"%s\"", fields[i].key);
            goto out;
        }
        *(const char **)((char *)out + fields[i].at) = found;
    }
out:
    if (e->code)
        spool_record_fini(out);
    return (int)e->code;
}

void
spool_record_fini(struct spool_record *r)
{
    json_free(r->owner);
    *r = (struct spool_record){ 0 };
}
