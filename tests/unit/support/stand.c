#include "support/stand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/until.h"

int
stand_open(struct stand *s)
{
    struct fetch_options o = { .timeout_ms = UNTIL_DEADLINE_MS };
    struct err           e = ERR_INIT;
    memset(s, 0, sizeof(*s));
    unsetenv("http_proxy");
    if (loop_new(&s->loop, &e) || fetch_open(&s->fetch, s->loop, &o, &e))
        return -1;
    s->db = fake_db_new(s->loop);
    return 0;
}

void
stand_close(struct stand *s)
{
    fetch_close(s->fetch);
    fake_db_free(s->db);
    loop_free(s->loop);
    if (s->server)
        http_server_stop(s->server);
}

char *
stand_serve(struct stand *s, const struct http_reply *replies, size_t count)
{
    s->server = http_server_start(replies, count);
    return (char *)(uintptr_t)http_server_url(s->server); /* settings are not const */
}

struct question {
    stand_fn *is_over;
};

static bool
is_over(void *arg)
{
    struct question *q = arg;
    return q->is_over();
}

void
stand_run_until(struct stand *s, stand_fn *fn)
{
    struct question q = { fn };
    assert_true(until(s->loop, is_over, &q));
}
