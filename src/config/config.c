/* config: from the environment to the struct. Secrets never appear in a message, whatever is wrong with them. */
#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "config/config_int.h"

enum {
    SECRET_MAX = 64 * 1024,   /* no token is larger; a wrong path may lead to anything */
    LOG_MIN_BYTES = 64 * 1024 /* below that head and tail would hold too little to tell anything */
};

const struct option config_options[] = {
#define OPT(type, field, def, min, max, flags, help) { TYPE_##type, #field, def, min, max, flags, help, offsetof(struct config, field) },
#include "config/options.def"
#undef OPT
};

const size_t config_option_count = sizeof config_options / sizeof config_options[0];

struct option_name
config_variable(const struct option *o)
{
    struct option_name name = { "ORCH_" };
    size_t             len = strlen(name.text);

    CHECK(strlen(o->field) + len < sizeof name.text);
    for (const char *p = o->field; *p; p++)
        name.text[len++] = (char)toupper((unsigned char)*p);
    return name;
}

static const struct {
    const char *name;
    int64_t     ms;
} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };

enum { UNIT_COUNT = sizeof units / sizeof units[0] };

bool
config_duration(const char *text, int64_t *ms)
{
    size_t  len = strspn(text, "0123456789.");
    int64_t unit = 1000, digit, value = 0;
    bool    is_ok = len > 0 && len <= 12 && isdigit((unsigned char)text[0]);

    if (text[len]) {
        unit = 0;
        for (size_t i = 0; i < UNIT_COUNT; i++)
            if (strcmp(text + len, units[i].name) == 0)
                unit = units[i].ms;
    }
    if (!is_ok || !unit)
        return false;
    for (; isdigit((unsigned char)*text); text++)
        value = value * 10 + (*text - '0');
    value *= unit;
    if (*text == '.')
        for (text++; isdigit((unsigned char)*text); text++) {
            digit = *text - '0';
            unit /= 10;
            value += digit * unit;
        }
    *ms = value;
    return *text != '.';
}

struct option_name
config_duration_text(int64_t ms)
{
    struct option_name out = { "" };

    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (ms % units[i].ms == 0 && (ms || units[i].ms == 1000)) {
            snprintf(out.text, sizeof out.text, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
            break;
        }
    }
    return out;
}

static int
refuse(const struct option *o, const char *value, const char *accepted, struct err *e)
{
    if (o->type == TYPE_secret)
        err_set(e, ERR_INVALID, "setting %s cannot be what it is: accepted is %s", config_variable(o).text, accepted);
    else
        err_set(e, ERR_INVALID, "setting %s cannot be \"%.100s\": accepted is %s", config_variable(o).text, value, accepted);
    return e->code;
}

static int
read_whole(const struct option *o, const char *value, int64_t *out, struct err *e)
{
    char range[100];
    long number;

    snprintf(range, sizeof range, "a whole number from %lld to %lld", (long long)o->min, (long long)o->max);
    if (!str_to_long(value, &number) || number < o->min || number > o->max)
        return refuse(o, value, range, e);
    *out = number;
    return 0;
}

static int
read_seconds(const struct option *o, const char *value, int64_t *out, struct err *e)
{
    char range[256];

    snprintf(range, sizeof range, "a number of seconds, or one with ms, s, m, h or d, from %s to %s", config_duration_text(o->min).text,
             config_duration_text(o->max).text);
    if (!config_duration(value, out) || *out < o->min || *out > o->max)
        return refuse(o, value, range, e);
    return 0;
}

static int
read_yesno(const struct option *o, const char *value, bool *out, struct err *e)
{
    static const char *const yes[] = { "on", "true", "yes", "1" };
    static const char *const no[] = { "off", "false", "no", "0" };

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        *out = strcasecmp(value, yes[i]) == 0;
        if (*out || strcasecmp(value, no[i]) == 0)
            return 0;
    }
    return refuse(o, value, "on or off (also true, false, yes, no, 1, 0)", e);
}

