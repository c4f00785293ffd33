/* From other people's JSON to one normal form: every spelling that the board and the forge have, W7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"
#include "webhook/webhook.h"
#include "webhook/webhook_int.h"

#define ISSUE   "a7b3e1f0-2c4d-4e6f-8a90-1b2c3d4e5f60"
#define PROJECT "5d0c6a3e-9b1f-4c64-9f0a-7e2b8d4c1a22"
#define ALICE   "11111111-aaaa-4bbb-8ccc-000000000001"

/* The facts of in, by path. */
#define FACT_IS(in, path, text) assert_string_equal(json_str((in).facts, (path)), (text))

static struct json *
parse(const char *text, size_t len)
{
    struct err   e = ERR_INIT;
    struct json *j = json_parse(text, len, &e);

    if (!j)
        fail_msg("%s", e.text);
    return j;
}

static struct inbound
from_plane(const char *text)
{
    struct inbound  in = { 0 };
    struct delivery d = { .event = "issue", .id = "ignored", .body = text, .len = strlen(text) };
    struct json    *j = parse(text, d.len);

    inbound_from_plane(&in, &d, j);
    json_free(j);
    return in;
}

static struct inbound
from_forge(const char *source, const char *event, const char *text)
{
    struct inbound  in = { 0 };
    struct delivery d = { .event = event, .id = "id-1", .body = text, .len = strlen(text) };
    struct json    *j = parse(text, d.len);

    inbound_from_forge(&in, source, &d, j);
    json_free(j);
    return in;
}

static struct inbound
recorded(const char *name)
{
    struct inbound  in = { 0 };
    struct fixture  f = fixture_load(name);
    bool            is_plane = str_starts(name, "plane");
    struct json    *j = parse(f.body.data, f.body.len);
    char           *event = xstrdup(fixture_header(&f, is_plane ? "X-Plane-Event" : "X-Gitea-Event"));
    struct delivery d = { .event = event, .body = f.body.data, .len = f.body.len };

    d.id = fixture_header(&f, is_plane ? "X-Plane-Delivery" : "X-Gitea-Delivery");
    if (is_plane)
        inbound_from_plane(&in, &d, j);
    else
        inbound_from_forge(&in, "gitea", &d, j);
    json_free(j);
    free(event);
    fixture_fini(&f);
    return in;
}

static void
plane__tells_what_a_created_issue_says(void **state)
{
    struct inbound in = recorded("plane_issue_created");
    int64_t        sequence = 0;

    (void)state;
    assert_string_equal(in.source, "plane");
    assert_string_equal(in.kind, "issue");
    FACT_IS(in, "action", "created");
    FACT_IS(in, "issue_id", ISSUE);
    FACT_IS(in, "project_id", PROJECT);
    FACT_IS(in, "workspace_id", "2b1d8a54-7a4e-4f0c-8d57-3f6f0a9e1c11");
    FACT_IS(in, "state_id", "33333333-aaaa-4bbb-8ccc-000000000002");
    FACT_IS(in, "title", "Add retry to the push step \u2192 flaky network");
    FACT_IS(in, "description", "Retry up to 3 times & log each try.");
    FACT_IS(in, "updated_at", "2026-03-02T09:15:00.240111Z");
    assert_true(json_int(in.facts, "sequence_id", &sequence));
    assert_int_equal(sequence, 42);
    assert_int_equal(json_len(json_at(in.facts, "labels")), 2);
    assert_string_equal(json_str(json_item(json_at(in.facts, "labels"), 0), ""), "agent");
    assert_null(json_str(in.facts, "field"));
    assert_null(json_str(in.facts, "updated_by"));
    inbound_fini(&in);
}

