/* cycles.c — the strongly connected parts of a heap.
 *
 * Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput.
 * 1(2), 1972, with the recursion kept in arrays: O(N + E), 20 bytes an object
 * while it runs. An edge that may be a leftover on a stack makes no cycle.
 *
 * Each part is then named by a shortest cycle through one of its objects, of
 * the Python class whose name comes first; parts with the same name are one
 * group. That is a search a part, which sees no more than the part (circle.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/bulk.h"
#include "graph/paths.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 512
#define ON_NO_STACK UINT32_MAX /* as an index: its part is known */
#define GROUPS_WITH_STEPS 500u
#define CLASSES_MAX 64u /* looked at for a __del__ */
#define STEPS_MAX 64u   /* a longer cycle is its line */

struct part {
    px_node example;
    uint32_t n_nodes;
    uint64_t bytes;
    bool has_del;
};

struct tarjan {
    const struct px_paths *paths;
    const struct px_graph *graph;
    uint32_t *index; /* by node: order of discovery from 1 */
    uint32_t *low;   /* by node; once popped, its part */
    px_node *stack;  /* of nodes whose part is open */
    px_node *path;   /* the recursion */
    px_edge *cursor; /* its next edges */
    uint8_t *del;    /* by type: 1 has __del__, 2 has not, 0 not asked */
    uint32_t n_index, n_stack, n_path;
    uint32_t turns;
    struct part *parts;
    size_t n_parts, cap_parts;
};

static bool
is_way(const struct edge *edge)
{
    return edge_holds(edge) && edge_kind(edge) != PX_EDGE_STACK;
}

/* ---- __del__ ---- */

/* True if the dict of a class has this key. */
static bool
dict_has(const struct px_graph *graph, px_node dict, const char *key)
{
    struct span span = out_span(graph, dict);
    for (px_edge e = span.first; e < span.end; e++) {
        if (edge_kind(&graph->edges[e]) != PX_EDGE_DICT_VALUE)
            continue;
        const char *text = px_node_text(graph, graph->edges[e - 1].target);
        if (text != NULL && strcmp(text, key) == 0)
            return true;
    }
    return false;
}

/* True if the class itself has one, not what it inherits from. */
static bool
defines_del(const struct tarjan *t, px_node node)
{
    struct span span = out_span(t->graph, node);
    for (px_edge e = span.first; e < span.end; e++) {
        if (order_is_inner(&t->paths->order, e) &&
            dict_has(t->graph, t->graph->edges[e].target, "__del__"))
            return true;
    }
    return false;
}

/* The edges of the tuple where Python would look a method of the class up. */
static struct span
mro_of(const struct px_graph *graph, px_node node)
{
    struct span span = out_span(graph, node);
    for (px_edge e = span.first; e < span.end; e++) {
        const char *name = px_edge_name(graph, e);
        if (name != NULL && strcmp(name, "__mro__") == 0)
            return out_span(graph, graph->edges[e].target);
    }
    return (struct span){0};
}

/* Looks into the class and all that it inherits from. */
static bool
class_has_del(const struct tarjan *t, px_node node)
{
    if (node == PX_NONE)
        return false;
    bool is_found = defines_del(t, node);
    struct span mro = mro_of(t->graph, node);
    if (mro.end - mro.first > CLASSES_MAX)
        mro.end = mro.first + CLASSES_MAX;
    for (px_edge e = mro.first; !is_found && e < mro.end; e++)
        is_found = defines_del(t, t->graph->edges[e].target);
    return is_found;
}

static bool
has_del(struct tarjan *t, px_node node)
{
    px_type type = px_node_type(t->graph, node);
    if ((px_type_flags(t->graph, type) & PX_TYPE_PYTHON) == 0)
        return false;
    if (t->del[type] == 0)
        t->del[type] = class_has_del(t, px_type_node(t->graph, type)) ? 1 : 2;
    return t->del[type] == 1;
}

/* ---- parts ---- */

/* Instances of Python classes before others, then by the type's name. */
static bool
stands_before(const struct px_graph *graph, px_node a, px_node b)
{
    px_type x = px_node_type(graph, a);
    px_type y = px_node_type(graph, b);
    unsigned python_x = px_type_flags(graph, x) & PX_TYPE_PYTHON;
    unsigned python_y = px_type_flags(graph, y) & PX_TYPE_PYTHON;
    if (python_x != python_y)
        return python_x > python_y;
    int by_name =
        x == y ? 0 : strcmp(px_type_name(graph, x), px_type_name(graph, y));
    return by_name != 0 ? by_name < 0 : a < b;
}

static bool
holds_itself(const struct px_graph *graph, px_node node)
{
    struct span span = out_span(graph, node);
    for (px_edge e = span.first; e < span.end; e++) {
        if (graph->edges[e].target == node && is_way(&graph->edges[e]))
            return true;
    }
    return false;
}

