/* err: why something could not be done, and what the caller can do about it.
 * The first error stands: err_set() on a set error asserts. Messages are lower case, without a full stop, name the kind of thing and
 * its quoted name, then the reason; "could not" may work next time, "cannot" never will. */
#ifndef ORCH_BASE_ERR_H
#define ORCH_BASE_ERR_H

#include <stdbool.h>

enum err_code {
    ERR_NONE = 0,
    ERR_RETRY,   /* may work later: the peer is away, busy or slow */
    ERR_GONE,    /* what was named is not there (any more): a stale run, a missing branch */
    ERR_DENIED,  /* the peer refused us: wrong token, no right */
    ERR_INVALID, /* the input is wrong and will stay wrong */
    ERR_BUG      /* should not happen: a broken promise of ours or of a peer */
};

struct err {
    enum err_code code;
    char          text[512];
};

#define ERR_INIT                                                                                                                           \
    {                                                                                                                                      \
        .code = ERR_NONE, .text = { 0 }                                                                                                    \
    }

/* Sets code and text. Asserts that e was clear. */
void err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text of a set error; the code stays. */
void err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forgets the error, for the caller that dealt with it. */
void err_clear(struct err *e);

/* "retry", "gone", … for logs. */
const char *err_code_name(enum err_code code);

#endif
