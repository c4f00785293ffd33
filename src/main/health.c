#include "main/health.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "fetch/fetch.h"
#include "loop/loop.h"

#define QUESTION_MAGIC 0x51756573u

enum { ANSWER_WITHIN_MS = 5000, STATUS_WELL = 200, TOLD_MOST = 200 /* bytes of an answer that is not well */ };

struct question {
    uint32_t     magic;
    struct loop *loop;
    struct err  *e;
};

/* Who listens everywhere is asked on the loopback. NULL: the port is one that nobody can know. */
static char *
health_url(const struct config *cfg)
{
    const char *colon = strrchr(cfg->listen, ':'); /* config has checked the form */
    size_t      base_len = strlen(cfg->base_path);
    char       *host = xasprintf("%.*s", (int)(colon - cfg->listen), cfg->listen);
    const char *at = str_equal(host, "0.0.0.0") || str_equal(host, "*") ? "127.0.0.1" : str_equal(host, "[::]") ? "[::1]" : host;
    char       *url = NULL;

    while (base_len && cfg->base_path[base_len - 1] == '/')
        base_len--;
    if (atol(colon + 1))
        url = xasprintf("http://%s%s%.*s/health", at, colon, (int)base_len, cfg->base_path);
    free(host);
    return url;
}

static void
on_answer(const struct fetch_response *r, const struct err *e, void *arg)
{
    struct question *q = CHECKED(arg, QUESTION_MAGIC);

    if (e)
        *q->e = *e;
    else if (r->status != STATUS_WELL)
        err_set(q->e, ERR_RETRY, "orchd does not do its work: status %ld, %.*s", r->status, TOLD_MOST, r->body);
    loop_quit(q->loop);
}

int
health(const struct config *cfg, struct err *e)
{
    struct question      q = { .magic = QUESTION_MAGIC, .e = e };
    struct fetch_options options = { .timeout_ms = ANSWER_WITHIN_MS, .user_agent = "orchd/" ORCH_VERSION " health" };
    struct fetch        *fetch = NULL;
    char                *url = health_url(cfg);

    if (!url) {
        err_set(e, ERR_INVALID, "cannot ask orchd at \"%s\": port 0 is any free one; set ORCH_LISTEN to a port", cfg->listen);
        goto out;
    }
    setenv("no_proxy", "*", 1); /* a proxy for the outside is none for this host */
    if (loop_new(&q.loop, e) || fetch_open(&fetch, q.loop, &options, e))
        goto out;
    fetch_start(fetch, &(struct fetch_request){ .method = "GET", .url = url }, on_answer, &q);
    loop_run(q.loop);
out:
    fetch_close(fetch);
    loop_free(q.loop);
    free(url);
    return e->code;
}
