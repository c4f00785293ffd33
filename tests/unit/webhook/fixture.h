/* fixture: a recorded delivery of tests/fixtures: the exact bytes, and the headers that came with them. */
#ifndef ORCH_TESTS_WEBHOOK_FIXTURE_H
#define ORCH_TESTS_WEBHOOK_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define PLANE_SECRET "plane_wh_00112233445566778899aabbccddeeff"
#define GITEA_SECRET "gitea-fixture-secret"

struct fixture {
    struct buf body;
    struct buf headers;
    char       value[512]; /* of the header asked for last */
};

static inline void
fixture_read_file(struct buf *into, const char *name, const char *suffix)
{
    char   path[512];
    char   chunk[4096];
    size_t n;
    FILE  *f;

    snprintf(path, sizeof path, "%s/tests/fixtures/%s%s", ORCH_SOURCE_DIR, name, suffix);
    f = fopen(path, "rb");
    if (!f)
        abort();
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(into, chunk, n);
    fclose(f);
}

static inline struct fixture
fixture_load(const char *name)
{
    struct fixture f = { 0 };

    fixture_read_file(&f.body, name, ".json");
    fixture_read_file(&f.headers, name, ".headers");
    return f;
}

static inline void
fixture_fini(struct fixture *f)
{
    buf_fini(&f->body);
    buf_fini(&f->headers);
}

/* NULL when the delivery did not have it. */
static inline const char *
fixture_header(struct fixture *f, const char *name)
{
    const char *at = f->headers.data;

    for (; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        if (strncasecmp(at, name, strlen(name)) || at[strlen(name)] != ':')
            continue;
        at += strlen(name) + 1;
        at += strspn(at, " ");
        snprintf(f->value, sizeof f->value, "%.*s", (int)strcspn(at, "\r\n"), at);
        return f->value;
    }
    return NULL;
}

#endif
