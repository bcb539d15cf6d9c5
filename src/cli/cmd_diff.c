/* cmd_diff.c — `diff`: what changed between two snapshots of one process.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/table.h"

#define TABLE_ROWS 20

static int64_t
change(uint64_t before, uint64_t after)
{
    return (int64_t)after - (int64_t)before;
}

static int
by_name(const void *a, const void *b)
{
    const struct px_diff_type *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int
by_count(const void *a, const void *b)
{
    const struct px_diff_type *x = a, *y = b;
    int64_t p = change(x->n_before, x->n_after);
    int64_t q = change(y->n_before, y->n_after);
    return p != q ? (p < q ? 1 : -1) : by_name(a, b);
}

/* A copy of the rows that changed, in the order of --sort. */
static struct px_diff_type *
collect_rows(const struct cli *cli, const struct px_diff *diff, size_t *n)
{
    size_t n_types;
    const struct px_diff_type *types = px_diff_types(diff, &n_types);
    struct px_diff_type *rows = cli_alloc(n_types * sizeof *rows);
    *n = 0;
    for (size_t i = 0; i < n_types; i++) {
        const struct px_diff_type *type = &types[i];
        if (type->n_new > 0 || type->n_gone > 0 ||
            type->bytes_before != type->bytes_after)
            rows[(*n)++] = *type;
    }
    if (cli_sort_is(cli, "count"))
        qsort(rows, *n, sizeof *rows, by_count);
    else if (cli_sort_is(cli, "name"))
        qsort(rows, *n, sizeof *rows, by_name);
    return rows;
}

static void
diff_json(struct cli *cli, const struct cli_loaded *before,
          const struct cli_loaded *after, const struct px_diff_type *rows,
          size_t shown, size_t n)
{
    json_t *head = jsonout_head(cli, after);
    json_t *old = jsonout_head(cli, before);
    json_object_set(head, "before", json_object_get(old, "snapshot"));
    json_object_set(head, "before_target", json_object_get(old, "target"));
    json_decref(old);
    json_object_set_new(head, "n_types", json_integer((json_int_t)n));
    jsonout_begin(cli, head, "types");
    for (size_t i = 0; i < shown; i++) {
        const struct px_diff_type *row = &rows[i];
        jsonout_row(cli, json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I}",
                                   "type", jsonout_text(row->name),
                                   "count_before", (json_int_t)row->n_before,
                                   "count_after", (json_int_t)row->n_after,
                                   "new", (json_int_t)row->n_new, "gone",
                                   (json_int_t)row->n_gone, "bytes_before",
                                   (json_int_t)row->bytes_before, "bytes_after",
                                   (json_int_t)row->bytes_after));
    }
    jsonout_end(cli);
}

static void
diff_table(struct cli *cli, const struct px_diff_type *rows, size_t shown,
           size_t n)
{
    static const struct table_column columns[] = {
        {"BEFORE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"AFTER", TABLE_RIGHT, CLI_FIGURE, 0},
        {"CHANGE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"NEW", TABLE_RIGHT, CLI_FIGURE, 0},
        {"GONE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 16},
    };
    struct table *table = table_new(cli, columns, 7);
    char figure[PX_FIGURE_MAX], text[PX_FIGURE_MAX + 2];
    char types[PX_COUNTED_MAX];
    for (size_t i = 0; i < shown; i++) {
        const struct px_diff_type *row = &rows[i];
        int64_t bytes = change(row->bytes_before, row->bytes_after);
        table_count(table, row->n_before);
        table_count(table, row->n_after);
        table_text(table,
                   px_text_signed(change(row->n_before, row->n_after), figure));
        table_count(table, row->n_new);
        table_count(table, row->n_gone);
        snprintf(text, sizeof text, "%s%s",
                 bytes < 0   ? "-"
                 : bytes > 0 ? "+"
                             : "",
                 px_text_bytes((uint64_t)(bytes < 0 ? -bytes : bytes), figure));
        table_text(table, text);
        table_text(table, row->name);
        table_row_end(table);
    }
    table_free(table);
    cli_note(cli, "%s changed%s", px_text_counted(n, "type", types),
             shown < n ? "; -n 0 shows all" : "");
}

/* Addresses mean nothing across processes: then only counts compare. */
static void
check_same_process(struct cli *cli, const struct cli_loaded *before,
                   const struct cli_loaded *after)
{
    if (px_graph_header(before->graph)->pid !=
        px_graph_header(after->graph)->pid)
        cli_warn(cli, "the two are of different processes: new and gone say "
                      "nothing, only counts compare");
}

static void
show_types(struct cli *cli, const struct cli_loaded *before,
           const struct cli_loaded *after, const struct px_diff *diff)
{
    size_t n;
    struct px_diff_type *rows = collect_rows(cli, diff, &n);
    uint64_t limit = cli_limit(cli, TABLE_ROWS);
    size_t shown = limit != 0 && limit < n ? (size_t)limit : n;
    if (cli->opt.json)
        diff_json(cli, before, after, rows, shown, n);
    else
        diff_table(cli, rows, shown, n);
    free(rows);
}

/* Leaves of the type's objects those that are only in `after`. */
static enum px_status
show_new(struct cli *cli, struct cli_loaded *after, const struct px_diff *diff,
         struct cli_pick *pick, struct px_err *err)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < pick->n; i++)
        if (px_diff_is_new(diff, pick->nodes[i]))
            pick->nodes[n++] = pick->nodes[i];
    pick->n = n;
    return cli_show_instances(cli, after, pick, err);
}

enum px_status
cmd_diff(struct cli *cli, struct px_err *err)
{
    struct cli_loaded before, after = {0};
    struct cli_pick pick = {.node = PX_NONE};
    struct px_diff *diff = NULL;
    enum px_status status = cli_load(cli, cli->args[0], &before, err);
    if (status == PX_OK)
        status = cli_load(cli, cli->args[1], &after, err);
    if (status == PX_OK && cli->n_args == 3)
        status = cli_pick_type(cli, after.graph, cli->args[2], &pick, err);
    if (status != PX_OK)
        goto out;
    check_same_process(cli, &before, &after);
    diff = px_diff_new(before.graph, after.graph, &cli->work, err);
    cli_progress_clear(cli->progress);
    if (diff == NULL) {
        status = cli_interrupted(cli, err->status, err);
        goto out;
    }
    if (cli->n_args == 3)
        status = show_new(cli, &after, diff, &pick, err);
    else
        show_types(cli, &before, &after, diff);
out:
    px_diff_free(diff);
    cli_pick_done(&pick);
    cli_loaded_done(&after);
    cli_loaded_done(&before);
    return status;
}
