/* auth: bearer tokens by role. An operator may read; a reader may not write. Nothing is open because something was left unset. */
#include "web/web_int.h"

#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/str.h"

static bool
is_token(const char *given, const char *token)
{
    size_t len = token ? strlen(token) : 0;

    /* How long a token is may be seen in the time; what it is may not. */
    return len && given && strlen(given) == len && str_equal_secret(given, token, len);
}

static const char *
bearer(const char *authorization)
{
    if (!authorization || strncasecmp(authorization, "Bearer ", 7))
        return NULL;
    return authorization + 7 + strspn(authorization + 7, " ");
}

enum web_access
web_may_read(const char *authorization, const char *reader, const char *operator)
{
    const char *given = bearer(authorization);

    if (str_is_blank(reader) && str_is_blank(operator))
        return WEB_NO_TOKEN_SET;
    return is_token(given, reader) || is_token(given, operator) ? WEB_OK : WEB_NO_TOKEN;
}

enum web_access
web_may_write(const char *authorization, const char *reader, const char *operator)
{
    const char *given = bearer(authorization);

    if (str_is_blank(operator))
        return WEB_NO_TOKEN_SET;
    if (is_token(given, operator))
        return WEB_OK;
    return is_token(given, reader) ? WEB_WRONG_ROLE : WEB_NO_TOKEN;
}

static bool
admit(struct http_request *r, enum web_access access, const char *unset)
{
    switch (access) {
    case WEB_OK:
        return true;
    case WEB_NO_TOKEN_SET:
        http_problem(r, 503, "Service Unavailable", unset);
        return false;
    case WEB_WRONG_ROLE:
        LOGW("web.denied", "peer=%s path=%s why=role", log_quote(http_peer(r)), log_quote(http_path(r)));
        http_add_header(r, "WWW-Authenticate", "Bearer realm=\"orchd\", error=\"insufficient_scope\"");
        http_problem(r, 403, "Forbidden", "this takes the operator's token; the one given is a reader's");
        return false;
    default:
        LOGW("web.denied", "peer=%s path=%s why=token", log_quote(http_peer(r)), log_quote(http_path(r)));
        http_add_header(r, "WWW-Authenticate", "Bearer realm=\"orchd\"");
        http_problem(r, 401, "Unauthorized", "this takes \"Authorization: Bearer TOKEN\" with the token of a reader or an operator");
        return false;
    }
}

bool
web_check_role(struct web *w, struct http_request *r, enum web_role role)
{
    const struct config *c = w->config;
    const char          *authorization = http_header(r, "Authorization");

    switch (role) {
    case ROLE_READER:
        return admit(r, web_may_read(authorization, c->reader_token, c->operator_token),
                     "reading is off: neither ORCH_READER_TOKEN nor ORCH_OPERATOR_TOKEN is set");
    case ROLE_OPERATOR:
        return admit(r, web_may_write(authorization, c->reader_token, c->operator_token),
                     "writing over HTTP is off: ORCH_OPERATOR_TOKEN is not set");
    default:
        return true;
    }
}
