/* orchd-bench-stamp: an agent that writes when it began: "JOB NANOSECONDS" to the end of the file named by its argument. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    struct timespec now;
    char            line[64];
    const char     *job = getenv("ORCH_JOB");
    int             fd, len;

    clock_gettime(CLOCK_MONOTONIC, &now);
    fd = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (fd < 0 || !job)
        return EXIT_FAILURE;
    len = snprintf(line, sizeof line, "%s %lld\n", job, (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    return write(fd, line, (size_t)len) == len && !close(fd) ? EXIT_SUCCESS : EXIT_FAILURE;
}
