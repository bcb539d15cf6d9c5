/* object.c — objects and references as text and as JSON.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/object.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/jsonout.h"

/* Deeper paths are not written out in a list of many objects. */
#define PATH_STEPS 64
#define WHAT_ATTRIBUTES 8
#define OWNER_REFERRERS 8
#define OWNER_EDGES 256

const char *
object_gen(const struct px_graph *graph, px_node node)
{
    switch (px_node_gen(graph, node)) {
    case PX_GEN_0:
        return "0";
    case PX_GEN_1:
        return "1";
    case PX_GEN_2:
        return "2";
    case PX_GEN_FROZEN:
        return "frozen";
    case PX_GEN_UNTRACKED:
        return "untracked";
    case PX_GEN_NOT_GC:
        return "not collected";
    }
    return "";
}

char *
object_refcount(const struct px_graph *graph, px_node node, size_t out_bytes,
                char *out)
{
    struct px_refs refs;
    px_node_refs(graph, node, &refs);
    char all[PX_FIGURE_MAX], named[PX_FIGURE_MAX], more[PX_FIGURE_MAX];
    if (!refs.known) {
        bool bad = px_node_flags(graph, node) & PX_NODE_BAD;
        snprintf(out, out_bytes, "refcount: %s, %s named",
                 bad ? "not read" : "immortal",
                 px_text_count(refs.named, named));
        return out;
    }
    px_text_count(refs.refcount, all);
    px_text_count(refs.named, named);
    if (!refs.whole)
        snprintf(out, out_bytes, "refcount %s, %s named in this part", all,
                 named);
    else if (refs.outside == 0)
        snprintf(out, out_bytes, "refcount %s, all named", all);
    else if (refs.outside > 0)
        snprintf(out, out_bytes,
                 "refcount %s = %s named + %s held by C code or the running "
                 "stack%s",
                 all, named, px_text_count((uint64_t)refs.outside, more),
                 refs.maybe > 0 ? " (a frame may: ?stack)" : "");
    else
        snprintf(out, out_bytes,
                 "refcount %s, but %s named: one of them borrows", all, named);
    return out;
}

char *
object_held_line(enum px_held_by held_by, const char *line, size_t out_bytes,
                 char *out)
{
    if (held_by == PX_HELD_ROOT)
        snprintf(out, out_bytes, "%s", line);
    else
        snprintf(out, out_bytes, "held_by: %s%s%s", px_held_name(held_by),
                 line[0] != '\0' ? "  " : "", line);
    return out;
}

char *
object_what(const struct px_graph *graph, px_node node, size_t out_bytes,
            char *out)
{
    struct px_attribute attributes[WHAT_ATTRIBUTES];
    px_node_preview(graph, node, out_bytes, out);
    if (out[0] != '\0' && !px_node_wants_attributes(graph, node))
        return out;
    size_t n = px_node_attributes(graph, node, WHAT_ATTRIBUTES, attributes);
    size_t len = strlen(out);
    for (size_t i = 0; i < n && len < out_bytes; i++) {
        char value[80];
        px_node_preview(graph, px_edge_target(graph, attributes[i].edge),
                        sizeof value, value);
        if (value[0] != '\0')
            len +=
                (size_t)snprintf(out + len, out_bytes - len, "%s%s=%s",
                                 len > 0 ? " " : "", attributes[i].name, value);
    }
    return out;
}

/* Instances and modules have few edges and their __dict__ few referrers; to
 * look through more would make a list of a million dicts quadratic. */
px_node
object_owner(const struct px_graph *graph, px_node node)
{
    uint32_t n_sources = 0;
    const px_node *sources = px_node_referrers(graph, node, &n_sources);
    for (uint32_t i = 0; n_sources <= OWNER_REFERRERS && i < n_sources; i++) {
        px_edge first = 0;
        uint32_t n = 0;
        px_node_referents(graph, sources[i], &first, &n);
        for (px_edge edge = first; n <= OWNER_EDGES && edge < first + n;
             edge++) {
            const char *name = px_edge_target(graph, edge) == node
                                   ? px_edge_name(graph, edge)
                                   : NULL;
            if (name != NULL && strcmp(name, "__dict__") == 0)
                return sources[i];
        }
    }
    return PX_NONE;
}

