/* cmd_instances.c — `instances`: the objects of one type; also those of them
 * that `diff` found.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/object.h"
#include "cli/table.h"

#define TABLE_ROWS 20
#define MANY_ROWS 100

struct instance {
    uint64_t key;
    px_node node;
};

static int
by_key(const void *a, const void *b)
{
    const struct instance *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? 1 : -1;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* Puts pick->nodes into the order of --sort. */
static void
sort_instances(const struct cli *cli, const struct px_graph *graph,
               struct cli_pick *pick)
{
    if (cli_sort_is(cli, "address"))
        return;
    bool by_size = cli_sort_is(cli, "size");
    struct instance *all = cli_alloc(pick->n * sizeof *all);
    for (uint32_t i = 0; i < pick->n; i++) {
        px_node node = pick->nodes[i];
        all[i] = (struct instance){by_size ? px_node_bytes(graph, node)
                                           : px_node_refcount(graph, node),
                                   node};
    }
    qsort(all, pick->n, sizeof *all, by_key);
    for (uint32_t i = 0; i < pick->n; i++)
        pick->nodes[i] = all[i].node;
    free(all);
}

static enum px_status
instances_json(struct cli *cli, struct cli_loaded *loaded,
               const struct cli_pick *pick, uint32_t shown)
{
    json_t *head = jsonout_head(cli, loaded);
    json_object_set_new(head, "type", jsonout_text(pick->type));
    json_object_set_new(head, "count", json_integer(pick->n));
    jsonout_begin(cli, head, "instances");
    if (shown > MANY_ROWS)
        object_count_refs(loaded);
    for (uint32_t i = 0; i < shown && !cli->work.canceled; i++) {
        json_t *row = object_json(loaded->graph, pick->nodes[i]);
        object_json_more(loaded, pick->nodes[i], row);
        object_json_held(loaded, pick->nodes[i], true, row);
        jsonout_row(cli, row);
    }
    jsonout_end(cli);
    return PX_OK;
}

static void
instances_table(struct cli *cli, struct cli_loaded *loaded,
                const struct cli_pick *pick, uint32_t shown)
{
    static const struct table_column columns[] = {
        {"ADDRESS", TABLE_LEFT, CLI_ADDR, 0},
        {"REFS", TABLE_RIGHT, CLI_FIGURE, 0},
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"HELD BY", TABLE_CUT_HEAD, CLI_NAME, 24},
        {"WHAT", TABLE_CUT, CLI_PLAIN, 8},
    };
    const struct px_graph *graph = loaded->graph;
    struct table *table = table_new(cli, columns, 5);
    for (uint32_t i = 0; i < shown && !cli->work.canceled; i++) {
        char text[1024];
        px_node node = pick->nodes[i];
        table_addr(table, px_node_addr(graph, node));
        if (px_node_flags(graph, node) & PX_NODE_IMMORTAL)
            table_text(table, "immortal");
        else
            table_count(table, px_node_refcount(graph, node));
        table_bytes(table, px_node_bytes(graph, node));
        table_text(table,
                   object_held(cli, loaded, node, true, sizeof text, text));
        table_text(table, object_what(graph, node, sizeof text, text));
        table_row_end(table);
    }
    table_free(table);
    char figure[PX_FIGURE_MAX];
    cli_note(cli, "%s %s%s", px_text_count(pick->n, figure), pick->type,
             shown < pick->n ? "; -n 0 shows all" : "");
}

enum px_status
cli_show_instances(struct cli *cli, struct cli_loaded *loaded,
                   struct cli_pick *pick, struct px_err *err)
{
    enum px_status status = cli_load_paths(cli, loaded, err);
    if (status != PX_OK)
        return status;
    sort_instances(cli, loaded->graph, pick);
    uint64_t limit = cli_limit(cli, TABLE_ROWS);
    uint32_t shown = limit != 0 && limit < pick->n ? (uint32_t)limit : pick->n;
    if (cli->opt.json)
        status = instances_json(cli, loaded, pick, shown);
    else
        instances_table(cli, loaded, pick, shown);
    return cli_interrupted(cli, status, err);
}

enum px_status
cmd_instances(struct cli *cli, struct px_err *err)
{
    struct cli_pick pick = {.node = PX_NONE};
    struct cli_loaded loaded;
    enum px_status status = cli_load(cli, cli->args[0], &loaded, err);
    if (status == PX_OK)
        status = cli_pick_type(cli, loaded.graph, cli->args[1], &pick, err);
    if (status == PX_OK)
        status = cli_show_instances(cli, &loaded, &pick, err);
    cli_pick_done(&pick);
    cli_loaded_done(&loaded);
    return status;
}
