/* See transient.h. Extended regular expressions of libc, without case, line by line. */
#include "worker/transient.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "worker/output.h"

enum {
    TAIL_MAX = 8 * 1024, /* the last record of a CLI, with its accounts, has some three KiB */
    AROUND = 40,         /* bytes shown on either side of what was found */
    DAY_MS = 24 * 60 * 60 * 1000,
    HOUR_S = 60 * 60
};

/* Numbers only beside a word that makes them a status: "line 429" is none. "rate_limit_event" is a record of good runs too. */
static const char *const patterns_known[] = {
    "(http|status|code|error)[^0-9a-z]{1,12}(429|500|502|503|504|529)([^0-9]|$)",
    "http/[0-9.]+ (429|500|502|503|504|529)([^0-9]|$)",
    "(429|503|529)[^0-9a-z]{1,4}(too many|service|overloaded)",
    "too many requests",
    "rate[ _-]?limit([^a-z_]|$|ed|error|_error| exceeded| reached)",
    "overloaded",
    "usage limit",
    "is at capacity",
    "resource[ _]?exhausted",
    "service unavailable",
    "request timed out",
};

/* Where a pattern matches first, in out[0]. */
static bool
matches(const char *pattern, const char *text, regmatch_t *out, size_t n)
{
    regex_t re;
    bool    is_match;

    if (regcomp(&re, pattern, REG_EXTENDED | REG_ICASE | REG_NEWLINE))
        return false;
    is_match = regexec(&re, text, n, out, 0) == 0;
    regfree(&re);
    return is_match;
}

static void
show_match(struct transient_sign *out, const char *text, const regmatch_t *m)
{
    const char *from = text + m->rm_so;
    const char *to = text + m->rm_eo;

    for (int i = 0; i < AROUND && from > text && from[-1] != '\n'; i++)
        from--;
    for (int i = 0; i < AROUND && *to && *to != '\n'; i++)
        to++;
    output_show(out->words, sizeof out->words, from, to);
    out->is_found = true;
}

/* "retry-after: 20", "retry_after_ms\": 500", "try again in 1.5s", "Please retry in 57.6s". The last one counts: a CLI tries several times by itself. */
static int64_t
stated_wait(const char *text)
{
    static const char pattern[] = "(retry[-_ ]?after|try again in|retry in)(_ms)?[^0-9a-z]{0,6}([0-9]{1,9}([.][0-9]+)?)"
                                  " ?((ms|milliseconds?|m|min|mins|minutes?|h|hrs?|hours?|s|secs?|seconds?)([^a-z]|$))?";
    regmatch_t        m[8];
    double            ms = 0;

    for (; matches(pattern, text, m, 8); text += m[0].rm_eo) {
        const char *unit = m[6].rm_so >= 0 ? text + m[6].rm_so : "";
        bool        is_ms = m[2].rm_so >= 0 || strncasecmp(unit, "ms", 2) == 0 || strncasecmp(unit, "mil", 3) == 0;
        double      factor = is_ms ? 1 : *unit == 'm' || *unit == 'M' ? 60e3 : *unit == 'h' || *unit == 'H' ? 3600e3 : 1e3;
        ms = strtod(text + m[3].rm_so, NULL) * factor;
    }
    return ms > DAY_MS ? DAY_MS : (int64_t)ms;
}

/* "try again at 2:08 PM", in the time zone that we share with the agent. */
static int64_t
stated_time(const char *text, int64_t now)
{
    static const char pattern[] = "(try again|resets) at ([0-9]{1,2}):([0-9]{2}) ?([ap])[.]?m";
    regmatch_t        m[5];
    struct tm         tm;
    time_t            at = 0, from = (time_t)now;

    for (; matches(pattern, text, m, 5); text += m[0].rm_eo) {
        bool is_afternoon = tolower((unsigned char)text[m[4].rm_so]) == 'p';
        localtime_r(&from, &tm);
        tm.tm_hour = (int)strtol(text + m[2].rm_so, NULL, 10) % 12 + (is_afternoon ? 12 : 0);
        tm.tm_min = (int)strtol(text + m[3].rm_so, NULL, 10);
        tm.tm_sec = 0;
        tm.tm_isdst = -1;
        at = mktime(&tm);
        /* Just passed: the run took that long to end. Long passed: tomorrow is meant. */
        if (at < from - HOUR_S) {
            tm.tm_mday++;
            tm.tm_isdst = -1;
            at = mktime(&tm);
        }
    }
    return at > from ? (int64_t)(at - from) * 1000 : 0;
}

static void
find(struct transient_sign *out, const char *text, const char *pattern)
{
    regmatch_t m[1];

    if (!out->is_found && matches(pattern, text, m, 1))
        show_match(out, text, m);
}

static void
find_own(struct transient_sign *out, const char *text, struct json *patterns)
{
    for (size_t i = 0; i < json_len(patterns); i++)
        find(out, text, json_str(json_item(patterns, i), ""));
}

int64_t
transient_wait(const char *text, int64_t now)
{
    int64_t wait_ms = stated_wait(text);

    return wait_ms ? wait_ms : stated_time(text, now);
}

void
transient_find(struct transient_sign *out, char *text, size_t len, struct json *patterns, int64_t now)
{
    *out = (struct transient_sign){ 0 };
    output_blank_nuls(text, len);
    for (size_t i = 0; i < sizeof patterns_known / sizeof *patterns_known; i++)
        find(out, text, patterns_known[i]);
    find_own(out, text, patterns);
    out->wait_ms = transient_wait(text, now);
}

void
transient_find_own(struct transient_sign *out, const char *path, struct json *patterns)
{
    size_t len;
    char  *text = output_read_tail(path, TAIL_MAX, &len);

    *out = (struct transient_sign){ 0 };
    output_blank_nuls(text, len);
    find_own(out, text, patterns);
    free(text);
}

void
transient_find_in_log(struct transient_sign *out, const char *path, struct json *patterns)
{
    size_t len;
    char  *text = output_read_tail(path, TAIL_MAX, &len);

    transient_find(out, text, len, patterns, (int64_t)time(NULL));
    free(text);
}