json_t *
object_json(const struct px_graph *graph, px_node node)
{
    char preview[OBJECT_TEXT];
    px_node_preview(graph, node, sizeof preview, preview);
    return json_pack(
        "{s:o, s:o, s:I, s:o}", "address",
        jsonout_addr(px_node_addr(graph, node)), "type",
        jsonout_text(px_type_name(graph, px_node_type(graph, node))), "bytes",
        (json_int_t)px_node_bytes(graph, node), "preview",
        jsonout_text(preview));
}

/* X(bit, JSON name) of the node flags that say something to a program. */
#define FLAG_LIST(X)                                                           \
    X(PX_NODE_IMMORTAL, "immortal")                                            \
    X(PX_NODE_APPROXIMATE, "approximate_size")                                 \
    X(PX_NODE_SYNTHETIC, "synthetic")                                          \
    X(PX_NODE_BAD, "bad")                                                      \
    X(PX_NODE_STRAY, "stray")

/* One pass over all edges instead of one over a holder's edges for each that
 * it holds: a list of a million objects would be read a million times. */
void
object_count_refs(struct cli_loaded *loaded)
{
    const struct px_graph *graph = loaded->graph;
    uint32_t n_nodes = px_graph_n_nodes(graph);
    uint32_t n_edges = px_graph_n_edges(graph);
    if (loaded->named != NULL)
        return;
    loaded->named = cli_alloc(n_nodes * sizeof *loaded->named);
    memset(loaded->named, 0, n_nodes * sizeof *loaded->named);
    for (px_edge edge = 0; edge < n_edges; edge++) {
        if (px_edge_flags(graph, edge) & PX_EDGE_COUNTS)
            loaded->named[px_edge_target(graph, edge)]++;
    }
}

void
object_refs(const struct cli_loaded *loaded, px_node node, struct px_refs *refs)
{
    const struct px_graph *graph = loaded->graph;
    const unsigned without = PX_NODE_IMMORTAL | PX_NODE_SYNTHETIC | PX_NODE_BAD;
    if (loaded->named == NULL) {
        px_node_refs(graph, node, refs);
        return;
    }
    *refs = (struct px_refs){
        .refcount = px_node_refcount(graph, node),
        .named = loaded->named[node],
        .known = (px_node_flags(graph, node) & without) == 0,
        .whole = px_graph_end(graph) == PX_END_COMPLETE,
    };
    refs->outside = (int64_t)(refs->refcount - refs->named);
}

void
object_json_more(const struct cli_loaded *loaded, px_node node, json_t *object)
{
    const struct px_graph *graph = loaded->graph;
    struct px_refs refs;
    object_refs(loaded, node, &refs);
    unsigned flags = px_node_flags(graph, node);
    json_t *names = json_array();
#define X(bit, name)                                                           \
    if (flags & (bit))                                                         \
        json_array_append_new(names, json_string(name));
    FLAG_LIST(X)
#undef X
    json_object_set_new(object, "refcount",
                        refs.known ? json_integer((json_int_t)refs.refcount)
                                   : json_null());
    json_object_set_new(object, "named", json_integer((json_int_t)refs.named));
    json_object_set_new(object, "outside",
                        refs.known && refs.whole
                            ? json_integer((json_int_t)refs.outside)
                            : json_null());
    json_object_set_new(object, "generation",
                        json_string(object_gen(graph, node)));
    json_object_set_new(object, "flags", names);
}

json_t *
object_edge_json(const struct px_graph *graph, px_edge edge, px_node other)
{
    char shown[OBJECT_TEXT];
    const struct px_edge_info *info = px_edge_info(px_edge_kind(graph, edge));
    unsigned flags = px_edge_flags(graph, edge);
    json_t *row = json_pack(
        "{s:o, s:s, s:b, s:b}", "edge",
        jsonout_text(px_edge_show(graph, edge, sizeof shown, shown)), "kind",
        info == NULL ? "unknown" : info->name, "holds",
        (flags & PX_EDGE_HOLDS) != 0, "counts", (flags & PX_EDGE_COUNTS) != 0);
    json_t *object = object_json(graph, other);
    json_object_update(row, object);
    json_decref(object);
    px_node owner = object_owner(graph, other);
    if (owner != PX_NONE)
        json_object_set_new(row, "owner", object_json(graph, owner));
    return row;
}

/* The root at the end of a node's path. A path is walked at most once over
 * all calls (a list of a million nodes, each asked, must not take a million
 * times a million steps): every node on the way remembers the answer. */
