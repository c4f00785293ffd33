/* The pure parts of launching: the environment of an agent, its task file, and what is made of its result file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/env.h"
#include "base/str.h"
#include "worker/worker_int.h"

enum { LONG_PROMPT = 128 * 1024 }; /* as an argument it would have one byte too many: Linux counts its NUL */

struct rig {
    char dir[64];
    char path[96];
};

static int
set_up(void **state)
{
    struct rig *r = xcalloc(1, sizeof(*r));

    snprintf(r->dir, sizeof(r->dir), "/tmp/orch-launch-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->path, sizeof(r->path), "%s/result.json", r->dir);
    *state = r;
    return 0;
}

static int
tear_down(void **state)
{
    struct rig *r = *state;

    unlink(r->path);
    rmdir(r->dir);
    free(r);
    return 0;
}

static const char *
find(char **env, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; env[i]; i++)
        if (!strncmp(env[i], name, len) && env[i][len] == '=')
            return env[i] + len + 1;
    return NULL;
}

static void
R2_environment__holds_the_job_and_what_was_asked_for_and_no_secret(void **state)
{
    static const char   own[] = "{\"MODEL\": \"large\", \"EDITOR\": \"vi\", \"ORCH_RUN\": \"99\"}";
    struct err          e = ERR_INIT;
    char                pass[] = "PATH,EDITOR,ORCH_GITEA_TOKEN,ABSENT";
    struct config       cfg = { .agent_env_pass = pass };
    struct config_agent agent = { 0 };
    struct queue_job    job = { .run_id = 7,
                                .job_id = 5,
                                .agent = (char *)"developer",
                                .repo = (char *)"acme/shop",
                                .task_id = 3,
                                .work_item = (char *)"SHOP-9",
                                .branch = (char *)"feature/shop-9",
                                .default_branch = (char *)"trunk",
                                .stage = (char *)"development",
                                .attempt = 2 };
    struct run          r = { .job = &job, .task_file = (char *)"/d/task.json", .result_file = (char *)"/d/result.json" };
    char              **env;

    (void)state;
    setenv("ORCH_GITEA_TOKEN", "hush", 1);
    setenv("EDITOR", "ed", 1);
    setenv("HOME", "/not/asked/for", 1);
    agent.env = json_parse(own, strlen(own), &e);
    assert_non_null(agent.env);
    env = launch_env(&cfg, &agent, &r);
    assert_null(find(env, "ORCH_GITEA_TOKEN"));
    assert_null(find(env, "HOME"));
    assert_null(find(env, "ABSENT"));
    assert_non_null(find(env, "PATH"));
    assert_string_equal(find(env, "EDITOR"), "vi");
    assert_string_equal(find(env, "MODEL"), "large");
    assert_string_equal(find(env, "ORCH_RUN"), "7");
    assert_string_equal(find(env, "ORCH_JOB"), "5");
    assert_string_equal(find(env, "ORCH_TASK"), "3");
    assert_string_equal(find(env, "ORCH_ATTEMPT"), "2");
    assert_string_equal(find(env, "ORCH_WORK_ITEM"), "SHOP-9");
    assert_string_equal(find(env, "ORCH_REPO"), "acme/shop");
    assert_string_equal(find(env, "ORCH_BRANCH"), "feature/shop-9");
    assert_string_equal(find(env, "ORCH_DEFAULT_BRANCH"), "trunk");
    assert_string_equal(find(env, "ORCH_STAGE"), "development");
    assert_string_equal(find(env, "ORCH_TASK_FILE"), "/d/task.json");
    assert_string_equal(find(env, "ORCH_RESULT_FILE"), "/d/result.json");
    assert_string_equal(find(env, "ORCH_DOCS_DIR"), "docs/work-items/SHOP-9");
    agent_env_free(env);
    json_free(agent.env);
}

/* The result file's code, and its detail as one line for the caller to free. */
static int
read_result(struct rig *r, const char *text, char **detail_out)
{
    struct err   e = ERR_INIT;
    struct json *detail = json_new_object();

    if (text) {
        FILE *f = fopen(r->path, "w");
        fputs(text, f);
        fclose(f);
    }
    launch_read_result(r->path, detail, &e);
    if (e.code)
        assert_non_null(strstr(e.text, "result file"));
    *detail_out = xstrdup(json_text(detail));
    json_free(detail);
    return (int)e.code;
}

