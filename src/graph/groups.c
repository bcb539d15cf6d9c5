/* groups.c — the paths of a set of objects, merged by their starred line.
 *
 * Paths share their beginnings, so the machine of steps.c runs over the tree
 * of parents and not over each path: every object on the way gets a class,
 * which is the class of its parent and one step. Equal classes are made once
 * (hash-consing), and an object keeps its class, so that a million paths cost
 * what the objects on them cost, however long they are: a chain of 10 M is
 * one class. Only at the end each class is written as a line.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/groups.h"
#include "graph/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- classes ---- */

/* Each step adds to a line, so that one of so many has no room for more. */
#define LINED_DEPTH LINE_MAX_BYTES

static uint64_t
hash_of(class_id parent, const char *text, px_type type)
{
    return px_chunk_hash(text, strlen(text)) ^
           (parent * 0x9e3779b97f4a7c15u + type) * 0xc2b2ae3d27d4eb4fu;
}

static enum px_status
grow_table(struct grouping *g, struct px_err *err)
{
    if (g->n_rows * 2 < g->table_size)
        return PX_OK;
    size_t size = g->table_size == 0 ? 256 : g->table_size * 2;
    uint32_t *table = calloc(size, sizeof *table);
    if (table == NULL)
        return room_fail(err, "no memory for groups of paths");
    for (size_t i = 0; i < g->n_rows; i++) {
        const struct class_row *row = &g->rows[i];
        uint64_t hash =
            hash_of(row->parent, texts_get(&g->texts, row->text), row->type);
        size_t slot = hash & (size - 1);
        while (table[slot] != 0)
            slot = (slot + 1) & (size - 1);
        table[slot] = (uint32_t)i + 1;
    }
    free(g->table);
    g->table = table;
    g->table_size = size;
    return PX_OK;
}

static bool
is_same(const struct grouping *g, const struct class_row *a,
        const struct class_row *b, const char *text)
{
    return a->parent == b->parent && a->type == b->type && a->mode == b->mode &&
           a->held_by == b->held_by && a->of_module == b->of_module &&
           a->is_run == b->is_run && a->root == b->root &&
           strcmp(texts_get(&g->texts, a->text), text) == 0;
}

enum px_status
grouping_intern(struct grouping *g, struct class_row *row, const char *text,
                class_id *out, struct px_err *err)
{
    enum px_status status = grow_table(g, err);
    if (status != PX_OK)
        return status;
    size_t mask = g->table_size - 1;
    size_t slot = hash_of(row->parent, text, row->type) & mask;
    for (; g->table[slot] != 0; slot = (slot + 1) & mask) {
        *out = g->table[slot] - 1;
        if (is_same(g, &g->rows[*out], row, text))
            return PX_OK;
    }
    status = texts_add(&g->texts, text, strlen(text), &row->text, err);
    if (status == PX_OK)
        status = rows_need(&g->rows, g->n_rows, &g->cap_rows, sizeof *row, err);
    if (status != PX_OK)
        return status;
    *out = (class_id)g->n_rows++;
    row->depth = row->parent == PX_NONE ? 0 : g->rows[row->parent].depth + 1;
    row->lined = row->depth <= LINED_DEPTH ? *out : g->rows[row->parent].lined;
    g->rows[*out] = *row;
    g->table[slot] = *out + 1;
    return PX_OK;
}

class_id
grouping_run_of(const struct grouping *g, class_id one)
{
    struct class_row row = g->rows[one];
    const char *text = texts_get(&g->texts, row.text);
    size_t mask = g->table_size - 1;
    size_t slot = hash_of(row.parent, text, row.type) & mask;
    if (row.is_run)
        return PX_NONE;
    row.is_run = true;
    while (g->table[slot] != 0 &&
           !is_same(g, &g->rows[g->table[slot] - 1], &row, text))
        slot = (slot + 1) & mask;
    return g->table[slot] == 0 ? PX_NONE : g->table[slot] - 1;
}

