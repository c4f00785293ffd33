/* orchd: the commands. serve is in serve.c. Exit status: 0 done, 1 failed, 2 wrong usage or setting, 75 Postgres cannot be reached. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "db/migrate.h"
#include "main/health.h"
#include "main/serve.h"

enum { EXIT_USAGE = 2 };

static const char *
get_variable(const char *name, void *arg)
{
    (void)arg;
    return getenv(name);
}

static int
report(const struct err *e)
{
    fprintf(stderr, "orchd: %s\n", e->text);
    return e->code == ERR_RETRY ? EX_TEMPFAIL : EXIT_FAILURE;
}

static int
print_described(enum config_format format)
{
    struct buf text = { 0 };
    config_describe(&text, format);
    fputs(text.data ? text.data : "", stdout);
    buf_fini(&text);
    return EXIT_SUCCESS;
}

static int
print_usage(FILE *out, int status)
{
    fputs("usage: orchd COMMAND\n\n"
          "  serve         run the service: webhooks, agents, effects\n"
          "  migrate       bring the database up to this version; safe to run twice\n"
          "  health        ask the orchd that listens on this host at ORCH_LISTEN whether it does its work\n"
          "  check-config  read the settings and the agents file, and say what is wrong\n"
          "  settings      print the settings with their defaults; --markdown or --dotenv for the docs and .env.example\n"
          "  version       print the version\n",
          out);
    return status;
}

static int
run_migrate(const struct config *cfg)
{
    struct err e = ERR_INIT;
    if (db_migrate(cfg->database_url, &e))
        return report(&e);
    return EXIT_SUCCESS;
}

static int
print_settings(const char *how)
{
    if (str_equal(how, "--markdown"))
        return print_described(CONFIG_MARKDOWN);
    if (str_equal(how, "--dotenv"))
        return print_described(CONFIG_DOTENV);
    return print_described(CONFIG_HELP);
}

static int
run_with_config(const char *command)
{
    struct config cfg = { 0 };
    struct err    e = ERR_INIT;
    int           status = EXIT_SUCCESS;

    /* Agents run as the same user: without this they could read our settings, secrets included, in /proc. */
    prctl(PR_SET_DUMPABLE, 0);
    if (config_load(&cfg, get_variable, NULL, &e)) {
        report(&e);
        status = EXIT_USAGE;
    } else if (str_equal(command, "migrate")) {
        status = run_migrate(&cfg);
    } else if (str_equal(command, "serve")) {
        status = serve(&cfg, &e) ? report(&e) : EXIT_SUCCESS;
    } else if (str_equal(command, "health")) {
        /* Docker knows no status but 0 and 1. */
        status = health(&cfg, &e) ? EXIT_FAILURE : EXIT_SUCCESS;
        if (status)
            report(&e);
    } else {
        status = serve_check_agents(&cfg) ? EXIT_FAILURE : EXIT_SUCCESS;
        puts(status ? "settings are fine, some agents cannot run" : "settings and agents are fine");
    }
    config_fini(&cfg);
    return status;
}

int
main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    if (str_equal(command, "serve") || str_equal(command, "migrate") || str_equal(command, "health") || str_equal(command, "check-config"))
        return run_with_config(command);
    if (str_equal(command, "settings"))
        return print_settings(argc > 2 ? argv[2] : NULL);
    if (str_equal(command, "version") || str_equal(command, "--version"))
        return puts("orchd " ORCH_VERSION) < 0;
    if (str_equal(command, "help") || str_equal(command, "--help"))
        return print_usage(stdout, EXIT_SUCCESS);
    fprintf(stderr, "orchd: there is no command \"%s\"\n", command);
    return print_usage(stderr, EXIT_USAGE);
}
