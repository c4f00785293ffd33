/* runlog: the log of a run, kept within a size by its warden, of which the command has only a pipe.
 *
 *   0 ── head ── line ─┐ gap ┌─ tail ── end      while the command runs: the gap is a hole, which takes no room on the disk
 *   0 ── head ── line ─┴─ tail ── end            when it is over
 *
 * The first quarter of max is the head; the tail is at least the last half of it, and all three together are never more than max. What the
 * tail loses becomes part of the hole, so a byte has the same offset in the file as long as the command runs: a reader that follows by
 * offset asks runlog_next() where there is something to read, and may find that the hole has grown over its own place. The line before the
 * gap ends where the gap begins: "\n[orchd: <bytes, 19 columns> bytes left out]\n". On a file system whose blocks are larger than 4 KiB a
 * few zero bytes may be left on either side of the hole.
 * When the command is over, and where a file system makes no holes, a file without the gap takes the place of the one with it, under the
 * same name: whoever has that open keeps it whole, and sees by its st_nlink of 0 that there is another one to open.
 * What the disk does not take is left out, and a line says so. Links libc only. */
#ifndef ORCH_AGENT_RUNLOG_H
#define ORCH_AGENT_RUNLOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { RUNLOG_MIN = 64 * 1024 /* smallest max; 0 = no cap */ };

#define RUNLOG_NONE ((struct runlog){ .from = -1, .file = -1 })

struct runlog {
    int         from; /* the pipe's reading end, for poll(2); -1 = nothing comes any more */
    int         file;
    const char *path; /* borrowed; absolute, for the warden leaves its directory */
    int64_t     max, head;
    int64_t     size;
    int64_t     gap_to;    /* where the tail begins; head = there is no gap */
    int64_t     left_out;  /* what the line says */
    int64_t     unwritten; /* since the last write that worked, for the reason in why */
    int         why;
};

/* The writing end of the pipe, for the command; -1 when it is to have the file itself: there is no cap, or errno is why there cannot be one.
 * The file is there already and may hold something. */
int runlog_open(struct runlog *l, const char *path, int64_t max);

/* Moves what waits in the pipe, at most a MiB, so that a command that writes without end does not keep us from the rest. */
void runlog_take(struct runlog *l);

/* The command is over: takes the rest, and closes the gap. */
void runlog_close(struct runlog *l);

/* For readers: the first bytes at or after at are those from *from up to *to. False: there are none (yet). Moves the descriptor's position;
 * read with pread(2). */
bool runlog_next(int fd, off_t at, off_t *from, off_t *to);

#endif
