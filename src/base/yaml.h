/* yaml: a small, safe part of YAML as JSON values. libyaml is seen in this room only.
 * One document; mappings, sequences and scalars; plain scalars stay strings. Anchors, aliases, tags and duplicate keys are refused,
 * as is anything deeper than 16 levels: a verdict needs none of them, and each is a way to say two things at once. */
#ifndef ORCH_BASE_YAML_H
#define ORCH_BASE_YAML_H

#include <stddef.h>

#include "base/err.h"
#include "base/json.h"

/* NULL and *e set (ERR_INVALID, with the line) when refused; an empty text is a null. Caller frees. */
struct json *yaml_parse(const char *text, size_t len, struct err *e);

/* The line of the key that the path leads to ("agents.analyst.timeout"), for messages about a text that yaml_parse() took; 0 = not there. */
size_t yaml_line(const char *text, size_t len, const char *path);

#endif
