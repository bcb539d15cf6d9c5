/* test_paths.c: the path of every object is the best by the order that
 * analysis.h promises, the same wherever the objects lie, and reads as Python
 * would write it; long chains and wide stars cost linear time and no stack.
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

#include "graph/paths.h"
#include "random_graph.h"

#define N_GRAPHS 2000
#define STEPS_MAX 64

/* ---- against relaxation of whole paths ---- */
struct naive_step {
    uint64_t key;
    px_edge edge;
};

struct naive {
    bool is_reached;
    unsigned rank;
    int root; /* place among the sorted roots */
    int n;
    struct naive_step steps[STEPS_MAX];
};

static int
compare_naive(const struct naive *a, const struct naive *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->n != b->n)
        return a->n - b->n;
    if (a->root != b->root)
        return a->root - b->root;
    for (int i = 0; i < a->n; i++) {
        const struct naive_step *x = &a->steps[i];
        const struct naive_step *y = &b->steps[i];
        if (x->key != y->key)
            return x->key < y->key ? -1 : 1;
        if (x->edge != y->edge)
            return x->edge < y->edge ? -1 : 1;
    }
    return 0;
}

static int
compare_rg_roots(const void *a, const void *b)
{
    const struct rg_root *left = a;
    const struct rg_root *right = b;
    unsigned rank_left = px_root_rank(left->root_class);
    unsigned rank_right = px_root_rank(right->root_class);
    if (rank_left != rank_right)
        return rank_left < rank_right ? -1 : 1;
    if (left->root_class != right->root_class)
        return left->root_class < right->root_class ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* Best paths by trying every edge until nothing improves. */
static void
relax_all(const struct px_graph *graph, const struct order *order,
          struct naive *best)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (px_edge e = 0; e < px_graph_n_edges(graph); e++) {
            const struct naive *from = &best[px_edge_source(graph, e)];
            if (!from->is_reached || from->n == STEPS_MAX - 1 ||
                (px_edge_flags(graph, e) & PX_EDGE_HOLDS) == 0)
                continue;
            struct naive now = *from;
            now.steps[now.n++] =
                (struct naive_step){order_key(order, e, false), e};
            struct naive *to = &best[px_edge_target(graph, e)];
            if (!to->is_reached || compare_naive(&now, to) < 0) {
                *to = now;
                changed = true;
            }
        }
    }
}

static void
test_naive(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_GRAPHS; seed++) {
        uint64_t random = seed;
        struct rg_options options = {.nodes = 1 + rg_below(&random, 40),
                                     .edges = rg_below(&random, 120),
                                     .roots = rg_below(&random, 6)};
        struct rg *rg = rg_random_graph(seed, &options);
        /* roots of one name are told apart by their place in the stream */
        for (int i = 0; i < rg->n_roots; i++)
            snprintf(rg->roots[i].name, sizeof rg->roots[i].name, "r%02d",
                     (i * 7 + (int)seed) % 16);
        struct px_graph *graph = rg_build(rg, seed);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        struct order order;
        struct naive *best = calloc((size_t)rg->n, sizeof *best);
        assert_non_null(paths);
        assert_non_null(best);
        assert_int_equal(order_init(&order, graph, NULL), PX_OK);
        qsort(rg->roots, (size_t)rg->n_roots, sizeof rg->roots[0],
              compare_rg_roots);
        for (int i = rg->n_roots - 1; i >= 0; i--)
            best[rg_id(graph, rg, rg->roots[i].node)] =
                (struct naive){.is_reached = true,
                               .rank = px_root_rank(rg->roots[i].root_class),
                               .root = i};
        relax_all(graph, &order, best);
        for (px_node node = 0; node < px_graph_n_nodes(graph); node++) {
            assert_int_equal(px_paths_is_reached(paths, node),
                             best[node].is_reached);
            if (!best[node].is_reached)
                continue;
            int n = best[node].n;
            if ((int)px_paths_length(paths, node) != n)
                fail_msg("seed %d: length %d, not %d", (int)seed,
                         (int)px_paths_length(paths, node), n);
            px_edge last = n == 0 ? PX_NONE : best[node].steps[n - 1].edge;
            if (px_paths_edge(paths, node) != last)
                fail_msg("seed %d: node %d by edge %d, not %d", (int)seed,
                         (int)node, (int)px_paths_edge(paths, node), (int)last);
            struct px_root root;
            px_graph_root(graph, px_paths_root(paths, node), &root);
            assert_string_equal(root.name, rg->roots[best[node].root].name);
        }
        free(best);
        order_done(&order);
        px_paths_free(paths);
        px_graph_free(graph);
        rg_free(rg);
    }
}

