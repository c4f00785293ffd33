/* rounds: the duties whose whole round is one SQL function, which orch.run_duty() calls on the node that has the duty. */
#include "upkeep/upkeep_int.h"

/* Gone nodes, and open runs of ended jobs. */
const struct duty_kind duty_reaper = { .name = "reaper", .counter = METRIC_orchd_reaper_rows_total };

/* Deferred cancels whose critical window has closed without anybody applying them. */
const struct duty_kind duty_sweeper = { .name = "sweeper", .counter = METRIC_orchd_sweeper_rows_total };

/* Idle tasks whose gate is open by what is stored. */
const struct duty_kind duty_reconciler = { .name = "reconciler",
                                           .counter = METRIC_orchd_reconciler_rows_total,
                                           .skips = &(const enum metric){ METRIC_orchd_reconciler_skips_total } };

/* Deliveries whose routing failed or waits for something. */
const struct duty_kind duty_events = { .name = "event_retry", .counter = METRIC_orchd_event_retry_rows_total };

/* Ticks that are due. */
const struct duty_kind duty_schedules = { .name = "schedules", .counter = METRIC_orchd_schedules_rows_total };

/* Jobs whose pause or limit no longer stands against them, where the event that ended it freed too few. */
const struct duty_kind duty_holds = { .name = "holds", .counter = METRIC_orchd_holds_rows_total };

/* Rows that are old enough to go. */
const struct duty_kind duty_retention = { .name = "retention", .counter = METRIC_orchd_retention_rows_total };

/* Cards of tasks whose times go on. */
const struct duty_kind duty_cards = { .name = "cards", .counter = METRIC_orchd_cards_refreshed_total };
