/* clock: clock_gettime(2) in the units that we use. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t
now_us(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
    return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_mono_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

int64_t
clock_boot_ms(void)
{
    return now_us(CLOCK_BOOTTIME) / 1000;
}

int64_t
clock_wall_us(void)
{
    return now_us(CLOCK_REALTIME);
}

int64_t
clock_wall_of_mono_us(int64_t mono_us)
{
    return clock_wall_us() - clock_mono_us() + mono_us;
}

static struct clock_text
text_of(int64_t wall_us, int decimals)
{
    struct clock_text out;
    struct tm         tm;
    /* Rounded down, also before 1970, so that no text is ever later than its time. */
    int64_t fraction = (wall_us % 1000000 + 1000000) % 1000000;
    time_t  seconds = (time_t)((wall_us - fraction) / 1000000);
    size_t  len;

    gmtime_r(&seconds, &tm);
    len = strftime(out.text, sizeof out.text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (decimals == 3)
        fraction /= 1000;
    snprintf(out.text + len, sizeof out.text - len, ".%0*dZ", decimals, (int)fraction);
    return out;
}

struct clock_text
clock_text_ms(int64_t wall_us)
{
    return text_of(wall_us, 3);
}

struct clock_text
clock_text_us(int64_t wall_us)
{
    return text_of(wall_us, 6);
}
