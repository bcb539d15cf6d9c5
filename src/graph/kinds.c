/* kinds.c — classes of paths that stay the same between snapshots.
 *
 * The idea is BLeak's (Vilk and Berger, PLDI 2018): paths, not objects, are
 * compared between snapshots. Two of a million kinds share a hash once in
 * 10^7 runs.
 *
 * Steps that come again, .call → .__self__ → .inner → .call → …, are one kind
 * however often they do: a chain that gets longer by one each time would have
 * a kind of its own for each object, and none of them would grow.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/kinds.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "graph/groups.h"
#include "graph/room.h"

/* Objects/typeobject.c, _PyType_Lookup: the cache has a place for 4,096 names,
 * by their addresses, and holds them: PyObject_GetAttrString makes a new text
 * for each call (open() does so twice), and some of them stay there. */
#define CACHED_A_ROUND 100

bool
kinds_are_cached(const struct px_paths *paths, px_node example, double a_round)
{
    const struct px_graph *graph = paths->graph;
    const char *type = px_type_name(graph, px_node_type(graph, example));
    return a_round < CACHED_A_ROUND && held_get(paths, example) == PX_HELD_C &&
           strcmp(type, "str") == 0;
}

void
kinds_done(struct kinds *kinds)
{
    free(kinds->rows);
    free(kinds->table);
    *kinds = (struct kinds){0};
}

size_t
kinds_plain(const char *text, size_t room, char *out)
{
    size_t n = 0;
    if (strncmp(text, "['", 2) == 0)
        text = "[*]";
    for (; *text != '\0' && n < room; text++) {
        bool is_digit = isdigit((unsigned char)*text) != 0;
        if (is_digit && n > 0 && out[n - 1] == '#')
            continue;
        out[n++] = is_digit ? '#' : *text;
    }
    return n;
}

static uint64_t
hash_of_step(const struct grouping *g, const struct class_row *row)
{
    char text[LINE_MAX_BYTES];
    const char *type = px_type_name(g->graph, row->type);
    size_t n = kinds_plain(texts_get(&g->texts, row->text), sizeof text, text);
    uint64_t hash = px_chunk_hash(text, n);
    hash = (hash ^ px_chunk_hash(type, strlen(type))) * 0xc2b2ae3d27d4eb4fu;
    hash = (hash ^ (hash >> 29) ^ row->held_by) * 0x165667b19e3779f9u;
    return hash ^ (hash >> 32);
}

static uint64_t
hash_below(uint64_t step, uint64_t parent)
{
    uint64_t hash = (step ^ parent) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 32);
}

static kind_id
kind_above(const struct kinds *kinds, kind_id kind)
{
    return kind == PX_NONE ? PX_NONE : kinds->rows[kind].parent;
}

/* Whether the n steps that end with `step` below `parent` are those before
 * them; *out is then the kind that those end with. */
static bool
comes_again(const struct kinds *kinds, kind_id parent, uint64_t step, int n,
            kind_id *out)
{
    kind_id first = parent;
    for (int i = 1; i < n; i++)
        first = kind_above(kinds, first);
    *out = first;
    for (int i = 0; i < n; i++) {
        if (first == PX_NONE || kinds->rows[first].step != step)
            return false;
        step = kinds->rows[parent].step;
        parent = kinds->rows[parent].parent;
        first = kinds->rows[first].parent;
    }
    return true;
}

static enum px_status
grow_table(struct kinds *kinds, struct px_err *err)
{
    if (kinds->n_rows * 2 < kinds->table_size)
        return PX_OK;
    size_t size = kinds->table_size == 0 ? 1024 : kinds->table_size * 2;
    uint32_t *table = calloc(size, sizeof *table);
    if (table == NULL)
        return room_fail(err, "no memory for kinds of paths");
    for (size_t i = 0; i < kinds->n_rows; i++) {
        size_t slot = kinds->rows[i].hash & (size - 1);
        while (table[slot] != 0)
            slot = (slot + 1) & (size - 1);
        table[slot] = (uint32_t)i + 1;
    }
    free(kinds->table);
    kinds->table = table;
    kinds->table_size = size;
    return PX_OK;
}

