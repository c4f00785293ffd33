/* check: whatever travels through a void pointer begins with a magic word, and is asked for it on arrival.
 * A broken invariant ends the process, in production too: the lease expires and other hands take over. */
#ifndef ORCH_BASE_CHECK_H
#define ORCH_BASE_CHECK_H

#include <stdint.h>

/* Ends the process with file, line and the broken condition in the log. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))

/* The pointer behind arg, after its first word was compared: struct agent *a = CHECKED(arg, AGENT_MAGIC); */
#define CHECKED(arg, magic) checked((arg), (magic), #magic, __FILE__, __LINE__)

_Noreturn void check_failed(const char *cond, const char *file, int line);
void          *checked(void *arg, uint32_t magic, const char *name, const char *file, int line);

#endif
