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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock__writes_rfc3339_in_utc),
        cmocka_unit_test(clock__never_steps_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
