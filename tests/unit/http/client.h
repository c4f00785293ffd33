/* client: a plain HTTP client for tests, on a thread of its own while the test's thread runs the loop. The thread asserts nothing: it
 * collects, and the test judges afterwards. Every wait has a deadline. */
#ifndef ORCH_TESTS_HTTP_CLIENT_H
#define ORCH_TESTS_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "loop/loop.h"

enum { CLIENT_WAIT_S = 60 };

struct answer {
    int  status; /* 0 = the connection ended or the deadline passed first */
    char head[4096];
    char body[65536];
};

static inline int
client_connect(int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct timeval     wait = { .tv_sec = CLIENT_WAIT_S };
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline bool
client_send(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static inline bool
client_say(int fd, const char *text)
{
    return client_send(fd, text, strlen(text));
}

/* The value of a header in an answer's head, up to the line's end, in a static buffer; "" when absent. */
static inline const char *
answer_header(const struct answer *a, const char *name)
{
    static char value[512];
    const char *at = a->head;

    value[0] = '\0';
    while ((at = strstr(at, "\r\n"))) {
        at += 2;
        if (strncasecmp(at, name, strlen(name)) || at[strlen(name)] != ':')
            continue;
        at += strlen(name) + 1;
        at += strspn(at, " ");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
        break;
    }
    return value;
}

/* Reads one answer; has_body is false after HEAD. */
static inline void
client_read(int fd, struct answer *a, bool has_body)
{
    size_t head = 0;
    size_t body = 0;
    size_t want;

    memset(a, 0, sizeof *a);
    while (head < sizeof a->head - 1 && !strstr(a->head, "\r\n\r\n"))
        if (recv(fd, a->head + head++, 1, 0) != 1)
            return;
    want = has_body ? (size_t)atol(answer_header(a, "Content-Length")) : 0;
    while (body < want && body < sizeof a->body - 1) {
        ssize_t n = recv(fd, a->body + body, want - body, 0);

        if (n <= 0)
            return;
        body += (size_t)n;
    }
    sscanf(a->head, "HTTP/1.1 %d", &a->status);
}

/* Whether the other end has closed, waiting for it up to the deadline. */
static inline bool
client_sees_end(int fd)
{
    char    byte;
    ssize_t n = recv(fd, &byte, 1, 0);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

/* One request on a connection of its own. */
static inline void
client_ask(int port, const char *request, size_t len, struct answer *a)
{
    int fd = client_connect(port);

    memset(a, 0, sizeof *a);
    if (fd < 0)
        return;
    if (client_send(fd, request, len))
        client_read(fd, a, strncmp(request, "HEAD", 4) != 0);
    close(fd);
}

struct client_run {
    void (*fn)(void *arg);
    void        *arg;
    struct loop *loop;
};

static inline void
client_on_over(void *arg)
{
    loop_quit(arg);
}

static inline void *
client_thread(void *arg)
{
    struct client_run *run = arg;

    run->fn(run->arg);
    loop_post(run->loop, client_on_over, run->loop);
    return NULL;
}

/* Runs fn(arg) on a thread and the loop here, until fn returns. */
static inline void
client_run(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct client_run run = { fn, arg, l };
    pthread_t         thread;

    if (pthread_create(&thread, NULL, client_thread, &run))
        abort();
    loop_run(l);
    pthread_join(thread, NULL);
}

#endif
