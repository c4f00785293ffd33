/* fetch: libcurl's multi interface, driven by the loop.
 * Curl tells which sockets it wants watched (on_want_socket) and when it wants to be called (on_want_timer); both become watches and
 * timers of the loop, whose callbacks hand the event back to curl and then collect what has ended. A caller's function is therefore
 * never called from inside curl, nor from inside fetch_start(). */
#include "fetch/fetch.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"

enum {
    FETCH_MAGIC = 0x66657463,       /* "fetc" */
    FETCH_CALL_MAGIC = 0x66636c6c,  /* "fcll" */
    FETCH_WATCH_MAGIC = 0x66776368, /* "fwch" */
    MAX_ANSWER = 4 * 1024 * 1024,
    MAX_TIMEOUT_MS = 3600 * 1000,
    MAX_CONNECTIONS = 64, /* twice what outbox and upkeep start side by side */
    DEFAULT_TIMEOUT = 20 * 1000,
    MAX_RETRY_AFTER = 86400 /* s */
};

struct fetch {
    uint32_t            magic;
    struct loop        *loop;
    CURLM              *multi;
    struct loop_timer  *timer; /* curl's own deadline; NULL = none asked for */
    struct fetch_call  *calls; /* list, newest first */
    struct fetch_watch *watches;
    char               *user_agent;
    char               *ca_file; /* NULL = none */
    int64_t             timeout_ms;
    bool                is_closed; /* only the turn's end keeps this memory */
};

/* One socket that curl wants watched. */
struct fetch_watch {
    uint32_t            magic;
    struct fetch       *fetch;
    struct loop_watch  *watch;
    struct fetch_watch *next, **back;
};

struct fetch_call {
    uint32_t           magic;
    struct fetch      *fetch;
    struct fetch_call *next, **back;
    CURL              *easy;
    struct curl_slist *headers;
    struct loop_timer *refusal_timer; /* delivers, in a later turn, the error of a request that could not be started */
    char              *label;
    char              *hidden_path, *hidden_query; /* what curl's own messages must not repeat; NULL = nothing */
    struct buf         body;
    size_t             max_bytes;
    bool               is_too_big;
    struct err         refusal;
    fetch_part_fn     *on_part; /* NULL: the body is kept */
    fetch_fn          *fn;
    void              *arg;
    char               why[CURL_ERROR_SIZE]; /* written by curl while the request is under way */
};

static void collect(struct fetch *f);

/* --- sockets and timers --------------------------------------------------------------------------------------------------------------- */

static void
on_socket(int fd, unsigned what, void *arg)
{
    struct fetch_watch *w = CHECKED(arg, FETCH_WATCH_MAGIC);
    struct fetch       *f = w->fetch;
    int                 ready = ((what & LOOP_READ) ? CURL_CSELECT_IN : 0) | ((what & LOOP_WRITE) ? CURL_CSELECT_OUT : 0);
    int                 running;
    if (f->is_closed)
        return;
    curl_multi_socket_action(f->multi, fd, ready, &running);
    collect(f);
}

static void
release_watch(void *arg)
{
    struct fetch_watch *w = CHECKED(arg, FETCH_WATCH_MAGIC);
    w->magic = 0;
    free(w);
}

static void
watch_stop(struct fetch_watch *w)
{
    loop_watch_stop(w->watch);
    w->watch = NULL;
    *w->back = w->next;
    if (w->next)
        w->next->back = w->back;
    loop_free_later(w->fetch->loop, release_watch, w);
}

static int
on_want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct fetch       *f = CHECKED(arg, FETCH_MAGIC);
    struct fetch_watch *w = socket_arg;
    unsigned            wanted = ((what & CURL_POLL_IN) ? LOOP_READ : 0U) | ((what & CURL_POLL_OUT) ? LOOP_WRITE : 0U);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            watch_stop(w);
        return 0;
    }
    if (w) {
        loop_watch_change(w->watch, wanted);
        return 0;
    }
    w = xcalloc(1, sizeof(*w));
    w->magic = FETCH_WATCH_MAGIC;
    w->fetch = f;
    w->next = f->watches;
    w->back = &f->watches;
    if (w->next)
        w->next->back = &w->next;
    f->watches = w;
    w->watch = loop_watch(f->loop, fd, wanted, on_socket, w);
    curl_multi_assign(f->multi, fd, w);
    return 0;
}

