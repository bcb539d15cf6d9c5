/* memory_blocks.c — the allocator's blocks: how many are explained, and the
 * objects that only it knows.
 *
 * The table shows the sizes with most bytes that are not explained; all of
 * them are in the JSON.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/memory.h"
#include "cli/object.h"
#include "cli/table.h"

#define ROWS 8

static const char *const column_names[PX_BLOCK_COLUMNS] = {
#define X(member, name) [PX_BLOCK_##member] = name,
    PX_BLOCK_LIST(X)
#undef X
};

static void
add_up(const struct px_graph *graph, uint64_t sum[PX_BLOCK_COLUMNS])
{
    memset(sum, 0, PX_BLOCK_COLUMNS * sizeof *sum);
    for (size_t i = 0; i < px_graph_n_block_classes(graph); i++) {
        const struct px_block_class *row = px_graph_block_class(graph, i);
        for (size_t k = 0; k < PX_BLOCK_COLUMNS; k++)
            sum[k] += row->n[k];
    }
}

void
memory_blocks_json(const struct px_graph *graph, const struct px_strays *strays,
                   json_t *out)
{
    enum px_blocks_state state = px_graph_blocks(graph);
    json_t *classes = json_array();
    json_t *types = json_array();
    for (size_t i = 0; i < px_graph_n_block_classes(graph); i++) {
        const struct px_block_class *row = px_graph_block_class(graph, i);
        json_t *object = json_pack("{s:I}", "bytes", (json_int_t)row->bytes);
        for (size_t k = 0; k < PX_BLOCK_COLUMNS; k++)
            json_object_set_new(object, column_names[k],
                                json_integer((json_int_t)row->n[k]));
        json_array_append_new(classes, object);
    }
    for (size_t i = 0; i < strays->n_rows; i++) {
        const struct px_stray *row = &strays->rows[i];
        json_array_append_new(
            types, json_pack("{s:o, s:I, s:I, s:o}", "type",
                             jsonout_text(px_type_name(graph, row->type)),
                             "count", (json_int_t)row->count, "bytes",
                             (json_int_t)row->bytes, "example",
                             jsonout_addr(px_node_addr(graph, row->example))));
    }
    json_object_set_new(out, "blocks",
                        json_pack("{s:s, s:o}", "state", px_blocks_name(state),
                                  "classes", classes));
    json_object_set_new(out, "strays", types);
}

/* ---- tables ---- */

static uint64_t
unexplained(const struct px_block_class *row)
{
    return row->bytes * (row->n[PX_BLOCK_STRAYS] + row->n[PX_BLOCK_UNKNOWN]);
}

static int
most_first(const void *left, const void *right)
{
    const struct px_block_class *a =
        *(const struct px_block_class *const *)left;
    const struct px_block_class *b =
        *(const struct px_block_class *const *)right;
    uint64_t n_a = unexplained(a);
    uint64_t n_b = unexplained(b);
    if (n_a != n_b)
        return n_a < n_b ? 1 : -1;
    return a->bytes < b->bytes ? -1 : 1;
}

static void
classes_table(struct cli *cli, const struct px_graph *graph)
{
    static const struct table_column columns[] = {
        {"BLOCK", TABLE_RIGHT, CLI_FIGURE, 0},
        {"IN USE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"OBJECTS", TABLE_RIGHT, CLI_FIGURE, 0},
        {"OWNED", TABLE_RIGHT, CLI_FIGURE, 0},
        {"SHARED", TABLE_RIGHT, CLI_FIGURE, 0},
        {"KEPT", TABLE_RIGHT, CLI_FIGURE, 0},
        {"STRAYS", TABLE_RIGHT, CLI_FIGURE, 0},
        {"UNKNOWN", TABLE_RIGHT, CLI_FIGURE, 0},
    };
    const struct px_block_class *rows[PX_BLOCK_CLASSES_MAX] = {NULL};
    size_t n = px_graph_n_block_classes(graph);
    for (size_t i = 0; i < n; i++)
        rows[i] = px_graph_block_class(graph, i);
    qsort(rows, n, sizeof rows[0], most_first);
    struct table *table = table_new(cli, columns, 8);
    for (size_t i = 0; i < n && i < ROWS && unexplained(rows[i]) != 0; i++) {
        table_bytes(table, rows[i]->bytes);
        for (size_t k = PX_BLOCK_IN_USE; k < PX_BLOCK_COLUMNS; k++)
            table_count(table, rows[i]->n[k]);
        table_row_end(table);
    }
    table_free(table);
}

static void
strays_table(struct cli *cli, const struct px_graph *graph,
             const struct px_strays *strays)
{
    static const struct table_column columns[] = {
        {"STRAYS", TABLE_RIGHT, CLI_FIGURE, 0},
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 12},
        {"EXAMPLE", TABLE_RIGHT, CLI_ADDR, 0},
        {"PREVIEW", TABLE_CUT, CLI_PLAIN, 12},
    };
    struct table *table = table_new(cli, columns, 5);
    for (size_t i = 0; i < strays->n_rows && i < ROWS; i++) {
        const struct px_stray *row = &strays->rows[i];
        char preview[OBJECT_TEXT];
        table_count(table, row->count);
        table_bytes(table, row->bytes);
        table_text(table, px_type_name(graph, row->type));
        table_addr(table, px_node_addr(graph, row->example));
        table_text(table, px_node_preview(graph, row->example, sizeof preview,
                                          preview));
        table_row_end(table);
    }
    table_free(table);
}

void
memory_blocks_table(struct cli *cli, const struct px_graph *graph,
                    const struct px_strays *strays)
{
    char in_use[PX_FIGURE_MAX], count[PX_FIGURE_MAX], size[PX_FIGURE_MAX];
    uint64_t sum[PX_BLOCK_COLUMNS];
    enum px_blocks_state state = px_graph_blocks(graph);
    if (state == PX_BLOCKS_NONE)
        return;
    if (state != PX_BLOCKS_KNOWN) {
        printf("The blocks of Python's allocator were not compared with the "
               "objects: %s.\n",
               px_blocks_sentence(state));
        return;
    }
    add_up(graph, sum);
    uint64_t known = sum[PX_BLOCK_IN_USE] - sum[PX_BLOCK_UNKNOWN];
    printf("\n%s small blocks in use, %.2f %% of them explained; most bytes "
           "are not in blocks of\n",
           px_text_count(sum[PX_BLOCK_IN_USE], in_use),
           sum[PX_BLOCK_IN_USE] == 0
               ? 100.0
               : 100.0 * (double)known / (double)sum[PX_BLOCK_IN_USE]);
    classes_table(cli, graph);
    printf("\n");
    if (strays->count == 0)
        return;
    printf("%s objects, %s, that nothing refers to: C code holds them, or "
           "has lost them (some hundred are normal)\n",
           px_text_count(strays->count, count),
           px_text_bytes(strays->bytes, size));
    strays_table(cli, graph, strays);
    printf("\n");
}
