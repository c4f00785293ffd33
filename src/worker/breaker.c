#include "worker/breaker.h"

#include "base/check.h"
#include "base/log.h"

static const char *const names[] = { "closed", "open", "half-open", "probing" };

const char *
breaker_state_name(enum breaker_state s)
{
    return names[s];
}

static bool
breaker_enter(struct breaker *b, const char *agent, enum breaker_state next, int64_t run)
{
    static const bool is_legal[4][4] = {
        [BREAKER_CLOSED] = { [BREAKER_OPEN] = true },
        [BREAKER_OPEN] = { [BREAKER_HALF_OPEN] = true },
        [BREAKER_HALF_OPEN] = { [BREAKER_PROBING] = true },
        [BREAKER_PROBING] = { [BREAKER_CLOSED] = true, [BREAKER_OPEN] = true, [BREAKER_HALF_OPEN] = true },
    };

    CHECK(is_legal[b->state][next]);
    if (next == BREAKER_OPEN)
        LOGW("worker.breaker", "run=%lld agent=%s from=%s to=open pause_ms=%lld", (long long)run, agent, names[b->state],
             (long long)b->pause_ms);
    else
        LOGI("worker.breaker", "run=%lld agent=%s from=%s to=%s", (long long)run, agent, names[b->state], names[next]);
    b->state = next;
    b->probe = next == BREAKER_PROBING ? run : 0;
    return true;
}

bool
breaker_may_take(const struct breaker *b)
{
    return b->state == BREAKER_CLOSED || b->state == BREAKER_HALF_OPEN;
}

bool
breaker_tick(struct breaker *b, const char *agent, int64_t now_ms)
{
    if (b->state != BREAKER_OPEN || now_ms < b->until_ms)
        return false;
    return breaker_enter(b, agent, BREAKER_HALF_OPEN, 0);
}

bool
breaker_take(struct breaker *b, const char *agent, int64_t run)
{
    if (b->state == BREAKER_HALF_OPEN)
        return breaker_enter(b, agent, BREAKER_PROBING, run);
    return b->state == BREAKER_CLOSED;
}

static bool
open_it(struct breaker *b, const char *agent, const struct breaker_rules *rules, int64_t run, int64_t wait_ms, int64_t now_ms)
{
    int64_t pause = b->state == BREAKER_PROBING ? b->pause_ms * 2 : rules->pause_ms;

    if (pause > rules->pause_most_ms)
        pause = rules->pause_most_ms;
    b->pause_ms = pause;
    b->until_ms = now_ms + (wait_ms > pause ? wait_ms : pause);
    b->failures = 0;
    return breaker_enter(b, agent, BREAKER_OPEN, run);
}

bool
breaker_end(struct breaker *b, const char *agent, const struct breaker_rules *rules, int64_t run, enum breaker_verdict verdict,
            int64_t wait_ms, int64_t now_ms)
{
    if (b->state == BREAKER_PROBING && run == b->probe) {
        if (verdict == BREAKER_TRANSIENT)
            return open_it(b, agent, rules, run, wait_ms, now_ms);
        return breaker_enter(b, agent, verdict == BREAKER_WORKED ? BREAKER_CLOSED : BREAKER_HALF_OPEN, run);
    }
    if (b->state != BREAKER_CLOSED || verdict == BREAKER_NO_VERDICT)
        return false;
    b->failures = verdict == BREAKER_TRANSIENT ? b->failures + 1 : 0;
    if (!rules->failures || b->failures < rules->failures)
        return false;
    return open_it(b, agent, rules, run, wait_ms, now_ms);
}
