/* The verbs of orchctl. Help, completion and man page go by this table; most of it is one question and one table. */
#include <string.h>

#include "ctl/ctl.h"

#define TASK_STATES "state=unfinished,finished,all"
#define JOB_STATES  "state=queued,running,done,failed,cancelled"
#define JOB_OPTIONS "repo priority run-at max-attempts unique-key tags unique-for limit-key"

/* clang-format off */
const struct ctl_verb ctl_verbs[] = {
    { "status", "", 0, 0, .call = CALL_show_active, .http = "GET status", .rows = "tasks",
      .help = "Unfinished tasks: where they are, what runs, why they are not further." },
    { "tasks", "", 0, 0, .options = TASK_STATES " repo limit", .call = CALL_show_tasks,
      .http = "GET tasks", .fields = "state repo limit", .rows = "tasks", .help = "Tasks, the newest first: unfinished ones, finished ones or all." },
    { "task", "TASK", 1, 1, .call = CALL_task_report, .http = "GET tasks/{1}", .fields = "-", .show = ctl_show_task,
      .help = "One task: its jobs, runs, moves and effects." },
    { "why", "TASK", 1, 1, .call = CALL_why, .http = "GET tasks/{1}/why", .fields = "-", .rows = "story",
      .help = "The whole story of a task; its last line is why it is not further." },
    { "queue", "", 0, 0, .call = CALL_show_queue, .http = "GET queue", .show = ctl_show_queue,
      .help = "Queued jobs, and why those that wait do; over HTTP the report of the queue." },
    { "jobs", "", 0, 0, .options = JOB_STATES " agent repo limit", .call = CALL_show_jobs, .help = "Jobs, the newest first." },
    { "job", "JOB", 1, 1, .call = CALL_job_report, .http = "GET jobs/{1}", .fields = "-", .show = ctl_show_job, .help = "One job and its runs." },
    { "recent", "", 0, 0, .call = CALL_show_recent, .http = "GET queue", .rows = "recent", .help = "The last twenty runs." },
    { "logs", "RUN|TASK", 1, 1, .options = "tail", .switches = "follow", .http = "GET runs/{1}/log", .run = ctl_logs,
      .help = "The log of a run, by its number, or of a task's newest run; --tail: its last bytes; --follow: until the run has ended." },
    { "costs", "[TASK]", 0, 1, .call = CALL_show_costs, .help = "Runs, time, tokens and cost by work item and day." },
    { "stop", "TASK [REASON]", 1, 2, .call = CALL_show_stop, .http = "POST tasks/{1}/stop", .fields = "- reason",
      .help = "STOP: cancel a task for good." },
    { "stops", "", 0, 0, .call = CALL_show_stops, .help = "Every STOP, what it stopped, and what of the clean-up is outstanding." },
    { "approve", "TASK", 1, 1, .call = CALL_approve, .help = "Open the human gate after the analysis." },
    { "reject", "TASK [REASON]", 1, 2, .call = CALL_reject, .help = "Send a task back, with the reason in the next job's content." },
    { "confirm-deploy", "TASK", 1, 1, .call = CALL_confirm_deploy, .help = "Let a parked deploy begin." },
    { "dep add", "TASK OTHER", 2, 2, .call = CALL_add_dep, .help = "Let a task wait until another is done or cancelled." },
    { "dep remove", "TASK OTHER", 2, 2, .call = CALL_remove_dep, .help = "Take such a dependency away." },
    { "dep list", "", 0, 0, .call = CALL_show_deps, .http = "GET queue", .rows = "task_deps", .help = "Dependencies that hold somebody." },
    { "retry", "JOB", 1, 1, .call = CALL_retry_job, .http = "POST jobs/{1}/retry", .fields = "-", .help = "Do the work of a finished job again." },
    { "cancel", "JOB", 1, 1, .call = CALL_cancel_job, .http = "POST jobs/{1}/cancel", .fields = "-",
      .help = "Cancel one job; its task is blocked for a person to look at." },
    { "enqueue", "AGENT [CONTENT]", 1, 2, .options = JOB_OPTIONS, .call = CALL_enqueue, .http = "POST jobs",
      .fields = "agent content repo priority# run_at max_attempts# unique_key tags[] unique_for limit_key",
      .help = "Queue a job; answers its number." },
    { "schedule", "NAME CRON AGENT [CONTENT]", 3, 4, .options = "time-zone repo priority max-attempts tags missed=once,skip,all",
      .call = CALL_schedule, .help = "Let the clock queue jobs, or change that; answers the next tick." },
    { "unschedule", "NAME", 1, 1, .call = CALL_unschedule, .help = "Take a schedule away." },
    { "timetable", "", 0, 0, .call = CALL_show_timetable, .help = "Schedules, the next one first." },
    { "pause", "KIND [NAME [REASON]]", 1, 3, .call = CALL_pause, .help = "Let queued jobs of an agent, a repo or all wait." },
    { "resume", "KIND [NAME]", 1, 2, .call = CALL_resume, .help = "End a pause." },
    { "pauses", "", 0, 0, .call = CALL_show_pauses, .help = "What is paused, since when, why and by whom." },
    { "limit", "KIND [NAME]", 1, 2, .options = "at-once per-period period", .call = CALL_set_limit,
      .help = "How many jobs may run at once, or start in a period." },
    { "unlimit", "KIND [NAME]", 1, 2, .call = CALL_clear_limit, .help = "Take a limit away." },
    { "limits", "", 0, 0, .call = CALL_show_limits, .help = "The limits that are set." },
    { "freeze", "REPO REASON", 2, 2, .call = CALL_freeze, .help = "Let a repository take no new tasks; those under way go on." },
    { "unfreeze", "REPO", 1, 1, .call = CALL_unfreeze, .http = "POST serial-gate/unfreeze", .fields = "repo",
      .help = "Let a frozen repository take new tasks again." },
    { "frozen", "", 0, 0, .call = CALL_show_frozen, .http = "GET queue", .rows = "serial_gate.frozen", .help = "Repositories that are frozen, since when, why and by whom." },
    { "projects", "", 0, 0, .call = CALL_show_projects, .help = "Projects of the board, their repositories, and whether the board can be read." },
    { "add-project", "NAME PREFIX REPO CLONE-URL WORKSPACE PROJECT-ID", 6, 6, .options = "default-branch", .call = CALL_add_project,
      .help = "Tie a project of the board to a repository." },
    { "settings", "", 0, 0, .call = CALL_show_settings, .help = "Settings that all nodes share, and who overrode which." },
    { "set", "SETTING VALUE", 2, 2, .call = CALL_set_setting, .help = "Override such a setting on all nodes; answers the value now in force." },
    { "unset", "SETTING", 1, 1, .call = CALL_unset_setting, .help = "End that: what the nodes' environment says holds again." },
    { "nodes", "", 0, 0, .call = CALL_show_nodes, .http = "GET queue", .rows = "nodes", .help = "Nodes and how they are." },
    { "disks", "", 0, 0, .call = CALL_show_disks, .http = "GET queue", .rows = "disk_watchdog.disks", .help = "The disks that nodes watch, and how full they are." },
    { "monitors", "", 0, 0, .call = CALL_show_monitors, .help = "What is watched after a deploy, and how the last watches ended." },
    { "dead-effects", "", 0, 0, .call = CALL_show_dead, .http = "GET queue", .rows = "outbox.dead", .help = "Effects that gave up." },
    { "retry-effect", "EFFECT", 1, 1, .call = CALL_retry_effect, .help = "Let a dead effect be tried again." },
    { "health", "", 0, 0, .call = CALL_show_health, .http = "GET health", .run = ctl_health, .help = "Whether it can do its work; 1 when it cannot." },
    { "doctor", "", 0, 0, .run = ctl_doctor,
      .help = "What is amiss with this installation, and the line that mends it; 1 when something must be." },
    { "completion", "SHELL", 1, 1, .run = ctl_completion, .help = "Completion for bash, zsh or fish, on stdout." },
    { "version", "", 0, 0, .run = ctl_version, .help = "The version of orchctl." },
    { "help", "[VERB]", 0, 2, .run = ctl_help, .help = "This, or more of one verb." },
};
/* clang-format on */