/* ---- the same heap elsewhere ---- */
static void
test_addresses_do_not_matter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_GRAPHS / 2; seed++) {
        uint64_t random = seed;
        struct rg_options options = {.nodes = 1 + rg_below(&random, 60),
                                     .edges = rg_below(&random, 240),
                                     .roots = 1 + rg_below(&random, 6),
                                     .stack_edges = true};
        struct rg *rg = rg_random_graph(seed, &options);
        rg_name(rg, "__dict__");
        for (int i = 0; i < rg->n; i++) {
            if (rg_below(&random, 3) == 0)
                rg_edge(rg, i, PX_EDGE_ATTR, (uint64_t)rg_name(rg, "__dict__"),
                        rg_below(&random, rg->n), -1);
        }
        struct px_graph *a = rg_build(rg, seed);
        struct px_paths *paths_a = px_paths_new(a, NULL, NULL);
        px_node *ids = malloc((size_t)rg->n * sizeof *ids);
        assert_non_null(ids);
        for (int i = 0; i < rg->n; i++)
            ids[i] = rg_id(a, rg, i);
        rg_place(rg, seed * 31 + 5);
        struct px_graph *b = rg_build(rg, seed * 3);
        struct px_paths *paths_b = px_paths_new(b, NULL, NULL);
        for (int i = 0; i < rg->n; i++) {
            char line_a[2048];
            char line_b[2048];
            px_paths_line(paths_a, ids[i], true, false, sizeof line_a, line_a);
            px_paths_line(paths_b, rg_id(b, rg, i), true, false, sizeof line_b,
                          line_b);
            assert_string_equal(line_a, line_b);
            px_paths_held_by(paths_a, ids[i], sizeof line_a, line_a);
            px_paths_held_by(paths_b, rg_id(b, rg, i), sizeof line_b, line_b);
            if (strstr(line_a, " at 0x") == NULL)
                assert_string_equal(line_a, line_b);
        }
        free(ids);
        px_paths_free(paths_a);
        px_paths_free(paths_b);
        px_graph_free(a);
        px_graph_free(b);
        rg_free(rg);
    }
}

/* ---- how paths read ---- */
enum { MODULE, SPACE, LIST, CONN, HANDLER, TEXT_X, TEXT_H, THREAD, CELL, LAST };

/* module server → _CONNECTIONS[17] → .handler, with dicts or without. */
static struct rg *
server(bool has_dicts)
{
    struct rg *rg = rg_new(LAST + 4);
    uint64_t dict = (uint64_t)rg_name(rg, "__dict__");
    uint64_t handler = (uint64_t)rg_name(rg, "handler");
    rg_name(rg, "_CONNECTIONS");
    rg->name_nodes[rg_name(rg, "_CONNECTIONS")] = TEXT_X;
    rg->name_nodes[rg_name(rg, "handler")] = TEXT_H;
    rg_root(rg, PX_ROOT_MODULE, MODULE, "server");
    rg_edge(rg, MODULE, PX_EDGE_ATTR, dict, SPACE, -1);
    rg_edge(rg, SPACE, PX_EDGE_DICT_VALUE, 0, LIST, TEXT_X);
    rg_edge(rg, LIST, PX_EDGE_ITEM, 17, CONN, -1);
    if (has_dicts) {
        rg_edge(rg, CONN, PX_EDGE_ATTR, dict, LAST, -1);
        rg_edge(rg, LAST, PX_EDGE_DICT_VALUE, 0, HANDLER, TEXT_H);
    } else {
        rg_edge(rg, CONN, PX_EDGE_ATTR, handler, HANDLER, -1);
    }
    rg_count(rg);
    return rg;
}

