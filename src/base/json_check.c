/* json_check: is this text exactly one JSON value (RFC 8259)? json-c is more liberal than its "strict": it takes NaN, leading zeros and
 * control characters, cannot say where it stopped, and must not meet text nested deeper than we like.
 * One pass, no recursion: kinds[] remembers for each open level whether it is an object or an array. */
#include <string.h>

#include "base/json_int.h"
#include "base/str.h"

struct scan {
    const char *text;
    size_t      len;
    size_t      at;
    char        kinds[JSON_DEPTH_MAX];
    size_t      depth;
    const char *problem;
};

static char
peek(const struct scan *s)
{
    return s->at < s->len ? s->text[s->at] : '\0';
}

static bool
fail(struct scan *s, const char *problem)
{
    s->problem = problem;
    return false;
}

static void
skip_space(struct scan *s)
{
    while (s->at < s->len && memchr(" \t\n\r", s->text[s->at], 4))
        s->at++;
}

static size_t
skip_any(struct scan *s, const char *set)
{
    size_t from = s->at;

    while (s->at < s->len && s->text[s->at] && strchr(set, s->text[s->at]))
        s->at++;
    return s->at - from;
}

static bool
scan_escape(struct scan *s)
{
    s->at++;
    if (peek(s) == '\0' || !strchr("\"\\/bfnrtu", peek(s)))
        return fail(s, "an unknown escape");
    if (s->text[s->at++] != 'u')
        return true;
    for (int i = 0; i < 4; i++, s->at++)
        if (peek(s) == '\0' || !strchr("0123456789abcdefABCDEF", peek(s)))
            return fail(s, "a \\u escape without four hex digits");
    return true;
}

static bool
scan_string(struct scan *s)
{
    if (peek(s) != '"')
        return fail(s, "a string was expected");
    s->at++;
    while (s->at < s->len) {
        size_t step = str_utf8_step(s->text + s->at, s->len - s->at);

        if (step == 0)
            return fail(s, "bytes that are not UTF-8");
        if (peek(s) == '"') {
            s->at++;
            return true;
        }
        if ((unsigned char)peek(s) < 0x20)
            return fail(s, "a control character in a string");
        if (peek(s) == '\\') {
            if (!scan_escape(s))
                return false;
        } else {
            s->at += step;
        }
    }
    return fail(s, "a string without end");
}

static bool
scan_number(struct scan *s)
{
    static const char digits[] = "0123456789";

    skip_any(s, "-");
    if (peek(s) == '0')
        s->at++;
    else if (skip_any(s, digits) == 0)
        return fail(s, "a value was expected");
    if (peek(s) == '.') {
        s->at++;
        if (skip_any(s, digits) == 0)
            return fail(s, "a number without digits after its point");
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
            s->at++;
        if (skip_any(s, digits) == 0)
            return fail(s, "a number without digits in its exponent");
    }
    return true;
}

static bool
scan_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);

    if (s->len - s->at < len || memcmp(s->text + s->at, word, len) != 0)
        return fail(s, "a value was expected");
    s->at += len;
    return true;
}

static bool
scan_key(struct scan *s)
{
    if (!scan_string(s))
        return false;
    skip_space(s);
    if (peek(s) != ':')
        return fail(s, "a colon was expected");
    s->at++;
    skip_space(s);
    return true;
}

/* Reads one value; of an object or array only its beginning. *is_open tells that a first member must follow. */
static bool
scan_value(struct scan *s, bool *is_open)
{
    char c = peek(s);

    *is_open = false;
    switch (c) {
    case '{':
    case '[':
        if (s->depth == JSON_DEPTH_MAX)
            return fail(s, "nested too deep");
        s->kinds[s->depth++] = c;
        s->at++;
        skip_space(s);
        *is_open = peek(s) != (c == '{' ? '}' : ']');
        return !*is_open || c == '[' || scan_key(s);
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    case '-':
        if (s->at + 1 < s->len && s->text[s->at + 1] == '-')
            return fail(s, "a value was expected");
        return scan_number(s);
    default:
        return scan_number(s);
    }
}

/* After a value: closes what ends here. *is_over tells that the whole value is complete; otherwise another member follows. */
static bool
scan_after(struct scan *s, bool *is_over)
{
    for (;;) {
        skip_space(s);
        *is_over = s->depth == 0;
        if (*is_over)
            return true;
        if (peek(s) == (s->kinds[s->depth - 1] == '{' ? '}' : ']')) {
            s->at++;
            s->depth--;
            continue;
        }
        if (peek(s) != ',')
            return fail(s, s->at < s->len ? "a comma or a closing bracket was expected" : "the text ends too early");
        s->at++;
        skip_space(s);
        return s->kinds[s->depth - 1] == '[' || scan_key(s);
    }
}

int
json_check(const char *text, size_t len, struct err *e)
{
    struct scan s = { .text = text, .len = len };
    bool        is_open = false, is_over = false;

    skip_space(&s);
    while (!is_over && scan_value(&s, &is_open))
        if (!is_open && !scan_after(&s, &is_over))
            break;
    if (is_over && s.at < s.len)
        fail(&s, "something follows the value");
    if (s.problem)
        err_set(e, ERR_INVALID, "cannot read JSON at byte %zu: %s", s.at + 1, s.problem);
    return e->code;
}
