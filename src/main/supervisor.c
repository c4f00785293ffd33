#include "main/supervisor.h"

#include <inttypes.h>
#include <stddef.h>
#ifdef ORCH_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "base/clock.h"

#ifdef ORCH_HAVE_SYSTEMD

enum { US_PER_MS = 1000, PINGS_PER_PERIOD = 2 /* as sd_watchdog_enabled(3) asks for */ };

static void
on_ping(void *arg)
{
    (void)arg;
    sd_notify(0, "WATCHDOG=1");
}

void
supervisor_watch(struct loop *l)
{
    uint64_t period_us = 0;
    int64_t  every_ms;

    if (sd_watchdog_enabled(0, &period_us) <= 0)
        return;
    every_ms = (int64_t)(period_us / US_PER_MS / PINGS_PER_PERIOD);
    loop_every(l, every_ms > 0 ? every_ms : 1, on_ping, NULL);
}

void
supervisor_ready(void)
{
    sd_notify(0, "READY=1");
}

/* The time is for Type=notify-reload, where it tells this reload from an earlier one. */
void
supervisor_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
}

void
supervisor_stopping(int64_t within_ms)
{
    sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64, within_ms * US_PER_MS);
}

#else

void
supervisor_watch(struct loop *l)
{
    (void)l;
}

void
supervisor_ready(void)
{
}

void
supervisor_reloading(void)
{
}

void
supervisor_stopping(int64_t within_ms)
{
    (void)within_ms;
}

#endif
