/* cmd_growth.c — `growth`: which types grow, and how fast, round by round.
 *
 * Only counts are kept between rounds, by the names of types, so that hours
 * of watching cost nothing. Several live targets are watched side by side;
 * several files are one process at several times.
 *
 * SPDX-License-Identifier: MIT
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/table.h"

#define INTERVAL_S 5.0
#define TABLE_ROWS 10
#define LEAST_OBJECTS 100 /* fewer at first count as so many for --until */

struct tally {
    uint64_t first, before, now;
};

struct grown_type {
    char *name;
    struct tally count, bytes;
};

/* One process that is watched. */
struct watch {
    const char *target;
    struct grown_type *types; /* by name */
    size_t n_types;
    struct tally objects;
    double first_time, time; /* s */
    uint64_t n_looks;        /* snapshots */
    uint64_t round;
    bool is_gone;
};

static double
a_minute(const struct watch *watch, const struct tally *tally)
{
    double seconds = watch->time - watch->first_time;
    double grown = (double)tally->now - (double)tally->first;
    return seconds > 0 ? grown * 60 / seconds : 0;
}

static int64_t
change(const struct tally *tally)
{
    return (int64_t)(tally->now - tally->before);
}

static int
by_name(const void *a, const void *b)
{
    const struct grown_type *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int
by_growth(const void *a, const void *b)
{
    const struct grown_type *const *x = a, *const *y = b;
    int64_t p = (int64_t)((*x)->count.now - (*x)->count.first);
    int64_t q = (int64_t)((*y)->count.now - (*y)->count.first);
    return p != q ? (p < q ? 1 : -1) : by_name(*x, *y);
}

/* ---- a round ---- */
static void
next_round(struct tally *tally)
{
    tally->before = tally->now;
    tally->now = 0;
}

/* Two sorted lists into one; a type that is new had no objects before. */
static void
merge_types(struct watch *watch, struct grown_type *types, size_t n)
{
    struct grown_type *all = cli_alloc((watch->n_types + n + 1) * sizeof *all);
    size_t n_all = 0, old = 0;
    for (size_t i = 0; i < n; i++) {
        while (old < watch->n_types &&
               strcmp(watch->types[old].name, types[i].name) < 0)
            all[n_all++] = watch->types[old++];
        bool is_known = old < watch->n_types &&
                        strcmp(watch->types[old].name, types[i].name) == 0;
        if (is_known)
            all[n_all++] = watch->types[old++];
        else if (n_all == 0 || strcmp(all[n_all - 1].name, types[i].name) != 0)
            all[n_all++] = (struct grown_type){
                .name = cli_dup(types[i].name, strlen(types[i].name))};
        all[n_all - 1].count.now += types[i].count.now;
        all[n_all - 1].bytes.now += types[i].bytes.now;
    }
    while (old < watch->n_types)
        all[n_all++] = watch->types[old++];
    free(watch->types);
    watch->types = all;
    watch->n_types = n_all;
}

static void
take_counts(struct watch *watch, const struct px_graph *graph)
{
    uint32_t n = px_graph_n_types(graph);
    struct grown_type *types = cli_alloc((n + 1) * sizeof *types);
    for (size_t i = 0; i < watch->n_types; i++) {
        next_round(&watch->types[i].count);
        next_round(&watch->types[i].bytes);
    }
    next_round(&watch->objects);
    watch->objects.now = px_graph_n_nodes(graph);
    for (px_type type = 0; type < n; type++) {
        const char *name = px_type_name(graph, type);
        types[type] =
            (struct grown_type){.name = cli_dup(name, strlen(name)),
                                .count = {.now = px_type_count(graph, type)},
                                .bytes = {.now = px_type_bytes(graph, type)}};
    }
    if (n > 1)
        qsort(types, n, sizeof *types, by_name);
    merge_types(watch, types, n);
    for (uint32_t i = 0; i < n; i++)
        free(types[i].name);
    free(types);
}

static enum px_status
take_round(struct cli *cli, struct watch *watch, const char *target,
           struct px_err *err)
{
    struct cli_loaded loaded;
    enum px_status status = cli_load(cli, target, &loaded, err);
    if (status == PX_OK && loaded.target.kind != PX_TARGET_FILE)
        status = cli_need_whole(cli, &loaded, "no round", err);
    if (status == PX_OK) {
        bool is_first = watch->n_looks++ == 0;
        take_counts(watch, loaded.graph);
        watch->time = px_graph_header(loaded.graph)->time;
        watch->round += !is_first;
        if (is_first) {
            watch->first_time = watch->time;
            watch->objects.first = watch->objects.before = watch->objects.now;
        }
        for (size_t i = 0; is_first && i < watch->n_types; i++) {
            struct grown_type *type = &watch->types[i];
            type->count.first = type->count.before = type->count.now;
            type->bytes.first = type->bytes.before = type->bytes.now;
        }
    }
    cli_loaded_done(&loaded);
    return status;
}

/* ---- what is said of it ---- */
static void
watch_json(struct cli *cli, const struct watch *watch,
           struct grown_type *const *rows, size_t shown, size_t n)
{
    json_t *types = json_array();
    for (size_t i = 0; i < shown; i++) {
        const struct grown_type *row = rows[i];
        json_array_append_new(
            types, json_pack("{s:o, s:I, s:I, s:I, s:f, s:I, s:I}", "type",
                             jsonout_text(row->name), "count",
                             (json_int_t)row->count.now, "first",
                             (json_int_t)row->count.first, "change",
                             (json_int_t)change(&row->count), "a_minute",
                             a_minute(watch, &row->count), "bytes",
                             (json_int_t)row->bytes.now, "bytes_change",
                             (json_int_t)change(&row->bytes)));
    }
    jsonout_line(cli,
                 json_pack("{s:s, s:o, s:I, s:f, s:f, s:I, s:I, s:f, s:I, s:o}",
                           "command", cli->command->name, "target",
                           jsonout_text(watch->target), "round",
                           (json_int_t)watch->round, "time", watch->time,
                           "seconds", watch->time - watch->first_time,
                           "objects", (json_int_t)watch->objects.now, "change",
                           (json_int_t)change(&watch->objects), "a_minute",
                           a_minute(watch, &watch->objects), "n_types",
                           (json_int_t)n, "types", types));
}

static void
watch_table(struct cli *cli, const struct watch *watch,
            struct grown_type *const *rows, size_t shown)
{
    static const struct table_column columns[] = {
        {"NOW", TABLE_RIGHT, CLI_FIGURE, 0},
        {"CHANGE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"A MINUTE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 16},
    };
    char round[PX_FIGURE_MAX], now[PX_FIGURE_MAX];
    char moved[PX_FIGURE_MAX], rate[PX_FIGURE_MAX];
    char target[PX_PATH_MAX];
    printf("%s  round %s, %.1f s: %s objects, %s, %s a minute\n",
           cli_text(cli, watch->target, sizeof target, target),
           px_text_count(watch->round, round), watch->time - watch->first_time,
           px_text_count(watch->objects.now, now),
           px_text_signed(change(&watch->objects), moved),
           px_text_signed((int64_t)a_minute(watch, &watch->objects), rate));
    if (watch->round > 0 && shown == 0)
        printf("  no type has more objects than at first\n");
    if (watch->round > 0 && shown > 0) {
        struct table *table = table_new(cli, columns, 5);
        for (size_t i = 0; i < shown; i++) {
            const struct grown_type *row = rows[i];
            double per_minute = a_minute(watch, &row->count);
            table_count(table, row->count.now);
            table_text(table, px_text_signed(change(&row->count), moved));
            table_text(table, px_text_signed((int64_t)per_minute, rate));
            table_bytes(table, row->bytes.now);
            table_text(table, row->name);
            table_row_end(table);
        }
        table_free(table);
    }
}

/* The types with more objects than at first, what grew most first. */
static void
show_round(struct cli *cli, const struct watch *watch)
{
    struct grown_type **rows =
        cli_alloc((watch->n_types + 1) * sizeof(struct grown_type *));
    size_t n = 0;
    cli_progress_clear(cli->progress);
    for (size_t i = 0; i < watch->n_types; i++) {
        if (watch->types[i].count.now > watch->types[i].count.first)
            rows[n++] = &watch->types[i];
    }
    if (n > 1)
        qsort(rows, n, sizeof *rows, by_growth);
    uint64_t limit = cli_limit(cli, TABLE_ROWS);
    size_t shown = limit != 0 && limit < n ? (size_t)limit : n;
    if (cli->opt.json)
        watch_json(cli, watch, rows, shown, n);
    else
        watch_table(cli, watch, rows, shown);
    free(rows);
}

static bool
is_reached(const struct cli *cli, const struct watch *watch, double times)
{
    for (size_t i = 0; times > 0 && i < watch->n_types; i++) {
        const struct tally *count = &watch->types[i].count;
        double base =
            count->first > LEAST_OBJECTS ? (double)count->first : LEAST_OBJECTS;
        if ((double)count->now < base * times)
            continue;
        cli_note(cli, "%s: %s has %g times its objects", watch->target,
                 watch->types[i].name, (double)count->now / base);
        return true;
    }
    return false;
}

/* ---- rounds ---- */

/* False: Ctrl-C, SIGTERM or --timeout came first, or who reads it went. */
static bool
wait_until_ns(const struct cli *cli, uint64_t until_ns)
{
    struct pollfd out = {.fd =
                             STDOUT_FILENO}; /* poll tells of errors unasked */
    while (!cli->work.canceled) {
        uint64_t now = px_now_ns();
        if (now >= until_ns)
            return true;
        uint64_t ms = (until_ns - now) / 1000000 + 1;
        if (poll(&out, 1, ms > 100 ? 100 : (int)ms) > 0)
            break;
    }
    return false;
}

/* Of several: the one to look at. */
static void
show_fastest(const struct cli *cli, const struct watch *watches, int n)
{
    const struct watch *fastest = NULL;
    char target[PX_PATH_MAX], rate[PX_FIGURE_MAX];
    for (int i = 0; i < n; i++) {
        const struct watch *watch = &watches[i];
        if (!watch->is_gone && watch->round > 0 &&
            watch->objects.now > watch->objects.first &&
            (fastest == NULL || a_minute(watch, &watch->objects) >
                                    a_minute(fastest, &fastest->objects)))
            fastest = watch;
    }
    if (n < 2 || cli->opt.json || fastest == NULL)
        return;
    printf("%s grows most: %s objects a minute\n\n",
           cli_text(cli, fastest->target, sizeof target, target),
           px_text_signed((int64_t)a_minute(fastest, &fastest->objects), rate));
}

/* What served at the last round and is not there now has ended: `err` then
 * says so, and not what is said of a target that never was. */
static bool
has_ended(const struct watch *watch, struct px_err *err)
{
    bool is_away = err->status == PX_EGONE || err->status == PX_ECONNECT;
    if (watch->n_looks == 0 || !is_away)
        return false;
    px_fail(err, PX_EGONE, "%.200s has ended, or serves no more",
            watch->target);
    return true;
}

/* What cannot be watched any more. That its process has ended since the last
 * round is no mistake of anybody; all else shows in the exit status. */
static void
leave_out(struct cli *cli, struct watch *watch, struct px_err *err)
{
    watch->is_gone = true;
    if (has_ended(watch, err)) {
        cli_warn(cli, "%s; watching the others", err->msg);
        return;
    }
    cli->exit_status = px_status_exit(err->status);
    cli_warn(cli, "%s: %s; watching the others", watch->target, err->msg);
}

/* One round of all; a target that is gone is left out, the last one's error
 * is the command's. */
static enum px_status
watch_all(struct cli *cli, struct watch *watches, int n, double times,
          bool *has_grown, struct px_err *err)
{
    enum px_status status = PX_EGONE;
    bool is_any = false;
    for (int i = 0; i < n; i++) {
        if (watches[i].is_gone)
            continue;
        status = take_round(cli, &watches[i], watches[i].target, err);
        if (status == PX_ECANCELED)
            return status;
        if (status != PX_OK && n == 1)
            return has_ended(&watches[i], err) ? err->status : status;
        if (status != PX_OK) {
            leave_out(cli, &watches[i], err);
            continue;
        }
        is_any = true;
        show_round(cli, &watches[i]);
        *has_grown |= is_reached(cli, &watches[i], times);
    }
    show_fastest(cli, watches, n);
    /* also whether anybody still reads it */
    return is_any ? cli_out_check(cli, err) : status;
}

static enum px_status
watch_live(struct cli *cli, struct watch *watches, double times,
           struct px_err *err)
{
    double interval = cli->opt.interval > 0 ? cli->opt.interval : INTERVAL_S;
    enum px_status status = PX_OK;
    bool has_grown = false;
    uint64_t round = 0;
    for (; status == PX_OK && !has_grown; round++) {
        /* from when it began: rounds that were missed are not made up for */
        uint64_t next_ns = px_now_ns() + (uint64_t)(interval * 1e9);
        status = watch_all(cli, watches, cli->n_args, times, &has_grown, err);
        if (cli->opt.rounds >= 0 && round >= (uint64_t)cli->opt.rounds)
            break;
        if (status == PX_OK && !has_grown && !wait_until_ns(cli, next_ns))
            break;
    }
    if (has_grown && cli->exit_status == 0)
        cli->exit_status = 1;
    /* Ctrl-C is how watching ends */
    return status == PX_ECANCELED && round > 0 ? PX_OK : status;
}

static enum px_status
watch_files(struct cli *cli, struct watch *watch, double times,
            struct px_err *err)
{
    enum px_status status = PX_OK;
    for (int i = 0; i < cli->n_args && status == PX_OK; i++) {
        watch->target = cli->args[i];
        status = take_round(cli, watch, cli->args[i], err);
        if (status == PX_OK)
            show_round(cli, watch);
    }
    if (status == PX_OK && is_reached(cli, watch, times))
        cli->exit_status = 1;
    return status;
}

static enum px_status
parse_until(const struct cli *cli, double *out, struct px_err *err)
{
    *out = 0;
    if (cli->opt.until == NULL)
        return PX_OK;
    char *end;
    *out = strtod(cli->opt.until, &end);
    if (end != cli->opt.until && (*end == '\0' || strcmp(end, "x") == 0) &&
        *out > 1 && *out < 1e9)
        return PX_OK;
    px_fail(err, PX_EINVAL, "--until '%s' is no growth", cli->opt.until);
    px_err_hint(err, "--until 2x or --until 1.5x: more than 1");
    return PX_EINVAL;
}

/* All files: *are_files. Files among live targets cannot be watched. */
static enum px_status
look_at_targets(struct cli *cli, bool *are_files, struct px_err *err)
{
    int n_files = 0;
    enum px_status status = cli_count_files(cli, &n_files, err);
    if (status != PX_OK)
        return status;
    *are_files = n_files == cli->n_args;
    if (*are_files && n_files > 1)
        return cli_order_files(cli, err);
    if (n_files == 0)
        return PX_OK;
    px_fail(err, PX_EINVAL,
            n_files == 1 && *are_files
                ? "one file does not grow"
                : "files and running processes do not go together");
    px_err_hint(err, "two or more files, or `pyexplore diff OLD.pxs TARGET`");
    return PX_EINVAL;
}

enum px_status
cmd_growth(struct cli *cli, struct px_err *err)
{
    double times;
    bool are_files;
    enum px_status status = parse_until(cli, &times, err);
    if (status == PX_OK)
        status = look_at_targets(cli, &are_files, err);
    if (status != PX_OK)
        return status;
    if (cli->opt.detail == NULL)
        cli->opt.detail = "types";
    size_t n = (size_t)cli->n_args;
    struct watch *watches = cli_alloc(n * sizeof *watches);
    for (size_t i = 0; i < n; i++)
        watches[i] = (struct watch){.target = cli->args[i]};
    status = are_files ? watch_files(cli, watches, times, err)
                       : watch_live(cli, watches, times, err);
    for (size_t i = 0; i < n; i++) {
        for (size_t t = 0; t < watches[i].n_types; t++)
            free(watches[i].types[t].name);
        free(watches[i].types);
    }
    free(watches);
    return status;
}
