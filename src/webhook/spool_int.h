/* spool_int: what the files of the spool share. spool.c takes records in and puts them on the disk, replay.c gives them to Postgres. */
#ifndef ORCH_WEBHOOK_SPOOL_INT_H
#define ORCH_WEBHOOK_SPOOL_INT_H

#include <sys/queue.h>

#include "webhook/disk.h"
#include "webhook/spool.h"

#define SPOOL_MAGIC 0x73706f6fu

/* Two issues that share a lane wait for each other now and then, and nothing else. */
enum { LANES = 1024 };

struct spool_file {
    size_t   bytes;
    unsigned left;       /* entries not done yet */
    bool     is_spoiled; /* one of its records cannot be applied */
    int64_t  made_us;    /* clock_wall_us() */
    char     name[64];
    TAILQ_ENTRY(spool_file) link;
};

struct entry {
    struct spool_file *file;
    size_t             at;
    size_t             len; /* without the line feed */
    STAILQ_ENTRY(entry) link;
};

struct lane {
    STAILQ_HEAD(, entry) entries;
    unsigned count;
    unsigned failures; /* of its first entry, in a row */
    unsigned refusals; /* those of them that were no loss of Postgres */
    int64_t  due_ms;   /* clock_mono_ms() before which it rests */
    bool     is_busy;  /* its first entry is on its way */
    bool     is_listed;
    TAILQ_ENTRY(lane) link; /* in spool->active while it has entries */
};

/* A record on its way to the disk. */
struct put {
    struct lane   *lane;
    struct buf     line;
    spool_kept_fn *fn;
    void          *arg;
    STAILQ_ENTRY(put) link;
};

STAILQ_HEAD(puts, put);

struct replay;

struct spool {
    uint32_t           magic;
    struct loop       *loop;
    struct db         *db;
    struct disk       *disk;
    int64_t            max_bytes;
    int64_t            max_deliveries;
    int64_t            bytes;
    int64_t            deliveries;
    int64_t            files;
    int64_t            aside;     /* files in the directory for refused ones, as far as we know */
    int64_t            last_name; /* the number in it: microseconds of the wall, and never the same twice */
    int64_t            since_ms;  /* clock_mono_ms() when it was empty last */
    int64_t            replayed;  /* since then */
    bool               is_losing; /* the last delivery found it full, or could not be written */
    char               why[160];  /* it is */
    struct puts        waiting;
    struct puts        writing;      /* the group that the disk has */
    struct spool_file *writing_file; /* NULL: none */
    struct loop_timer *tick;         /* runs while it is not empty */
    int                on_their_way;
    TAILQ_HEAD(, spool_file) kept; /* oldest first */
    TAILQ_HEAD(, lane) active;
    LIST_HEAD(, replay) replays;
    struct lane lanes[LANES];
};

/* spool.c */
void spool_note_less(struct spool *s); /* an entry or a group is gone: tells the metrics, and rests when nothing is left */

/* replay.c */
/* The lane of that name: each has one, many may share one. */
struct lane *spool_lane(struct spool *s, const char *name);
void spool_add_entry(struct spool *s, struct lane *lane, struct spool_file *file, size_t at, size_t len); /* one entry, behind the others */
void spool_file_done(struct spool *s, struct spool_file *file);                                           /* frees it */
void replay_pump(struct spool *s); /* sends what may be sent. While Postgres is away, nothing is */
void replay_on_db_up(void *spool);
void replay_fini(struct spool *s); /* silences what is on its way, and frees the entries */

#endif
