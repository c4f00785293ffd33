/* describe_settings: prints the table of settings, for tools/gen-docs: describe_settings markdown|dotenv|help. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "config/config.h"

int
main(int argc, char **argv)
{
    static const char *const names[] = { [CONFIG_HELP] = "help", [CONFIG_MARKDOWN] = "markdown", [CONFIG_DOTENV] = "dotenv" };
    struct buf               out = { 0 };
    int                      status = EX_USAGE;

    for (enum config_format format = CONFIG_HELP; argc == 2 && format <= CONFIG_DOTENV; format++) {
        if (strcmp(argv[1], names[format]) != 0)
            continue;
        config_describe(&out, format);
        status = fputs(out.data, stdout) < 0 || fflush(stdout) ? EX_IOERR : EX_OK;
    }
    if (status == EX_USAGE)
        fputs("usage: describe_settings help|markdown|dotenv\n", stderr);
    buf_fini(&out);
    return status;
}