static enum px_status
find_kind(struct kinds *kinds, uint64_t step, kind_id parent, kind_id *out,
          struct px_err *err)
{
    uint64_t hash =
        hash_below(step, parent == PX_NONE ? 0 : kinds->rows[parent].hash);
    enum px_status status = grow_table(kinds, err);
    if (status != PX_OK)
        return status;
    size_t mask = kinds->table_size - 1;
    size_t slot = hash & mask;
    for (; kinds->table[slot] != 0; slot = (slot + 1) & mask) {
        *out = kinds->table[slot] - 1;
        if (kinds->rows[*out].hash == hash)
            return PX_OK;
    }
    status = rows_need(&kinds->rows, kinds->n_rows, &kinds->cap_rows,
                       sizeof *kinds->rows, err);
    if (status != PX_OK)
        return status;
    kinds->rows[kinds->n_rows] =
        (struct kind){.hash = hash, .step = step, .parent = parent};
    kinds->rows[kinds->n_rows].example = PX_NONE;
    *out = (kind_id)kinds->n_rows++;
    kinds->table[slot] = *out + 1;
    return PX_OK;
}

/* kind_of[class], in the order of classes: parents come first. */
static enum px_status
match_classes(struct kinds *kinds, const struct grouping *g, kind_id *kind_of,
              bool *is_again, struct px_err *err)
{
    for (size_t i = 0; i < g->n_rows; i++) {
        const struct class_row *row = &g->rows[i];
        kind_id parent =
            row->parent == PX_NONE ? PX_NONE : kind_of[row->parent];
        uint64_t step = hash_of_step(g, row);
        for (int n = 2; n <= KINDS_AGAIN_MAX && !is_again[i]; n++)
            is_again[i] = comes_again(kinds, parent, step, n, &kind_of[i]);
        if (is_again[i])
            continue;
        is_again[i] = row->parent != PX_NONE && is_again[row->parent];
        enum px_status status =
            find_kind(kinds, step, parent, &kind_of[i], err);
        if (status != PX_OK)
            return status;
    }
    return PX_OK;
}

static void
count_nodes(struct kinds *kinds, const struct grouping *g, const bool *is_again,
            const kind_id *kind_of_node)
{
    const struct px_graph *graph = g->graph;
    for (size_t i = 0; i < kinds->n_rows; i++) {
        struct kind *kind = &kinds->rows[i];
        kind->count = kind->bytes = 0;
        kind->example = PX_NONE;
    }
    for (px_node node = 0; node < graph->n_nodes; node++) {
        struct kind *kind = &kinds->rows[kind_of_node[node]];
        kind->count++;
        kind->bytes += px_node_bytes(graph, node);
        /* the path of the first time is the shortest, and the same each time */
        if (kind->example == PX_NONE ||
            (is_again[g->class_of[kind->example] - 1] &&
             !is_again[g->class_of[node] - 1]))
            kind->example = node;
    }
}

enum px_status
kinds_count(struct kinds *kinds, const struct px_paths *paths,
            kind_id **kind_of, struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = paths->graph;
    struct px_err ours = {PX_OK, "", ""};
    err = err == NULL ? &ours : err;
    enum px_status status = PX_ENOMEM;
    kind_id *of_class = NULL;
    bool *is_again = NULL;
    struct grouping *g = NULL;
    /* first the set, which is all, then the kind of each */
    uint32_t *nodes = malloc(((size_t)graph->n_nodes + 1) * sizeof *nodes);
    if (nodes == NULL)
        return room_fail(err, "no memory for kinds of paths");
    for (px_node node = 0; node < graph->n_nodes; node++)
        nodes[node] = node;
    g = grouping_new(paths, nodes, graph->n_nodes, work, err);
    if (g == NULL) {
        free(nodes);
        return err->status;
    }
    of_class = calloc(g->n_rows + 1, sizeof *of_class);
    is_again = calloc(g->n_rows + 1, sizeof *is_again);
    if (of_class == NULL || is_again == NULL)
        room_fail(err, "no memory for kinds of paths");
    else
        status = match_classes(kinds, g, of_class, is_again, err);
    if (status == PX_OK) {
        for (px_node node = 0; node < graph->n_nodes; node++)
            nodes[node] = of_class[g->class_of[node] - 1];
        count_nodes(kinds, g, is_again, nodes);
    }
    if (status == PX_OK && kind_of != NULL) {
        *kind_of = nodes;
        nodes = NULL;
    }
    free(nodes);
    free(of_class);
    free(is_again);
    grouping_free(g);
    return status;
}
