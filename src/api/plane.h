/* plane: the board's REST API, v1, as typed verbs. Paths end in a slash, since without it the board answers with a redirect.
 * Results are borrowed until the callback returns. On failure (e set) only retry_after_ms of r counts; r is never NULL. */
#ifndef ORCH_API_PLANE_H
#define ORCH_API_PLANE_H

#include "api/call.h"

struct plane;

struct plane_result {
    const char  *id;             /* plane_me: our user; plane_comment: the comment ("" when the board did not tell it) */
    const char  *state_id;       /* plane_get_item, plane_set_state */
    const char  *updated_at;     /* plane_get_item, plane_set_state; "" when absent */
    const char  *description;    /* plane_get_item: HTML; "" when there is none */
    struct json *states;         /* plane_states: [{"id","name","group"}] */
    struct json *issues;         /* plane_recent: as facts of a delivery; actor_id is who changed it last, else who made it */
    const char  *next_cursor;    /* plane_recent: of the page after; "" = this was the last */
    int64_t      retry_after_ms; /* -1 = the board did not say */
};
typedef void plane_fn(const struct plane_result *r, const struct err *e, void *arg);

/* url: scheme, host and perhaps a path, with or without a final slash. Texts are copied. fetch outlives it. */
struct plane *plane_new(struct fetch *f, const char *url, const char *token);
void          plane_free(struct plane *p); /* NULL is fine; after its calls have ended or were cancelled */

/* Names an issue. Borrowed until the function returns. */
struct plane_item {
    const char *workspace;
    const char *project_id;
    const char *issue_id;
};

/* Where people see an issue, on the board at url; caller frees. */
char *plane_issue_url(const char *url, const struct plane_item *item);

struct api_call *plane_me(struct plane *p, plane_fn *fn, void *arg);
struct api_call *plane_states(struct plane *p, const char *workspace, const char *project_id, plane_fn *fn, void *arg); /* all pages */
/* One page of a project's issues, the last changed first; cursor NULL = the first page. Descriptions do not come with it. */
struct api_call *plane_recent(struct plane *p, const char *workspace, const char *project_id, const char *cursor, plane_fn *fn, void *arg);
struct api_call *plane_get_item(struct plane *p, const struct plane_item *item, plane_fn *fn, void *arg);
struct api_call *plane_set_state(struct plane *p, const struct plane_item *item, const char *state_id, plane_fn *fn, void *arg);
/* text is plain text; external_id makes it repeatable: a comment that is there already is success. */
struct api_call *plane_comment(struct plane *p, const struct plane_item *item, const char *text, const char *external_id, plane_fn *fn,
                               void *arg);

#endif
