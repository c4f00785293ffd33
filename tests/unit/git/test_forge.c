/* The forge: what it may ask of us, what it may do to its branches, and that our token is for it alone. */
#include "rig.h"

#include "support/http_server.h"

#define ASKS_WHO "WWW-Authenticate: Basic realm=\"forge\"\r\n"

/* The pool again, with a token, and a forge that speaks HTTP. */
static void
use_http(struct rig *r, const char *url)
{
    struct git_options o = {
        .data_dir = r->data, .token = "s3cret", .author_name = "orchd", .author_email = "o@example.org", .threads = 1
    };
    struct err e = ERR_INIT;

    git_close(r->git);
    r->git = NULL;
    if (git_open(&r->git, r->loop, &o, &e))
        fail_msg("%s", e.text);
    r->target.clone_url = url;
}

static bool
was_given_token(struct http_server *s)
{
    bool was = false;
    for (size_t i = 0; i < http_server_count(s); i++)
        was = was || strstr(http_server_request(s, i), "Authorization: Basic");
    return was;
}

static void
a_forge__that_asks_is_given_the_token_once(void **state)
{
    static const struct http_reply reply = { .status = 401, .headers = ASKS_WHO };
    struct rig                    *r = CHECKED(*state, RIG_MAGIC);
    struct http_server            *s = http_server_start(&reply, 1);
    char                          *url = xasprintf("%s/acme/shop.git", http_server_url(s));

    use_http(r, url);
    assert_int_equal(rig_start(r), ERR_DENIED);
    assert_true(was_given_token(s));
    assert_true(http_server_count(s) <= 3);
    assert_null(strstr(r->err.text, "s3cret"));
    http_server_stop(s);
    free(url);
}

static void
a_forge__that_points_to_another_host_does_not_get_our_token_there(void **state)
{
    static const struct http_reply asks = { .status = 401, .headers = ASKS_WHO };
    struct rig                    *r = CHECKED(*state, RIG_MAGIC);
    struct http_server            *other = http_server_start(&asks, 1);
    char                          *headers =
        xasprintf("Location: http://localhost%s/acme/shop.git/info/refs?service=git-upload-pack\r\n", strrchr(http_server_url(other), ':'));
    struct http_reply   moved = { .status = 302, .headers = headers };
    struct http_server *s = http_server_start(&moved, 1);
    char               *url = xasprintf("%s/acme/shop.git", http_server_url(s));

    use_http(r, url);
    assert_int_not_equal(rig_start(r), 0);
    assert_true(http_server_count(s) > 0);
    assert_false(was_given_token(other));
    http_server_stop(s);
    http_server_stop(other);
    free(url);
    free(headers);
}

static void
a_forge__may_point_to_another_place_of_its_own(void **state)
{
    static const struct http_reply asks = { .status = 401, .headers = ASKS_WHO };
    struct rig                    *r = CHECKED(*state, RIG_MAGIC);
    struct http_server *new = http_server_start(&asks, 1);
    char               *headers = xasprintf("Location: %s/acme/renamed.git/info/refs?service=git-upload-pack\r\n", http_server_url(new));
    struct http_reply   moved = { .status = 301, .headers = headers };
    struct http_server *s = http_server_start(&moved, 1);
    char               *url = xasprintf("%s/acme/shop.git", http_server_url(s));

    use_http(r, url);
    assert_int_equal(rig_start(r), ERR_DENIED);
    assert_true(was_given_token(new));
    http_server_stop(s);
    http_server_stop(new);
    free(url);
    free(headers);
}

static void
a_forge__that_is_down_or_breaks_off_may_work_later(void **state)
{
    static const struct http_reply replies[] = { { .status = 503 }, { .status = 200, .is_cut = true } };
    struct rig                    *r = CHECKED(*state, RIG_MAGIC);
    struct http_server            *s = http_server_start(replies, 2);
    char                          *url = xasprintf("%s/acme/shop.git", http_server_url(s));

    use_http(r, url);
    assert_int_equal(rig_start(r), ERR_RETRY);
    assert_non_null(strstr(r->err.text, "503"));
    assert_int_equal(rig_start(r), ERR_RETRY);
    http_server_stop(s);
    assert_int_equal(rig_start(r), ERR_RETRY); /* nobody listens there any more */
    assert_non_null(strstr(r->err.text, "could not connect to 127.0.0.1"));
    free(url);
}

static void
a_forge__may_turn_a_branch_into_a_directory_of_branches_and_back(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_do(r, "git -C forge.git branch topic main");
    assert_int_equal(rig_start(r), 0);
    rig_do(r, "git -C forge.git branch -D topic; git -C forge.git branch topic/one main");
    if (rig_worktree(r))
        fail_msg("%s", r->err.text);
    rig_do(r, "git -C forge.git branch -D topic/one; git -C forge.git branch topic main");
    if (rig_worktree(r))
        fail_msg("%s", r->err.text);
    assert_sh(r, "git -C \"$M\" for-each-ref --format='%(refname)' refs/remotes/origin/topic", "refs/remotes/origin/topic");
}

static void
a_forge__that_refuses_a_push_is_quoted(void **state)
{
    struct rig *r = CHECKED(*state, RIG_MAGIC);

    rig_begin(r);
    rig_do(r, "cd \"$W\"; echo x >b; git add b; git commit -qm b; touch \"$HOME/forge.git/refs/heads/" RIG_BRANCH ".lock\"");
    assert_int_not_equal(rig_collect(r), 0);
    assert_non_null(strstr(r->err.text, RIG_BRANCH));
    rig_do(r, "rm \"$HOME/forge.git/refs/heads/" RIG_BRANCH ".lock\"");
    assert_int_equal(rig_collect(r), 0);
    assert_sh(r, "git -C forge.git rev-parse " RIG_BRANCH, r->head);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_forge__that_asks_is_given_the_token_once),
        RIG_TEST(a_forge__that_points_to_another_host_does_not_get_our_token_there),
        RIG_TEST(a_forge__may_point_to_another_place_of_its_own),
        RIG_TEST(a_forge__that_is_down_or_breaks_off_may_work_later),
        RIG_TEST(a_forge__may_turn_a_branch_into_a_directory_of_branches_and_back),
        RIG_TEST(a_forge__that_refuses_a_push_is_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
