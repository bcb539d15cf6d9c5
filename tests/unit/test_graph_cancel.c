/* test_graph_cancel.c: cancelling reaches every loop of an analysis, also a
 * depth-first search that finds all objects from one: whether it is wanted is
 * asked as often as there are objects to look at, and a yes ends it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/paths.h"
#include "random_graph.h"

#define OBJECTS (1 << 18)
#define OBJECTS_AN_ASK (1 << 16)

/* In the place of the one of work.c. */
bool __wrap_work_is_canceled(const struct px_work *work);
static size_t n_asked;
static size_t yes_from;

bool
__wrap_work_is_canceled(const struct px_work *work)
{
    (void)work;
    return ++n_asked >= yes_from;
}

/* A chain that its root holds, or whose last object is the root: so no root
 * reaches the others. All are found from the first on. */
static struct px_graph *
chain_of(bool is_reached)
{
    struct rg *rg = rg_new(OBJECTS);
    uint64_t next = (uint64_t)rg_name(rg, "next");
    rg_root(rg, PX_ROOT_MODULE, is_reached ? 0 : OBJECTS - 1, "m");
    for (int i = 0; i + 1 < OBJECTS; i++) {
        rg->nodes[i].addr = 0x10000 + (uint64_t)i * 16;
        rg_edge(rg, i, PX_EDGE_ATTR, next, i + 1, -1);
    }
    rg->nodes[OBJECTS - 1].addr = 0x10000 + (uint64_t)OBJECTS * 16;
    rg_count(rg);
    struct px_graph *graph = rg_build(rg, 0);
    rg_free(rg);
    return graph;
}

static enum px_status
find_cycles(const struct px_paths *paths, struct px_err *err)
{
    struct px_cycles *cycles = px_cycles_new(paths, NULL, err);
    enum px_status status = cycles == NULL ? err->status : PX_OK;
    px_cycles_free(cycles);
    return status;
}

static enum px_status
find_dominators(const struct px_paths *paths, struct px_err *err)
{
    struct px_dominators *dominators =
        px_dominators_new(paths->graph, NULL, err);
    enum px_status status = dominators == NULL ? err->status : PX_OK;
    px_dominators_free(dominators);
    return status;
}

static enum px_status
find_retained(const struct px_paths *paths, struct px_err *err)
{
    struct px_retained out;
    px_node node = OBJECTS / 2;
    return px_retained_set(paths->graph, &node, 1, NULL, &out, err);
}

static void
test_searches(void **state)
{
    (void)state;
    static const struct {
        enum px_status (*find)(const struct px_paths *, struct px_err *);
        size_t more; /* asks than those of the search */
        bool is_reached;
    } rows[] = {
        {find_cycles, OBJECTS, true},
        {find_dominators, OBJECTS / OBJECTS_AN_ASK, true},
        {find_dominators, OBJECTS / OBJECTS_AN_ASK * 2, false},
        {find_retained, OBJECTS / OBJECTS_AN_ASK, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct px_err err = {0};
        yes_from = SIZE_MAX;
        struct px_graph *graph = chain_of(rows[i].is_reached);
        struct px_paths *paths = px_paths_new(graph, NULL, &err);
        n_asked = 0;
        assert_int_equal(rows[i].find(paths, &err), PX_OK);
        size_t n = OBJECTS / OBJECTS_AN_ASK - 1 + rows[i].more;
        if (n_asked < n)
            fail_msg("row %zu: %zu asks, not %zu", i, n_asked, n);
        size_t n_all = n_asked;
        for (yes_from = 1; yes_from < n_all && yes_from < 9; yes_from++) {
            n_asked = 0;
            assert_int_equal(rows[i].find(paths, &err), PX_ECANCELED);
            assert_int_equal(err.status, PX_ECANCELED);
        }
        px_paths_free(paths);
        px_graph_free(graph);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_searches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
