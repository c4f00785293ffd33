#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "webhook/rate.h"

static int
taken(struct rate *r, const char *address, int tries, int64_t now_ms)
{
    int count = 0;

    for (int i = 0; i < tries; i++)
        count += rate_take(r, address, now_ms) == 0;
    return count;
}

static void
W5_rate__lets_a_burst_of_one_minute_pass_and_then_as_much_as_flows_in(void **state)
{
    struct rate *r = rate_new(60, 8);

    (void)state;
    assert_int_equal(taken(r, "10.0.0.1", 100, 1000), 60);
    assert_in_range(rate_take(r, "10.0.0.1", 1000), 1000, 1001);
    assert_int_equal(taken(r, "10.0.0.1", 100, 1500), 0);
    assert_int_equal(taken(r, "10.0.0.1", 100, 3000), 2);
    /* However long it was quiet, the bucket holds no more. */
    assert_int_equal(taken(r, "10.0.0.1", 100, 100000000), 60);
    rate_free(r);
}

static void
W5_rate__is_for_each_address_alone(void **state)
{
    struct rate *r = rate_new(2, 8);

    (void)state;
    assert_int_equal(taken(r, "10.0.0.1", 5, 0), 2);
    assert_int_equal(taken(r, "10.0.0.2", 5, 0), 2);
    assert_int_equal(taken(r, "::ffff:10.0.0.2", 5, 0), 0);
    assert_int_equal(taken(r, "2001:db8:0:1::1", 5, 0), 2);
    assert_int_equal(taken(r, "2001:db8:0:1:ffff::2", 5, 0), 0);
    assert_int_equal(taken(r, "2001:db8:0:2::1", 5, 0), 2);
    assert_int_equal(taken(r, "", 5, 0), 2);
    rate_free(r);
}

static void
W5_rate__forgets_the_address_that_was_quiet_for_longest(void **state)
{
    struct rate *r = rate_new(1, 3);
    char         address[32];

    (void)state;
    assert_int_equal(taken(r, "10.0.0.1", 2, 0), 1);
    for (int i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "10.0.%d.%d", 1 + i / 250, i % 250);
        assert_int_equal(taken(r, address, 2, 0), 1);
        /* Still known, because it never stops. */
        assert_int_equal(taken(r, "10.0.0.1", 1, 0), 0);
    }
    rate_free(r);
}

static void
W5_rate__of_zero_is_no_limit(void **state)
{
    struct rate *r = rate_new(0, 3);

    (void)state;
    assert_int_equal(taken(r, "10.0.0.1", 1000, 0), 1000);
    rate_free(r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(W5_rate__lets_a_burst_of_one_minute_pass_and_then_as_much_as_flows_in),
        cmocka_unit_test(W5_rate__is_for_each_address_alone),
        cmocka_unit_test(W5_rate__forgets_the_address_that_was_quiet_for_longest),
        cmocka_unit_test(W5_rate__of_zero_is_no_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
