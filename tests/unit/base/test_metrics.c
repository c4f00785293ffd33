#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/metrics.h"

static void
metrics__are_rendered_as_prometheus_reads_them(void **state)
{
    struct buf out = { 0 };

    (void)state;
    metric_add(METRIC_orchd_claims_total, 2);
    metric_add(METRIC_orchd_claims_total, 1);
    metric_set(METRIC_orchd_runs_open, 0.25);
    metric_observe(METRIC_orchd_stop_term_seconds, 0.003);
    metric_observe(METRIC_orchd_stop_term_seconds, 0.003);
    metric_observe(METRIC_orchd_stop_term_seconds, 1000);
    metrics_render(&out);
    assert_non_null(strstr(out.data, "# HELP orchd_claims_total Jobs claimed by this node.\n# TYPE orchd_claims_total counter\n"
                                     "orchd_claims_total 3\n"));
    assert_non_null(strstr(out.data, "# TYPE orchd_runs_open gauge\norchd_runs_open 0.25\n"));
    assert_non_null(strstr(out.data, "# TYPE orchd_stop_term_seconds histogram\n"));
    assert_non_null(strstr(out.data, "orchd_stop_term_seconds_bucket{le=\"0.0025\"} 0\n"));
    assert_non_null(strstr(out.data, "orchd_stop_term_seconds_bucket{le=\"0.005\"} 2\n"));
    assert_non_null(strstr(out.data, "orchd_stop_term_seconds_bucket{le=\"60\"} 2\n"
                                     "orchd_stop_term_seconds_bucket{le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(out.data, "orchd_stop_term_seconds_count 3\n"));
    assert_int_equal(out.data[out.len - 1], '\n');
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics__are_rendered_as_prometheus_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
