/* help.c — help texts, all made from the tables of commands and options.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/cli.h"

#include <string.h>

#define HELP_COLS 78
#define HELP_LEFT 23

/* `text` wrapped at words; lines after the first start at `indent`, the first
 * goes on in the column `col`. */
static void
put_wrapped(FILE *out, const char *text, int indent, int col)
{
    bool fresh = true;
    while (*text != '\0') {
        int n = (int)strcspn(text, " ");
        if (!fresh && col + 1 + n > HELP_COLS) {
            fprintf(out, "\n%*s", indent, "");
            col = indent;
        } else if (!fresh) {
            fputc(' ', out);
            col++;
        }
        fprintf(out, "%.*s", n, text);
        col += n;
        fresh = false;
        text += n;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

void
cli_help_row(FILE *out, const char *left, const char *text)
{
    int col = fprintf(out, "  %-*s ", HELP_LEFT, left);
    put_wrapped(out, text, HELP_LEFT + 3, col);
}

static void
put_option(FILE *out, const struct cli_option *option, const char *sorts)
{
    char left[64];
    char help[256];
    if (option->letter != 0)
        snprintf(left, sizeof left, "-%c, --%s %s", option->letter,
                 option->name, option->argument);
    else
        snprintf(left, sizeof left, "    --%s %s", option->name,
                 option->argument);
    const char *hole = strstr(option->help, "%s");
    if (hole != NULL)
        snprintf(help, sizeof help, "%.*s%s%s", (int)(hole - option->help),
                 option->help, sorts == NULL ? "" : sorts, hole + 2);
    else
        snprintf(help, sizeof help, "%s", option->help);
    cli_help_row(out, left, help);
}

static void
put_usage(FILE *out, const struct cli_command *command)
{
    fprintf(out, "usage: pyexplore %s %s%s[OPTION...]\n", command->name,
            command->args, command->args[0] != '\0' ? " " : "");
}

static const char *const target_forms[][2] = {
    {"HOST:PORT", "a serving process by TCP, here or forwarded"},
    {"PID", "a serving process of this machine"},
    {"PATH", "its Unix socket"},
    {"ssh://[USER@]HOST/PID", "on another machine, by ssh (HOST:2222 if sshd "
                              "is there); a PORT will do too"},
    {"FILE.pxs", "a snapshot file"},
};

static void
put_target(FILE *out)
{
    fputs("\nTARGET is one of\n", out);
    for (size_t i = 0; i < sizeof target_forms / sizeof *target_forms; i++)
        cli_help_row(out, target_forms[i][0], target_forms[i][1]);
}

static const char *const exit_texts[] = {
    "fine (also: a known type that has no instances)",
    "found something (leak, growth over a threshold)",
    "usage, or not available here",
    "cannot connect, or not allowed",
    "the target or the file broke off, or you cancelled",
    "no such type or object in this snapshot",
};

static void
put_exits(FILE *out)
{
    fputs("\nExit status\n", out);
    for (size_t i = 0; i < sizeof exit_texts / sizeof *exit_texts; i++)
        fprintf(out, "  %zu  %s\n", i, exit_texts[i]);
}

void
cli_help_program(FILE *out)
{
    fputs("usage: pyexplore COMMAND [ARGUMENT...] [OPTION...]\n\n"
          "Explore the heap of a running Python process: what grows, who "
          "holds it.\n\nCommands\n",
          out);
    for (size_t i = 0; i < cli_n_commands; i++)
        fprintf(out, "  %-12s %s\n", cli_commands[i].name,
                cli_commands[i].summary);
    put_target(out);
    put_exits(out);
    fputs("\n`pyexplore COMMAND --help` shows one command, with examples.\n"
          "`pyexplore-tui TARGET` is the interactive explorer.\n",
          out);
}

void
cli_help_command(FILE *out, const struct cli_command *command)
{
    put_usage(out, command);
    fputc('\n', out);
    put_wrapped(out, command->summary, 0, 0);
    if (command->about != NULL) {
        fputc('\n', out);
        put_wrapped(out, command->about, 0, 0);
    }
    if (command->more_help != NULL)
        command->more_help(out);
    fputs("\nOptions\n", out);
    for (unsigned i = 0; i < CLI_OPT_END; i++) {
        if (command->options >> i & 1)
            put_option(out, &cli_option_table[i], command->sorts);
    }
    if (strstr(command->args, "TARGET") != NULL)
        put_target(out);
    fputs("\nExamples\n", out);
    for (size_t i = 0; i < CLI_EXAMPLES_MAX; i++) {
        const struct cli_example *example = &command->examples[i];
        if (example->text != NULL)
            fprintf(out, "  pyexplore %s\n      %s\n", example->text,
                    example->does);
    }
}

void
cli_help_markdown(FILE *out)
{
    fputs("| command | what it does |\n|---|---|\n", out);
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *command = &cli_commands[i];
        fprintf(out, "| `pyexplore %s%s", command->name,
                command->args[0] != '\0' ? " " : "");
        for (const char *at = command->args; *at != '\0'; at++) {
            if (*at == '|')
                fputs("\\|", out);
            else
                fputc(*at, out);
        }
        fprintf(out, "` | %s |\n", command->summary);
    }
}
