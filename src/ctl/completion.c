/* completion: scripts for three shells, made from the table of verbs. They complete verbs, options, and values that are a fixed choice. */
#include <string.h>

#include "ctl/ctl.h"

#define SHELLS "bash zsh fish"

/* Verbs of two words that begin alike stand side by side; their first word is one. */
static bool
is_repeated(size_t at)
{
    size_t length = strcspn(ctl_verbs[at].name, " ");

    return at && strncmp(ctl_verbs[at - 1].name, ctl_verbs[at].name, length) == 0 && ctl_verbs[at - 1].name[length] == ' ';
}

static int
first_length(const struct ctl_verb *verb)
{
    return (int)strcspn(verb->name, " ");
}

static void
print_first_words(void)
{
    for (size_t i = 0; i < ctl_verb_count; i++)
        if (!is_repeated(i))
            printf(" %.*s", first_length(&ctl_verbs[i]), ctl_verbs[i].name);
}

/* The words that may come right after the first of this verb. */
static void
print_next_words(const struct ctl_verb *verb)
{
    size_t length = strcspn(verb->name, " ");

    for (size_t i = 0; i < ctl_verb_count; i++)
        if (strncmp(ctl_verbs[i].name, verb->name, length) == 0 && ctl_verbs[i].name[length] == ' ')
            printf(" %s", ctl_verbs[i].name + length + 1);
    if (str_equal(verb->name, "completion"))
        fputs(" " SHELLS, stdout);
    if (str_equal(verb->name, "help"))
        print_first_words();
}

static void
print_values(const struct ctl_name *n)
{
    for (int i = 0; i < n->values_length; i++)
        putchar(n->values[i] == ',' ? ' ' : n->values[i]);
}

/* For inside single quotes. zsh parts a word from what it says with a colon; fish knows a backslash there, the others do not. */
static void
print_quoted(const char *text, bool is_zsh)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs(is_zsh ? "'\\''" : "\\'", stdout);
        else
            printf(*text == ':' && is_zsh ? "\\%c" : "%c", *text);
    }
}

/* --- bash -------------------------------------------------------------------------------------------------------------------------------- */

static void
print_bash_verb(const struct ctl_verb *verb)
{
    struct ctl_name n;

    printf("    %.*s) words='--json --url --help", first_length(verb), verb->name);
    print_next_words(verb);
    for (const char *list = verb->options; ctl_next_name(&list, &n);)
        printf(" --%.*s", n.length, n.name);
    for (const char *list = verb->switches; ctl_next_name(&list, &n);)
        printf(" --%.*s", n.length, n.name);
    puts("' ;;");
}

static void
print_bash_values(const struct ctl_verb *verb)
{
    struct ctl_name n;

    for (const char *list = verb->options; ctl_next_name(&list, &n);)
        if (n.values_length) {
            printf("    '%s --%.*s') words='", verb->name, n.length, n.name);
            print_values(&n);
            puts("' ;;");
        }
}

static void
print_bash(void)
{
    puts("# bash completion of orchctl, made by: orchctl completion bash\n"
         "_orchctl() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb='' words='' i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "    --url) ((i++)) ;;\n"
         "    -*) ;;\n"
         "    *) verb=${COMP_WORDS[i]}; break ;;\n"
         "    esac\n"
         "  done\n"
         "  case $verb in");
    fputs("    '') words='--json --url --help", stdout);
    print_first_words();
    puts("' ;;");
    for (size_t i = 0; i < ctl_verb_count; i++)
        if (!is_repeated(i))
            print_bash_verb(&ctl_verbs[i]);
    puts("  esac\n"
         "  case \"$verb $before\" in");
    for (size_t i = 0; i < ctl_verb_count; i++)
        print_bash_values(&ctl_verbs[i]);
    puts("  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
         "}\n"
         "complete -o default -F _orchctl orchctl");
}

/* --- zsh --------------------------------------------------------------------------------------------------------------------------------- */

