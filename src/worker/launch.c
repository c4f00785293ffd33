/* What an agent is given and gives back: a clean environment, a task file, a result file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/env.h"
#include "base/str.h"
#include "worker/output.h"
#include "worker/worker_int.h"

enum { RESULT_MAX = 1024 * 1024, LOG_SHOWN = 4096, MS_PER_S = 1000, ARGUMENT_MAX = 100 * 1024 /* Linux takes 128 KiB */ };

/* What an agent has whatever its job. */
static void
add_general(struct agent_env *l, const struct config *cfg, const struct config_agent *agent, const char *name)
{
    agent_env_pass(l, cfg->agent_env_pass);
    agent_env_add(l, "GIT_AUTHOR_NAME", name);
    agent_env_add(l, "GIT_AUTHOR_EMAIL", "orchd@localhost");
    agent_env_add(l, "GIT_COMMITTER_NAME", name);
    agent_env_add(l, "GIT_COMMITTER_EMAIL", "orchd@localhost");
    agent_env_add_all(l, agent->env);
    agent_env_add(l, "ORCH_AGENT", name);
}

char **
launch_preflight_env(const struct config *cfg, const struct config_agent *agent, const char *name)
{
    struct agent_env l = { 0 };

    add_general(&l, cfg, agent, name);
    return l.at;
}

char **
launch_env(const struct config *cfg, const struct config_agent *agent, const struct run *r)
{
    const struct queue_job *j = r->job;
    struct agent_env        l = { 0 };
    char                   *docs = xasprintf("docs/work-items/%s", j->work_item ? j->work_item : "");

    add_general(&l, cfg, agent, j->agent);
    agent_env_add_number(&l, "ORCH_JOB", j->job_id);
    agent_env_add_number(&l, "ORCH_RUN", j->run_id);
    agent_env_add_number(&l, "ORCH_ATTEMPT", j->attempt);
    agent_env_add(&l, "ORCH_TASK_FILE", r->task_file);
    agent_env_add(&l, "ORCH_RESULT_FILE", r->result_file);
    agent_env_add(&l, "ORCH_REPO", j->repo);
    if (j->task_id) {
        agent_env_add_number(&l, "ORCH_TASK", j->task_id);
        agent_env_add(&l, "ORCH_WORK_ITEM", j->work_item);
        agent_env_add(&l, "ORCH_BRANCH", j->branch);
        agent_env_add(&l, "ORCH_DEFAULT_BRANCH", j->default_branch);
        agent_env_add(&l, "ORCH_STAGE", j->stage);
        agent_env_add(&l, "ORCH_DOCS_DIR", docs);
    }
    if (r->revision)
        agent_env_add(&l, "ORCH_REVISION", r->revision);
    free(docs);
    return l.at;
}

struct agent_limits
launch_limits(const struct config_agent *agent)
{
    const struct config_limits *l = &agent->limits;

    return (struct agent_limits){ .memory = l->memory,
                                  .open_files = l->open_files,
                                  .processes = l->processes,
                                  .cpu_s = (l->cpu_ms + MS_PER_S - 1) / MS_PER_S,
                                  .core = l->core };
}

void
launch_add_log(struct json *detail, const char *path)
{
    size_t len;
    char  *text = output_read_tail(path, LOG_SHOWN, &len);
    char  *line = len == LOG_SHOWN ? strchr(text, '\n') : NULL; /* it most likely begins in the middle of one */

    output_blank_nuls(text, len);
    if (*text)
        json_set_str(detail, "log", line && line[1] ? line + 1 : text);
    free(text);
}

static int
write_text(const char *path, const char *text, struct err *e)
{
    FILE *f = fopen(path, "we");

    if (!f || fputs(text, f) < 0)
        err_set(e, ERR_RETRY, "could not write \"%s\": %s", path, strerror(errno));
    if (f && fclose(f) && !e->code)
        err_set(e, ERR_RETRY, "could not write \"%s\": %s", path, strerror(errno));
    return e->code;
}

static bool
has_word(const char *const *argv, const char *word)
{
    for (; *argv; argv++)
        if (strstr(*argv, word))
            return true;
    return false;
}

/* Every appearance of a placeholder. */
static char *
fill(const char *text, const char *word, const char *value)
{
    struct buf  b = { 0 };
    const char *at;

    while ((at = strstr(text, word))) {
        buf_add(&b, text, (size_t)(at - text));
        buf_add_str(&b, value);
        text = at + strlen(word);
    }
    buf_add_str(&b, text);
    return buf_take(&b);
}

