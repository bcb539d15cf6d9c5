/* cmd_cycles.c — `cycles`: what holds itself, and the reference to cut.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/object.h"
#include "cli/table.h"

#define TABLE_ROWS 20

/* "server.ConnectionHandler.connection": the edge with its owner's type. */
static char *
cut_text(const struct px_graph *graph, px_edge cut, size_t out_bytes, char *out)
{
    char edge[OBJECT_TEXT];
    out[0] = '\0';
    if (cut == PX_NONE)
        return out;
    px_node source = px_edge_source(graph, cut);
    px_node owner = object_owner(graph, source);
    px_type type = px_node_type(graph, owner != PX_NONE ? owner : source);
    snprintf(out, out_bytes, "%s%s", px_type_name(graph, type),
             px_edge_show(graph, cut, sizeof edge, edge));
    return out;
}

static json_t *
cut_json(const struct px_graph *graph, px_edge cut)
{
    if (cut == PX_NONE)
        return json_null();
    return object_edge_json(graph, cut, px_edge_source(graph, cut));
}

static void
cycles_json(struct cli *cli, const struct cli_loaded *loaded,
            const struct px_cycles *cycles, size_t shown)
{
    const struct px_graph *graph = loaded->graph;
    json_t *head = jsonout_head(cli, loaded);
    json_object_set_new(head, "n_groups",
                        json_integer((json_int_t)cycles->n_groups));
    jsonout_begin(cli, head, "groups");
    for (size_t i = 0; i < shown && !cli->work.canceled; i++) {
        const struct px_cycle_group *group = &cycles->groups[i];
        jsonout_row(
            cli,
            json_pack("{s:I, s:I, s:I, s:s, s:b, s:o, s:o, s:o, s:o}", "cycles",
                      (json_int_t)group->n_cycles, "objects",
                      (json_int_t)group->n_nodes, "bytes",
                      (json_int_t)group->bytes, "held_by",
                      px_held_name(group->held_by), "has_del", group->has_del,
                      "type", jsonout_text(px_type_name(graph, group->type)),
                      "cycle", jsonout_text(group->line), "cut",
                      cut_json(graph, group->cut), "example",
                      jsonout_addr(px_node_addr(graph, group->example))));
    }
    jsonout_end(cli);
}

static void
cycles_note(const struct cli *cli, const struct px_cycles *cycles, size_t shown)
{
    char count[PX_COUNTED_MAX], size[PX_FIGURE_MAX], del[PX_FIGURE_MAX];
    uint64_t n_waiting = 0, bytes = 0, n_del = 0;
    for (size_t i = 0; i < cycles->n_groups; i++) {
        const struct px_cycle_group *group = &cycles->groups[i];
        if (group->held_by != PX_HELD_CYCLE)
            continue;
        n_waiting += group->n_cycles;
        bytes += group->bytes;
        n_del += group->has_del ? group->n_cycles : 0;
    }
    cli_note(
        cli, "%s of %s wait%s for the collector, %s of them with a __del__%s",
        px_text_counted(n_waiting, "cycle", count), px_text_bytes(bytes, size),
        n_waiting == 1 ? "s" : "", px_text_count(n_del, del),
        shown < cycles->n_groups ? "; -n 0 shows all" : "");
}

static void
cycles_table(struct cli *cli, const struct px_graph *graph,
             const struct px_cycles *cycles, size_t shown)
{
    static const struct table_column columns[] = {
        {"CYCLES", TABLE_RIGHT, CLI_FIGURE, 0},
        {"OBJECTS", TABLE_RIGHT, CLI_FIGURE, 0},
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"HELD BY", TABLE_LEFT, CLI_PLAIN, 0},
        {"__DEL__", TABLE_LEFT, CLI_FAULT, 0},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 12},
        {"CYCLE", TABLE_CUT, CLI_NAME, 12},
        {"CUT", TABLE_CUT_HEAD, CLI_FAULT, 12},
    };
    struct table *table = table_new(cli, columns, 8);
    for (size_t i = 0; i < shown && !cli->work.canceled; i++) {
        const struct px_cycle_group *group = &cycles->groups[i];
        char text[2 * OBJECT_TEXT];
        table_count(table, group->n_cycles);
        table_count(table, group->n_nodes);
        table_bytes(table, group->bytes);
        table_text(table, px_held_name(group->held_by));
        table_text(table, group->has_del ? "yes" : "");
        table_text(table, px_type_name(graph, group->type));
        table_text(table, group->line);
        table_text(table, cut_text(graph, group->cut, sizeof text, text));
        table_row_end(table);
    }
    table_free(table);
    cycles_note(cli, cycles, shown);
}

enum px_status
cmd_cycles(struct cli *cli, struct px_err *err)
{
    struct cli_loaded loaded;
    struct px_cycles *cycles = NULL;
    enum px_status status = cli_load(cli, cli->args[0], &loaded, err);
    if (status == PX_OK)
        status = cli_load_paths(cli, &loaded, err);
    if (status == PX_OK) {
        cycles = px_cycles_new(loaded.paths, &cli->work, err);
        status = cycles == NULL ? err->status : PX_OK;
    }
    cli_progress_clear(cli->progress);
    if (cycles != NULL) {
        uint64_t limit = cli_limit(cli, TABLE_ROWS);
        size_t n = cycles->n_groups;
        size_t shown = limit != 0 && limit < n ? (size_t)limit : n;
        if (cli->opt.json)
            cycles_json(cli, &loaded, cycles, shown);
        else
            cycles_table(cli, loaded.graph, cycles, shown);
    }
    status = cli_interrupted(cli, status, err);
    px_cycles_free(cycles);
    cli_loaded_done(&loaded);
    return status;
}
