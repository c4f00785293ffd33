/* json_build: building and changing. Whatever is built can be read again by any JSON parser. */
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/json_int.h"
#include "base/str.h"

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* A malloc that failed inside json-c shows as a NULL, which would quietly become a null. */
static struct json_object *
must(struct json_object *raw)
{
    CHECK(raw != NULL);
    return raw;
}

static struct json_object *
new_text(const char *value)
{
    struct buf          fixed = { 0 };
    struct json_object *raw;
    size_t              len;

    if (!value)
        return NULL;
    len = strlen(value);
    if (str_is_utf8(value, len))
        return must(json_object_new_string(value));
    for (size_t at = 0, step; at < len; at += step ? step : 1) {
        step = str_utf8_step(value + at, len - at);
        if (step)
            buf_add(&fixed, value + at, step);
        else
            buf_add_str(&fixed, replacement);
    }
    raw = must(json_object_new_string(fixed.data));
    buf_fini(&fixed);
    return raw;
}

struct json *
json_new_object(void)
{
    return json_wrap(must(json_object_new_object()));
}

struct json *
json_new_array(void)
{
    return json_wrap(must(json_object_new_array()));
}

struct json *
json_new_str(const char *value)
{
    return json_wrap(new_text(value));
}

struct json *
json_new_null(void)
{
    return json_null_mark();
}

static void
set_raw(struct json *object, const char *key, struct json_object *raw)
{
    CHECK(json_is_object(object));
    CHECK(json_object_object_add(json_raw(object), key, raw) == 0);
}

static void
push_raw(struct json *array, struct json_object *raw)
{
    CHECK(json_is_array(array));
    CHECK(json_object_array_add(json_raw(array), raw) == 0);
}

void
json_set(struct json *object, const char *key, struct json *value)
{
    set_raw(object, key, json_raw(value));
}

void
json_set_str(struct json *object, const char *key, const char *value)
{
    set_raw(object, key, new_text(value));
}

void
json_set_int(struct json *object, const char *key, int64_t value)
{
    set_raw(object, key, must(json_object_new_int64(value)));
}

void
json_set_double(struct json *object, const char *key, double value)
{
    /* JSON has no word for infinity or "not a number". */
    set_raw(object, key, isfinite(value) ? must(json_object_new_double(value)) : NULL);
}

void
json_set_bool(struct json *object, const char *key, bool value)
{
    set_raw(object, key, must(json_object_new_boolean(value)));
}

void
json_push(struct json *array, struct json *value)
{
    push_raw(array, json_raw(value));
}

void
json_push_str(struct json *array, const char *value)
{
    push_raw(array, new_text(value));
}

struct json *
json_copy(struct json *j)
{
    struct json_object *copy = NULL;

    if (!json_raw(j))
        return json_null_mark();
    CHECK(json_object_deep_copy(json_raw(j), &copy, NULL) == 0);
    return json_wrap(copy);
}

static void
scrub_text(struct json_object *raw)
{
    const char *text = json_object_get_string(raw);
    size_t      len = (size_t)json_object_get_string_len(raw);
    struct buf  b = { 0 };

    if (!memchr(text, '\0', len))
        return;
    for (size_t at = 0; at < len; at++) {
        if (text[at])
            buf_add(&b, text + at, 1);
        else
            buf_add_str(&b, replacement);
    }
    CHECK(json_object_set_string_len(raw, b.data, (int)b.len) == 1);
    buf_fini(&b);
}

/* Depth is bounded: what was parsed is at most JSON_DEPTH_MAX deep, what we build less. */
static void
scrub(struct json_object *raw) /* NOLINT(misc-no-recursion) */
{
    if (!raw)
        return;
    if (json_object_is_type(raw, json_type_string)) {
        scrub_text(raw);
    } else if (json_object_is_type(raw, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(raw); i++)
            scrub(json_object_array_get_idx(raw, i));
    } else if (json_object_is_type(raw, json_type_object)) {
        for (struct json_object_iterator i = json_object_iter_begin(raw), end = json_object_iter_end(raw);
             !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
            scrub(json_object_iter_peek_value(&i));
    }
}

void
json_scrub_nul(struct json *j)
{
    scrub(json_raw(j));
}
