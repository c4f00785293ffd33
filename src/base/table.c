#include "base/table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2, TIME_MAX = 60 /* no interval and no time of Postgres is longer */, DAY_LENGTH = 10 /* 2026-11-25 */ };

/* Where the fraction of a second begins in a text that is a time or an interval and nothing else; its length if there is none. */
static size_t
fraction(const char *text)
{
    const char *dot = strchr(text, '.');
    size_t      len = strlen(text);
    size_t      at = dot ? (size_t)(dot - text) : len;

    if (!dot || at < 3 || len > TIME_MAX || text[strspn(text, "0123456789:.+-TZ adehmnorsy")] != '\0')
        return len;
    return dot[-3] == ':' && isdigit((unsigned char)dot[-1]) && isdigit((unsigned char)dot[1]) ? at : len;
}

/* "2026-11-25T03:12:40…", as Postgres writes a time in JSON. */
static bool
is_json_time(const char *text)
{
    size_t day = strspn(text, "0123456789-");

    return day == DAY_LENGTH && text[day] == 'T' && isdigit((unsigned char)text[day + 1]) && text[day + 3] == ':';
}

static void
add_plain(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_add(out, (unsigned char)text[i] < ' ' || text[i] == 0x7F ? " " : text + i, 1);
}

/* What a person reads of a value; caller frees. */
static char *
cell(struct json *value)
{
    struct buf  out = { 0 };
    const char *text = json_str(value, ""), *rest;
    char       *plain;
    size_t      cut;

    if (json_is_null(value))
        return xstrdup("");
    if (!text) {
        text = json_text(value);
        add_plain(&out, text, strlen(text));
        return buf_take(&out);
    }
    cut = fraction(text);
    rest = text + cut + (text[cut] ? 1 + strspn(text + cut + 1, "0123456789") : 0);
    add_plain(&out, text, cut);
    add_plain(&out, rest, strlen(rest));
    plain = buf_take(&out);
    if (is_json_time(text))
        plain[DAY_LENGTH] = ' ';
    return plain;
}

/* Columns on a terminal: a byte that starts no new code point takes no room. */
static size_t
width(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += (*text & 0xC0) != 0x80;
    return n;
}

static void
add_cell(struct buf *out, const char *text, size_t to, bool is_right, bool is_last)
{
    size_t used = width(text);
    int    pad = (int)(to > used ? to - used : 0);

    if (is_right)
        buf_printf(out, "%*s", pad, "");
    buf_add_str(out, text);
    if (!is_last)
        buf_printf(out, "%*s", is_right ? GAP : pad + GAP, "");
}

static void
add_column(const char *key, struct json *value, void *arg)
{
    struct json *columns = arg;

    (void)value;
    for (size_t i = 0; i < json_len(columns); i++)
        if (str_equal(json_str(json_item(columns, i), ""), key))
            return;
    json_push_str(columns, key);
}

struct json *
table_columns(struct json *rows)
{
    struct json *columns = json_new_array();

    for (size_t i = 0; i < json_len(rows); i++)
        json_each(json_item(rows, i), add_column, columns);
    return columns;
}

static bool
is_number(struct json *value)
{
    double number;
    return json_double(value, "", &number);
}

/* One column: the width that its texts need, and whether all that is there are numbers. */
static void
measure(struct json *rows, const char *name, size_t *wide, bool *is_right)
{
    bool has_text = false, has_number = false;

    *wide = width(name);
    for (size_t row = 0; row < json_len(rows); row++) {
        struct json *value = json_member(json_item(rows, row), name);
        char        *text = cell(value);
        *wide = width(text) > *wide ? width(text) : *wide;
        has_number |= is_number(value);
        has_text |= *text && !is_number(value);
        free(text);
    }
    *is_right = has_number && !has_text;
}

void
table_render(struct buf *out, struct json *columns, struct json *rows)
{
    struct json *own = columns ? NULL : table_columns(rows);
    struct json *names = columns ? columns : own;
    size_t       count = json_len(names);
    size_t      *wide = xcalloc(count + 1, sizeof *wide);
    bool        *is_right = xcalloc(count + 1, sizeof *is_right);

    for (size_t at = 0; at < count; at++)
        measure(rows, json_str(json_item(names, at), ""), &wide[at], &is_right[at]);
    for (size_t at = 0; at < count; at++)
        add_cell(out, json_str(json_item(names, at), ""), wide[at], is_right[at], at + 1 == count);
    buf_add_str(out, count ? "\n" : "");
    for (size_t row = 0; row < json_len(rows); row++) {
        for (size_t at = 0; at < count; at++) {
            char *text = cell(json_member(json_item(rows, row), json_str(json_item(names, at), "")));
            add_cell(out, text, wide[at], is_right[at], at + 1 == count);
            free(text);
        }
        buf_add_str(out, "\n");
    }
    free(wide);
    free(is_right);
    json_free(own);
}

void
table_render_object(struct buf *out, struct json *columns, struct json *object)
{
    size_t to = 0;

    for (size_t at = 0; at < json_len(columns); at++)
        to = width(json_str(json_item(columns, at), "")) > to ? width(json_str(json_item(columns, at), "")) : to;
    for (size_t at = 0; at < json_len(columns); at++) {
        const char *name = json_str(json_item(columns, at), "");
        char       *text = cell(json_member(object, name));
        if (*text && !str_equal(text, "{}") && !str_equal(text, "[]")) {
            add_cell(out, name, to, false, false);
            add_cell(out, text, 0, false, true);
            buf_add_str(out, "\n");
        }
        free(text);
    }
}
