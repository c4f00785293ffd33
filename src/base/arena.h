/* arena: memory that is freed whole, with the object that owns it. */
#ifndef ORCH_BASE_ARENA_H
#define ORCH_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void         *arena_alloc(struct arena *a, size_t size);       /* zeroed, aligned for any type */
char         *arena_strdup(struct arena *a, const char *text); /* NULL gives NULL */
char         *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void          arena_free(struct arena *a); /* NULL is fine */

#endif
