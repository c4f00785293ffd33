/* orchd-bench: the parts of the workloads that must be orchd's own code, or must not disturb it. tools/bench/run drives it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/str.h"
#include "bench.h"

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

/* -1 when a value is no number in its range. */
static int
read_option(struct bench_options *o, int letter, const char *value)
{
    long number = 0;

    if (letter == 'u')
        o->url = value;
    else if (letter == 's')
        o->sql = value;
    else if (letter == 'o')
        o->out = value;
    if (strchr("uso", letter))
        return 0;
    if (letter == '?' || !str_to_long(value, &number) || number < 0 || number > 100000000)
        return -1;
    unsigned *const fields[] = {
        ['b'] = &o->batch, ['c'] = &o->connections, ['n'] = &o->jobs, ['w'] = &o->warm_up, ['m'] = &o->mean_ms, ['r'] = &o->seed,
    };
    *fields[letter] = (unsigned)number;
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
