/* graph_check.h — asks a graph everything that can be asked, and aborts when
 * two answers do not agree. For the fuzz targets that build one.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_CHECK_H
#define GRAPH_CHECK_H

#include <stdlib.h>
#include <string.h>

#include <pyexplore/analysis.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

#define CHECK_NODES_MAX 64u /* texts only for so many */

static inline void
check_texts(const struct px_graph *graph, const struct px_paths *paths,
            px_node node)
{
    char text[128];
    char line[512];
    px_edge first;
    uint32_t n;
    CHECK(strlen(px_node_preview(graph, node, sizeof text, text)) <
          sizeof text);
    CHECK(px_node_find(graph, px_node_addr(graph, node)) == node);
    px_node_referents(graph, node, &first, &n);
    for (uint32_t i = 0; i < n && i < CHECK_NODES_MAX; i++)
        CHECK(strlen(px_edge_show(graph, first + i, sizeof text, text)) <
              sizeof text);
    px_paths_line(paths, node, (node & 1) != 0, false, sizeof line, line);
    CHECK((line[0] != '\0') == px_paths_is_reached(paths, node));
    bool is_root =
        px_paths_held_by(paths, node, sizeof line, line) == PX_HELD_ROOT;
    CHECK(is_root == px_paths_is_reached(paths, node));
    struct px_refs refs;
    px_node_refs(graph, node, &refs);
    px_node_referrers(graph, node, &n);
    CHECK(refs.named <= n && refs.unnamed <= refs.named);
}

static inline void
check_graph(const struct px_graph *graph)
{
    uint64_t n_out = 0;
    uint64_t n_in = 0;
    uint64_t n_typed = 0;
    uint32_t n_nodes = px_graph_n_nodes(graph);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    CHECK(paths != NULL);
    px_node *all = malloc(((size_t)n_nodes + 1) * sizeof *all);
    CHECK(all != NULL);
    for (px_node node = 0; node < n_nodes; node++) {
        px_edge first;
        uint32_t n;
        px_node_referents(graph, node, &first, &n);
        CHECK(first == n_out);
        n_out += n;
        px_node_referrers(graph, node, &n);
        n_in += n;
        CHECK(px_node_type(graph, node) < px_graph_n_types(graph));
        if (node < CHECK_NODES_MAX)
            check_texts(graph, paths, node);
        all[node] = node;
    }
    CHECK(n_out == px_graph_n_edges(graph) && n_in == n_out);
    for (px_edge edge = 0; edge < px_graph_n_edges(graph); edge++)
        CHECK(px_edge_target(graph, edge) < n_nodes);
    for (px_type type = 0; type < px_graph_n_types(graph); type++)
        n_typed += px_type_count(graph, type);
    CHECK(n_typed == n_nodes);
    struct px_path_groups *groups =
        px_path_groups_new(paths, all, n_nodes, NULL, NULL);
    CHECK(groups != NULL);
    n_typed = 0;
    for (size_t i = 0; i < groups->n_groups; i++)
        n_typed += groups->groups[i].count;
    CHECK(n_typed == n_nodes);
    px_path_groups_free(groups);
    struct px_strays *strays = px_strays_new(graph, NULL);
    CHECK(strays != NULL && strays->count <= n_nodes);
    px_strays_free(strays);
    for (size_t i = 1; i < px_graph_n_block_classes(graph); i++)
        CHECK(px_graph_block_class(graph, i - 1)->bytes <
              px_graph_block_class(graph, i)->bytes);
    free(all);
    px_paths_free(paths);
}

#endif
