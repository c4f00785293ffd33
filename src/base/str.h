/* str: growing text and a few questions about strings. Allocation failure ends the process (STYLE §4). */
#ifndef ORCH_BASE_STR_H
#define ORCH_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* A growing byte string, always NUL-terminated once anything was added. Embed it; all zero is an empty one. */
struct buf {
    char  *data; /* NULL while empty and never written */
    size_t len;  /* bytes without the final NUL */
    size_t cap;
};

void  buf_add(struct buf *b, const void *data, size_t len);
void  buf_add_str(struct buf *b, const char *text); /* NULL adds nothing */
void  buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void  buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
char *buf_take(struct buf *b); /* hands over the text ("" when empty) and leaves b empty; caller frees */
void  buf_fini(struct buf *b); /* frees and leaves an empty one */

/* malloc and friends that do not fail: they end the process instead. */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text); /* NULL gives NULL */
char *xstrndup(const char *text, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Moves a pointer out and leaves NULL behind: *out = give(&p). */
#define give(pp)                                                                                                                           \
    __extension__({                                                                                                                        \
        __typeof__(pp)     from_ = (pp);                                                                                                   \
        __typeof__(*from_) given_ = *from_;                                                                                                \
        *from_ = NULL;                                                                                                                     \
        given_;                                                                                                                            \
    })

bool   str_equal(const char *a, const char *b); /* NULL equals only NULL */
bool   str_starts(const char *text, const char *prefix);
bool   str_is_blank(const char *text);                             /* NULL, "" or white space only */
bool   str_is_utf8(const char *text, size_t len);                  /* well-formed UTF-8 without NUL */
size_t str_utf8_step(const char *text, size_t len);                /* bytes of the character that text begins with; 0 = not well-formed */
bool   str_to_long(const char *text, long *out);                   /* whole decimal number and nothing else */
bool   str_equal_secret(const void *a, const void *b, size_t len); /* constant time */

#endif
