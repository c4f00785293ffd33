/* arena: a list of chunks, newest first; only the newest has room. What would not fit into a fresh chunk gets one of its own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum {
    ALIGN = _Alignof(max_align_t),
    CHUNK_MIN = 256 /* most objects hold a handful of short texts */
};

struct chunk {
    struct chunk *next;
    size_t        used;
    size_t        size;
    max_align_t   data[];
};

struct arena {
    struct chunk *newest;
};

struct arena *
arena_new(void)
{
    return xcalloc(1, sizeof(struct arena));
}

static struct chunk *
chunk_new(size_t size)
{
    struct chunk *c = xcalloc(1, sizeof *c + size);

    c->size = size;
    return c;
}

void *
arena_alloc(struct arena *a, size_t size)
{
    struct chunk *c = a->newest;
    void         *at;

    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (!c || c->size - c->used < size) {
        /* Doubling keeps the number of chunks small for the object that grows; the rest of the old chunk is lost, at most half. */
        size_t wanted = c ? c->size * 2 : CHUNK_MIN;

        c = chunk_new(size > wanted ? size : wanted);
        c->next = a->newest;
        a->newest = c;
    }
    at = (char *)c->data + c->used;
    c->used += size;
    return at;
}

char *
arena_strdup(struct arena *a, const char *text)
{
    size_t size;

    if (!text)
        return NULL;
    size = strlen(text) + 1;
    return memcpy(arena_alloc(a, size), text, size);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    struct buf b = { 0 };
    va_list    ap;
    char      *copy;

    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    copy = arena_strdup(a, b.data ? b.data : "");
    buf_fini(&b);
    return copy;
}

void
arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct chunk *c = a->newest, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
}
