/* namespace.c — what a module, a class or an instance has by name.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/suspects.h"

#include <string.h>

struct names {
    const struct px_paths *paths;
    bool (*visit)(void *context, const char *name, px_node value);
    void *context;
};

static bool
each_key(const struct names *names, px_node dict)
{
    const struct px_graph *graph = names->paths->graph;
    struct span span = out_span(graph, dict);
    for (px_edge e = span.first; e < span.end; e++) {
        unsigned kind = edge_kind(&graph->edges[e]);
        if (kind != PX_EDGE_DICT_VALUE && kind != PX_EDGE_DICT_ALIAS)
            continue;
        const char *name = px_node_text(graph, graph->edges[e - 1].target);
        if (name != NULL &&
            !names->visit(names->context, name, graph->edges[e].target))
            return false;
    }
    return true;
}

void
namespace_each(const struct px_paths *paths, px_node node,
               bool (*visit)(void *context, const char *name, px_node value),
               void *context)
{
    const struct px_graph *graph = paths->graph;
    const struct names names = {paths, visit, context};
    struct span span = out_span(graph, node);
    for (px_edge e = span.first; e < span.end; e++) {
        unsigned kind = edge_kind(&graph->edges[e]);
        if (order_is_inner(&paths->order, e)) {
            if (!each_key(&names, graph->edges[e].target))
                return;
        } else if (kind == PX_EDGE_ATTR || kind == PX_EDGE_SLOT) {
            const char *name = px_edge_name(graph, e);
            if (name != NULL && !visit(context, name, graph->edges[e].target))
                return;
        }
    }
}

struct wanted {
    const char *name;
    px_node found;
};

static bool
is_wanted(void *context, const char *name, px_node value)
{
    struct wanted *wanted = context;
    if (strcmp(name, wanted->name) != 0)
        return true;
    wanted->found = value;
    return false;
}

px_node
namespace_find(const struct px_paths *paths, px_node node, const char *name)
{
    struct wanted wanted = {name, PX_NONE};
    namespace_each(paths, node, is_wanted, &wanted);
    return wanted.found;
}