/* A bad name in the middle must not switch off the feature for the good ones, so it is dropped and said. */
static char *
read_names(const struct option *o, const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
    char             *copy = xstrdup(value), *rest = copy;
    struct buf        out = { 0 };

    for (char *token; (token = strsep(&rest, ","));) {
        token += strspn(token, " \t");
        token[strcspn(token, " \t")] = '\0';
        if (*token == '\0')
            continue;
        if (token[strspn(token, plain)])
            LOGW("config.name_dropped", "setting=%s name=%s", config_variable(o).text, log_quote(token));
        else
            buf_printf(&out, "%s%s", out.len ? "," : "", token);
    }
    free(copy);
    return buf_take(&out);
}

static int
read_option(struct config *c, const struct option *o, const char *value, struct err *e)
{
    void *field = (char *)c + o->offset;

    if ((o->flags & REQUIRED) && str_is_blank(value)) {
        err_set(e, ERR_INVALID, "setting %s is missing: %s", config_variable(o).text, o->help);
        return e->code;
    }
    switch (o->type) {
    case TYPE_text:
    case TYPE_path:
    case TYPE_secret:
        if (!str_is_utf8(value, strlen(value)))
            return refuse(o, "…", "UTF-8 text", e);
        *(char **)field = xstrdup(value);
        return 0;
    case TYPE_names:
        *(char **)field = read_names(o, value);
        return 0;
    case TYPE_whole:
        return read_whole(o, value, field, e);
    case TYPE_yesno:
        return read_yesno(o, value, field, e);
    case TYPE_seconds:
        return read_seconds(o, value, field, e);
    }
    return e->code;
}

int
config_read_file(struct buf *text, const char *path, size_t max, struct err *e)
{
    char    part[4096];
    ssize_t got = -1;
    int     fd = open(path, O_RDONLY | O_CLOEXEC);

    buf_add_str(text, "");
    while (fd >= 0 && (got = read(fd, part, sizeof part)) > 0 && text->len <= max)
        buf_add(text, part, (size_t)got);
    if (got < 0)
        err_set(e, ERR_INVALID, "could not read file \"%s\": %s", path, strerror(errno));
    else if (text->len > max)
        err_set(e, ERR_INVALID, "cannot read file \"%s\": larger than %zu bytes", path, max);
    if (fd >= 0)
        close(fd);
    return e->code;
}

/* NAME_FILE: one secret, and the line end that editors and secret managers put behind it. */
static int
read_secret_file(struct config *c, const struct option *o, const char *path, struct err *e)
{
    struct buf text = { 0 };

    if (config_read_file(&text, path, SECRET_MAX, e)) {
        err_prefix(e, "setting %s_FILE", config_variable(o).text);
        goto out;
    }
    if (strlen(text.data) != text.len) {
        err_set(e, ERR_INVALID, "setting %s_FILE: file \"%s\" holds a NUL byte", config_variable(o).text, path);
        goto out;
    }
    while (text.len && strchr("\r\n", text.data[text.len - 1]))
        text.data[--text.len] = '\0';
    read_option(c, o, text.data, e);
out:
    explicit_bzero(text.data, text.len);
    buf_fini(&text);
    return e->code;
}

static int
load_option(struct config *c, const struct option *o, const char *(*get)(const char *, void *), void *arg, struct err *e)
{
    struct option_name name = config_variable(o);
    const char        *value = get(name.text, arg);
    const char        *path = NULL;
    char               file[80];

    if (o->type == TYPE_secret) {
        snprintf(file, sizeof file, "%s_FILE", name.text);
        path = get(file, arg);
    }
    if (!path || str_is_blank(path))
        return read_option(c, o, value ? value : o->def, e);
    if (value && *value) {
        err_set(e, ERR_INVALID, "setting %s is there twice: as itself and as %s", name.text, file);
        return e->code;
    }
    return read_secret_file(c, o, path, e);
}

static const struct option *
option_named(const char *field)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (strcmp(config_options[i].field, field) == 0)
            return &config_options[i];
    check_failed(field, __FILE__, __LINE__);
}

bool
config_is_http_url(const char *text)
{
    return str_starts(text, "http://") || str_starts(text, "https://");
}

static int
check_url(const struct option *o, char *value, struct err *e)
{
    size_t len = strlen(value);

    if (*value && !config_is_http_url(value))
        return refuse(o, value, "an address that begins with https:// or http://, or nothing", e);
    while (len && value[len - 1] == '/')
        value[--len] = '\0';
    return 0;
}

