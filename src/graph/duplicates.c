/* duplicates.c — equal strings, and who holds most of them.
 *
 * One pass over the previews, which lie in the order of the nodes, puts each
 * str and bytes into a table by a hash of what is known of it. The previews
 * themselves are compared, so that two values of one hash stay apart. The
 * table has a row for each value; those with one object go before anything is
 * sorted. How the objects of the rows that are shown are held comes from one
 * grouping of all of them (groups.c), and a count of classes row by row.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/bulk.h"
#include "graph/groups.h"
#include "graph/room.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct value {
    px_node example;
    uint32_t count;
    uint64_t bytes;
    uint64_t at; /* of the example's record in the previews */
    bool is_part;
};

struct search {
    const struct px_graph *graph;
    px_type changing; /* bytearray: equal today says nothing; or PX_NONE */
    struct value *values;
    size_t n_values, cap_values;
    uint32_t *table; /* value + 1 */
    size_t table_size;
    uint32_t *value_of; /* by node: value + 1, later row + 1 */
};

/* ---- the values ---- */
static uint64_t
hash_of(const struct search *s, px_node node, uint64_t at)
{
    const struct px_graph *graph = s->graph;
    uint64_t more = px_node_bytes(graph, node) * 0x9e3779b97f4a7c15u +
                    px_node_type(graph, node);
    return px_chunk_hash(graph->previews + at, graph->preview_bytes[node]) ^
           more * 0xc2b2ae3d27d4eb4fu;
}

static bool
is_equal(const struct search *s, const struct value *value, px_node node,
         uint64_t at)
{
    const struct px_graph *graph = s->graph;
    size_t n = graph->preview_bytes[node];
    return graph->preview_bytes[value->example] == n &&
           px_node_type(graph, value->example) == px_node_type(graph, node) &&
           px_node_bytes(graph, value->example) == px_node_bytes(graph, node) &&
           memcmp(graph->previews + value->at, graph->previews + at, n) == 0;
}

static enum px_status
grow_table(struct search *s, struct px_err *err)
{
    if (s->n_values * 2 < s->table_size)
        return PX_OK;
    size_t size = s->table_size == 0 ? 1024 : s->table_size * 2;
    uint32_t *table = calloc(size, sizeof *table);
    if (table == NULL)
        return room_fail(err, "no memory for equal strings");
    for (size_t i = 0; i < s->n_values; i++) {
        size_t slot =
            hash_of(s, s->values[i].example, s->values[i].at) & (size - 1);
        while (table[slot] != 0)
            slot = (slot + 1) & (size - 1);
        table[slot] = (uint32_t)i + 1;
    }
    free(s->table);
    s->table = table;
    s->table_size = size;
    return PX_OK;
}

static enum px_status
add_object(struct search *s, px_node node, uint64_t at, bool is_part,
           struct px_err *err)
{
    enum px_status status = grow_table(s, err);
    if (status != PX_OK)
        return status;
    assert(s->table != NULL);
    size_t mask = s->table_size - 1;
    size_t slot = hash_of(s, node, at) & mask;
    while (s->table[slot] != 0 &&
           !is_equal(s, &s->values[s->table[slot] - 1], node, at))
        slot = (slot + 1) & mask;
    if (s->table[slot] == 0) {
        status = rows_need(&s->values, s->n_values, &s->cap_values,
                           sizeof *s->values, err);
        if (status != PX_OK)
            return status;
        s->values[s->n_values++] =
            (struct value){.example = node, .at = at, .is_part = is_part};
        s->table[slot] = (uint32_t)s->n_values;
    }
    struct value *value = &s->values[s->table[slot] - 1];
    value->count++;
    value->bytes += px_node_bytes(s->graph, node);
    s->value_of[node] = s->table[slot];
    return PX_OK;
}

static enum px_status
find_values(struct search *s, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = s->graph;
    enum px_status status = PX_OK;
    uint64_t at = 0, reported = 0;
    for (px_node node = 0; status == PX_OK && node < graph->n_nodes; node++) {
        bool is_part = false;
        size_t n = graph->preview_bytes[node];
        if ((node & 0xffff) == 0) {
            if (work_is_canceled(work))
                return work_canceled(err);
            work_report(work, &reported, "equal strings", node, graph->n_nodes);
        }
        if (n > 0 && px_node_type(graph, node) != s->changing &&
            preview_is_text(px_reader_of(graph->previews + at, n), &is_part))
            status = add_object(s, node, at, is_part, err);
        at += n;
    }
    return status;
}

/* ---- the rows ---- */
static int
compare_rows(const void *a, const void *b, void *context)
{
    const struct search *s = context;
    const struct value *x = &s->values[*(const uint32_t *)a];
    const struct value *y = &s->values[*(const uint32_t *)b];
    uint64_t p = x->bytes - x->bytes / x->count;
    uint64_t q = y->bytes - y->bytes / y->count;
    if (p != q)
        return p > q ? -1 : 1;
    size_t n = s->graph->preview_bytes[x->example];
    size_t m = s->graph->preview_bytes[y->example];
    int by_value = memcmp(s->graph->previews + x->at,
                          s->graph->previews + y->at, n < m ? n : m);
    if (by_value != 0 || n != m)
        return by_value != 0 ? by_value : (n > m) - (n < m);
    return (x->example > y->example) - (x->example < y->example);
}

