/* http_int: what the files of http/ share.
 *
 * Who frees what: a connection is evhttp's; conn_on_freed() tells us when it is gone. An evhttp_request is evhttp's until the handler was
 * called, then ours until evhttp_send_reply(), also when its connection ends in between (evhttp takes it off the connection for us). Only
 * evhttp_free() frees requests under our hands, so http_close() lets go of them first. */
#ifndef ORCH_HTTP_HTTP_INT_H
#define ORCH_HTTP_HTTP_INT_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "http/http.h"

enum { PARAMS_MAX = 4, ROUTES_MAX = 64, PROXIES_MAX = 32 };

#define HTTP_MAGIC    0x68747470u
#define REQUEST_MAGIC 0x72657175u
#define CONN_MAGIC    0x68636f6eu

struct route {
    const char *method;
    const char *pattern;
    http_fn    *fn;
    void       *arg;
};

/* The leading bits of an address; IPv4 in its mapped form. */
struct network {
    uint8_t  address[16];
    unsigned bits;
};

struct proxy_list {
    struct network networks[PROXIES_MAX];
    size_t         count;
};

/* One open connection, known from accept to close, also before evhttp has a request to show. */
struct conn {
    uint32_t             magic;
    struct http         *http;
    struct bufferevent  *bev;
    struct http_request *request; /* the one being answered, or NULL */
    struct loop_timer   *refusal; /* set for one that makes room for another until it was closed */
    int64_t              due_at;  /* clock_mono_ms() by which it must have gone on; 0 = it waits for us */
    LIST_ENTRY(conn) link;
};

struct param {
    const char *name; /* inside the pattern, name_len bytes */
    size_t      name_len;
    char       *value;
};

struct http_request {
    uint32_t               magic;
    struct http           *http; /* NULL after http_close() */
    struct evhttp_request *ev;   /* NULL after http_close() */
    struct conn           *conn; /* NULL once the client is gone */
    const char            *body;
    size_t                 body_len;
    struct param           params[PARAMS_MAX];
    size_t                 param_count;
    struct evkeyvalq       query;
    bool                   has_query; /* query was parsed */
    int64_t                arrived_us;
    char                   peer[64];
    http_pull_fn          *pull; /* set while it is answered in pieces */
    void                  *pull_arg;
    struct loop_timer     *notice; /* of a pull that is due in a later turn */
    LIST_ENTRY(http_request) link;
};

struct http {
    uint32_t                    magic;
    struct loop                *loop;
    struct evhttp              *ev;
    struct evhttp_bound_socket *listener; /* NULL once it stopped listening */
    struct loop_timer          *sweep;    /* runs while there are connections */
    int                         port;
    size_t                      max_body;
    int64_t                     timeout_ms;
    unsigned                    max_connections;
    struct proxy_list           trusted;
    bool                        reads_forwarded;
    char                       *base_path; /* "" or "/orchd" */
    unsigned                    connections;
    int64_t                     full_said_ms; /* clock_mono_ms() of the last line about too many; 0 = never */
    struct route                routes[ROUTES_MAX];
    size_t                      route_count;
    LIST_HEAD(, conn) conns;
    LIST_HEAD(, http_request) requests;
};

/* conn.c */
struct bufferevent *conn_on_new(struct event_base *base, void *arg); /* evhttp's bevcb */
struct conn        *conn_find(struct http *h, struct bufferevent *bev);
void                conn_expect(struct conn *c);                                /* its time starts anew */
void                conn_on_closed(struct evhttp_connection *evcon, void *arg); /* evhttp's closecb */
void                conn_forget(struct conn *c);

/* route.c */
enum { ROUTE_NONE = -1, ROUTE_OTHER_METHOD = -2 };
/* The index of the route, or why there is none; allow gets "GET, HEAD" and the like for ROUTE_OTHER_METHOD. Fills r->params. */
int  route_find(const struct http *h, struct http_request *r, const char *method, const char *path, char *allow, size_t allow_size);
void route_forget_params(struct http_request *r);

/* proxy.c */
int proxy_list_parse(struct proxy_list *out, const char *text, struct err *e); /* text may be NULL; ERR_INVALID names the word */
/* peer: the socket's other end; becomes the client when that is a trusted proxy and names one. */
void proxy_find_client(const struct proxy_list *list, bool reads_forwarded, struct evhttp_request *ev, char *peer, size_t size);

/* stream.c */
void stream_on_gone(struct http_request *r); /* its connection has ended */

/* request.c */
const char          *method_name(enum evhttp_cmd_type type); /* "" for an unknown one */
struct http_request *request_new(struct http *h, struct evhttp_request *ev);
void                 request_free(struct http_request *r);

#endif
