/* Evidence: a verdict is what the front matter says, plainly; everything else is an error with a name, never a pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "pipeline/pipeline.h"

static void
assert_front_matter(const char *text, const char *expected)
{
    struct err   e = ERR_INIT;
    struct json *found = front_matter_parse(text, &e);
    if (!found)
        fail_msg("%s: %s", text, e.text);
    assert_string_equal(json_text(found), expected);
    json_free(found);
}

/* Refused, with a reason that contains why. */
static void
assert_refused(const char *text, const char *why)
{
    struct err   e = ERR_INIT;
    struct json *found = front_matter_parse(text, &e);
    if (found)
        fail_msg("taken: %s", json_text(found));
    assert_int_equal(e.code, ERR_INVALID);
    if (!strstr(e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void
G1_front_matter__is_read(void **state)
{
    (void)state;
    assert_front_matter("---\nverdict: APPROVED\n---\n# Review\n", "{\"verdict\":\"APPROVED\"}");
    assert_front_matter("---\nverdict: APPROVED\n---", "{\"verdict\":\"APPROVED\"}");
    assert_front_matter("---\nverdict: APPROVED\n...\nverdict: REJECTED\n", "{\"verdict\":\"APPROVED\"}");
    assert_front_matter("---\nverdict: \"PASS\"  # why\nby: 'me'\n---\n", "{\"verdict\":\"PASS\",\"by\":\"me\"}");
    assert_front_matter("---\n# only\nverdict: PASS\n\n---\n---\nverdict: FAIL\n---\n", "{\"verdict\":\"PASS\"}");
}

static void
G1_front_matter__tolerates_how_editors_save(void **state)
{
    (void)state;
    assert_front_matter("\xEF\xBB\xBF---\nverdict: PASS\n---\n", "{\"verdict\":\"PASS\"}");
    assert_front_matter("---\r\nverdict: PASS\r\n---\r\ntext\r\n", "{\"verdict\":\"PASS\"}");
    assert_front_matter("---  \t\nverdict: PASS\n--- \n", "{\"verdict\":\"PASS\"}");
}

static void
G1_front_matter__keeps_scalars_as_texts(void **state)
{
    (void)state;
    assert_front_matter("---\nverdict: yes\nscore: 0x10\nat: 2026-01-01\n---\n",
                        "{\"verdict\":\"yes\",\"score\":\"0x10\",\"at\":\"2026-01-01\"}");
    assert_front_matter("---\nverdict: PASS\nfiles: [a, b]\nmore: {verdict: FAIL}\n---\n", "{\"verdict\":\"PASS\"}");
}

static void
G2_front_matter__missing_is_an_error(void **state)
{
    static const char *const texts[] = { "",
                                         "\n",
                                         "# Review\nverdict: APPROVED\n",
                                         "\n---\nverdict: APPROVED\n---\n",
                                         " ---\nverdict: A\n---\n",
                                         "----\nverdict: A\n---\n",
                                         "--- x\nverdict: A\n---\n",
                                         "--\n",
                                         "---",
                                         "verdict: APPROVED\n" };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_refused(texts[i], "no front matter");
    assert_refused("---\nverdict: APPROVED\n", "does not end");
    assert_refused("---\nverdict: APPROVED\n --- \n", "does not end");
}

static void
G2_front_matter__that_says_nothing_is_an_error(void **state)
{
    (void)state;
    assert_refused("---\n---\n", "no mapping");
    assert_refused("---\n\n# nothing\n---\n", "no mapping");
    assert_refused("---\nAPPROVED\n---\n", "no mapping");
    assert_refused("---\n- verdict: APPROVED\n---\n", "no mapping");
}

static void
G2_front_matter__that_could_say_two_things_is_an_error_with_its_line(void **state)
{
    (void)state;
    assert_refused("---\na: b\nverdict: &x APPROVED\n---\n", "line 3: ");
    assert_refused("---\nverdict: *x\n---\n", "line 2: ");
    assert_refused("---\nverdict: !!str APPROVED\n---\n", "line 2: ");
    assert_refused("---\nverdict: REJECTED\nverdict: APPROVED\n---\n", "line 3: key \"verdict\" is there twice");
    assert_refused("---\n<<: {verdict: A}\nverdict: \"open\n---\n", "line ");
    assert_refused("---\nverdict: [\n---\n", "line ");
    assert_refused("---\n\tverdict: A\n---\n", "line 2: ");
    assert_refused("---\n%TAG ! x\nverdict: A\n---\n", "line ");
}

static void
G2_front_matter__that_is_huge_is_an_error(void **state)
{
    struct buf text = { 0 };
    (void)state;

    buf_add_str(&text, "---\nverdict: APPROVED\n");
    for (int i = 0; i < 2000; i++)
        buf_printf(&text, "key_%d: value\n", i);
    assert_refused(text.data, "too large");
    buf_add_str(&text, "---\n");
    assert_refused(text.data, "too large");
    buf_fini(&text);

    buf_add_str(&text, "---\nverdict: ");
    for (int i = 0; i < 1000; i++)
        buf_add_str(&text, "[");
    buf_add_str(&text, "\n---\n");
    assert_refused(text.data, "line ");
    buf_fini(&text);
}

static struct json *
parse(const char *text)
{
    struct err   e = ERR_INIT;
    struct json *j = json_parse(text, strlen(text), &e);
    if (!j)
        fail_msg("%s", e.text);
    return j;
}

static void
G2_evidence__names_what_is_wrong_file_by_file(void **state)
{
    struct json *files =
        parse("{\"12-review.md\": {\"text\": \"---\\nverdict: APPROVED\\n---\\n\"}, \"13-test-report.md\": {\"text\": \"# none\\n\"}, "
              "\"bin\": {\"error\": \"is not UTF-8 text\"}, \"06-adr/\": {\"count\": 1}}");
    struct json *evidence = evidence_read(files);
    (void)state;

    assert_string_equal(json_text(evidence),
                        "{\"12-review.md\":{\"verdict\":\"APPROVED\"},\"13-test-report.md\":{\"error\":\"no front matter\"},"
                        "\"bin\":{\"error\":\"is not UTF-8 text\"},\"06-adr/\":{\"count\":1}}");
    json_free(evidence);
    json_free(files);
    evidence = evidence_read(NULL);
    assert_string_equal(json_text(evidence), "{}");
    json_free(evidence);
}

static void
G2_evidence__names_the_bytes_whatever_the_front_matter_says(void **state)
{
    struct json *files = parse("{\"a.md\": {\"blob\": \"b1\", \"text\": \"---\\nverdict: APPROVED\\nblob: b9\\n---\\n\"}, "
                               "\"b.md\": {\"blob\": \"b2\", \"text\": \"none\"}, \"c.md\": {\"blob\": \"b3\", \"error\": \"is a link\"}}");
    struct json *evidence = evidence_read(files);
    (void)state;

    assert_string_equal(json_text(evidence), "{\"a.md\":{\"verdict\":\"APPROVED\",\"blob\":\"b1\"},"
                                             "\"b.md\":{\"error\":\"no front matter\",\"blob\":\"b2\"},"
                                             "\"c.md\":{\"blob\":\"b3\",\"error\":\"is a link\"}}");
    json_free(evidence);
    json_free(files);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G1_front_matter__is_read),
        cmocka_unit_test(G1_front_matter__tolerates_how_editors_save),
        cmocka_unit_test(G1_front_matter__keeps_scalars_as_texts),
        cmocka_unit_test(G2_front_matter__missing_is_an_error),
        cmocka_unit_test(G2_front_matter__that_says_nothing_is_an_error),
        cmocka_unit_test(G2_front_matter__that_could_say_two_things_is_an_error_with_its_line),
        cmocka_unit_test(G2_front_matter__that_is_huge_is_an_error),
        cmocka_unit_test(G2_evidence__names_what_is_wrong_file_by_file),
        cmocka_unit_test(G2_evidence__names_the_bytes_whatever_the_front_matter_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
