/* graph.c — reads a finished graph: the whole, types, nodes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

#include "graph/bulk.h"
#include "graph/room.h"

static void
graph_init(struct px_graph *graph)
{
    tables_init(&graph->tables);
    spool_init(&graph->preview_spool);
}

struct px_graph *
graph_new(struct px_err *err)
{
    struct px_graph *graph = calloc(1, sizeof *graph);
    if (graph == NULL)
        room_fail(err, "no memory for a graph");
    else
        graph_init(graph);
    return graph;
}

void
px_graph_free(struct px_graph *graph)
{
    if (graph == NULL)
        return;
    tables_done(&graph->tables);
    ids_done(&graph->ids);
    forms_done(&graph->forms);
    bulk_free(graph->node_form);
    bulk_free(graph->node_refs);
    overflow_done(&graph->over_form);
    overflow_done(&graph->over_refs);
    overflow_done(&graph->over_payload);
    offsets_done(&graph->out_off);
    bulk_free(graph->edges);
    offsets_done(&graph->in_off);
    bulk_free(graph->in_src);
    bulk_free(graph->in_loose);
    bitrank_done(&graph->holding);
    bulk_free(graph->name_table);
    bulk_free(graph->type_node);
    spool_area_done(&graph->preview_area);
    spool_done(&graph->preview_spool);
    free(graph);
}

/* ---- the whole ---- */
uint32_t
px_graph_n_nodes(const struct px_graph *graph)
{
    return graph->n_nodes;
}

uint32_t
px_graph_n_edges(const struct px_graph *graph)
{
    return graph->n_edges;
}

uint32_t
px_graph_n_types(const struct px_graph *graph)
{
    return (uint32_t)graph->tables.n_types;
}

const struct px_header *
px_graph_header(const struct px_graph *graph)
{
    return &graph->tables.header;
}

uint64_t
px_graph_footer(const struct px_graph *graph, enum px_footer_tag tag)
{
    return (unsigned)tag < PX_FOOTER_TAG_END ? graph->tables.footer[tag] : 0;
}

enum px_end
px_graph_end(const struct px_graph *graph)
{
    return graph->end;
}

size_t
px_graph_memory_bytes(const struct px_graph *graph)
{
    size_t n = graph->n_nodes;
    size_t n_edges = graph->n_edges;
    size_t over =
        graph->over_form.cap + graph->over_refs.cap + graph->over_payload.cap;
    return sizeof *graph + ids_bytes(&graph->ids) +
           n * (sizeof(uint16_t) + sizeof(uint8_t)) + 2 * offsets_bytes(n + 1) +
           graph->forms.cap * sizeof(struct form) +
           n_edges * (sizeof(struct edge) + sizeof(px_node)) + n_edges / 8 +
           bitrank_bytes(n) + over * sizeof(struct overflow_row) +
           tables_bytes(&graph->tables) +
           ((size_t)graph->name_mask + 1) * sizeof(uint32_t) +
           graph->preview_area.n_bytes + (size_t)graph->preview_spool.n_bytes;
}

uint32_t
px_graph_n_roots(const struct px_graph *graph)
{
    return (uint32_t)graph->tables.n_roots;
}

void
px_graph_root(const struct px_graph *graph, uint32_t i, struct px_root *out)
{
    const struct root_row *row = &graph->tables.roots[i];
    out->node = row->node;
    out->root_class = (enum px_root_class)row->root_class;
    out->name = texts_get(&graph->tables.texts, row->text);
}

/* ---- types ---- */
const char *
px_type_name(const struct px_graph *graph, px_type type)
{
    return texts_get(&graph->tables.texts, graph->tables.types[type].name);
}

unsigned
px_type_flags(const struct px_graph *graph, px_type type)
{
    return graph->tables.types[type].flags;
}

px_node
px_type_node(const struct px_graph *graph, px_type type)
{
    return graph->type_node[type];
}

uint32_t
px_type_count(const struct px_graph *graph, px_type type)
{
    return (uint32_t)graph->tables.types[type].count;
}

uint64_t
px_type_bytes(const struct px_graph *graph, px_type type)
{
    return graph->tables.types[type].bytes;
}

enum px_status
px_type_instances(const struct px_graph *graph, px_type type, px_node **out,
                  uint32_t *n, struct px_err *err)
{
    uint32_t count = px_type_count(graph, type);
    px_node *nodes = malloc(((size_t)count + 1) * sizeof *nodes);
    if (nodes == NULL)
        return room_fail(err, "no memory for a list of %lu objects",
                         (unsigned long)count);
    uint32_t found = 0;
    for (px_node node = 0; node < graph->n_nodes && found < count; node++) {
        if (px_node_type(graph, node) == type)
            nodes[found++] = node;
    }
    *out = nodes;
    *n = found;
    return PX_OK;
}

/* ---- nodes ---- */
uint64_t
px_node_addr(const struct px_graph *graph, px_node node)
{
    return ids_addr(&graph->ids, node);
}

px_node
px_node_find(const struct px_graph *graph, uint64_t addr)
{
    struct ids_hint hint = {0};
    if (addr % PX_ADDR_UNIT != 0)
        return PX_NONE;
    return ids_find(&graph->ids, addr, &hint);
}

px_type
px_node_type(const struct px_graph *graph, px_node node)
{
    return form_of(graph, node)->type;
}

uint64_t
px_node_bytes(const struct px_graph *graph, px_node node)
{
    return form_of(graph, node)->bytes;
}

uint64_t
px_node_refcount(const struct px_graph *graph, px_node node)
{
    uint8_t refs = graph->node_refs[node];
    return refs < REFS_LARGE ? refs : overflow_get(&graph->over_refs, node);
}

unsigned
px_node_flags(const struct px_graph *graph, px_node node)
{
    return form_of(graph, node)->flags;
}

enum px_node_gen
px_node_gen(const struct px_graph *graph, px_node node)
{
    return (enum px_node_gen)(form_of(graph, node)->flags & PX_NODE_GEN_MASK);
}

uint32_t *
name_slot(const struct px_graph *graph, px_node node)
{
    const struct name_row *names = graph->tables.names;
    uint32_t at = node * 0x9e3779b1u & graph->name_mask;
    while (graph->name_table[at] != 0 &&
           names[graph->name_table[at] - 1].node != node)
        at = (at + 1) & graph->name_mask;
    return &graph->name_table[at];
}

uint32_t
graph_name_of(const struct px_graph *graph, px_node node)
{
    uint32_t number = *name_slot(graph, node);
    return number == 0 ? PX_NONE : number - 1;
}

const char *
px_node_text(const struct px_graph *graph, px_node node)
{
    uint32_t name = graph_name_of(graph, node);
    if (name == PX_NONE)
        return NULL;
    return texts_get(&graph->tables.texts, graph->tables.names[name].text);
}

const char *
px_node_label(const struct px_graph *graph, px_node node)
{
    const struct tables *tables = &graph->tables;
    size_t low = 0;
    size_t high = tables->n_labels;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tables->labels[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == tables->n_labels || tables->labels[low].node != node)
        return NULL;
    return texts_get(&tables->texts, tables->labels[low].text);
}
