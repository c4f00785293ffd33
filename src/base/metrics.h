/* metrics: counters, gauges and histograms, declared once in metrics.def, rendered in Prometheus text format 0.0.4.
 * Written by the loop thread only. */
#ifndef ORCH_BASE_METRICS_H
#define ORCH_BASE_METRICS_H

#include <stdint.h>

#include "base/str.h"

enum metric {
#define METRIC(kind, name, help) METRIC_##name,
#include "base/metrics.def"
#undef METRIC
    METRIC_COUNT
};

void metric_add(enum metric m, double amount);      /* counters only */
void metric_set(enum metric m, double value);       /* gauges only */
void metric_observe(enum metric m, double seconds); /* histograms of seconds only */

/* Appends every metric, with HELP and TYPE, to out. */
void metrics_render(struct buf *out);

#endif
