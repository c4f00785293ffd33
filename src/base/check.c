/* check: the end of the process that broke its own promise. */
#include "base/check.h"

#include <stdlib.h>

#include "base/log.h"

void
check_failed(const char *cond, const char *file, int line)
{
    LOGE("base.check_failed", "where=%s:%d cond=%s", file, line, log_quote(cond));
    abort();
}

void *
checked(void *arg, uint32_t magic, const char *name, const char *file, int line)
{
    if (!arg || *(const uint32_t *)arg != magic)
        check_failed(name, file, line);
    return arg;
}
