/* cmd_duplicates.c — `duplicates`: strings that are in memory many times.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/object.h"
#include "cli/table.h"

#define TABLE_ROWS 20

static void
duplicates_json(struct cli *cli, const struct cli_loaded *loaded,
                const struct px_duplicates *found)
{
    const struct px_graph *graph = loaded->graph;
    json_t *head = jsonout_head(cli, loaded);
    json_object_set_new(head, "n_values",
                        json_integer((json_int_t)found->n_all));
    json_object_set_new(head, "count", json_integer((json_int_t)found->count));
    json_object_set_new(head, "wasted_bytes",
                        json_integer((json_int_t)found->wasted));
    jsonout_begin(cli, head, "values");
    for (size_t i = 0; i < found->n_rows; i++) {
        const struct px_duplicate *row = &found->rows[i];
        bool is_reached = row->held_by == PX_HELD_ROOT;
        json_t *line = json_pack(
            "{s:I, s:I, s:I, s:b, s:s, s:I, s:o, s:o}", "count",
            (json_int_t)row->count, "all_bytes", (json_int_t)row->bytes,
            "wasted_bytes", (json_int_t)row->wasted, "whole", !row->is_part,
            "held_by", px_held_name(row->held_by), "held_count",
            (json_int_t)row->held_count, "path",
            is_reached ? jsonout_text(row->line) : json_null(), "example",
            object_json(graph, row->example));
        jsonout_row(cli, line);
    }
    jsonout_end(cli);
}

static void
duplicates_table(struct cli *cli, const struct cli_loaded *loaded,
                 const struct px_duplicates *found)
{
    static const struct table_column columns[] = {
        {"COUNT", TABLE_RIGHT, CLI_FIGURE, 0},
        {"EACH", TABLE_RIGHT, CLI_FIGURE, 0},
        {"WASTED", TABLE_RIGHT, CLI_FIGURE, 0},
        {"VALUE", TABLE_CUT, CLI_PLAIN, 16},
        {"MOST OF THEM HELD BY", TABLE_CUT_HEAD, CLI_NAME, 24},
    };
    const struct px_graph *graph = loaded->graph;
    struct table *table = table_new(cli, columns, 5);
    char text[OBJECT_TEXT], held[OBJECT_TEXT + 64], figure[PX_FIGURE_MAX];
    for (size_t i = 0; i < found->n_rows; i++) {
        const struct px_duplicate *row = &found->rows[i];
        table_count(table, row->count);
        table_bytes(table, px_node_bytes(graph, row->example));
        table_bytes(table, row->wasted);
        table_text(table,
                   px_node_preview(graph, row->example, sizeof text, text));
        snprintf(text, sizeof text, "%s",
                 row->held_by == PX_HELD_ROOT ? row->line
                                              : px_held_name(row->held_by));
        snprintf(held, sizeof held, "%s: %s",
                 px_text_count(row->held_count, figure), text);
        table_text(table, row->held_count < row->count ? held : text);
        table_row_end(table);
    }
    table_free(table);
}

static void
note_rest(const struct cli *cli, const struct px_duplicates *found)
{
    char values[PX_COUNTED_MAX], count[PX_FIGURE_MAX], wasted[PX_FIGURE_MAX];
    if (!found->has_values) {
        cli_note(cli, "this snapshot has no values to compare: --detail "
                      "values, and serve(detail=\"values\")");
        return;
    }
    cli_note(cli, "%s objects are %s, %s for nothing%s",
             px_text_count(found->count, count),
             px_text_counted(found->n_all, "value", values),
             px_text_bytes(found->wasted, wasted),
             found->n_rows < found->n_all ? "; -n 0 shows all" : "");
    for (size_t i = 0; i < found->n_rows; i++) {
        if (found->rows[i].is_part) {
            cli_note(cli, "those that end in \xe2\x80\xa6 are equal in size "
                          "and as far as they are seen");
            return;
        }
    }
}

enum px_status
cmd_duplicates(struct cli *cli, struct px_err *err)
{
    struct cli_loaded loaded;
    enum px_status status = cli_load(cli, cli->args[0], &loaded, err);
    if (status == PX_OK)
        status = cli_load_paths(cli, &loaded, err);
    if (status == PX_OK) {
        struct px_duplicates *found = px_duplicates_new(
            loaded.paths, cli_limit(cli, TABLE_ROWS), &cli->work, err);
        cli_progress_clear(cli->progress);
        if (found == NULL) {
            status = cli_interrupted(cli, err->status, err);
        } else if (cli->opt.json) {
            duplicates_json(cli, &loaded, found);
        } else {
            duplicates_table(cli, &loaded, found);
            note_rest(cli, found);
        }
        px_duplicates_free(found);
    }
    cli_loaded_done(&loaded);
    return status;
}
