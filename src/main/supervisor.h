/* supervisor: what systemd is told of the life of this process, over $NOTIFY_SOCKET: sd_notify(3). Where nobody listens, or without libsystemd,
 * all of it does nothing. libsystemd is seen here only. */
#ifndef ORCH_MAIN_SUPERVISOR_H
#define ORCH_MAIN_SUPERVISOR_H

#include <stdint.h>

#include "loop/loop.h"

void supervisor_watch(struct loop *l);       /* feeds the unit's watchdog from the loop, so that a loop that stands still is noticed */
void supervisor_ready(void);                 /* the start is over, or a reload */
void supervisor_reloading(void);             /* supervisor_ready() follows */
void supervisor_stopping(int64_t within_ms); /* how long it may take, which may be longer than the unit allows */

#endif
