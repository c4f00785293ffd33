/* orchctl: what an operator would do in psql, without knowing SQL. One verb, one call of calls.def, one table.
 * Exit status: 0 done, 1 refused or not found, 2 wrong usage, 3 Postgres cannot be reached. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "db/sync.h"

enum { EXIT_USAGE = 2, EXIT_AWAY = 3, MOST_PARAMS = 12, HELP_COLUMN = 32 };

struct verb {
    const char     *name;
    const char     *args; /* for people */
    int             least, most;
    enum db_call_id call;
    const char     *help;
    const char     *options; /* names of --NAME VALUE, in the order of the parameters after the arguments; NULL = none */
};

static const struct verb verbs[] = {
    { "status", "", 0, 0, CALL_show_active, "Unfinished tasks: where they are, what runs, why they are not further.", NULL },
    { "queue", "", 0, 0, CALL_show_queue, "Queued jobs, and why those that wait do.", NULL },
    { "recent", "", 0, 0, CALL_show_recent, "The last twenty runs.", NULL },
    { "why", "TASK", 1, 1, CALL_why, "The whole story of a task; its last line is why it is not further.", NULL },
    { "stop", "TASK [REASON]", 1, 2, CALL_show_stop, "STOP: cancel a task for good.", NULL },
    { "stops", "", 0, 0, CALL_show_stops, "Every STOP, what it stopped, and what of the clean-up is outstanding.", NULL },
    { "approve", "TASK", 1, 1, CALL_approve, "Open the human gate after the analysis.", NULL },
    { "reject", "TASK [REASON]", 1, 2, CALL_reject, "Send a task back, with the reason in the next job's content.", NULL },
    { "confirm-deploy", "TASK", 1, 1, CALL_confirm_deploy, "Let a parked deploy begin.", NULL },
    { "retry", "JOB", 1, 1, CALL_retry_job, "Do the work of a finished job again.", NULL },
    { "cancel", "JOB", 1, 1, CALL_cancel_job, "Cancel one job; its task is blocked for a person to look at.", NULL },
    { "enqueue", "AGENT [CONTENT]", 1, 2, CALL_enqueue, "Queue a job; answers its number.",
      "repo priority run-at max-attempts unique-key tags unique-for limit-key" },
    { "schedule", "NAME CRON AGENT [CONTENT]", 3, 4, CALL_schedule, "Let the clock queue jobs, or change that; answers the next tick.",
      "time-zone repo priority max-attempts tags missed" },
    { "unschedule", "NAME", 1, 1, CALL_unschedule, "Take a schedule away.", NULL },
    { "timetable", "", 0, 0, CALL_show_timetable, "Schedules, the next one first.", NULL },
    { "pause", "KIND [NAME [REASON]]", 1, 3, CALL_pause, "Let queued jobs of an agent, a repo or all wait.", NULL },
    { "resume", "KIND [NAME]", 1, 2, CALL_resume, "End a pause.", NULL },
    { "pauses", "", 0, 0, CALL_show_pauses, "What is paused, since when, why and by whom.", NULL },
    { "limit", "KIND [NAME]", 1, 2, CALL_set_limit, "How many jobs may run at once, or start in a period.", "at-once per-period period" },
    { "unlimit", "KIND [NAME]", 1, 2, CALL_clear_limit, "Take a limit away.", NULL },
    { "limits", "", 0, 0, CALL_show_limits, "The limits that are set.", NULL },
    { "freeze", "REPO REASON", 2, 2, CALL_freeze, "Let a repository take no new tasks; those under way go on.", NULL },
    { "unfreeze", "REPO", 1, 1, CALL_unfreeze, "Let a frozen repository take new tasks again.", NULL },
    { "nodes", "", 0, 0, CALL_show_nodes, "Nodes and how they are.", NULL },
    { "dead-effects", "", 0, 0, CALL_show_dead, "Effects that gave up.", NULL },
    { "retry-effect", "EFFECT", 1, 1, CALL_retry_effect, "Let a dead effect be tried again.", NULL },
};

