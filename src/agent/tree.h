/* tree: the processes of this machine as /proc shows them: who descends from whom, who carries a mark, and signals that hit nobody else.
 * Shared by the warden and by agent.c, so it needs libc alone. A walk is no snapshot: what is born or orphaned meanwhile may be missed,
 * therefore callers walk again until nothing new appears. Signals go through a pidfd whose start time was compared after it was opened,
 * so a number that now belongs to somebody else is never signalled. */
#ifndef ORCH_AGENT_TREE_H
#define ORCH_AGENT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tree_process {
    pid_t    pid;
    pid_t    ppid;
    uint64_t start;   /* clock ticks since boot, field 22 of /proc/<pid>/stat */
    bool     is_dead; /* a zombie without living threads */
    bool     is_in;   /* descends from, or is marked */
};

/* All zero is an empty one. */
struct tree {
    struct tree_process *items; /* by ascending pid after tree_walk() */
    size_t               count;
    size_t               cap;
};

bool tree_read_process(pid_t pid, struct tree_process *out); /* false: there is none */
void tree_walk(struct tree *t);                              /* reads all processes; none is marked is_in */
void tree_mark_descendants(struct tree *t, pid_t root); /* root itself is not its descendant; what is_in already counts as a root too */
struct tree_process *tree_find(const struct tree *t, pid_t pid); /* after tree_walk(); NULL: it was not there */
void                 tree_fini(struct tree *t);

/* Whether the environment that the process was started with holds exactly this NAME=value. */
bool tree_has_variable(pid_t pid, const char *name_value);

/* False when that process, told by its start time, is not there any more or may not be signalled. */
bool tree_signal(const struct tree_process *p, int signo);

/* Which processes were already seen, and which signals they got. All zero is an empty one. */
struct tree_seen_item;
struct tree_seen {
    struct tree_seen_item *items; /* open addressing, a power of two */
    size_t                 cap;
    size_t                 count; /* processes ever seen */
};

enum { TREE_SEEN = 1, TREE_TERMED = 2, TREE_STOPPED = 4 };

/* True the first time that this process gets this flag. */
bool tree_seen_add(struct tree_seen *s, const struct tree_process *p, unsigned flag);
void tree_seen_fini(struct tree_seen *s);

/* Where a command is: itself when it holds a slash (relative to cwd), else the first executable of that name in path, whose relative
 * and empty entries are skipped, because they would mean the worktree. 0 or an errno. */
int tree_find_command(const char *command, const char *path, const char *cwd, char *out, size_t size);

#endif
