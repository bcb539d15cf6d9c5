/* steps.c — a path as people read it.
 *
 * A small machine turns edges into steps, one edge at a time: an edge either
 * adds a step or takes the place of the one before it. So
 *
 *   module —__dict__→ dict —['x']→        is  x
 *   instance —__dict__→ dict —['x']→      is  .x
 *   function —<cell x>→ cell —contents→   is  <cell x>
 *   —.next→ —.next→ —.next→               is  .next ×3
 *
 * and groups.c can run the same machine over a tree of shared beginnings.
 * Starred, whatever tells one of many from the others is `*`: indices, keys
 * that are no names, and all keys of a large dict that is no namespace.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* A dict of more pairs holds data, whatever its keys look like. */
#define NAMESPACE_PAIRS_MAX 64u

static bool
is_type(const struct px_graph *graph, px_node node, const char *name)
{
    return strcmp(px_type_name(graph, px_node_type(graph, node)), name) == 0;
}

static void
put(struct step_state *out, const char *before, const char *text)
{
    char line[sizeof out->text * 2];
    int n = snprintf(line, sizeof line, "%s%.*s", before,
                     (int)sizeof out->text, text);
    px_text_escape(line, (size_t)n, sizeof out->text, out->text);
}

void
step_root(const struct px_paths *paths, px_node node, struct step_state *out)
{
    const struct px_graph *graph = paths->graph;
    struct px_root root;
    px_graph_root(graph, px_paths_root(paths, node), &root);
    char class_name[64];
    snprintf(class_name, sizeof class_name, "%s%s",
             px_root_name(root.root_class),
             root.name[0] == '\0' ? "" : " ");
    *out = (struct step_state){.mode = STEP_ROOT,
                               .type = px_node_type(graph, node),
                               .times = 1};
    out->of_module = root.root_class == PX_ROOT_MODULE;
    put(out, class_name, root.name);
}

/* ---- the text of one edge ---- */
static const char *
key_name(const struct px_graph *graph, px_edge edge)
{
    return px_node_text(graph, graph->edges[edge - 1].target);
}

static bool
is_large(const struct px_graph *graph, px_edge edge)
{
    px_node source = px_edge_source(graph, edge);
    return graph->out_off[source + 1] - graph->out_off[source] >
           2 * NAMESPACE_PAIRS_MAX;
}

static void
put_starred(struct step_state *out, const char *shown)
{
    const char *hole = strchr(shown, '%');
    char text[32];
    if (hole == NULL)
        snprintf(text, sizeof text, "%s", shown);
    else
        snprintf(text, sizeof text, "%.*s*%s", (int)(hole - shown), shown,
                 hole + 1);
    put(out, "", text);
}

/* Text of an edge by itself; sets is_plural. */
static void
show_edge(const struct px_graph *graph, px_edge edge, bool stars,
          struct step_state *out)
{
    unsigned kind = edge_kind(&graph->edges[edge]);
    const struct px_edge_info *info = px_edge_info(kind);
    px_node target = graph->edges[edge].target;
    if (kind == PX_EDGE_LOCAL) {
        put(out, "", px_edge_name(graph, edge));
        return;
    }
    if (kind == PX_EDGE_FRAME) {
        const char *label = px_node_label(graph, target);
        if (label != NULL) {
            put(out, "", label);
            return;
        }
    }
    bool is_one_of_many = info->form == PX_FORM_INDEX;
    if (info->form == PX_FORM_PAIR)
        is_one_of_many =
            key_name(graph, edge) == NULL || is_large(graph, edge);
    out->is_plural = is_one_of_many &&
                     (kind == PX_EDGE_ITEM || kind == PX_EDGE_MEMBER ||
                      kind == PX_EDGE_DICT_VALUE) &&
                     !is_type(graph, px_edge_source(graph, edge), "tuple");
    if (stars && is_one_of_many)
        put_starred(out, info->shown);
    else
        px_edge_show(graph, edge, sizeof out->text, out->text);
}

/* ---- the machine ---- */

/* A key behind a __dict__: the attribute. */
static bool
fold_dict(const struct px_graph *graph, const struct step_state *from,
          px_edge edge, struct step_state *out)
{
    if (from == NULL || edge_kind(&graph->edges[edge]) != PX_EDGE_DICT_VALUE)
        return false;
    bool is_root_dict = from->mode == STEP_ROOT && from->of_module;
    if (from->mode != STEP_DICT && !is_root_dict)
        return false;
    const char *name = key_name(graph, edge);
    if (name == NULL)
        return false;
    put(out, from->of_module ? "" : ".", name);
    return true;
}

static bool
is_run(const struct step_state *from, const struct step_state *step)
{
    return from != NULL && from->mode == STEP_PLAIN && step->text[0] == '.' &&
           from->type == step->type && strcmp(from->text, step->text) == 0;
}

