/* resolve: the addresses of Postgres' hosts by getaddrinfo_a(), whose threads ask in our stead.
 * PQconnectPoll() would call getaddrinfo() itself and hold the loop for as long as the name server likes; with hostaddr it does not. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/db_int.h"

struct resolve {
    size_t          count; /* of the hosts in the URL, in their order */
    char          **hosts;
    char          **ports; /* one for each host; NULL = the default */
    struct gaicb   *asks;
    struct gaicb  **list; /* those of asks that are names */
    struct addrinfo hints;
    int             asked;
    bool            is_orphan; /* a lookup could not be called off: its memory must stay */
    struct resolve *next;      /* in orphans */
};

static struct resolve *orphans; /* loop thread only; kept for the resolver's threads until the process ends */

static size_t
split(const char *list, char ***out)
{
    size_t n = 0;

    *out = NULL;
    for (const char *at = list;; at++) {
        size_t len = strcspn(at, ",");
        *out = xrealloc(*out, (n + 1) * sizeof **out);
        (*out)[n++] = xstrndup(at, len);
        at += len;
        if (!*at)
            return n;
    }
}

/* A directory of a socket needs no address, nor does what is left empty or is an address already. */
static bool
is_name(const char *host)
{
    struct in6_addr any;
    return host[0] && host[0] != '/' && host[0] != '@' && inet_pton(AF_INET, host, &any) != 1 && inet_pton(AF_INET6, host, &any) != 1;
}

struct resolve *
resolve_start(const struct conninfo *c)
{
    const char *hosts = conninfo_get(c, "host");
    const char *ports = conninfo_get(c, "port");

    if (!hosts || conninfo_get(c, "hostaddr"))
        return NULL;
    struct resolve *r = xcalloc(1, sizeof *r);
    r->count = split(hosts, &r->hosts);
    r->ports = xcalloc(r->count, sizeof *r->ports);
    r->asks = xcalloc(r->count, sizeof *r->asks);
    r->list = xcalloc(r->count, sizeof(void *));
    r->hints = (struct addrinfo){ .ai_socktype = SOCK_STREAM };
    char **each = NULL;
    size_t given = ports ? split(ports, &each) : 0;
    for (size_t i = 0; i < r->count; i++) {
        if (given)
            r->ports[i] = xstrdup(each[given == r->count ? i : 0]);
        r->asks[i] = (struct gaicb){ .ar_name = r->hosts[i], .ar_request = &r->hints };
        if (is_name(r->hosts[i]))
            r->list[r->asked++] = &r->asks[i];
    }
    for (size_t i = 0; i < given; i++)
        free(each[i]);
    free(each);
    if (!r->asked || (given > 1 && given != r->count) || getaddrinfo_a(GAI_NOWAIT, r->list, r->asked, NULL)) {
        r->asked = 0;
        resolve_free(r);
        return NULL; /* libpq says best what is wrong */
    }
    return r;
}

bool
resolve_is_over(struct resolve *r)
{
    for (int i = 0; i < r->asked; i++)
        if (gai_error(r->list[i]) == EAI_INPROGRESS)
            return false;
    return true;
}

static void
add(struct buf *list, const char *text, bool is_first)
{
    if (!is_first)
        buf_add_str(list, ",");
    buf_add_str(list, text);
}

/* A name with three addresses becomes three hosts of that name, so that each is tried and certificates still match. */
bool
resolve_apply(struct resolve *r, struct conninfo *c)
{
    struct buf host = { 0 }, addr = { 0 }, port = { 0 };
    size_t     n = 0;
    char       text[NI_MAXHOST];

    for (size_t i = 0; i < r->count; i++) {
        const char *its_port = r->ports[i] ? r->ports[i] : "";
        if (!is_name(r->hosts[i])) {
            add(&host, r->hosts[i], !n);
            add(&addr, "", !n);
            add(&port, its_port, !n++);
        } else if (gai_error(&r->asks[i]) == 0) {
            for (struct addrinfo *a = r->asks[i].ar_result; a; a = a->ai_next) {
                if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST))
                    continue;
                add(&host, r->hosts[i], !n);
                add(&addr, text, !n);
                add(&port, its_port, !n++);
            }
        }
    }
    if (n) {
        conninfo_set(c, "host", host.data);
        conninfo_set(c, "hostaddr", addr.data);
        if (r->ports[0])
            conninfo_set(c, "port", port.data);
    }
    buf_fini(&host);
    buf_fini(&addr);
    buf_fini(&port);
    return n > 0;
}

void
resolve_free(struct resolve *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->asked; i++)
        if (gai_cancel(r->list[i]) == EAI_NOTCANCELED)
            r->is_orphan = true;
    /* A thread of the resolver still writes there. It happens when a name server is silent at the moment of a shut-down or time-out. */
    if (r->is_orphan) {
        r->next = orphans;
        orphans = r;
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        if (r->asks[i].ar_result)
            freeaddrinfo(r->asks[i].ar_result);
        free(r->hosts[i]);
        free(r->ports[i]);
    }
    free(r->hosts);
    free(r->ports);
    free(r->asks);
    free(r->list);
    free(r);
}
