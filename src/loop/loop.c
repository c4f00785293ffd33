/* loop: libevent's base, and what it does not have: the end of a turn, and a place for other threads to leave work.
 * Invariants: a timer or watch is on its list until it is stopped or, one-shot, fired; its memory then lives on until the end of the turn,
 * because libevent may still hold its event. Work from other threads wakes us through an eventfd, as an ordinary readable descriptor: an
 * event activated by hand would run before the next look at the sockets, and work that makes more work would starve them. */
#include "loop/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/str.h"

enum { LOOP_MAGIC = 0x4c4f4f50, TIMER_MAGIC = 0x54494d52, WATCH_MAGIC = 0x57415443, SIGNAL_MAGIC = 0x5349474e };

struct loop_timer {
    uint32_t     magic;
    struct loop *loop;
    struct event event;
    loop_fn     *fn;
    void        *arg;
    bool         is_repeating;
    bool         is_dead; /* stopped, or fired and one-shot: off the list, memory pending */
    LIST_ENTRY(loop_timer) link;
};

struct loop_watch {
    uint32_t     magic;
    struct loop *loop;
    struct event event;
    int          fd;
    unsigned     what; /* 0 = paused */
    loop_fd_fn  *fn;
    void        *arg;
    LIST_ENTRY(loop_watch) link;
};

struct loop_signal {
    uint32_t     magic;
    struct loop *loop;
    struct event event;
    loop_fn     *fn;
    void        *arg;
    LIST_ENTRY(loop_signal) link;
};

/* A function to call with its argument: posted work, or a release. */
struct errand {
    loop_fn *fn;
    void    *arg;
    STAILQ_ENTRY(errand) link;
};

STAILQ_HEAD(errands, errand);

struct loop {
    uint32_t           magic;
    struct event_base *base;
    bool               is_quitting;
    LIST_HEAD(, loop_timer) timers;
    LIST_HEAD(, loop_watch) watches;
    LIST_HEAD(, loop_signal) signals;

    struct event   end_of_turn; /* activated by the first release or text of a turn */
    struct errands releases;
    struct arena  *turn_texts; /* NULL while the turn has none */
    int64_t        turn_began_us;
    double         worst_turn; /* seconds */

    pthread_mutex_t    posts_mutex; /* guards posts */
    struct errands     posts;
    int                wake_fd; /* eventfd; readable while posts may not be empty */
    struct loop_watch *wake;
};

static void
errand_add(struct errands *to, loop_fn *fn, void *arg)
{
    struct errand *new = xcalloc(1, sizeof *new);

    new->fn = fn;
    new->arg = arg;
    STAILQ_INSERT_TAIL(to, new, link);
}

void
loop_turn_enter(struct loop *l)
{
    l->turn_began_us = clock_mono_us();
}

void
loop_turn_leave(struct loop *l)
{
    double seconds = (double)(clock_mono_us() - l->turn_began_us) / 1e6;

    if (seconds > l->worst_turn) {
        l->worst_turn = seconds;
        metric_set(METRIC_orchd_loop_worst_turn_seconds, seconds);
    }
}

/* Frees what the turn left behind. A release may leave more behind: that goes too. */
static void
end_turn(struct loop *l)
{
    struct errand *next;

    while ((next = STAILQ_FIRST(&l->releases))) {
        STAILQ_REMOVE_HEAD(&l->releases, link);
        next->fn(next->arg);
        free(next);
    }
    arena_free(l->turn_texts);
    l->turn_texts = NULL;
}

static void
on_end_of_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end_turn(CHECKED(arg, LOOP_MAGIC));
}

void
loop_free_later(struct loop *l, loop_fn *release, void *object)
{
    errand_add(&l->releases, release, object);
    event_active(&l->end_of_turn, EV_TIMEOUT, 0);
}

const char *
turn_fmt(struct loop *l, const char *fmt, ...)
{
    struct buf  b = { 0 };
    va_list     ap;
    const char *text;

    if (!l->turn_texts) {
        l->turn_texts = arena_new();
        event_active(&l->end_of_turn, EV_TIMEOUT, 0);
    }
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    text = arena_strdup(l->turn_texts, b.data);
    buf_fini(&b);
    return text;
}

/* --- timers ----------------------------------------------------------------------------------------------------------------------------- */

static void
release_timer(void *timer)
{
    struct loop_timer *t = CHECKED(timer, TIMER_MAGIC);

    t->magic = 0;
    free(t);
}