static void
W7_plane__reads_a_drag_in_the_web_app_and_one_by_REST_alike(void **state)
{
    struct inbound web = recorded("plane_issue_updated");
    struct inbound rest = recorded("plane_issue_updated_via_api");

    (void)state;
    FACT_IS(web, "field", "state");
    FACT_IS(rest, "field", "state");
    FACT_IS(web, "action", "updated");
    FACT_IS(web, "state_id", "33333333-aaaa-4bbb-8ccc-000000000003");
    FACT_IS(web, "new_value", "33333333-aaaa-4bbb-8ccc-000000000003");
    FACT_IS(web, "actor_id", ALICE);
    FACT_IS(web, "updated_by", ALICE);
    FACT_IS(rest, "actor_id", "11111111-aaaa-4bbb-8ccc-000000000002");
    inbound_fini(&web);
    inbound_fini(&rest);
}

static void
W7_plane__tells_the_second_delivery_of_a_drag_from_the_first(void **state)
{
    struct inbound in = recorded("plane_issue_updated_sort_order");

    (void)state;
    FACT_IS(in, "field", "sort_order");
    inbound_fini(&in);
}

static void
W2_plane__takes_the_digest_of_the_body_as_key(void **state)
{
    struct inbound in = from_plane("{\"event\":\"issue\"}");

    (void)state;
    assert_string_equal(in.delivery_key, signature_digest("{\"event\":\"issue\"}", 17).text);
    inbound_fini(&in);
}

static void
W7_plane__knows_every_spelling_of_an_action(void **state)
{
    static const char *const spellings[][2] = {
        { "create", "created" }, { "created", "created" }, { "POST", "created" },    { "update", "updated" }, { "updated", "updated" },
        { "PATCH", "updated" },  { "delete", "deleted" },  { "deleted", "deleted" }, { "DELETE", "deleted" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        char          *text = xasprintf("{\"event\":\"issue\",\"action\":\"%s\",\"data\":{\"id\":\"i\"}}", spellings[i][0]);
        struct inbound in = from_plane(text);

        FACT_IS(in, "action", spellings[i][1]);
        inbound_fini(&in);
        free(text);
    }
}

static void
W7_plane__finds_the_status_in_each_of_its_places(void **state)
{
    static const char *const bodies[] = {
        "{\"event\":\"issue\",\"data\":{\"state\":{\"id\":\"s1\",\"name\":\"STOP\"}}}",
        "{\"event\":\"issue\",\"data\":{\"state\":\"s1\"}}",
        "{\"event\":\"issue\",\"data\":{\"state_id\":\"s1\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct inbound in = from_plane(bodies[i]);

        FACT_IS(in, "state_id", "s1");
        inbound_fini(&in);
    }
}

static void
W7_plane__takes_a_delete_that_has_only_an_id(void **state)
{
    struct inbound in = from_plane("{\"event\":\"issue\",\"action\":\"deleted\",\"data\":{\"id\":\"i9\"},\"activity\":{\"field\":null}}");

    (void)state;
    FACT_IS(in, "issue_id", "i9");
    FACT_IS(in, "action", "deleted");
    assert_null(json_at(in.facts, "state_id"));
    inbound_fini(&in);
}

static void
W7_plane__prefers_identifiers_to_the_names_of_old_releases(void **state)
{
    struct inbound in = from_plane("{\"event\":\"issue\",\"activity\":{\"field\":\"state\",\"new_value\":\"Done\",\"old_value\":\"Todo\","
                                   "\"new_identifier\":\"s2\",\"old_identifier\":\"s1\"}}");

    (void)state;
    FACT_IS(in, "new_value", "s2");
    FACT_IS(in, "old_value", "s1");
    inbound_fini(&in);
}

static void
W7_plane__spells_label_changes_one_way(void **state)
{
    struct inbound in = from_plane("{\"event\":\"issue\",\"activity\":{\"field\":\"label_ids\",\"new_value\":[\"l1\"]}}");

    (void)state;
    FACT_IS(in, "field", "labels");
    assert_int_equal(json_len(json_at(in.facts, "new_value")), 1);
    inbound_fini(&in);
}

static void
plane__reads_a_comment_as_plain_text(void **state)
{
    struct inbound in = recorded("plane_comment_created");

    (void)state;
    assert_string_equal(in.kind, "issue_comment");
    FACT_IS(in, "issue_id", ISSUE);
    FACT_IS(in, "project_id", PROJECT);
    FACT_IS(in, "comment_id", "c1d2e3f4-a5b6-4789-9c0d-e1f2a3b4c5d6");
    FACT_IS(in, "text", "Please also cover the SSH remote.");
    FACT_IS(in, "actor_id", ALICE);
    inbound_fini(&in);
}

static void
W6_plane__survives_bodies_without_anything_in_them(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"event\":7,\"data\":[],\"activity\":\"x\"}",
        "{\"event\":\"issue\",\"data\":null,\"activity\":null}",
        "{\"event\":\"issue_comment\",\"data\":{\"issue\":5,\"comment_html\":null}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct inbound in = from_plane(bodies[i]);

        assert_non_null(in.facts);
        assert_non_null(in.kind);
        inbound_fini(&in);
    }
}

