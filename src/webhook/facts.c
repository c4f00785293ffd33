/* facts: small readers of other people's JSON, shared by the board's and the forge's deliveries. */
#include "webhook/webhook_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void
facts_take(struct json *facts, const char *key, struct json *from, const char *const *paths)
{
    for (; *paths; paths++) {
        const char *text = json_str(from, *paths);

        if (!text)
            continue;
        json_set_str(facts, key, text);
        return;
    }
}

char *
facts_kind(const char *name)
{
    size_t len = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") : 0;

    /* The forge's event is an unsigned header: whatever else is in it stays outside. */
    if (!len || len > 64 || name[len])
        return xstrdup("unknown");
    return xstrdup(name);
}

const char *
inbound_lane(const struct inbound *in)
{
    const char *lane = json_str(in->facts, "issue_id");

    if (!lane)
        lane = json_str(in->facts, "repo");
    return lane ? lane : in->source;
}

void
inbound_fini(struct inbound *in)
{
    free(in->delivery_key);
    free(in->kind);
    json_free(in->facts);
    *in = (struct inbound){ 0 };
}
