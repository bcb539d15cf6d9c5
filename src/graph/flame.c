/* flame.c — retained sizes as stacks for flame graphs.
 *
 * The classes of groups.c over the tree of dominators instead of that of the
 * paths: equal steps below equal frames are one frame, so a list of a million
 * objects is one, and so is a chain. Where the dominator refers to the object
 * itself, the step is that reference (the one that its path takes, if it is
 * one of them); else several ways lead there and the frame has only a type.
 *
 * Each object adds its own bytes to its frame. A parent's class has a smaller
 * number than its children's, so sums go up the tree in one pass. The frames
 * that retain most are kept; since no frame retains more than the one that it
 * is in, these are a tree again, and what is left out counts for the next
 * frame that stays. The lines add up to all bytes, whatever is left out.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/groups.h"
#include "graph/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Deeper frames count for the last: lists linked through tuples, say. */
#define DEPTH_MAX 200u
#define FRAME_BYTES 512u
#define OUTSIDE 0u /* the class of what is not asked for */

struct folding {
    struct grouping *g;
    const struct px_dominators *dominators;
    px_edge *edge_of; /* by node: out of its dominator; PX_NONE: many ways */
    px_node *trail;
    size_t cap_trail;
};

/* ---- which reference leads from a dominator to its child ---- */
static enum px_status
find_edges(struct folding *f, struct px_err *err)
{
    const struct px_graph *graph = f->g->graph;
    const uint32_t *path_edge = f->g->paths->parent;
    uint32_t n = graph->n_nodes;
    f->edge_of = malloc(((size_t)n + 1) * sizeof *f->edge_of);
    if (f->edge_of == NULL)
        return room_fail(err, "no memory for stacks");
    memset(f->edge_of, 0xff, ((size_t)n + 1) * sizeof *f->edge_of);
    for (px_node source = 0; source < n; source++) {
        for (px_edge e = out_start(graph, source);
             e < out_start(graph, source + 1); e++) {
            px_node target = graph->edges[e].target;
            if (!edge_holds(&graph->edges[e]) ||
                px_dominators_parent(f->dominators, target) != source)
                continue;
            if (f->edge_of[target] == PX_NONE || path_edge[target] == e)
                f->edge_of[target] = e;
        }
    }
    return PX_OK;
}

/* ---- the class of every object ---- */

/* A frame without a step: only `type`; or, with a text, only that. */
static enum px_status
plain_class(struct folding *f, class_id parent, const char *text, px_type type,
            class_id *out, struct px_err *err)
{
    struct class_row row = {.parent = parent, .root = PX_NONE, .type = type};
    return grouping_intern(f->g, &row, text, out, err);
}

/* What the whole dominates: a root, or what more than one root reaches, or
 * what none does. The names of a module that frames hold, too, are the
 * module's all the same. */
static enum px_status
class_of_top(struct folding *f, px_node node, class_id *out, struct px_err *err)
{
    const struct px_paths *paths = f->g->paths;
    char text[64] = "held from several roots";
    class_id parent;
    enum px_status status;
    px_node module = px_paths_module(paths, node);
    if (paths->parent[node] == PARENT_ROOT)
        return grouping_root(f->g, node, out, err);
    if (module != PX_NONE) {
        status = grouping_root(f->g, module, &parent, err);
        return status != PX_OK ? status
                               : grouping_after(f->g, parent,
                                                paths->parent[node], out, err);
    }
    if (paths->parent[node] == PARENT_NONE)
        snprintf(text, sizeof text, "held_by: %s",
                 px_held_name(held_get(paths, node)));
    status = plain_class(f, PX_NONE, text, PX_NONE, &parent, err);
    if (status != PX_OK)
        return status;
    return plain_class(f, parent, "", px_node_type(f->g->graph, node), out,
                       err);
}

static enum px_status
class_below(struct folding *f, class_id from, px_node node, class_id *out,
            struct px_err *err)
{
    *out = from;
    if (from == OUTSIDE || f->g->rows[from].depth >= DEPTH_MAX)
        return PX_OK;
    if (f->edge_of[node] != PX_NONE)
        return grouping_after(f->g, from, f->edge_of[node], out, err);
    return plain_class(f, from, "", px_node_type(f->g->graph, node), out, err);
}

