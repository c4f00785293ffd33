/* page: the page for people at /, and its files below /assets/: share/page/, carried in the binary. No token: nothing in them is secret,
 * they only ask for what is, with the token that a person gives to the page. What others wrote is shown by it (titles, reasons, logs), so
 * browsers are told to run nothing but these files, to load nothing from elsewhere, and to let nobody frame it. */
#include "web/web_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

#define POLICY                                                                                                                             \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; "                 \
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

static const struct {
    const char *suffix;
    const char *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".svg", "image/svg+xml" },
};

static const struct page_file *
find_file(const char *name)
{
    for (const struct page_file *f = page_files; f->name; f++)
        if (str_equal(f->name, name))
            return f;
    return NULL;
}

static const char *
type_of(const char *name)
{
    const char *suffix = strrchr(name, '.');

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_equal(types[i].suffix, suffix ? suffix : ""))
            return types[i].type;
    CHECK(!"a file of share/page/ has a type");
    return NULL;
}

struct tag {
    char text[24];
};

/* FNV-1a: it has to tell two versions of one file apart, not to withstand anybody. */
static struct tag
tag_of(const char *text)
{
    uint64_t   hash = UINT64_C(0xcbf29ce484222325);
    struct tag tag;

    for (const char *at = text; *at; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    snprintf(tag.text, sizeof tag.text, "\"%016" PRIx64 "\"", hash);
    return tag;
}

static void
answer_file(struct http_request *r, const struct page_file *f)
{
    struct tag  tag = tag_of(f->text);
    const char *known = http_header(r, "If-None-Match");

    http_add_header(r, "ETag", tag.text);
    http_add_header(r, "Cache-Control", "no-cache"); /* kept, but asked for: an upgrade is seen at once */
    http_add_header(r, "Content-Security-Policy", POLICY);
    http_add_header(r, "X-Content-Type-Options", "nosniff");
    http_add_header(r, "Referrer-Policy", "no-referrer");
    if (known && strstr(known, tag.text))
        http_reply(r, 304, NULL, "", 0);
    else
        http_reply_text(r, 200, type_of(f->name), f->text);
}

void
web_on_page(struct http_request *r, void *arg)
{
    (void)arg;
    answer_file(r, find_file("index.html"));
}

void
web_on_asset(struct http_request *r, void *arg)
{
    const struct page_file *f = find_file(http_param(r, "name"));

    (void)arg;
    if (f)
        answer_file(r, f);
    else
        http_problem(r, 404, "Not Found", "the page has no such file");
}
