/* cmd_check.c — `check`: does an operation leak? PASS or FAIL.
 *
 * Rounds of the same work, a snapshot after each; growth.c tells which paths
 * grew in every one. Only a verdict that needs no guess is FAIL: garbage that
 * waits for a collector that runs is none, and neither is what only immortal
 * counts hold.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/object.h"
#include "cli/session.h"
#include "cli/table.h"

#define ROUNDS 3
#define WARMUP 1
#define TABLE_ROWS 10
#define LOOK_MS 20
#define GRACE_NS UINT64_C(500000000) /* between SIGTERM and SIGKILL */

extern char **environ;

struct check {
    struct cli *cli;
    struct px_growth *growth;
    struct cli_loaded last;
    uint64_t n_rounds;
    uint64_t max_growth;
    bool is_collecting; /* in some snapshot the collector was on */
    const struct px_growth_row **found;
    size_t n_found;
    uint64_t n_waiting; /* objects in cycles that were left out */
};

static uint64_t
option_or(int64_t value, uint64_t otherwise)
{
    return value >= 0 ? (uint64_t)value : otherwise;
}

/* ---- one round ---- */

struct work {
    pid_t pid; /* of the shell */
    bool has_group;
};

/* True if what is typed is for us, and for whom we start in our group. */
static bool
has_terminal(void)
{
    int tty = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (tty < 0)
        return false;
    bool is_ours = tcgetpgrp(tty) == getpgrp();
    close(tty);
    return is_ours;
}

/* With --timeout all that the command starts is a group, which can be ended
 * as a whole. Not where the terminal is ours: another group is stopped as soon
 * as it reads there, and Ctrl-C is not for it. There only the shell is ended.
 */
static bool
wants_group(const struct cli *cli)
{
    return cli->opt.timeout > 0 && !has_terminal();
}

static void
end_work(const struct work *work, int number)
{
    kill(work->has_group ? -work->pid : work->pid, number);
}

/* Whether anything that the shell started is left when it has ended itself. */
static bool
goes_on(const struct work *work)
{
    return work->has_group && kill(-work->pid, 0) == 0;
}

/* Ends the command with us, who does not listen too. False: nobody knows how
 * it ended. */
static bool
wait_for_work(const struct cli *cli, const struct work *work, int *status)
{
    uint64_t told_ns = 0;
    bool has_ended = false, is_known = false, is_killed = false;
    for (;;) {
        if (!has_ended) {
            pid_t ended = waitpid(work->pid, status, WNOHANG);
            is_known = ended == work->pid;
            has_ended = is_known || (ended < 0 && errno != EINTR);
        }
        /* who is dead already may wait for ever for its parent's look */
        bool is_left = cli->work.canceled && !is_killed && goes_on(work);
        if (has_ended && !is_left)
            return is_known;
        uint64_t now = px_now_ns();
        if (cli->work.canceled && told_ns == 0) {
            end_work(work, SIGTERM);
            told_ns = now;
        } else if (told_ns != 0 && !is_killed && now - told_ns > GRACE_NS) {
            end_work(work, SIGKILL);
            is_killed = true;
        }
        poll(NULL, 0, LOOK_MS);
    }
}

/* Starts `/bin/sh -c CMD` with stdout on our stderr: stdout has the verdict. */
static enum px_status
start_work(const struct cli *cli, struct work *work, struct px_err *err)
{
    short flags = POSIX_SPAWN_SETSIGDEF;
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"},
                    cli_dup(cli->opt.during, strlen(cli->opt.during)), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t pipes;
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &pipes);
    work->has_group = wants_group(cli);
    if (work->has_group) /* of its own pid, which is the default */
        flags |= POSIX_SPAWN_SETPGROUP;
    posix_spawnattr_setflags(&attributes, flags);
    int error = posix_spawn(&work->pid, "/bin/sh", &actions, &attributes, argv,
                            environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free(argv[2]);
    if (error != 0)
        return px_fail_errno(err, PX_EUNSUPPORTED, error, "cannot run a shell");
    return PX_OK;
}

static enum px_status
run_work(struct cli *cli, struct px_err *err)
{
    struct work work;
    int status;
    enum px_status started = start_work(cli, &work, err);
    if (started != PX_OK)
        return started;
    bool is_known = wait_for_work(cli, &work, &status);
    if (cli->work.canceled)
        return cli_interrupted(cli, PX_ECANCELED, err);
    if (!is_known)
        return px_fail(err, PX_EIO,
                       "nobody knows how the work of a round "
                       "ended: no verdict");
    if (status == 0)
        return PX_OK;
    px_fail(err, PX_EINVAL, "the work of a round failed with %s %d: %.200s",
            WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
            cli->opt.during);
    px_err_hint(err, "the command of --during must end with status 0");
    return PX_EINVAL;
}

