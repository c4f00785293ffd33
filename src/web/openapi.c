/* openapi: the description of the API, made from the table of routes and from the schemas of bodies and answers in share/http/schemas.json. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "web/schemas.h"
#include "web/web_int.h"

static struct json *
typed(const char *type)
{
    struct json *schema = json_new_object();

    json_set_str(schema, "type", type);
    return schema;
}

static struct json *
ref_to(const char *kind, const char *name)
{
    struct json *ref = json_new_object();
    char        *path = xasprintf("#/components/%s/%s", kind, name);

    json_set_str(ref, "$ref", path);
    free(path);
    return ref;
}

/* {"application/json": {"schema": …}} */
static struct json *
content_of(const char *type, struct json *schema)
{
    struct json *content = json_new_object();
    struct json *media = json_new_object();

    json_set(media, "schema", schema);
    json_set(content, type, media);
    return content;
}

static struct json *
response(const char *description, struct json *content)
{
    struct json *answer = json_new_object();

    json_set_str(answer, "description", description);
    json_set(answer, "content", content);
    return answer;
}

static struct json *
good_response(const struct web_route *route)
{
    struct json *schema =
        *route->answer ? ref_to("schemas", route->answer) : typed(str_equal(route->type, "application/json") ? "object" : "string");

    return response(route->summary, content_of(route->type, schema));
}

static struct json *
problem_responses(void)
{
    struct json *responses = json_new_object();

    json_set(
        responses, "Problem",
        response("A problem; its detail says what is accepted.", content_of("application/problem+json", ref_to("schemas", "Problem"))));
    return responses;
}

/* Adds each of these statuses, "400 404", with what the function makes of it. */
static void
add_statuses(struct json *responses, const char *statuses, const struct web_route *good)
{
    char *copy = xstrdup(statuses);
    char *rest = copy;
    char *status;

    while ((status = strsep(&rest, " ")))
        if (*status && !json_member(responses, status))
            json_set(responses, status, good ? good_response(good) : ref_to("responses", "Problem"));
    free(copy);
}

static struct json *
responses_of(const struct web_route *route)
{
    static const char *const of_role[] = {
        [ROLE_ANYBODY] = "400 406", [ROLE_READER] = "400 401 406 503", [ROLE_OPERATOR] = "400 401 403 406 503"
    };
    struct json *responses = json_new_object();

    add_statuses(responses, route->good, route);
    add_statuses(responses, route->refused, NULL);
    add_statuses(responses, of_role[route->role], NULL);
    return responses;
}

static struct json *
parameter(const char *name, const char *where, const char *help, struct json *schema)
{
    struct json *parameter = json_new_object();

    json_set_str(parameter, "name", name);
    json_set_str(parameter, "in", where);
    json_set_bool(parameter, "required", str_equal(where, "path"));
    json_set_str(parameter, "description", help);
    json_set(parameter, "schema", schema);
    return parameter;
}

static struct json *
query_parameter(const struct web_param *param)
{
    struct json *schema = typed(param->type);

    if (str_equal(param->type, "integer")) {
        json_set_int(schema, "minimum", param->least);
        json_set_int(schema, "maximum", param->most);
    }
    return parameter(param->name, "query", param->help, schema);
}

static struct json *
parameters_of(const struct web_route *route)
{
    struct json *parameters = json_new_array();
    char        *copy = xstrdup(route->query);
    char        *rest = copy;
    char        *name;

    if (str_starts(route->path, "/tasks/{id}"))
        json_push(parameters, parameter("id", "path", "A work item such as ORCH-042, or a task's number.", typed("string")));
    else if (strstr(route->path, "{id}"))
        json_push(parameters, parameter("id", "path", "Its number.", typed("integer")));
    while ((name = strsep(&rest, " ")))
        if (*name)
            json_push(parameters, query_parameter(web_find_param(name)));
    free(copy);
    return parameters;
}

static struct json *
body_of(const struct web_route *route)
{
    struct json *body = json_new_object();
    size_t       len = strcspn(route->body, "?");
    char        *schema = xstrndup(route->body, len);

    json_set_bool(body, "required", route->body[len] != '?');
    json_set(body, "content", content_of("application/json", ref_to("schemas", schema)));
    free(schema);
    return body;
}

static struct json *
security_of(enum web_role role)
{
    struct json *security = json_new_array();
    struct json *token;

    if (role == ROLE_ANYBODY)
        return security;
    token = json_new_object();
    json_set(token, role == ROLE_READER ? "reader" : "operator", json_new_array());
    json_push(security, token);
    return security;
}

static struct json *
operation_of(const struct web_route *route)
{
    struct json *operation = json_new_object();

    json_set_str(operation, "operationId", route->name);
    json_set_str(operation, "summary", route->summary);
    json_set(operation, "security", security_of(route->role));
    json_set(operation, "parameters", parameters_of(route));
    if (*route->body)
        json_set(operation, "requestBody", body_of(route));
    json_set(operation, "responses", responses_of(route));
    return operation;
}

static struct json *
paths(void)
{
    struct json *paths = json_new_object();

    for (int i = 0; i < web_route_count; i++) {
        const struct web_route *route = &web_routes[i];
        struct json            *path = json_member(paths, route->path);

        if (!path) {
            path = json_new_object();
            json_set(paths, route->path, path);
        }
        json_set(path, str_equal(route->method, "GET") ? "get" : "post", operation_of(route));
    }
    return paths;
}

static struct json *
bearer(const char *whose)
{
    struct json *scheme = typed("http");

    json_set_str(scheme, "scheme", "bearer");
    json_set_str(scheme, "description", whose);
    return scheme;
}

static struct json *
components(void)
{
    struct err   e = ERR_INIT;
    struct json *components = json_parse(web_schemas[0].text, strlen(web_schemas[0].text), &e);
    struct json *schemes = json_new_object();

    CHECK(components != NULL);
    json_set(schemes, "reader", bearer("ORCH_READER_TOKEN, or ORCH_OPERATOR_TOKEN."));
    json_set(schemes, "operator", bearer("ORCH_OPERATOR_TOKEN."));
    json_set(components, "securitySchemes", schemes);
    json_set(components, "responses", problem_responses());
    return components;
}

struct json *
web_openapi(const char *base_path)
{
    struct json *api = json_new_object();
    struct json *info = json_new_object();
    struct json *servers = json_new_array();
    struct json *server = json_new_object();

    json_set_str(info, "title", "orchd");
    json_set_str(info, "version", ORCH_VERSION);
    json_set_str(
        info, "description",
        "What operators, readers and monitoring ask of orchd. Webhooks of board and forge have paths of their own, below /webhook/.");
    json_set_str(server, "url", *base_path ? base_path : "/");
    json_push(servers, server);
    json_set_str(api, "openapi", "3.1.0");
    json_set(api, "info", info);
    json_set(api, "servers", servers);
    json_set(api, "paths", paths());
    json_set(api, "components", components());
    return api;
}

void
web_on_openapi(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);

    web_reply_json(r, 200, web_openapi(http_base_path(w->http)));
}