static px_node *
all_nodes(uint32_t n)
{
    px_node *all = malloc(n * sizeof *all);
    assert_non_null(all);
    for (px_node i = 0; i < n; i++)
        all[i] = i;
    return all;
}

static struct px_path_groups *
groups_of_all(const struct px_paths *paths, uint32_t n)
{
    px_node *all = all_nodes(n);
    struct px_path_groups *groups =
        px_path_groups_new(paths, all, n, NULL, NULL);
    assert_non_null(groups);
    free(all);
    return groups;
}

static void
expect_line(const struct px_paths *paths, px_node node, bool stars,
            const char *expected)
{
    char line[512];
    assert_string_equal(
        px_paths_line(paths, node, stars, false, sizeof line, line), expected);
}

static void
test_lines(void **state)
{
    (void)state;
    for (int has_dicts = 0; has_dicts < 2; has_dicts++) {
        struct rg *rg = server(has_dicts != 0);
        /* the module's own type, so that its names are bare */
        rg->nodes[MODULE].type = RG_MODULE_TYPE;
        struct px_graph *graph = rg_build(rg, 0);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        px_node conn = rg_id(graph, rg, CONN);
        px_node handler = rg_id(graph, rg, HANDLER);
        expect_line(paths, conn, false, "module server → _CONNECTIONS[17]");
        expect_line(paths, handler, false,
                    "module server → _CONNECTIONS[17] → .handler");
        expect_line(paths, handler, true,
                    "module server → _CONNECTIONS[*] → .handler");
        struct px_step steps[8];
        size_t n = px_paths_steps(paths, handler, false, 8, steps);
        assert_int_equal(n, 4);
        assert_string_equal(steps[2].text, "[17]");
        assert_true(steps[2].is_culprit);
        assert_false(steps[1].is_culprit || steps[3].is_culprit);
        assert_int_equal(steps[3].node, handler);
        assert_int_equal(steps[0].edge, PX_NONE);
        assert_int_equal(px_paths_steps(paths, handler, false, 2, steps), 4);
        px_paths_free(paths);
        px_graph_free(graph);
        rg_free(rg);
    }
}

/* The word for its class stands before a root's name, but not twice. */
static void
test_root_names(void **state)
{
    (void)state;
    static const struct {
        unsigned root_class;
        const char *name, *line;
    } roots[] = {
        {PX_ROOT_MODULE, "server", "module server"},
        {PX_ROOT_MODULE, "module", "module module"},
        {PX_ROOT_THREAD, "worker", "thread worker"},
        {PX_ROOT_INTERPRETER, "interpreter", "interpreter"},
        {PX_ROOT_INTERPRETER, "subinterpreter 1", "subinterpreter 1"},
        {PX_ROOT_TASK, "asyncio task poll", "asyncio task poll"},
        {PX_ROOT_TASK, "poll", "asyncio task poll"},
        {PX_ROOT_GARBAGE, "", "gc.garbage"},
    };
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        struct rg *rg = rg_new(1);
        rg_root(rg, roots[i].root_class, 0, roots[i].name);
        rg_count(rg);
        struct px_graph *graph = rg_build(rg, 0);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        expect_line(paths, rg_id(graph, rg, 0), true, roots[i].line);
        px_paths_free(paths);
        px_graph_free(graph);
        rg_free(rg);
    }
}

