/* facts.c — sentences about types and objects.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/facts.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define WHAT_ATTRIBUTES 6
#define WHAT_LOOKED_AT 32 /* those without a preview say nothing */
#define PATH_MAX_STEPS 4096u

const char *
fact_last_part(const char *type_name)
{
    const char *dot = strrchr(type_name, '.');
    return dot != NULL && dot[1] != '\0' ? dot + 1 : type_name;
}

enum role
fact_type_role(const struct px_graph *graph, px_type type)
{
    return px_type_flags(graph, type) & PX_TYPE_PYTHON ? ROLE_OWN : ROLE_TYPE;
}

/* A class says most by its name, which the table of types has. */
static bool
preview_class(const struct px_graph *graph, px_node node, size_t out_bytes,
              char *out)
{
    px_type n = px_graph_n_types(graph);
    for (px_type type = 0; type < n; type++) {
        if (px_type_node(graph, type) == node) {
            snprintf(out, out_bytes, "%s", px_type_name(graph, type));
            return true;
        }
    }
    return false;
}

static char *
preview(const struct px_graph *graph, px_node node, size_t out_bytes, char *out)
{
    px_node_preview(graph, node, out_bytes, out);
    if (out[0] == '\0' && px_node_label(graph, node) == NULL)
        preview_class(graph, node, out_bytes, out);
    return out;
}

void
fact_add_type(struct cell_out *out, const struct px_graph *graph, px_node node)
{
    px_type type = px_node_type(graph, node);
    cell_add(out, fact_type_role(graph, type),
             fact_last_part(px_type_name(graph, type)));
}

void
fact_add_preview(struct cell_out *out, const struct px_graph *graph,
                 px_node node)
{
    char text[200];
    cell_add(out, ROLE_VALUE, preview(graph, node, sizeof text, text));
}

void
fact_add_object(struct cell_out *out, const struct px_graph *graph,
                px_node node)
{
    const char *label = px_node_label(graph, node);
    fact_add_type(out, graph, node);
    char shown[200];
    preview(graph, node, sizeof shown, shown);
    const char *text = shown[0] != '\0' ? shown : label;
    if (text != NULL) {
        cell_add(out, ROLE_NORMAL, " ");
        cell_add(out, ROLE_VALUE, text);
    }
}

/* One `name=value` if the edge is an attribute whose value has a preview. */
static bool
add_attribute(struct cell_out *out, const struct px_graph *graph, px_edge edge,
              const char *name, bool is_first)
{
    char value[80];
    preview(graph, px_edge_target(graph, edge), sizeof value, value);
    if (name == NULL || value[0] == '\0')
        return false;
    if (!is_first)
        cell_add(out, ROLE_NORMAL, " ");
    cell_add(out, ROLE_NAME, name);
    cell_add(out, ROLE_DIM, "=");
    cell_add(out, ROLE_VALUE, value);
    return true;
}

static void
add_attributes(struct cell_out *out, const struct px_graph *graph, px_node node,
               bool is_first)
{
    struct px_attribute attributes[WHAT_LOOKED_AT];
    size_t n = px_node_attributes(graph, node, WHAT_LOOKED_AT, attributes);
    int n_added = 0;
    for (size_t i = 0; i < n && n_added < WHAT_ATTRIBUTES; i++) {
        if (out->n_spans + 3 > CELL_OUT_SPANS)
            break;
        n_added += add_attribute(out, graph, attributes[i].edge,
                                 attributes[i].name, is_first && n_added == 0);
    }
}

void
fact_add_what(struct cell_out *out, const struct px_graph *graph, px_node node)
{
    size_t before = out->len;
    fact_add_preview(out, graph, node);
    const char *label = px_node_label(graph, node);
    if (out->len == before && label != NULL)
        cell_add(out, ROLE_VALUE, label);
    if (out->len == before || px_node_wants_attributes(graph, node))
        add_attributes(out, graph, node, out->len == before);
}

/* Who holds what no root reaches, said shorter and longer. */
static const struct held_text {
    enum role role;
    const char *brief, *many, *words;
} held_texts[] = {
    [PX_HELD_ROOT] = {ROLE_NORMAL, "a root", "", "a root reaches it"},
    [PX_HELD_CYCLE] = {ROLE_WARN, "only themselves",
                       "only their cycle holds them",
                       "no root reaches it: only a cycle holds it"},
    [PX_HELD_C] = {ROLE_WARN, "C code",
                   "C code or the running stack holds them",
                   "no root reaches it: C code or the running stack holds it"},
    [PX_HELD_UNKNOWN] =
        {ROLE_DIM, "unknown",
         "no root, and the counts do not tell who holds them",
         "no root reaches it; the counts do not tell who holds it"},
};

