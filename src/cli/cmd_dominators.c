/* cmd_dominators.c — `dominators`: what would go if an object went.
 *
 * Without an argument the top of the tree; with an address the objects right
 * below it; with a type what all its instances retain together, exactly, and
 * each of them by its own.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/object.h"
#include "cli/table.h"

#define TABLE_ROWS 20

struct tree {
    struct cli_loaded loaded;
    struct px_dominators *dominators;
    struct cli_pick pick; /* .type NULL: the whole */
    px_node *nodes;       /* the rows, what retains most first */
    uint32_t n;
    struct px_retained together; /* of a type's instances */
};

struct row {
    uint64_t retained;
    px_node node;
};

static int
by_retained(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->retained != y->retained)
        return x->retained < y->retained ? 1 : -1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static void
sort_instances(struct tree *tree)
{
    struct row *rows = cli_alloc(tree->n * sizeof *rows);
    for (uint32_t i = 0; i < tree->n; i++)
        rows[i] = (struct row){
            px_dominators_retained(tree->dominators, tree->nodes[i]),
            tree->nodes[i]};
    qsort(rows, tree->n, sizeof *rows, by_retained);
    for (uint32_t i = 0; i < tree->n; i++)
        tree->nodes[i] = rows[i].node;
    free(rows);
}

static enum px_status
find_rows(struct cli *cli, struct tree *tree, struct px_err *err)
{
    bool is_type = tree->pick.type != NULL && tree->pick.node == PX_NONE;
    if (!is_type)
        return px_dominators_children(tree->dominators, tree->pick.node,
                                      &tree->nodes, &tree->n, err);
    enum px_status status =
        px_retained_set(tree->loaded.graph, tree->pick.nodes, tree->pick.n,
                        &cli->work, &tree->together, err);
    tree->nodes = tree->pick.nodes;
    tree->n = tree->pick.n;
    tree->pick.nodes = NULL;
    if (status == PX_OK)
        sort_instances(tree);
    return status;
}

static uint64_t
all_bytes(const struct px_graph *graph)
{
    uint64_t bytes = 0;
    for (px_type t = 0; t < px_graph_n_types(graph); t++)
        bytes += px_type_bytes(graph, t);
    return bytes;
}

static void
tree_json(struct cli *cli, struct tree *tree, uint32_t shown)
{
    const struct px_graph *graph = tree->loaded.graph;
    json_t *head = jsonout_head(cli, &tree->loaded);
    json_object_set_new(head, "bytes",
                        json_integer((json_int_t)all_bytes(graph)));
    if (tree->pick.node != PX_NONE) {
        json_t *object = object_json(graph, tree->pick.node);
        json_object_set_new(object, "retained",
                            json_integer((json_int_t)px_dominators_retained(
                                tree->dominators, tree->pick.node)));
        json_object_set_new(head, "object", object);
    } else if (tree->pick.type != NULL) {
        json_object_set_new(head, "type", jsonout_text(tree->pick.type));
        json_object_set_new(head, "retained",
                            json_integer((json_int_t)tree->together.bytes));
        json_object_set_new(head, "retained_objects",
                            json_integer((json_int_t)tree->together.objects));
    }
    json_object_set_new(head, "count", json_integer(tree->n));
    jsonout_begin(cli, head, "objects");
    for (uint32_t i = 0; i < shown && !cli->work.canceled; i++) {
        json_t *row = object_json(graph, tree->nodes[i]);
        json_object_set_new(row, "retained",
                            json_integer((json_int_t)px_dominators_retained(
                                tree->dominators, tree->nodes[i])));
        object_json_held(&tree->loaded, tree->nodes[i], true, row);
        jsonout_row(cli, row);
    }
    jsonout_end(cli);
}

static void
tree_note(struct cli *cli, const struct tree *tree, uint32_t shown)
{
    char size[PX_FIGURE_MAX], count[PX_COUNTED_MAX];
    const char *more = shown < tree->n ? "; -n 0 shows all" : "";
    bool is_one = tree->n == 1;
    if (tree->pick.node != PX_NONE)
        cli_note(cli, "%s retains %s; %s right below it%s", tree->pick.type,
                 px_text_bytes(
                     px_dominators_retained(tree->dominators, tree->pick.node),
                     size),
                 px_text_counted(tree->n, "object", count), more);
    else if (tree->pick.type != NULL)
        cli_note(cli, "%s %s %s %s%s%s", px_text_count(tree->n, count),
                 tree->pick.type, is_one ? "retains" : "retain",
                 px_text_bytes(tree->together.bytes, size),
                 is_one ? "" : " together", more);
    else
        cli_note(cli, "%s that nothing else dominates%s",
                 px_text_counted(tree->n, "object", count), more);
}

static void
tree_table(struct cli *cli, struct tree *tree, uint32_t shown)
{
    static const struct table_column columns[] = {
        {"RETAINED", TABLE_RIGHT, CLI_FIGURE, 0},
        {"OF ALL", TABLE_RIGHT, CLI_FIGURE, 0},
        {"ADDRESS", TABLE_LEFT, CLI_ADDR, 0},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 16},
        {"HELD BY", TABLE_CUT_HEAD, CLI_NAME, 24},
    };
    const struct px_graph *graph = tree->loaded.graph;
    uint64_t all = all_bytes(graph);
    struct table *table = table_new(cli, columns, 5);
    for (uint32_t i = 0; i < shown && !cli->work.canceled; i++) {
        char text[1024];
        px_node node = tree->nodes[i];
        uint64_t retained = px_dominators_retained(tree->dominators, node);
        table_bytes(table, retained);
        snprintf(text, sizeof text, "%.1f %%",
                 all > 0 ? 100.0 * (double)retained / (double)all : 0.0);
        table_text(table, text);
        table_addr(table, px_node_addr(graph, node));
        table_text(table, px_type_name(graph, px_node_type(graph, node)));
        table_text(table, object_held(cli, &tree->loaded, node, true,
                                      sizeof text, text));
        table_row_end(table);
    }
    table_free(table);
    tree_note(cli, tree, shown);
}

enum px_status
cmd_dominators(struct cli *cli, struct px_err *err)
{
    struct tree tree = {.pick = {.node = PX_NONE}};
    enum px_status status = cli_load(cli, cli->args[0], &tree.loaded, err);
    if (status == PX_OK && cli->n_args > 1)
        status =
            cli_pick_any(cli, tree.loaded.graph, cli->args[1], &tree.pick, err);
    if (status == PX_OK)
        status = cli_load_paths(cli, &tree.loaded, err);
    if (status != PX_OK)
        goto out;
    tree.dominators = px_dominators_new(tree.loaded.graph, &cli->work, err);
    status = tree.dominators == NULL ? err->status : find_rows(cli, &tree, err);
    cli_progress_clear(cli->progress);
    if (status == PX_OK) {
        uint64_t limit = cli_limit(cli, TABLE_ROWS);
        uint32_t shown =
            limit != 0 && limit < tree.n ? (uint32_t)limit : tree.n;
        if (cli->opt.json)
            tree_json(cli, &tree, shown);
        else
            tree_table(cli, &tree, shown);
    }
    status = cli_interrupted(cli, status, err);
out:
    free(tree.nodes);
    px_dominators_free(tree.dominators);
    cli_pick_done(&tree.pick);
    cli_loaded_done(&tree.loaded);
    return status;
}