static void
test_cycle_line(void **state)
{
    (void)state;
    for (int has_dicts = 0; has_dicts < 2; has_dicts++) {
        struct rg *rg = rg_new(6);
        uint64_t dict = (uint64_t)rg_name(rg, "__dict__");
        uint64_t handler = (uint64_t)rg_name(rg, "handler");
        uint64_t connection = (uint64_t)rg_name(rg, "connection");
        rg->name_nodes[handler] = 4;
        rg->name_nodes[connection] = 5;
        if (has_dicts) {
            rg_edge(rg, 0, PX_EDGE_ATTR, dict, 2, -1);
            rg_edge(rg, 2, PX_EDGE_DICT_VALUE, 0, 1, 4);
            rg_edge(rg, 1, PX_EDGE_ATTR, dict, 3, -1);
            rg_edge(rg, 3, PX_EDGE_DICT_VALUE, 0, 0, 5);
        } else {
            rg_edge(rg, 0, PX_EDGE_ATTR, handler, 1, -1);
            rg_edge(rg, 1, PX_EDGE_ATTR, connection, 0, -1);
        }
        rg_count(rg);
        struct px_graph *graph = rg_build(rg, 0);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        char line[128];
        px_node nodes[2] = {rg_id(graph, rg, 0), rg_id(graph, rg, 1)};
        assert_int_equal(px_paths_held_by(paths, nodes[0], sizeof line, line),
                         PX_HELD_CYCLE);
        assert_string_equal(line, ".handler → .connection");
        struct px_path_groups *groups =
            px_path_groups_new(paths, nodes, 1, NULL, NULL);
        assert_int_equal(groups->n_groups, 1);
        assert_string_equal(groups->groups[0].line, ".handler → .connection");
        assert_int_equal(groups->groups[0].held_by, PX_HELD_CYCLE);
        assert_int_equal(groups->groups[0].root, PX_NONE);
        px_path_groups_free(groups);
        px_paths_free(paths);
        px_graph_free(graph);
        rg_free(rg);
    }
}