static uint32_t
find_root(struct cli_loaded *loaded, px_node node)
{
    const struct px_graph *graph = loaded->graph;
    uint32_t n_nodes = px_graph_n_nodes(graph);
    if (loaded->roots == NULL) {
        loaded->roots = cli_alloc(n_nodes * sizeof *loaded->roots);
        memset(loaded->roots, 0xff, n_nodes * sizeof *loaded->roots);
    }
    px_node at = node;
    px_edge edge = px_paths_edge(loaded->paths, at);
    while (loaded->roots[at] == PX_NONE && edge != PX_NONE) {
        at = px_edge_source(graph, edge);
        edge = px_paths_edge(loaded->paths, at);
    }
    uint32_t root = loaded->roots[at];
    if (root == PX_NONE)
        root = px_paths_root(loaded->paths, at);
    for (; loaded->roots[node] == PX_NONE; node = px_edge_source(graph, edge)) {
        loaded->roots[node] = root;
        edge = px_paths_edge(loaded->paths, node);
        if (edge == PX_NONE)
            break;
    }
    return root;
}

char *
object_root(struct cli_loaded *loaded, px_node node, bool stars,
            size_t out_bytes, char *out)
{
    struct px_step first = {.text = ""};
    struct px_root root = {.node = node};
    uint32_t i = find_root(loaded, node);
    if (i != PX_NONE)
        px_graph_root(loaded->graph, i, &root);
    px_paths_steps(loaded->paths, root.node, stars, 1, &first);
    snprintf(out, out_bytes, "%s", first.text);
    return out;
}

/* True if a node's path has more than PATH_STEPS edges. */
static bool
is_deep(const struct cli_loaded *loaded, px_node node)
{
    for (unsigned i = 0; i < PATH_STEPS; i++) {
        px_edge edge = px_paths_edge(loaded->paths, node);
        if (edge == PX_NONE)
            return false;
        node = px_edge_source(loaded->graph, edge);
    }
    return true;
}

/* The path as a line; in a list a deep one only with its ends. */
static char *
path_line(struct cli_loaded *loaded, px_node node, bool in_list, bool ascii,
          size_t out_bytes, char *out)
{
    if (!in_list || !is_deep(loaded, node))
        return px_paths_line(loaded->paths, node, false, ascii, out_bytes, out);
    char root[OBJECT_TEXT], last[OBJECT_TEXT];
    object_root(loaded, node, false, sizeof root, root);
    px_edge_show(loaded->graph, px_paths_edge(loaded->paths, node), sizeof last,
                 last);
    snprintf(out, out_bytes,
             ascii ? "%s -> ... -> %s"
                   : "%s \xe2\x86\x92 \xe2\x80\xa6 \xe2\x86\x92 %s",
             root, last);
    return out;
}

void
object_json_held(struct cli_loaded *loaded, px_node node, bool in_list,
                 json_t *object)
{
    char text[4096];
    if (px_paths_is_reached(loaded->paths, node)) {
        json_object_set_new(
            object, "root",
            jsonout_text(object_root(loaded, node, false, sizeof text, text)));
        json_object_set_new(object, "held_by",
                            json_string(px_held_name(PX_HELD_ROOT)));
        path_line(loaded, node, in_list, false, sizeof text, text);
        json_object_set_new(object, "path", jsonout_text(text));
        return;
    }
    enum px_held_by held_by =
        px_paths_held_by(loaded->paths, node, sizeof text, text);
    json_object_set_new(object, "root", json_null());
    json_object_set_new(object, "held_by", json_string(px_held_name(held_by)));
    json_object_set_new(object, "path", json_null());
    if (held_by == PX_HELD_CYCLE || text[0] != '\0')
        json_object_set_new(object, "cycle", jsonout_text(text));
}

char *
object_held(const struct cli *cli, struct cli_loaded *loaded, px_node node,
            bool in_list, size_t out_bytes, char *out)
{
    char cycle[2048];
    if (px_paths_is_reached(loaded->paths, node))
        return path_line(loaded, node, in_list, cli->ascii, out_bytes, out);
    enum px_held_by held_by =
        px_paths_held_by(loaded->paths, node, sizeof cycle, cycle);
    return object_held_line(held_by, cycle, out_bytes, out);
}