static enum px_status
collect(struct cli *cli, const char *text, struct px_err *err)
{
    struct px_target target;
    enum px_status status = cli_target(cli, text, &target, err);
    if (status != PX_OK)
        return status;
    struct session *session = session_new(cli, &target, err);
    if (session == NULL)
        return err->status;
    status = session_call(session, PX_MSG_GC_COLLECT,
                          json_pack("{s:i}", "generation", 2), "collecting",
                          NULL, NULL, err);
    session_free(session);
    return status;
}

static enum px_status
take_snapshot(struct check *check, const char *target, struct px_err *err)
{
    struct cli *cli = check->cli;
    cli_loaded_done(&check->last);
    enum px_status status = cli_load(cli, target, &check->last, err);
    if (status == PX_OK)
        status = cli_need_whole(cli, &check->last, "no verdict", err);
    if (status == PX_OK)
        status = cli_load_paths(cli, &check->last, err);
    if (status == PX_OK) {
        status =
            px_growth_add(check->growth, check->last.paths, &cli->work, err);
        cli_progress_clear(cli->progress);
    }
    if (status != PX_OK)
        return cli_interrupted(cli, status, err);
    check->is_collecting |=
        !cli->opt.collect && px_graph_header(check->last.graph)->collects;
    return PX_OK;
}

static enum px_status
run_rounds(struct check *check, struct px_err *err)
{
    struct cli *cli = check->cli;
    uint64_t warmup = option_or(cli->opt.warmup, WARMUP);
    enum px_status status = PX_OK;
    check->n_rounds = option_or(cli->opt.rounds, ROUNDS);
    for (uint64_t i = 0; i < warmup && status == PX_OK; i++)
        status = run_work(cli, err);
    for (uint64_t i = 0; i <= check->n_rounds && status == PX_OK; i++) {
        if (i > 0)
            status = run_work(cli, err);
        if (status == PX_OK && cli->opt.collect)
            status = collect(cli, cli->args[0], err);
        if (status == PX_OK)
            status = take_snapshot(check, cli->args[0], err);
    }
    return status;
}

static enum px_status
usage_fails(const struct cli *cli, const char *sentence, struct px_err *err)
{
    px_fail(err, PX_EINVAL, "%s", sentence);
    px_err_hint(err, "usage: pyexplore check %s", cli->command->args);
    return PX_EINVAL;
}

static enum px_status
read_rounds(struct check *check, struct px_err *err)
{
    struct cli *cli = check->cli;
    int n_files = 0;
    enum px_status status = cli_count_files(cli, &n_files, err);
    if (status == PX_OK && n_files < cli->n_args)
        return usage_fails(cli,
                           "several running processes are no rounds of "
                           "one: files, or one TARGET and --during",
                           err);
    if (status == PX_OK)
        status = cli_order_files(cli, err);
    check->n_rounds = (uint64_t)cli->n_args - 1;
    for (int i = 0; i < cli->n_args && status == PX_OK; i++)
        status = take_snapshot(check, cli->args[i], err);
    return status;
}

/* ---- the verdict ---- */
static enum px_status
find_leaks(struct check *check, struct px_err *err)
{
    size_t n;
    const struct px_growth_row *rows = px_growth_find(
        check->growth, check->last.paths, check->max_growth, &n, err);
    if (rows == NULL)
        return err->status;
    check->found = cli_alloc((n + 1) * sizeof *check->found);
    for (size_t i = 0; i < n; i++) {
        bool waits = rows[i].held_by == PX_HELD_CYCLE && check->is_collecting;
        if (waits)
            check->n_waiting += rows[i].n_last;
        else if (rows[i].held_by != PX_HELD_UNKNOWN)
            check->found[check->n_found++] = &rows[i];
    }
    return PX_OK;
}

static double
a_round(const struct check *check, const struct px_growth_row *row)
{
    return (double)(row->n_last - row->n_first) / (double)check->n_rounds;
}

static void
check_json(const struct check *check, size_t shown)
{
    struct cli *cli = check->cli;
    json_t *head = jsonout_head(cli, &check->last);
    json_object_set_new(head, "verdict",
                        json_string(check->n_found > 0 ? "fail" : "pass"));
    json_object_set_new(head, "rounds",
                        json_integer((json_int_t)check->n_rounds));
    json_object_set_new(head, "max_growth",
                        json_integer((json_int_t)check->max_growth));
    json_object_set_new(head, "waiting",
                        json_integer((json_int_t)check->n_waiting));
    json_object_set_new(head, "n_findings",
                        json_integer((json_int_t)check->n_found));
    jsonout_begin(cli, head, "findings");
    for (size_t i = 0; i < shown; i++) {
        const struct px_growth_row *row = check->found[i];
        bool is_reached = row->held_by == PX_HELD_ROOT;
        json_t *json = json_pack(
            "{s:o, s:I, s:I, s:f, s:I, s:I, s:s, s:o, s:o}", "type",
            jsonout_text(row->type), "count_before", (json_int_t)row->n_first,
            "count_after", (json_int_t)row->n_last, "a_round",
            a_round(check, row), "below", (json_int_t)row->n_below, "bytes",
            (json_int_t)row->bytes, "held_by", px_held_name(row->held_by),
            "path", is_reached ? jsonout_text(row->line) : json_null(),
            "example",
            jsonout_addr(px_node_addr(check->last.graph, row->example)));
        if (!is_reached && row->line[0] != '\0')
            json_object_set_new(json, "cycle", jsonout_text(row->line));
        jsonout_row(cli, json);
    }
    jsonout_end(cli);
}

