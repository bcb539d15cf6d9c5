/* args.c — arguments: options by the table of options.h, numbers, addresses.
 *
 * Options may stand anywhere after the command; `--` ends them; `--name=x`,
 * `--name x`, `-n5` and `-n 5` are the same. Every mistake names what was
 * meant, by edit distance over the command's own options.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const struct cli_option cli_option_table[CLI_OPT_END] = {
#define X(id, field, kind, letter, name, argument, help)                       \
    [CLI_OPT_##                                                                \
        id] = {name,   argument,        help,                                  \
               letter, CLI_KIND_##kind, offsetof(struct cli_options, field)},
    CLI_OPTION_LIST(X)
#undef X
};

/* Levenshtein's distance with one row. Words longer than that are not what
 * the user meant. */
#define WORD_MAX 63

unsigned
cli_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return UINT32_MAX;
    unsigned row[WORD_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            unsigned least = row[j - 1] < row[j] ? row[j - 1] : row[j];
            diagonal = row[j];
            row[j] = change < least + 1 ? change : least + 1;
        }
    }
    return row[m];
}

/* A word of `n` letters may have so many mistakes and still be meant. */
static bool
is_near(const char *typed, const char *meant)
{
    size_t n = strlen(typed);
    return cli_distance(typed, meant) <= (n < 4 ? 1 : n < 8 ? 2 : 3);
}

static enum px_status
unknown_command(const char *name, struct px_err *err)
{
    px_fail(err, PX_EINVAL, "there is no command %s", name);
    const char *best = NULL;
    for (size_t i = 0; i < cli_n_commands; i++) {
        const char *known = cli_commands[i].name;
        if (is_near(name, known) &&
            (best == NULL ||
             cli_distance(name, known) < cli_distance(name, best)))
            best = known;
    }
    if (best != NULL)
        px_err_hint(err, "did you mean `pyexplore %s`?", best);
    else
        px_err_hint(err, "`pyexplore --help` lists the commands");
    return PX_EINVAL;
}

static enum px_status
unknown_option(const struct cli_command *command, const char *typed,
               struct px_err *err)
{
    px_fail(err, PX_EINVAL, "`%s` has no option %s", command->name, typed);
    const char *name = typed + strspn(typed, "-");
    char word[WORD_MAX + 1];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(name, "="), name);
    for (unsigned i = 0; i < CLI_OPT_END; i++) {
        if ((command->options >> i & 1) &&
            is_near(word, cli_option_table[i].name)) {
            px_err_hint(err, "did you mean --%s?", cli_option_table[i].name);
            return PX_EINVAL;
        }
    }
    px_err_hint(err, "`pyexplore %s --help` lists its options", command->name);
    return PX_EINVAL;
}

static enum px_status
set_option(const struct cli_option *option, const char *value,
           struct cli_options *opt, struct px_err *err)
{
    void *field = (char *)opt + option->offset;
    char *end = NULL;
    errno = 0;
    switch (option->kind) {
    case CLI_KIND_FLAG:
        *(bool *)field = true;
        return PX_OK;
    case CLI_KIND_TEXT:
        *(const char **)field = value;
        return PX_OK;
    case CLI_KIND_COUNT: {
        long long count = strtoll(value, &end, 10);
        if (end == value || *end != '\0' || count < 0 || errno != 0)
            return px_fail(err, PX_EINVAL, "--%s needs a number, not '%s'",
                           option->name, value);
        *(int64_t *)field = count;
        return PX_OK;
    }
    case CLI_KIND_SECONDS: {
        double seconds = strtod(value, &end);
        if (end == value || *end != '\0' || !(seconds > 0 && seconds < 1e9))
            return px_fail(err, PX_EINVAL,
                           "--%s needs a number of seconds, not '%s'",
                           option->name, value);
        *(double *)field = seconds;
        return PX_OK;
    }
    }
    return PX_EINVAL;
}

/* The option that argv[i] starts with, and where its value begins ("" after
 * an '=' with nothing behind it, NULL: none attached). */
static const struct cli_option *
match_option(const struct cli_command *command, const char *arg,
             const char **value)
{
    *value = NULL;
    for (unsigned i = 0; i < CLI_OPT_END; i++) {
        const struct cli_option *option = &cli_option_table[i];
        if (!(command->options >> i & 1))
            continue;
        if (arg[1] != '-') {
            if (option->letter != 0 && arg[1] == option->letter) {
                if (arg[2] != '\0')
                    *value = arg + 2;
                return option;
            }
            continue;
        }
        size_t n = strlen(option->name);
        if (strncmp(arg + 2, option->name, n) != 0)
            continue;
        if (arg[2 + n] == '=')
            *value = arg + 3 + n;
        if (arg[2 + n] == '=' || arg[2 + n] == '\0')
            return option;
    }
    return NULL;
}