/* A linked list whose links lie in dicts is one step all the same. */
static void
test_run_through_dicts(void **state)
{
    (void)state;
    enum { N = 6 };
    struct rg *rg = rg_new(2 * N + 1);
    uint64_t dict = (uint64_t)rg_name(rg, "__dict__");
    rg->name_nodes[rg_name(rg, "next")] = 2 * N;
    rg_root(rg, PX_ROOT_THREAD, 0, "t");
    for (int i = 0; i < N; i++) {
        rg_edge(rg, i, PX_EDGE_ATTR, dict, N + i, -1);
        if (i + 1 < N)
            rg_edge(rg, N + i, PX_EDGE_DICT_VALUE, 0, i + 1, 2 * N);
    }
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    px_node last = rg_id(graph, rg, N - 1);
    expect_line(paths, last, false, "thread t → .next ×5");
    expect_line(paths, rg_id(graph, rg, 2 * N - 1), false,
                "thread t → .next ×5 → .__dict__");
    struct px_path_groups *groups =
        px_path_groups_new(paths, &last, 1, NULL, NULL);
    assert_string_equal(groups->groups[0].line, "thread t → .next ×*");
    px_path_groups_free(groups);
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

/* A function that is wrapped again and again is a chain of closures, and what
 * itertools.tee keeps is one of C structs. */
static void
test_run_without_attributes(void **state)
{
    (void)state;
    enum { N = 6 };
    struct rg *rg = rg_new(3 * N);
    uint64_t cell = (uint64_t)rg_name(rg, "f");
    uint64_t next = (uint64_t)rg_name(rg, "next");
    uint64_t contents = (uint64_t)rg_name(rg, "cell_contents");
    rg_root(rg, PX_ROOT_THREAD, 0, "t");
    for (int i = 0; i < N; i++) {
        rg_edge(rg, i, PX_EDGE_CELL, cell, N + i, -1);
        if (i + 1 < N)
            rg_edge(rg, N + i, PX_EDGE_ATTR, contents, i + 1, -1);
        rg_edge(rg, i > 0 ? 2 * N + i - 1 : 0, PX_EDGE_FIELD, next, 2 * N + i,
                -1);
    }
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    px_node last = rg_id(graph, rg, N - 1);
    expect_line(paths, last, false, "thread t → <cell f> ×5");
    expect_line(paths, rg_id(graph, rg, 2 * N - 1), false,
                "thread t → <cell f> ×5 → <cell f>");
    expect_line(paths, rg_id(graph, rg, 3 * N - 1), false,
                "thread t → <next> ×6");
    struct px_path_groups *groups =
        px_path_groups_new(paths, &last, 1, NULL, NULL);
    assert_string_equal(groups->groups[0].line, "thread t → <cell f> ×*");
    px_path_groups_free(groups);
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

/* A dict that an item would reach a step later is its owner's, and so are
 * the values in it: r → [1] → v → .x, although r → [0] → u → [0] is a way to
 * the dict that the search meets first. */
static void
test_dict_of_its_own(void **state)
{
    (void)state;
    enum { R, U, V, DICT, X, KEY, N };
    struct rg *rg = rg_new(N);
    uint64_t dict = (uint64_t)rg_name(rg, "__dict__");
    rg->name_nodes[rg_name(rg, "x")] = KEY;
    rg_root(rg, PX_ROOT_THREAD, R, "t");
    rg_edge(rg, R, PX_EDGE_ITEM, 0, U, -1);
    rg_edge(rg, R, PX_EDGE_ITEM, 1, V, -1);
    rg_edge(rg, U, PX_EDGE_ITEM, 0, DICT, -1);
    rg_edge(rg, V, PX_EDGE_ATTR, dict, DICT, -1);
    rg_edge(rg, DICT, PX_EDGE_DICT_VALUE, 0, X, KEY);
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    expect_line(paths, rg_id(graph, rg, X), false, "thread t → [1] → .x");
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

/* Numbered names are one of many where there are very many of them: dozens on
 * an instance, thousands on a module and a class. Others always tell. */
static void
test_many_attributes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *attribute;
        unsigned kind;
        bool is_module;
        int n;
        const char *line;
    } owners[] = {
        {"__dict__", "a_7", PX_EDGE_ATTR, false, 60, ".a_7"},
        {"__dict__", "a_7", PX_EDGE_ATTR, false, 70, ".a_*"},
        {"__dict__", "a_b7_8", PX_EDGE_ATTR, false, 70, ".a_*"},
        {"__dict__", "a7_b", PX_EDGE_ATTR, false, 70, ".*"},
        {"__dict__", "pool", PX_EDGE_ATTR, false, 70, ".pool"},
        {"dict", "a_7", PX_EDGE_FIELD, false, 1000, ".a_7"},
        {"dict", "a_7", PX_EDGE_FIELD, false, 1100, ".a_*"},
        {"__dict__", "a_7", PX_EDGE_ATTR, true, 1000, "a_7"},
        {"__dict__", "a_7", PX_EDGE_ATTR, true, 1100, "a_*"},
        {"__dict__", "pool", PX_EDGE_ATTR, true, 1100, "pool"},
    };
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        enum { R, OWNER, DICT, X };
        int n = owners[i].n;
        char line[64];
        struct rg *rg = rg_new(X + 2 * n);
        uint64_t dict = (uint64_t)rg_name(rg, owners[i].name);
        rg->name_nodes[rg_name(rg, owners[i].attribute)] = X + n + 7;
        if (owners[i].is_module)
            rg->nodes[OWNER].type = RG_MODULE_TYPE;
        rg_root(rg, PX_ROOT_THREAD, R, "t");
        rg_edge(rg, R, PX_EDGE_ITEM, 1, OWNER, -1);
        rg_edge(rg, OWNER, owners[i].kind, dict, DICT, -1);
        for (int k = 0; k < n; k++)
            rg_edge(rg, DICT, PX_EDGE_DICT_VALUE, 0, X + k, X + n + k);
        rg_count(rg);
        struct px_graph *graph = rg_build(rg, 0);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        px_node x = rg_id(graph, rg, X + 7);
        snprintf(line, sizeof line, "thread t → [*] → %s", owners[i].line);
        expect_line(paths, x, true, line);
        struct px_step steps[4];
        assert_int_equal(px_paths_steps(paths, x, false, 4, steps), 3);
        assert_string_equal(steps[2].text + !owners[i].is_module,
                            owners[i].attribute);
        px_paths_free(paths);
        px_graph_free(graph);
        rg_free(rg);
    }
}

