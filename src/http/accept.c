/* accept: what a client is willing to take (RFC 9110, 12.5.1). The most specific range that fits decides; its weight matters only in that 0
 * means no, because each path has one type to offer. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "http/http_int.h"

enum { FITS_NOT, FITS_ALL, FITS_TYPE, FITS_SUBTYPE };

/* "text/html", "text/" followed by a star, or two stars: how near the range comes to the type. */
static int
fit(const char *range, size_t len, const char *type)
{
    size_t group = strcspn(type, "/") + 1;

    if (len == 3 && !memcmp(range, "*/*", len))
        return FITS_ALL;
    if (len == group + 1 && range[group] == '*' && !strncasecmp(range, type, group))
        return FITS_TYPE;
    return len == strlen(type) && !strncasecmp(range, type, len) ? FITS_SUBTYPE : FITS_NOT;
}

/* Whether the parameters behind a range say q=0, in any of its spellings. */
static bool
is_refused(const char *params, size_t len)
{
    const char *end = params + len;

    for (const char *at = params; at < end; at += strcspn(at, ";,")) {
        at += strspn(at, "; \t");
        if (at + 2 < end && (at[0] == 'q' || at[0] == 'Q') && at[1] == '=')
            return strtod(at + 2, NULL) <= 0;
    }
    return false;
}

static void
weigh(const char *list, const char *type, int *best, bool *is_good)
{
    for (const char *at = list; *at; at += *at == ',') {
        size_t len;
        size_t range;
        int    how;

        at += strspn(at, " \t");
        len = strcspn(at, ",");
        range = strcspn(at, "; \t,");
        how = fit(at, range, type);
        if (how > *best) {
            *best = how;
            *is_good = !is_refused(at + range, len - range);
        }
        at += len;
    }
}

bool
http_accepts(const struct http_request *r, const char *content_type)
{
    struct evkeyval *header;
    bool             is_asked = false;
    bool             is_good = false;
    int              best = FITS_NOT;

    if (!r->ev)
        return true;
    TAILQ_FOREACH (header, evhttp_request_get_input_headers(r->ev), next) {
        if (strcasecmp(header->key, "Accept") != 0 || str_is_blank(header->value))
            continue;
        is_asked = true;
        weigh(header->value, content_type, &best, &is_good);
    }
    return !is_asked || is_good;
}
