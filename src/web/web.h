/* web: the HTTP API for operators, readers and monitoring, and the page. Keeps no state of tasks; it asks SQL functions.
 * Every path but those of the page is a line of routes.def, from which GET /openapi.json is made too; docs/http-api.md is for people.
 * Tokens: "Authorization: Bearer …". Without an operator token set, writing answers 503; without a reader token, reading takes the
 * operator's; with neither, reading answers 503 too. Errors are application/problem+json. */
#ifndef ORCH_WEB_WEB_H
#define ORCH_WEB_WEB_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "config/config.h"
#include "db/db.h"
#include "http/http.h"
#include "loop/loop.h"

struct web;

/* All outlive the web. */
int  web_open(struct web **out, struct loop *loop, struct http *http, struct db *db, const struct config *config, struct err *e);
void web_close(struct web *w); /* NULL is fine; requests in hand are answered 503 */

/* Adds "name": {…} to /health. fn fills the object and answers whether that part does its work. name is a literal. Neighbours of web/
 * show their last ticks this way without being known to it. */
typedef bool web_block_fn(struct json *into, void *arg);
void         web_add_block(struct web *w, const char *name, web_block_fn *fn, void *arg);
/* The same for GET /queue: what of this node's only it knows. Whether it does its work is not told there. */
void web_add_queue_block(struct web *w, const char *name, web_block_fn *fn, void *arg);

void web_set_draining(struct web *w, bool is_draining); /* /ready answers 503 from now on, and answers that go on end */

/* What GET /openapi.json answers, for a server below this path ("" = none). Caller frees. */
struct json *web_openapi(const char *base_path);

/* Pure: what a request may do. authorization is the header, or NULL. */
enum web_access { WEB_OK, WEB_NO_TOKEN_SET, WEB_NO_TOKEN, WEB_WRONG_ROLE };
enum web_access web_may_read(const char *authorization, const char *reader, const char *operator);
enum web_access web_may_write(const char *authorization, const char *reader, const char *operator);

#endif
