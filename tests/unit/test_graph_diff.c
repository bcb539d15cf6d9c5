/* test_graph_diff.c: a diff counts what came and went, by type and by object,
 * and of a heap with itself it is nothing.
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

static const struct px_diff_type *
find(const struct px_diff *diff, const char *name)
{
    size_t n;
    const struct px_diff_type *types = px_diff_types(diff, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    fail_msg("no type %s", name);
    return NULL;
}

/* Two heaps from one, in which every node may go, stay or change its type. */
static void
test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        uint64_t random = seed;
        struct rg_options options = {
            .nodes = 1 + rg_below(&random, 60), .edges = 0, .roots = 0};
        struct rg *all = rg_random_graph(seed, &options);
        struct rg *sides[2];
        uint64_t expected[RG_TYPES][4]; /* before, after, new, gone */
        memset(expected, 0, sizeof expected);
        bool *is_new = calloc((size_t)all->n, sizeof *is_new);
        int *place = calloc((size_t)all->n, sizeof *place);
        assert_non_null(is_new);
        assert_non_null(place);
        sides[0] = rg_new(all->n);
        sides[1] = rg_new(all->n);
        sides[0]->n = sides[1]->n = 0;
        for (int i = 0; i < all->n; i++) {
            int fate = rg_below(&random, 5);
            struct rg_node node = all->nodes[i];
            uint32_t before = node.type;
            bool in_before = fate != 0;
            bool in_after = fate != 1;
            uint32_t after = fate == 2 ? (before + 1) % RG_TYPES : before;
            if (in_before)
                sides[0]->nodes[sides[0]->n++] = node;
            node.type = after;
            place[i] = sides[1]->n;
            if (in_after)
                sides[1]->nodes[sides[1]->n++] = node;
            expected[before][0] += in_before;
            expected[after][1] += in_after;
            is_new[i] = in_after && (!in_before || after != before);
            expected[after][2] += is_new[i];
            expected[before][3] += in_before && (!in_after || after != before);
            if (!in_after)
                place[i] = -1;
        }
        struct px_graph *a = rg_build(sides[0], 0);
        struct px_graph *b = rg_build(sides[1], seed);
        struct px_diff *diff = px_diff_new(a, b, NULL, NULL);
        assert_non_null(diff);
        static const char *const names[RG_TYPES] = {"m.T0", "m.T1", "m.T2",
                                                    "module"};
        for (int t = 0; t < RG_TYPES; t++) {
            const struct px_diff_type *row = find(diff, names[t]);
            assert_int_equal(row->n_before, expected[t][0]);
            assert_int_equal(row->n_after, expected[t][1]);
            assert_int_equal(row->n_new, expected[t][2]);
            assert_int_equal(row->n_gone, expected[t][3]);
        }
        for (int i = 0; i < all->n; i++) {
            if (place[i] >= 0)
                assert_int_equal(
                    px_diff_is_new(diff, rg_id(b, sides[1], place[i])),
                    is_new[i]);
        }
        px_diff_free(diff);
        diff = px_diff_new(b, b, NULL, NULL);
        size_t n;
        const struct px_diff_type *types = px_diff_types(diff, &n);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(types[i].n_new + types[i].n_gone, 0);
            assert_int_equal(types[i].n_before, types[i].n_after);
        }
        px_diff_free(diff);
        px_graph_free(a);
        px_graph_free(b);
        free(is_new);
        free(place);
        rg_free(sides[0]);
        rg_free(sides[1]);
        rg_free(all);
    }
}

static void
test_order(void **state)
{
    (void)state;
    struct rg *few = rg_new(2);
    struct rg *many = rg_new(6);
    for (int i = 0; i < 6; i++) {
        many->nodes[i].type = i < 2 ? 0 : (uint32_t)(i % 2 + 1);
        many->nodes[i].bytes = many->nodes[i].type == 2 ? 500 : 10;
    }
    struct px_graph *a = rg_build(few, 0);
    struct px_graph *b = rg_build(many, 0);
    struct px_diff *diff = px_diff_new(a, b, NULL, NULL);
    size_t n;
    const struct px_diff_type *types = px_diff_types(diff, &n);
    assert_string_equal(types[0].name, "m.T2");
    assert_string_equal(types[1].name, "m.T1");
    assert_int_equal(types[0].bytes_after, 1000);
    px_diff_free(diff);
    px_graph_free(a);
    px_graph_free(b);
    rg_free(few);
    rg_free(many);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
