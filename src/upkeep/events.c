/* events: routes again the deliveries whose routing failed or waits for something. */
#include "upkeep/upkeep_int.h"

static void
tick(struct duty *d)
{
    /* Each event is a small piece of routing: fifty hold a connection for well under a second. */
    static const char *const params[] = { "50" };
    upkeep_count(d, CALL_retry_events, params);
}

const struct duty_kind duty_events = { .name = "event_retry", .tick = tick };
