#include "http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_REQUESTS = 64, REQUEST_SIZE = 65536 };

struct http_server {
    pthread_t          thread;
    pthread_mutex_t    lock; /* guards count and requests */
    int                listener;
    int                stop; /* eventfd: readable = end */
    int                kept; /* the connection that waits for one more request; -1 = none */
    char               url[64];
    struct http_reply *replies; /* a copy: the test that gave them may have ended before the last of them was sent */
    size_t             reply_count;
    size_t             count;
    char              *requests[MAX_REQUESTS];
};

static bool
is_stopping(struct http_server *s, int wait_ms)
{
    struct pollfd p = { .fd = s->stop, .events = POLLIN };
    return poll(&p, 1, wait_ms) > 0;
}

static bool
is_whole(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "\r\nContent-Length:");
    if (!end)
        return false;
    return strlen(end + 4) >= (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static char *
read_request(struct http_server *s, int fd)
{
    char  *request = calloc(1, REQUEST_SIZE);
    size_t len = 0;
    while (request && !is_whole(request) && len < REQUEST_SIZE - 1) {
        struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = s->stop, .events = POLLIN } };
        ssize_t       got;
        if (poll(p, 2, 5000) <= 0 || (p[1].revents & POLLIN))
            break;
        got = read(fd, request + len, REQUEST_SIZE - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    return request;
}

static void
send_all(struct http_server *s, int fd, const char *data, size_t len, bool is_dripped)
{
    while (len) {
        ssize_t sent = send(fd, data, is_dripped ? 1 : len, MSG_NOSIGNAL);
        if (sent <= 0 || (is_dripped && is_stopping(s, 20)))
            return;
        data += sent;
        len -= (size_t)sent;
    }
}

static void
send_reply(struct http_server *s, int fd, const struct http_reply *r)
{
    size_t len = r->filler ? r->filler : r->body ? strlen(r->body) : 0;
    char   head[4096];
    char  *filler = NULL;
    int    n = snprintf(head, sizeof(head), "HTTP/1.1 %d Whatever\r\nContent-Length: %zu\r\n%s%s\r\n", r->status, len + (r->is_cut ? 1 : 0),
                     r->is_kept ? "" : "Connection: close\r\n", r->headers ? r->headers : "Content-Type: application/json\r\n");
    if (r->filler) {
        filler = malloc(r->filler);
        memset(filler, 'x', r->filler);
    }
    send_all(s, fd, head, (size_t)n, false);
    if (r->status != 204)
        send_all(s, fd, filler ? filler : r->body ? r->body : "", len, r->is_dripped);
    free(filler);
}

/* Takes fd. */
static void
serve_one(struct http_server *s, int fd)
{
    char                    *request = fd < 0 ? NULL : read_request(s, fd);
    const struct http_reply *reply = NULL;

    pthread_mutex_lock(&s->lock);
    if (request && *request && s->count < MAX_REQUESTS) {
        reply = &s->replies[s->count < s->reply_count ? s->count : s->reply_count - 1];
        s->requests[s->count++] = request;
        request = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    free(request);
    if (reply && !reply->is_silent)
        send_reply(s, fd, reply);
    if (reply && reply->is_kept) {
        s->kept = fd;
    } else if (fd >= 0) {
        /* Closing with bytes unread would reset the connection and may take the reply with it. */
        shutdown(fd, SHUT_WR);
        close(fd);
    }
}

static int
take_kept(struct http_server *s)
{
    int fd = s->kept;

    s->kept = -1;
    return fd;
}

static void *
serve(void *arg)
{
    struct http_server *s = arg;
    struct pollfd       p[3] = { { .fd = s->listener, .events = POLLIN }, { .fd = s->stop, .events = POLLIN }, { .events = POLLIN } };

    for (p[2].fd = s->kept; poll(p, 3, -1) > 0 && !(p[1].revents & POLLIN); p[2].fd = s->kept)
        serve_one(s, p[2].revents ? take_kept(s) : accept(s->listener, NULL, NULL));
    return NULL;
}

struct http_server *
http_server_start(const struct http_reply *replies, size_t count)
{
    struct http_server *s = calloc(1, sizeof(*s));
    struct sockaddr_in  a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t           len = sizeof(a);
    s->replies = calloc(count, sizeof *replies);
    memcpy(s->replies, replies, count * sizeof *replies);
    s->reply_count = count;
    s->kept = -1;
    s->stop = eventfd(0, EFD_CLOEXEC);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_mutex_init(&s->lock, NULL);
    if (bind(s->listener, (struct sockaddr *)&a, sizeof(a)) || listen(s->listener, 16) ||
        getsockname(s->listener, (struct sockaddr *)&a, &len) || pthread_create(&s->thread, NULL, serve, s))
        abort();
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", ntohs(a.sin_port));
    return s;
}

void
http_server_stop(struct http_server *s)
{
    eventfd_write(s->stop, 1);
    pthread_join(s->thread, NULL);
    close(s->listener);
    close(s->stop);
    if (s->kept >= 0)
        close(s->kept);
    for (size_t i = 0; i < s->count; i++)
        free(s->requests[i]);
    pthread_mutex_destroy(&s->lock);
    free(s->replies);
    free(s);
}

const char *
http_server_url(const struct http_server *s)
{
    return s->url;
}

size_t
http_server_count(struct http_server *s)
{
    size_t count;
    pthread_mutex_lock(&s->lock);
    count = s->count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

const char *
http_server_request(struct http_server *s, size_t at)
{
    return at < http_server_count(s) ? s->requests[at] : "";
}
