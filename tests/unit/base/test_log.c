#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

/* Everything that log writes goes into a file without a name; taken() answers what came since the last time. */
static FILE *sink;

static int
redirect(void **state)
{
    (void)state;
    sink = tmpfile();
    return sink && dup2(fileno(sink), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int
put_back(void **state)
{
    (void)state;
    return fclose(sink);
}

static const char *
taken(void)
{
    static char text[8192];
    ssize_t     got = pread(fileno(sink), text, sizeof text - 1, 0);

    assert_true(got >= 0);
    text[got] = '\0';
    assert_int_equal(ftruncate(fileno(sink), 0), 0);
    lseek(fileno(sink), 0, SEEK_SET);
    return text;
}

static void
log__writes_one_line_with_time_level_and_event(void **state)
{
    const char *line;

    (void)state;
    log_setup(LOG_INFO, false);
    LOGI("agent.term_sent", "run=%d why=%s", 7, log_quote("silent for 600 s"));
    line = taken();
    assert_int_equal(line[10], 'T');
    assert_int_equal(line[23], 'Z');
    assert_string_equal(line + 24, " info  agent.term_sent  run=7 why=\"silent for 600 s\"\n");
    LOGD("agent.seen", "run=%d", 7);
    assert_string_equal(taken(), "");
}

static void
log__stays_one_line_whatever_comes(void **state)
{
    char        long_text[5000];
    const char *line;

    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    log_setup(LOG_INFO, false);
    LOGW("http.odd", "path=%s raw=a\nb\x1b[31m\xFF text=%s", log_quote("a\n\"b\"\x01\xFF"), log_quote(long_text));
    line = taken();
    assert_non_null(strstr(line, "path=\"a\\n\\\"b\\\"\\u0001\\ufffd\" raw=a b [31m?"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_true(strlen(line) < 500);
    LOGW("http.odd", "%s", long_text);
    line = taken();
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void
log__quotes_only_what_needs_it(void **state)
{
    (void)state;
    assert_string_equal(log_quote("plain-1.2/x"), "plain-1.2/x");
    assert_string_equal(log_quote(""), "\"\"");
    assert_string_equal(log_quote("a=b"), "\"a=b\"");
    assert_string_equal(log_quote(NULL), "none");
}

static void
log__as_json_is_json(void **state)
{
    struct err   e = ERR_INIT;
    struct json *j;
    const char  *line;
    int64_t      run;

    (void)state;
    log_setup(LOG_INFO, true);
    LOGE("run.failed", "run=%d sha=%s why=%s bad=\"a\\qb\" zero=007 free text", 7, "1e5", log_quote("said \"no\"\n\xFF"));
    line = taken();
    j = json_parse(line, strlen(line), &e);
    assert_string_equal(e.text, "");
    assert_non_null(j);
    assert_string_equal(json_str(j, "level"), "error");
    assert_string_equal(json_str(j, "event"), "run.failed");
    assert_true(json_int(j, "run", &run));
    assert_int_equal(run, 7);
    assert_string_equal(json_str(j, "sha"), "1e5");
    assert_string_equal(json_str(j, "zero"), "007");
    assert_string_equal(json_str(j, "why"), "said \"no\"\n\xEF\xBF\xBD");
    assert_string_equal(json_str(j, "text"), "free text");
    json_free(j);
}

static void
log__under_systemd_carries_the_priority_instead(void **state)
{
    struct stat st;
    char        stream[80];

    (void)state;
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_setup(LOG_INFO, false);
    LOGW("db.lost", "why=gone");
    assert_string_equal(taken(), "<4>db.lost  why=gone\n");
    setenv("JOURNAL_STREAM", "1:1", 1);
    log_setup(LOG_INFO, false);
    LOGW("db.lost", "why=gone");
    assert_int_equal(taken()[4], '-');
    unsetenv("JOURNAL_STREAM");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log__writes_one_line_with_time_level_and_event),
        cmocka_unit_test(log__stays_one_line_whatever_comes),
        cmocka_unit_test(log__quotes_only_what_needs_it),
        cmocka_unit_test(log__as_json_is_json),
        cmocka_unit_test(log__under_systemd_carries_the_priority_instead),
    };
    return cmocka_run_group_tests(tests, redirect, put_back);
}
