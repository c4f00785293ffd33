/* health: whether this process can do its work, for monitors, load balancers and Prometheus. No token: nothing here names a task. */
#include "web/web_int.h"

#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/str.h"

void
web_add_block(struct web *w, const char *name, web_block_fn *fn, void *arg)
{
    CHECK(w->block_count < BLOCKS_MAX);
    w->blocks[w->block_count++] = (struct block){ name, fn, arg };
}

void
web_add_queue_block(struct web *w, const char *name, web_block_fn *fn, void *arg)
{
    CHECK(w->queue_block_count < BLOCKS_MAX);
    w->queue_blocks[w->queue_block_count++] = (struct block){ name, fn, arg };
}

void
web_set_draining(struct web *w, bool is_draining)
{
    w->is_draining = is_draining;
    if (is_draining) {
        web_end_watchers(w);
        web_end_readers(w);
    }
}

static struct json *
process_block(const struct web *w)
{
    struct json *process = json_new_object();

    json_set_int(process, "pid", getpid());
    json_set_str(process, "version", ORCH_VERSION);
    json_set_str(process, "started_at", clock_text_ms(w->started_us).text);
    json_set_int(process, "uptime_seconds", (clock_wall_us() - w->started_us) / 1000000);
    json_set_bool(process, "is_draining", w->is_draining);
    return process;
}

void
web_on_health(struct http_request *r, void *arg)
{
    struct web  *w = CHECKED(arg, WEB_MAGIC);
    struct json *health = json_new_object();
    struct json *database = json_new_object();
    bool         is_able = db_is_up(w->db);

    json_set_bool(database, "up", is_able);
    json_set(health, "process", process_block(w));
    json_set(health, "database", database);
    for (int i = 0; i < w->block_count; i++) {
        struct json *block = json_new_object();
        bool         is_ok = w->blocks[i].fn(block, w->blocks[i].arg);

        json_set_bool(block, "ok", is_ok);
        json_set(health, w->blocks[i].name, block);
        is_able = is_able && is_ok;
    }
    json_set_str(health, "status", is_able ? "ok" : "unable");
    web_reply_json(r, is_able ? 200 : 503, health);
}

void
web_on_ready(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);

    if (w->is_draining) {
        http_problem(r, 503, "Service Unavailable", "orchd is draining");
    } else if (!db_is_up(w->db)) {
        http_problem(r, 503, "Service Unavailable", "the database is away");
    } else {
        http_reply_text(r, 200, "application/json", "{\"status\":\"ready\"}");
    }
}

/* Resident pages are the second number of statm; 0 when it cannot be read. */
static double
resident_bytes(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    long  total = 0;
    long  pages = 0;

    if (!statm)
        return 0;
    if (fscanf(statm, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    fclose(statm);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

void
web_on_metrics(struct http_request *r, void *arg)
{
    struct web *w = CHECKED(arg, WEB_MAGIC);
    struct buf  out = { 0 };

    metric_set(METRIC_process_start_time_seconds, (double)w->started_us / 1e6);
    metric_set(METRIC_process_resident_memory_bytes, resident_bytes());
    metrics_render(&out);
    http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", out.data, out.len);
    buf_fini(&out);
}