static int
check_choice(const struct option *o, const char *value, const char *choices, struct err *e)
{
    char *copy = xstrdup(choices), *rest = copy;
    bool  is_one = false;

    for (char *choice; (choice = strsep(&rest, " "));)
        is_one = is_one || strcmp(choice, value) == 0;
    free(copy);
    return is_one ? 0 : refuse(o, value, choices, e);
}

static int
check_listen(const char *value, struct err *e)
{
    const char *colon = strrchr(value, ':');
    long        port;

    if (!colon || colon == value || !str_to_long(colon + 1, &port) || port < 0 || port > 65535)
        return refuse(option_named("listen"), value, "an address and a port such as 127.0.0.1:8080 or [::1]:8080", e);
    return 0;
}

static int
check_base_path(const char *value, struct err *e)
{
    static const char plain[] = "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-";

    if (*value && (*value != '/' || value[strspn(value, plain)]))
        return refuse(option_named("base_path"), value, "a path such as /orchd, or nothing", e);
    return 0;
}

static int
check_node(struct config *c, struct err *e)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    char              host[256] = { 0 };

    if (*c->node == '\0') {
        if (gethostname(host, sizeof host - 1)) {
            err_set(e, ERR_RETRY, "could not find the host's name: %s", strerror(errno));
            return e->code;
        }
        free(c->node);
        c->node = xstrdup(host);
    }
    if (*c->node == '\0' || strlen(c->node) > 100 || c->node[strspn(c->node, plain)])
        return refuse(option_named("node"), c->node, "a name of letters, digits, dot, dash and underscore, at most 100", e);
    return 0;
}

static bool
is_web_address(const struct option *o)
{
    size_t len = strlen(o->field);

    return o->type == TYPE_text && len > 4 && strcmp(o->field + len - 4, "_url") == 0;
}

/* What the type of a setting does not say. */
static int
check_value(struct config *c, const struct option *o, struct err *e)
{
    static const struct {
        const char *field, *choices;
    } chosen[] = { { "log_level", "debug info warn error" },
                   { "cgroup", "auto require off" },
                   { "trusted_header", "x-forwarded-for forwarded" },
                   { "log_format", "text json" },
                   { "language", "en ru" } };
    char **text = (char **)(void *)((char *)c + o->offset);
    char   number[24];

    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++)
        if (str_equal(o->field, chosen[i].field))
            return check_choice(o, *text, chosen[i].choices, e);
    if (is_web_address(o))
        return check_url(o, *text, e);
    if (str_equal(o->field, "listen"))
        return check_listen(*text, e);
    if (str_equal(o->field, "base_path"))
        return check_base_path(*text, e);
    if (str_equal(o->field, "node"))
        return check_node(c, e);
    if (str_equal(o->field, "ca_file") && **text && access(*text, R_OK))
        return refuse(o, *text, "a file that can be read, or nothing", e);
    if (str_equal(o->field, "data_dir") && str_is_blank(*text))
        return refuse(o, *text, "a directory", e);
    if (str_equal(o->field, "log_max_bytes") && c->log_max_bytes && c->log_max_bytes < LOG_MIN_BYTES) {
        snprintf(number, sizeof number, "%lld", (long long)c->log_max_bytes);
        return refuse(o, number, "0, or a whole number from 65536 to 1099511627776", e);
    }
    return 0;
}

int
config_load(struct config *c, const char *(*get)(const char *name, void *arg), void *arg, struct err *e)
{
    *c = (struct config){ 0 };
    for (size_t i = 0; i < config_option_count; i++)
        if (load_option(c, &config_options[i], get, arg, e))
            return e->code;
    for (size_t i = 0; i < config_option_count; i++)
        if (check_value(c, &config_options[i], e))
            return e->code;
    return config_load_agents(c, e);
}

static bool
is_text(const struct option *o)
{
    return o->type != TYPE_whole && o->type != TYPE_yesno && o->type != TYPE_seconds;
}

static void
take_default(struct config *c, const struct option *o)
{
    struct err none = ERR_INIT;
    char     **text = (char **)(void *)((char *)c + o->offset);

    if (is_text(o)) {
        free(*text);
        *text = NULL;
    }
    if (!read_option(c, o, o->def, &none))
        check_value(c, o, &none);
}