static void
W7_plane__scrubs_the_NUL_that_Postgres_cannot_keep(void **state)
{
    struct inbound in = from_plane("{\"event\":\"issue\",\"data\":{\"name\":\"a\\u0000b\"}}");

    (void)state;
    FACT_IS(in, "title", "a\uFFFDb");
    inbound_fini(&in);
}

static void
gitea__reads_a_commit_status(void **state)
{
    struct inbound in = recorded("gitea_status_failure");

    (void)state;
    assert_string_equal(in.source, "gitea");
    assert_string_equal(in.kind, "status");
    FACT_IS(in, "repo", "acme/orchestrator");
    FACT_IS(in, "sha", "9a8b7c6d5e4f30211223344556677889900aabbc");
    FACT_IS(in, "state", "failure");
    FACT_IS(in, "context", "CI / build (pull_request)");
    FACT_IS(in, "updated_at", "2026-03-02T11:01:43Z");
    inbound_fini(&in);
    in = recorded("gitea_status_success");
    FACT_IS(in, "state", "success");
    inbound_fini(&in);
}

static void
W2_gitea__takes_the_delivery_id_as_key_and_the_digest_where_it_is_none(void **state)
{
    struct inbound  in = recorded("gitea_status_success");
    struct delivery d = { .event = "push", .id = "'; drop table", .body = "{}", .len = 2 };
    struct json    *j = parse("{}", 2);

    (void)state;
    assert_string_equal(in.delivery_key, "b1c2d3e4-0008-4f5a-8b6c-7d8e9f0a1b08");
    inbound_fini(&in);
    inbound_from_forge(&in, "gitea", &d, j);
    assert_string_equal(in.delivery_key, signature_digest("{}", 2).text);
    inbound_fini(&in);
    json_free(j);
}

static void
gitea__reads_a_push_and_branches_that_come_and_go(void **state)
{
    struct inbound in = recorded("gitea_push");

    (void)state;
    assert_string_equal(in.kind, "push");
    FACT_IS(in, "ref", "refs/heads/orch/ORCH-42-retry-push");
    FACT_IS(in, "after", "9a8b7c6d5e4f30211223344556677889900aabbc");
    FACT_IS(in, "pusher", "orch-bot");
    inbound_fini(&in);
    in = recorded("gitea_delete_branch");
    assert_string_equal(in.kind, "delete");
    FACT_IS(in, "ref", "orch/ORCH-42-retry-push");
    FACT_IS(in, "ref_type", "branch");
    inbound_fini(&in);
    in = recorded("gitea_create_branch");
    assert_string_equal(in.kind, "create");
    FACT_IS(in, "repo", "acme/orchestrator");
    inbound_fini(&in);
}

