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

enum { EXIT_USAGE = 2, EXIT_AWAY = 3, MOST_ARGS = 2 };

struct verb {
    const char     *name;
    const char     *args; /* for people */
    int             least, most;
    enum db_call_id call;
    const char     *help;
};

static const struct verb verbs[] = {
    { "status", "", 0, 0, CALL_show_active, "Unfinished tasks: where they are, what runs, why they are not further." },
    { "queue", "", 0, 0, CALL_show_queue, "Queued jobs, and why those that wait do." },
    { "recent", "", 0, 0, CALL_show_recent, "The last twenty runs." },
    { "why", "TASK", 1, 1, CALL_why, "The whole story of a task; its last line is why it is not further." },
    { "stop", "TASK [REASON]", 1, 2, CALL_show_stop, "STOP: cancel a task for good." },
    { "stops", "", 0, 0, CALL_show_stops, "Every STOP, what it stopped, and what of the clean-up is outstanding." },
    { "approve", "TASK", 1, 1, CALL_approve, "Open the human gate after the analysis." },
    { "reject", "TASK [REASON]", 1, 2, CALL_reject, "Send a task back, with the reason in the next job's content." },
    { "confirm-deploy", "TASK", 1, 1, CALL_confirm_deploy, "Let a parked deploy begin." },
    { "retry", "JOB", 1, 1, CALL_retry_job, "Do the work of a finished job again." },
    { "cancel", "JOB", 1, 1, CALL_cancel_job, "Cancel one job; its task is blocked for a person to look at." },
    { "freeze", "REPO REASON", 2, 2, CALL_freeze, "Let a repository take no new tasks; those under way go on." },
    { "unfreeze", "REPO", 1, 1, CALL_unfreeze, "Let a frozen repository take new tasks again." },
    { "nodes", "", 0, 0, CALL_show_nodes, "Nodes and how they are." },
    { "dead-effects", "", 0, 0, CALL_show_dead, "Effects that gave up." },
    { "retry-effect", "EFFECT", 1, 1, CALL_retry_effect, "Let a dead effect be tried again." },
};

static void
print_usage(FILE *out)
{
    fputs(
        "usage: orchctl [--json] VERB [ARGUMENT…]\n\nTASK is a work item such as ORCH-042, or a task's number. Postgres: ORCH_DATABASE_URL.\n\n",
        out);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        fprintf(out, "  %-14s %-15s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
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

int
main(int argc, char **argv)
{
    bool               as_json = argc > 1 && str_equal(argv[1], "--json");
    int                at = as_json ? 2 : 1;
    const char        *name = at < argc ? argv[at] : NULL;
    int                given = name ? argc - at - 1 : 0;
    const char        *params[MOST_ARGS] = { 0 };
    const struct verb *verb = find_verb(name);
    struct config      cfg = { 0 };
    struct err         e = ERR_INIT;
    int                rows = 0;

    if (str_equal(name, "--help") || str_equal(name, "help")) {
        print_usage(stdout);
        return 0;
    }
    if (!verb || given < verb->least || given > verb->most) {
        if (name)
            fprintf(stderr, verb ? "orchctl: \"%s\" takes: %s\n" : "orchctl: there is no verb \"%s\"\n", name, verb ? verb->args : "");
        print_usage(stderr);
        return EXIT_USAGE;
    }
    for (int i = 0; i < given; i++)
        params[i] = argv[at + 1 + i];
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