/* Up to an object whose class is known, then down again. */
static enum px_status
classify(struct folding *f, px_node node, bool is_part, struct px_err *err)
{
    class_id *class_of = f->g->class_of;
    class_id now = OUTSIDE;
    size_t n = 0;
    enum px_status status = PX_OK;
    while (node != PX_NONE && class_of[node] == 0) {
        status = rows_need(&f->trail, n, &f->cap_trail, sizeof *f->trail, err);
        if (status != PX_OK)
            return status;
        f->trail[n++] = node;
        node = px_dominators_parent(f->dominators, node);
    }
    if (node != PX_NONE)
        now = class_of[node] - 1;
    else if (!is_part && n > 0)
        status = class_of_top(f, f->trail[n - 1], &now, err);
    if (node == PX_NONE && n > 0)
        class_of[f->trail[--n]] = now + 1;
    while (status == PX_OK && n > 0) {
        node = f->trail[--n];
        status = class_below(f, now, node, &now, err);
        class_of[node] = now + 1;
    }
    return status;
}

static enum px_status
classify_all(struct folding *f, const px_node *nodes, uint32_t n,
             struct px_work *work, struct px_err *err)
{
    const struct px_graph *graph = f->g->graph;
    uint64_t reported = 0;
    class_id start = OUTSIDE;
    enum px_status status =
        plain_class(f, PX_NONE, "outside", PX_NONE, &start, err);
    for (uint32_t i = 0; nodes != NULL && status == PX_OK && i < n; i++) {
        status = plain_class(f, PX_NONE, "", px_node_type(graph, nodes[i]),
                             &start, err);
        f->g->class_of[nodes[i]] = start + 1;
    }
    for (px_node node = 0; status == PX_OK && node < graph->n_nodes; node++) {
        if ((node & 0xfff) == 0) {
            if (work_is_canceled(work))
                return work_canceled(err);
            work_report(work, &reported, "stacks", node, graph->n_nodes);
        }
        status = classify(f, node, nodes != NULL, err);
    }
    return status;
}

/* ---- lines ---- */
struct sums {
    uint64_t *own;      /* by class */
    uint64_t *retained; /* by class */
    class_id *order;    /* what retains most first */
    uint8_t *is_kept;
    uint64_t rest;
};

static int
compare_retained(const void *a, const void *b, void *context)
{
    const struct sums *s = context;
    class_id x = *(const class_id *)a;
    class_id y = *(const class_id *)b;
    if (s->retained[x] != s->retained[y])
        return s->retained[x] > s->retained[y] ? -1 : 1;
    return (x > y) - (x < y); /* a parent before its child */
}

static void
add_up(const struct grouping *g, struct sums *s)
{
    const struct px_graph *graph = g->graph;
    size_t n = g->n_rows;
    for (px_node node = 0; node < graph->n_nodes; node++)
        s->own[g->class_of[node] - 1] += px_node_bytes(graph, node);
    s->own[OUTSIDE] = 0;
    for (size_t i = n; i > 0; i--) {
        class_id parent = g->rows[i - 1].parent;
        s->retained[i - 1] += s->own[i - 1];
        if (parent != PX_NONE)
            s->retained[parent] += s->retained[i - 1];
    }
}

/* Gives the bytes of what is not kept to what it is in. */
static void
keep_largest(const struct grouping *g, size_t max_frames, struct sums *s)
{
    size_t n = g->n_rows;
    for (size_t i = 0; i < n; i++)
        s->order[i] = (class_id)i;
    qsort_r(s->order, n, sizeof *s->order, compare_retained, s);
    for (size_t i = 0; i < n && (max_frames == 0 || i < max_frames); i++)
        s->is_kept[s->order[i]] = s->retained[s->order[i]] > 0;
    for (size_t i = n; i > 0; i--) {
        class_id parent = g->rows[i - 1].parent;
        if (s->is_kept[i - 1])
            continue;
        *(parent == PX_NONE ? &s->rest : &s->own[parent]) += s->own[i - 1];
        s->own[i - 1] = 0;
    }
}

/* A frame's text: `;` ends it and a line has no end of its own inside. */
static size_t
write_frame(const struct grouping *g, class_id id, size_t room, char *out)
{
    const struct class_row *row = &g->rows[id];
    const char *text = texts_get(&g->texts, row->text);
    bool has_type = row->type != PX_NONE && row->mode != STEP_ROOT;
    int n = snprintf(out, room, "%s%s%s%s", text, row->is_run ? " ×*" : "",
                     has_type && text[0] != '\0' ? " → " : "",
                     has_type ? px_type_name(g->graph, row->type) : "");
    size_t used = (size_t)n < room ? (size_t)n : room - 1;
    while (used > 0 && (size_t)n >= room && (out[used - 1] & 0x80) != 0)
        used--; /* a character may be cut in the middle */
    for (size_t i = 0; i < used; i++) {
        if (out[i] == ';' || out[i] == '\n')
            out[i] = ',';
    }
    return used;
}