static void
findings_table(const struct check *check, size_t shown)
{
    static const struct table_column columns[] = {
        {"A ROUND", TABLE_RIGHT, CLI_FIGURE, 0},
        {"NOW", TABLE_RIGHT, CLI_FIGURE, 0},
        {"WITH IT", TABLE_RIGHT, CLI_FIGURE, 0},
        {"GREW BY", TABLE_RIGHT, CLI_FIGURE, 0},
        {"TYPE", TABLE_LEFT, CLI_TYPE, 0},
        {"HELD BY", TABLE_LEFT, CLI_NAME, 0},
    };
    struct table *table = table_new(check->cli, columns, 6);
    for (size_t i = 0; i < shown; i++) {
        const struct px_growth_row *row = check->found[i];
        char text[4200];
        snprintf(text, sizeof text, "+%g", a_round(check, row));
        table_text(table, text);
        table_count(table, row->n_last);
        table_count(table, row->n_below);
        table_bytes(table, row->bytes > 0 ? (uint64_t)row->bytes : 0);
        table_text(table, row->type);
        table_text(table, object_held_line(row->held_by, row->line, sizeof text,
                                           text));
        table_row_end(table);
    }
    table_free(table);
}

static void
check_text(const struct check *check, size_t shown)
{
    struct cli *cli = check->cli;
    char found[PX_COUNTED_MAX], rounds[PX_COUNTED_MAX];
    px_text_counted(check->n_rounds, "round", rounds);
    if (check->n_found == 0)
        printf("PASS  nothing grew in each of %s\n", rounds);
    else
        printf("%sFAIL%s  %s grew in each of %s\n",
               cli_role_start(cli->color, CLI_FAULT),
               cli_role_stop(cli->color, CLI_FAULT),
               px_text_counted(check->n_found, "path", found), rounds);
    if (shown > 0)
        findings_table(check, shown);
    if (shown < check->n_found)
        cli_note(cli, "%s more; -n 0 shows all",
                 px_text_counted(check->n_found - shown, "path", found));
    if (check->n_waiting > 0)
        cli_note(cli,
                 "%s in cycles wait%s for the collector, which is on: not "
                 "counted without --collect",
                 px_text_counted(check->n_waiting, "object", found),
                 check->n_waiting == 1 ? "s" : "");
}

static enum px_status
check_usage(const struct cli *cli, struct px_err *err)
{
    const char *wrong = NULL;
    if (cli->opt.during != NULL && cli->n_args != 1)
        wrong = "--during needs one TARGET";
    else if (cli->opt.during == NULL && cli->n_args < 2)
        wrong = "without --during, two or more snapshot files are compared";
    else if (cli->opt.rounds == 0)
        wrong = "no verdict comes from 0 rounds";
    else if (cli->opt.during == NULL &&
             (cli->opt.rounds > 0 || cli->opt.warmup > 0))
        wrong = "the rounds of files are the files";
    return wrong == NULL ? PX_OK : usage_fails(cli, wrong, err);
}

enum px_status
cmd_check(struct cli *cli, struct px_err *err)
{
    struct check check = {.cli = cli,
                          .max_growth = option_or(cli->opt.max_growth, 0)};
    enum px_status status = check_usage(cli, err);
    if (status != PX_OK)
        return status;
    if (cli->opt.detail == NULL)
        cli->opt.detail = "names"; /* a path needs no values */
    check.growth = px_growth_new(err);
    if (check.growth == NULL)
        return err->status;
    status = cli->opt.during != NULL ? run_rounds(&check, err)
                                     : read_rounds(&check, err);
    if (status == PX_OK)
        status = find_leaks(&check, err);
    if (status != PX_OK)
        goto out;
    uint64_t limit = cli_limit(cli, TABLE_ROWS);
    size_t shown =
        limit != 0 && limit < check.n_found ? (size_t)limit : check.n_found;
    if (cli->opt.json)
        check_json(&check, shown);
    else
        check_text(&check, shown);
    if (check.n_found > 0)
        cli->exit_status = 1;
out:
    free(check.found);
    px_growth_free(check.growth);
    cli_loaded_done(&check.last);
    return status;
}
