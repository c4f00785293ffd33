#include "worker/report.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "worker/output.h"

enum {
    TAIL_MAX = 4 * 1024 * 1024, /* a final record may carry the whole answer */
    AIDER_END = 2048,
    RECORDS_MAX = 2000, /* looked at from the end; the final one is among the last few */
    STATUS_TOO_MANY = 429,
    STATUS_SERVER = 500,
    STATUS_SERVER_END = 600
};

/* Gemini passes an HTTP status on to exit(), which keeps its low byte. */
enum { GEMINI_429 = 173, GEMINI_500 = 244, GEMINI_503 = 247 };

typedef bool take_fn(struct report *r, struct json *record); /* true: this was the final one */

static bool
is_transient_status(int64_t status)
{
    return status == STATUS_TOO_MANY || (status >= STATUS_SERVER && status < STATUS_SERVER_END);
}

static void
say(struct report *r, const char *text)
{
    output_show(r->words, sizeof r->words, text ? text : "", text ? text + strlen(text) : "");
}

static bool
matches(const char *pattern, const char *text)
{
    regex_t re;
    bool    is_match;

    if (regcomp(&re, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB))
        return false;
    is_match = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return is_match;
}

/* A count that is not there is not told; below zero it is nonsense. */
static void
add_tokens(struct report *r, const char *kind, int64_t count)
{
    if (count < 0)
        return;
    if (!r->usage)
        r->usage = json_new_object();
    json_set_int(r->usage, kind, count);
}

/* --- Claude Code: {"type": "result", …} is the last record --- */

static void
take_claude_usage(struct report *r, struct json *record)
{
    int64_t input, created, cached, output;

    if (json_int(record, "usage.input_tokens", &input)) {
        json_int(record, "usage.cache_creation_input_tokens", &created);
        add_tokens(r, "input", input + created);
    }
    if (json_int(record, "usage.cache_read_input_tokens", &cached))
        add_tokens(r, "cache", cached);
    if (json_int(record, "usage.output_tokens", &output))
        add_tokens(r, "output", output);
    if (!json_double(record, "total_cost_usd", &r->cost_usd))
        r->cost_usd = -1;
}

/* The subtype is "success" also when the service refused: is_error tells. */
static bool
take_claude(struct report *r, struct json *record)
{
    const char *subtype = json_str(record, "subtype");
    const char *text = json_str(record, "result");
    int64_t     status;

    if (!str_equal(json_str(record, "type"), "result"))
        return false;
    take_claude_usage(r, record);
    r->is_success = str_equal(subtype, "success") && !json_is_null(json_at(record, "is_error")) && !json_bool(record, "is_error");
    if (r->is_success)
        return true;
    r->is_transient = json_int(record, "api_error_status", &status) ? is_transient_status(status) : text && matches("timed out", text);
    if (!text)
        text = json_str(json_item(json_at(record, "errors"), 0), "");
    say(r, text ? text : subtype);
    return true;
}

/* --- Codex: turn.completed or turn.failed ends it; an "error" before it may be one of its own repetitions --- */

static bool
take_codex(struct report *r, struct json *record)
{
    const char *type = json_str(record, "type");
    const char *why = json_str(record, "error.message");
    int64_t     input, cached, output;

    r->is_success = str_equal(type, "turn.completed");
    if (!r->is_success && !str_equal(type, "turn.failed"))
        return false;
    if (json_int(record, "usage.input_tokens", &input)) {
        json_int(record, "usage.cached_input_tokens", &cached);
        add_tokens(r, "input", input - cached);
        add_tokens(r, "cache", cached);
    }
    if (json_int(record, "usage.output_tokens", &output))
        add_tokens(r, "output", output);
    if (r->is_success)
        return true;
    say(r, why ? why : "turn.failed");
    r->is_transient = why && matches("429|usage limit|at capacity|unexpected status 5|status: 5[0-9][0-9]", why);
    return true;
}

/* --- Gemini: {"type": "result", "status": …} is the last record --- */

static bool
take_gemini(struct report *r, struct json *record)
{
    const char *why = json_str(record, "error.message");
    int64_t     input, cached, output;

    if (!str_equal(json_str(record, "type"), "result"))
        return false;
    r->is_success = str_equal(json_str(record, "status"), "success");
    if (json_int(record, "stats.cached", &cached))
        add_tokens(r, "cache", cached);
    if (json_int(record, "stats.input", &input))
        add_tokens(r, "input", input);
    if (json_int(record, "stats.output_tokens", &output))
        add_tokens(r, "output", output);
    if (r->is_success)
        return true;
    say(r, why ? why : "result.status is no success");
    r->is_transient =
        why && matches("429|50[0-9]|529|overloaded|rate limit|quota exceeded for .*per minute|resource.?exhausted|unavailable", why);
    return true;
}

/* --- lines --- */

/* The records from the last one back, until take() has its final one. */
static bool
find_final(struct report *r, const char *text, size_t len, take_fn *take)
{
    const char *end = text + len;
    bool        is_found = false;

    for (int looked = 0; !is_found && end > text && looked < RECORDS_MAX;) {
        const char  *from = end;
        struct err   e = ERR_INIT;
        struct json *record;

        while (from > text && from[-1] != '\n')
            from--;
        record = *from == '{' ? json_parse(from, (size_t)(end - from), &e) : NULL;
        if (record) {
            looked++;
            is_found = take(r, record);
            json_free(record);
        }
        end = from > text ? from - 1 : text;
    }
    return is_found;
}

/* aider writes for people. litellm is what it asks services with. Only its last words count: it may have worked on such texts. */
static void
read_aider(struct report *r, const char *text, size_t len, int exit_status)
{
    static const char refused[] = "litellm\\.[A-Za-z]*(Error|Timeout)";
    static const char passing[] = "litellm\\.(RateLimitError|InternalServerError|ServiceUnavailableError|APIConnectionError|Timeout)"
                                  "|Retrying in|overloaded";

    if (len > AIDER_END)
        text += len - AIDER_END;
    r->is_success = exit_status == 0 && !matches(refused, text);
    if (r->is_success)
        return;
    r->is_transient = matches(passing, text);
    say(r, r->is_transient ? "aider: the service of its model refused or was away" : "aider: the service of its model refused");
}

static void
find_exit(struct report *r, const char *format, int exit_status)
{
    if (!str_equal(format, "gemini"))
        return;
    r->is_transient = exit_status == GEMINI_429 || exit_status == GEMINI_500 || exit_status == GEMINI_503;
    if (r->is_transient)
        say(r, "its exit status stands for HTTP 429, 500 or 503");
}

void
report_read(struct report *out, const char *format, const char *text, size_t len, int exit_status)
{
    take_fn *take = str_equal(format, "claude")   ? take_claude
                    : str_equal(format, "codex")  ? take_codex
                    : str_equal(format, "gemini") ? take_gemini
                                                  : NULL;

    *out = (struct report){ .cost_usd = -1 };
    if (str_equal(format, "aider")) {
        out->is_known = true;
        read_aider(out, text, len, exit_status);
    } else if (take) {
        out->is_known = true;
        if (!find_final(out, text, len, take))
            say(out, "it ended without its final record");
        if (!out->is_success && !out->is_transient)
            find_exit(out, format, exit_status);
    }
}

void
report_read_log(struct report *out, const char *format, const char *path, int exit_status)
{
    size_t len = 0;
    char  *text = format ? output_read_tail(path, TAIL_MAX, &len) : xstrdup("");

    report_read(out, format, text, len, exit_status);
    free(text);
}

void
report_fini(struct report *r)
{
    json_free(r->usage);
    r->usage = NULL;
}
