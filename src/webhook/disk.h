/* disk: the files of the spool, on a thread of their own, because fsync() blocks. One directory; a file appears whole or not at all.
 * Answers come through the loop, one at a time, in the order in which they were asked for. */
#ifndef ORCH_WEBHOOK_DISK_H
#define ORCH_WEBHOOK_DISK_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"

#define DISK_SUFFIX ".deliveries" /* of every file that is read at start */
#define DISK_ASIDE  "refused"     /* the directory below, for files that nobody reads again by himself */

struct disk;
/* text is that of a read, borrowed until this returns. e is NULL on success; ERR_GONE: there is no such file. */
typedef void disk_fn(const char *text, size_t len, const struct err *e, void *arg);
typedef void disk_file_fn(const char *name, const char *text, size_t len, const struct err *e, void *arg);

/* Makes the directories, for their owner alone. ERR_INVALID: it cannot. */
int disk_open(struct disk **out, struct loop *l, const char *dir, struct err *e);
/* These two block: for the start. The first answers how many files are set aside; the second calls fn for each whole file, in the order of
 * their names, and removes what a crash left half-written. */
int  disk_count_aside(const struct disk *d);
void disk_scan(const struct disk *d, disk_file_fn *fn, void *arg);
/* text is taken. Success means that file and directory were synced; on failure there is no such file. */
void disk_write(struct disk *d, const char *name, struct buf *text, disk_fn *fn, void *arg);
void disk_read(struct disk *d, const char *name, size_t at, size_t len, disk_fn *fn, void *arg);
/* Nobody waits for these: a file that cannot be removed is logged, and found again at the next start. */
void disk_remove(struct disk *d, const char *name);
void disk_set_aside(struct disk *d, const char *name);
void disk_close(struct disk *d); /* NULL is fine; does what was asked, then silences all */

#endif
