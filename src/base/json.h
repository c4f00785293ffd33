/* json: JSON values, read and built. json-c is seen in this room only.
 * Parsing is strict: whole input, valid UTF-8, at most 64 levels deep. Paths are keys joined by dots: "data.state.id"; a key that holds
 * dots itself ("12-review.md") is found as the whole rest of a path. What is built is valid too: bytes that are no UTF-8 become U+FFFD. */
#ifndef ORCH_BASE_JSON_H
#define ORCH_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct json;

/* NULL and *e set (ERR_INVALID, with the place) when the text is no JSON value. Caller frees with json_free(). */
struct json *json_parse(const char *text, size_t len, struct err *e);
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_str(const char *value); /* NULL gives null */
struct json *json_new_null(void);
void         json_free(struct json *j); /* NULL is fine; children go with their parent */

/* Reading. Each answers the fallback (NULL, 0, false) when the path is absent or holds another type. Borrowed from j. */
struct json *json_at(struct json *j, const char *path);    /* also NULL for a JSON null; "" is j itself */
struct json *json_member(struct json *j, const char *key); /* by its exact key: dots are no path. NULL key: NULL */
const char  *json_str(struct json *j, const char *path);
bool         json_int(struct json *j, const char *path, int64_t *out);
bool         json_double(struct json *j, const char *path, double *out);
bool         json_bool(struct json *j, const char *path); /* true only for JSON true */
bool         json_is_object(struct json *j);
bool         json_is_array(struct json *j);
bool         json_is_null(struct json *j);         /* also true for NULL */
size_t       json_len(struct json *j);             /* of an array; 0 otherwise */
struct json *json_item(struct json *j, size_t at); /* of an array; borrowed; NULL past its end */
/* Calls fn for each member of an object, in order. */
void json_each(struct json *j, void (*fn)(const char *key, struct json *value, void *arg), void *arg);

/* Building. Values are copied in, or handed over in the case of json_set() and json_push(). */
void         json_set(struct json *object, const char *key, struct json *value);    /* NULL becomes null; takes value */
void         json_set_str(struct json *object, const char *key, const char *value); /* NULL becomes null; cut at a NUL */
void         json_set_int(struct json *object, const char *key, int64_t value);
void         json_set_double(struct json *object, const char *key, double value);
void         json_set_bool(struct json *object, const char *key, bool value);
void         json_push(struct json *array, struct json *value);
void         json_push_str(struct json *array, const char *value);
struct json *json_copy(struct json *j); /* deep */

/* One line of text, borrowed until j changes or is freed. */
const char *json_text(struct json *j);

/* Replaces each "\u0000" inside strings by U+FFFD: valid JSON, but no value Postgres can keep. */
void json_scrub_nul(struct json *j);

#endif
