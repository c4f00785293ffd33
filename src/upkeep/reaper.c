/* reaper: gone nodes, and open runs of ended jobs. What that means is orch.reap()'s business. */
#include "upkeep/upkeep_int.h"

static void
tick(struct duty *d)
{
    upkeep_count(d, CALL_reap, NULL);
}

const struct duty_kind duty_reaper = { .name = "reaper", .tick = tick };
