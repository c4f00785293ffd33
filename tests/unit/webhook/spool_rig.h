/* spool_rig: the spool with a real directory and a stand-in for Postgres, and the hands to fill, stop and look at it. */
#ifndef ORCH_TEST_SPOOL_RIG_H
#define ORCH_TEST_SPOOL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/fake_db.h"
#include "support/until.h"
#include "webhook/disk.h"
#include "webhook/spool.h"

enum { SPOOL_RIG_NO_LIMIT = 1 << 30 };

struct spool_rig {
    struct loop  *loop;
    struct db    *db;
    struct spool *spool;
    char          dir[64];
    int           kept;
    int           lost;
    int           wanted; /* calls or answers that a test waits for */
    char          why[512];
};

int spool_rig_set_up(void **state); /* started, without limits */
int spool_rig_tear_down(void **state);
int spool_rig_start(struct spool_rig *w, int64_t max_bytes, int64_t max_deliveries);
/* As a crash would leave it: what the disk thread has not been asked for stays undone. */
void spool_rig_restart(struct spool_rig *w);

int         spool_rig_put(struct spool_rig *w, const char *lane, const char *key, const char *body); /* an enum err_code */
void        spool_rig_wait_told(struct spool_rig *w, int wanted);
void        spool_rig_put_and_wait(struct spool_rig *w, const char *lane, const char *key);
void        spool_rig_wait_called(struct spool_rig *w, int wanted); /* Postgres, so many times */
const char *spool_rig_called_key(struct spool_rig *w, int nth);
int         spool_rig_count_files(const struct spool_rig *w, const char *below); /* -1: there is no such directory */
bool        spool_rig_is_empty(void *rig);
char       *spool_rig_first_file(const struct spool_rig *w);        /* which a test may damage. Caller frees */
int64_t     spool_rig_shown(struct spool_rig *w, const char *what); /* in /health; -1: not there */

#endif
