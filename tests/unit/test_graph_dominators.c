/* test_graph_dominators.c: dominators and retained sizes equal what taking
 * each object away shows, on thousands of heaps made by chance; chains,
 * stars and combs cost linear time and no stack.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "random_graph.h"

#define N_GRAPHS 2000
#define NODES_MAX 40

/* Marks what the roots reach when `without` (PX_NONE: nothing) is gone. */
static void
reach(const struct px_graph *graph, px_node without, bool *seen)
{
    uint32_t n = px_graph_n_nodes(graph);
    memset(seen, 0, n * sizeof *seen);
    for (uint32_t i = 0; i < px_graph_n_roots(graph); i++) {
        struct px_root root;
        px_graph_root(graph, i, &root);
        seen[root.node] = root.node != without;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (px_edge e = 0; e < px_graph_n_edges(graph); e++) {
            px_node from = px_edge_source(graph, e);
            px_node to = px_edge_target(graph, e);
            if (!seen[from] || seen[to] || to == without ||
                (px_edge_flags(graph, e) & PX_EDGE_HOLDS) == 0)
                continue;
            seen[to] = true;
            changed = true;
        }
    }
}

static void
check_graph(const struct px_graph *graph)
{
    uint32_t n = px_graph_n_nodes(graph);
    struct px_err err = {0};
    struct px_dominators *d = px_dominators_new(graph, NULL, &err);
    if (d == NULL)
        fail_msg("%s", err.msg);
    bool all[NODES_MAX];
    bool less[NODES_MAX];
    static bool dominates[NODES_MAX][NODES_MAX];
    reach(graph, PX_NONE, all);
    for (px_node a = 0; a < n; a++) {
        struct px_retained retained = {0, 0};
        reach(graph, a, less);
        for (px_node b = 0; b < n; b++) {
            dominates[a][b] = all[b] && !less[b];
            retained.objects += dominates[a][b];
            retained.bytes += dominates[a][b] ? px_node_bytes(graph, b) : 0;
        }
        assert_int_equal(px_dominators_is_reached(d, a), all[a]);
        struct px_retained set;
        assert_int_equal(px_retained_set(graph, &a, 1, NULL, &set, &err),
                         PX_OK);
        assert_int_equal(px_dominators_retained(d, a), set.bytes);
        if (!all[a])
            continue;
        assert_int_equal(set.bytes, retained.bytes);
        assert_int_equal(set.objects, retained.objects);
    }
    /* the parent is the dominator that all others dominate */
    for (px_node b = 0; b < n; b++) {
        px_node parent = px_dominators_parent(d, b);
        for (px_node a = 0; all[b] && a < n; a++) {
            if (a == b || !dominates[a][b])
                continue;
            assert_true(parent != PX_NONE);
            assert_true(a == parent || dominates[a][parent]);
        }
        if (all[b] && parent != PX_NONE)
            assert_true(dominates[parent][b]);
    }
    px_dominators_free(d);
}

/* Every object is some parent's child once; types add up to what is below
 * their outermost instances. */
static void
check_children(const struct px_graph *graph)
{
    uint32_t n = px_graph_n_nodes(graph);
    struct px_dominators *d = px_dominators_new(graph, NULL, NULL);
    uint32_t total = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i <= n; i++) {
        px_node *children;
        uint32_t n_children;
        px_node parent = i == n ? PX_NONE : i;
        assert_int_equal(
            px_dominators_children(d, parent, &children, &n_children, NULL),
            PX_OK);
        for (uint32_t k = 0; k < n_children; k++) {
            assert_int_equal(px_dominators_parent(d, children[k]), parent);
            if (k > 0)
                assert_true(px_dominators_retained(d, children[k - 1]) >=
                            px_dominators_retained(d, children[k]));
            bytes += i == n ? px_dominators_retained(d, children[k]) : 0;
        }
        total += n_children;
        free(children);
    }
    assert_int_equal(total, n);
    uint64_t shallow = 0;
    for (px_type t = 0; t < px_graph_n_types(graph); t++) {
        uint64_t expected = 0;
        shallow += px_type_bytes(graph, t);
        for (px_node node = 0; node < n; node++) {
            px_node above = node;
            if (px_node_type(graph, node) != t)
                continue;
            do
                above = px_dominators_parent(d, above);
            while (above != PX_NONE && px_node_type(graph, above) != t);
            expected += above == PX_NONE ? px_dominators_retained(d, node) : 0;
        }
        assert_int_equal(px_dominators_type_retained(d, t), expected);
        px_node *nodes;
        uint32_t n_nodes;
        struct px_retained exact;
        assert_int_equal(px_type_instances(graph, t, &nodes, &n_nodes, NULL),
                         PX_OK);
        assert_int_equal(
            px_retained_set(graph, nodes, n_nodes, NULL, &exact, NULL), PX_OK);
        assert_true(exact.bytes >= expected);
        free(nodes);
    }
    assert_int_equal(bytes, shallow);
    px_dominators_free(d);
}

