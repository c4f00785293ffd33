#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/str.h"
#include "loop/loop.h"

enum { WORLD_MAGIC = 0x574f524c, DEADLINE_MS = 60000 };

/* One test's loop, with a deadline, and what its callbacks saw. */
struct world {
    uint32_t           magic;
    struct loop       *loop;
    struct loop_timer *timer;
    struct loop_watch *watch;
    int                calls;
    int                releases;
    int                pipe[2];
    const char        *turn_text;
    unsigned           what;
    pthread_t          loop_thread;
};

static void
on_deadline(void *arg)
{
    (void)arg;
    fail_msg("the loop ran for %d ms", DEADLINE_MS);
}

static int
open_world(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct err    e = ERR_INIT;

    w->magic = WORLD_MAGIC;
    w->loop_thread = pthread_self();
    if (loop_new(&w->loop, &e) || pipe(w->pipe))
        return -1;
    loop_after(w->loop, DEADLINE_MS, on_deadline, NULL);
    *state = w;
    return 0;
}

static int
close_world(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    loop_free(w->loop);
    close(w->pipe[0]);
    close(w->pipe[1]);
    free(w);
    return 0;
}

static void
count_and_quit(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    w->calls++;
    loop_quit(w->loop);
}

static void
count_call(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    w->calls++;
}

static void
timer__fires_once_and_not_early(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);
    int64_t       began = clock_mono_us();

    loop_after(w->loop, 30, count_and_quit, w);
    assert_int_equal(w->calls, 0);
    loop_run(w->loop);
    assert_int_equal(w->calls, 1);
    assert_true(clock_mono_us() - began >= 30000);
}

static void
stop_own_timer(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    loop_timer_stop(w->timer);
    if (++w->calls == 1)
        loop_after(w->loop, 30, count_and_quit, w);
}

static void
timer__may_be_stopped_from_inside_its_callback(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    w->timer = loop_every(w->loop, 1, stop_own_timer, w);
    loop_run(w->loop);
    assert_int_equal(w->calls, 2);
    w->calls = 0;
    w->timer = loop_after(w->loop, 1, stop_own_timer, w);
    loop_run(w->loop);
    assert_int_equal(w->calls, 2);
}

static void
quit_at_third(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    if (++w->calls == 3)
        loop_quit(w->loop);
}

static void
timer__repeats_until_stopped(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    w->timer = loop_every(w->loop, 2, quit_at_third, w);
    loop_run(w->loop);
    assert_int_equal(w->calls, 3);
    loop_timer_stop(w->timer);
    loop_timer_stop(NULL);
    loop_after(w->loop, 20, count_and_quit, w);
    loop_run(w->loop);
    assert_int_equal(w->calls, 4);
}

static void
stop_the_other(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    loop_timer_stop(w->timer);
    loop_after(w->loop, 20, count_and_quit, w);
}

static void
timer__is_silent_after_stop_even_when_both_were_due(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    loop_after(w->loop, 5, stop_the_other, w);
    w->timer = loop_after(w->loop, 6, count_call, w);
    usleep(20000); /* so that both are due in the same look at the clock */
    loop_run(w->loop);
    assert_int_equal(w->calls, 1);
}

static void
on_pipe(int fd, unsigned what, void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);
    char          byte;

    assert_int_equal(fd, w->pipe[0]);
    w->what = what;
    assert_int_equal(read(fd, &byte, 1), 1);
    loop_watch_change(w->watch, 0);
    count_and_quit(w);
}

static void
watch__is_level_triggered_and_can_pause(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    assert_int_equal(write(w->pipe[1], "ab", 2), 2);
    w->watch = loop_watch(w->loop, w->pipe[0], LOOP_READ, on_pipe, w);
    loop_run(w->loop);
    assert_int_equal(w->calls, 1);
    assert_int_equal(w->what, LOOP_READ);
    loop_after(w->loop, 20, count_and_quit, w);
    loop_run(w->loop); /* paused: only the timer */
    assert_int_equal(w->calls, 2);
    loop_watch_change(w->watch, LOOP_READ);
    loop_run(w->loop);
    assert_int_equal(w->calls, 3);
    loop_watch_stop(w->watch);
    loop_watch_stop(NULL);
}

static void
on_writable(int fd, unsigned what, void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    (void)fd;
    w->what = what;
    loop_watch_stop(w->watch);
    count_and_quit(w);
}

static void
watch__may_be_stopped_from_inside_its_callback(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    w->watch = loop_watch(w->loop, w->pipe[1], LOOP_WRITE, on_writable, w);
    loop_run(w->loop);
    assert_int_equal(w->calls, 1);
    assert_int_equal(w->what, LOOP_WRITE);
}

