/* conninfo: a libpq URL taken apart, because some of what a connection needs is said beside it. */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/db_int.h"

void
conninfo_set(struct conninfo *c, const char *key, const char *value)
{
    size_t n = 0;

    for (; c->keys && c->keys[n]; n++) {
        if (str_equal(c->keys[n], key)) {
            free(c->values[n]);
            c->values[n] = xstrdup(value);
            return;
        }
    }
    c->keys = xrealloc(c->keys, (n + 2) * sizeof *c->keys);
    c->values = xrealloc(c->values, (n + 2) * sizeof *c->values);
    c->keys[n] = xstrdup(key);
    c->values[n] = xstrdup(value);
    c->keys[n + 1] = c->values[n + 1] = NULL;
}

const char *
conninfo_get(const struct conninfo *c, const char *key)
{
    for (size_t i = 0; c->keys && c->keys[i]; i++)
        if (str_equal(c->keys[i], key))
            return c->values[i];
    return NULL;
}

int
conninfo_parse(struct conninfo *out, const char *url, struct err *e)
{
    char             *why = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &why);

    if (!options) {
        err_set(e, ERR_INVALID, "the database url is neither a libpq URL nor a list of keywords");
        goto out;
    }
    for (PQconninfoOption *o = options; o->keyword; o++)
        if (o->val)
            conninfo_set(out, o->keyword, o->val);
out:
    PQconninfoFree(options);
    PQfreemem(why);
    return e->code;
}

/* "a,b,c" turned by one is "b,c,a". A list of one stays: libpq takes it for every host. */
static char *
turned(const char *list, unsigned by)
{
    struct buf out = { 0 };
    unsigned   count = 1;

    for (const char *at = list; *at; at++)
        count += *at == ',';
    by %= count;
    const char *cut = list;
    for (unsigned i = 0; i < by; i++)
        cut = strchr(cut, ',') + 1;
    buf_add_str(&out, cut);
    if (cut > list) {
        buf_add_str(&out, ",");
        buf_add(&out, list, (size_t)(cut - list) - 1);
    }
    return buf_take(&out);
}

void
conninfo_turn(struct conninfo *c, unsigned by)
{
    static const char *const lists[] = { "host", "hostaddr", "port" };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const char *list = conninfo_get(c, lists[i]);
        if (list && strchr(list, ',')) {
            char *text = turned(list, by);
            conninfo_set(c, lists[i], text);
            free(text);
        }
    }
}

void
conninfo_fini(struct conninfo *c)
{
    for (size_t i = 0; c->keys && c->keys[i]; i++) {
        free(c->keys[i]);
        free(c->values[i]);
    }
    free(c->keys);
    free(c->values);
    *c = (struct conninfo){ 0 };
}
