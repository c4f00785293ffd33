/* json_int: what the files of json share. JSON null is the NULL pointer in json-c; here it is json_null_mark(), so that "there is a null"
 * and "there is nothing" differ. */
#ifndef ORCH_BASE_JSON_INT_H
#define ORCH_BASE_JSON_INT_H

/* json-c has a type of that name, and we a function. */
#define json_bool json_c_bool
#include <json-c/json.h>
#undef json_bool

#include "base/err.h"
#include "base/json.h"

enum { JSON_DEPTH_MAX = 64 };

int json_check(const char *text, size_t len, struct err *e);

struct json        *json_null_mark(void);
struct json_object *json_raw(struct json *j);           /* NULL for NULL and for the mark */
struct json        *json_wrap(struct json_object *raw); /* the mark for NULL */

#endif