static void
signal__arrives_as_a_call(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    loop_on_signal(w->loop, SIGUSR1, count_and_quit, w);
    raise(SIGUSR1);
    loop_run(w->loop);
    raise(SIGUSR1);
    loop_run(w->loop);
    assert_int_equal(w->calls, 2);
}

static void
on_post(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    assert_true(pthread_equal(pthread_self(), w->loop_thread));
    if (++w->calls == 400)
        loop_quit(w->loop);
}

static void *
post_hundred(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    for (int i = 0; i < 100; i++)
        loop_post(w->loop, on_post, w);
    return NULL;
}

static void
post__from_other_threads_runs_on_the_loops_thread(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);
    pthread_t     threads[4];

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_hundred, w), 0);
    loop_run(w->loop);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(w->calls, 400);
}

static void
post_again(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    w->calls++;
    loop_post(w->loop, post_again, w);
}

static void
quit_loop(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    loop_quit(w->loop);
}

static void
post__that_posts_again_does_not_starve_the_timers(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    loop_post(w->loop, post_again, w);
    assert_int_equal(w->calls, 0);
    loop_after(w->loop, 10, quit_loop, w);
    loop_run(w->loop);
    assert_true(w->calls > 1);
}

static void
post__that_was_not_done_before_quit_waits_for_the_next_run(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    for (int i = 0; i < 3; i++)
        loop_post(w->loop, count_and_quit, w);
    loop_run(w->loop);
    assert_int_equal(w->calls, 1);
    loop_run(w->loop);
    loop_run(w->loop);
    assert_int_equal(w->calls, 3);
}

static void
on_release(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    assert_string_equal(w->turn_text, "run 7"); /* texts outlive the turn's objects */
    if (++w->releases == 1)
        loop_free_later(w->loop, on_release, w);
}

static void
leave_behind(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    w->turn_text = turn_fmt(w->loop, "run %d", 7);
    loop_free_later(w->loop, on_release, w);
    assert_int_equal(w->releases, 0);
    loop_after(w->loop, 1, count_and_quit, w);
}

static void
turn__ends_with_the_release_of_what_it_left(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    loop_post(w->loop, leave_behind, w);
    loop_run(w->loop);
    assert_int_equal(w->releases, 2);
    assert_int_equal(w->calls, 1);
}

static void
release_only(void *arg)
{
    struct world *w = CHECKED(arg, WORLD_MAGIC);

    w->releases++;
}

static void
loop__free_does_what_was_posted_and_releases_what_no_turn_did(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);

    loop_every(w->loop, 1000, count_call, w);
    loop_watch(w->loop, w->pipe[0], LOOP_READ, on_pipe, w);
    loop_post(w->loop, count_call, w);
    loop_free_later(w->loop, release_only, w);
    loop_free(give(&w->loop));
    assert_int_equal(w->releases, 1);
    assert_int_equal(w->calls, 1); /* the post; never the timer */
}

static void
doze(void *arg)
{
    usleep(30000);
    count_and_quit(arg);
}

static void
turn__the_worst_is_a_metric(void **state)
{
    struct world *w = CHECKED(*state, WORLD_MAGIC);
    struct buf    out = { 0 };
    const char   *at;

    loop_after(w->loop, 0, doze, w);
    loop_run(w->loop);
    metrics_render(&out);
    at = strstr(out.data, "\norchd_loop_worst_turn_seconds ");
    assert_non_null(at);
    assert_true(strtod(at + strlen("\norchd_loop_worst_turn_seconds "), NULL) >= 0.03);
    buf_fini(&out);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(timer__fires_once_and_not_early),
        IN_WORLD(timer__may_be_stopped_from_inside_its_callback),
        IN_WORLD(timer__repeats_until_stopped),
        IN_WORLD(timer__is_silent_after_stop_even_when_both_were_due),
        IN_WORLD(watch__is_level_triggered_and_can_pause),
        IN_WORLD(watch__may_be_stopped_from_inside_its_callback),
        IN_WORLD(signal__arrives_as_a_call),
        IN_WORLD(post__from_other_threads_runs_on_the_loops_thread),
        IN_WORLD(post__that_posts_again_does_not_starve_the_timers),
        IN_WORLD(post__that_was_not_done_before_quit_waits_for_the_next_run),
        IN_WORLD(turn__ends_with_the_release_of_what_it_left),
        IN_WORLD(loop__free_does_what_was_posted_and_releases_what_no_turn_did),
        IN_WORLD(turn__the_worst_is_a_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
