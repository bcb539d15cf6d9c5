/* steps.c — a path as people read it.
 *
 * A small machine turns edges into steps, one edge at a time: an edge either
 * adds a step or takes the place of the one before it. So
 *
 *   module —__dict__→ dict —['x']→        is  x
 *   instance —__dict__→ dict —['x']→      is  .x
 *   generator —gi_frame→ frame —x→        is  local x
 *   class —<dict>→ dict —['x']→           is  .x
 *   function —<cell x>→ cell —contents→   is  <cell x>
 *   —.next→ —.next→ —.next→               is  .next ×3
 *   —[1]→ —[1]→ —[1]→ of one type         is  [1] ×3
 *   —<cell f>→ —<cell f>→ of functions    is  <cell f> ×2
 *
 * and groups.c can run the same machine over a tree of shared beginnings.
 * Starred, whatever tells one of many from the others is `*`: indices, keys
 * that are no names, all keys of a large dict, and numbered ones where very
 * many are attributes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* A dict of more pairs holds data, whatever its keys look like; that of a
 * module or a class may have the hundreds of constants of an API. */
#define NAMESPACE_PAIRS_MAX 64u
#define CONSTANTS_MAX 1024u
#define DIGITS "0123456789"

static bool
is_type(const struct px_graph *graph, px_node node, const char *name)
{
    return strcmp(px_type_name(graph, px_node_type(graph, node)), name) == 0;
}

static void
put(struct step_state *out, const char *before, const char *text)
{
    char line[sizeof out->text * 2];
    int n = snprintf(line, sizeof line, "%s%.*s", before, (int)sizeof out->text,
                     text);
    px_text_escape(line, (size_t)n, sizeof out->text, out->text);
}

/* Another thread goes by the same name. */
static bool
is_namesake(const struct px_graph *graph, const struct px_root *root)
{
    for (uint32_t i = 0; i < px_graph_n_roots(graph); i++) {
        struct px_root other;
        px_graph_root(graph, i, &other);
        if (other.root_class == PX_ROOT_THREAD && other.node != root->node &&
            strcmp(other.name, root->name) == 0)
            return true;
    }
    return false;
}

/* Namesakes are told apart by the thread's label, which begins with the name.
 * Not where lines stand for kinds of paths: the ident is another one in every
 * run. */
static const char *
root_name(const struct px_graph *graph, const struct px_root *root, bool stars)
{
    const char *label = px_node_label(graph, root->node);
    if (stars || root->root_class != PX_ROOT_THREAD || label == NULL ||
        strncmp(label, root->name, strlen(root->name)) != 0 ||
        !is_namesake(graph, root))
        return root->name;
    return label;
}

void
step_root(const struct px_paths *paths, px_node node, bool stars,
          struct step_state *out)
{
    const struct px_graph *graph = paths->graph;
    struct px_root root;
    px_graph_root(graph, px_paths_root(paths, node), &root);
    char class_name[64];
    const char *name = px_root_name(root.root_class);
    size_t n = strlen(name);
    /* "subinterpreter 1" and the like need no other word */
    bool says_so = root.root_class == PX_ROOT_INTERPRETER ||
                   (strncmp(root.name, name, n) == 0 && root.name[n] == ' ');
    snprintf(class_name, sizeof class_name, "%s%s", says_so ? "" : name,
             says_so || root.name[0] == '\0' ? "" : " ");
    *out = (struct step_state){
        .mode = STEP_ROOT, .type = px_node_type(graph, node), .times = 1};
    out->of_module = root.root_class == PX_ROOT_MODULE;
    put(out, class_name, root_name(graph, &root, stars));
}

/* ---- the text of one edge ---- */
static const char *
key_name(const struct px_graph *graph, px_edge edge)
{
    return px_node_text(graph, graph->edges[edge - 1].target);
}

