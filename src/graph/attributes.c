/* attributes.c — the attributes of an instance, whatever its layout.
 *
 * Up to CPython 3.10 an instance refers to its __dict__; from 3.11 on its
 * values are edges of its own until the dict is made; __slots__ always are.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/graph.h>

#include <string.h>

/* What a line for people can show is among the first attributes. */
#define LOOK_EDGES 64u

static size_t
add(struct px_attribute *out, size_t n, size_t max, const char *name,
    px_edge edge)
{
    if (name == NULL || n >= max)
        return n;
    out[n] = (struct px_attribute){name, edge};
    return n + 1;
}

static size_t
add_from_dict(const struct px_graph *graph, px_node dict, size_t n, size_t max,
              struct px_attribute *out)
{
    px_edge first = 0;
    uint32_t n_edges = 0;
    px_node_referents(graph, dict, &first, &n_edges);
    for (uint32_t i = 0; i < n_edges && i < 2 * LOOK_EDGES; i++) {
        enum px_edge_kind kind = px_edge_kind(graph, first + i);
        bool is_value =
            kind == PX_EDGE_DICT_VALUE || kind == PX_EDGE_DICT_ALIAS;
        px_node key = is_value ? px_edge_key(graph, first + i) : PX_NONE;
        if (key != PX_NONE)
            n = add(out, n, max, px_node_text(graph, key), first + i);
    }
    return n;
}

size_t
px_node_attributes(const struct px_graph *graph, px_node node, size_t max,
                   struct px_attribute *out)
{
    px_edge first = 0;
    uint32_t n_edges = 0;
    size_t n = 0;
    px_node_referents(graph, node, &first, &n_edges);
    for (uint32_t i = 0; i < n_edges && i < LOOK_EDGES; i++) {
        px_edge edge = first + i;
        enum px_edge_kind kind = px_edge_kind(graph, edge);
        if (kind != PX_EDGE_ATTR && kind != PX_EDGE_SLOT)
            continue;
        const char *name = px_edge_name(graph, edge);
        if (name != NULL && strcmp(name, "__dict__") == 0)
            n = add_from_dict(graph, px_edge_target(graph, edge), n, max, out);
        else
            n = add(out, n, max, name, edge);
    }
    return n;
}