/* An empty dict never waits in the queue, and is its owner's only where that
 * is no longer: of u and an owner in one layer, but not of a farther owner. */
static void
test_empty_dict(void **state)
{
    (void)state;
    enum { R, U, OWNER, DICT, FAR, FAR_OWNER, NEAR_DICT, N };
    struct rg *rg = rg_new(N);
    uint64_t dict = (uint64_t)rg_name(rg, "__dict__");
    rg_root(rg, PX_ROOT_THREAD, R, "t");
    rg_edge(rg, R, PX_EDGE_ITEM, 0, U, -1);
    rg_edge(rg, R, PX_EDGE_ITEM, 1, OWNER, -1);
    rg_edge(rg, R, PX_EDGE_ITEM, 2, FAR, -1);
    rg_edge(rg, U, PX_EDGE_ITEM, 0, DICT, -1);
    rg_edge(rg, U, PX_EDGE_ITEM, 1, NEAR_DICT, -1);
    rg_edge(rg, OWNER, PX_EDGE_ATTR, dict, DICT, -1);
    rg_edge(rg, FAR, PX_EDGE_ITEM, 0, FAR_OWNER, -1);
    rg_edge(rg, FAR_OWNER, PX_EDGE_ATTR, dict, NEAR_DICT, -1);
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    expect_line(paths, rg_id(graph, rg, DICT), false,
                "thread t → [1] → .__dict__");
    expect_line(paths, rg_id(graph, rg, NEAR_DICT), false, "thread t → [0][1]");
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

/* Groups count what the starred lines of single objects say, except that
 * "….next" and "….next ×*" are one. */
static void
test_groups(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_GRAPHS / 2; seed++) {
        uint64_t random = seed;
        struct rg_options options = {.nodes = 1 + rg_below(&random, 60),
                                     .edges = rg_below(&random, 160),
                                     .roots = 1 + rg_below(&random, 6)};
        struct rg *rg = rg_random_graph(seed, &options);
        struct px_graph *graph = rg_build(rg, seed);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        uint32_t n = px_graph_n_nodes(graph);
        struct px_path_groups *groups = groups_of_all(paths, n);
        uint64_t sum = 0;
        for (size_t g = 0; g < groups->n_groups; g++) {
            const struct px_path_group *group = &groups->groups[g];
            uint32_t same = 0;
            char run[2100];
            snprintf(run, sizeof run, "%s", group->line);
            size_t length = strlen(run);
            bool is_run = length > 4 && strcmp(run + length - 4, " ×*") == 0;
            for (px_node i = 0; i < n; i++) {
                char line[2048];
                px_paths_line(paths, i, true, false, sizeof line, line);
                bool is_one = is_run && strncmp(line, run, length - 4) == 0 &&
                              line[length - 4] == '\0';
                same += px_paths_is_reached(paths, i) &&
                        (strcmp(line, group->line) == 0 || is_one);
            }
            if (group->held_by == PX_HELD_ROOT)
                assert_int_equal(same, group->count);
            if (g > 0)
                assert_true(groups->groups[g - 1].count >= group->count);
            sum += group->count;
        }
        assert_int_equal(sum, n);
        assert_int_equal(groups->n_nodes, n);
        px_path_groups_free(groups);
        px_paths_free(paths);
        px_graph_free(graph);
        rg_free(rg);
    }
}

/* The tree of holders counts what the groups count: a row's count is its own
 * and its children's, and its steps joined are a group's line. */
