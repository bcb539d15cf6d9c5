/* growth.c — what grew in every round, by path.
 *
 * The idea is BLeak's (Vilk and Berger, PLDI 2018): paths, not objects, are
 * compared between snapshots, and a path that grows in each round leaks. The
 * paths are the classes of groups.c. A class is known by a hash of its steps
 * and types from the root on, so that no text and no graph is kept between
 * rounds: 64 bytes a class. Two of a million classes share a hash once in
 * 10^7 runs.
 *
 * What tells one round's objects from the next's is no part of a class: keys
 * of dicts, and digits ("thread worker-17", "serve() server.py:41"). A class
 * below one that grows is part of that finding.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/groups.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct kind_of_path {
    uint64_t hash;
    uint32_t parent; /* PX_NONE: none */
    px_node example;
    uint64_t n_first, n_last, n_now;
    int64_t bytes_first, bytes_now;
    int64_t least; /* growth in a round */
};

struct px_growth {
    struct kind_of_path *kinds;
    size_t n_kinds, cap_kinds;
    uint32_t *table; /* number of the kind + 1 */
    size_t table_size;
    uint32_t n_added; /* snapshots */
    struct px_growth_row *rows;
    size_t n_rows;
};

struct px_growth *
px_growth_new(struct px_err *err)
{
    struct px_growth *growth = calloc(1, sizeof *growth);
    if (growth == NULL)
        px_fail(err, PX_ENOMEM, "no memory for growth");
    return growth;
}

static void
free_rows(struct px_growth *growth)
{
    for (size_t i = 0; i < growth->n_rows; i++)
        free(growth->rows[i].line);
    free(growth->rows);
    growth->rows = NULL;
    growth->n_rows = 0;
}

void
px_growth_free(struct px_growth *growth)
{
    if (growth == NULL)
        return;
    free_rows(growth);
    free(growth->kinds);
    free(growth->table);
    free(growth);
}

/* ---- classes that stay the same between snapshots ---- */

/* A step without what differs from round to round: "['x']" is "[*]", "run()
 * app.py:17" is "run() app.py:#". */
static size_t
plain_step(const char *text, char *out)
{
    size_t n = 0;
    if (strncmp(text, "['", 2) == 0)
        text = "[*]";
    for (; *text != '\0'; text++) {
        bool is_digit = isdigit((unsigned char)*text) != 0;
        if (is_digit && n > 0 && out[n - 1] == '#')
            continue;
        out[n++] = is_digit ? '#' : *text;
    }
    return n;
}

static uint64_t
hash_of_class(const struct grouping *g, const struct class_row *row,
              uint64_t parent)
{
    char text[LINE_MAX_BYTES];
    const char *type = px_type_name(g->graph, row->type);
    size_t n = plain_step(texts_get(&g->texts, row->text), text);
    uint64_t hash = px_chunk_hash(text, n);
    hash = (hash ^ parent) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ px_chunk_hash(type, strlen(type))) * 0xc2b2ae3d27d4eb4fu;
    hash = (hash ^ (hash >> 29) ^ row->held_by) * 0x165667b19e3779f9u;
    return hash ^ (hash >> 32);
}

