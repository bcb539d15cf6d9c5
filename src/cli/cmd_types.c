/* cmd_types.c — `types`: count, size and name of each type.
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

/* Types of one full name are one row (see pick.c). */
struct type_row {
    const char *name;
    uint64_t count;
    uint64_t bytes;
    uint64_t retained; /* at least; 0 unless it was asked for */
    /* Of these 0 too: objects with references that no edge explains, and how
     * many references these are. */
    uint64_t held;
    uint64_t held_refs;
    bool keeps; /* C code keeps such objects for good: texts, classes */
};

static int
by_name(const void *a, const void *b)
{
    const struct type_row *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int
by_count(const void *a, const void *b)
{
    const struct type_row *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return by_name(a, b);
}

static int
by_bytes(const void *a, const void *b)
{
    const struct type_row *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return by_name(a, b);
}

static int
by_retained(const void *a, const void *b)
{
    const struct type_row *x = a, *y = b;
    if (x->retained != y->retained)
        return x->retained < y->retained ? 1 : -1;
    return by_name(a, b);
}

/* What C code keeps by the hundred in every process (identifiers, static
 * types) comes after what a missing decref leaves behind. */
static int
by_held(const void *a, const void *b)
{
    const struct type_row *x = a, *y = b;
    if (x->keeps != y->keeps)
        return x->keeps ? 1 : -1;
    if (x->held_refs != y->held_refs)
        return x->held_refs < y->held_refs ? 1 : -1;
    return by_count(a, b);
}

/* Objects of one of the types may dominate those of another, so that adding
 * up could say too much: the largest of them is still a lower bound. */
static void
merge_row(struct type_row *into, const struct type_row *row)
{
    into->count += row->count;
    into->bytes += row->bytes;
    if (row->retained > into->retained)
        into->retained = row->retained;
    into->held += row->held;
    into->held_refs += row->held_refs;
}

static bool
is_kept(const struct px_graph *graph, px_type type)
{
    return (px_type_flags(graph, type) & PX_TYPE_GC) == 0 ||
           strcmp(px_type_name(graph, type), "type") == 0;
}

/* References that no edge explains, summed by type; malloced. */
static struct type_row *
sum_held(struct cli_loaded *loaded)
{
    const struct px_graph *graph = loaded->graph;
    uint32_t n_nodes = px_graph_n_nodes(graph);
    struct type_row *sums =
        cli_alloc(px_graph_n_types(graph) * sizeof *sums + 1);
    memset(sums, 0, px_graph_n_types(graph) * sizeof *sums);
    object_count_refs(loaded);
    for (px_node node = 0; node < n_nodes; node++) {
        struct px_refs refs;
        object_refs(loaded, node, &refs);
        if (!refs.known || !refs.whole || refs.outside <= 0)
            continue;
        struct type_row *row = &sums[px_node_type(graph, node)];
        row->held++;
        row->held_refs += (uint64_t)refs.outside;
    }
    return sums;
}

/* Rows of types that have instances, of equal names merged; malloced.
 * `dominators` and `held` may be NULL. */
static struct type_row *
collect_types(const struct px_graph *graph,
              const struct px_dominators *dominators,
              const struct type_row *held, size_t *n_rows)
{
    uint32_t n_types = px_graph_n_types(graph);
    struct type_row *rows = cli_alloc(n_types * sizeof *rows);
    size_t n = 0;
    for (px_type t = 0; t < n_types; t++) {
        if (px_type_count(graph, t) == 0)
            continue;
        struct type_row *row = &rows[n++];
        *row = (struct type_row){.name = px_type_name(graph, t),
                                 .count = px_type_count(graph, t),
                                 .bytes = px_type_bytes(graph, t),
                                 .keeps = is_kept(graph, t)};
        if (dominators != NULL)
            row->retained = px_dominators_type_retained(dominators, t);
        if (held != NULL) {
            row->held = held[t].held;
            row->held_refs = held[t].held_refs;
        }
    }
    qsort(rows, n, sizeof *rows, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && strcmp(rows[kept - 1].name, rows[i].name) == 0)
            merge_row(&rows[kept - 1], &rows[i]);
        else
            rows[kept++] = rows[i];
    }
    *n_rows = kept;
    return rows;
}