void
fact_add_holder(struct cell_out *out, enum px_held_by held_by)
{
    cell_add(out, held_texts[held_by].role, held_texts[held_by].brief);
}

const char *
fact_held_many(enum px_held_by held_by)
{
    return held_texts[held_by].many;
}

const char *
fact_held_words(enum px_held_by held_by)
{
    return held_texts[held_by].words;
}

void
fact_add_line(struct cell_out *out, enum role role, const char *line)
{
    const char *arrow = strstr(line, " → ");
    if (strncmp(line, "module ", 7) != 0 || arrow == NULL) {
        cell_add(out, role, line);
        return;
    }
    const char *module = line + strlen("module ");
    const char *name = arrow + strlen(" → ");
    cell_addf(out, role, "%.*s%s", (int)(arrow - module), module,
              name[0] == '.' ? "" : ".");
    cell_add(out, role, name);
}

void
fact_add_path(struct cell_out *out, enum role role,
              const struct px_paths *paths, px_node node)
{
    char line[CELL_OUT_BYTES];
    uint32_t length = px_paths_length(paths, node);
    /* A row is drawn in no time, however long the path. */
    if (length > PATH_MAX_STEPS) {
        cell_addf(out, role, "a chain of %u references from a root", length);
        return;
    }
    px_paths_line(paths, node, false, false, sizeof line, line);
    fact_add_line(out, role, line);
}

void
fact_add_step(struct cell_out *out, const struct px_graph *graph,
              const struct px_step *step, bool is_root)
{
    cell_add(out, ROLE_WARN, step->is_culprit ? "▶ " : "");
    cell_add(out, is_root ? ROLE_STRONG : ROLE_NAME, step->text);
    if (step->times > 1)
        cell_addf(out, ROLE_DIM, " ×%u", step->times);
    /* What a root or a frame is, its text says. */
    if (is_root || px_node_label(graph, step->node) != NULL)
        return;
    cell_add(out, ROLE_DIM, " → ");
    fact_add_object(out, graph, step->node);
}

void
fact_add_held(struct cell_out *out, const struct px_graph *graph,
              const struct px_paths *paths, px_node node)
{
    if (paths == NULL) {
        cell_add(out, ROLE_DIM, "…");
        return;
    }
    if (px_paths_is_reached(paths, node)) {
        fact_add_path(out, ROLE_NAME, paths, node);
        return;
    }
    char cycle[200];
    enum px_held_by held_by =
        px_paths_held_by(paths, node, sizeof cycle, cycle);
    (void)graph;
    if (held_by != PX_HELD_CYCLE) {
        fact_add_holder(out, held_by);
        return;
    }
    cell_add(out, ROLE_WARN, "cycle ");
    cell_add(out, ROLE_NAME, cycle);
}

void
fact_add_retained(struct cell_out *out, const struct snapshot *snapshot,
                  uint64_t bytes, bool at_least)
{
    if (snapshot == NULL || snapshot->dominators == NULL) {
        bool is_coming = snapshot == NULL || snapshot->no_dominators[0] == '\0';
        cell_add(out, ROLE_DIM, is_coming ? "…" : "-");
        return;
    }
    char text[PX_FIGURE_MAX];
    cell_addf(out, ROLE_NUMBER, "%s%s", at_least ? "≥ " : "",
              px_text_bytes(bytes, text));
    out->key = bytes;
}

bool
fact_is_new(const struct px_graph *mark, const struct px_graph *graph,
            px_node node)
{
    px_node same = px_node_find(mark, px_node_addr(graph, node));
    return same == PX_NONE ||
           strcmp(px_type_name(mark, px_node_type(mark, same)),
                  px_type_name(graph, px_node_type(graph, node))) != 0;
}

const char *
fact_generation(enum px_node_gen gen)
{
    switch (gen) {
    case PX_GEN_0:
        return "gc generation 0";
    case PX_GEN_1:
        return "gc generation 1";
    case PX_GEN_2:
        return "gc generation 2";
    case PX_GEN_FROZEN:
        return "frozen: the collector leaves it out";
    case PX_GEN_UNTRACKED:
        return "not tracked by the collector";
    case PX_GEN_NOT_GC:
        return "its type is not collected";
    }
    return "";
}
