/* main.c — pyexplore-tui: the loop between the terminal and the explorer.
 *
 * The target is connected before the terminal is touched, so that what is
 * wrong can be read in the ordinary way.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/keymap.h"
#include "tui/options.h"
#include "tui/plain.h"
#include "tui/term.h"

#ifndef PX_VERSION
#define PX_VERSION "0.1.0"
#endif

#define SERVERS_SHOWN 10

/* What signals ask for; px_loop_wake is safe in their handlers. */
static struct {
    volatile sig_atomic_t end_signal;
    volatile sig_atomic_t is_resized;
    volatile sig_atomic_t is_continued;
    struct px_loop *volatile loop; /* NULL: it is gone */
} asked;

struct program {
    struct app *app;
    struct terminal *term;
    bool is_leaving;
};

static void
on_signal(int number)
{
    int before = errno;
    if (number == SIGWINCH)
        asked.is_resized = 1;
    else if (number == SIGCONT)
        asked.is_continued = 1;
    else
        asked.end_signal = number;
    struct px_loop *loop = asked.loop;
    if (loop != NULL)
        px_loop_wake(loop);
    errno = before;
}

static void
catch_signals(struct px_loop *loop)
{
    static const int signals[] = {SIGTERM, SIGHUP,   SIGINT,
                                  SIGQUIT, SIGWINCH, SIGCONT};
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    asked.loop = loop;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
}

static void
resize(struct program *program)
{
    int rows = 0, cols = 0;
    term_size(program->term, &rows, &cols);
    app_resize(program->app, rows, cols);
}

static void
react(struct program *program, unsigned reaction)
{
    if (reaction & REACT_QUIT)
        program->is_leaving = true;
    if (reaction & REACT_REPAINT)
        program->app->is_repaint = true;
    if (reaction & REACT_SUSPEND) {
        term_suspend(program->term);
        resize(program);
    }
}

static void
on_input(void *context, int fd, short revents)
{
    struct program *program = context;
    (void)fd;
    /* The terminal is gone: leave without a word. */
    if (revents & (POLLHUP | POLLERR | POLLNVAL))
        program->is_leaving = true;
    for (;;) {
        struct term_input input = term_next(program->term);
        if (input.kind == TERM_NOTHING)
            break;
        if (input.kind == TERM_KEY)
            react(program, app_key(program->app, input.key));
        else if (input.kind == TERM_PASTE)
            react(program, app_paste(program->app, input.key));
        else
            react(program, app_mouse(program->app, (enum mouse)input.mouse,
                                     input.row, input.col));
    }
}

static void
on_copy(void *context, const char *text)
{
    term_copy(context, text);
}

static void
draw(struct program *program)
{
    app_draw(program->app);
    term_draw(program->term, &program->app->screen, program->app->is_repaint);
    program->app->is_repaint = false;
}

static enum px_status
run(struct program *program, struct px_err *err)
{
    struct app *app = program->app;
    enum px_status status =
        px_loop_watch(app->loop, STDIN_FILENO, POLLIN, on_input, program, err);
    resize(program);
    while (status == PX_OK && !program->is_leaving) {
        if (asked.end_signal != 0)
            break;
        if (asked.is_resized || asked.is_continued) {
            if (asked.is_continued)
                app->is_repaint = true;
            asked.is_resized = asked.is_continued = 0;
            resize(program);
        }
        app_collect(app);
        react(program, app->reaction);
        app->reaction = REACT_NONE;
        if (app->is_dirty)
            draw(program);
        status = px_loop_step(app->loop, -1, err);
    }
    px_loop_unwatch(app->loop, STDIN_FILENO);
    return status;
}

static int
complain(const struct px_err *err)
{
    fprintf(stderr, "pyexplore-tui: %s\n", err->msg);
    if (err->hint[0] != '\0')
        fprintf(stderr, "  %s\n", err->hint);
    return px_status_exit(err->status);
}