static void
test_holders(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_GRAPHS / 4; seed++) {
        uint64_t random = seed;
        struct rg_options options = {.nodes = 1 + rg_below(&random, 60),
                                     .edges = rg_below(&random, 160),
                                     .roots = 1 + rg_below(&random, 6)};
        struct rg *rg = rg_random_graph(seed, &options);
        struct px_graph *graph = rg_build(rg, seed);
        struct px_paths *paths = px_paths_new(graph, NULL, NULL);
        uint32_t n = px_graph_n_nodes(graph);
        px_node *all = all_nodes(n);
        struct px_holders *tree = px_holders_new(paths, all, n, NULL, NULL);
        assert_non_null(tree);
        uint64_t top = 0;
        uint64_t here = 0;
        for (size_t i = 0; i < tree->n_rows; i++) {
            const struct px_holder *row = &tree->rows[i];
            uint64_t below = row->here;
            uint64_t last = UINT64_MAX;
            here += row->here;
            top += row->depth == 0 ? row->count : 0;
            for (size_t k = i + 1;
                 k < tree->n_rows && tree->rows[k].depth > row->depth; k++) {
                if (tree->rows[k].depth != row->depth + 1)
                    continue;
                assert_true(tree->rows[k].count <= last);
                last = tree->rows[k].count;
                below += last;
            }
            assert_int_equal(row->count, below);
            assert_true(row->example < n);
            if (row->here > 0 && row->held_by == PX_HELD_ROOT)
                assert_int_equal(px_node_type(graph, row->example), row->type);
        }
        assert_int_equal(top, n);
        assert_int_equal(here, n);
        free(all);
        px_holders_free(tree);
        px_paths_free(paths);
        px_graph_free(graph);
        rg_free(rg);
    }
    struct rg *rg = server(false);
    rg->nodes[MODULE].type = RG_MODULE_TYPE;
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    px_node handler = rg_id(graph, rg, HANDLER);
    struct px_holders *tree = px_holders_new(paths, &handler, 1, NULL, NULL);
    static const char *const steps[] = {"module server", "_CONNECTIONS", "[*]",
                                        ".handler"};
    assert_int_equal(tree->n_rows, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_string_equal(tree->rows[i].text, steps[i]);
        assert_int_equal(tree->rows[i].depth, i);
        assert_int_equal(tree->rows[i].count, 1);
    }
    px_holders_free(tree);
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

/* ---- shapes that hurt ---- */

/* The stack is small here, so that recursion would show. */
static void
limit_stack(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
    limit.rlim_cur = 1u << 20;
    assert_int_equal(setrlimit(RLIMIT_STACK, &limit), 0);
}

#define CHAIN 300000