static void
retire_timer(struct loop_timer *t)
{
    event_del(&t->event);
    LIST_REMOVE(t, link);
    t->is_dead = true;
    loop_free_later(t->loop, release_timer, t);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *t = CHECKED(arg, TIMER_MAGIC);

    (void)fd;
    (void)what;
    /* Dead before the call: its callback may stop it, which then does nothing. */
    if (!t->is_repeating)
        retire_timer(t);
    loop_turn_enter(t->loop);
    t->fn(t->arg);
    loop_turn_leave(t->loop);
}

static struct loop_timer *
timer_new(struct loop *l, int64_t ms, bool is_repeating, loop_fn *fn, void *arg)
{
    struct loop_timer *t = xcalloc(1, sizeof *t);
    struct timeval     tv;

    if (ms < 0)
        ms = 0;
    tv = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
    t->magic = TIMER_MAGIC;
    t->loop = l;
    t->fn = fn;
    t->arg = arg;
    t->is_repeating = is_repeating;
    LIST_INSERT_HEAD(&l->timers, t, link);
    CHECK(event_assign(&t->event, l->base, -1, is_repeating ? EV_PERSIST : 0, on_timer, t) == 0);
    CHECK(event_add(&t->event, &tv) == 0);
    return t;
}

struct loop_timer *
loop_after(struct loop *l, int64_t delay_ms, loop_fn *fn, void *arg)
{
    return timer_new(l, delay_ms, false, fn, arg);
}

struct loop_timer *
loop_every(struct loop *l, int64_t period_ms, loop_fn *fn, void *arg)
{
    CHECK(period_ms > 0);
    return timer_new(l, period_ms, true, fn, arg);
}

void
loop_timer_stop(struct loop_timer *t)
{
    if (!t)
        return;
    CHECK(t->magic == TIMER_MAGIC);
    if (!t->is_dead)
        retire_timer(t);
}

/* --- descriptors ------------------------------------------------------------------------------------------------------------------------ */

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *w = CHECKED(arg, WATCH_MAGIC);

    loop_turn_enter(w->loop);
    w->fn(fd, (what & EV_READ ? LOOP_READ : 0U) | (what & EV_WRITE ? LOOP_WRITE : 0U), w->arg);
    loop_turn_leave(w->loop);
}

static void
arm(struct loop_watch *w)
{
    short what = (short)(EV_PERSIST | (w->what & LOOP_READ ? EV_READ : 0) | (w->what & LOOP_WRITE ? EV_WRITE : 0));

    CHECK(event_assign(&w->event, w->loop->base, w->fd, what, on_watch, w) == 0);
    if (w->what)
        CHECK(event_add(&w->event, NULL) == 0);
}

struct loop_watch *
loop_watch(struct loop *l, int fd, unsigned what, loop_fd_fn *fn, void *arg)
{
    struct loop_watch *w = xcalloc(1, sizeof *w);

    w->magic = WATCH_MAGIC;
    w->loop = l;
    w->fd = fd;
    w->what = what;
    w->fn = fn;
    w->arg = arg;
    LIST_INSERT_HEAD(&l->watches, w, link);
    arm(w);
    return w;
}

void
loop_watch_change(struct loop_watch *w, unsigned what)
{
    CHECK(w->magic == WATCH_MAGIC);
    if (w->what == what)
        return;
    event_del(&w->event);
    w->what = what;
    arm(w);
}

static void
release_watch(void *watch)
{
    struct loop_watch *w = CHECKED(watch, WATCH_MAGIC);

    w->magic = 0;
    free(w);
}

void
loop_watch_stop(struct loop_watch *w)
{
    if (!w)
        return;
    CHECK(w->magic == WATCH_MAGIC);
    event_del(&w->event);
    LIST_REMOVE(w, link);
    loop_free_later(w->loop, release_watch, w);
}

/* --- signals ---------------------------------------------------------------------------------------------------------------------------- */

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
    struct loop_signal *s = CHECKED(arg, SIGNAL_MAGIC);

    (void)signo;
    (void)what;
    loop_turn_enter(s->loop);
    s->fn(s->arg);
    loop_turn_leave(s->loop);
}

void
loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *arg)
{
    struct loop_signal *s = xcalloc(1, sizeof *s);

    s->magic = SIGNAL_MAGIC;
    s->loop = l;
    s->fn = fn;
    s->arg = arg;
    LIST_INSERT_HEAD(&l->signals, s, link);
    CHECK(event_assign(&s->event, l->base, signo, EV_SIGNAL | EV_PERSIST, on_signal, s) == 0);
    CHECK(event_add(&s->event, NULL) == 0);
}

/* --- work from other threads ------------------------------------------------------------------------------------------------------------ */

static void
wake(struct loop *l)
{
    uint64_t one = 1;

    /* Fails only when the counter is full, and then it is readable already. */
    (void)!write(l->wake_fd, &one, sizeof one);
}

