/* log: one event per line on stderr: time, level, room.event, ids in fixed order, then key=value; JSON by a setting.
 * Never a secret, never a payload. error: a person must act. warn: it healed itself. info: one line per state change.
 * Under systemd (JOURNAL_STREAM names our stderr) text lines carry the journal's <N> priority instead of time and level. */
#ifndef ORCH_BASE_LOG_H
#define ORCH_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Fields are printf text of the form: key=value key="two words". log_quote() makes a value safe. Example:
 *   LOGI("agent.term_sent", "run=%ld pid=%d why=%s", run, pid, log_quote(why)); */
void log_write(enum log_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define LOGD(event, ...) log_write(LOG_DEBUG, (event), __VA_ARGS__)
#define LOGI(event, ...) log_write(LOG_INFO, (event), __VA_ARGS__)
#define LOGW(event, ...) log_write(LOG_WARN, (event), __VA_ARGS__)
#define LOGE(event, ...) log_write(LOG_ERROR, (event), __VA_ARGS__)

/* Quotes a value: control characters escaped, cut at 300 bytes. One of eight static buffers per thread, valid until eight calls later. */
const char *log_quote(const char *value);

void log_setup(enum log_level lowest, bool as_json);

#endif
