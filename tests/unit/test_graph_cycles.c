/* test_graph_cycles.c: the cycles of a heap are the parts in which everything
 * reaches everything, counted against plain reachability, and read as the
 * edges that make them.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "random_graph.h"

#define N_GRAPHS 2000
#define NODES_MAX 40

static void
close_reach(const struct px_graph *graph, bool reach[][NODES_MAX])
{
    uint32_t n = px_graph_n_nodes(graph);
    memset(reach, 0, sizeof(bool) * NODES_MAX * NODES_MAX);
    for (px_edge e = 0; e < px_graph_n_edges(graph); e++) {
        if ((px_edge_flags(graph, e) & PX_EDGE_HOLDS) != 0 &&
            px_edge_kind(graph, e) != PX_EDGE_STACK)
            reach[px_edge_source(graph, e)][px_edge_target(graph, e)] = true;
    }
    for (uint32_t k = 0; k < n; k++) {
        for (uint32_t i = 0; i < n; i++) {
            for (uint32_t j = 0; reach[i][k] && j < n; j++)
                reach[i][j] |= reach[k][j];
        }
    }
}

static void
test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_GRAPHS; seed++) {
        uint64_t random = seed;
        struct rg_options options = {.nodes = 1 + rg_below(&random, NODES_MAX),
                                     .edges = rg_below(&random, 70),
                                     .roots = rg_below(&random, 3),
                                     .stack_edges = true};
        struct rg *rg = rg_random_graph(seed, &options);
        for (int i = 0; i < rg->n; i++)
            rg->nodes[i].bytes %= 1000;
        struct px_graph *graph = rg_build(rg, seed);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        struct px_cycles *cycles = px_cycles_new(paths, NULL, NULL);
        static bool reach[NODES_MAX][NODES_MAX];
        assert_non_null(cycles);
        close_reach(graph, reach);
        uint64_t n_cycles = 0;
        uint64_t n_nodes = 0;
        uint64_t bytes = 0;
        for (px_node i = 0; i < px_graph_n_nodes(graph); i++) {
            bool is_first = reach[i][i];
            for (px_node j = 0; j < i; j++)
                is_first &= !(reach[i][j] && reach[j][i]);
            n_cycles += is_first;
            n_nodes += reach[i][i];
            bytes += reach[i][i] ? px_node_bytes(graph, i) : 0;
        }
        for (size_t g = 0; g < cycles->n_groups; g++) {
            const struct px_cycle_group *group = &cycles->groups[g];
            n_cycles -= group->n_cycles;
            n_nodes -= group->n_nodes;
            bytes -= group->bytes;
            px_node example = group->example;
            assert_true(reach[example][example]);
            assert_true(group->line[0] != '\0');
            assert_int_equal(px_edge_target(graph, group->cut), example);
            assert_int_equal(group->held_by,
                             px_paths_held_by(paths, example, 0, NULL));
        }
        assert_int_equal(n_cycles, 0);
        assert_int_equal(n_nodes, 0);
        assert_int_equal(bytes, 0);
        px_cycles_free(cycles);
        px_paths_free(paths);
        px_graph_free(graph);
        rg_free(rg);
    }
}

/* Many pairs are one line; what holds itself is another. */
static void
test_groups(void **state)
{
    (void)state;
    enum { PAIRS = 50, SELF = 2 * PAIRS, N };
    struct rg *rg = rg_new(N);
    uint64_t handler = (uint64_t)rg_name(rg, "handler");
    uint64_t connection = (uint64_t)rg_name(rg, "connection");
    for (int i = 0; i < PAIRS; i++) {
        rg->nodes[2 * i].type = 1;
        rg->nodes[2 * i + 1].type = 2;
        rg_edge(rg, 2 * i, PX_EDGE_ATTR, handler, 2 * i + 1, -1);
        rg_edge(rg, 2 * i + 1, PX_EDGE_ATTR, connection, 2 * i, -1);
    }
    rg_edge(rg, SELF, PX_EDGE_ATTR, handler, SELF, -1);
    for (int i = 0; i < N; i++)
        rg->nodes[i].bytes = 10;
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    struct px_cycles *cycles = px_cycles_new(paths, NULL, NULL);
    assert_int_equal(cycles->n_groups, 2);
    assert_string_equal(cycles->groups[0].line, ".handler → .connection");
    assert_int_equal(cycles->groups[0].n_cycles, PAIRS);
    assert_int_equal(cycles->groups[0].bytes, 20 * PAIRS);
    assert_int_equal(cycles->groups[0].held_by, PX_HELD_CYCLE);
    assert_string_equal(px_edge_name(graph, cycles->groups[0].cut),
                        "connection");
    assert_int_equal(cycles->groups[0].n_steps, 2);
    const struct px_step *steps = cycles->groups[0].steps;
    assert_string_equal(steps[0].text, ".handler");
    assert_false(steps[0].is_culprit);
    assert_string_equal(steps[1].text, ".connection");
    assert_true(steps[1].is_culprit);
    assert_int_equal(steps[1].edge, cycles->groups[0].cut);
    assert_int_equal(steps[1].node, cycles->groups[0].example);
    assert_string_equal(cycles->groups[1].line, ".handler");
    assert_int_equal(cycles->groups[1].n_nodes, 1);
    px_cycles_free(cycles);
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

/* One ring of all: deep for recursion, and said as a run. */
static void
test_ring(void **state)
{
    (void)state;
    enum { N = 300000 };
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
    limit.rlim_cur = 1u << 20;
    assert_int_equal(setrlimit(RLIMIT_STACK, &limit), 0);
    struct rg *rg = rg_new(N);
    for (int i = 0; i < N; i++)
        rg_edge(rg, i, PX_EDGE_ITEM, 0, (i + 1) % N, -1);
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    struct px_cycles *cycles = px_cycles_new(paths, NULL, NULL);
    assert_int_equal(cycles->n_groups, 1);
    assert_int_equal(cycles->groups[0].n_nodes, N);
    assert_string_equal(cycles->groups[0].line, "[*] ×*");
    assert_int_equal(px_edge_target(graph, cycles->groups[0].cut),
                     cycles->groups[0].example);
    assert_int_equal(cycles->groups[0].n_steps, 1);
    assert_int_equal(cycles->groups[0].steps[0].times, N);
    px_cycles_free(cycles);
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

/* A document ⇄ n elements, each with a text that knows its document. Indices
 * are in no order of addresses. With `dicts` attributes are in a __dict__. */
static struct rg *
make_document(int n, bool dicts)
{
    enum { DOCUMENT, LIST, DICT, KEYS, FIRST = KEYS + 4 };
    static const char *const names[] = {"children", "parent", "text", "doc"};
    struct rg *rg = rg_new(FIRST + 4 * n);
    int key[4];
    uint64_t dict = (uint64_t)rg_name(rg, "__dict__");
    for (int i = 0; i < 4; i++) {
        key[i] = rg_name(rg, names[i]);
        rg->name_nodes[key[i]] = KEYS + i;
    }
    for (int i = 0; i < n; i++) {
        int node[2] = {FIRST + 4 * i, FIRST + 4 * i + 1};
        int target[2][2] = {{DOCUMENT, node[1]}, {DOCUMENT, -1}};
        int name[2][2] = {{1, 2}, {3, 0}};
        for (int k = 0; k < 2; k++) {
            rg->nodes[node[k]].type = (uint32_t)(k + 1);
            if (dicts)
                rg_edge(rg, node[k], PX_EDGE_ATTR, dict, node[k] + 2, -1);
            for (int a = 0; a < 2 && target[k][a] >= 0; a++) {
                if (dicts)
                    rg_edge(rg, node[k] + 2, PX_EDGE_DICT_VALUE, 0,
                            target[k][a], KEYS + name[k][a]);
                else
                    rg_edge(rg, node[k], PX_EDGE_ATTR,
                            (uint64_t)key[name[k][a]], target[k][a], -1);
            }
        }
        int64_t other = (int64_t)i * 7919 % n; /* n is no multiple of it */
        rg_edge(rg, LIST, PX_EDGE_ITEM, (uint64_t)i, FIRST + 4 * (int)other,
                -1);
    }
    if (dicts) {
        rg_edge(rg, DOCUMENT, PX_EDGE_ATTR, dict, DICT, -1);
        rg_edge(rg, DICT, PX_EDGE_DICT_VALUE, 0, LIST, KEYS);
    } else {
        rg_edge(rg, DOCUMENT, PX_EDGE_ATTR, (uint64_t)key[0], LIST, -1);
    }
    rg_count(rg);
    return rg;
}

static void
check_one_name(const struct px_graph *graph, const struct px_paths *paths,
               px_type type, uint32_t count, const char *line)
{
    px_node *nodes = NULL;
    uint32_t n = 0;
    assert_int_equal(px_type_instances(graph, type, &nodes, &n, NULL), PX_OK);
    struct px_path_groups *groups =
        px_path_groups_new(paths, nodes, n, NULL, NULL);
    assert_int_equal(n, count);
    assert_int_equal(groups->n_groups, 1);
    assert_int_equal(groups->groups[0].held_by, PX_HELD_CYCLE);
    assert_string_equal(groups->groups[0].line, line);
    px_path_groups_free(groups);
    free(nodes);
}

/* The name of a cycle does not depend on how wide the container in it is. */
static void
test_fan_out(void **state)
{
    (void)state;
    static const int widths[] = {3, 60, 600, 5000, 100000};
    for (int i = 0; i < 10; i++) {
        int n = widths[i / 2];
        struct rg *rg = make_document(n, i % 2 == 1);
        struct px_graph *graph = rg_build(rg, 0);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        struct px_cycles *cycles = px_cycles_new(paths, NULL, NULL);
        check_one_name(graph, paths, 1, (uint32_t)n, ".parent → .children[*]");
        check_one_name(graph, paths, 2, (uint32_t)n,
                       ".doc → .children[*] → .text");
        assert_int_equal(cycles->n_groups, 1);
        assert_true(cycles->groups[0].n_nodes >= 2u * (uint32_t)n + 2);
        assert_true(cycles->groups[0].n_steps > 1);
        assert_int_equal(px_edge_target(graph, cycles->groups[0].cut),
                         cycles->groups[0].example);
        px_cycles_free(cycles);
        px_paths_free(paths);
        px_graph_free(graph);
        rg_free(rg);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_fan_out),
        cmocka_unit_test(test_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
