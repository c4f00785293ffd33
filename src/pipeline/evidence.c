/* Evidence: verdicts are front matter, and front matter is small and plain. Whatever else it is, is an error with a name, never a pass. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/yaml.h"
#include "pipeline/pipeline.h"

enum { FRONT_MATTER_MAX = 16 * 1024 };

/* The start of the line after p's; NULL when p's is the last. */
static const char *
next_line(const char *p)
{
    const char *end = strchr(p, '\n');
    return end ? end + 1 : NULL;
}

/* Whether the line at p is this text, whatever blanks follow it. */
static bool
line_is(const char *p, const char *text)
{
    size_t len = strlen(text);
    return !strncmp(p, text, len) && (p[len + strspn(p + len, " \t\r")] == '\n' || p[len + strspn(p + len, " \t\r")] == '\0');
}

static void
keep_scalar(const char *key, struct json *value, void *arg)
{
    if (!json_is_object(value) && !json_is_array(value) && !json_is_null(value))
        json_set(arg, key, json_copy(value));
}

struct json *
front_matter_parse(const char *text, struct err *e)
{
    struct json *all = NULL;
    struct json *plain = NULL;
    const char  *start, *end;

    if (str_starts(text, "\xEF\xBB\xBF"))
        text += 3;
    start = line_is(text, "---") ? next_line(text) : NULL;
    for (end = start; end && !line_is(end, "---") && !line_is(end, "..."); end = next_line(end))
        continue;
    if (!start) {
        err_set(e, ERR_INVALID, "no front matter");
        return NULL;
    }
    if ((end ? (size_t)(end - start) : strlen(start)) > FRONT_MATTER_MAX) {
        err_set(e, ERR_INVALID, "front matter is too large: more than %d bytes", FRONT_MATTER_MAX);
        return NULL;
    }
    if (!end) {
        err_set(e, ERR_INVALID, "front matter does not end");
        return NULL;
    }
    /* With its first line, which YAML knows as the start of a document, so that the lines of errors are those of the file. */
    all = yaml_parse(text, (size_t)(end - text), e);
    if (all && json_is_object(all)) {
        plain = json_new_object();
        json_each(all, keep_scalar, plain);
    } else if (all) {
        err_set(e, ERR_INVALID, "front matter is no mapping");
    }
    json_free(all);
    return plain;
}

static void
read_file(const char *name, struct json *file, void *arg)
{
    struct json *evidence = arg;
    struct err   e = ERR_INIT;
    struct json *found = NULL;
    const char  *text = json_str(file, "text");
    const char  *blob = json_str(file, "blob");

    if (text)
        found = front_matter_parse(text, &e);
    else
        found = json_copy(file);
    if (!found) {
        found = json_new_object();
        json_set_str(found, "error", e.text);
    }
    /* Last, so that no front matter can name another: by it a verdict of an earlier round is known. */
    if (blob)
        json_set_str(found, "blob", blob);
    json_set(evidence, name, found);
}

struct json *
evidence_read(struct json *files)
{
    struct json *evidence = json_new_object();
    if (files)
        json_each(files, read_file, evidence);
    return evidence;
}
