/* sweeper: applies the deferred cancels whose critical window has closed without anybody applying them. */
#include "upkeep/upkeep_int.h"

static void
tick(struct duty *d)
{
    upkeep_count(d, CALL_sweep_cancels, NULL);
}

const struct duty_kind duty_sweeper = { .name = "sweeper", .tick = tick };
