/* main.c — the program `pyexplore`: arguments in, a command run, one exit.
 *
 * Signals: SIGPIPE is ignored and seen as EPIPE when the result is written.
 * Ctrl-C, SIGTERM, SIGHUP and --timeout set `canceled` in the work that runs;
 * it ends at its next look, connections are closed (the agent then puts back
 * what a session changed) and half-written files are removed. A second Ctrl-C
 * ends the program at once. An inherited SIGHUP that is ignored (nohup) stays
 * so; an inherited SIGCHLD would hide how our children end.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/jsonout.h"

/* For the handler alone; a process has one command and one work. */
static struct px_work *volatile signal_work;
static volatile sig_atomic_t signal_seen;

static void
on_signal(int number)
{
    signal_seen = number;
    if (signal_work != NULL)
        signal_work->canceled = true;
}

static void
catch_signals(struct cli *cli)
{
    signal_work = &cli->work;
    struct sigaction action = {.sa_handler = SIG_IGN};
    struct sigaction inherited;
    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, NULL);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND; /* no SA_RESTART: reads return */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &inherited) == 0 &&
        inherited.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}

static enum px_status
start_timeout(const struct cli *cli, struct px_err *err)
{
    double whole;
    double part = modf(cli->opt.timeout, &whole);
    suseconds_t micros = (suseconds_t)(part * 1e6) + 1;
    struct itimerval timer = {
        .it_value = {.tv_sec = (time_t)whole,
                     .tv_usec = micros < 1000000 ? micros : 999999}};
    if (cli->opt.timeout <= 0 || setitimer(ITIMER_REAL, &timer, NULL) == 0)
        return PX_OK;
    return px_fail_errno(err, PX_EINVAL, errno, "cannot limit the time to %g s",
                         cli->opt.timeout);
}

enum px_status
cli_interrupted(const struct cli *cli, enum px_status status,
                struct px_err *err)
{
    if (signal_seen == 0)
        return status;
    if (signal_seen == SIGALRM)
        px_fail(err, PX_ECANCELED, "not done within %g s: given up",
                cli->opt.timeout);
    else
        px_fail(err, PX_ECANCELED, "cancelled");
    return PX_ECANCELED;
}

static void
on_report(void *context, const char *stage, uint64_t done, uint64_t total)
{
    struct cli *cli = context;
    char text[128];
    if (total > 0)
        snprintf(text, sizeof text, "%.80s: %u %%", stage,
                 (unsigned)(100.0 * (double)done / (double)total));
    else
        snprintf(text, sizeof text, "%.80s", stage);
    cli_progress_text(cli->progress, text);
}

/* $COLUMNS counts also on a pipe: whoever exports it wants that width. */
static int
stdout_cols(bool tty)
{
    struct winsize size;
    const char *text = getenv("COLUMNS");
    long cols = text != NULL ? strtol(text, NULL, 10) : 0;
    if (cols > 0 && cols < 100000)
        return (int)cols;
    if (tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        return size.ws_col;
    return 0;
}

static void
look_around(struct cli *cli)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    bool can_color = !cli->opt.no_color && !cli->opt.json &&
                     (no_color == NULL || no_color[0] == '\0') &&
                     term != NULL && strcmp(term, "dumb") != 0;
    cli->out_tty = isatty(STDOUT_FILENO);
    cli->err_tty = isatty(STDERR_FILENO);
    cli->color = can_color && cli->out_tty;
    cli->err_color = can_color && cli->err_tty;
    cli->ascii = cli->opt.ascii;
    /* JSON is UTF-8 whatever the locale says */
    if (!cli->opt.json && strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        cli->ascii = true;
    cli->cols = stdout_cols(cli->out_tty);
    cli->work.report = on_report;
    cli->work.context = cli;
}

/* The one place that prints errors; returns the exit status. */
static int
print_error(struct cli *cli, const struct px_err *err)
{
    int exit_status = px_status_exit(err->status);
    if (err->msg[0] == '\0') /* the reader of stdout went away */
        return cli->exit_status;
    char text[PX_ERR_TEXT * 2];
    cli_progress_clear(cli->progress);
    fprintf(stderr, "%spyexplore: %s%s\n",
            cli_role_start(cli->err_color, CLI_FAULT),
            cli_text(cli, err->msg, sizeof text, text),
            cli_role_stop(cli->err_color, CLI_FAULT));
    if (err->hint[0] != '\0')
        fprintf(stderr, "  %s\n", cli_text(cli, err->hint, sizeof text, text));
    if (cli->opt.json && !cli->printed_json)
        jsonout_error(cli, err, exit_status);
    return exit_status;
}

static int
run_command(struct cli *cli)
{
    struct px_err err = {PX_OK, "", ""};
    catch_signals(cli);
    cli->progress = cli_progress_new(cli);
    enum px_status status = start_timeout(cli, &err);
    if (status == PX_OK)
        status = cli->command->run(cli, &err);
    cli_progress_clear(cli->progress);
    if (status == PX_OK)
        status = cli_out_check(cli, &err);
    int exit_status = cli->exit_status;
    if (status != PX_OK)
        exit_status = print_error(cli, &err);
    cli_progress_free(cli->progress);
    cli->progress = NULL;
    if (fflush(stdout) != 0 && exit_status == 0 && status == PX_OK)
        exit_status = px_status_exit(PX_EIO);
    return exit_status;
}

/* Help and version too may meet a full disk. */
static int
finish_text(struct cli *cli)
{
    struct px_err err = {PX_OK, "", ""};
    return cli_out_check(cli, &err) == PX_OK ? 0 : print_error(cli, &err);
}

static bool
is_one_of(const char *arg, const char *a, const char *b, const char *c)
{
    return strcmp(arg, a) == 0 || strcmp(arg, b) == 0 || strcmp(arg, c) == 0;
}

int
main(int argc, char **argv)
{
    struct cli cli = {0};
    struct px_err err = {PX_OK, "", ""};
    setlocale(LC_CTYPE, "");
    if (argc < 2) {
        cli_help_program(stderr);
        return px_status_exit(PX_EINVAL);
    }
    if (is_one_of(argv[1], "--version", "-V", "version")) {
        printf("pyexplore %s\n", PX_VERSION);
        return finish_text(&cli);
    }
    if (strcmp(argv[1], "--help-markdown") == 0) { /* for the README */
        cli_help_markdown(stdout);
        return finish_text(&cli);
    }
    if (is_one_of(argv[1], "--help", "-h", "help")) {
        const struct cli_command *command =
            argc > 2 ? cli_command_find(argv[2]) : NULL;
        if (command != NULL)
            cli_help_command(stdout, command);
        else
            cli_help_program(stdout);
        return finish_text(&cli);
    }
    enum px_status status = cli_args_parse(&cli, argc - 1, argv + 1, &err);
    look_around(&cli);
    if (status == PX_OK && cli.opt.help) {
        cli_help_command(stdout, cli.command);
        return finish_text(&cli);
    }
    int exit_status =
        status == PX_OK ? run_command(&cli) : print_error(&cli, &err);
    fflush(stdout);
    json_decref(cli.candidates);
    for (size_t i = 0; i < cli.n_agreed; i++)
        free(cli.agreed[i]);
    free(cli.agreed);
    return exit_status;
}
