/* dump.c: what the analyses say of every object of a snapshot, for a test to
 * compare with another implementation (tests/agent/test_analyses.py).
 *
 *     dump FILE
 *
 * Lines of words; addresses in hexadecimal, `-` where there is none:
 *   O ADDR RANK                         a root
 *   N ADDR REACHED DOMINATOR RETAINED RANK SOURCE LENGTH PART
 *                                       an object; rank of its path's root,
 *                                       where the path's last edge comes from,
 *                                       its strongly connected part
 *   T BYTES BOUND EXACT OBJECTS NAME    a type: shallow, and retained
 *   C CYCLES OBJECTS BYTES              strongly connected parts
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <pyexplore/analysis.h>

#include "graph/bulk.h"
#include "graph/paths.h"

static void
print_addr(const struct px_graph *graph, px_node node)
{
    if (node == PX_NONE)
        printf(" -");
    else
        printf(" %" PRIx64, px_node_addr(graph, node));
}

static unsigned
rank_of_root(const struct px_graph *graph, uint32_t i)
{
    struct px_root root;
    px_graph_root(graph, i, &root);
    return px_root_rank(root.root_class);
}

static void
print_node(const struct px_graph *graph, const struct px_paths *paths,
           const struct px_dominators *dominators, uint32_t part, px_node node)
{
    printf("N");
    print_addr(graph, node);
    printf(" %d", px_dominators_is_reached(dominators, node));
    print_addr(graph, px_dominators_parent(dominators, node));
    printf(" %" PRIu64, px_dominators_retained(dominators, node));
    if (px_paths_is_reached(paths, node)) {
        px_edge edge = px_paths_edge(paths, node);
        printf(" %u", rank_of_root(graph, px_paths_root(paths, node)));
        print_addr(graph,
                   edge == PX_NONE ? PX_NONE : px_edge_source(graph, edge));
        printf(" %u", px_paths_length(paths, node));
    } else {
        printf(" - - 0");
    }
    if (part == PART_NONE)
        printf(" -\n");
    else
        printf(" %" PRIu32 "\n", part);
}

static enum px_status
print_types(const struct px_graph *graph,
            const struct px_dominators *dominators, struct px_err *err)
{
    enum px_status status = PX_OK;
    for (px_type t = 0; status == PX_OK && t < px_graph_n_types(graph); t++) {
        px_node *nodes = NULL;
        uint32_t n = 0;
        struct px_retained set = {0, 0};
        status = px_type_instances(graph, t, &nodes, &n, err);
        if (status == PX_OK)
            status = px_retained_set(graph, nodes, n, NULL, &set, err);
        free(nodes);
        printf("T %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n",
               px_type_bytes(graph, t),
               px_dominators_type_retained(dominators, t), set.bytes,
               set.objects, px_type_name(graph, t));
    }
    return status;
}

static void
print_cycles(const struct px_cycles *cycles)
{
    uint64_t n = 0;
    uint64_t nodes = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < cycles->n_groups; i++) {
        n += cycles->groups[i].n_cycles;
        nodes += cycles->groups[i].n_nodes;
        bytes += cycles->groups[i].bytes;
    }
    printf("C %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", n, nodes, bytes);
}

static enum px_status
print_all(const struct px_graph *graph, struct px_err *err)
{
    struct px_paths *paths = px_paths_new(graph, NULL, err);
    struct px_dominators *dominators = px_dominators_new(graph, NULL, err);
    struct px_cycles *cycles =
        paths == NULL ? NULL : px_cycles_new(paths, NULL, err);
    uint32_t *parts = paths == NULL ? NULL : cycles_parts(paths, NULL, err);
    if (dominators != NULL && cycles != NULL && parts != NULL) {
        for (uint32_t i = 0; i < px_graph_n_roots(graph); i++) {
            struct px_root root;
            px_graph_root(graph, i, &root);
            printf("O");
            print_addr(graph, root.node);
            printf(" %u\n", rank_of_root(graph, i));
        }
        for (px_node node = 0; node < px_graph_n_nodes(graph); node++)
            print_node(graph, paths, dominators, parts[node], node);
        print_types(graph, dominators, err);
        print_cycles(cycles);
    }
    bulk_free(parts);
    px_cycles_free(cycles);
    px_dominators_free(dominators);
    px_paths_free(paths);
    return err->status;
}

int
main(int argc, char **argv)
{
    struct px_err err = {0};
    struct px_graph *graph = NULL;
    char damage[PX_ERR_TEXT];
    if (argc != 2) {
        fprintf(stderr, "usage: dump FILE\n");
        return 2;
    }
    struct px_builder *builder = px_builder_new(&err);
    if (builder != NULL &&
        px_file_read(argv[1], NULL, builder, sizeof damage, damage, &err) ==
            PX_OK &&
        px_builder_finish(builder, NULL, &graph, &err) == PX_OK)
        print_all(graph, &err);
    px_builder_free(builder);
    px_graph_free(graph);
    if (err.status != PX_OK)
        fprintf(stderr, "dump: %s\n", err.msg);
    return err.status != PX_OK;
}
