/* loop: the one thread's event base: watches, timers, signals, work from other threads, and the end of the turn.
 * A callback fires never inside the function that asked for it. After stop or free, silence. libevent is seen in loop/ and http/ only.
 * A *turn* is one callback from the loop; what was given to loop_free_later() and made by turn_fmt() is freed when it is over. */
#ifndef ORCH_LOOP_LOOP_H
#define ORCH_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
struct loop_timer;
struct loop_watch;
typedef void loop_fn(void *arg);
typedef void loop_fd_fn(int fd, unsigned what, void *arg);

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

int  loop_new(struct loop **out, struct err *e);
void loop_run(struct loop *l);  /* until loop_quit() */
void loop_quit(struct loop *l); /* after this turn */
void loop_free(struct loop *l); /* NULL is fine; stops what is still watched, and does what was posted, so that its memory is freed */

/* Calls fn once after delay_ms, or every delay_ms until stopped. The handle of a one-shot timer is dead after it fired, and may be
 * stopped from inside its callback. Owned by the caller until stopped or, one-shot, fired. */
struct loop_timer *loop_after(struct loop *l, int64_t delay_ms, loop_fn *fn, void *arg);
struct loop_timer *loop_every(struct loop *l, int64_t period_ms, loop_fn *fn, void *arg);
void               loop_timer_stop(struct loop_timer *t); /* NULL is fine */

/* Watches a descriptor, level-triggered, until stopped; what is LOOP_READ | LOOP_WRITE. The descriptor stays the caller's. */
struct loop_watch *loop_watch(struct loop *l, int fd, unsigned what, loop_fd_fn *fn, void *arg);
void               loop_watch_change(struct loop_watch *w, unsigned what); /* 0 pauses it */
void               loop_watch_stop(struct loop_watch *w);                  /* NULL is fine */

/* Calls fn each time the signal arrives, until the loop is freed. */
void loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *arg);

/* Runs fn on the loop's thread in a later turn. The only function here that any thread may call. */
void loop_post(struct loop *l, loop_fn *fn, void *arg);

/* Calls release(object) when this turn is over, because libevent may still hold its events. */
void loop_free_later(struct loop *l, loop_fn *release, void *object);

/* printf text that dies with this turn: for log lines and parameters, never stored. Loop thread only. */
const char *turn_fmt(struct loop *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For http/ alone, whose turns are libevent's own: the base, and the two ends of a turn that is to be measured. */
struct event_base;
struct event_base *loop_base(struct loop *l);
void               loop_turn_enter(struct loop *l);
void               loop_turn_leave(struct loop *l);

#endif
