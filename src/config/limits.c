/* limits: what an agent's entry says under limits, each a resource of setrlimit(2): { memory: 4G, open_files: 1024, processes: 200, cpu: 2h,
 * core: 0 }. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "config/config_int.h"

enum limit_kind { KIND_SIZE, KIND_COUNT, KIND_TIME };

static const struct limit {
    const char     *name;
    enum limit_kind kind;
    size_t          offset; /* in struct config_limits */
    int64_t         least, most;
    const char     *accepted;
} limits[] = {
    { "memory", KIND_SIZE, offsetof(struct config_limits, memory), 1024 * 1024, INT64_C(1) << 50,
      "a size such as 512M or 4G, from 1M to 1024T" },
    { "open_files", KIND_COUNT, offsetof(struct config_limits, open_files), 16, 1048576, "a whole number from 16 to 1048576" },
    { "processes", KIND_COUNT, offsetof(struct config_limits, processes), 1, 4194304, "a whole number from 1 to 4194304" },
    { "cpu", KIND_TIME, offsetof(struct config_limits, cpu_ms), 1000, INT64_C(31536000000),
      "a duration such as 90 or 2h, from 1s to 365d" },
    { "core", KIND_SIZE, offsetof(struct config_limits, core), 0, INT64_C(1) << 50, "0, or a size such as 512M, up to 1024T" },
};

enum { LIMIT_COUNT = sizeof limits / sizeof *limits };

/* Whole bytes, or K, M, G, T of them. */
static bool
read_size(const char *text, int64_t *out)
{
    static const char units[] = "KMGT";
    char             *digits = xstrdup(text);
    size_t            len = strlen(digits);
    const char       *unit = len ? strchr(units, digits[len - 1]) : NULL;
    int               shift = unit ? (int)(unit - units + 1) * 10 : 0;
    long              number;
    bool              is_ok;

    if (unit)
        digits[len - 1] = 0;
    is_ok = str_to_long(digits, &number) && number >= 0 && number <= INT64_MAX >> shift;
    if (is_ok)
        *out = (int64_t)number << shift;
    free(digits);
    return is_ok;
}

static bool
read_limit(const struct limit *l, const char *text, int64_t *out)
{
    long number = 0;
    bool is_ok = text != NULL;

    if (!is_ok)
        return false;
    switch (l->kind) {
    case KIND_SIZE:
        is_ok = read_size(text, out);
        break;
    case KIND_COUNT:
        is_ok = str_to_long(text, &number);
        *out = number;
        break;
    case KIND_TIME:
        is_ok = config_duration(text, out);
        break;
    }
    return is_ok && *out >= l->least && *out <= l->most;
}

static void
check_limit(const char *name, struct json *value, void *arg)
{
    struct check       *k = arg;
    const struct limit *l = NULL;
    const char         *text = json_str(value, "");
    char               *key = xasprintf("limits.%s", name);
    char               *why = NULL;
    int64_t             number;

    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (strcmp(limits[i].name, name) == 0)
            l = &limits[i];
    if (!l)
        why = xstrdup("is not known here: accepted are memory, open_files, processes, cpu and core");
    else if (!read_limit(l, text, &number))
        why = xasprintf("cannot be \"%.100s\": accepted is %s", text ? text : "(no text)", l->accepted);
    if (why)
        check_refuse(k, key, why);
    free(why);
    free(key);
}

void
check_limits(struct check *k, struct json *value)
{
    if (json_is_object(value))
        json_each(value, check_limit, k);
    else
        check_refuse(k, "limits", "must be limits by name: memory, open_files, processes, cpu and core");
}

void
config_read_limits(struct config_limits *out, struct json *entry)
{
    struct json *all = json_at(entry, "limits");
    int64_t      number;

    *out = (struct config_limits){ 0 };
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (read_limit(&limits[i], json_str(json_member(all, limits[i].name), ""), &number))
            *(int64_t *)(void *)((char *)out + limits[i].offset) = number;
}
