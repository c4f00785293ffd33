/* Marks: where a claim begins, when it looks everywhere, and what nobody may believe before it did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/queue_int.h"
#include "rig.h"

struct claim {
    int     count;
    size_t  n;
    int64_t first;
};

static struct queue *q;

static void
on_done(const struct err *e, void *arg)
{
    struct claim *c = arg;

    assert_null(e);
    c->count++;
}

static void
on_claim(const struct queue_job *jobs, size_t n, const struct err *e, void *arg)
{
    struct claim *c = arg;

    assert_null(e);
    c->count++;
    c->n = n;
    c->first = n ? jobs[0].job_id : 0;
}

static bool
is_answered(void *arg)
{
    return ((struct claim *)arg)->count > 0;
}

static struct claim
claimed(int slots)
{
    struct claim c = { 0 };

    queue_claim(q, slots, on_claim, &c);
    assert_true(devdb_run_until(loop, is_answered, &c));
    return c;
}

static int64_t
enqueue(const char *more)
{
    char   *sql = xasprintf("select orch.enqueue('chore'%s)", more);
    char   *id = devdb_sql(devdb_url, sql);
    int64_t job = strtoll(id, NULL, 10);

    free(id);
    free(sql);
    return job;
}

static void
Q2_marks__are_the_last_keys_in_falling_priority(void **state)
{
    (void)state;
    struct marks m = { 0 };
    char        *text;

    marks_put(&m, 0, "2026-01-01 00:00:00+00", 5);
    marks_put(&m, 7, "2026-01-02 00:00:00+00", 2);
    marks_put(&m, -3, "2026-01-03 00:00:00+00", 9);
    marks_put(&m, 0, "2026-01-04 00:00:00.25+00", 8);
    text = marks_text(&m);
    assert_string_equal(text, "[{\"priority\":7,\"run_at\":\"2026-01-02 00:00:00+00\",\"id\":2},"
                              "{\"priority\":0,\"run_at\":\"2026-01-04 00:00:00.25+00\",\"id\":8},"
                              "{\"priority\":-3,\"run_at\":\"2026-01-03 00:00:00+00\",\"id\":9}]");
    free(text);
}

static void
Q2_marks__are_forgotten_when_there_are_too_many_priorities(void **state)
{
    (void)state;
    struct marks m = { 0 };

    for (int priority = 0; priority < MARKS_MAX; priority++)
        marks_put(&m, priority, "2026-01-01 00:00:00+00", 1);
    assert_int_equal(m.count, MARKS_MAX);
    marks_put(&m, 3, "2026-01-01 00:00:00+00", 2);
    assert_int_equal(m.count, MARKS_MAX);
    marks_put(&m, 50, "2026-01-01 00:00:00+00", 3);
    assert_int_equal(m.count, 1);
    assert_int_equal(m.at[0].priority, 50);
}

static void
Q2_claim__begins_at_its_marks_until_it_comes_back_short(void **state)
{
    (void)state;
    int64_t first = enqueue(""), second = enqueue(""), third = enqueue("");

    queue_look_anew(q);
    assert_int_equal(claimed(1).first, first); /* full: there may be more, and it begins where this one ended */
    assert_false(queue_is_dry(q));
    assert_int_equal(q->marks.count, 1);
    assert_int_equal(q->marks.at[0].id, first);

    int64_t behind = enqueue(", run_at => now() - interval '1 hour'");
    assert_int_equal(claimed(1).first, second);

    struct claim c = claimed(2);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.first, third);
    assert_false(queue_is_dry(q)); /* short, but it has not looked behind the mark */
    assert_int_equal(claimed(2).first, behind);
    assert_true(queue_is_dry(q));
    assert_int_equal(claimed(2).n, 0);
    assert_true(queue_is_dry(q));
}

static void
Q2_claim__a_more_urgent_job_comes_first_though_its_priority_has_no_mark(void **state)
{
    (void)state;
    enqueue("");
    int64_t plain = enqueue("");

    queue_look_anew(q);
    assert_int_equal(claimed(1).n, 1);
    int64_t urgent = enqueue(", priority => 9");
    assert_int_equal(claimed(1).first, urgent);
    assert_int_equal(q->marks.count, 2);
    assert_int_equal(q->marks.at[0].priority, 9);
    assert_int_equal(claimed(1).first, plain);
    assert_int_equal(claimed(1).n, 0);
}

static bool
is_time(void *arg)
{
    return clock_mono_us() - q->looked_us > *(int64_t *)arg;
}

static void
Q2_claim__looks_everywhere_now_and_then_though_it_never_comes_back_short(void **state)
{
    (void)state;
    int64_t second_us = 1000000;

    for (int i = 0; i < 4; i++)
        enqueue("");
    queue_look_anew(q);
    assert_int_equal(claimed(1).n, 1);
    int64_t behind = enqueue(", run_at => now() - interval '1 hour'");
    int64_t looked_us = q->looked_us = clock_mono_us(); /* just now, however long the enqueue took */
    assert_int_equal(claimed(1).n, 1);
    assert_int_equal(q->looked_us, looked_us);
    if (q->look_us * LOOK_SHARE > second_us)
        second_us = q->look_us * LOOK_SHARE;
    assert_true(devdb_run_until(loop, is_time, &second_us));
    assert_int_equal(claimed(1).first, behind);
    assert_true(q->looked_us > looked_us);
    while (claimed(8).n)
        continue;
}

static void
Q2_claim__an_agent_that_is_left_out_waits_and_is_found_again(void **state)
{
    (void)state;
    const char *const left_out[] = { "chore", NULL };
    const char *const only[] = { "chore", NULL };
    int64_t           job = enqueue("");

    queue_choose_agents(q, left_out, NULL);
    assert_int_equal(claimed(3).n, 0);
    queue_choose_agents(q, NULL, only);
    assert_true(q->is_anew);
    assert_int_equal(claimed(3).first, job);
    queue_choose_agents(q, NULL, NULL);
}

static int
prepare(void **state)
{
    struct claim c = { 0 };

    rig_open(state, 10000);
    q = queue_new(db, "claimer", "11111111-1111-4111-8111-111111111111");
    queue_node_start(q, 4711, 2, "1.2.3", 30000, "machine", on_done, &c);
    return !devdb_run_until(loop, is_answered, &c);
}

static int
clean_up(void **state)
{
    queue_free(q);
    return rig_close(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(Q2_marks__are_the_last_keys_in_falling_priority),
        cmocka_unit_test(Q2_marks__are_forgotten_when_there_are_too_many_priorities),
        cmocka_unit_test(Q2_claim__begins_at_its_marks_until_it_comes_back_short),
        cmocka_unit_test(Q2_claim__a_more_urgent_job_comes_first_though_its_priority_has_no_mark),
        cmocka_unit_test(Q2_claim__looks_everywhere_now_and_then_though_it_never_comes_back_short),
        cmocka_unit_test(Q2_claim__an_agent_that_is_left_out_waits_and_is_found_again),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
