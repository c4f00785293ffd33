#include "webhook/rate.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/str.h"

enum { CHAINS = 256, NETWORK_BYTES = 8, MINUTE_MS = 60000, V4_MAPPED_AT = 12 };

/* Zero behind what counts, so that keys compare as bytes. */
struct key {
    uint8_t family;
    uint8_t bytes[NETWORK_BYTES];
};

struct bucket {
    struct key key;
    double     tokens;
    int64_t    at_ms; /* when tokens was right */
    LIST_ENTRY(bucket) chain;
    TAILQ_ENTRY(bucket) link;
};

struct rate {
    double   per_ms;
    double   most;
    unsigned max_addresses;
    unsigned addresses;
    LIST_HEAD(, bucket) chains[CHAINS];
    TAILQ_HEAD(bucket_list, bucket) by_use; /* the quietest last */
};

struct rate *
rate_new(int64_t per_minute, unsigned max_addresses)
{
    struct rate *r = xcalloc(1, sizeof *r);

    r->per_ms = (double)per_minute / MINUTE_MS;
    r->most = (double)per_minute;
    r->max_addresses = max_addresses;
    TAILQ_INIT(&r->by_use);
    return r;
}

static void
forget(struct rate *r, struct bucket *b)
{
    LIST_REMOVE(b, chain);
    TAILQ_REMOVE(&r->by_use, b, link);
    free(b);
    r->addresses--;
}

void
rate_free(struct rate *r)
{
    if (!r)
        return;
    while (!TAILQ_EMPTY(&r->by_use))
        forget(r, TAILQ_FIRST(&r->by_use));
    free(r);
}

static struct key
key_of(const char *address)
{
    struct key      key = { 0 };
    struct in6_addr v6 = { 0 };

    if (inet_pton(AF_INET, address, key.bytes) == 1) {
        key.family = 4;
    } else if (inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_V4MAPPED(&v6)) {
        key.family = 4;
        memcpy(key.bytes, &v6.s6_addr[V4_MAPPED_AT], sizeof(struct in_addr));
    } else {
        /* What is no address at all shares one bucket. */
        key.family = 6;
        memcpy(key.bytes, v6.s6_addr, NETWORK_BYTES);
    }
    return key;
}

static unsigned
chain_of(const struct key *key)
{
    unsigned hash = key->family;

    for (int i = 0; i < NETWORK_BYTES; i++)
        hash = hash * 31 + key->bytes[i];
    return hash % CHAINS;
}

/* The address's bucket, which is the most recently used from here on. */
static struct bucket *
find(struct rate *r, const struct key *key, int64_t now_ms)
{
    unsigned       chain = chain_of(key);
    struct bucket *b;

    LIST_FOREACH (b, &r->chains[chain], chain)
        if (!memcmp(&b->key, key, sizeof *key))
            break;
    if (b) {
        TAILQ_REMOVE(&r->by_use, b, link);
    } else {
        if (r->addresses >= r->max_addresses)
            forget(r, TAILQ_LAST(&r->by_use, bucket_list));
        b = xcalloc(1, sizeof *b);
        b->key = *key;
        b->tokens = r->most;
        b->at_ms = now_ms;
        LIST_INSERT_HEAD(&r->chains[chain], b, chain);
        r->addresses++;
    }
    TAILQ_INSERT_HEAD(&r->by_use, b, link);
    return b;
}

int64_t
rate_take(struct rate *r, const char *address, int64_t now_ms)
{
    struct key     key = key_of(address);
    struct bucket *b;

    if (r->most <= 0)
        return 0;
    b = find(r, &key, now_ms);
    b->tokens += (double)(now_ms - b->at_ms) * r->per_ms;
    if (b->tokens > r->most)
        b->tokens = r->most;
    b->at_ms = now_ms;
    if (b->tokens < 1)
        return (int64_t)((1 - b->tokens) / r->per_ms) + 1;
    b->tokens -= 1;
    return 0;
}