static void
P6_result__is_read_into_the_detail_of_the_run(void **state)
{
    static const struct {
        const char *text;
        int         code;
        const char *holds;
    } cases[] = {
        { NULL, 0, "{" },
        { "{}", 0, "\"ok\"" },
        { "{\"outcome\": \"needs_input\", \"message\": \"which?\"}", 0, "\"needs_input\"" },
        { "{\"outcome\": \"blocked\", \"message\": \"no way\"}", 0, "\"no way\"" },
        { "{\"usage\": {\"input\": 12, \"output\": \"x\", \"other\": 1}, \"cost_usd\": 0.5}", 0, "12" },
        { "{\"outcome\": \"done\"}", ERR_INVALID, "{" },
        { "{\"outcome\": 1}", ERR_INVALID, "{" },
        { "[]", ERR_INVALID, "{" },
        { "", ERR_INVALID, "{" },
        { "{\"outcome\": \"ok\"} and more", ERR_INVALID, "{" },
        { "{\"outcome\": \"ok\"", ERR_INVALID, "{" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *detail = NULL;

        assert_int_equal(read_result(*state, cases[i].text, &detail), cases[i].code);
        assert_non_null(strstr(detail, cases[i].holds));
        free(detail);
    }
}

static void
P6_result__of_more_than_a_mebibyte_is_refused(void **state)
{
    struct rig *r = *state;
    char       *detail = NULL;
    FILE       *f = fopen(r->path, "w");

    fputs("{}", f);
    fclose(f);
    assert_int_equal(truncate(r->path, 1024 * 1024 + 1), 0);
    assert_int_equal(read_result(r, NULL, &detail), ERR_INVALID);
    free(detail);
}

static void
P6_result__that_is_a_pipe_a_link_or_a_directory_is_refused_at_once(void **state)
{
    struct rig *r = *state;
    char       *detail = NULL;

    assert_int_equal(mkfifo(r->path, 0600), 0);
    assert_int_equal(read_result(r, NULL, &detail), ERR_INVALID);
    free(detail);
    unlink(r->path);
    assert_int_equal(symlink("/etc/hostname", r->path), 0);
    assert_int_equal(read_result(r, NULL, &detail), ERR_INVALID);
    free(detail);
    unlink(r->path);
    assert_int_equal(mkdir(r->path, 0700), 0);
    assert_int_equal(read_result(r, NULL, &detail), ERR_INVALID);
    free(detail);
    rmdir(r->path);
}

/* What the pipeline would say: the content, and nothing else. */
static char *
say_content(const struct queue_job *job, const char *result_file, void *arg)
{
    (void)arg;
    assert_string_equal(result_file, "/d/result.json");
    return xstrdup(job->content);
}

static char **
fill_argv(struct rig *r, const char *const *argv, const char *content)
{
    struct err       e = ERR_INIT;
    struct queue_job job = { .content = (char *)content };
    struct worker    worker = { .hooks = { .prompt = say_content } };
    struct run       run = { .worker = &worker, .job = &job, .dir = r->dir, .result_file = (char *)"/d/result.json" };
    char           **out = NULL;

    assert_int_equal(launch_argv(&out, argv, &run, &e), 0);
    return out;
}

static void
R1_argv__has_the_prompt_where_it_says_so_and_takes_no_orders_from_it(void **state)
{
    static const char *const argv[] = { "a", "--", "<{prompt}>", "{prompt_fil}", "{prompt}{prompt}", NULL };
    struct rig              *r = *state;
    char                   **out = fill_argv(r, argv, "do {prompt} and {prompt_file}; $(x)");

    assert_string_equal(out[0], "a");
    assert_string_equal(out[2], "<do {prompt} and {prompt_file}; $(x)>");
    assert_string_equal(out[3], "{prompt_fil}");
    assert_string_equal(out[4], "do {prompt} and {prompt_file}; $(x)do {prompt} and {prompt_file}; $(x)");
    assert_null(out[5]);
    snprintf(r->path, sizeof(r->path), "%s/prompt.md", r->dir);
    assert_int_equal(access(r->path, F_OK), -1); /* nobody asked for the file */
    agent_env_free(out);
}

static void
R1_argv__names_a_file_with_the_prompt_when_asked_or_when_it_is_too_long(void **state)
{
    static const char *const by_file[] = { "a", "--message-file={prompt_file}", NULL };
    static const char *const by_word[] = { "a", "{prompt}", NULL };
    struct rig              *r = *state;
    char                     word[192], *content = xcalloc(1, LONG_PROMPT + 1);
    char                   **out = fill_argv(r, by_file, "short");
    struct stat              st;

    snprintf(r->path, sizeof(r->path), "%s/prompt.md", r->dir);
    snprintf(word, sizeof(word), "--message-file=%s", r->path);
    assert_string_equal(out[1], word);
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(st.st_size, strlen("short"));
    agent_env_free(out);
    memset(content, 'x', LONG_PROMPT);
    out = fill_argv(r, by_word, content);
    snprintf(word, sizeof(word), "Read the file %s and do what it says.", r->path);
    assert_string_equal(out[1], word);
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(st.st_size, LONG_PROMPT);
    agent_env_free(out);
    free(content);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(R2_environment__holds_the_job_and_what_was_asked_for_and_no_secret),
        TEST(R1_argv__has_the_prompt_where_it_says_so_and_takes_no_orders_from_it),
        TEST(R1_argv__names_a_file_with_the_prompt_when_asked_or_when_it_is_too_long),
        TEST(P6_result__is_read_into_the_detail_of_the_run),
        TEST(P6_result__of_more_than_a_mebibyte_is_refused),
        TEST(P6_result__that_is_a_pipe_a_link_or_a_directory_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
