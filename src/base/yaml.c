/* yaml: libyaml's events, in order, become JSON values on a stack of open collections. */
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/check.h"
#include "base/str.h"

enum { DEPTH_MAX = 16 };

struct level {
    struct json *value;   /* object or array; owned by the level below, or by the builder's root */
    char        *key;     /* of an object: the latest one */
    bool         has_key; /* its value is yet to come */
};

struct builder {
    struct json *root; /* NULL until the first value */
    struct level levels[DEPTH_MAX];
    size_t       depth;
    bool         has_document;
    bool         is_over;
    const char  *wanted; /* path of a key whose line is asked for, or NULL */
    size_t       line;   /* where it is; 0 = not met yet */
};

static int
refuse(const yaml_event_t *event, const char *what, struct err *e)
{
    err_set(e, ERR_INVALID, "line %zu: %s", event->start_mark.line + 1, what);
    return e->code;
}

/* Puts a value where it belongs. The value is the builder's afterwards, also on failure. */
static void
place(struct builder *b, struct json *value)
{
    struct level *top = b->depth ? &b->levels[b->depth - 1] : NULL;

    if (!top) {
        b->root = value;
    } else if (json_is_array(top->value)) {
        json_push(top->value, value);
    } else {
        json_set(top->value, top->key, value);
        top->has_key = false;
    }
}

/* Whether the keys that lead to here, joined by dots, are the path. */
static bool
is_at(const struct builder *b, const char *path)
{
    for (size_t i = 0; i < b->depth; i++) {
        const char *key = b->levels[i].key;

        if (!key || !str_starts(path, key))
            return false;
        path += strlen(key);
        if (i + 1 < b->depth && *path++ != '.')
            return false;
    }
    return *path == '\0';
}

static bool
wants_key(const struct builder *b)
{
    return b->depth && json_is_object(b->levels[b->depth - 1].value) && !b->levels[b->depth - 1].has_key;
}

static void
on_key(const char *key, struct json *value, void *arg)
{
    const char **wanted = arg;

    (void)value;
    if (*wanted && strcmp(key, *wanted) == 0)
        *wanted = NULL;
}

static bool
has_key(struct json *object, const char *key)
{
    /* Not json_at(): it would take a key with dots for a path, and a null for nothing. */
    const char *wanted = key;

    json_each(object, on_key, &wanted);
    return !wanted;
}

static int
add_scalar(struct builder *b, const yaml_event_t *event, struct err *e)
{
    const char   *text = (const char *)event->data.scalar.value;
    struct level *top = b->depth ? &b->levels[b->depth - 1] : NULL;

    if (event->data.scalar.anchor || event->data.scalar.tag)
        return refuse(event, event->data.scalar.tag ? "tags are not accepted" : "anchors are not accepted", e);
    if (strlen(text) != event->data.scalar.length)
        return refuse(event, "a NUL character is not accepted", e);
    if (!wants_key(b)) {
        place(b, json_new_str(text));
        return 0;
    }
    if (has_key(top->value, text)) {
        err_set(e, ERR_INVALID, "line %zu: key \"%.80s\" is there twice", event->start_mark.line + 1, text);
        return e->code;
    }
    free(top->key);
    top->key = xstrdup(text);
    top->has_key = true;
    if (b->wanted && !b->line && is_at(b, b->wanted))
        b->line = event->start_mark.line + 1;
    return 0;
}

static int
open_level(struct builder *b, const yaml_event_t *event, struct json *value, const yaml_char_t *anchor, const yaml_char_t *tag,
           struct err *e)
{
    const char *problem = anchor                  ? "anchors are not accepted"
                          : tag                   ? "tags are not accepted"
                          : wants_key(b)          ? "a key must be a plain text"
                          : b->depth == DEPTH_MAX ? "nested too deep"
                                                  : NULL;

    if (problem) {
        json_free(value);
        return refuse(event, problem, e);
    }
    place(b, value);
    b->levels[b->depth++] = (struct level){ .value = value };
    return 0;
}

static int
add_event(struct builder *b, const yaml_event_t *event, struct err *e)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->has_document)
            return refuse(event, "a second document is not accepted", e);
        b->has_document = true;
        return 0;
    case YAML_ALIAS_EVENT:
        return refuse(event, "aliases are not accepted", e);
    case YAML_SCALAR_EVENT:
        return add_scalar(b, event, e);
    case YAML_MAPPING_START_EVENT:
        return open_level(b, event, json_new_object(), event->data.mapping_start.anchor, event->data.mapping_start.tag, e);
    case YAML_SEQUENCE_START_EVENT:
        return open_level(b, event, json_new_array(), event->data.sequence_start.anchor, event->data.sequence_start.tag, e);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        free(give(&b->levels[--b->depth].key));
        return 0;
    case YAML_STREAM_END_EVENT:
        b->is_over = true;
        return 0;
    default:
        return 0;
    }
}

/* Feeds the text to b; on an error b->root is gone. */
static int
build(struct builder *b, const char *text, size_t len, struct err *e)
{
    yaml_parser_t parser;
    yaml_event_t  event;

    CHECK(yaml_parser_initialize(&parser));
    /* Said, not guessed: a byte order mark would switch libyaml to UTF-16. */
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (!b->is_over && !e->code) {
        if (!yaml_parser_parse(&parser, &event)) {
            err_set(e, ERR_INVALID, "line %zu: %s", parser.problem_mark.line + 1, parser.problem ? parser.problem : "no YAML");
            break;
        }
        add_event(b, &event, e);
        yaml_event_delete(&event);
    }
    for (size_t i = 0; i < DEPTH_MAX; i++)
        free(b->levels[i].key);
    yaml_parser_delete(&parser);
    if (e->code) {
        json_free(b->root);
        b->root = NULL;
    }
    return e->code;
}

struct json *
yaml_parse(const char *text, size_t len, struct err *e)
{
    struct builder b = { 0 };

    if (build(&b, text, len, e))
        return NULL;
    return b.root ? b.root : json_new_null();
}

size_t
yaml_line(const char *text, size_t len, const char *path)
{
    struct builder b = { .wanted = path };
    struct err     unread = ERR_INIT;

    if (build(&b, text, len, &unread))
        return 0;
    json_free(b.root);
    return b.line;
}