const size_t ctl_verb_count = sizeof ctl_verbs / sizeof *ctl_verbs;

enum { NAME_WIDTH = 14, ARGS_WIDTH = 26 };

const struct ctl_verb *
ctl_find_verb(const char *first, const char *second, int *taken)
{
    size_t len = first ? strlen(first) : 0;

    for (size_t i = 0; len && i < ctl_verb_count; i++) {
        const char *name = ctl_verbs[i].name;
        *taken = 1;
        if (str_equal(name, first))
            return &ctl_verbs[i];
        *taken = 2;
        if (second && strncmp(name, first, len) == 0 && name[len] == ' ' && str_equal(name + len + 1, second))
            return &ctl_verbs[i];
    }
    return NULL;
}

bool
ctl_next_name(const char **list, struct ctl_name *out)
{
    const char *at = *list ? *list + strspn(*list, " ") : "";
    int         whole = (int)strcspn(at, " "), length = (int)strcspn(at, " =");

    *out = (struct ctl_name){ .name = at, .length = length, .values = at + whole };
    if (length < whole)
        *out = (struct ctl_name){ at, at + length + 1, length, whole - length - 1 };
    *list = at + whole;
    return length > 0;
}

/* What of a verb stands behind its arguments. */
static void
print_options(FILE *out, const struct ctl_verb *verb)
{
    struct ctl_name n;

    for (const char *list = verb->options; ctl_next_name(&list, &n);)
        fprintf(out, " [--%.*s %.*s]", n.length, n.name, n.values_length ? n.values_length : (int)strlen("…"),
                n.values_length ? n.values : "…");
    for (const char *list = verb->switches; ctl_next_name(&list, &n);)
        fprintf(out, " [--%.*s]", n.length, n.name);
}

