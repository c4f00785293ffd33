/* orchd-bench: the parts of the workloads that must be orchd's own code, or must not disturb it. tools/bench/run drives it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/str.h"
#include "bench.h"

enum { NUMBER_MAX = 100000000 };

struct verb {
    const char *name;
    int (*run)(const struct bench_options *o, struct err *e);
    const char *help;
};

static const struct verb verbs[] = {
    { "drain", bench_drain, "Claim and complete --jobs no-op jobs, --batch at a time; print jobs per second." },
    { "pickup", bench_pickup, "Be an idle node: claim what comes until --jobs have come; write \"JOB NANOSECONDS\" a line to --out." },
    { "produce", bench_produce, "Enqueue --jobs jobs by --sql at random moments; print \"JOB COMMIT-SENT COMMIT-ANSWERED\" a line." },
};

static const struct option options[] = {
    { "url", required_argument, NULL, 'u' },     { "sql", required_argument, NULL, 's' },
    { "out", required_argument, NULL, 'o' },     { "batch", required_argument, NULL, 'b' },
    { "jobs", required_argument, NULL, 'n' },    { "connections", required_argument, NULL, 'c' },
    { "warm-up", required_argument, NULL, 'w' }, { "seed", required_argument, NULL, 'r' },
    { "mean-ms", required_argument, NULL, 'm' }, { NULL, 0, NULL, 0 },
};

static int
print_usage(void)
{
    fputs("usage: orchd-bench VERB --url URL [--batch N] [--connections N] [--jobs N] [--warm-up N] [--sql SQL] [--mean-ms N] [--seed N]"
          " [--out FILE]\n\n",
          stderr);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        fprintf(stderr, "  %-8s %s\n", verbs[i].name, verbs[i].help);
    return EX_USAGE;
}

/* The number that an option sets; NULL when it sets a text. */
static unsigned *
number_of(struct bench_options *o, int letter)
{
    switch (letter) {
    case 'b':
        return &o->batch;
    case 'c':
        return &o->connections;
    case 'n':
        return &o->jobs;
    case 'w':
        return &o->warm_up;
    case 'm':
        return &o->mean_ms;
    case 'r':
        return &o->seed;
    default:
        return NULL;
    }
}

/* -1 for an unknown option, or a value that is no number in its range. */
static int
read_option(struct bench_options *o, int letter, const char *value)
{
    unsigned *number = number_of(o, letter);
    long      given = 0;

    if (letter == 'u')
        o->url = value;
    else if (letter == 's')
        o->sql = value;
    else if (letter == 'o')
        o->out = value;
    else if (!number || !str_to_long(value, &given) || given < 0 || given > NUMBER_MAX)
        return -1;
    if (number)
        *number = (unsigned)given;
    return 0;
}

int
main(int argc, char **argv)
{
    struct bench_options o = { .batch = 100, .connections = 1, .jobs = 1000, .mean_ms = 40, .seed = 1 };
    struct err           e = ERR_INIT;
    const struct verb   *verb = NULL;
    int                  letter;

    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (read_option(&o, letter, optarg))
            return print_usage();
    for (size_t i = 0; optind == argc - 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (str_equal(argv[optind], verbs[i].name))
            verb = &verbs[i];
    if (!verb || !o.url || !o.batch || !o.connections || !o.jobs)
        return print_usage();
    log_setup(LOG_WARN, false);
    if (verb->run(&o, &e)) {
        fprintf(stderr, "orchd-bench: %s: %s\n", verb->name, e.text);
        return EXIT_FAILURE;
    }
    return fflush(stdout) ? EX_IOERR : EXIT_SUCCESS;
}