static void
print_zsh_verb(const struct ctl_verb *verb)
{
    struct ctl_name n;

    printf("    %.*s) _arguments '--json[JSON for programs]' '--url[address]:url:' '--help[help]'", first_length(verb), verb->name);
    for (const char *list = verb->options; ctl_next_name(&list, &n);) {
        printf(" '--%.*s[%.*s]:%.*s:%s", n.length, n.name, n.length, n.name, n.length, n.name, n.values_length ? "(" : "");
        print_values(&n);
        fputs(n.values_length ? ")'" : "'", stdout);
    }
    for (const char *list = verb->switches; ctl_next_name(&list, &n);)
        printf(" '--%.*s[%.*s]'", n.length, n.name, n.length, n.name);
    fputs(" '1:argument:(", stdout);
    print_next_words(verb);
    puts(" )' '*::argument:' ;;");
}

static void
print_zsh(void)
{
    puts("#compdef orchctl\n"
         "# zsh completion of orchctl, made by: orchctl completion zsh\n"
         "_orchctl() {\n"
         "  local curcontext=$curcontext state line\n"
         "  local -a verbs\n"
         "  verbs=(");
    for (size_t i = 0; i < ctl_verb_count; i++)
        if (!is_repeated(i)) {
            printf("    '%.*s:", first_length(&ctl_verbs[i]), ctl_verbs[i].name);
            print_quoted(ctl_verbs[i].help, true);
            puts("'");
        }
    puts("  )\n"
         "  _arguments -C '--json[JSON for programs]' '--url[address]:url:' '--help[help]' '1:verb:->verb' '*::argument:->rest'\n"
         "  case $state in\n"
         "  verb) _describe verb verbs ;;\n"
         "  rest)\n"
         "    case $line[1] in");
    for (size_t i = 0; i < ctl_verb_count; i++)
        if (!is_repeated(i))
            print_zsh_verb(&ctl_verbs[i]);
    puts("    esac ;;\n"
         "  esac\n"
         "}\n"
         "_orchctl \"$@\"");
}

/* --- fish -------------------------------------------------------------------------------------------------------------------------------- */

static void
print_fish_verb(const struct ctl_verb *verb)
{
    struct ctl_name n;
    int             length = first_length(verb);

    printf("complete -c orchctl -n '__fish_seen_subcommand_from %.*s' -a '", length, verb->name);
    print_next_words(verb);
    puts("'");
    for (const char *list = verb->options; ctl_next_name(&list, &n);) {
        printf("complete -c orchctl -n '__fish_seen_subcommand_from %.*s' -x -l %.*s -a '", length, verb->name, n.length, n.name);
        print_values(&n);
        puts("'");
    }
    for (const char *list = verb->switches; ctl_next_name(&list, &n);)
        printf("complete -c orchctl -n '__fish_seen_subcommand_from %.*s' -l %.*s\n", length, verb->name, n.length, n.name);
}

static void
print_fish(void)
{
    puts("# fish completion of orchctl, made by: orchctl completion fish\n"
         "complete -c orchctl -f\n"
         "complete -c orchctl -l json -d 'JSON for programs'\n"
         "complete -c orchctl -x -l url -d address\n"
         "complete -c orchctl -l help -d help");
    for (size_t i = 0; i < ctl_verb_count; i++)
        if (!is_repeated(i)) {
            printf("complete -c orchctl -n __fish_use_subcommand -a %.*s -d '", first_length(&ctl_verbs[i]), ctl_verbs[i].name);
            print_quoted(ctl_verbs[i].help, false);
            puts("'");
            print_fish_verb(&ctl_verbs[i]);
        }
}

int
ctl_completion(const struct ctl_line *line, struct err *e)
{
    const char *shell = line->params[0];

    if (str_equal(shell, "bash"))
        print_bash();
    else if (str_equal(shell, "zsh"))
        print_zsh();
    else if (str_equal(shell, "fish"))
        print_fish();
    else
        err_set(e, ERR_INVALID, "there is no completion for \"%s\": accepted are " SHELLS, shell);
    return e->code ? CTL_USAGE : CTL_DONE;
}