static enum px_status
add_line(struct px_flame *out, char *text, uint64_t bytes, struct px_err *err)
{
    if (text == NULL)
        return room_fail(err, "no memory for stacks");
    out->lines[out->n_lines++] = (struct px_flame_line){text, bytes};
    out->bytes += bytes;
    return PX_OK;
}

static enum px_status
write_line(const struct grouping *g, class_id id, uint64_t bytes,
           struct px_flame *out, struct px_err *err)
{
    class_id stack[DEPTH_MAX + 3];
    size_t n = 0;
    for (class_id at = id; at != PX_NONE; at = g->rows[at].parent)
        stack[n++] = at;
    char *text = malloc(n * (FRAME_BYTES + 1) + 1);
    size_t used = 0;
    while (text != NULL && n > 0) {
        if (used > 0)
            text[used++] = ';';
        used += write_frame(g, stack[--n], FRAME_BYTES, text + used);
    }
    if (text != NULL) {
        char *shorter = realloc(text, used + 1);
        text = shorter != NULL ? shorter : text;
        text[used] = '\0';
    }
    return add_line(out, text, bytes, err);
}

static int
compare_lines(const void *a, const void *b)
{
    const struct px_flame_line *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return strcmp(x->text, y->text);
}

static enum px_status
write_lines(const struct grouping *g, const struct sums *s,
            struct px_flame *out, struct px_err *err)
{
    enum px_status status = PX_OK;
    out->lines = calloc(g->n_rows + 1, sizeof *out->lines);
    if (out->lines == NULL)
        return room_fail(err, "no memory for stacks");
    for (size_t i = 0; status == PX_OK && i < g->n_rows; i++) {
        out->n_frames += s->is_kept[i];
        out->n_all += s->retained[i] > 0;
        if (s->own[i] > 0)
            status = write_line(g, (class_id)i, s->own[i], out, err);
    }
    if (status == PX_OK && s->rest > 0)
        status = add_line(out, strdup("the rest"), s->rest, err);
    if (out->n_lines > 1)
        qsort(out->lines, out->n_lines, sizeof *out->lines, compare_lines);
    return status;
}

static enum px_status
make_lines(const struct grouping *g, size_t max_frames, struct px_flame *out,
           struct px_err *err)
{
    size_t n = g->n_rows;
    enum px_status status = PX_ENOMEM;
    struct sums s = {
        .own = calloc(n + 1, sizeof *s.own),
        .retained = calloc(n + 1, sizeof *s.retained),
        .order = calloc(n + 1, sizeof *s.order),
        .is_kept = calloc(n + 1, 1),
    };
    if (s.own != NULL && s.retained != NULL && s.order != NULL &&
        s.is_kept != NULL) {
        add_up(g, &s);
        keep_largest(g, max_frames, &s);
        status = write_lines(g, &s, out, err);
    } else {
        room_fail(err, "no memory for stacks");
    }
    free(s.own);
    free(s.retained);
    free(s.order);
    free(s.is_kept);
    return status;
}

struct px_flame *
px_flame_new(const struct px_paths *paths,
             const struct px_dominators *dominators, const px_node *nodes,
             uint32_t n, size_t max_frames, struct px_work *work,
             struct px_err *err)
{
    enum px_status status = PX_ENOMEM;
    struct px_flame *out = calloc(1, sizeof *out);
    struct folding f = {.dominators = dominators};
    f.g = grouping_new(paths, NULL, 0, work, err);
    if (out == NULL)
        room_fail(err, "no memory for stacks");
    if (out != NULL && f.g != NULL)
        status = find_edges(&f, err);
    if (status == PX_OK)
        status = classify_all(&f, nodes, n, work, err);
    if (status == PX_OK)
        status = make_lines(f.g, max_frames, out, err);
    free(f.edge_of);
    free(f.trail);
    grouping_free(f.g);
    if (status != PX_OK) {
        px_flame_free(out);
        return NULL;
    }
    return out;
}

void
px_flame_free(struct px_flame *flame)
{
    if (flame == NULL)
        return;
    for (size_t i = 0; i < flame->n_lines; i++)
        free(flame->lines[i].text);
    free(flame->lines);
    free(flame);
}