void
config_examine(struct config *c, const char *(*get)(const char *name, void *arg), void *arg, config_wrong_fn *wrong, void *wrong_arg)
{
    struct err e = ERR_INIT;

    *c = (struct config){ 0 };
    for (size_t i = 0; i < config_option_count; i++) {
        const struct option *o = &config_options[i];
        if (load_option(c, o, get, arg, &e) || check_value(c, o, &e)) {
            wrong(&e, wrong_arg);
            err_clear(&e);
            take_default(c, o);
        }
    }
    if (config_load_agents(c, &e)) {
        wrong(&e, wrong_arg);
        json_free(c->agents);
        c->agents = json_new_object();
    }
}

bool
config_is_variable(const char *name)
{
    for (size_t i = 0; i < config_option_count; i++) {
        struct option_name own = config_variable(&config_options[i]);
        size_t             len = strlen(own.text);
        if (strncmp(name, own.text, len) == 0 && (!name[len] || (config_options[i].type == TYPE_secret && str_equal(name + len, "_FILE"))))
            return true;
    }
    return false;
}

int
config_read_text(char **out, const char *field, const char *(*get)(const char *name, void *arg), void *arg, struct err *e)
{
    const struct option *o = option_named(field);
    struct config        c = { 0 };

    if (!load_option(&c, o, get, arg, e))
        *out = *(char **)(void *)((char *)&c + o->offset);
    return e->code;
}

void
config_fini(struct config *c)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const struct option *o = &config_options[i];
        char               **text = (char **)(void *)((char *)c + o->offset);

        if (!is_text(o))
            continue;
        if (*text && o->type == TYPE_secret)
            explicit_bzero(*text, strlen(*text));
        free(*text);
    }
    json_free(c->agents);
    *c = (struct config){ 0 };
}

static void
add_shared(struct json *all, const struct config *c, const struct option *o)
{
    const void *field = (const char *)c + o->offset;
    char        text[40];
    int64_t     number;

    switch (o->type) {
    case TYPE_whole:
        snprintf(text, sizeof text, "%lld", (long long)*(const int64_t *)field);
        json_set_str(all, o->field, text);
        return;
    case TYPE_seconds:
        /* As Postgres writes an interval's input: "10 s", "500 ms". */
        number = *(const int64_t *)field;
        snprintf(text, sizeof text, "%lld %s", (long long)(number % 1000 ? number : number / 1000), number % 1000 ? "ms" : "s");
        json_set_str(all, o->field, text);
        return;
    case TYPE_yesno:
        json_set_str(all, o->field, *(const bool *)field ? "on" : "off");
        return;
    case TYPE_text:
    case TYPE_path:
    case TYPE_names:
        json_set_str(all, o->field, *(char *const *)field);
        return;
    case TYPE_secret:
        check_failed("a secret is never shared", __FILE__, __LINE__);
    }
}

struct json *
config_shared(const struct config *c)
{
    struct json *all = json_new_object();

    for (size_t i = 0; i < config_option_count; i++)
        if (config_options[i].flags & SHARED)
            add_shared(all, c, &config_options[i]);
    config_share_monitors(all, c);
    return all;
}

static size_t
field_size(enum option_type type)
{
    switch (type) {
    case TYPE_whole:
    case TYPE_seconds:
        return sizeof(int64_t);
    case TYPE_yesno:
        return sizeof(bool);
    default:
        return sizeof(char *);
    }
}

/* Exchanges one field of two configs. */
static void
swap_bytes(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

int
config_reload(struct config *c, const char *(*get)(const char *name, void *arg), void *arg, struct err *e)
{
    struct config fresh = { 0 };

    if (!config_load(&fresh, get, arg, e)) {
        for (size_t i = 0; i < config_option_count; i++)
            if (config_options[i].flags & RELOAD)
                swap_bytes((char *)c + config_options[i].offset, (char *)&fresh + config_options[i].offset,
                           field_size(config_options[i].type));
        struct json *old = c->agents;
        c->agents = fresh.agents;
        fresh.agents = old;
    }
    config_fini(&fresh); /* what was replaced */
    return e->code;
}