static void
on_timer(void *arg)
{
    struct fetch *f = CHECKED(arg, FETCH_MAGIC);
    int           running;
    f->timer = NULL;
    curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(f);
}

static int
on_want_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct fetch *f = CHECKED(arg, FETCH_MAGIC);
    (void)multi;
    loop_timer_stop(f->timer);
    f->timer = timeout_ms < 0 ? NULL : loop_after(f->loop, timeout_ms, on_timer, f);
    return 0;
}

/* Agents must not inherit connections to other people's APIs. */
static int
on_new_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)purpose;
    return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}

/* --- one call ------------------------------------------------------------------------------------------------------------------------- */

static void
free_call(struct fetch_call *c)
{
    *c->back = c->next;
    if (c->next)
        c->next->back = c->back;
    loop_timer_stop(c->refusal_timer);
    if (c->easy) {
        curl_multi_remove_handle(c->fetch->multi, c->easy);
        curl_easy_cleanup(c->easy);
    }
    curl_slist_free_all(c->headers);
    buf_fini(&c->body);
    free(c->label);
    free(c->hidden_path);
    free(c->hidden_query);
    c->magic = 0;
    free(c);
}

void
fetch_cancel(struct fetch_call *c)
{
    if (c)
        free_call(CHECKED(c, FETCH_CALL_MAGIC));
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
    struct fetch_call *c = CHECKED(arg, FETCH_CALL_MAGIC);
    size_t             len = size * count;
    long               status = 0;
    if (c->on_part && !curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status) && status / 100 == 2) {
        c->on_part(data, len, c->arg);
        return len;
    }
    if (len > c->max_bytes - c->body.len) {
        c->is_too_big = true;
        return CURL_WRITEFUNC_ERROR;
    }
    buf_add(&c->body, data, len);
    return len;
}

/* Curl's own words tell more than its code, but must not repeat what a label or a query hides. */
static const char *
reason(const struct fetch_call *c, CURLcode code)
{
    bool is_telling = c->hidden_path && strstr(c->why, c->hidden_path);
    is_telling |= c->hidden_query && strstr(c->why, c->hidden_query);
    return *c->why && !is_telling ? c->why : curl_easy_strerror(code);
}

static void
describe_failure(const struct fetch_call *c, CURLcode code, struct err *e)
{
    if (c->is_too_big)
        err_set(e, ERR_RETRY, "%s: answer is larger than %zu bytes", c->label, c->max_bytes);
    else if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        err_set(e, ERR_INVALID, "%s: cannot be asked: %s", c->label, curl_easy_strerror(code));
    else
        err_set(e, ERR_RETRY, "%s: could not get an answer: %s", c->label, reason(c, code));
}

static int64_t
retry_after_ms(CURL *easy)
{
    curl_off_t wait_s = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait_s);
    if (wait_s <= 0)
        return -1;
    return (int64_t)(wait_s > MAX_RETRY_AFTER ? MAX_RETRY_AFTER : wait_s) * 1000;
}

/* Answers the caller, then frees the call. Its handle is dead from here on; f may be closed afterwards. */
static void
end_call(struct fetch_call *c, CURLcode code)
{
    struct fetch_response r = { .retry_after_ms = -1, .content_type = "" };
    struct err            e = ERR_INIT;
    char                 *content_type = NULL;
    struct fetch         *f = c->fetch;
    *c->back = c->next;
    if (c->next)
        c->next->back = c->back;
    c->next = NULL;
    c->back = &c->next; /* out of the list: fetch_close() inside fn must not free it a second time */
    if (c->refusal.code) {
        e = c->refusal;
    } else if (code != CURLE_OK) {
        describe_failure(c, code, &e);
    } else {
        curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &r.status);
        curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &content_type);
        r.retry_after_ms = retry_after_ms(c->easy);
        r.content_type = content_type ? content_type : "";
        r.body = c->body.data ? c->body.data : "";
        r.len = c->body.len;
    }
    LOGD("fetch.ended", "request=%s status=%ld error=%s", log_quote(c->label), r.status, log_quote(e.text));
    if (c->easy)
        curl_multi_remove_handle(f->multi, c->easy);
    c->fn(e.code ? NULL : &r, e.code ? &e : NULL, c->arg);
    if (c->easy)
        curl_easy_cleanup(c->easy);
    c->easy = NULL;
    free_call(c);
}

