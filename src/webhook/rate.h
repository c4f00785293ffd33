/* rate: how much one address may send: a bucket of tokens for each, filled at a steady pace, full at first. One minute's worth fits in, so
 * a burst of that size passes at once. An IPv6 address stands for its /64, which is what one subscriber has. The table is bounded: the
 * address that was quiet for longest is forgotten, which gives it a full bucket again. */
#ifndef ORCH_WEBHOOK_RATE_H
#define ORCH_WEBHOOK_RATE_H

#include <stdint.h>

struct rate;

struct rate *rate_new(int64_t per_minute, unsigned max_addresses); /* per_minute 0 = no limit */
void         rate_free(struct rate *r);                            /* NULL is fine */
/* Takes one token. 0: go on; else in how many ms there is one. address as the socket's other end is written; now_ms never goes back. */
int64_t rate_take(struct rate *r, const char *address, int64_t now_ms);

#endif