static enum px_status
grow_table(struct px_growth *growth, struct px_err *err)
{
    if (growth->n_kinds * 2 < growth->table_size)
        return PX_OK;
    size_t size = growth->table_size == 0 ? 1024 : growth->table_size * 2;
    uint32_t *table = calloc(size, sizeof *table);
    if (table == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for growth");
    for (size_t i = 0; i < growth->n_kinds; i++) {
        size_t slot = growth->kinds[i].hash & (size - 1);
        while (table[slot] != 0)
            slot = (slot + 1) & (size - 1);
        table[slot] = (uint32_t)i + 1;
    }
    free(growth->table);
    growth->table = table;
    growth->table_size = size;
    return PX_OK;
}

static enum px_status
find_kind(struct px_growth *growth, uint64_t hash, uint32_t parent,
          uint32_t *out, struct px_err *err)
{
    enum px_status status = grow_table(growth, err);
    if (status != PX_OK)
        return status;
    size_t mask = growth->table_size - 1;
    size_t slot = hash & mask;
    for (; growth->table[slot] != 0; slot = (slot + 1) & mask) {
        *out = growth->table[slot] - 1;
        if (growth->kinds[*out].hash == hash)
            return PX_OK;
    }
    status = rows_need(&growth->kinds, growth->n_kinds, &growth->cap_kinds,
                       sizeof *growth->kinds, err);
    if (status != PX_OK)
        return status;
    /* not there before: in the rounds until now it did not grow */
    growth->kinds[growth->n_kinds] =
        (struct kind_of_path){.hash = hash,
                              .parent = parent,
                              .least = growth->n_added < 2 ? INT64_MAX : 0};
    *out = (uint32_t)growth->n_kinds++;
    growth->table[slot] = *out + 1;
    return PX_OK;
}

/* kind_of[class], in the order of classes: parents come first. */
static enum px_status
match_classes(struct px_growth *growth, const struct grouping *g,
              uint32_t *kind_of, struct px_err *err)
{
    for (size_t i = 0; i < g->n_rows; i++) {
        const struct class_row *row = &g->rows[i];
        uint32_t parent =
            row->parent == PX_NONE ? PX_NONE : kind_of[row->parent];
        uint64_t above = parent == PX_NONE ? 0 : growth->kinds[parent].hash;
        enum px_status status = find_kind(growth, hash_of_class(g, row, above),
                                          parent, &kind_of[i], err);
        if (status != PX_OK)
            return status;
    }
    return PX_OK;
}

static void
end_round(struct px_growth *growth)
{
    for (size_t i = 0; i < growth->n_kinds; i++) {
        struct kind_of_path *kind = &growth->kinds[i];
        int64_t grown = (int64_t)(kind->n_now - kind->n_last);
        if (growth->n_added == 0) {
            kind->n_first = kind->n_now;
            kind->bytes_first = kind->bytes_now;
        } else if (grown < kind->least) {
            kind->least = grown;
        }
        kind->n_last = kind->n_now;
    }
    growth->n_added++;
}

enum px_status
px_growth_add(struct px_growth *growth, const struct px_paths *paths,
              struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = paths->graph;
    struct px_err ours = {PX_OK, "", ""};
    err = err == NULL ? &ours : err;
    enum px_status status = PX_ENOMEM;
    uint32_t *kind_of = NULL;
    struct grouping *g = NULL;
    px_node *nodes = malloc(((size_t)graph->n_nodes + 1) * sizeof *nodes);
    if (nodes == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for growth");
    for (px_node node = 0; node < graph->n_nodes; node++)
        nodes[node] = node;
    g = grouping_new(paths, nodes, graph->n_nodes, work, err);
    free(nodes);
    if (g == NULL)
        return err->status;
    kind_of = calloc(g->n_rows + 1, sizeof *kind_of);
    if (kind_of == NULL)
        px_fail(err, PX_ENOMEM, "no memory for growth");
    else
        status = match_classes(growth, g, kind_of, err);
    if (status != PX_OK)
        goto out;
    for (size_t i = 0; i < growth->n_kinds; i++) {
        growth->kinds[i].n_now = 0;
        growth->kinds[i].bytes_now = 0;
        growth->kinds[i].example = PX_NONE;
    }
    for (px_node node = 0; node < graph->n_nodes; node++) {
        struct kind_of_path *kind =
            &growth->kinds[kind_of[g->class_of[node] - 1]];
        kind->n_now++;
        kind->bytes_now += (int64_t)px_node_bytes(graph, node);
        if (kind->example == PX_NONE)
            kind->example = node;
    }
    end_round(growth);
out:
    free(kind_of);
    grouping_free(g);
    return status;
}

/* ---- findings ---- */
static bool
is_growing(const struct px_growth *growth, const struct kind_of_path *kind)
{
    return growth->n_added > 1 && kind->example != PX_NONE && kind->least > 0;
}

/* Numbers that a text says of one of many are left out, as in its class. */
static enum px_status
write_line(const struct px_paths *paths, struct px_growth_row *row,
           struct px_err *err)
{
    char line[LINE_MAX_BYTES];
    row->held_by = held_get(paths, row->example);
    if (row->held_by == PX_HELD_ROOT)
        px_paths_line(paths, row->example, true, false, sizeof line, line);
    else
        px_paths_held_by(paths, row->example, sizeof line, line);
    size_t n = strlen(line);
    char *key = NULL;
    for (char *at = strstr(line, "['"); at != NULL; at = strstr(at + 1, "['"))
        key = at;
    if (row->n_last > 1 && key != NULL && n > 2 &&
        strcmp(line + n - 2, "']") == 0)
        memcpy(key, "[*]", sizeof "[*]");
    row->line = strdup(line);
    return row->line == NULL ? px_fail(err, PX_ENOMEM, "no memory for a path")
                             : PX_OK;
}

static int
compare_rows(const void *a, const void *b)
{
    const struct px_growth_row *x = a;
    const struct px_growth_row *y = b;
    bool x_is_ours = strchr(x->type, '.') != NULL;
    bool y_is_ours = strchr(y->type, '.') != NULL;
    if (x_is_ours != y_is_ours)
        return x_is_ours ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    int by_line = strcmp(x->line, y->line);
    return by_line != 0 ? by_line : strcmp(x->type, y->type);
}

/* row_of[kind]: number + 1 of the finding that it is a part of, or 0. A
 * parent's number is less than its children's. */
static void
collect_rows(struct px_growth *growth, uint32_t *row_of)
{
    for (size_t i = 0; i < growth->n_kinds; i++) {
        const struct kind_of_path *kind = &growth->kinds[i];
        uint32_t above = kind->parent == PX_NONE ? 0 : row_of[kind->parent];
        if (above == 0 && !is_growing(growth, kind))
            continue;
        row_of[i] = above != 0 ? above : (uint32_t)growth->n_rows + 1;
        struct px_growth_row *row = &growth->rows[row_of[i] - 1];
        row->bytes += kind->bytes_now - kind->bytes_first;
        if (above != 0) {
            if (kind->n_now > kind->n_first)
                row->n_below += kind->n_now - kind->n_first;
            continue;
        }
        growth->n_rows++;
        row->example = kind->example;
        row->n_first = kind->n_first;
        row->n_last = kind->n_now;
        row->n_least = (uint64_t)kind->least;
    }
}

/* After the rows are complete: what hangs on growth that is allowed is allowed
 * with it. */
static void
drop_allowed(struct px_growth *growth, uint64_t max_growth)
{
    size_t n = 0;
    for (size_t i = 0; i < growth->n_rows; i++) {
        if (growth->rows[i].n_least > max_growth)
            growth->rows[n++] = growth->rows[i];
    }
    growth->n_rows = n;
}

const struct px_growth_row *
px_growth_find(struct px_growth *growth, const struct px_paths *last,
               uint64_t max_growth, size_t *n, struct px_err *err)
{
    free_rows(growth);
    uint32_t *row_of = calloc(growth->n_kinds + 1, sizeof *row_of);
    growth->rows = calloc(growth->n_kinds + 1, sizeof *growth->rows);
    if (row_of == NULL || growth->rows == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for growth");
        free(row_of);
        return NULL;
    }
    collect_rows(growth, row_of);
    drop_allowed(growth, max_growth);
    free(row_of);
    for (size_t i = 0; i < growth->n_rows; i++) {
        struct px_growth_row *row = &growth->rows[i];
        row->type =
            px_type_name(last->graph, px_node_type(last->graph, row->example));
        if (write_line(last, row, err) != PX_OK)
            return NULL;
    }
    if (growth->n_rows > 1)
        qsort(growth->rows, growth->n_rows, sizeof *growth->rows, compare_rows);
    *n = growth->n_rows;
    return growth->rows;
}
