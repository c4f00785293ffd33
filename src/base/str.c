/* str: buffers double, so that appending n bytes costs O(n). */
#include "base/str.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { BUF_MIN = 64 };

void *
xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);

    CHECK(p != NULL);
    return p;
}

void *
xrealloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);

    CHECK(p != NULL);
    return p;
}

char *
xstrdup(const char *text)
{
    return text ? xstrndup(text, strlen(text)) : NULL;
}

char *
xstrndup(const char *text, size_t len)
{
    char *copy;

    len = strnlen(text, len);
    copy = xcalloc(len + 1, 1);
    return memcpy(copy, text, len);
}

char *
xasprintf(const char *fmt, ...)
{
    struct buf b = { 0 };
    va_list    ap;

    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    return buf_take(&b);
}

/* Makes room for more bytes and the final NUL. */
static void
reserve(struct buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : BUF_MIN;

    CHECK(more < SIZE_MAX / 4 && b->len < SIZE_MAX / 4);
    while (cap < b->len + more + 1)
        cap *= 2;
    if (cap == b->cap)
        return;
    b->data = xrealloc(b->data, cap);
    b->cap = cap;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
    reserve(b, len);
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void
buf_add_str(struct buf *b, const char *text)
{
    if (text)
        buf_add(b, text, strlen(text));
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int     len;

    va_copy(again, ap);
    reserve(b, BUF_MIN);
    len = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
    CHECK(len >= 0);
    if ((size_t)len >= b->cap - b->len) {
        reserve(b, (size_t)len);
        vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
    }
    b->len += (size_t)len;
    va_end(again);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

char *
buf_take(struct buf *b)
{
    char *text;

    reserve(b, 0);
    b->data[b->len] = '\0';
    text = b->data;
    *b = (struct buf){ 0 };
    return text;
}

void
buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf){ 0 };
}

bool
str_equal(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

bool
str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
str_is_blank(const char *text)
{
    return !text || text[strspn(text, " \t\r\n\v\f")] == '\0';
}

size_t
str_utf8_step(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t               n;
    /* The second byte's range excludes overlong forms, surrogates and what is past U+10FFFF (RFC 3629, section 4). */
    unsigned char low = 0x80, high = 0xBF;

    if (len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (len < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

bool
str_is_utf8(const char *text, size_t len)
{
    for (size_t at = 0, step; at < len; at += step) {
        step = str_utf8_step(text + at, len - at);
        if (!step || text[at] == '\0')
            return false;
    }
    return true;
}

bool
str_to_long(const char *text, long *out)
{
    const char *digits = text && *text == '-' ? text + 1 : text;
    char       *end;
    long        value;

    if (!digits || *digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || *end)
        return false;
    *out = value;
    return true;
}

bool
str_equal_secret(const void *a, const void *b, size_t len)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char                 difference = 0;

    for (size_t i = 0; i < len; i++)
        difference = (unsigned char)(difference | (x[i] ^ y[i]));
    return difference == 0;
}
