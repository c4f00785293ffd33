/* fake_db: stands in for db/ where a test wants to see the calls and to write the answers. Each call takes the next answer that was pushed
 * for its id, and an empty success when there is none. Answers come in a later turn, as db.h promises. */
#ifndef ORCH_TESTS_FAKE_DB_H
#define ORCH_TESTS_FAKE_DB_H

#include "db/db.h"

/* One answer: an error, or rows. cells holds rows * columns texts. Borrowed until it was given. */
struct fake_answer {
    enum err_code      code; /* ERR_NONE = success */
    int                rows, columns;
    const char *const *names;
    const char *const *cells;
};

struct db  *fake_db_new(struct loop *l);
void        fake_db_free(struct db *db);
void        fake_db_push(struct db *db, enum db_call_id id, const struct fake_answer *a);
int         fake_db_count(struct db *db, enum db_call_id id);                        /* calls so far */
const char *fake_db_param(struct db *db, enum db_call_id id, int nth, int param);    /* of the nth call; NULL = SQL null */
void        fake_db_notify(struct db *db, const char *channel, const char *payload); /* at once */
void        fake_db_hang(struct db *db, enum db_call_id id, int count);              /* the next ones of this id are never answered */
void        fake_db_set_up(struct db *db, bool is_up);                               /* up at first; tells those who wait for it, at once */

#endif