void
loop_post(struct loop *l, loop_fn *fn, void *arg)
{
    pthread_mutex_lock(&l->posts_mutex);
    errand_add(&l->posts, fn, arg);
    pthread_mutex_unlock(&l->posts_mutex);
    wake(l);
}

static struct errand *
take_post(struct loop *l)
{
    struct errand *first;

    pthread_mutex_lock(&l->posts_mutex);
    first = STAILQ_FIRST(&l->posts);
    if (first)
        STAILQ_REMOVE_HEAD(&l->posts, link);
    pthread_mutex_unlock(&l->posts_mutex);
    return first;
}

/* Does what was there on arrival, and no more: what is posted meanwhile rings again, after a look at the sockets. */
static void
on_wake(int fd, unsigned what, void *arg)
{
    struct loop   *l = CHECKED(arg, LOOP_MAGIC);
    struct errands batch = STAILQ_HEAD_INITIALIZER(batch);
    struct errand *next;
    uint64_t       count;

    (void)what;
    (void)!read(fd, &count, sizeof count);
    pthread_mutex_lock(&l->posts_mutex);
    STAILQ_CONCAT(&batch, &l->posts);
    pthread_mutex_unlock(&l->posts_mutex);
    while ((next = STAILQ_FIRST(&batch))) {
        STAILQ_REMOVE_HEAD(&batch, link);
        loop_turn_enter(l);
        next->fn(next->arg);
        loop_turn_leave(l);
        free(next);
        if (l->is_quitting)
            break;
    }
    /* Unfinished business goes back to the front, in order. */
    if (!STAILQ_EMPTY(&batch)) {
        pthread_mutex_lock(&l->posts_mutex);
        STAILQ_CONCAT(&batch, &l->posts);
        STAILQ_CONCAT(&l->posts, &batch);
        pthread_mutex_unlock(&l->posts_mutex);
        wake(l);
    }
}

/* --- the loop itself -------------------------------------------------------------------------------------------------------------------- */

static struct event_base *
make_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base   *base;

    CHECK(config != NULL);
    /* Precise, and asked anew at each timer: a timer never fires early, and a slow turn does not shorten the next one's wait. */
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME | EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int
loop_new(struct loop **out, struct err *e)
{
    struct loop *l = xcalloc(1, sizeof *l);

    l->magic = LOOP_MAGIC;
    pthread_mutex_init(&l->posts_mutex, NULL);
    STAILQ_INIT(&l->posts);
    STAILQ_INIT(&l->releases);
    l->base = make_base();
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!l->base || l->wake_fd < 0) {
        err_set(e, ERR_RETRY, "could not make an event loop: %s", strerror(errno));
        goto out;
    }
    CHECK(event_assign(&l->end_of_turn, l->base, -1, 0, on_end_of_turn, l) == 0);
    l->wake = loop_watch(l, l->wake_fd, LOOP_READ, on_wake, l);
    *out = give(&l);
out:
    loop_free(l);
    return e->code;
}

void
loop_run(struct loop *l)
{
    while (!l->is_quitting)
        if (event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
            break;
    l->is_quitting = false;
    end_turn(l);
}

void
loop_quit(struct loop *l)
{
    l->is_quitting = true;
    event_base_loopbreak(l->base);
}

static void
stop_all(struct loop *l)
{
    struct loop_signal *s;

    while (!LIST_EMPTY(&l->timers))
        loop_timer_stop(LIST_FIRST(&l->timers));
    while (!LIST_EMPTY(&l->watches))
        loop_watch_stop(LIST_FIRST(&l->watches));
    while ((s = LIST_FIRST(&l->signals))) {
        event_del(&s->event);
        LIST_REMOVE(s, link);
        free(s);
    }
}

void
loop_free(struct loop *l)
{
    struct errands last = STAILQ_HEAD_INITIALIZER(last);
    struct errand *post;

    if (!l)
        return;
    CHECK(l->magic == LOOP_MAGIC);
    /* What these post in turn is dropped: nobody comes back for it. */
    STAILQ_CONCAT(&last, &l->posts);
    while ((post = STAILQ_FIRST(&last))) {
        STAILQ_REMOVE_HEAD(&last, link);
        post->fn(post->arg);
        free(post);
    }
    if (l->base) {
        end_turn(l);
        stop_all(l);
        end_turn(l);
        event_base_free(l->base);
    }
    while ((post = take_post(l)))
        free(post);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    pthread_mutex_destroy(&l->posts_mutex);
    l->magic = 0;
    free(l);
}

struct event_base *
loop_base(struct loop *l)
{
    return l->base;
}
