/* test_graph_draw.c: stacks of retained bytes add up to what the dominators
 * say, whatever is left out; drawings keep their bounds and show references
 * that are there; chains without end cost neither depth nor squares.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_graph.h"

#define N_GRAPHS 300
#define NODES_MAX 40

/* The bytes of all lines, each of which must be a stack of its own. */
static uint64_t
sum_lines(const struct px_flame *flame)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < flame->n_lines; i++) {
        assert_null(strchr(flame->lines[i].text, '\n'));
        assert_true(flame->lines[i].bytes > 0);
        assert_true(i == 0 ||
                    flame->lines[i].bytes <= flame->lines[i - 1].bytes);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(flame->lines[i].text, flame->lines[j].text);
        sum += flame->lines[i].bytes;
    }
    assert_int_equal(sum, flame->bytes);
    return sum;
}

static uint64_t
sum_of(const struct px_paths *paths, const struct px_dominators *dominators,
       const px_node *node, size_t max)
{
    struct px_err err = {0};
    struct px_flame *flame =
        px_flame_new(paths, dominators, node, node != NULL, max, NULL, &err);
    if (flame == NULL)
        fail_msg("%s", err.msg);
    uint64_t sum = sum_lines(flame);
    assert_true(max == 0 || flame->n_frames <= max);
    assert_true(flame->n_frames <= flame->n_all);
    px_flame_free(flame);
    return sum;
}

static void
check_part(const struct px_graph *graph, const struct px_part *part,
           enum px_part_shape shape, size_t max)
{
    size_t n_starts = 0;
    assert_true(part->n_nodes <= max);
    for (size_t i = 0; i < part->n_nodes; i++)
        n_starts += part->nodes[i].is_start;
    assert_true(n_starts > 0 || part->is_cut);
    for (size_t i = 0; i < part->n_edges; i++) {
        const struct px_part_edge *edge = &part->edges[i];
        assert_true(edge->from < part->n_nodes && edge->to < part->n_nodes);
        if (edge->edge == PX_NONE)
            continue;
        assert_int_equal(part->nodes[edge->to].node,
                         px_edge_target(graph, edge->edge));
        if (shape != PX_PART_PATH) /* whose steps may be several references */
            assert_int_equal(part->nodes[edge->from].node,
                             px_edge_source(graph, edge->edge));
    }
}

static void
check_graph(const struct px_graph *graph)
{
    struct px_err err = {0};
    struct px_paths *paths = px_paths_new(graph, NULL, &err);
    struct px_dominators *d = px_dominators_new(graph, NULL, &err);
    assert_non_null(paths);
    assert_non_null(d);
    uint32_t n = px_graph_n_nodes(graph);
    uint64_t all = 0;
    px_node nodes[NODES_MAX];
    for (px_node node = 0; node < n; node++) {
        nodes[node] = node;
        all += px_node_bytes(graph, node);
        assert_int_equal(sum_of(paths, d, &node, 0),
                         px_dominators_retained(d, node));
        assert_int_equal(sum_of(paths, d, &node, 3),
                         px_dominators_retained(d, node));
    }
    assert_int_equal(sum_of(paths, d, NULL, 0), all);
    assert_int_equal(sum_of(paths, d, NULL, 5), all);
    for (unsigned i = 0; i < PX_PART_END; i++) {
        enum px_part_shape shape = (enum px_part_shape)i;
        for (uint32_t of = 1; of <= n; of += n - 1) {
            struct px_part *part =
                px_part_new(paths, shape, nodes, of, 12, 3, NULL, &err);
            if (part == NULL)
                fail_msg("%s: %s", px_part_name(shape), err.msg);
            check_part(graph, part, shape, 12);
            px_part_free(part);
        }
    }
    px_dominators_free(d);
    px_paths_free(paths);
}

static void
test_random_graphs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_GRAPHS; seed++) {
        struct rg_options options = {.nodes = NODES_MAX,
                                     .edges = 20 + (int)(seed % 90),
                                     .roots = 1 + (int)(seed % 4),
                                     .stack_edges = true};
        struct rg *rg = rg_random_graph(seed, &options);
        struct px_graph *graph = rg_build(rg, seed);
        check_graph(graph);
        px_graph_free(graph);
        rg_free(rg);
    }
}

/* `link` between each two of n objects, below one root. */
static struct px_graph *
make_chain(int n, unsigned kind, uint64_t payload)
{
    struct rg *rg = rg_new(n);
    int name = rg_name(rg, "next");
    for (int i = 0; i + 1 < n; i++)
        rg_edge(rg, i, kind, kind == PX_EDGE_ATTR ? (uint64_t)name : payload,
                i + 1, -1);
    rg_root(rg, PX_ROOT_MODULE, 0, "chain");
    rg_count(rg);
    rg_place(rg, 1);
    struct px_graph *graph = rg_build(rg, 0);
    rg_free(rg);
    return graph;
}

static void
test_a_long_chain(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct px_err err = {0};
        struct px_graph *graph =
            make_chain(100000, i == 0 ? PX_EDGE_ATTR : PX_EDGE_ITEM, 1);
        struct px_paths *paths = px_paths_new(graph, NULL, &err);
        struct px_dominators *d = px_dominators_new(graph, NULL, &err);
        struct px_flame *flame = px_flame_new(paths, d, NULL, 0, 0, NULL, &err);
        assert_non_null(flame);
        assert_true(flame->n_lines < 1000); /* folded, or cut in depth */
        px_flame_free(flame);
        px_node last = px_graph_n_nodes(graph) - 1;
        struct px_part *part =
            px_part_new(paths, PX_PART_PATH, &last, 1, 10, 3, NULL, &err);
        assert_non_null(part);
        assert_true(part->n_nodes <= 10);
        assert_true(part->nodes[part->n_nodes - 1].is_start);
        px_part_free(part);
        px_dominators_free(d);
        px_paths_free(paths);
        px_graph_free(graph);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_a_long_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
