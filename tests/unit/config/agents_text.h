/* agents_text: an agents file for one test, from a text. */
#ifndef ORCH_TEST_AGENTS_TEXT_H
#define ORCH_TEST_AGENTS_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

static char agents_path[64];

static inline const char *
agents_get_path(const char *name, void *arg)
{
    (void)arg;
    return strcmp(name, "ORCH_AGENTS_FILE") == 0 ? agents_path : NULL;
}

/* Loads the text as the agents file; the caller ends c. */
static inline int
load_text(struct config *c, const char *text, struct err *e)
{
    int fd;

    strcpy(agents_path, "/tmp/orch-agents-XXXXXX");
    fd = mkstemp(agents_path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    config_load(c, agents_get_path, NULL, e);
    unlink(agents_path);
    return e->code;
}

/* An entry that is refused, and words of the refusal. */
struct refusal {
    const char *entry, *why;
};

static inline void
expect_refused(const struct refusal *cases, size_t n, const char *before, const char *where)
{
    for (size_t i = 0; i < n; i++) {
        struct config c;
        struct err    e = ERR_INIT;
        char         *text = xasprintf("%s%s\n", before, cases[i].entry);

        assert_int_equal(load_text(&c, text, &e), ERR_INVALID);
        if (!strstr(e.text, cases[i].why) || !strstr(e.text, where))
            fail_msg("%s: %s", cases[i].entry, e.text);
        config_fini(&c);
        free(text);
    }
}

#endif
