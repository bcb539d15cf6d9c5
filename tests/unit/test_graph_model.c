/* test_graph_model.c: a built graph says what the heap was, for thousands of
 * heaps made by chance: nodes, edges both ways, references counted, and what
 * holds the unreachable, each against a naive model.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_graph.h"

#define N_GRAPHS 2000

static struct rg *
some_graph(uint64_t seed)
{
    uint64_t state = seed;
    struct rg_options options = {
        .nodes = 1 + rg_below(&state, 60),
        .edges = rg_below(&state, 200),
        .roots = rg_below(&state, 6),
        .stack_edges = true,
        .surplus = (seed & 1) != 0,
    };
    return rg_random_graph(seed, &options);
}

static void
check_node(const struct px_graph *graph, const struct rg *rg, int i)
{
    const struct rg_node *node = &rg->nodes[i];
    px_node id = rg_id(graph, rg, i);
    assert_true(id != PX_NONE);
    assert_int_equal(px_node_addr(graph, id), node->addr);
    assert_int_equal(px_node_type(graph, id), node->type);
    assert_int_equal(px_node_bytes(graph, id), node->bytes);
    assert_int_equal(px_node_flags(graph, id), node->flags);
    if ((node->flags & PX_NODE_IMMORTAL) == 0)
        assert_int_equal(px_node_refcount(graph, id), node->refcount);
}

/* The edges of a node stand as they were given, keys before values. */
static void
check_edges(const struct px_graph *graph, const struct rg *rg, int i)
{
    const struct rg_node *node = &rg->nodes[i];
    px_node id = rg_id(graph, rg, i);
    px_edge first;
    uint32_t n;
    px_node_referents(graph, id, &first, &n);
    px_edge at = first;
    for (size_t e = 0; e < node->n_edges; e++, at++) {
        const struct rg_edge *edge = &node->edges[e];
        if (edge->key >= 0) {
            assert_int_equal(px_edge_kind(graph, at), px_pair_key(edge->kind));
            assert_int_equal(px_edge_target(graph, at),
                             rg_id(graph, rg, edge->key));
            at++;
            assert_int_equal(px_edge_key(graph, at),
                             rg_id(graph, rg, edge->key));
        }
        assert_int_equal(px_edge_kind(graph, at), px_pair_value(edge->kind));
        assert_int_equal(px_edge_target(graph, at),
                         rg_id(graph, rg, edge->target));
        assert_int_equal(px_edge_source(graph, at), id);
        enum px_edge_form form = px_edge_info(edge->kind)->form;
        if (form == PX_FORM_NAME)
            assert_string_equal(px_edge_name(graph, at),
                                rg->names[edge->payload]);
        if (form == PX_FORM_INDEX)
            assert_int_equal(px_edge_index(graph, at),
                             edge->payload > UINT32_MAX ? UINT32_MAX
                                                        : edge->payload);
    }
    assert_int_equal(at, first + n);
}

static bool
counts(unsigned kind)
{
    return (px_edge_info(kind)->flags & PX_EDGE_COUNTS) != 0;
}

struct inbound {
    const struct px_graph *graph;
    uint32_t n;
    px_node target;
};

static bool
count_one(void *context, px_edge edge)
{
    struct inbound *in = context;
    assert_int_equal(px_edge_target(in->graph, edge), in->target);
    in->n++;
    return true;
}

static void
check_inbound(const struct px_graph *graph, const struct rg *rg, int i)
{
    uint32_t expected = 0;
    uint64_t counted = 0;
    uint64_t unnamed = 0;
    for (int from = 0; from < rg->n; from++) {
        for (size_t e = 0; e < rg->nodes[from].n_edges; e++) {
            const struct rg_edge *edge = &rg->nodes[from].edges[e];
            expected += edge->key == i;
            counted += edge->key == i && counts(px_pair_key(edge->kind));
            expected += edge->target == i;
            counted += edge->target == i && counts(edge->kind);
            unnamed += edge->target == i && edge->kind == PX_EDGE_UNNAMED;
        }
    }
    uint32_t n;
    px_node id = rg_id(graph, rg, i);
    const px_node *sources = px_node_referrers(graph, id, &n);
    assert_int_equal(n, expected);
    for (uint32_t k = 1; k < n; k++)
        assert_true(sources[k - 1] <= sources[k]);
    struct inbound in = {graph, 0, id};
    px_node_each_inbound(graph, id, count_one, &in);
    assert_int_equal(in.n, expected);
    struct px_refs refs;
    px_node_refs(graph, id, &refs);
    assert_int_equal(refs.named, counted);
    assert_int_equal(refs.unnamed, unnamed);
    if (refs.known)
        assert_int_equal(refs.outside,
                         (int64_t)(rg->nodes[i].refcount - counted));
}

