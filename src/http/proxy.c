/* proxy: who is calling, when a proxy that we trust says so. Only what a trusted address said is believed: from the right, each trusted hop
 * vouches for the one before it, and the first one that is not trusted is the client, whatever it says itself. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "http/http_int.h"

enum { ADDRESS_BITS = 128, V4_BITS = 32, V4_AT = 12 };

/* IPv4 is read as its mapped form, so that one comparison serves both. False when text is no address. */
static bool
read_address(const char *text, uint8_t out[16], bool *is_v4)
{
    static const uint8_t mapped[V4_AT] = { [10] = 0xff, [11] = 0xff };

    *is_v4 = inet_pton(AF_INET, text, out + V4_AT) == 1;
    if (*is_v4)
        memcpy(out, mapped, sizeof mapped);
    return *is_v4 || inet_pton(AF_INET6, text, out) == 1;
}

static bool
read_network(char *text, struct network *out)
{
    char *slash = strchr(text, '/');
    bool  is_v4;
    long  bits;
    long  most;

    if (slash)
        *slash = '\0';
    if (!read_address(text, out->address, &is_v4))
        return false;
    most = is_v4 ? V4_BITS : ADDRESS_BITS;
    bits = most;
    if (slash && (!str_to_long(slash + 1, &bits) || bits < 0 || bits > most))
        return false;
    out->bits = (unsigned)(bits + (is_v4 ? ADDRESS_BITS - V4_BITS : 0));
    return true;
}

int
proxy_list_parse(struct proxy_list *out, const char *text, struct err *e)
{
    char *copy = xstrdup(text ? text : "");
    char *rest = copy;
    char *word;

    *out = (struct proxy_list){ 0 };
    while ((word = strsep(&rest, ", \t"))) {
        char *shown = xstrdup(word);

        if (*word && out->count == PROXIES_MAX)
            err_set(e, ERR_INVALID, "cannot trust more than %d proxies", PROXIES_MAX);
        else if (*word && !read_network(word, &out->networks[out->count++]))
            err_set(e, ERR_INVALID, "cannot trust proxy \"%s\": expected an address or a network, e.g. 127.0.0.1 or 10.0.0.0/8", shown);
        free(shown);
        if (e->code)
            break;
    }
    free(copy);
    return (int)e->code;
}

static bool
is_within(const uint8_t address[16], const struct network *n)
{
    unsigned whole = n->bits / 8;
    unsigned rest = n->bits % 8;

    if (memcmp(address, n->address, whole) != 0)
        return false;
    return !rest || (address[whole] ^ n->address[whole]) >> (8 - rest) == 0;
}

static bool
is_trusted(const struct proxy_list *list, const char *text)
{
    uint8_t address[16];
    bool    is_v4;

    if (!read_address(text, address, &is_v4))
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (is_within(address, &list->networks[i]))
            return true;
    return false;
}

static bool
is_address(const char *text)
{
    uint8_t address[16];
    bool    is_v4;

    return read_address(text, address, &is_v4);
}

/* Every line of the header, in order: some proxies append to the line, others add one. */
static void
join_lines(struct buf *out, const char *name, struct evhttp_request *ev)
{
    struct evkeyval *header;

    TAILQ_FOREACH (header, evhttp_request_get_input_headers(ev), next)
        if (!strcasecmp(header->key, name))
            buf_printf(out, "%s%s", out->len ? "," : "", header->value);
}

/* The address in one element of Forwarded, "by=…;for=\"[2001:db8::1]:4711\";proto=https"; NULL when it names none. Cuts the text up. */
static char *
forwarded_for(char *element)
{
    char *pair;

    while ((pair = strsep(&element, ";"))) {
        pair += strspn(pair, " \t");
        if (strncasecmp(pair, "for=", 4) != 0)
            continue;
        pair += 4;
        pair += *pair == '"';
        if (*pair == '[') {
            pair[strcspn(pair, "]")] = '\0';
            return pair + 1;
        }
        pair[strcspn(pair, "\":")] = '\0';
        return pair;
    }
    return NULL;
}

void
proxy_find_client(const struct proxy_list *list, bool reads_forwarded, struct evhttp_request *ev, char *peer, size_t size)
{
    struct buf told = { 0 };
    char      *comma;

    if (!list->count || !is_trusted(list, peer))
        return;
    join_lines(&told, reads_forwarded ? "Forwarded" : "X-Forwarded-For", ev);
    /* Ends at the first that is not trusted; also at words that are no address, which nobody can vouch for. */
    while (told.len && is_trusted(list, peer)) {
        char *word;

        comma = memrchr(told.data, ',', told.len);
        word = comma ? comma + 1 : told.data;
        word += strspn(word, " \t");
        if (reads_forwarded)
            word = forwarded_for(word);
        if (word)
            word[strcspn(word, " \t")] = '\0';
        if (!word || !is_address(word))
            break;
        snprintf(peer, size, "%s", word);
        told.len = comma ? (size_t)(comma - told.data) : 0;
        told.data[told.len] = '\0';
    }
    buf_fini(&told);
}
