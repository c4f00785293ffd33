/* json: reading. */
#include <string.h>

#include "base/check.h"
#include "base/json_int.h"
#include "base/str.h"

/* Only its address matters. */
static struct json {
    char mark;
} null_mark;

struct json *
json_null_mark(void)
{
    return &null_mark;
}

struct json_object *
json_raw(struct json *j)
{
    return j == &null_mark ? NULL : (struct json_object *)(void *)j;
}

struct json *
json_wrap(struct json_object *raw)
{
    return raw ? (struct json *)(void *)raw : &null_mark;
}

struct json *
json_parse(const char *text, size_t len, struct err *e)
{
    struct json_tokener *t = NULL;
    struct json_object  *raw = NULL;
    struct json         *j = NULL;

    if (json_check(text, len, e))
        goto out;
    if (len > INT32_MAX / 2) {
        err_set(e, ERR_INVALID, "cannot read JSON: %zu bytes are too many", len);
        goto out;
    }
    t = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
    CHECK(t != NULL);
    raw = json_tokener_parse_ex(t, text, (int)len);
    /* A lone number may go on for all json-c knows; the end of the text tells it. */
    if (json_tokener_get_error(t) == json_tokener_continue)
        raw = json_tokener_parse_ex(t, "", 1);
    if (json_tokener_get_error(t) != json_tokener_success) {
        err_set(e, ERR_INVALID, "cannot read JSON: %s", json_tokener_error_desc(json_tokener_get_error(t)));
        json_object_put(raw);
        goto out;
    }
    j = json_wrap(raw);
out:
    if (t)
        json_tokener_free(t);
    return j;
}

void
json_free(struct json *j)
{
    json_object_put(json_raw(j));
}

static struct json_object *
at_path(struct json_object *raw, const char *path)
{
    struct json_object *member;
    const char         *dot;
    char               *key;

    while (raw && *path) {
        if (!json_object_is_type(raw, json_type_object))
            return NULL;
        if (json_object_object_get_ex(raw, path, &member))
            return member;
        dot = strchr(path, '.');
        if (!dot)
            return NULL;
        key = xstrndup(path, (size_t)(dot - path));
        member = NULL;
        json_object_object_get_ex(raw, key, &member);
        free(key);
        raw = member;
        path = dot + 1;
    }
    return raw;
}

static struct json_object *
at_typed(struct json *j, const char *path, enum json_type type)
{
    struct json_object *raw = at_path(json_raw(j), path);

    return raw && json_object_is_type(raw, type) ? raw : NULL;
}

struct json *
json_at(struct json *j, const char *path)
{
    struct json_object *raw = at_path(json_raw(j), path);

    return raw ? json_wrap(raw) : NULL;
}

struct json *
json_member(struct json *j, const char *key)
{
    struct json_object *member = NULL;

    return key && json_is_object(j) && json_object_object_get_ex(json_raw(j), key, &member) && member ? json_wrap(member) : NULL;
}

const char *
json_str(struct json *j, const char *path)
{
    struct json_object *raw = at_typed(j, path, json_type_string);

    return raw ? json_object_get_string(raw) : NULL;
}

bool
json_int(struct json *j, const char *path, int64_t *out)
{
    struct json_object *raw = at_typed(j, path, json_type_int);

    *out = raw ? json_object_get_int64(raw) : 0;
    return raw != NULL;
}

bool
json_double(struct json *j, const char *path, double *out)
{
    struct json_object *raw = at_path(json_raw(j), path);
    bool                is = raw && (json_object_is_type(raw, json_type_double) || json_object_is_type(raw, json_type_int));

    *out = is ? json_object_get_double(raw) : 0;
    return is;
}

bool
json_bool(struct json *j, const char *path)
{
    struct json_object *raw = at_typed(j, path, json_type_boolean);

    return raw && json_object_get_boolean(raw);
}

bool
json_is_object(struct json *j)
{
    return json_raw(j) && json_object_is_type(json_raw(j), json_type_object);
}

bool
json_is_array(struct json *j)
{
    return json_raw(j) && json_object_is_type(json_raw(j), json_type_array);
}

bool
json_is_null(struct json *j)
{
    return !json_raw(j);
}

size_t
json_len(struct json *j)
{
    return json_is_array(j) ? json_object_array_length(json_raw(j)) : 0;
}

struct json *
json_item(struct json *j, size_t at)
{
    return at < json_len(j) ? json_wrap(json_object_array_get_idx(json_raw(j), at)) : NULL;
}

void
json_each(struct json *j, void (*fn)(const char *key, struct json *value, void *arg), void *arg)
{
    if (!json_is_object(j))
        return;
    for (struct json_object_iterator i = json_object_iter_begin(json_raw(j)), end = json_object_iter_end(json_raw(j));
         !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
        fn(json_object_iter_peek_name(&i), json_wrap(json_object_iter_peek_value(&i)), arg);
}

const char *
json_text(struct json *j)
{
    struct json_object *raw = json_raw(j);

    return raw ? json_object_to_json_string_ext(raw, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE) : "null";
}
