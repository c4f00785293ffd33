/* log: a line is made in a buffer of our own and leaves with one write(2), so that lines of several threads never mix.
 * log_quote() writes JSON's escapes, so that the JSON form can take a quoted value over as it stands. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum {
    LINE_MAX_BYTES = 4000, /* below PIPE_BUF (4096): a pipe takes the line whole or waits */
    VALUE_MAX = 300,
    QUOTE_BUFFERS = 8,
    QUOTE_SIZE = VALUE_MAX * 6 + 8 /* each byte may become \u00xx */
};

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const int         level_priorities[] = { 7, 6, 4, 3 }; /* sd-daemon(3) */

static enum log_level lowest_level = LOG_INFO;
static bool           is_json;
static bool           is_journal;

/* A line under construction; what does not fit is cut. */
struct line {
    char   text[LINE_MAX_BYTES];
    size_t len;
};

static void
add(struct line *l, const char *text, size_t len)
{
    size_t room = sizeof l->text - l->len;

    if (len > room)
        len = room;
    memcpy(l->text + l->len, text, len);
    l->len += len;
}

static void
add_str(struct line *l, const char *text)
{
    add(l, text, strlen(text));
}

/* Writes one character of a quoted value; answers how many bytes of text it took. */
static size_t
escape(char *out, size_t *len, const char *text, size_t left)
{
    size_t step = str_utf8_step(text, left);
    char   c = *text;

    if (step == 0) {
        *len = (size_t)sprintf(out, "\\ufffd");
        return 1;
    }
    if (c == '"' || c == '\\')
        *len = (size_t)sprintf(out, "\\%c", c);
    else if (c == '\n' || c == '\r' || c == '\t')
        *len = (size_t)sprintf(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if ((unsigned char)c < 0x20 || c == 0x7f)
        *len = (size_t)sprintf(out, "\\u%04x", (unsigned)c);
    else
        memcpy(out, text, *len = step);
    return step;
}

static bool
is_bare(const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+,#%-";

    return *value && value[strspn(value, plain)] == '\0';
}

const char *
log_quote(const char *value)
{
    static _Thread_local char     buffers[QUOTE_BUFFERS][QUOTE_SIZE];
    static _Thread_local unsigned turn;
    char                         *out = buffers[turn++ % QUOTE_BUFFERS];
    size_t                        len = strlen(value ? value : ""), end = 0, part;

    if (!value)
        return "none";
    if (len <= VALUE_MAX && is_bare(value))
        return strcpy(out, value);
    out[end++] = '"';
    for (size_t at = 0; at < len;) {
        if (at >= VALUE_MAX) {
            end += (size_t)sprintf(out + end, "…");
            break;
        }
        at += escape(out + end, &part, value + at, len - at);
        end += part;
    }
    out[end++] = '"';
    out[end] = '\0';
    return out;
}

/* A quoted value ends at the first quote without a backslash before it. */
static size_t
value_length(const char *value)
{
    size_t at = 1;

    if (*value != '"')
        return strcspn(value, " ");
    while (value[at] && value[at] != '"')
        at += value[at] == '\\' && value[at + 1] ? 2 : 1;
    return value[at] ? at + 1 : at;
}

static void
add_escaped(struct line *l, const char *text, size_t len)
{
    char   out[8];
    size_t part;

    add_str(l, "\"");
    for (size_t at = 0; at < len;) {
        at += escape(out, &part, text + at, len - at);
        add(l, out, part);
    }
    add_str(l, "\"");
}

/* Whether the value is quoted with JSON's escapes only, as log_quote() does it. */
static bool
is_json_string(const char *value, size_t len)
{
    if (len < 2 || value[0] != '"' || value[len - 1] != '"')
        return false;
    for (size_t at = 1; at + 1 < len; at++) {
        if (value[at] != '\\')
            continue;
        if (!strchr("\"\\nrtu", value[at + 1]))
            return false;
        if (value[++at] == 'u' && strspn(value + at + 1, "0123456789abcdefABCDEF") < 4)
            return false;
    }
    return true;
}

/* Whether the text is a whole number that JSON and every reader's double keep exactly. */
static bool
is_number(const char *text, size_t len)
{
    size_t sign = len && *text == '-';

    return len > sign && len - sign <= 15 && strspn(text + sign, "0123456789") >= len - sign && (text[sign] != '0' || len - sign == 1);
}

/* key=value pairs become members; a text that has another form becomes the member "text". */
static void
add_members(struct line *l, const char *fields)
{
    while (*fields) {
        size_t      key = strcspn(fields, " =\"");
        const char *value = fields + key + 1;
        size_t      len;

        if (fields[key] != '=' || key == 0) {
            add_str(l, ",\"text\":");
            add_escaped(l, fields, strlen(fields));
            return;
        }
        len = value_length(value);
        add_str(l, ",");
        add_escaped(l, fields, key);
        add_str(l, ":");
        if (is_number(value, len) || is_json_string(value, len))
            add(l, value, len);
        else
            add_escaped(l, value, len);
        fields = value + len;
        fields += strspn(fields, " ");
    }
}

static void
make_json(struct line *l, enum log_level level, const char *event, const char *fields)
{
    add_str(l, "{\"time\":\"");
    add_str(l, clock_text_ms(clock_wall_us()).text);
    add_str(l, "\",\"level\":\"");
    add_str(l, level_names[level]);
    add_str(l, "\",\"event\":\"");
    add_str(l, event);
    add_str(l, "\"");
    add_members(l, fields);
    add_str(l, "}");
}

static void
make_text(struct line *l, enum log_level level, const char *event, const char *fields)
{
    char head[96];

    if (is_journal)
        snprintf(head, sizeof head, "<%d>", level_priorities[level]);
    else
        snprintf(head, sizeof head, "%s %-5s ", clock_text_ms(clock_wall_us()).text, level_names[level]);
    add_str(l, head);
    add_str(l, event);
    if (*fields)
        add_str(l, "  ");
    add_str(l, fields);
}

/* One line, valid UTF-8, whatever the fields were made of. */
static void
mend(char *fields)
{
    size_t len = strlen(fields);

    for (size_t at = 0, step; at < len; at += step) {
        step = str_utf8_step(fields + at, len - at);
        if (step == 0 || (unsigned char)fields[at] < 0x20 || fields[at] == 0x7f) {
            fields[at] = step ? ' ' : '?';
            step = 1;
        }
    }
}

void
log_write(enum log_level level, const char *event, const char *fmt, ...)
{
    /* Less than half of the line's size: quoting anew for JSON may double it, and a cut line would be no JSON. */
    char        fields[LINE_MAX_BYTES / 2 - 100];
    struct line l = { .len = 0 };
    va_list     ap;

    if (level < lowest_level)
        return;
    va_start(ap, fmt);
    vsnprintf(fields, sizeof fields, fmt, ap);
    va_end(ap);
    mend(fields);
    if (is_json)
        make_json(&l, level, event, fields);
    else
        make_text(&l, level, event, fields);
    if (l.len == sizeof l.text)
        l.len--;
    l.text[l.len++] = '\n';
    /* Nothing can be done about a log that cannot be written. */
    (void)!write(STDERR_FILENO, l.text, l.len);
}

static bool
leads_to_journal(void)
{
    const char        *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat        st;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
           st.st_ino == inode;
}

void
log_setup(enum log_level lowest, bool as_json)
{
    lowest_level = lowest;
    is_json = as_json;
    is_journal = leads_to_journal();
}