static void
types_json(struct cli *cli, struct cli_loaded *loaded,
           const struct type_row *rows, size_t shown, size_t n)
{
    json_t *head = jsonout_head(cli, loaded);
    json_object_set_new(head, "n_types", json_integer((json_int_t)n));
    jsonout_begin(cli, head, "types");
    for (size_t i = 0; i < shown; i++) {
        json_t *row = json_pack(
            "{s:o, s:I, s:I}", "type", jsonout_text(rows[i].name), "count",
            (json_int_t)rows[i].count, "bytes", (json_int_t)rows[i].bytes);
        if (cli_sort_is(cli, "retained"))
            json_object_set_new(row, "retained_at_least",
                                json_integer((json_int_t)rows[i].retained));
        if (cli_sort_is(cli, "held")) {
            json_object_set_new(row, "held_objects",
                                json_integer((json_int_t)rows[i].held));
            json_object_set_new(row, "held_references",
                                json_integer((json_int_t)rows[i].held_refs));
        }
        jsonout_row(cli, row);
    }
    jsonout_end(cli);
}

static void
types_table(struct cli *cli, struct cli_loaded *loaded,
            const struct type_row *rows, size_t shown, size_t n)
{
    static const struct table_column columns[] = {
        {"COUNT", TABLE_RIGHT, CLI_FIGURE, 0},
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 16},
    };
    static const struct table_column retained_columns[] = {
        {"COUNT", TABLE_RIGHT, CLI_FIGURE, 0},
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"RETAINED", TABLE_RIGHT, CLI_FIGURE, 0},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 16},
    };
    static const struct table_column held_columns[] = {
        {"COUNT", TABLE_RIGHT, CLI_FIGURE, 0},
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"HELD", TABLE_RIGHT, CLI_FIGURE, 0},
        {"BY", TABLE_RIGHT, CLI_FIGURE, 0},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 16},
    };
    bool retained = cli_sort_is(cli, "retained");
    bool held = cli_sort_is(cli, "held");
    struct table *table = retained ? table_new(cli, retained_columns, 4)
                          : held   ? table_new(cli, held_columns, 5)
                                   : table_new(cli, columns, 3);
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += rows[i].bytes;
        if (i >= shown)
            continue;
        table_count(table, rows[i].count);
        table_bytes(table, rows[i].bytes);
        if (retained) {
            char least[PX_FIGURE_MAX], text[PX_FIGURE_MAX + 4];
            snprintf(text, sizeof text, "\xe2\x89\xa5 %s",
                     px_text_bytes(rows[i].retained, least));
            table_text(table, text);
        }
        if (held) {
            table_count(table, rows[i].held);
            table_count(table, rows[i].held_refs);
        }
        table_text(table, rows[i].name);
        table_row_end(table);
    }
    table_free(table);
    char objects[PX_COUNTED_MAX], types[PX_COUNTED_MAX], size[PX_FIGURE_MAX];
    cli_note(
        cli, "%s of %s, %s%s",
        px_text_counted(px_graph_n_nodes(loaded->graph), "object", objects),
        px_text_counted(n, "type", types), px_text_bytes(bytes, size),
        shown < n ? "; -n 0 shows all types" : "");
    if (held)
        cli_note(cli, "HELD objects have references that no object here owns: "
                      "C code or the running stack does, BY so many");
}

enum px_status
cmd_types(struct cli *cli, struct px_err *err)
{
    struct cli_loaded loaded;
    struct px_dominators *dominators = NULL;
    enum px_status status = cli_load(cli, cli->args[0], &loaded, err);
    if (status != PX_OK)
        return status;
    if (cli_sort_is(cli, "retained")) {
        dominators = px_dominators_new(loaded.graph, &cli->work, err);
        cli_progress_clear(cli->progress);
        if (dominators == NULL) {
            cli_loaded_done(&loaded);
            return cli_interrupted(cli, err->status, err);
        }
    }
    size_t n;
    struct type_row *sums = cli_sort_is(cli, "held") ? sum_held(&loaded) : NULL;
    struct type_row *rows = collect_types(loaded.graph, dominators, sums, &n);
    free(sums);
    px_dominators_free(dominators);
    if (cli_sort_is(cli, "count"))
        qsort(rows, n, sizeof *rows, by_count);
    else if (cli_sort_is(cli, "size"))
        qsort(rows, n, sizeof *rows, by_bytes);
    else if (cli_sort_is(cli, "retained"))
        qsort(rows, n, sizeof *rows, by_retained);
    else if (cli_sort_is(cli, "held"))
        qsort(rows, n, sizeof *rows, by_held);
    uint64_t limit = cli_limit(cli, TABLE_ROWS);
    size_t shown = limit != 0 && limit < n ? (size_t)limit : n;
    if (cli->opt.json)
        types_json(cli, &loaded, rows, shown, n);
    else
        types_table(cli, &loaded, rows, shown, n);
    free(rows);
    cli_loaded_done(&loaded);
    return PX_OK;
}
