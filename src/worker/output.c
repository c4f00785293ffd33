#include "worker/output.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

enum { LAST_WORDS_MAX = 8 * 1024 };

void
output_show(char *out, size_t size, const char *from, const char *to)
{
    size_t n = 0;

    for (size_t step; from < to; from += step) {
        step = str_utf8_step(from, (size_t)(to - from));
        if (!step || (step == 1 && iscntrl((unsigned char)*from))) {
            step = 1;
            continue;
        }
        if (n + step >= size)
            break;
        memcpy(out + n, from, step);
        n += step;
    }
    out[n] = 0;
}

/* A link or a pipe that an agent put there is none of ours to read. */
char *
output_read_tail(const char *path, size_t most, size_t *len)
{
    int         fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char       *text;
    struct stat st = { 0 };
    bool        is_file = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode);
    ssize_t     n = 0;

    if (!is_file || st.st_size < (off_t)most)
        most = is_file ? (size_t)st.st_size : 0;
    text = xcalloc(1, most + 1);
    if (most)
        n = pread(fd, text, most, st.st_size - (off_t)most);
    if (fd >= 0)
        close(fd);
    *len = n > 0 ? (size_t)n : 0;
    text[*len] = 0;
    return text;
}

void
output_blank_nuls(char *text, size_t len)
{
    for (char *nul; (nul = memchr(text, 0, len));)
        *nul = ' ';
}

void
output_last_words(char *out, size_t size, const char *path)
{
    size_t      len;
    char       *text = output_read_tail(path, LAST_WORDS_MAX, &len);
    const char *end = text + len;
    const char *from;

    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    for (from = end; from > text && from[-1] != '\n';)
        from--;
    output_show(out, size, from, end);
    free(text);
}