static void
test_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_GRAPHS; seed++) {
        struct rg *rg = some_graph(seed);
        struct px_graph *graph = rg_build(rg, seed);
        assert_int_equal(px_graph_n_nodes(graph), rg->n);
        assert_int_equal(px_graph_n_edges(graph), rg_count_edges(rg));
        assert_int_equal(px_graph_end(graph), PX_END_COMPLETE);
        uint64_t in_types = 0;
        for (px_type t = 0; t < px_graph_n_types(graph); t++) {
            px_node *nodes;
            uint32_t n;
            assert_int_equal(px_type_instances(graph, t, &nodes, &n, NULL),
                             PX_OK);
            assert_int_equal(n, px_type_count(graph, t));
            for (uint32_t k = 0; k < n; k++)
                assert_int_equal(px_node_type(graph, nodes[k]), t);
            in_types += n;
            free(nodes);
        }
        assert_int_equal(in_types, rg->n);
        for (int i = 0; i < rg->n; i++) {
            check_node(graph, rg, i);
            check_edges(graph, rg, i);
            check_inbound(graph, rg, i);
        }
        px_graph_free(graph);
        rg_free(rg);
    }
}

/* Values at, below and above what the narrow fields of the builder and of the
 * graph hold; more forms than a u16 counts; rows that start more than a u16
 * after their base, both ways. */
static void
test_limits(void **state)
{
    (void)state;
    enum { N = 70000, ALL = 0, HUB = 1, FIRST = 2 };
    static const uint64_t limits[] = {31, 255, 65535, 1 << 24, 1 << 27};
    struct rg *rg = rg_new(N);
    for (int i = FIRST; i < N; i++) {
        rg->nodes[i].bytes = 1000 + (uint64_t)i;
        rg_edge(rg, ALL, PX_EDGE_ITEM, (uint64_t)i, i, -1);
        rg_edge(rg, i, PX_EDGE_SELF, 0, HUB, -1);
    }
    rg_count(rg);
    int node = FIRST;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        for (uint64_t value = limits[i] - 2; value <= limits[i] + 1; value++) {
            rg->nodes[node].refcount = value;
            rg_edge(rg, node, PX_EDGE_ITEM, value, ALL, -1);
            while (value < 300 && rg->nodes[node].n_edges < value)
                rg_edge(rg, node, PX_EDGE_MEMBER, 0, HUB, -1);
            node++;
        }
    }
    rg_place(rg, 1);
    struct px_graph *graph = rg_build(rg, 1);
    assert_int_equal(px_graph_n_nodes(graph), N);
    for (int i = 0; i < N; i++) {
        check_node(graph, rg, i);
        check_edges(graph, rg, i);
    }
    for (int i = 0; i < FIRST + 3; i++)
        check_inbound(graph, rg, i);
    px_graph_free(graph);
    rg_free(rg);
}

/* ---- what holds the unreachable ---- */

/* Marks from `mark` until nothing changes; `only` limits it to one value. */
static void
spread(const struct rg *rg, int *mark, int value, int only)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (int i = 0; i < rg->n; i++) {
            for (size_t e = 0; mark[i] == value && e < rg->nodes[i].n_edges;
                 e++) {
                const struct rg_edge *edge = &rg->nodes[i].edges[e];
                if (edge->key >= 0 && mark[edge->key] == only) {
                    mark[edge->key] = value;
                    changed = true;
                }
                if ((px_edge_info(edge->kind)->flags & PX_EDGE_HOLDS) != 0 &&
                    mark[edge->target] == only) {
                    mark[edge->target] = value;
                    changed = true;
                }
            }
        }
    }
}

