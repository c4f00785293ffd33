/* html: what a person reads of a comment. The board stores any HTML as it came, so nothing is expected to be well-formed. */
#include "base/html.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void
trim_end(struct buf *b, bool lines_too)
{
    while (b->len && (b->data[b->len - 1] == ' ' || (lines_too && b->data[b->len - 1] == '\n')))
        b->data[--b->len] = '\0';
}

static void
end_line(struct buf *b)
{
    trim_end(b, false);
    if (b->len && b->data[b->len - 1] != '\n')
        buf_add_str(b, "\n");
}

static void
add_char(struct buf *b, char c)
{
    if (!is_space(c)) {
        buf_add(b, &c, 1);
        return;
    }
    if (b->len && b->data[b->len - 1] != ' ' && b->data[b->len - 1] != '\n')
        buf_add_str(b, " ");
}

static void
add_code_point(struct buf *b, unsigned long c)
{
    char   out[4];
    size_t len = 0;

    if (!c || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        c = 0xfffd;
    if (c < 0x80) {
        add_char(b, (char)c);
        return;
    }
    if (c < 0x800) {
        out[len++] = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            out[len++] = (char)(0xe0 | c >> 12);
        } else {
            out[len++] = (char)(0xf0 | c >> 18);
            out[len++] = (char)(0x80 | (c >> 12 & 0x3f));
        }
        out[len++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    out[len++] = (char)(0x80 | (c & 0x3f));
    buf_add(b, out, len);
}

/* Adds the character that an entity stands for; returns what is behind it. Whatever is no entity is an ampersand. */
static const char *
add_entity(struct buf *b, const char *at)
{
    static const struct {
        const char *name;
        const char *text;
    } names[] = { { "amp;", "&" },  { "lt;", "<" },          { "gt;", ">" },         { "quot;", "\"" },     { "apos;", "'" },
                  { "nbsp;", " " }, { "hellip;", "\u2026" }, { "ndash;", "\u2013" }, { "mdash;", "\u2014" } };
    char         *end;
    unsigned long code;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!str_starts(at + 1, names[i].name))
            continue;
        buf_add_str(b, names[i].text);
        return at + 1 + strlen(names[i].name);
    }
    if (at[1] == '#') {
        bool is_hex = at[2] == 'x' || at[2] == 'X';
        char first = at[is_hex ? 3 : 2];

        code = strtoul(at + (is_hex ? 3 : 2), &end, is_hex ? 16 : 10);
        if (isxdigit((unsigned char)first) && *end == ';') {
            add_code_point(b, code);
            return end + 1;
        }
    }
    buf_add_str(b, "&");
    return at + 1;
}

static bool
is_tag(const char *name, size_t len, const char *const *list)
{
    for (; *list; list++)
        if (strlen(*list) == len && !strncasecmp(*list, name, len))
            return true;
    return false;
}

/* What is behind the element's end: its content is for machines. */
static const char *
skip_element(const char *at, const char *name, size_t len)
{
    while ((at = strchr(at, '<'))) {
        if (at[1] == '/' && !strncasecmp(at + 2, name, len)) {
            at = strchr(at, '>');
            return at ? at + 1 : "";
        }
        at++;
    }
    return "";
}

static const char *
pass_tag(struct buf *b, const char *at)
{
    static const char *const blocks[] = { "p",  "br", "div", "li", "ul", "ol",    "h1",  "h2",         "h3",
                                          "h4", "h5", "h6",  "tr", "hr", "table", "pre", "blockquote", NULL };
    static const char *const hidden[] = { "script", "style", NULL };
    const char              *name = at + (at[1] == '/' ? 2 : 1);
    size_t                   len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    const char              *end = strchr(at, '>');

    if (str_starts(at, "<!--")) {
        end = strstr(at, "-->");
        return end ? end + 3 : "";
    }
    /* "a < b" is text. */
    if ((!len && at[1] != '!') || !end) {
        buf_add_str(b, "<");
        return at + 1;
    }
    if (is_tag(name, len, blocks))
        end_line(b);
    return at[1] != '/' && is_tag(name, len, hidden) ? skip_element(end + 1, name, len) : end + 1;
}

char *
html_text(const char *html)
{
    struct buf b = { 0 };

    while (*html) {
        if (*html == '<') {
            html = pass_tag(&b, html);
        } else if (*html == '&') {
            html = add_entity(&b, html);
        } else {
            add_char(&b, *html++);
        }
    }
    trim_end(&b, true);
    return buf_take(&b);
}