/* For who does not know what TARGET there is. */
static void
say_servers(void)
{
    struct px_server_info *servers = NULL;
    struct px_err err;
    size_t n = 0;
    if (px_servers_list(&servers, &n, &err) != PX_OK || n == 0)
        fputs("  No process here serves. One does after: import pyexplore; "
              "pyexplore.serve()\n",
              stderr);
    else
        fputs("  Here serve:\n", stderr);
    for (size_t i = 0; i < n && i < SERVERS_SHOWN; i++) {
        char command[200];
        px_text_escape(servers[i].command, strlen(servers[i].command),
                       sizeof command, command);
        fprintf(stderr, "    pyexplore-tui %-8d %s\n", (int)servers[i].pid,
                command);
    }
    if (n > SERVERS_SHOWN)
        fputs("    and others: `pyexplore ls` lists all\n", stderr);
    free(servers);
}

static enum px_status
check_terminal(struct px_err *err)
{
    const char *name = getenv("TERM");
    bool is_dumb = name != NULL && strcmp(name, "dumb") == 0;
    if (!is_dumb && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return PX_OK;
    px_fail(err, PX_EUNSUPPORTED,
            is_dumb ? "a dumb terminal cannot show the explorer"
                    : "the explorer needs a terminal");
    px_err_hint(err, "pyexplore types TARGET prints the same, and "
                     "pyexplore-tui --plain TARGET talks in lines");
    return PX_EUNSUPPORTED;
}

static int
explore(const struct options *options)
{
    struct app app;
    struct px_err err = {.status = PX_OK};
    struct px_target target;
    struct program program = {.app = &app};
    bool is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if ((!options->plain && check_terminal(&err) != PX_OK) ||
        px_target_parse(options->target, &target, &err) != PX_OK)
        return complain(&err);
    if (options->key_file != NULL)
        snprintf(target.key_file, sizeof target.key_file, "%s",
                 options->key_file);
    if (app_init(&app, options->ascii || !is_utf8, &err) != PX_OK)
        goto out;
    app.is_plain = options->plain;
    /* Until it is connected signals end it at once: there is nothing yet to
     * put back. */
    signal(SIGPIPE, SIG_IGN);
    /* one that is ignored would hide how ssh ended */
    signal(SIGCHLD, SIG_DFL);
    if (app_open(&app, &target, options->timeout_ms, &err) != PX_OK)
        goto out;
    catch_signals(app.loop);
    if (options->plain) {
        plain_run(&app, options->place, &asked.end_signal, &err);
        goto out;
    }
    struct term_options looks = {.theme = options->theme,
                                 .colors = options->colors,
                                 .mouse = options->mouse};
    program.term = term_open(&looks, &err);
    if (program.term == NULL)
        goto out;
    app.copy = on_copy;
    app.copy_context = program.term;
    if (options->place != NULL)
        app_begin(&app, options->place);
    run(&program, &err);
out:
    term_close(program.term);
    asked.loop = NULL;
    app_done(&app);
    if (asked.end_signal != 0 && asked.end_signal != SIGINT) {
        /* Ended by a signal: so the parent should see it. */
        signal(asked.end_signal, SIG_DFL);
        raise(asked.end_signal);
    }
    return err.status != PX_OK ? complain(&err) : 0;
}

int
main(int argc, char *argv[])
{
    struct options options;
    struct px_err err;
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* 0.5 is 0.5, read and written */
    if (options_parse(argc, argv, &options, &err) != PX_OK) {
        int status = complain(&err);
        if (argc == 1)
            say_servers();
        return status;
    }
    switch (options.want) {
    case WANT_HELP:
        options_help(stdout);
        break;
    case WANT_VERSION:
        printf("pyexplore-tui %s\n", PX_VERSION);
        break;
    case WANT_KEYS:
        keymap_markdown(stdout);
        break;
    case WANT_EXPLORE:
        return explore(&options);
    }
    return fflush(stdout) != 0 ? 4 : 0;
}
