/* The breaker by itself, with a clock of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/breaker.h"

static const struct breaker_rules rules = { .failures = 3, .pause_ms = 1000, .pause_most_ms = 5000 };

static bool
end(struct breaker *b, int64_t run, enum breaker_verdict verdict, int64_t now)
{
    return breaker_end(b, "chore", &rules, run, verdict, 0, now);
}

/* At 0: open until 1000. */
static struct breaker
opened(void)
{
    struct breaker b = { 0 };

    for (int64_t run = 1; run <= 3; run++)
        end(&b, run, BREAKER_TRANSIENT, 0);
    assert_int_equal(b.state, BREAKER_OPEN);
    return b;
}

static struct breaker
probing(int64_t run)
{
    struct breaker b = opened();

    assert_true(breaker_tick(&b, "chore", 1000));
    assert_true(breaker_take(&b, "chore", run));
    assert_int_equal(b.state, BREAKER_PROBING);
    return b;
}

static void
breaker__opens_after_so_many_transient_failures_in_a_row(void **state)
{
    struct breaker b = { 0 };

    (void)state;
    assert_true(breaker_may_take(&b));
    assert_false(end(&b, 1, BREAKER_TRANSIENT, 0));
    assert_false(end(&b, 2, BREAKER_TRANSIENT, 0));
    assert_true(breaker_take(&b, "chore", 3));
    assert_true(end(&b, 3, BREAKER_TRANSIENT, 500));
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(b.until_ms, 1500);
    assert_false(breaker_may_take(&b));
    assert_false(breaker_take(&b, "chore", 4));
}

static void
breaker__counts_anew_after_a_run_that_worked_or_failed_for_its_own_reasons(void **state)
{
    struct breaker b = { 0 };

    (void)state;
    for (int64_t run = 0; run < 20; run++)
        assert_false(end(&b, run, run % 3 == 2 ? BREAKER_WORKED : BREAKER_TRANSIENT, 0));
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void
breaker__does_not_count_runs_that_say_nothing(void **state)
{
    struct breaker b = { 0 };

    (void)state;
    end(&b, 1, BREAKER_TRANSIENT, 0);
    end(&b, 2, BREAKER_NO_VERDICT, 0);
    end(&b, 3, BREAKER_TRANSIENT, 0);
    end(&b, 4, BREAKER_NO_VERDICT, 0);
    assert_true(end(&b, 5, BREAKER_TRANSIENT, 0));
}

static void
breaker__never_opens_when_it_is_switched_off(void **state)
{
    struct breaker_rules off = { .failures = 0, .pause_ms = 1000, .pause_most_ms = 5000 };
    struct breaker       b = { 0 };

    (void)state;
    for (int64_t run = 0; run < 50; run++)
        assert_false(breaker_end(&b, "chore", &off, run, BREAKER_TRANSIENT, 0, 0));
}

static void
breaker__waits_for_the_pause_and_hears_no_older_run(void **state)
{
    struct breaker b = opened();

    (void)state;
    assert_false(end(&b, 9, BREAKER_WORKED, 10));
    assert_false(end(&b, 9, BREAKER_TRANSIENT, 10));
    assert_int_equal(b.until_ms, 1000);
    assert_false(breaker_tick(&b, "chore", 999));
    assert_true(breaker_tick(&b, "chore", 1000));
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_true(breaker_may_take(&b));
    assert_false(breaker_tick(&b, "chore", 2000));
    assert_false(end(&b, 9, BREAKER_WORKED, 2000));
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
}

static void
breaker__half_open_takes_one_run(void **state)
{
    struct breaker b = probing(7);

    (void)state;
    assert_false(breaker_may_take(&b));
    assert_false(breaker_take(&b, "chore", 8));
    assert_false(end(&b, 8, BREAKER_NO_VERDICT, 1001)); /* the one that was given back */
    assert_false(end(&b, 6, BREAKER_WORKED, 1001));
    assert_int_equal(b.state, BREAKER_PROBING);
    assert_true(end(&b, 7, BREAKER_WORKED, 1002));
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_false(end(&b, 9, BREAKER_TRANSIENT, 1003));
    assert_false(end(&b, 10, BREAKER_TRANSIENT, 1003));
    assert_true(end(&b, 11, BREAKER_TRANSIENT, 1003));
    assert_int_equal(b.until_ms, 2003);
}

static void
breaker__probes_again_when_the_probe_says_nothing(void **state)
{
    struct breaker b = probing(7);

    (void)state;
    assert_true(end(&b, 7, BREAKER_NO_VERDICT, 1001));
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_true(breaker_take(&b, "chore", 8));
    assert_int_equal(b.probe, 8);
}

static void
breaker__doubles_its_pause_up_to_the_longest(void **state)
{
    static const int64_t pauses[] = { 2000, 4000, 5000, 5000 };
    struct breaker       b = opened();

    (void)state;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        int64_t at = b.until_ms;
        assert_true(breaker_tick(&b, "chore", at));
        assert_true(breaker_take(&b, "chore", 7));
        assert_true(end(&b, 7, BREAKER_TRANSIENT, at));
        assert_int_equal(b.until_ms, at + pauses[i]);
    }
}

static void
breaker__waits_as_long_as_the_service_asks(void **state)
{
    struct breaker b = probing(7);

    (void)state;
    assert_true(breaker_end(&b, "chore", &rules, 7, BREAKER_TRANSIENT, 60000, 1000));
    assert_int_equal(b.until_ms, 61000);
    assert_true(breaker_tick(&b, "chore", 61000));
    assert_true(breaker_take(&b, "chore", 8));
    assert_true(breaker_end(&b, "chore", &rules, 8, BREAKER_TRANSIENT, 1, 61000));
    assert_int_equal(b.until_ms, 65000); /* doubled twice; the long wait was no pause of ours */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaker__opens_after_so_many_transient_failures_in_a_row),
        cmocka_unit_test(breaker__counts_anew_after_a_run_that_worked_or_failed_for_its_own_reasons),
        cmocka_unit_test(breaker__does_not_count_runs_that_say_nothing),
        cmocka_unit_test(breaker__never_opens_when_it_is_switched_off),
        cmocka_unit_test(breaker__waits_for_the_pause_and_hears_no_older_run),
        cmocka_unit_test(breaker__half_open_takes_one_run),
        cmocka_unit_test(breaker__probes_again_when_the_probe_says_nothing),
        cmocka_unit_test(breaker__doubles_its_pause_up_to_the_longest),
        cmocka_unit_test(breaker__waits_as_long_as_the_service_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