int
launch_argv(char ***out, const char *const *argv, const struct run *r, struct err *e)
{
    bool   has_prompt = has_word(argv, "{prompt}");
    bool   has_file = has_word(argv, "{prompt_file}");
    char  *path = xasprintf("%s/prompt.md", r->dir);
    char  *prompt = has_prompt || has_file ? r->worker->hooks.prompt(r->job, r->result_file, r->worker->hooks.arg) : xstrdup("");
    size_t n = 0;

    if (has_prompt && strlen(prompt) > ARGUMENT_MAX)
        has_file = true;
    if (has_file)
        write_text(path, prompt, e);
    if (has_prompt && strlen(prompt) > ARGUMENT_MAX) {
        free(prompt);
        prompt = xasprintf("Read the file %s and do what it says.", path);
    }
    while (argv[n])
        n++;
    *out = xcalloc(n + 1, sizeof **out);
    for (size_t i = 0; i < n; i++) {
        char *half = fill(argv[i], "{prompt_file}", path);
        (*out)[i] = fill(half, "{prompt}", prompt);
        free(half);
    }
    free(prompt);
    free(path);
    return e->code;
}

int
launch_write_task(const struct run *r, struct err *e)
{
    const struct queue_job *j = r->job;
    struct json            *task = json_new_object();
    char                   *text;

    json_set_int(task, "job", j->job_id);
    json_set_int(task, "run", j->run_id);
    if (j->task_id)
        json_set_int(task, "task", j->task_id);
    json_set_str(task, "work_item", j->work_item);
    json_set_str(task, "title", j->title);
    json_set_str(task, "stage", j->stage);
    json_set_str(task, "agent", j->agent);
    json_set_str(task, "content", j->content);
    text = xasprintf("%s\n", json_text(task));
    write_text(r->task_file, text, e);
    free(text);
    json_free(task);
    return e->code;
}

static int
take_result(struct json *result, struct json *detail, struct err *e)
{
    const char *outcome = json_str(result, "outcome");
    double      cost;

    if (!json_is_object(result))
        err_set(e, ERR_INVALID, "the result file is no JSON object");
    else if (json_at(result, "outcome") && !str_equal(outcome, "ok") && !str_equal(outcome, "needs_input") &&
             !str_equal(outcome, "blocked"))
        err_set(e, ERR_INVALID, "the result file has outcome \"%s\"; accepted are ok, needs_input and blocked",
                outcome ? outcome : "(no text)");
    if (e->code)
        return e->code;
    json_set_str(detail, "result_outcome", outcome ? outcome : "ok");
    if (json_str(result, "message"))
        json_set_str(detail, "message", json_str(result, "message"));
    if (json_is_object(json_at(result, "usage"))) {
        static const char *const kinds[] = { "input", "output", "cache" };
        struct json             *usage = json_new_object();
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            int64_t n;
            if (json_int(json_at(result, "usage"), kinds[i], &n))
                json_set_int(usage, kinds[i], n);
        }
        json_set(detail, "usage", usage);
    }
    if (json_double(result, "cost_usd", &cost) && cost >= 0 && cost < 1e6)
        json_set_double(detail, "cost_usd", cost);
    return 0;
}

int
launch_read_result(const char *path, struct json *detail, struct err *e)
{
    char        *text = NULL;
    FILE        *f = NULL;
    struct json *result = NULL;
    struct stat  st;
    size_t       len;
    /* An agent may have put a pipe there, at which we would wait for ever, or a link to a file that is ours to read and not its own. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > RESULT_MAX || !(f = fdopen(fd, "r"))) {
        err_set(e, ERR_INVALID, "the result file \"%s\" is no plain file of at most 1 MiB that can be read", path);
        goto out;
    }
    text = xcalloc(1, (size_t)st.st_size + 1);
    len = fread(text, 1, (size_t)st.st_size, f);
    result = json_parse(text, len, e);
    if (!result)
        err_prefix(e, "the result file \"%s\"", path);
    else
        take_result(result, detail, e);
out:
    json_free(result);
    free(text);
    if (f)
        fclose(f);
    else if (fd >= 0)
        close(fd);
    return e->code;
}
