/* input: what a request brings, read with a problem for whatever is wrong, which names the thing, the value and what is accepted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/str.h"
#include "web/web_int.h"

enum { MOST_REF = 300 };

const struct web_param web_params[] = {
#define PARAM(name, type, least, most, help) { #name, #type, help, least, most },
#define ROUTE(name, method, path, role, type, answer, good, body, query, refused, summary)
#include "web/routes.def"
#undef ROUTE
#undef PARAM
};
const int web_param_count = (int)(sizeof web_params / sizeof *web_params);

const struct web_param *
web_find_param(const char *name)
{
    const struct web_param *found = NULL;

    for (int i = 0; i < web_param_count; i++)
        if (str_equal(web_params[i].name, name))
            found = &web_params[i];
    CHECK(found != NULL);
    return found;
}

static void
refuse(struct http_request *r, char *detail)
{
    http_problem(r, 400, "Bad Request", detail);
    free(detail);
}

bool
web_check_query(struct http_request *r, const struct web_route *route)
{
    char *unknown = http_query_other(r, route->query);

    if (!unknown)
        return true;
    refuse(r, xasprintf("parameter \"%s\" is unknown: this path takes %s", unknown, *route->query ? route->query : "none"));
    free(unknown);
    return false;
}

bool
web_read_number(struct http_request *r, const char *name, int64_t fallback, int64_t *out)
{
    const struct web_param *param = web_find_param(name);
    const char             *text = http_query(r, name);
    long                    number = 0;

    *out = fallback;
    if (!text)
        return true;
    if (!str_to_long(text, &number) || number < param->least || number > param->most) {
        refuse(r, xasprintf("%s \"%.80s\" is wrong: accepted is a whole number from %lld to %lld", name, text, (long long)param->least,
                            (long long)param->most));
        return false;
    }
    *out = number;
    return true;
}

const char *
web_read_id(struct http_request *r, const char *kind)
{
    const char *id = http_param(r, "id");
    char       *detail;
    long        number;

    if (strlen(id) <= 18 && str_to_long(id, &number) && number > 0)
        return id;
    detail = xasprintf("there is no %s \"%.80s\": accepted is its number", kind, id);
    http_problem(r, 404, "Not Found", detail);
    free(detail);
    return NULL;
}

const char *
web_read_task(struct http_request *r)
{
    const char *ref = http_param(r, "id");

    if (str_is_utf8(ref, strlen(ref)) && strlen(ref) <= MOST_REF)
        return ref;
    http_problem(r, 404, "Not Found", "there is no such task: accepted is a work item such as ORCH-042, or a task's number");
    return NULL;
}

static void
refuse_type(struct http_request *r, const char *type)
{
    char *detail = xasprintf("the content type \"%.80s\" is not taken: accepted is application/json", type ? type : "");

    http_problem(r, 415, "Unsupported Media Type", detail);
    free(detail);
}

struct json *
web_read_body(struct http_request *r, bool is_optional, bool *is_good)
{
    size_t       len = 0;
    const char  *raw = http_body(r, &len);
    const char  *type = http_header(r, "Content-Type");
    struct err   e = ERR_INIT;
    struct json *body = NULL;

    *is_good = false;
    if (!len && is_optional) {
        *is_good = true;
    } else if (len && (!type || strncasecmp(type, "application/json", 16) != 0 || !strchr(" ;", type[16]))) {
        refuse_type(r, type);
    } else if (!(body = json_parse(raw, len, &e))) {
        http_problem(r, 400, "Bad Request", len ? e.text : "the body is empty: expected a JSON object");
    } else {
        json_scrub_nul(body);
        *is_good = true;
    }
    return body;
}

struct text_check {
    const char *key;
    bool        is_good;
};

static void
check_member(const char *key, struct json *value, void *arg)
{
    struct text_check *check = arg;

    (void)value;
    check->is_good = check->is_good && str_equal(key, check->key);
}

bool
web_read_text(struct http_request *r, const char *key, const char *example, bool is_optional, char **text)
{
    bool              is_good;
    struct json      *body = web_read_body(r, true, &is_good);
    struct text_check check = { key, json_is_object(body) };

    if (!is_good || (!body && is_optional))
        return is_good;
    if (check.is_good)
        json_each(body, check_member, &check);
    is_good = check.is_good && (json_at(body, key) ? json_str(body, key) != NULL : is_optional) &&
              (is_optional || !str_is_blank(json_str(body, key)));
    if (is_good)
        *text = xstrdup(json_str(body, key));
    else
        refuse(r, xasprintf("the body is wrong: expected an object with %s text \"%s\" and nothing else, for example %s",
                            is_optional ? "an optional" : "a", key, example));
    json_free(body);
    return is_good;
}
