/* cmd_holders.c — `holders`: the paths of all objects of a type as one tree.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/object.h"
#include "cli/table.h"

#define TABLE_ROWS 40
#define INDENT_MAX 40

static const char *
row_type(const struct px_graph *graph, const struct px_holder *row)
{
    return row->type == PX_NONE ? "" : px_type_name(graph, row->type);
}

static void
holders_json(struct cli *cli, const struct cli_loaded *loaded,
             const struct cli_pick *pick, const struct px_holders *holders,
             size_t shown)
{
    json_t *head = jsonout_head(cli, loaded);
    json_object_set_new(head, "type", jsonout_text(pick->type));
    json_object_set_new(head, "count", json_integer(pick->n));
    json_object_set_new(head, "n_rows",
                        json_integer((json_int_t)holders->n_rows));
    jsonout_begin(cli, head, "rows");
    for (size_t i = 0; i < shown; i++) {
        const struct px_holder *row = &holders->rows[i];
        jsonout_row(
            cli,
            json_pack(
                "{s:I, s:o, s:o, s:I, s:I, s:s, s:o}", "depth",
                (json_int_t)row->depth, "step", jsonout_text(row->text), "type",
                row->type == PX_NONE
                    ? json_null()
                    : jsonout_text(row_type(loaded->graph, row)),
                "count", (json_int_t)row->count, "here", (json_int_t)row->here,
                "held_by", px_held_name(row->held_by), "example",
                jsonout_addr(px_node_addr(loaded->graph, row->example))));
    }
    jsonout_end(cli);
}

static void
holders_table(struct cli *cli, const struct cli_loaded *loaded,
              const struct cli_pick *pick, const struct px_holders *holders,
              size_t shown)
{
    static const struct table_column columns[] = {
        {"COUNT", TABLE_RIGHT, CLI_FIGURE, 0},
        {"OF ALL", TABLE_RIGHT, CLI_FIGURE, 0},
        {"HELD BY", TABLE_CUT, CLI_NAME, 24},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 12},
    };
    struct table *table = table_new(cli, columns, 4);
    for (size_t i = 0; i < shown; i++) {
        const struct px_holder *row = &holders->rows[i];
        unsigned indent = row->depth < INDENT_MAX ? row->depth : INDENT_MAX;
        bool is_reached = row->held_by == PX_HELD_ROOT;
        char text[OBJECT_TEXT];
        table_count(table, row->count);
        snprintf(
            text, sizeof text, "%u %%",
            (unsigned)(100.0 * (double)row->count / (double)holders->n_nodes));
        table_text(table, text);
        if (is_reached)
            snprintf(text, sizeof text, "%*s%s", (int)indent * 2, "",
                     row->text);
        else
            snprintf(text, sizeof text, "held_by: %s  %s",
                     px_held_name(row->held_by), row->text);
        table_text(table, text);
        table_text(table, row_type(loaded->graph, row));
        table_row_end(table);
    }
    table_free(table);
    char more[PX_COUNTED_MAX];
    if (pick->n == 0)
        cli_note(cli, "%s has no instances in this snapshot", pick->type);
    else if (shown < holders->n_rows)
        cli_note(cli, "%s; -n 0 shows all",
                 px_text_counted(holders->n_rows - shown, "more row", more));
}

enum px_status
cmd_holders(struct cli *cli, struct px_err *err)
{
    struct cli_loaded loaded;
    struct cli_pick pick = {.node = PX_NONE};
    struct px_holders *holders = NULL;
    enum px_status status = cli_load(cli, cli->args[0], &loaded, err);
    if (status == PX_OK)
        status = cli_pick_type(cli, loaded.graph, cli->args[1], &pick, err);
    if (status == PX_OK)
        status = cli_load_paths(cli, &loaded, err);
    if (status != PX_OK)
        goto out;
    holders = px_holders_new(loaded.paths, pick.nodes, pick.n, &cli->work, err);
    cli_progress_clear(cli->progress);
    if (holders == NULL) {
        status = cli_interrupted(cli, err->status, err);
        goto out;
    }
    uint64_t limit = cli_limit(cli, TABLE_ROWS);
    size_t shown =
        limit != 0 && limit < holders->n_rows ? (size_t)limit : holders->n_rows;
    if (cli->opt.json)
        holders_json(cli, &loaded, &pick, holders, shown);
    else
        holders_table(cli, &loaded, &pick, holders, shown);
out:
    px_holders_free(holders);
    cli_pick_done(&pick);
    cli_loaded_done(&loaded);
    return status;
}
