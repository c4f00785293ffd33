/* orchctl: what an operator would do in psql or over HTTP, without knowing either. See ctl.h. */
#include "base/log.h"
#include "ctl/ctl.h"

int
main(int argc, char **argv)
{
    struct ctl_line line;
    struct err      e = ERR_INIT;
    int             status;

    if (!ctl_read_line(&line, argc, argv))
        return CTL_USAGE;
    if (line.wants_help) {
        if (line.verb)
            ctl_print_verb(stdout, line.verb);
        else
            ctl_print_usage(stdout);
        return CTL_DONE;
    }
    log_setup(LOG_ERROR, false);
    status = line.verb->run ? line.verb->run(&line, &e) : ctl_run_question(&line, &e);
    if (e.code)
        fprintf(stderr, "orchctl: %s\n", e.text);
    return status;
}
