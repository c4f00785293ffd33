/* route: which handler a method and a path belong to. Few routes and short patterns: a walk is quicker than any table. */
#include "http/http_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

void
http_route(struct http *h, const char *method, const char *pattern, http_fn *fn, void *arg)
{
    CHECK(h->route_count < ROUTES_MAX);
    for (size_t i = 0; i < h->route_count; i++)
        CHECK(!str_equal(h->routes[i].method, method) || !str_equal(h->routes[i].pattern, pattern));
    h->routes[h->route_count++] = (struct route){ method, pattern, fn, arg };
}

void
http_unroute(struct http *h, const void *arg)
{
    size_t kept = 0;

    for (size_t i = 0; i < h->route_count; i++)
        if (h->routes[i].arg != arg)
            h->routes[kept++] = h->routes[i];
    h->route_count = kept;
}

void
route_forget_params(struct http_request *r)
{
    for (size_t i = 0; i < r->param_count; i++)
        free(r->params[i].value);
    r->param_count = 0;
}

/* One decoded segment; NULL when it is empty or hides a NUL. */
static char *
decode_segment(const char *text, size_t len)
{
    char  *raw = xstrndup(text, len);
    size_t size = 0;
    char  *out = evhttp_uridecode(raw, 0, &size);

    free(raw);
    CHECK(out != NULL);
    if (!size || strlen(out) != size) {
        free(out);
        return NULL;
    }
    return out;
}

static bool
take_param(struct http_request *r, const char *name, size_t name_len, const char *text, size_t len)
{
    char *value = decode_segment(text, len);

    if (!value)
        return false;
    CHECK(r->param_count < PARAMS_MAX);
    r->params[r->param_count++] = (struct param){ name, name_len, value };
    return true;
}

/* Both begin with a slash at each step. */
static bool
matches(struct http_request *r, const char *pattern, const char *path)
{
    route_forget_params(r);
    while (*pattern == '/' && *path == '/') {
        size_t want = strcspn(++pattern, "/");
        size_t have = strcspn(++path, "/");

        if (pattern[0] == '{') {
            if (!take_param(r, pattern + 1, want - 2, path, have))
                return false;
        } else if (want != have || memcmp(pattern, path, have)) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return !*pattern && !*path;
}

static void
add_method(char *allow, size_t size, const char *method)
{
    size_t at = strlen(allow);

    snprintf(allow + at, size - at, "%s%s%s", at ? ", " : "", method, str_equal(method, "GET") ? ", HEAD" : "");
}

int
route_find(const struct http *h, struct http_request *r, const char *method, const char *path, char *allow, size_t allow_size)
{
    allow[0] = '\0';
    for (size_t i = 0; i < h->route_count; i++) {
        if (!matches(r, h->routes[i].pattern, path))
            continue;
        if (str_equal(h->routes[i].method, method))
            return (int)i;
        add_method(allow, allow_size, h->routes[i].method);
    }
    route_forget_params(r);
    return allow[0] ? ROUTE_OTHER_METHOD : ROUTE_NONE;
}