static int64_t
surplus_of(const struct rg *rg, const int *mark, int node)
{
    int64_t surplus = (int64_t)rg->nodes[node].refcount;
    for (int i = 0; i < rg->n; i++) {
        for (size_t e = 0; mark[i] != PX_HELD_ROOT && e < rg->nodes[i].n_edges;
             e++) {
            const struct rg_edge *edge = &rg->nodes[i].edges[e];
            surplus -= edge->key == node && counts(px_pair_key(edge->kind));
            surplus -= edge->target == node && counts(edge->kind);
        }
    }
    return surplus;
}

static void
naive_held(const struct rg *rg, int *mark)
{
    enum { FREE = 100 };
    for (int i = 0; i < rg->n; i++)
        mark[i] = FREE;
    for (int i = 0; i < rg->n_roots; i++)
        mark[rg->roots[i].node] = PX_HELD_ROOT;
    spread(rg, mark, PX_HELD_ROOT, FREE);
    for (int pass = 0; pass < 2; pass++) {
        int value = pass == 0 ? PX_HELD_C : PX_HELD_UNKNOWN;
        int *before = malloc((size_t)rg->n * sizeof *before);
        memcpy(before, mark, (size_t)rg->n * sizeof *before);
        for (int i = 0; i < rg->n; i++) {
            bool is_known = (rg->nodes[i].flags & PX_NODE_IMMORTAL) == 0;
            int64_t surplus = surplus_of(rg, before, i);
            bool is_source =
                pass == 0 ? is_known && surplus > 0 : !is_known || surplus < 0;
            if (mark[i] == FREE && is_source)
                mark[i] = value;
        }
        spread(rg, mark, value, FREE);
        free(before);
    }
    for (int i = 0; i < rg->n; i++) {
        if (mark[i] == FREE)
            mark[i] = PX_HELD_CYCLE;
    }
}

static void
test_held(void **state)
{
    (void)state;
    int seen[4] = {0};
    for (uint64_t seed = 1; seed <= N_GRAPHS; seed++) {
        struct rg *rg = some_graph(seed);
        struct px_graph *graph = rg_build(rg, seed);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        int *mark = malloc((size_t)rg->n * sizeof *mark);
        assert_non_null(paths);
        naive_held(rg, mark);
        for (int i = 0; i < rg->n; i++) {
            px_node id = rg_id(graph, rg, i);
            char cycle[256];
            enum px_held_by held =
                px_paths_held_by(paths, id, sizeof cycle, cycle);
            assert_int_equal(held, mark[i]);
            assert_int_equal(px_paths_is_reached(paths, id),
                             mark[i] == PX_HELD_ROOT);
            seen[held]++;
        }
        free(mark);
        px_paths_free(paths);
        px_graph_free(graph);
        rg_free(rg);
    }
    for (int i = 0; i < 4; i++)
        assert_true(seen[i] > 100);
}

/* A heap without its footer: an edge that would tell may be missing. */
static void
test_held_of_a_part(void **state)
{
    (void)state;
    for (int is_whole = 0; is_whole < 2; is_whole++) {
        struct rg *rg = rg_new(3);
        struct rg_chunks chunks;
        struct px_graph *graph = NULL;
        struct px_builder *builder = px_builder_new(NULL);
        rg_edge(rg, 0, PX_EDGE_ITEM, 0, 1, -1);
        rg_edge(rg, 1, PX_EDGE_ITEM, 0, 0, -1);
        rg_count(rg);
        rg->nodes[2].refcount = 1;
        rg_write(rg, 0, &chunks);
        for (size_t i = 0; i + !is_whole < chunks.n; i++)
            assert_int_equal(px_builder_add(builder, chunks.chunks[i].data,
                                            chunks.chunks[i].len, NULL),
                             PX_OK);
        assert_int_equal(px_builder_finish(builder, NULL, &graph, NULL), PX_OK);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        assert_non_null(paths);
        for (int i = 0; i < 3; i++) {
            struct px_refs refs;
            px_node id = rg_id(graph, rg, i);
            enum px_held_by held = i < 2 ? PX_HELD_CYCLE : PX_HELD_C;
            assert_int_equal(px_paths_held_by(paths, id, 0, NULL),
                             is_whole ? held : PX_HELD_UNKNOWN);
            px_node_refs(graph, id, &refs);
            assert_int_equal(refs.whole, is_whole);
        }
        px_paths_free(paths);
        px_graph_free(graph);
        px_builder_free(builder);
        rg_chunks_free(&chunks);
        rg_free(rg);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_held_of_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