static void
state_of(const struct grouping *g, class_id from, struct step_state *out)
{
    const struct class_row *row = &g->rows[from];
    const char *text = texts_get(&g->texts, row->text);
    *out = (struct step_state){.mode = (enum step_mode)row->mode,
                               .of_module = row->of_module,
                               .type = row->type,
                               .times = row->is_run ? 2 : 1};
    memcpy(out->text, text, strlen(text) + 1);
}

/* What makes edges out of one class lead to one class; 0: look closer. */
static uint64_t
edge_likeness(const struct grouping *g, px_edge edge)
{
    const struct edge *row = &g->graph->edges[edge];
    const struct px_edge_info *info = px_edge_info(edge_kind(row));
    if (edge_kind(row) == PX_EDGE_FRAME || info->form == PX_FORM_PAIR)
        return 0;
    if (info->form == PX_FORM_NAME)
        return row->info;
    return (uint64_t)edge_kind(row) << EDGE_KIND_SHIFT;
}

enum px_status
grouping_after(struct grouping *g, class_id from, px_edge edge, class_id *out,
               struct px_err *err)
{
    struct step_state before;
    struct step_state now;
    struct step_state next;
    px_type type = px_node_type(g->graph, g->graph->edges[edge].target);
    uint64_t key = edge_likeness(g, edge);
    struct cached *cached =
        &g->cache[(key * 31 + from * 7 + type) % CACHE_SIZE];
    if (key != 0 && cached->key == key && cached->from == from &&
        cached->type == type) {
        *out = cached->to;
        return PX_OK;
    }
    class_id parents[] = {from, g->rows[from].parent, PX_NONE};
    if (parents[1] != PX_NONE) {
        state_of(g, parents[1], &before);
        parents[2] = g->rows[parents[1]].parent;
    }
    state_of(g, from, &now);
    enum step_effect effect =
        step_next(g->paths, true, parents[1] == PX_NONE ? NULL : &before, &now,
                  edge, &next);
    struct class_row row = {
        .parent = parents[effect],
        .root = g->rows[from].root,
        .type = next.type,
        .mode = (uint8_t)next.mode,
        .of_module = next.of_module,
        .is_run = next.times > 1,
    };
    enum px_status status = grouping_intern(g, &row, next.text, out, err);
    if (status == PX_OK && key != 0)
        *cached = (struct cached){key, from, *out, type};
    return status;
}

enum px_status
grouping_root(struct grouping *g, px_node node, class_id *out,
              struct px_err *err)
{
    struct step_state state;
    step_root(g->paths, node, true, &state);
    struct class_row row = {.parent = PX_NONE,
                            .root = px_paths_root(g->paths, node),
                            .type = state.type,
                            .mode = (uint8_t)state.mode,
                            .of_module = state.of_module};
    return grouping_intern(g, &row, state.text, out, err);
}

static enum px_status
class_of_unreached(struct grouping *g, px_node node, class_id *out,
                   struct px_err *err)
{
    char line[LINE_MAX_BYTES];
    struct class_row row = {.parent = PX_NONE,
                            .root = PX_NONE,
                            .type = px_node_type(g->graph, node)};
    enum px_held_by held_by = held_get(g->paths, node);
    row.held_by = (uint8_t)held_by;
    line[0] = '\0';
    if (held_by == PX_HELD_CYCLE)
        cycles_line(g->cycles, node, true, sizeof line, line);
    return grouping_intern(g, &row, line, out, err);
}

/* The class of a node: up to a known one, then down again. */
static enum px_status
class_of_node(struct grouping *g, px_node node, class_id *out,
              struct px_err *err)
{
    const uint32_t *parent = g->paths->parent;
    enum px_status status = PX_OK;
    size_t n = 0;
    class_id now = 0;
    while (g->class_of[node] == 0 && parent[node] < PARENT_ROOT) {
        status = rows_need(&g->trail, n, &g->cap_trail, sizeof *g->trail, err);
        if (status != PX_OK)
            return status;
        g->trail[n++] = parent[node];
        node = px_edge_source(g->graph, parent[node]);
    }
    if (g->class_of[node] != 0)
        now = g->class_of[node] - 1;
    else if (parent[node] == PARENT_ROOT)
        status = grouping_root(g, node, &now, err);
    else
        status = class_of_unreached(g, node, &now, err);
    if (status != PX_OK)
        return status;
    g->class_of[node] = now + 1;
    while (n > 0) {
        px_edge edge = g->trail[--n];
        status = grouping_after(g, now, edge, &now, err);
        if (status != PX_OK)
            return status;
        g->class_of[g->graph->edges[edge].target] = now + 1;
    }
    *out = now;
    return PX_OK;
}

