/* clock: the times there are. Deadlines use the monotonic one, what people read uses the wall, and what others count on, the one of the
 * boot: it goes on while the machine sleeps. */
#ifndef ORCH_BASE_CLOCK_H
#define ORCH_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_boot_ms(void);
int64_t clock_wall_us(void);                    /* microseconds since 1970 */
int64_t clock_wall_of_mono_us(int64_t mono_us); /* what the wall showed, or will show, at that moment */

/* RFC 3339 in UTC, e.g. 2026-03-04T10:11:12.345Z. */
struct clock_text {
    char text[40];
};
struct clock_text clock_text_ms(int64_t wall_us); /* three decimals, for logs */
struct clock_text clock_text_us(int64_t wall_us); /* six decimals, for Postgres */

#endif