static void
test_chain(void **state)
{
    (void)state;
    struct rg *rg = rg_new(CHAIN);
    uint64_t next = (uint64_t)rg_name(rg, "next");
    rg_root(rg, PX_ROOT_MODULE, 0, "m");
    for (int i = 0; i + 1 < CHAIN; i++)
        rg_edge(rg, i, PX_EDGE_ATTR, next, i + 1, -1);
    rg_count(rg);
    limit_stack();
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    px_node last = rg_id(graph, rg, CHAIN - 1);
    assert_int_equal(px_paths_length(paths, last), CHAIN - 1);
    char expected[64];
    snprintf(expected, sizeof expected, "module m → .next ×%d", CHAIN - 1);
    expect_line(paths, last, false, expected);
    struct px_path_groups *groups = groups_of_all(paths, CHAIN);
    assert_int_equal(groups->n_groups, 2);
    assert_string_equal(groups->groups[0].line, "module m → .next ×*");
    assert_int_equal(groups->groups[0].count, CHAIN - 1);
    px_path_groups_free(groups);
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

/* A chain in which no two steps in a row are the same: each object has a path
 * of its own, but only the first thousand of them a line of their own. Written
 * one by one that took an hour. */
static void
test_chain_of_two_names(void **state)
{
    (void)state;
    struct rg *rg = rg_new(CHAIN);
    const uint64_t names[] = {(uint64_t)rg_name(rg, "a"),
                              (uint64_t)rg_name(rg, "b")};
    rg_root(rg, PX_ROOT_MODULE, 0, "m");
    for (int i = 0; i + 1 < CHAIN; i++)
        rg_edge(rg, i, PX_EDGE_ATTR, names[i % 2], i + 1, -1);
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    struct px_path_groups *groups = groups_of_all(paths, CHAIN);
    uint64_t count = 0;
    for (size_t i = 0; i < groups->n_groups; i++) {
        char line[4096];
        px_paths_line(paths, groups->groups[i].example, true, false,
                      sizeof line, line);
        assert_string_equal(groups->groups[i].line, line);
        count += groups->groups[i].count;
    }
    assert_int_equal(count, CHAIN);
    assert_in_range(groups->n_groups, 500, 1000);
    assert_true(groups->groups[0].count > CHAIN - 1000); /* all that is cut */
    px_path_groups_free(groups);
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

/* One list of all, whose items arrive in the worst order. */
static void
test_star(void **state)
{
    (void)state;
    struct rg *rg = rg_new(CHAIN);
    rg_root(rg, PX_ROOT_MODULE, 0, "m");
    for (int i = CHAIN - 1; i > 0; i--)
        rg_edge(rg, 0, PX_EDGE_ITEM, (uint64_t)i, i, -1);
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    expect_line(paths, rg_id(graph, rg, 5), false, "module m → [5]");
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

static void
test_cancel(void **state)
{
    (void)state;
    struct rg *rg = server(false);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_work work = {.canceled = true};
    struct px_err err = {0};
    assert_null(px_paths_new(graph, &work, &err));
    assert_int_equal(err.status, PX_ECANCELED);
    px_graph_free(graph);
    rg_free(rg);
}

/* The first link of a linked list is no row of its own, as in lines. */
static void
test_holders_of_a_run(void **state)
{
    (void)state;
    enum { ROOT, FIRST, N = 100 };
    struct rg *rg = rg_new(N);
    uint64_t head = (uint64_t)rg_name(rg, "head");
    uint64_t next = (uint64_t)rg_name(rg, "next");
    rg->nodes[ROOT].type = RG_MODULE_TYPE;
    rg_root(rg, PX_ROOT_MODULE, ROOT, "server");
    rg_edge(rg, ROOT, PX_EDGE_ATTR, head, FIRST, -1);
    for (int i = FIRST; i < N; i++) {
        rg->nodes[i].type = 1;
        if (i + 1 < N)
            rg_edge(rg, i, PX_EDGE_ATTR, next, i + 1, -1);
    }
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    struct px_paths *paths = px_paths_new(graph, NULL, NULL);
    px_node nodes[N - FIRST];
    for (int i = FIRST; i < N; i++)
        nodes[i - FIRST] = rg_id(graph, rg, i);
    struct px_path_groups *groups =
        px_path_groups_new(paths, nodes, N - FIRST, NULL, NULL);
    struct px_holders *tree =
        px_holders_new(paths, nodes, N - FIRST, NULL, NULL);
    assert_int_equal(groups->n_groups, 2);
    assert_int_equal(tree->n_rows, 3);
    assert_string_equal(tree->rows[2].text, ".next ×*");
    assert_int_equal(tree->rows[2].here, N - FIRST - 1);
    assert_int_equal(tree->rows[2].here, groups->groups[0].count);
    assert_int_equal(tree->rows[1].here, 1);
    px_holders_free(tree);
    px_path_groups_free(groups);
    px_paths_free(paths);
    px_graph_free(graph);
    rg_free(rg);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_naive),
        cmocka_unit_test(test_addresses_do_not_matter),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_root_names),
        cmocka_unit_test(test_cycle_line),
        cmocka_unit_test(test_run_through_dicts),
        cmocka_unit_test(test_run_without_attributes),
        cmocka_unit_test(test_holders_of_a_run),
        cmocka_unit_test(test_dict_of_its_own),
        cmocka_unit_test(test_many_attributes),
        cmocka_unit_test(test_empty_dict),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_holders),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_chain_of_two_names),
        cmocka_unit_test(test_star),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
