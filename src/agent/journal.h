/* journal: the file that the warden of a detached command keeps, instead of talking to an orchd that may be gone. One line for each report:
 *   <name> <number> <microseconds since 1970>\n
 * The warden holds an exclusive flock(2) on it as long as it lives, which no reused process number and no reboot can counterfeit. A line
 * without its end is not there yet. Links libc only. */
#ifndef ORCH_AGENT_JOURNAL_H
#define ORCH_AGENT_JOURNAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/warden.h"

/* A new, locked, empty journal, for the warden to inherit; -1 and errno: EEXIST when there is one. */
int journal_create(const char *path);

/* Appends, and has it on the disk before it returns. False and errno on failure. */
bool journal_write(int fd, const struct warden_report *r);

/* The next whole line after *at, which it moves on. False: there is none yet, or what stands there is no report. */
bool journal_next(int fd, off_t *at, struct warden_report *out);

/* Whether somebody holds the lock. fd is a descriptor of the caller's own, from open(2). */
bool journal_is_held(int fd);

#endif