bool
step_next(const struct px_paths *paths, bool stars,
          const struct step_state *from, px_edge edge,
          struct step_state *out)
{
    const struct px_graph *graph = paths->graph;
    const struct order *order = &paths->order;
    struct step_state step = {.times = 1};
    bool replaces = false;
    step.type = px_node_type(graph, graph->edges[edge].target);
    if (from != NULL && from->mode == STEP_CELL &&
        order_is_contents(order, edge)) {
        memcpy(step.text, from->text, sizeof step.text);
        replaces = true;
    } else if (fold_dict(graph, from, edge, &step)) {
        replaces = from->mode == STEP_DICT;
    } else {
        show_edge(graph, edge, stars, &step);
        if (order_is_dict(order, edge)) {
            step.mode = STEP_DICT;
            step.of_module =
                is_type(graph, px_edge_source(graph, edge), "module");
        } else if (edge_kind(&graph->edges[edge]) == PX_EDGE_CELL) {
            step.mode = STEP_CELL;
        }
    }
    if (!replaces && step.mode == STEP_PLAIN && is_run(from, &step)) {
        step.times = from->times + 1;
        replaces = true;
    }
    *out = step;
    return !replaces;
}

/* ---- lines ---- */
void
line_init(struct line *line, size_t room, char *out, bool stars, bool ascii)
{
    *line = (struct line){.room = room,
                          .out = out,
                          .ascii = ascii,
                          .stars = stars,
                          .after_root = true};
    if (room > 0)
        out[0] = '\0';
}

static void
line_text(struct line *line, const char *text)
{
    if (line->used + 1 < line->room)
        line->used += px_text_escape(text, strlen(text),
                                     line->room - line->used,
                                     line->out + line->used);
}

void
line_add(struct line *line, const struct step_state *step)
{
    char times[32];
    bool is_joined = step->text[0] == '[' || step->text[0] == '{';
    if (line->used > 0 && (!is_joined || line->after_root))
        line_text(line, line->ascii ? " -> " : " → ");
    line_text(line, step->text);
    if (step->times > 1) {
        const char *sign = line->ascii ? "x" : "×";
        if (line->stars)
            snprintf(times, sizeof times, " %s*", sign);
        else
            snprintf(times, sizeof times, " %s%lu", sign,
                     (unsigned long)step->times);
        line_text(line, times);
    }
    line->after_root = step->mode == STEP_ROOT;
}

/* ---- a whole path ---- */

/* Calls for each finished step, root first; `number` counts them. */
struct walk {
    void (*visit)(void *context, size_t number,
                  const struct step_state *step, px_node node, px_edge edge);
    void *context;
};

static size_t
walk_path(const struct px_paths *paths, px_node node, bool stars,
          const struct walk *walk)
{
    const struct px_graph *graph = paths->graph;
    struct step_state now;
    struct step_state next;
    px_edge *edges;
    size_t n_edges;
    size_t n = 0;
    if (!px_paths_is_reached(paths, node) ||
        paths_edges(paths, node, &edges, &n_edges, NULL) != PX_OK)
        return 0;
    px_node at = n_edges == 0 ? node : px_edge_source(graph, edges[0]);
    px_edge edge = PX_NONE;
    step_root(paths, at, &now);
    for (size_t i = 0; i < n_edges; i++) {
        if (step_next(paths, stars, &now, edges[i], &next))
            walk->visit(walk->context, n++, &now, at, edge);
        now = next;
        edge = edges[i];
        at = graph->edges[edge].target;
    }
    walk->visit(walk->context, n++, &now, at, edge);
    free(edges);
    return n;
}

struct steps {
    const struct px_paths *paths;
    struct px_step *out;
    size_t max;
    size_t plural;   /* number of the first step to one of many */
    size_t instance; /* number of the first step to a Python instance */
};

static void
take_step(void *context, size_t number, const struct step_state *step,
          px_node node, px_edge edge)
{
    struct steps *steps = context;
    unsigned flags = px_type_flags(steps->paths->graph, step->type);
    if (step->is_plural && steps->plural == SIZE_MAX)
        steps->plural = number;
    if ((flags & PX_TYPE_PYTHON) != 0 && number > 0 &&
        steps->instance == SIZE_MAX)
        steps->instance = number;
    if (number >= steps->max)
        return;
    struct px_step *out = &steps->out[number];
    *out = (struct px_step){.node = node, .edge = edge, .times = step->times};
    memcpy(out->text, step->text, sizeof out->text);
}

/* The edge to cut: the first out of a container that can grow; without one
 * the first that leads to an instance of a Python class; else the last. */
size_t
px_paths_steps(const struct px_paths *paths, px_node node, bool stars,
               size_t max, struct px_step *out)
{
    struct steps steps = {paths, out, max, SIZE_MAX, SIZE_MAX};
    struct walk walk = {take_step, &steps};
    size_t n = walk_path(paths, node, stars, &walk);
    size_t culprit = steps.plural != SIZE_MAX     ? steps.plural
                     : steps.instance != SIZE_MAX ? steps.instance
                     : n > 1                      ? n - 1
                                                  : SIZE_MAX;
    if (culprit < max && culprit < n)
        out[culprit].is_culprit = true;
    return n;
}

static void
take_line(void *context, size_t number, const struct step_state *step,
          px_node node, px_edge edge)
{
    (void)number;
    (void)node;
    (void)edge;
    line_add(context, step);
}

char *
px_paths_line(const struct px_paths *paths, px_node node, bool stars,
              bool ascii, size_t out_bytes, char *out)
{
    struct line line;
    line_init(&line, out_bytes, out, stars, ascii);
    struct walk walk = {take_line, &line};
    walk_path(paths, node, stars, &walk);
    return out;
}
