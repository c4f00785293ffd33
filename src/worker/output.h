/* output: the end of what a command wrote into its log, for machines and for people. */
#ifndef ORCH_WORKER_OUTPUT_H
#define ORCH_WORKER_OUTPUT_H

#include <stddef.h>

/* The last bytes of a log, at most so many, NUL-ended; "" when it cannot be read. Caller frees. */
char *output_read_tail(const char *path, size_t most, size_t *len);

/* Each NUL becomes a space, so that what stands behind it is seen, too. */
void output_blank_nuls(char *text, size_t len);

/* The last line of a log that is not blank, printable. */
void output_last_words(char *out, size_t size, const char *path);

/* A piece of text without what a terminal would obey. Cuts no character in two. */
void output_show(char *out, size_t size, const char *from, const char *to);

#endif