static bool
is_large(const struct px_graph *graph, px_edge edge, uint32_t pairs)
{
    px_node source = px_edge_source(graph, edge);
    return out_start(graph, source + 1) - out_start(graph, source) > 2 * pairs;
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
    if (kind == PX_EDGE_LOCAL || kind == PX_EDGE_BORROWED) {
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
        is_one_of_many = key_name(graph, edge) == NULL ||
                         is_large(graph, edge, NAMESPACE_PAIRS_MAX);
    out->is_plural = is_one_of_many &&
                     (kind == PX_EDGE_ITEM || kind == PX_EDGE_FLAT ||
                      kind == PX_EDGE_MEMBER || kind == PX_EDGE_DICT_VALUE ||
                      kind == PX_EDGE_CACHED) &&
                     !is_type(graph, px_edge_source(graph, edge), "tuple");
    if (stars && is_one_of_many)
        put_starred(out, info->shown);
    else
        px_edge_show(graph, edge, sizeof out->text, out->text);
}

/* ---- the machine ---- */

static bool
is_inner(const struct step_state *state)
{
    return state->mode == STEP_INNER || state->mode == STEP_OWN;
}

/* The attribute of one that has very many of them, set by setattr(): with a
 * number in its name it is one of many, .job_17 and .job_18 are .job_* both.
 * What has none was written by somebody, and says something. */
static bool
is_numbered(const struct px_graph *graph, const struct step_state *from,
            px_edge edge, const char *name)
{
    return name[strcspn(name, DIGITS)] != '\0' &&
           is_large(graph, edge,
                    from->mode == STEP_OWN ? NAMESPACE_PAIRS_MAX
                                           : CONSTANTS_MAX);
}

static void
put_numbered(struct step_state *out, const char *dot, const char *name)
{
    char text[sizeof out->text];
    size_t n = strcspn(name, DIGITS);
    while (n > 0 && name[n - 1] != '_')
        n--;
    snprintf(text, sizeof text, "%.*s*", (int)n, name);
    put(out, dot, text);
}

/* A key behind a __dict__ is an attribute, a variable behind a generator's
 * frame is the generator's. */
static bool
fold_inner(const struct px_graph *graph, const struct step_state *from,
           px_edge edge, bool stars, struct step_state *out)
{
    unsigned kind = edge_kind(&graph->edges[edge]);
    if (from == NULL)
        return false;
    if (is_inner(from) && kind == PX_EDGE_LOCAL) {
        put(out, "local ", px_edge_name(graph, edge));
        return true;
    }
    bool is_root_dict = from->mode == STEP_ROOT && from->of_module;
    if (kind != PX_EDGE_DICT_VALUE || (!is_inner(from) && !is_root_dict))
        return false;
    const char *name = key_name(graph, edge);
    if (name == NULL)
        return false;
    const char *dot = from->of_module ? "" : ".";
    out->is_plural = is_numbered(graph, from, edge, name);
    if (stars && out->is_plural)
        put_numbered(out, dot, name);
    else
        put(out, dot, name);
    return true;
}

/* A linked list: of instances, of pairs (value, rest), of functions that were
 * wrapped again and again, or of what C structs refer to. */
static bool
is_run(const struct step_state *from, const struct step_state *step)
{
    return from != NULL && from->mode == STEP_PLAIN &&
           strspn(step->text, ".[<") > 0 && from->type == step->type &&
           strcmp(from->text, step->text) == 0;
}

enum step_effect
step_next(const struct px_paths *paths, bool stars,
          const struct step_state *before, const struct step_state *from,
          px_edge edge, struct step_state *out)
{
    const struct px_graph *graph = paths->graph;
    const struct order *order = &paths->order;
    struct step_state step = {.times = 1};
    const struct step_state *previous = from;
    enum step_effect effect = STEP_ADDS;
    step.type = px_node_type(graph, graph->edges[edge].target);
    if (from != NULL && from->mode == STEP_CELL &&
        order_is_contents(order, edge)) {
        memcpy(step.text, from->text, sizeof step.text);
        effect = STEP_REPLACES;
        previous = before;
    } else if (fold_inner(graph, from, edge, stars, &step)) {
        if (is_inner(from)) {
            effect = STEP_REPLACES;
            previous = before;
        }
    } else {
        show_edge(graph, edge, stars, &step);
        if (order_is_inner(order, edge)) {
            bool of_class = edge_kind(&graph->edges[edge]) == PX_EDGE_FIELD;
            step.of_module =
                is_type(graph, px_edge_source(graph, edge), "module");
            step.mode = of_class || step.of_module ? STEP_INNER : STEP_OWN;
        } else if (edge_kind(&graph->edges[edge]) == PX_EDGE_CELL) {
            step.mode = STEP_CELL;
        }
    }
    if (step.mode == STEP_PLAIN && is_run(previous, &step)) {
        step.times = previous->times + 1;
        effect = effect == STEP_ADDS ? STEP_REPLACES : STEP_MERGES;
    }
    *out = step;
    return effect;
}

/* ---- steps that wait until they are final ---- */
static void
visit_first(struct machine *machine)
{
    machine->visit(machine->context, machine->n_visited++,
                   &machine->waiting[0].state, machine->waiting[0].node,
                   machine->waiting[0].edge);
    machine->waiting[0] = machine->waiting[1];
    machine->n_waiting--;
}

static void
wait_for(struct machine *machine, const struct step_state *state, px_node node,
         px_edge edge)
{
    if (machine->n_waiting == 2)
        visit_first(machine);
    unsigned at = machine->n_waiting++;
    machine->waiting[at].state = *state;
    machine->waiting[at].node = node;
    machine->waiting[at].edge = edge;
}

void
machine_root(struct machine *machine, px_node node)
{
    struct step_state state;
    step_root(machine->paths, node, machine->stars, &state);
    wait_for(machine, &state, node, PX_NONE);
}

void
machine_edge(struct machine *machine, px_edge edge)
{
    unsigned n = machine->n_waiting;
    struct step_state next;
    enum step_effect effect =
        step_next(machine->paths, machine->stars,
                  n > 1 ? &machine->waiting[n - 2].state : NULL,
                  n > 0 ? &machine->waiting[n - 1].state : NULL, edge, &next);
    machine->n_waiting -= (unsigned)effect; /* 0, 1 or 2 steps go */
    wait_for(machine, &next, machine->paths->graph->edges[edge].target, edge);
}

void
machine_end(struct machine *machine)
{
    while (machine->n_waiting > 0)
        visit_first(machine);
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
    size_t n = strlen(text);
    size_t room = line->room - line->used;
    if (line->is_full)
        return;
    line->used += px_text_escape(text, n, room, line->out + line->used);
    line->is_full = n >= room; /* it was safe already: no byte more */
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

void
line_visit(void *context, size_t number, const struct step_state *step,
           px_node node, px_edge edge)
{
    (void)number;
    (void)node;
    (void)edge;
    line_add(context, step);
}

/* ---- a whole path ---- */

/* Visits the steps of a path, root first; returns how many there are. */
static size_t
walk_path(struct machine *machine, px_node node)
{
    const struct px_paths *paths = machine->paths;
    px_edge *edges;
    size_t n;
    if (!px_paths_is_reached(paths, node) ||
        paths_edges(paths, node, &edges, &n, NULL) != PX_OK)
        return 0;
    machine_root(machine,
                 n == 0 ? node : px_edge_source(paths->graph, edges[0]));
    for (size_t i = 0; i < n; i++)
        machine_edge(machine, edges[i]);
    machine_end(machine);
    free(edges);
    return machine->n_visited;
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
    struct machine machine = {
        .paths = paths, .stars = stars, .visit = take_step, .context = &steps};
    size_t n = walk_path(&machine, node);
    size_t culprit = steps.plural != SIZE_MAX     ? steps.plural
                     : steps.instance != SIZE_MAX ? steps.instance
                     : n > 1                      ? n - 1
                                                  : SIZE_MAX;
    if (culprit < max && culprit < n)
        out[culprit].is_culprit = true;
    return n;
}

char *
px_paths_line(const struct px_paths *paths, px_node node, bool stars,
              bool ascii, size_t out_bytes, char *out)
{
    struct line line;
    line_init(&line, out_bytes, out, stars, ascii);
    struct machine machine = {
        .paths = paths, .stars = stars, .visit = line_visit, .context = &line};
    walk_path(&machine, node);
    return out;
}