static void
collect(struct fetch *f)
{
    CURLMsg *msg;
    int      left;
    while (!f->is_closed && (msg = curl_multi_info_read(f->multi, &left)) != NULL) {
        struct fetch_call *c = NULL;
        CURLcode           code = msg->data.result;
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&c);
        end_call(CHECKED(c, FETCH_CALL_MAGIC), code);
    }
}

static void
on_refusal(void *arg)
{
    struct fetch_call *c = CHECKED(arg, FETCH_CALL_MAGIC);
    c->refusal_timer = NULL;
    end_call(c, CURLE_OK);
}

/* --- starting ------------------------------------------------------------------------------------------------------------------------- */

static bool
is_method(const char *method)
{
    static const char *const known[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
    for (size_t i = 0; method && i < sizeof(known) / sizeof(*known); i++)
        if (str_equal(method, known[i]))
            return true;
    return false;
}

/* A line break in a header would be a second header, or a second request. */
static bool
is_one_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

/* Finds the request's printable name and refuses what is no http(s) URL. */
static int
read_url(struct fetch_call *c, const struct fetch_request *request, struct err *e)
{
    CURLU *url = curl_url();
    char  *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, *query = NULL, *user = NULL;
    CHECK(url);
    if (curl_url_set(url, CURLUPART_URL, request->url ? request->url : "", CURLU_NON_SUPPORT_SCHEME) ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) || curl_url_get(url, CURLUPART_HOST, &host, 0)) {
        c->label = xstrdup(request->label ? request->label : "request");
        err_set(e, ERR_INVALID, "%s: the address is not an URL", c->label);
        goto out;
    }
    curl_url_get(url, CURLUPART_PORT, &port, 0);
    curl_url_get(url, CURLUPART_PATH, &path, 0);
    curl_url_get(url, CURLUPART_QUERY, &query, 0);
    curl_url_get(url, CURLUPART_USER, &user, 0);
    c->label = request->label ? xstrdup(request->label)
                              : xasprintf("%s %s%s%s%s", request->method ? request->method : "?", host, port ? ":" : "", port ? port : "",
                                          path ? path : "/");
    if (request->label && path && strlen(path) > 1)
        c->hidden_path = xstrdup(path);
    if (query && *query)
        c->hidden_query = xstrdup(query);
    if (!str_equal(scheme, "http") && !str_equal(scheme, "https"))
        err_set(e, ERR_INVALID, "%s: the address begins with neither http:// nor https://", c->label);
    else if (user)
        err_set(e, ERR_INVALID, "%s: the address holds a user name", c->label);
out:
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(query);
    curl_free(user);
    curl_url_cleanup(url);
    return e->code;
}

static int
add_headers(struct fetch_call *c, const struct fetch_request *request, struct err *e)
{
    for (const char *const *h = request->headers; h && *h; h++) {
        if (!is_one_line(*h)) {
            err_set(e, ERR_INVALID, "%s: a header holds a control character", c->label);
            break;
        }
        c->headers = curl_slist_append(c->headers, *h);
        CHECK(c->headers);
    }
    /* Without this curl waits a second for "100 Continue" before it sends a larger body. */
    c->headers = curl_slist_append(c->headers, "Expect:");
    CHECK(c->headers);
    return e->code;
}

static void
set_up_body(struct fetch_call *c, const struct fetch_request *request)
{
    if (request->body || str_equal(request->method, "POST")) {
        curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->body ? request->len : 0));
        curl_easy_setopt(c->easy, CURLOPT_COPYPOSTFIELDS, request->body ? request->body : "");
    }
    /* libcurl sends a request once more when a connection that was there before ends without an answer; what may have been done then must not be
     * done again behind the back of whoever counts attempts. */
    if (str_equal(request->method, "POST"))
        curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
    if (!str_equal(request->method, "GET"))
        curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void
