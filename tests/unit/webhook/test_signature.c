/* Who knows the secret. The fixtures were signed by other programs than ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"
#include "webhook/webhook.h"

static const char *const plane_secrets[2] = { PLANE_SECRET, "" };
static const char *const gitea_secrets[2] = { GITEA_SECRET, NULL };

static const char *const plane_names[] = {
    "plane_issue_created", "plane_issue_updated", "plane_issue_updated_sort_order", "plane_issue_updated_via_api", "plane_comment_created",
};
static const char *const gitea_names[] = {
    "gitea_create_branch",
    "gitea_delete_branch",
    "gitea_pull_request_merged",
    "gitea_pull_request_opened",
    "gitea_pull_request_review_approved",
    "gitea_pull_request_synchronized",
    "gitea_push",
    "gitea_status_failure",
    "gitea_status_success",
};

static void
W1_signature__of_every_recorded_board_delivery_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plane_names / sizeof *plane_names; i++) {
        struct fixture f = fixture_load(plane_names[i]);

        assert_true(signature_holds(fixture_header(&f, "X-Plane-Signature"), NULL, plane_secrets, f.body.data, f.body.len));
        fixture_fini(&f);
    }
}

static void
W1_signature__of_every_recorded_forge_delivery_holds_in_both_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof gitea_names / sizeof *gitea_names; i++) {
        struct fixture f = fixture_load(gitea_names[i]);

        assert_true(signature_holds(fixture_header(&f, "X-Gitea-Signature"), NULL, gitea_secrets, f.body.data, f.body.len));
        assert_true(signature_holds(fixture_header(&f, "X-Hub-Signature-256"), "sha256=", gitea_secrets, f.body.data, f.body.len));
        fixture_fini(&f);
    }
}

static void
W1_signature__of_one_changed_byte_does_not_hold(void **state)
{
    struct fixture f = fixture_load("plane_issue_updated");

    (void)state;
    f.body.data[f.body.len / 2] ^= 1;
    assert_false(signature_holds(fixture_header(&f, "X-Plane-Signature"), NULL, plane_secrets, f.body.data, f.body.len));
    fixture_fini(&f);
}

static void
W1_signature__holds_with_either_of_two_secrets_and_with_no_third(void **state)
{
    const char *const rotated[2] = { "the new one", PLANE_SECRET };
    const char *const others[2] = { "the new one", "another" };
    struct fixture    f = fixture_load("plane_issue_created");
    const char       *text = fixture_header(&f, "X-Plane-Signature");

    (void)state;
    assert_true(signature_holds(text, NULL, rotated, f.body.data, f.body.len));
    assert_false(signature_holds(text, NULL, others, f.body.data, f.body.len));
    fixture_fini(&f);
}

static void
W1_signature__with_an_empty_secret_never_holds(void **state)
{
    /* HMAC-SHA256 of nothing with the empty key: what a forge without a secret could be imagined to send. */
    const char       *text = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
    const char *const none[2] = { "", NULL };

    (void)state;
    assert_false(signature_holds(text, NULL, none, "", 0));
}

static void
W7_signature__that_is_absent_or_empty_or_odd_never_holds(void **state)
{
    static const char *const odd[] = { "", "sha256=", "00", "zz", " ", "sha256=zz" };

    (void)state;
    assert_false(signature_holds(NULL, NULL, plane_secrets, "x", 1));
    assert_false(signature_holds(NULL, "sha256=", plane_secrets, "x", 1));
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_false(signature_holds(odd[i], NULL, plane_secrets, "x", 1));
        assert_false(signature_holds(odd[i], "sha256=", plane_secrets, "x", 1));
    }
}

static void
W7_signature__takes_a_prefix_only_where_it_belongs(void **state)
{
    struct fixture f = fixture_load("gitea_push");

    (void)state;
    assert_false(signature_holds(fixture_header(&f, "X-Hub-Signature-256"), NULL, gitea_secrets, f.body.data, f.body.len));
    assert_false(signature_holds(fixture_header(&f, "X-Gitea-Signature"), "sha256=", gitea_secrets, f.body.data, f.body.len));
    assert_false(signature_holds(fixture_header(&f, "X-Hub-Signature"), "sha1=", gitea_secrets, f.body.data, f.body.len));
    fixture_fini(&f);
}

static void
W7_signature__agrees_with_the_vector_that_GitHub_publishes(void **state)
{
    const char *const secrets[2] = { "It's a Secret to Everybody", NULL };
    const char       *text = "sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17";

    (void)state;
    assert_true(signature_holds(text, "sha256=", secrets, "Hello, World!", 13));
}

static void
digest__is_sha256_in_lower_case_hex(void **state)
{
    (void)state;
    assert_string_equal(signature_digest("abc", 3).text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(W1_signature__of_every_recorded_board_delivery_holds),
        cmocka_unit_test(W1_signature__of_every_recorded_forge_delivery_holds_in_both_forms),
        cmocka_unit_test(W1_signature__of_one_changed_byte_does_not_hold),
        cmocka_unit_test(W1_signature__holds_with_either_of_two_secrets_and_with_no_third),
        cmocka_unit_test(W1_signature__with_an_empty_secret_never_holds),
        cmocka_unit_test(W7_signature__that_is_absent_or_empty_or_odd_never_holds),
        cmocka_unit_test(W7_signature__takes_a_prefix_only_where_it_belongs),
        cmocka_unit_test(W7_signature__agrees_with_the_vector_that_GitHub_publishes),
        cmocka_unit_test(digest__is_sha256_in_lower_case_hex),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