/* Values with two objects or more as rows; value_of becomes row_of. */
static enum px_status
make_rows(struct search *s, size_t max_rows, struct px_duplicates *out,
          struct px_err *err)
{
    uint32_t *order = calloc(s->n_values + 1, sizeof *order);
    uint32_t *row_of = calloc(s->n_values + 1, sizeof *row_of);
    enum px_status status = PX_ENOMEM;
    for (size_t i = 0; order != NULL && i < s->n_values; i++) {
        const struct value *value = &s->values[i];
        if (value->count < 2)
            continue;
        order[out->n_all++] = (uint32_t)i;
        out->count += value->count;
        out->wasted += value->bytes - value->bytes / value->count;
    }
    out->n_rows =
        max_rows != 0 && max_rows < out->n_all ? max_rows : out->n_all;
    out->rows = calloc(out->n_rows + 1, sizeof *out->rows);
    if (order == NULL || row_of == NULL || out->rows == NULL) {
        out->n_rows = 0;
        room_fail(err, "no memory for equal strings");
        goto out;
    }
    if (out->n_all > 1)
        qsort_r(order, out->n_all, sizeof *order, compare_rows, s);
    for (size_t i = 0; i < out->n_rows; i++) {
        const struct value *value = &s->values[order[i]];
        row_of[order[i] + 1] = (uint32_t)i + 1;
        out->rows[i] = (struct px_duplicate){
            .example = value->example,
            .count = value->count,
            .bytes = value->bytes,
            .wasted = value->bytes - value->bytes / value->count,
            .is_part = value->is_part};
    }
    for (px_node node = 0; node < s->graph->n_nodes; node++)
        s->value_of[node] = row_of[s->value_of[node]];
    status = PX_OK;
out:
    free(order);
    free(row_of);
    return status;
}

/* ---- who holds them ---- */

/* The objects of the rows, row by row; first[i] … first[i + 1]. */
static void
list_objects(const struct search *s, const struct px_duplicates *out,
             px_node *nodes, uint32_t *first)
{
    uint32_t n = 0;
    for (size_t i = 0; i < out->n_rows; i++) {
        first[i] = n;
        n += out->rows[i].count;
    }
    for (px_node node = 0; node < s->graph->n_nodes; node++) {
        if (s->value_of[node] != 0)
            nodes[first[s->value_of[node] - 1]++] = node;
    }
    for (size_t i = out->n_rows; i > 0; i--)
        first[i] = first[i - 1];
    first[0] = 0;
}

/* The most frequent class of a row's objects, the first of equals. */
static enum px_status
name_holder(struct grouping *g, const px_node *nodes, uint32_t *tally,
            struct px_duplicate *row, struct px_err *err)
{
    class_id best = g->class_of[nodes[0]] - 1;
    for (uint32_t i = 0; i < row->count; i++) {
        class_id one = g->class_of[nodes[i]] - 1;
        tally[one]++;
        if (tally[one] > tally[best] ||
            (one < best && tally[one] == tally[best]))
            best = one;
    }
    row->held_count = tally[best];
    row->held_by = (enum px_held_by)g->rows[best].held_by;
    for (uint32_t i = 0; i < row->count; i++)
        tally[g->class_of[nodes[i]] - 1] = 0;
    return grouping_line(g, best, &row->line, err);
}

static enum px_status
name_holders(const struct px_paths *paths, const struct search *s,
             struct px_duplicates *out, struct px_work *work,
             struct px_err *err)
{
    uint64_t n = 0;
    for (size_t i = 0; i < out->n_rows; i++)
        n += out->rows[i].count;
    px_node *nodes = bulk_new(n + 1, sizeof *nodes);
    uint32_t *first = calloc(out->n_rows + 1, sizeof *first);
    uint32_t *tally = NULL;
    struct grouping *g = NULL;
    enum px_status status = PX_ENOMEM;
    if (nodes == NULL || first == NULL) {
        room_fail(err, "no memory for equal strings");
        goto out;
    }
    list_objects(s, out, nodes, first);
    g = grouping_new(paths, nodes, (uint32_t)n, work, err);
    if (g == NULL) {
        status = err != NULL ? err->status : PX_ENOMEM;
        goto out;
    }
    tally = calloc(g->n_rows + 1, sizeof *tally);
    if (tally == NULL) {
        room_fail(err, "no memory for equal strings");
        goto out;
    }
    status = PX_OK;
    for (size_t i = 0; status == PX_OK && i < out->n_rows; i++)
        status = name_holder(g, nodes + first[i], tally, &out->rows[i], err);
out:
    grouping_free(g);
    free(tally);
    bulk_free(nodes);
    free(first);
    return status;
}

struct px_duplicates *
px_duplicates_new(const struct px_paths *paths, size_t max_rows,
                  struct px_work *work, struct px_err *err)
{
    struct search s = {.graph = paths->graph, .changing = PX_NONE};
    struct px_duplicates *out = calloc(1, sizeof *out);
    enum px_status status = PX_ENOMEM;
    s.value_of = bulk_new((size_t)s.graph->n_nodes + 1, sizeof *s.value_of);
    if (out == NULL || s.value_of == NULL) {
        room_fail(err, "no memory for equal strings");
        goto out;
    }
    out->has_values = s.graph->preview_bytes != NULL;
    px_type_find(s.graph, "bytearray", 1, &s.changing);
    status = out->has_values ? find_values(&s, work, err) : PX_OK;
    if (status == PX_OK)
        status = make_rows(&s, max_rows, out, err);
    if (status == PX_OK && out->n_rows > 0)
        status = name_holders(paths, &s, out, work, err);
out:
    free(s.values);
    free(s.table);
    bulk_free(s.value_of);
    if (status != PX_OK) {
        px_duplicates_free(out);
        return NULL;
    }
    return out;
}

void
px_duplicates_free(struct px_duplicates *duplicates)
{
    if (duplicates == NULL)
        return;
    for (size_t i = 0; i < duplicates->n_rows; i++)
        free(duplicates->rows[i].line);
    free(duplicates->rows);
    free(duplicates);
}