static void
print_usage(FILE *out)
{
    fputs(
        "usage: orchctl [--json] VERB [ARGUMENT…] [--OPTION VALUE…]\n\nTASK is a work item such as ORCH-042, or a task's number. KIND is all, agent, "
        "repo, or for limits key; all has no NAME.\nCRON is five fields in quotes, or @daily and the like. Postgres: ORCH_DATABASE_URL.\n\n",
        out);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        fprintf(out, "  %-14s %-*s %s\n", verbs[i].name, HELP_COLUMN - 6, verbs[i].args, verbs[i].help);
        if (verbs[i].options)
            fprintf(out, "  %-14s   options: %s\n", "", verbs[i].options);
    }
}

static const struct verb *
find_verb(const char *name)
{
    for (size_t i = 0; name && i < sizeof verbs / sizeof *verbs; i++)
        if (str_equal(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

static const char *
get_variable(const char *name, void *arg)
{
    (void)arg;
    return getenv(name);
}

/* Place of an option among those of the verb; -1 = it has no such option. */
static int
find_option(const struct verb *verb, const char *name, size_t length)
{
    const char *at = verb->options ? verb->options : "";
    for (int place = 0; *at; place++) {
        size_t n = strcspn(at, " ");
        if (n == length && !strncmp(at, name, n))
            return place;
        at += n + strspn(at + n, " ");
    }
    return -1;
}

/* Arguments fill the first parameters of the verb's call, options the others; after -- all are arguments. Answers how many arguments there
 * were, or -1 after saying what is wrong. */
static int
read_arguments(const struct verb *verb, int count, char **words, const char **params)
{
    bool are_arguments = false;
    int  given = 0;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        const char *value = strchr(word, '=');
        int         place;
        if (!are_arguments && str_equal(word, "--")) {
            are_arguments = true;
        } else if (are_arguments || strncmp(word, "--", 2) != 0) {
            if (given < verb->most)
                params[given] = word;
            given++;
        } else {
            place = find_option(verb, word + 2, value ? (size_t)(value - word - 2) : strlen(word + 2));
            if (place < 0 || (!value && i + 1 == count)) {
                fprintf(stderr, "orchctl: \"%s\" %s: %s\n", word, place < 0 ? "is no option, which are" : "needs a value, as all of",
                        verb->options ? verb->options : "none");
                return -1;
            }
            params[verb->most + place] = value ? value + 1 : words[++i];
        }
    }
    return given;
}

int
main(int argc, char **argv)
{
    bool               as_json = argc > 1 && str_equal(argv[1], "--json");
    int                at = as_json ? 2 : 1;
    const char        *name = at < argc ? argv[at] : NULL;
    int                given = 0;
    const char        *params[MOST_PARAMS] = { 0 };
    const struct verb *verb = find_verb(name);
    struct config      cfg = { 0 };
    struct err         e = ERR_INIT;
    int                rows = 0;

    if (str_equal(name, "--help") || str_equal(name, "help")) {
        print_usage(stdout);
        return 0;
    }
    if (verb)
        given = read_arguments(verb, argc - at - 1, argv + at + 1, params);
    if (!verb || given < verb->least || given > verb->most) {
        if (name && given >= 0)
            fprintf(stderr, verb ? "orchctl: \"%s\" takes: %s\n" : "orchctl: there is no verb \"%s\"\n", name, verb ? verb->args : "");
        print_usage(stderr);
        return EXIT_USAGE;
    }
    log_setup(LOG_ERROR, false); /* what is amiss with the rest of the settings is no affair of one who asks Postgres */
    if (!config_load(&cfg, get_variable, NULL, &e))
        db_sync_table(cfg.database_url, verb->call, params, stdout, as_json, &rows, &e);
    config_fini(&cfg);
    if (e.code) {
        fprintf(stderr, "orchctl: %s\n", e.text);
        return e.code == ERR_RETRY ? EXIT_AWAY : EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