/* All on the stack from `root` on are one part. */
static enum px_status
close_part(struct tarjan *t, px_node root, struct px_err *err)
{
    const struct px_graph *graph = t->graph;
    uint32_t number = (uint32_t)t->n_parts;
    if (t->stack[t->n_stack - 1] == root && !holds_itself(graph, root))
        number = PART_NONE;
    struct part part = {.example = root};
    for (px_node node = PX_NONE; node != root;) {
        node = t->stack[--t->n_stack];
        t->index[node] = ON_NO_STACK;
        t->low[node] = number;
        if (number == PART_NONE)
            continue;
        part.n_nodes++;
        part.bytes += px_node_bytes(graph, node);
        part.has_del |= has_del(t, node);
        if (stands_before(graph, node, part.example))
            part.example = node;
    }
    if (number == PART_NONE)
        return PX_OK;
    enum px_status status =
        rows_need(&t->parts, t->n_parts, &t->cap_parts, sizeof part, err);
    if (status == PX_OK)
        t->parts[t->n_parts++] = part;
    return status;
}

static void
open_node(struct tarjan *t, px_node node)
{
    t->index[node] = t->low[node] = ++t->n_index;
    t->stack[t->n_stack++] = node;
    t->path[t->n_path] = node;
    t->cursor[t->n_path++] = out_start(t->graph, node);
}

static enum px_status
search_from(struct tarjan *t, px_node start, struct px_work *work,
            struct px_err *err)
{
    const struct px_graph *graph = t->graph;
    open_node(t, start);
    while (t->n_path > 0) {
        px_node node = t->path[t->n_path - 1];
        px_edge e = t->cursor[t->n_path - 1];
        if (e < out_start(graph, node + 1)) {
            px_node target = graph->edges[e].target;
            t->cursor[t->n_path - 1] = e + 1;
            if (!is_way(&graph->edges[e]))
                continue;
            if (t->index[target] == 0)
                open_node(t, target);
            else if (t->index[target] != ON_NO_STACK &&
                     t->index[target] < t->low[node])
                t->low[node] = t->index[target];
            continue;
        }
        if (work_turn(work, &t->turns))
            return work_canceled(err);
        t->n_path--;
        uint32_t low = t->low[node];
        if (low == t->index[node]) {
            enum px_status status = close_part(t, node, err);
            if (status != PX_OK)
                return status;
        } else {
            px_node above = t->path[t->n_path - 1];
            if (low < t->low[above])
                t->low[above] = low;
        }
    }
    return PX_OK;
}

static enum px_status
find_parts(struct tarjan *t, struct px_work *work, struct px_err *err)
{
    size_t n = t->graph->n_nodes;
    uint64_t reported = 0;
    enum px_status status = PX_OK;
    t->index = bulk_new(n + 1, sizeof *t->index);
    t->low = bulk_new(n + 1, sizeof *t->low);
    t->stack = bulk_new(n + 1, sizeof *t->stack);
    t->path = bulk_new(n + 1, sizeof *t->path);
    t->cursor = bulk_new(n + 1, sizeof *t->cursor);
    t->del = calloc((size_t)px_graph_n_types(t->graph) + 1, 1);
    if (t->index == NULL || t->low == NULL || t->stack == NULL ||
        t->path == NULL || t->cursor == NULL || t->del == NULL)
        return room_fail(err, "no memory for the cycles of %zu objects", n);
    for (px_node node = 0; status == PX_OK && node < n; node++) {
        if (work_is_canceled(work))
            return work_canceled(err);
        work_report(work, &reported, "cycles", node, n);
        if (t->index[node] == 0)
            status = search_from(t, node, work, err);
    }
    return status;
}

/* What only the search needed; the parts stay. */
static void
free_search(struct tarjan *t)
{
    bulk_free(t->index);
    bulk_free(t->stack);
    bulk_free(t->path);
    bulk_free(t->cursor);
    t->index = t->stack = t->path = t->cursor = NULL;
}

uint32_t *
cycles_parts(const struct px_paths *paths, struct px_work *work,
             struct px_err *err)
{
    struct tarjan t = {.paths = paths, .graph = paths->graph};
    enum px_status status = find_parts(&t, work, err);
    free_search(&t);
    free(t.del);
    free(t.parts);
    if (status == PX_OK)
        return t.low;
    bulk_free(t.low);
    return NULL;
}

/* ---- groups ---- */
static int
compare_likeness(const struct px_cycle_group *x, const struct px_cycle_group *y)
{
    if (x->held_by != y->held_by)
        return x->held_by < y->held_by ? -1 : 1;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    if (x->has_del != y->has_del)
        return x->has_del ? -1 : 1;
    return strcmp(x->line, y->line);
}

static int
compare_like(const void *a, const void *b)
{
    const struct px_cycle_group *x = a;
    const struct px_cycle_group *y = b;
    int by_likeness = compare_likeness(x, y);
    if (by_likeness != 0)
        return by_likeness;
    return (x->example > y->example) - (x->example < y->example);
}

static int
compare_worst(const void *a, const void *b)
{
    const struct px_cycle_group *x = a;
    const struct px_cycle_group *y = b;
    bool waits_x = x->held_by == PX_HELD_CYCLE;
    bool waits_y = y->held_by == PX_HELD_CYCLE;
    if (waits_x != waits_y)
        return waits_x ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return compare_like(a, b);
}

