#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static void
clock__writes_rfc3339_in_utc(void **state)
{
    (void)state;
    assert_string_equal(clock_text_ms(1772619072345678).text, "2026-03-04T10:11:12.345Z");
    assert_string_equal(clock_text_us(1772619072345678).text, "2026-03-04T10:11:12.345678Z");
    assert_string_equal(clock_text_us(0).text, "1970-01-01T00:00:00.000000Z");
    assert_string_equal(clock_text_us(-1).text, "1969-12-31T23:59:59.999999Z");
}

static void
clock__never_steps_back(void **state)
{
    int64_t before = clock_mono_us();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_us();

        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_mono_ms() >= before / 1000);
    assert_true(clock_wall_us() > 1700000000000000);
}

static void
clock__tells_the_wall_time_of_a_monotonic_one(void **state)
{
    int64_t before = clock_wall_us();
    int64_t at = clock_mono_us();

    (void)state;
    assert_in_range(clock_wall_of_mono_us(at + 1000000) - before, 900000, 60000000); /* a busy machine, or a wall that is set */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock__writes_rfc3339_in_utc),
        cmocka_unit_test(clock__never_steps_back),
        cmocka_unit_test(clock__tells_the_wall_time_of_a_monotonic_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
