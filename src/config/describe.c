/* describe: the table of settings, for people. */
#include <stdlib.h>
#include <string.h>

#include "config/config_int.h"

/* What a value looks like, e.g. "whole number, 1 to 64". */
static void
add_form(struct buf *out, const struct option *o)
{
    static const char *const forms[] = {
        [TYPE_text] = "text",          [TYPE_path] = "path",       [TYPE_secret] = "secret",    [TYPE_names] = "names, comma-separated",
        [TYPE_whole] = "whole number", [TYPE_yesno] = "on or off", [TYPE_seconds] = "duration",
    };

    buf_add_str(out, forms[o->type]);
    if (o->type == TYPE_whole)
        buf_printf(out, ", %lld to %lld", (long long)o->min, (long long)o->max);
    if (o->type == TYPE_seconds)
        buf_printf(out, ", %s to %s", config_duration_text(o->min).text, config_duration_text(o->max).text);
}

static void
describe_help(struct buf *out, const struct option *o)
{
    buf_printf(out, "  %s (", config_variable(o).text);
    add_form(out, o);
    if (*o->def)
        buf_printf(out, "; default %s", o->def);
    if (o->flags & REQUIRED)
        buf_add_str(out, "; required");
    buf_printf(out, ")\n      %s\n", o->help);
}

/* A bar would end the cell. */
static void
add_cell(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_printf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void
describe_markdown(struct buf *out, const struct option *o)
{
    buf_printf(out, "| `%s` | ", config_variable(o).text);
    add_form(out, o);
    buf_printf(out, *o->def ? " | `%s` | " : " | | ", o->def);
    buf_add_str(out, o->flags & RELOAD ? "SIGHUP" : o->flags & SHARED ? "`orch.set_setting`" : "restart");
    buf_add_str(out, " | ");
    add_cell(out, o->help);
    if (o->flags & REQUIRED)
        buf_add_str(out, " **Required.**");
    buf_add_str(out, " |\n");
}

static void
describe_dotenv(struct buf *out, const struct option *o)
{
    buf_printf(out, "\n# %s (", o->help);
    add_form(out, o);
    buf_printf(out, ")\n#%s=%s\n", config_variable(o).text, o->def);
}

static const char help_head[] = "Settings are environment variables. A secret can be read from a file instead: NAME_FILE=path.\n"
                                "A duration is a number of seconds, or one with ms, s, m, h or d.\n\n";

static const char markdown_head[] =
    "# Settings\n\n"
    "Settings are environment variables, read at start. A secret can be read from a file instead: `NAME_FILE=path`.\n"
    "A duration is a number of seconds, or one with a unit: `500ms`, `90s`, `10m`, `2h`, `1d`.\n\n"
    "The last but one column says how a change gets in force: at a restart; at a reload (`SIGHUP`); or at a restart, and from psql at any\n"
    "time by `select orch.set_setting('max_attempts', '3')`, which wins over the environment until it is set to null.\n\n"
    "| variable | value | default | changed by | what it does |\n"
    "| --- | --- | --- | --- | --- |\n";

static const char dotenv_head[] = "# Settings of orchd. Each line shows the default; take its # away to change it.\n"
                                  "# A secret can be read from a file instead: NAME_FILE=path.\n";

void
config_describe(struct buf *out, enum config_format format)
{
    static const char *const heads[] = { [CONFIG_HELP] = help_head, [CONFIG_MARKDOWN] = markdown_head, [CONFIG_DOTENV] = dotenv_head };

    buf_add_str(out, heads[format]);
    for (size_t i = 0; i < config_option_count; i++) {
        switch (format) {
        case CONFIG_HELP:
            describe_help(out, &config_options[i]);
            break;
        case CONFIG_MARKDOWN:
            describe_markdown(out, &config_options[i]);
            break;
        case CONFIG_DOTENV:
            describe_dotenv(out, &config_options[i]);
            break;
        }
    }
}