static void
merge_like(struct px_cycles *out)
{
    size_t n = 0;
    qsort(out->groups, out->n_groups, sizeof *out->groups, compare_like);
    for (size_t i = 0; i < out->n_groups; i++) {
        struct px_cycle_group *now = &out->groups[i];
        struct px_cycle_group *last = n == 0 ? NULL : &out->groups[n - 1];
        if (last != NULL && compare_likeness(last, now) == 0) {
            last->n_cycles++;
            last->n_nodes += now->n_nodes;
            last->bytes += now->bytes;
            free(now->line);
        } else {
            out->groups[n++] = *now;
        }
    }
    out->n_groups = n;
    qsort(out->groups, out->n_groups, sizeof *out->groups, compare_worst);
}

/* ---- step by step ---- */

struct steps {
    struct px_step *out;
    size_t n; /* may be more than STEPS_MAX */
};

static void
take_step(void *context, size_t number, const struct step_state *step,
          px_node node, px_edge edge)
{
    struct steps *steps = context;
    (void)number;
    if (steps->n++ >= STEPS_MAX)
        return;
    struct px_step *out = &steps->out[steps->n - 1];
    *out = (struct px_step){.node = node, .edge = edge, .times = step->times};
    memcpy(out->text, step->text, sizeof out->text);
}

static enum px_status
add_steps(const struct tarjan *t, struct px_cycles *out, struct px_err *err)
{
    enum px_status status = PX_OK;
    struct px_step *room = calloc(STEPS_MAX, sizeof *room);
    struct cycles *cycles = cycles_new(t->paths, err);
    if (room == NULL || cycles == NULL) {
        status = room_fail(err, "no memory for cycles");
        goto done;
    }
    cycles_limit(cycles, t->low);
    for (size_t i = 0; i < out->n_groups && i < GROUPS_WITH_STEPS; i++) {
        struct px_cycle_group *group = &out->groups[i];
        struct steps steps = {.out = room};
        if (!cycles_visit(cycles, group->example, false, take_step, &steps) ||
            steps.n > STEPS_MAX)
            continue;
        room[steps.n - 1].is_culprit = true;
        group->steps = malloc(steps.n * sizeof *room);
        if (group->steps == NULL) {
            status = room_fail(err, "no memory for cycles");
            goto done;
        }
        memcpy(group->steps, room, steps.n * sizeof *room);
        group->n_steps = steps.n;
    }
done:
    cycles_free(cycles);
    free(room);
    return status;
}

static enum px_status
name_parts(struct tarjan *t, struct px_cycles *out, struct px_work *work,
           struct px_err *err)
{
    char line[LINE_BYTES];
    enum px_status status = PX_OK;
    out->groups = calloc(t->n_parts + 1, sizeof *out->groups);
    struct cycles *cycles = cycles_new(t->paths, err);
    if (out->groups == NULL || cycles == NULL) {
        cycles_free(cycles);
        return room_fail(err, "no memory for cycles");
    }
    cycles_limit(cycles, t->low);
    free_search(t);
    for (size_t i = 0; status == PX_OK && i < t->n_parts; i++) {
        const struct part *part = &t->parts[i];
        if ((i & 0xff) == 0 && work_is_canceled(work)) {
            status = work_canceled(err);
            break;
        }
        cycles_line(cycles, part->example, true, sizeof line, line);
        struct px_cycle_group *group = &out->groups[out->n_groups];
        *group = (struct px_cycle_group){
            .line = strdup(line),
            .example = part->example,
            .type = px_node_type(t->graph, part->example),
            .cut = cycles_closing(cycles),
            .held_by = held_get(t->paths, part->example),
            .has_del = part->has_del,
            .n_cycles = 1,
            .n_nodes = part->n_nodes,
            .bytes = part->bytes,
        };
        if (group->line == NULL)
            status = room_fail(err, "no memory for cycles");
        else
            out->n_groups++;
    }
    cycles_free(cycles);
    if (status != PX_OK)
        return status;
    merge_like(out);
    return add_steps(t, out, err);
}

struct px_cycles *
px_cycles_new(const struct px_paths *paths, struct px_work *work,
              struct px_err *err)
{
    struct tarjan t = {.paths = paths, .graph = paths->graph};
    enum px_status status = PX_ENOMEM;
    struct px_cycles *out = calloc(1, sizeof *out);
    if (out == NULL)
        room_fail(err, "no memory for cycles");
    else
        status = find_parts(&t, work, err);
    if (status == PX_OK)
        status = name_parts(&t, out, work, err);
    free_search(&t);
    bulk_free(t.low);
    free(t.del);
    free(t.parts);
    if (status != PX_OK) {
        px_cycles_free(out);
        return NULL;
    }
    return out;
}

void
px_cycles_free(struct px_cycles *cycles)
{
    if (cycles == NULL)
        return;
    for (size_t i = 0; i < cycles->n_groups; i++) {
        free(cycles->groups[i].line);
        free(cycles->groups[i].steps);
    }
    free(cycles->groups);
    free(cycles);
}