static enum px_status
parse_option(struct cli *cli, int argc, char **argv, int *i, struct px_err *err)
{
    const char *value;
    const char *arg = argv[*i];
    const struct cli_option *option = match_option(cli->command, arg, &value);
    if (option == NULL)
        return unknown_option(cli->command, arg, err);
    if (option->kind == CLI_KIND_FLAG) {
        /* -yf is -y -f; --yes=x is a mistake */
        if (value != NULL && arg[1] == '-')
            return px_fail(err, PX_EINVAL, "--%s takes no value", option->name);
        if (value != NULL) {
            set_option(option, NULL, &cli->opt, err);
            argv[*i]++;
            argv[*i][0] = '-';
            (*i)--;
            return PX_OK;
        }
        return set_option(option, NULL, &cli->opt, err);
    }
    if (value == NULL) {
        if (*i + 1 >= argc)
            return px_fail(err, PX_EINVAL, "--%s needs %s", option->name,
                           option->argument);
        value = argv[++*i];
    }
    return set_option(option, value, &cli->opt, err);
}

static enum px_status
check_args(const struct cli *cli, struct px_err *err)
{
    const struct cli_command *command = cli->command;
    if (cli->n_args < command->min_args ||
        (command->max_args >= 0 && cli->n_args > command->max_args)) {
        px_fail(err, PX_EINVAL,
                cli->n_args < command->min_args ? "`%s` needs more arguments"
                                                : "`%s` has too many arguments",
                command->name);
        px_err_hint(err, "usage: pyexplore %s %s", command->name,
                    command->args);
        return PX_EINVAL;
    }
    if (cli->opt.sort == NULL)
        return PX_OK;
    const char *at = command->sorts;
    size_t n = strlen(cli->opt.sort);
    while (at != NULL && n > 0) {
        size_t part = strcspn(at, "|");
        if (part == n && strncmp(at, cli->opt.sort, n) == 0)
            return PX_OK;
        at = at[part] == '|' ? at + part + 1 : NULL;
    }
    px_fail(err, PX_EINVAL, "cannot sort by '%s'", cli->opt.sort);
    px_err_hint(err, "--sort %s", command->sorts);
    return PX_EINVAL;
}

static bool
is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

enum px_status
cli_args_parse(struct cli *cli, int argc, char **argv, struct px_err *err)
{
    cli->opt = (struct cli_options){.limit = -1,
                                    .rounds = -1,
                                    .warmup = -1,
                                    .max_growth = -1,
                                    .levels = -1};
    cli->command = cli_command_find(argv[0]);
    /* so that even a mistaken command line answers in JSON */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        cli->opt.json |= strcmp(argv[i], "--json") == 0;
    if (cli->command == NULL)
        return unknown_command(argv[0], err);
    cli->args = argv + 1;
    bool only_args = false;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (!only_args && is_help(arg)) {
            cli->opt.help = true;
            return PX_OK;
        }
        if (!only_args && strcmp(arg, "--") == 0) {
            only_args = true;
        } else if (only_args || arg[0] != '-' || arg[1] == '\0') {
            cli->args[cli->n_args++] = arg;
        } else {
            enum px_status status = parse_option(cli, argc, argv, &i, err);
            if (status != PX_OK)
                return status;
        }
    }
    return check_args(cli, err);
}

bool
cli_parse_addr(const char *text, uint64_t *out)
{
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    size_t n = strlen(text);
    if (n == 0 || n > 16 || strspn(text, "0123456789abcdefABCDEF") != n)
        return false;
    *out = strtoull(text, NULL, 16);
    return true;
}

bool
cli_sort_is(const struct cli *cli, const char *key)
{
    const char *sort = cli->opt.sort;
    if (sort != NULL)
        return strcmp(sort, key) == 0;
    size_t n = strcspn(cli->command->sorts, "|");
    return strlen(key) == n && strncmp(cli->command->sorts, key, n) == 0;
}

uint64_t
cli_limit(const struct cli *cli, uint64_t for_table)
{
    if (cli->opt.limit >= 0)
        return (uint64_t)cli->opt.limit;
    return cli->opt.json ? 0 : for_table;
}