/* ---- lines ---- */
enum px_status
grouping_line(struct grouping *g, class_id class_number, char **out,
              struct px_err *err)
{
    char text[LINE_MAX_BYTES];
    struct line line;
    struct step_state state;
    size_t n = 0;
    class_number = g->rows[class_number].lined;
    for (class_id at = class_number; at != PX_NONE; at = g->rows[at].parent) {
        enum px_status status =
            rows_need(&g->trail, n, &g->cap_trail, sizeof *g->trail, err);
        if (status != PX_OK)
            return status;
        g->trail[n++] = at;
    }
    if (g->rows[class_number].root == PX_NONE) {
        *out = strdup(texts_get(&g->texts, g->rows[class_number].text));
    } else {
        line_init(&line, sizeof text, text, true, false);
        while (n > 0 && !line.is_full) {
            state_of(g, g->trail[--n], &state);
            line_add(&line, &state);
        }
        *out = strdup(text);
    }
    return *out == NULL ? room_fail(err, "no memory for a path") : PX_OK;
}

static int
compare_lines(const void *a, const void *b)
{
    const struct px_path_group *left = a;
    const struct px_path_group *right = b;
    if (left->held_by != right->held_by)
        return left->held_by < right->held_by ? -1 : 1;
    int by_line = strcmp(left->line, right->line);
    if (by_line != 0)
        return by_line;
    return (left->example > right->example) - (left->example < right->example);
}

static int
compare_counts(const void *a, const void *b)
{
    const struct px_path_group *left = a;
    const struct px_path_group *right = b;
    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return compare_lines(a, b);
}

/* Number of the group with line `one.line ×*` among the sorted groups from
 * `from` on, or n. */
static size_t
find_run(const struct px_path_group *groups, size_t from, size_t n,
         const struct px_path_group *one)
{
    char line[LINE_MAX_BYTES + 8];
    struct px_path_group run = *one;
    snprintf(line, sizeof line, "%s ×*", one->line);
    run.line = line;
    run.example = 0;
    size_t low = from;
    size_t high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_lines(&groups[middle], &run) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == n || groups[low].held_by != one->held_by ||
        strcmp(groups[low].line, line) != 0)
        return n;
    return low;
}

/* "… .next" is part of "… .next ×*". */
static void
join_runs(struct px_path_groups *out)
{
    struct px_path_group *groups = out->groups;
    size_t n = 0;
    for (size_t i = 0; i < out->n_groups; i++) {
        size_t run = find_run(groups, i + 1, out->n_groups, &groups[i]);
        if (run < out->n_groups) {
            groups[run].count += groups[i].count;
            free(groups[i].line);
        } else {
            groups[n++] = groups[i];
        }
    }
    out->n_groups = n;
}

/* Classes that differ only in types on the way have one line. */
static void
merge_equal(struct px_path_groups *out)
{
    struct px_path_group *groups = out->groups;
    size_t n = 0;
    if (out->n_groups > 1)
        qsort(groups, out->n_groups, sizeof *groups, compare_lines);
    for (size_t i = 0; i < out->n_groups; i++) {
        if (n > 0 && groups[n - 1].held_by == groups[i].held_by &&
            strcmp(groups[n - 1].line, groups[i].line) == 0) {
            groups[n - 1].count += groups[i].count;
            free(groups[i].line);
        } else {
            groups[n++] = groups[i];
        }
    }
    out->n_groups = n;
    join_runs(out);
    n = out->n_groups;
    if (n > 1)
        qsort(groups, n, sizeof *groups, compare_counts);
}