set_up_easy(struct fetch_call *c, const struct fetch_request *request)
{
    struct fetch *f = c->fetch;
    int64_t       timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : f->timeout_ms;
    c->easy = curl_easy_init();
    CHECK(c->easy);
    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->why);
    curl_easy_setopt(c->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c->easy, CURLOPT_PATH_AS_IS, 1L); /* "%2F" and dots in a branch name stay as they were written */
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, c->on_part ? CURLOPT_CONNECTTIMEOUT_MS : CURLOPT_TIMEOUT_MS,
                     (long)(timeout_ms > MAX_TIMEOUT_MS ? MAX_TIMEOUT_MS : timeout_ms));
    curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, c->on_part ? 1L : 0L); /* a peer that is gone is noticed all the same */
    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (f->ca_file)
        curl_easy_setopt(c->easy, CURLOPT_CAINFO, f->ca_file); /* the system's directory of authorities stays */
    curl_easy_setopt(c->easy, CURLOPT_USERAGENT, f->user_agent);
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
    set_up_body(c, request);
}

struct fetch_call *
fetch_start(struct fetch *f, const struct fetch_request *request, fetch_fn *fn, void *arg)
{
    struct fetch_call *c = xcalloc(1, sizeof(*c));
    CHECK(!f->is_closed);
    c->magic = FETCH_CALL_MAGIC;
    c->fetch = f;
    c->fn = fn;
    c->on_part = request->on_part;
    c->arg = arg;
    c->max_bytes = request->max_bytes ? request->max_bytes : MAX_ANSWER;
    c->next = f->calls;
    c->back = &f->calls;
    if (c->next)
        c->next->back = &c->next;
    f->calls = c;
    metric_add(METRIC_orchd_fetches_total, 1);
    if (read_url(c, request, &c->refusal))
        goto out;
    if (!is_method(request->method)) {
        err_set(&c->refusal, ERR_INVALID, "%s: the method is not one of GET, POST, PUT, PATCH and DELETE", c->label);
        goto out;
    }
    if (add_headers(c, request, &c->refusal))
        goto out;
    set_up_easy(c, request);
    CHECK(curl_multi_add_handle(f->multi, c->easy) == CURLM_OK);
out:
    if (c->refusal.code)
        c->refusal_timer = loop_after(f->loop, 0, on_refusal, c);
    return c;
}

/* --- opening and closing -------------------------------------------------------------------------------------------------------------- */

int
fetch_open(struct fetch **out, struct loop *l, const struct fetch_options *o, struct err *e)
{
    struct fetch *f = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
        err_set(e, ERR_BUG, "cannot set up libcurl");
        return e->code;
    }
    f = xcalloc(1, sizeof(*f));
    f->magic = FETCH_MAGIC;
    f->loop = l;
    f->multi = curl_multi_init();
    CHECK(f->multi);
    f->user_agent = xstrdup(o && o->user_agent ? o->user_agent : "orchd");
    f->ca_file = xstrdup(o ? o->ca_file : NULL);
    f->timeout_ms = o && o->timeout_ms > 0 ? o->timeout_ms : DEFAULT_TIMEOUT;
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_want_socket);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_want_timer);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)MAX_CONNECTIONS);
    *out = f;
    return 0;
}

static void
release_fetch(void *arg)
{
    struct fetch *f = CHECKED(arg, FETCH_MAGIC);
    f->magic = 0;
    free(f->user_agent);
    free(f->ca_file);
    free(f);
}

void
fetch_close(struct fetch *f)
{
    if (!f)
        return;
    while (f->calls)
        free_call(f->calls);
    curl_multi_cleanup(f->multi);
    f->multi = NULL;
    f->is_closed = true;
    while (f->watches)
        watch_stop(f->watches);
    loop_timer_stop(f->timer);
    f->timer = NULL;
    curl_global_cleanup();
    loop_free_later(f->loop, release_fetch, f);
}
