/* err: texts are cut at the buffer's end and kept valid UTF-8, because they travel on into JSON and Postgres. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

/* Bytes that are no UTF-8 become question marks; the half character that a cut may leave at the end goes. */
static void
mend(char *text, bool is_cut)
{
    size_t len = strlen(text);

    for (size_t at = 0, step; at < len; at += step) {
        step = str_utf8_step(text + at, len - at);
        if (step)
            continue;
        if (is_cut && len - at < 4) {
            text[at] = '\0';
            return;
        }
        text[at] = '?';
        step = 1;
    }
}

void
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;
    int     len;

    CHECK(e->code == ERR_NONE);
    CHECK(code != ERR_NONE);
    va_start(ap, fmt);
    len = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    mend(e->text, len >= (int)sizeof e->text);
    e->code = code;
}

void
err_prefix(struct err *e, const char *fmt, ...)
{
    struct err old = *e;
    va_list    ap;
    int        len;

    CHECK(e->code != ERR_NONE);
    va_start(ap, fmt);
    len = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    CHECK(len >= 0);
    if ((size_t)len >= sizeof e->text)
        len = sizeof e->text - 1;
    len += snprintf(e->text + len, sizeof e->text - (size_t)len, ": %s", old.text);
    mend(e->text, len >= (int)sizeof e->text);
}

void
err_clear(struct err *e)
{
    e->code = ERR_NONE;
    e->text[0] = '\0';
}

const char *
err_code_name(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return "none";
    case ERR_RETRY:
        return "retry";
    case ERR_GONE:
        return "gone";
    case ERR_DENIED:
        return "denied";
    case ERR_INVALID:
        return "invalid";
    case ERR_BUG:
        return "bug";
    }
    return "unknown";
}
