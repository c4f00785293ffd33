#include "worker/report.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "worker/output.h"

enum {
    TAIL_MAX = 1024 * 1024, /* as the result file: a final record may carry the whole answer, and reading it holds up the loop */
    AIDER_MAX = 64 * 1024,
    STATUS_TOO_MANY = 429,
    STATUS_SERVER = 500,
    STATUS_SERVER_END = 600,
    LOW_BYTE = 0xff
};

#define TOKENS_MAX INT64_C(1000000000000000) /* more than any run can use; so sums stay far below what an int64_t holds */

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

/* *out = 0 when it is not told, or nonsense. */
static bool
read_count(struct json *record, const char *path, int64_t *out)
{
    bool is_told = json_int(record, path, out) && *out >= 0 && *out <= TOKENS_MAX;

    if (!is_told)
        *out = 0;
    return is_told;
}

static void
add_tokens(struct report *r, const char *kind, int64_t count)
{
    if (count < 0)
        return; /* more came from the cache than came at all */
    if (!r->usage)
        r->usage = json_new_object();
    json_set_int(r->usage, kind, count);
}

/* --- Claude Code: {"type": "result", …} is the last record --- */

static void
take_claude_usage(struct report *r, struct json *record)
{
    int64_t input, created, cached, output;

    if (read_count(record, "usage.input_tokens", &input)) {
        read_count(record, "usage.cache_creation_input_tokens", &created);
        add_tokens(r, "input", input + created);
    }
    if (read_count(record, "usage.cache_read_input_tokens", &cached))
        add_tokens(r, "cache", cached);
    if (read_count(record, "usage.output_tokens", &output))
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
    r->is_transient =
        json_int(record, "api_error_status", &status) ? is_transient_status(status) : text && matches("request timed out", text);
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
    if (read_count(record, "usage.input_tokens", &input)) {
        read_count(record, "usage.cached_input_tokens", &cached);
        add_tokens(r, "input", input - cached);
        add_tokens(r, "cache", cached);
    }
    if (read_count(record, "usage.output_tokens", &output))
        add_tokens(r, "output", output);
    if (r->is_success)
        return true;
    say(r, why ? why : "turn.failed");
    r->is_transient = why && !matches("quota exceeded|status:? 401", why) &&
                      matches("(^|[^0-9])429([^0-9]|$)|usage limit|at capacity|unexpected status 5|status: 5[0-9][0-9]", why);
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
    if (read_count(record, "stats.cached", &cached))
        add_tokens(r, "cache", cached);
    if (read_count(record, "stats.input", &input))
        add_tokens(r, "input", input);
    if (read_count(record, "stats.output_tokens", &output))
        add_tokens(r, "output", output);
    if (r->is_success)
        return true;
    say(r, why ? why : "result.status is no success");
    r->is_transient = why && matches("(^|[^0-9])(429|500|502|503|504|529)([^0-9]|$)|overloaded|rate limit|"
                                     "quota exceeded for .*per minute|resource.?exhausted|unavailable",
                                     why);
    return true;
}

/* It passes an HTTP status on to exit(), which keeps the low byte. */
static void
find_http(struct report *r, int exit_status)
{
    static const int passing[] = { STATUS_TOO_MANY, STATUS_SERVER, STATUS_SERVER + 3 };
    char            *words;

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        if (exit_status != (passing[i] & LOW_BYTE))
            continue;
        words = xasprintf("HTTP %d by its exit status; %s", passing[i], r->words);
        say(r, words);
        r->is_transient = true;
        free(words);
    }
}

/* --- lines --- */

/* hint: stands in the final record whatever else does. What is without it is not parsed: a megabyte of small objects takes the better part
 * of a second, and the loop waits. */
static const struct format {
    const char *name, *hint;
    take_fn    *take;
} formats[] = {
    { "claude", "\"result\"", take_claude },
    { "codex", "\"turn.", take_codex },
    { "gemini", "\"result\"", take_gemini },
};

/* The line that ends at end, and where the one before it ends; text when there is none. */
static const char *
line_before(const char *text, const char *end, const char **next)
{
    const char *newline = memrchr(text, '\n', (size_t)(end - text));

    *next = newline ? newline : text;
    return newline ? newline + 1 : text;
}

/* The records from the last one back, until take() has its final one. */
static void
read_records(struct report *r, const struct format *f, const char *text, size_t len)
{
    bool is_found = false;

    for (const char *end = text + len, *next; !is_found && end > text; end = next) {
        const char  *from = line_before(text, end, &next);
        size_t       size = (size_t)(end - from);
        struct err   e = ERR_INIT;
        struct json *record = NULL;

        if (size && *from == '{' && memmem(from, size, f->hint, strlen(f->hint)))
            record = json_parse(from, size, &e);
        is_found = record && f->take(r, record);
        json_free(record);
    }
    if (!is_found)
        say(r, "it ended without its final record");
}

/* aider writes for people, and ends with status 0 also when nobody answered. What decides is the last line that tells either: an answer is
 * followed by its price, its edits and its commit, and asking anew within a run may have helped. litellm is what it asks services with;
 * its errors begin a line, and code that quotes them does not. */
static void
read_aider(struct report *r, const char *text, size_t len)
{
    static const char answered[] = "^(Tokens: [0-9.,]+[kM]? sent|Applied edit to |Commit [0-9a-f]{7})";
    static const char refused[] = "^litellm\\.[A-Za-z]*(Error|Timeout):|^Model .* has hit a token limit!";
    static const char passing[] = "^litellm\\.(RateLimitError|InternalServerError|ServiceUnavailableError|APIConnectionError|Timeout):";
    bool              is_told = false;

    if (len > AIDER_MAX) {
        text += len - AIDER_MAX;
        len = AIDER_MAX;
    }
    for (const char *end = text + len, *next; !is_told && end > text; end = next) {
        const char *from = line_before(text, end, &next);
        char       *line = xstrndup(from, (size_t)(end - from));

        r->is_success = matches(answered, line);
        is_told = r->is_success || matches(refused, line);
        if (is_told && !r->is_success) {
            r->is_transient = matches(passing, line);
            say(r, line);
        }
        free(line);
    }
    if (!is_told)
        say(r, "it ended without an answer of its model");
}

void
report_read(struct report *out, const char *format, const char *text, size_t len, int exit_status)
{
    *out = (struct report){ .cost_usd = -1 };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!str_equal(format, formats[i].name))
            continue;
        out->is_known = true;
        read_records(out, &formats[i], text, len);
    }
    if (str_equal(format, "gemini") && !out->is_success && !out->is_transient)
        find_http(out, exit_status);
    if (str_equal(format, "aider")) {
        out->is_known = true;
        read_aider(out, text, len);
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