/* What has the line of an ancestor counts for it. */
static size_t
count_lined(struct grouping *g)
{
    size_t n = 0;
    for (size_t i = g->n_rows; i > 0; i--) {
        struct class_row *row = &g->rows[i - 1];
        struct class_row *lined = &g->rows[row->lined];
        if (row->count == 0)
            continue;
        if (lined == row) {
            n++;
            continue;
        }
        if (lined->count == 0 || row->example < lined->example)
            lined->example = row->example;
        lined->count += row->count;
        row->count = 0;
    }
    return n;
}

static enum px_status
write_groups(struct grouping *g, struct px_path_groups *out,
             struct px_work *work, struct px_err *err)
{
    out->groups = calloc(count_lined(g) + 1, sizeof *out->groups);
    if (out->groups == NULL)
        return room_fail(err, "no memory for groups of paths");
    for (size_t i = 0; i < g->n_rows; i++) {
        const struct class_row *row = &g->rows[i];
        if (row->count == 0)
            continue;
        if ((out->n_groups & 0xff) == 0 && work_is_canceled(work))
            return work_canceled(err);
        struct px_path_group *group = &out->groups[out->n_groups++];
        group->count = row->count;
        group->example = row->example;
        group->held_by = (enum px_held_by)row->held_by;
        group->root = row->root;
        enum px_status status =
            grouping_line(g, (class_id)i, &group->line, err);
        if (status != PX_OK)
            return status;
    }
    merge_equal(out);
    return PX_OK;
}

static enum px_status
group_nodes(struct grouping *g, const px_node *nodes, uint32_t n,
            struct px_work *work, struct px_err *err)
{
    uint64_t reported = 0;
    enum px_status status = grow_table(g, err);
    for (uint32_t i = 0; status == PX_OK && i < n; i++) {
        class_id number = 0;
        if ((i & 0xff) == 0) {
            if (work_is_canceled(work))
                return work_canceled(err);
            work_report(work, &reported, "groups", i, n);
        }
        status = class_of_node(g, nodes[i], &number, err);
        if (status != PX_OK)
            return status;
        if (g->rows[number].count++ == 0)
            g->rows[number].example = nodes[i];
    }
    return status;
}

struct grouping *
grouping_new(const struct px_paths *paths, const px_node *nodes, uint32_t n,
             struct px_work *work, struct px_err *err)
{
    struct grouping *g = calloc(1, sizeof *g);
    if (g == NULL) {
        room_fail(err, "no memory for groups of paths");
        return NULL;
    }
    g->paths = paths;
    g->graph = paths->graph;
    texts_init(&g->texts);
    g->cycles = cycles_new(paths, err);
    if (g->cycles == NULL)
        goto fail;
    g->class_of =
        calloc((size_t)paths->graph->n_nodes + 1, sizeof *g->class_of);
    if (g->class_of == NULL) {
        room_fail(err, "no memory for groups of paths");
        goto fail;
    }
    if (group_nodes(g, nodes, n, work, err) == PX_OK)
        return g;
fail:
    grouping_free(g);
    return NULL;
}

void
grouping_free(struct grouping *g)
{
    if (g == NULL)
        return;
    free(g->class_of);
    free(g->rows);
    free(g->table);
    free(g->trail);
    texts_done(&g->texts);
    cycles_free(g->cycles);
    free(g);
}

struct px_path_groups *
px_path_groups_new(const struct px_paths *paths, const px_node *nodes,
                   uint32_t n, struct px_work *work, struct px_err *err)
{
    enum px_status status = PX_ENOMEM;
    struct px_path_groups *out = calloc(1, sizeof *out);
    struct grouping *g = grouping_new(paths, nodes, n, work, err);
    if (out == NULL)
        room_fail(err, "no memory for groups of paths");
    if (out != NULL && g != NULL) {
        out->n_nodes = n;
        status = write_groups(g, out, work, err);
    }
    grouping_free(g);
    if (status != PX_OK) {
        px_path_groups_free(out);
        return NULL;
    }
    return out;
}

void
px_path_groups_free(struct px_path_groups *groups)
{
    if (groups == NULL)
        return;
    for (size_t i = 0; i < groups->n_groups; i++)
        free(groups->groups[i].line);
    free(groups->groups);
    free(groups);
}
