/* web_int: what the files of web/ share. */
#ifndef ORCH_WEB_WEB_INT_H
#define ORCH_WEB_WEB_INT_H

#include <stdint.h>
#include <sys/queue.h>

#include "web/web.h"

#define WEB_MAGIC    0x77656200u
#define ASKING_MAGIC 0x61736b69u

enum { BLOCKS_MAX = 16 };

struct asking;
typedef void answer_fn(struct web *w, struct http_request *r, struct db_result *result);

/* A request that waits for SQL. */
struct asking {
    uint32_t             magic;
    struct web          *web;
    struct http_request *request;
    struct db_call      *call;
    answer_fn           *answer; /* called when SQL has answered; errors never come this far */
    LIST_ENTRY(asking) link;
};

struct block {
    const char   *name;
    web_block_fn *fn;
    void         *arg;
};

struct web {
    uint32_t             magic;
    struct http         *http;
    struct db           *db;
    const struct config *config;
    int64_t              started_us; /* clock_wall_us() */
    bool                 is_draining;
    struct block         blocks[BLOCKS_MAX];
    int                  block_count;
    struct block         queue_blocks[BLOCKS_MAX]; /* in GET /queue */
    int                  queue_block_count;
    LIST_HEAD(, asking) askings;
};

/* web.c: asks, and answers through fn or with a problem. */
void web_ask(struct web *w, struct http_request *r, enum db_call_id id, const char *const *params, answer_fn *fn);
void web_reply_json(struct http_request *r, int status, struct json *body); /* takes body */

/* auth.c: false when the request was answered with a problem. */
bool web_check_read(struct web *w, struct http_request *r);
bool web_check_write(struct web *w, struct http_request *r);

/* health.c */
void web_on_health(struct http_request *r, void *arg);
void web_on_ready(struct http_request *r, void *arg);
void web_on_metrics(struct http_request *r, void *arg);

/* tasks.c */
void web_on_queue(struct http_request *r, void *arg);
void web_on_status(struct http_request *r, void *arg);
void web_on_task(struct http_request *r, void *arg);
void web_on_stop(struct http_request *r, void *arg);
void web_on_unfreeze(struct http_request *r, void *arg);

#endif