void
ctl_print_usage(FILE *out)
{
    fputs("usage: orchctl [--json] [--url URL] VERB [ARGUMENT…] [--OPTION VALUE…]\n\n"
          "TASK is a work item such as ORCH-042, or a task's number. KIND is all, agent, repo, or for limits key; all has no NAME.\n"
          "CRON is five fields in quotes, or @daily and the like. --json anywhere: JSON for programs.\n"
          "URL, or ORCH_URL, is postgresql://… or the http(s)://… of an orchd, with the token in ORCH_OPERATOR_TOKEN or\n"
          "ORCH_READER_TOKEN, or their _FILE. Without it: Postgres, at ORCH_DATABASE_URL. * = also over HTTP.\n\n",
          out);
    for (size_t i = 0; i < ctl_verb_count; i++)
        fprintf(out, "%c %-*s %-*s %s\n", ctl_verbs[i].http ? '*' : ' ', NAME_WIDTH, ctl_verbs[i].name, ARGS_WIDTH, ctl_verbs[i].args,
                ctl_verbs[i].help);
    fputs("\norchctl help VERB tells its options. Exit status: 0 done, 1 refused or not found, 2 wrong usage, 3 cannot be reached.\n", out);
}

void
ctl_print_verb(FILE *out, const struct ctl_verb *verb)
{
    fprintf(out, "usage: orchctl %s%s%s", verb->name, *verb->args ? " " : "", verb->args);
    print_options(out, verb);
    fprintf(out, "\n\n%s\n", verb->help);
    if (verb->http)
        fprintf(out, "Over HTTP: %s\n", verb->http);
}
