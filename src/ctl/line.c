/* The line that was typed. Arguments fill the first parameters of the verb, options the next, switches the last. --json, --url and --help
 * may stand anywhere; after -- all are arguments. */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

struct reader {
    struct ctl_line *line;
    int              count, at;
    char           **words;
    int              given; /* arguments */
    bool             are_arguments;
};

static bool
refuse(const char *word, const char *what, const char *accepted)
{
    fprintf(stderr, "orchctl: \"%s\" %s%s\n", word, what, accepted);
    return false;
}

/* The place of a name in a list, -1 = not there; of a NULL name how many there are. */
static int
find_name(const char *list, const char *name, int length, struct ctl_name *found)
{
    int place = 0;

    for (; ctl_next_name(&list, found); place++)
        if (name && found->length == length && strncmp(found->name, name, (size_t)length) == 0)
            return place;
    return name ? -1 : place;
}

/* The value of an option: behind its "=", or the next word. */
static bool
take_value(struct reader *r, const char *word, const char **value)
{
    const char *equals = strchr(word, '=');

    if (equals)
        *value = equals + 1;
    else if (r->at + 1 < r->count)
        *value = r->words[++r->at];
    else
        return refuse(word, "needs a value", "");
    return true;
}

/* Anything is, where no values are named. */
static bool
is_accepted(const struct ctl_name *option, const char *value)
{
    size_t      len = strlen(value);
    const char *end = option->values + option->values_length;

    for (const char *at = option->values; at < end; at += strcspn(at, ", ") + 1)
        if (strcspn(at, ", ") == len && strncmp(at, value, len) == 0)
            return true;
    return option->values_length == 0;
}

static bool
refuse_option(const struct ctl_verb *verb, const char *word)
{
    struct buf list = { 0 };

    buf_printf(&list, "--json --url --help%s%s%s%s", verb && verb->options ? " " : "", verb && verb->options ? verb->options : "",
               verb && verb->switches ? " " : "", verb && verb->switches ? verb->switches : "");
    refuse(word, "is no option; accepted are: ", list.data);
    buf_fini(&list);
    return false;
}

static bool
read_option(struct reader *r, const char *word)
{
    const struct ctl_verb *verb = r->line->verb;
    const char            *name = word + 2, *value = NULL;
    int                    length = (int)strcspn(name, "=");
    struct ctl_name        option, other;
    int                    place = verb ? find_name(verb->options, name, length, &option) : -1;

    if (length == 3 && strncmp(name, "url", 3) == 0)
        return take_value(r, word, &r->line->url);
    if (place >= 0) {
        if (!take_value(r, word, &value))
            return false;
        if (!is_accepted(&option, value)) {
            fprintf(stderr, "orchctl: --%.*s cannot be \"%s\": accepted is one of %.*s\n", length, name, value, option.values_length,
                    option.values);
            return false;
        }
        r->line->params[verb->most + place] = value;
        return true;
    }
    place = verb && !name[length] ? find_name(verb->switches, name, length, &other) : -1;
    if (place < 0)
        return refuse_option(verb, word);
    r->line->params[verb->most + find_name(verb->options, NULL, 0, &other) + place] = "";
    return true;
}

static bool
read_verb(struct reader *r)
{
    const char *first = r->words[r->at];
    const char *second = r->at + 1 < r->count ? r->words[r->at + 1] : NULL;
    int         taken = 0;

    r->line->verb = ctl_find_verb(first, second, &taken);
    if (!r->line->verb)
        return refuse(first, "is no verb, or not one with what follows: ", "orchctl help lists them");
    r->at += taken - 1;
    return true;
}

static bool
read_word(struct reader *r)
{
    const char *word = r->words[r->at];

    if (r->are_arguments || (strncmp(word, "--", 2) != 0 && !str_equal(word, "-h"))) {
        if (!r->line->verb)
            return read_verb(r);
        if (r->given < r->line->verb->most)
            r->line->params[r->given] = word;
        r->given++;
    } else if (str_equal(word, "--")) {
        r->are_arguments = true;
    } else if (str_equal(word, "--json")) {
        r->line->as_json = true;
    } else if (str_equal(word, "--help") || str_equal(word, "-h")) {
        r->line->wants_help = true;
    } else {
        return read_option(r, word);
    }
    return true;
}

bool
ctl_is_http(const struct ctl_line *line)
{
    return line->url && (str_starts(line->url, "http://") || str_starts(line->url, "https://"));
}

static bool
is_postgres(const char *url)
{
    return str_starts(url, "postgresql://") || str_starts(url, "postgres://") || (strchr(url, '=') && !strstr(url, "://"));
}

/* A verb with a way of its own sees for itself. */
static bool
check_address(const struct ctl_line *line)
{
    struct buf names = { 0 };

    if (!line->url || is_postgres(line->url) || (ctl_is_http(line) && (line->verb->http || line->verb->run)))
        return true;
    if (!ctl_is_http(line))
        return refuse(line->url, "is no address; accepted are http://… or https://… of an orchd, and postgresql://…", "");
    for (size_t i = 0; i < ctl_verb_count; i++)
        if (ctl_verbs[i].http)
            buf_printf(&names, "%s%s", names.len ? ", " : "", ctl_verbs[i].name);
    refuse(line->verb->name, "has no way over HTTP; take postgresql://… as the address, or one of: ", names.data);
    buf_fini(&names);
    return false;
}

bool
ctl_read_line(struct ctl_line *line, int argc, char **argv)
{
    struct reader r = { .line = line, .count = argc, .at = 1, .words = argv };

    *line = (struct ctl_line){ .url = getenv("ORCH_URL") };
    for (; r.at < argc; r.at++)
        if (!read_word(&r))
            return false;
    if (str_is_blank(line->url))
        line->url = NULL;
    if (line->wants_help)
        return true;
    if (!line->verb) {
        ctl_print_usage(stderr);
        return false;
    }
    if (r.given < line->verb->least || r.given > line->verb->most) {
        fprintf(stderr, "orchctl: \"%s\" takes: %s\n", line->verb->name, *line->verb->args ? line->verb->args : "no argument");
        return false;
    }
    return check_address(line);
}
