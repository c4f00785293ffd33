/* metrics: one array of values, indexed by the enum that metrics.def makes. */
#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum kind { KIND_counter, KIND_gauge, KIND_seconds };

/* From a fast claim (1 ms) to an agent's grace and beyond (60 s), about two and a half steps a factor of ten. */
static const double bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 };

enum { BOUND_COUNT = sizeof bounds / sizeof bounds[0] };

struct about {
    enum kind   kind;
    const char *name;
    const char *help;
};

static const struct about abouts[METRIC_COUNT] = {
#define METRIC(kind, name, help) { KIND_##kind, #name, help },
#include "base/metrics.def"
#undef METRIC
};

static struct {
    double   value; /* of a counter or a gauge; of a histogram the sum */
    uint64_t count;
    uint64_t buckets[BOUND_COUNT]; /* not cumulative here */
} values[METRIC_COUNT];

void
metric_add(enum metric m, double amount)
{
    CHECK(abouts[m].kind == KIND_counter && amount >= 0);
    values[m].value += amount;
}

void
metric_set(enum metric m, double value)
{
    CHECK(abouts[m].kind == KIND_gauge);
    values[m].value = value;
}

void
metric_observe(enum metric m, double seconds)
{
    CHECK(abouts[m].kind == KIND_seconds);
    values[m].value += seconds;
    values[m].count++;
    for (size_t i = 0; i < BOUND_COUNT; i++) {
        if (seconds <= bounds[i]) {
            values[m].buckets[i]++;
            break;
        }
    }
}

/* The shortest of two forms that reads back as the same number. */
static void
add_number(struct buf *out, double value)
{
    char text[40];

    snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, sizeof text, "%.17g", value);
    buf_add_str(out, text);
}

static void
add_histogram(struct buf *out, enum metric m)
{
    const char *name = abouts[m].name;
    uint64_t    sum = 0;

    for (size_t i = 0; i < BOUND_COUNT; i++) {
        sum += values[m].buckets[i];
        buf_printf(out, "%s_bucket{le=\"", name);
        add_number(out, bounds[i]);
        buf_printf(out, "\"} %llu\n", (unsigned long long)sum);
    }
    buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum ", name, (unsigned long long)values[m].count, name);
    add_number(out, values[m].value);
    buf_printf(out, "\n%s_count %llu\n", name, (unsigned long long)values[m].count);
}

void
metrics_render(struct buf *out)
{
    static const char *const types[] = { [KIND_counter] = "counter", [KIND_gauge] = "gauge", [KIND_seconds] = "histogram" };

    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", abouts[m].name, abouts[m].help, abouts[m].name, types[abouts[m].kind]);
        if (abouts[m].kind == KIND_seconds) {
            add_histogram(out, m);
            continue;
        }
        buf_printf(out, "%s ", abouts[m].name);
        add_number(out, values[m].value);
        buf_add_str(out, "\n");
    }
}