static void
gitea__tells_a_merged_pull_request_by_its_flag(void **state)
{
    struct inbound in = recorded("gitea_pull_request_merged");
    int64_t        number = 0;

    (void)state;
    assert_string_equal(in.kind, "pull_request");
    FACT_IS(in, "action", "closed");
    assert_true(json_bool(in.facts, "merged"));
    assert_true(json_int(in.facts, "number", &number));
    assert_int_equal(number, 7);
    FACT_IS(in, "merge_commit_sha", "c0ffee00112233445566778899aabbccddeeff00");
    FACT_IS(in, "head_ref", "orch/ORCH-42-retry-push");
    FACT_IS(in, "base_ref", "main");
    inbound_fini(&in);
    in = recorded("gitea_pull_request_opened");
    FACT_IS(in, "action", "opened");
    assert_false(json_bool(in.facts, "merged"));
    inbound_fini(&in);
    in = recorded("gitea_pull_request_synchronized");
    FACT_IS(in, "action", "synchronized");
    FACT_IS(in, "head_sha", "77665544332211009988aabbccddeeff00112233");
    inbound_fini(&in);
}

static void
W7_gitea__reads_reviews_under_the_event_names_they_really_have(void **state)
{
    struct inbound in = recorded("gitea_pull_request_review_approved");

    (void)state;
    assert_string_equal(in.kind, "pull_request_approved");
    FACT_IS(in, "action", "reviewed");
    FACT_IS(in, "head_ref", "orch/ORCH-42-retry-push");
    inbound_fini(&in);
}

static void
W7_github__synchronize_is_the_same_as_synchronized(void **state)
{
    struct inbound in = from_forge("github", "pull_request",
                                   "{\"action\":\"synchronize\",\"pull_request\":{\"number\":3,\"head\":{\"ref\":\"b\",\"sha\":\"s\"}}}");

    (void)state;
    assert_string_equal(in.source, "github");
    FACT_IS(in, "action", "synchronized");
    FACT_IS(in, "head_ref", "b");
    inbound_fini(&in);
}

static void
W6_forge__survives_events_that_nobody_knows(void **state)
{
    struct inbound in = from_forge("gitea", "Robert'); --", "{\"repository\":{\"full_name\":\"a/b\"}}");

    (void)state;
    assert_string_equal(in.kind, "unknown");
    FACT_IS(in, "repo", "a/b");
    inbound_fini(&in);
    in = from_forge("github", NULL, "{}");
    assert_string_equal(in.kind, "unknown");
    inbound_fini(&in);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plane__tells_what_a_created_issue_says),
        cmocka_unit_test(W7_plane__reads_a_drag_in_the_web_app_and_one_by_REST_alike),
        cmocka_unit_test(W7_plane__tells_the_second_delivery_of_a_drag_from_the_first),
        cmocka_unit_test(W2_plane__takes_the_digest_of_the_body_as_key),
        cmocka_unit_test(W7_plane__knows_every_spelling_of_an_action),
        cmocka_unit_test(W7_plane__finds_the_status_in_each_of_its_places),
        cmocka_unit_test(W7_plane__takes_a_delete_that_has_only_an_id),
        cmocka_unit_test(W7_plane__prefers_identifiers_to_the_names_of_old_releases),
        cmocka_unit_test(W7_plane__spells_label_changes_one_way),
        cmocka_unit_test(plane__reads_a_comment_as_plain_text),
        cmocka_unit_test(W6_plane__survives_bodies_without_anything_in_them),
        cmocka_unit_test(W7_plane__scrubs_the_NUL_that_Postgres_cannot_keep),
        cmocka_unit_test(gitea__reads_a_commit_status),
        cmocka_unit_test(W2_gitea__takes_the_delivery_id_as_key_and_the_digest_where_it_is_none),
        cmocka_unit_test(gitea__reads_a_push_and_branches_that_come_and_go),
        cmocka_unit_test(gitea__tells_a_merged_pull_request_by_its_flag),
        cmocka_unit_test(W7_gitea__reads_reviews_under_the_event_names_they_really_have),
        cmocka_unit_test(W7_github__synchronize_is_the_same_as_synchronized),
        cmocka_unit_test(W6_forge__survives_events_that_nobody_knows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
