/* presets: how well-known coding-agent CLIs are started and read (share/presets/). An entry of the agents file that says
 *   preset: <name>, args: [<argument>…]
 * is given what the preset has: its command, with args in the place of {args}, timeout and preflight unless it has its own; of env both,
 * its own first; of transient both. So everybody after sees plain entries. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/yaml.h"
#include "config/config_int.h"

#define SUFFIX ".yaml"

/* One entry on its way from what was written to what is meant. */
struct expansion {
    struct check *check;
    struct json  *preset;
    struct json  *made;
    bool          is_in_repo;
};

static struct json *
load_preset(const char *name)
{
    struct err   e = ERR_INIT;
    size_t       len = strlen(name);
    struct json *preset;

    for (const struct preset_file *f = preset_files; f->name; f++) {
        if (strncmp(f->name, name, len) != 0 || strcmp(f->name + len, SUFFIX) != 0)
            continue;
        preset = yaml_parse(f->text, strlen(f->text), &e);
        CHECK(preset); /* its test reads each of them */
        return preset;
    }
    return NULL;
}

static char *
known_presets(void)
{
    struct buf names = { 0 };

    for (const struct preset_file *f = preset_files; f->name; f++)
        buf_printf(&names, "%s%.*s", names.len ? ", " : "", (int)(strlen(f->name) - strlen(SUFFIX)), f->name);
    return buf_take(&names);
}

/* The command of the preset, or the entry's own, with the arguments where it says so. */
static struct json *
fill_command(struct json *command, struct json *args)
{
    struct json *filled = json_new_array();

    for (size_t i = 0; i < json_len(command); i++) {
        const char *word = json_str(json_item(command, i), "");
        if (!str_equal(word, "{args}")) {
            json_push(filled, json_copy(json_item(command, i)));
            continue;
        }
        for (size_t n = 0; n < json_len(args); n++)
            json_push(filled, json_copy(json_item(args, n)));
    }
    return filled;
}

static void
add_default(const char *name, struct json *value, void *env)
{
    if (!json_member(env, name))
        json_set(env, name, json_copy(value));
}

/* A member of the preset, beside or below what the entry says. */
static void
take_from_preset(const char *key, struct json *value, void *arg)
{
    struct expansion *x = arg;
    struct json      *own = json_member(x->made, key);

    if (strcmp(key, "preflight") == 0 && x->is_in_repo)
        return; /* a node takes or leaves an agent, whatever the repo */
    if (!own)
        json_set(x->made, key, json_copy(value));
    else if (strcmp(key, "env") == 0 && json_is_object(own))
        json_each(value, add_default, own);
    else if (strcmp(key, "transient") == 0 && json_is_array(own))
        for (size_t i = 0; i < json_len(value); i++)
            json_push(own, json_copy(json_item(value, i)));
}

static void
take_own(const char *key, struct json *value, void *arg)
{
    struct expansion *x = arg;

    if (strcmp(key, "preset") != 0 && strcmp(key, "args") != 0)
        json_set(x->made, key, json_copy(value));
}

static void
check_args(struct check *k, struct json *args, struct json *command)
{
    bool is_ok = !args || json_is_array(args);
    bool has_place = !json_is_array(command) || !json_len(args); /* a command that is no list is refused as such */

    for (size_t i = 0; i < json_len(args); i++)
        is_ok = is_ok && json_str(json_item(args, i), "");
    for (size_t i = 0; i < json_len(command); i++)
        has_place = has_place || str_equal(json_str(json_item(command, i), ""), "{args}");
    if (!is_ok)
        check_refuse(k, "args", "must be a list of texts");
    else if (!has_place)
        check_refuse(k, "args", "would be lost: the command of this entry has no {args}");
}

/* NULL when it was refused. */
static struct json *
expand(struct check *k, struct json *entry)
{
    const char      *name = json_str(entry, "preset");
    struct json     *args = json_member(entry, "args");
    struct expansion x = { .check = k, .preset = name ? load_preset(name) : NULL, .is_in_repo = k->is_in_repo };
    char            *known, *why;

    if (!x.preset) {
        known = known_presets();
        why = xasprintf("is not known: accepted are %s", known);
        check_refuse(k, "preset", why);
        free(why);
        free(known);
        return NULL;
    }
    x.made = json_new_object();
    json_each(entry, take_own, &x);
    json_each(x.preset, take_from_preset, &x);
    check_args(k, args, json_at(x.made, "command"));
    json_set(x.made, "command", fill_command(json_at(x.made, "command"), args));
    json_free(x.preset);
    return x.made;
}

/* The agents of one map, and the map. */
struct walk {
    struct check *check;
    struct json  *agents;
};

static void
expand_agent(const char *name, struct json *entry, void *arg)
{
    struct walk *w = arg;
    struct check one = *w->check;
    struct json *made;

    one.path = xasprintf("%s.%s", w->check->path, name);
    if (json_is_object(entry) && json_member(entry, "preset")) {
        made = expand(&one, entry);
        if (made)
            json_set(w->agents, name, made); /* in the place of the entry, which dies here */
    } else if (json_is_object(entry) && json_member(entry, "args")) {
        check_refuse(&one, "args", "belongs to an entry with a preset; without one they stand in the command");
    }
    free(one.path);
}

static void
expand_repo(const char *repo, struct json *agents, void *arg)
{
    struct check *k = arg;
    struct check  one = *k;
    struct walk   w = { .check = &one, .agents = agents };

    one.path = xasprintf("%s.%s", k->path, repo);
    one.is_in_repo = true;
    json_each(agents, expand_agent, &w);
    free(one.path);
}

void
config_expand_presets(struct json *file, struct check *k)
{
    struct check one = *k;
    struct walk  w = { .check = &one, .agents = json_member(file, "agents") };

    one.path = (char *)"agents";
    json_each(w.agents, expand_agent, &w);
    one.path = (char *)"repos";
    json_each(json_member(file, "repos"), expand_repo, &one);
}