static void
test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_GRAPHS; seed++) {
        uint64_t random = seed;
        struct rg_options options = {.nodes = 1 + rg_below(&random, NODES_MAX),
                                     .edges = rg_below(&random, 90),
                                     .roots = rg_below(&random, 5),
                                     .stack_edges = true};
        struct rg *rg = rg_random_graph(seed, &options);
        for (int i = 0; i < rg->n; i++)
            rg->nodes[i].bytes %= 100000; /* sums that fit */
        struct px_graph *graph = rg_build(rg, seed);
        check_graph(graph);
        check_children(graph);
        px_graph_free(graph);
        rg_free(rg);
    }
}

/* ---- what no root reaches ---- */
static void
test_unreached(void **state)
{
    (void)state;
    /* 0 ⇄ 1 → 2 → 3, 1 → 4 (reached by root 5 too) */
    struct rg *rg = rg_new(6);
    rg_root(rg, PX_ROOT_MODULE, 5, "m");
    rg_edge(rg, 0, PX_EDGE_ITEM, 0, 1, -1);
    rg_edge(rg, 1, PX_EDGE_ITEM, 0, 0, -1);
    rg_edge(rg, 1, PX_EDGE_ITEM, 1, 2, -1);
    rg_edge(rg, 2, PX_EDGE_ITEM, 0, 3, -1);
    rg_edge(rg, 1, PX_EDGE_ITEM, 2, 4, -1);
    rg_edge(rg, 5, PX_EDGE_ITEM, 0, 4, -1);
    for (int i = 0; i < 6; i++)
        rg->nodes[i].bytes = 1u << i;
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_dominators *d = px_dominators_new(graph, NULL, NULL);
    px_node id[6];
    for (int i = 0; i < 6; i++)
        id[i] = rg_id(graph, rg, i);
    /* garbage does not take from the living what is theirs */
    assert_int_equal(px_dominators_parent(d, id[4]), id[5]);
    assert_int_equal(px_dominators_retained(d, id[5]), 32 + 16);
    assert_int_equal(px_dominators_parent(d, id[3]), id[2]);
    assert_int_equal(px_dominators_parent(d, id[2]), id[1]);
    /* one of the cycle's two stands for it, with all of it below */
    px_node top = px_dominators_parent(d, id[0]) == PX_NONE ? id[0] : id[1];
    assert_int_equal(px_dominators_parent(d, top), PX_NONE);
    assert_int_equal(px_dominators_retained(d, top), 1 + 2 + 4 + 8);
    assert_false(px_dominators_is_reached(d, id[0]));
    px_dominators_free(d);
    px_graph_free(graph);
    rg_free(rg);
}

/* ---- shapes that hurt ---- */
#define LONG 300000

/* A chain whose last object refers to all of a million that the root refers
 * to as well: quadratic for SEMI-NCA, deep for recursion. */
static void
test_comb(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
    limit.rlim_cur = 1u << 20;
    assert_int_equal(setrlimit(RLIMIT_STACK, &limit), 0);
    struct rg *rg = rg_new(2 * LONG);
    rg_root(rg, PX_ROOT_MODULE, 0, "m");
    for (int i = 0; i + 1 < LONG; i++)
        rg_edge(rg, i, PX_EDGE_ITEM, 0, i + 1, -1);
    for (int i = LONG; i < 2 * LONG; i++) {
        rg_edge(rg, 0, PX_EDGE_ITEM, (uint64_t)i, i, -1);
        rg_edge(rg, LONG - 1, PX_EDGE_ITEM, (uint64_t)i, i, -1);
    }
    for (int i = 0; i < 2 * LONG; i++)
        rg->nodes[i].bytes = 1;
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_dominators *d = px_dominators_new(graph, NULL, NULL);
    assert_non_null(d);
    px_node root = rg_id(graph, rg, 0);
    assert_int_equal(px_dominators_retained(d, root), 2 * LONG);
    assert_int_equal(px_dominators_retained(d, rg_id(graph, rg, 1)), LONG - 1);
    assert_int_equal(px_dominators_parent(d, rg_id(graph, rg, LONG + 7)), root);
    px_dominators_free(d);
    px_graph_free(graph);
    rg_free(rg);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_unreached),
        cmocka_unit_test(test_comb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
