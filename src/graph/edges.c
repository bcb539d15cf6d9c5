/* edges.c — reads the edges of a finished graph, and shows them as Python
 * would write them.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/analysis.h>

#include "graph/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define SHOWN_MAX 1024

void
px_node_referents(const struct px_graph *graph, px_node node, px_edge *first,
                  uint32_t *n)
{
    *first = out_start(graph, node);
    *n = out_start(graph, node + 1) - out_start(graph, node);
}

px_node
px_edge_target(const struct px_graph *graph, px_edge edge)
{
    return graph->edges[edge].target;
}

px_node
px_edge_source(const struct px_graph *graph, px_edge edge)
{
    /* the last node whose edges start at or before this one */
    px_node low = 0;
    px_node high = graph->n_nodes;
    while (high - low > 1) {
        px_node middle = low + (high - low) / 2;
        if (out_start(graph, middle) <= edge)
            low = middle;
        else
            high = middle;
    }
    return low;
}

enum px_edge_kind
px_edge_kind(const struct px_graph *graph, px_edge edge)
{
    return (enum px_edge_kind)edge_kind(&graph->edges[edge]);
}

unsigned
px_edge_flags(const struct px_graph *graph, px_edge edge)
{
    const struct edge *row = &graph->edges[edge];
    return (edge_holds(row) ? PX_EDGE_HOLDS : 0) |
           (edge_counts(row) ? PX_EDGE_COUNTS : 0);
}

uint64_t
graph_payload(const struct px_graph *graph, px_edge edge)
{
    uint32_t low = graph->edges[edge].info & EDGE_PAYLOAD_MASK;
    if (low < EDGE_PAYLOAD_MASK)
        return low;
    return overflow_get(&graph->over_payload, edge);
}

uint32_t
px_edge_index(const struct px_graph *graph, px_edge edge)
{
    uint64_t index = graph_payload(graph, edge);
    return index > UINT32_MAX ? UINT32_MAX : (uint32_t)index;
}

const char *
px_edge_name(const struct px_graph *graph, px_edge edge)
{
    const struct tables *tables = &graph->tables;
    if (px_edge_info(px_edge_kind(graph, edge))->form != PX_FORM_NAME)
        return NULL;
    uint64_t number = graph_payload(graph, edge);
    return texts_get(&tables->texts, tables->names[number].text);
}

px_node
px_edge_key(const struct px_graph *graph, px_edge edge)
{
    if (px_edge_info(px_edge_kind(graph, edge))->form != PX_FORM_PAIR)
        return PX_NONE;
    return graph->edges[edge - 1].target;
}

/* A key as it stands between the brackets. */
static void
show_key(const struct px_graph *graph, px_node key, size_t out_bytes, char *out)
{
    px_node_preview(graph, key, out_bytes, out);
    if (out[0] == '\0')
        snprintf(out, out_bytes, "%s at %#" PRIx64,
                 px_type_name(graph, px_node_type(graph, key)),
                 px_node_addr(graph, key));
}

char *
px_edge_show(const struct px_graph *graph, px_edge edge, size_t out_bytes,
             char *out)
{
    const struct px_edge_info *info = px_edge_info(px_edge_kind(graph, edge));
    char what[SHOWN_MAX / 2];
    what[0] = '\0';
    switch (info->form) {
    case PX_FORM_NAME:
        snprintf(what, sizeof what, "%s", px_edge_name(graph, edge));
        break;
    case PX_FORM_INDEX:
        snprintf(what, sizeof what, "%" PRIu64, graph_payload(graph, edge));
        break;
    case PX_FORM_PAIR:
        show_key(graph, px_edge_key(graph, edge), sizeof what, what);
        break;
    case PX_FORM_PLAIN:
        break;
    }
    const char *hole = strchr(info->shown, '%');
    char line[SHOWN_MAX];
    int n = hole == NULL ? snprintf(line, sizeof line, "%s", info->shown)
                         : snprintf(line, sizeof line, "%.*s%s%s",
                                    (int)(hole - info->shown), info->shown,
                                    what, hole + 1);
    px_text_escape(line, (size_t)n, out_bytes, out);
    return out;
}

const px_node *
px_node_referrers(const struct px_graph *graph, px_node node, uint32_t *n)
{
    *n = in_start(graph, node + 1) - in_start(graph, node);
    return graph->in_src + in_start(graph, node);
}

void
px_node_each_inbound(const struct px_graph *graph, px_node node,
                     bool (*visit)(void *context, px_edge edge), void *context)
{
    uint32_t n;
    const px_node *sources = px_node_referrers(graph, node, &n);
    for (uint32_t i = 0; i < n; i++) {
        /* ascending, so that equal sources stand together */
        if (i > 0 && sources[i] == sources[i - 1])
            continue;
        struct span span = out_span(graph, sources[i]);
        for (px_edge e = span.first; e < span.end; e++) {
            if (graph->edges[e].target == node && !visit(context, e))
                return;
        }
    }
}

struct count {
    const struct px_graph *graph;
    struct px_refs *refs;
};

static bool
count_inbound(void *context, px_edge edge)
{
    const struct count *count = context;
    const struct edge *row = &count->graph->edges[edge];
    bool is_counted = edge_counts(row);
    count->refs->named += is_counted;
    count->refs->unnamed += is_counted && edge_kind(row) == PX_EDGE_UNNAMED;
    count->refs->maybe += edge_kind(row) == PX_EDGE_STACK;
    return true;
}

void
px_node_refs(const struct px_graph *graph, px_node node, struct px_refs *out)
{
    struct count count = {graph, out};
    unsigned flags = px_node_flags(graph, node);
    *out = (struct px_refs){.refcount = px_node_refcount(graph, node),
                            .whole = graph_is_whole(graph)};
    out->known =
        (flags & (PX_NODE_IMMORTAL | PX_NODE_SYNTHETIC | PX_NODE_BAD)) == 0;
    px_node_each_inbound(graph, node, count_inbound, &count);
    out->outside = (int64_t)(out->refcount - out->named);
}
