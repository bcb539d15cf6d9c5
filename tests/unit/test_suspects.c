/* test_suspects.c: what grows in every round and would not stop is found, by
 * the place where it piles up; what swings, levels off, slows down, is bound
 * by its owner or waits for a collector that runs is not.
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

#include <pyexplore/suspects.h>

#include "graph/kinds.h"
#include "graph/trend.h"
#include "random_graph.h"

/* ---- rows of figures ---- */
static void
test_trends(void **state)
{
    (void)state;
    static const struct {
        uint64_t figures[10];
        size_t n; /* rounds */
        enum trend_verdict verdict;
    } rows[] = {
        {{10, 20, 30, 40}, 3, TREND_GROWS},
        {{10, 20, 30}, 2, TREND_GROWS},
        {{10, 20}, 1, TREND_PERHAPS},
        {{10, 10, 10, 10}, 3, TREND_STEADY},
        {{40, 30, 20, 10}, 3, TREND_STEADY},
        /* one round of rest in four is no proof of innocence */
        {{10, 20, 20, 30, 40}, 4, TREND_GROWS},
        {{10, 20, 20, 30}, 3, TREND_PERHAPS},
        {{10, 20, 20, 20}, 3, TREND_PERHAPS},
        {{10, 20, 20, 30, 30, 40, 50}, 6, TREND_GROWS},
        /* swings, though it ends higher */
        {{10, 60, 20, 70, 30, 80}, 5, TREND_STEADY},
        /* full */
        {{0, 40, 80, 100, 100, 100}, 5, TREND_STEADY},
        {{0, 20, 40, 60, 80, 100, 120, 150, 150, 150}, 9, TREND_STEADY},
        /* built once */
        {{0, 90, 110, 112, 113, 114}, 5, TREND_STEADY},
        /* gives a little back now and then */
        {{0, 50, 100, 98, 150, 200, 250, 245, 300, 350}, 9, TREND_GROWS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static const double times[] = {0, 5, 10, 15, 20, 25, 30, 35, 40, 45};
        struct trend trend = trend_of(rows[i].figures, times, rows[i].n);
        if (trend.verdict != rows[i].verdict)
            fail_msg("row %zu is %d", i, trend.verdict);
    }
}

/* ---- heaps ---- */
enum { MODULE, OWNER, LIST, FIRST };

struct heap {
    int count;
    bool in_cycle, gc_off;
    uint64_t place;
    uint64_t items, most; /* that the list states of itself */
    double time, waited;
};

/* module m0 → OWNER (n2) → its list (n3) → `count` objects. With `in_cycle`
 * nothing holds them but each other, two by two. */
static struct px_graph *
heap_of(const struct heap *heap)
{
    int count = heap->count;
    struct rg *rg = rg_new(FIRST + count);
    rg->bounded = LIST;
    rg->items = heap->items;
    rg->most = heap->most;
    rg->time = heap->time;
    rg->waited = heap->waited;
    rg->gc_off = heap->gc_off;
    int name = rg_name(rg, "owner");
    int items = rg_name(rg, "items");
    for (int i = 0; i < rg->n; i++) {
        rg->nodes[i].type = 0;
        rg->nodes[i].bytes = 64;
    }
    rg->nodes[MODULE].type = RG_MODULE_TYPE;
    rg->nodes[LIST].type = 1;
    rg_root(rg, PX_ROOT_MODULE, MODULE, "service");
    rg_edge(rg, MODULE, PX_EDGE_ATTR, (uint64_t)name, OWNER, -1);
    rg_edge(rg, OWNER, PX_EDGE_ATTR, (uint64_t)items, LIST, -1);
    for (int i = 0; i < count; i++) {
        if (heap->in_cycle)
            rg_edge(rg, FIRST + i, PX_EDGE_ATTR, (uint64_t)name,
                    FIRST + (i ^ 1), -1);
        else
            rg_edge(rg, LIST, PX_EDGE_ITEM, (uint64_t)i, FIRST + i, -1);
    }
    rg_count(rg);
    rg_place(rg, heap->place);
    struct px_graph *graph = rg_build(rg, heap->place);
    rg_free(rg);
    return graph;
}

static struct px_graph *
heap(int count, bool in_cycle, uint64_t place)
{
    const struct heap all = {
        .count = count, .in_cycle = in_cycle, .place = place};
    return heap_of(&all);
}

struct watch {
    struct px_suspects *suspects;
    struct px_graph *graph;
    struct px_paths *paths;
};

static void
forget(struct watch *watch)
{
    px_paths_free(watch->paths);
    px_graph_free(watch->graph);
}

static void
look(struct watch *watch, struct px_graph *graph)
{
    forget(watch);
    watch->graph = graph;
    watch->paths = px_paths_new(graph, NULL, NULL);
    assert_non_null(watch->paths);
    assert_int_equal(px_suspects_add(watch->suspects, watch->paths, NULL, NULL),
                     PX_OK);
}

static const struct px_suspect *
find(struct watch *watch, size_t *n)
{
    struct px_err err;
    const struct px_suspect *found =
        px_suspects_find(watch->suspects, watch->paths, NULL, n, &err);
    assert_non_null(found);
    return found;
}

/* One reference is at fault, and marked. */
static const struct px_step *
culprit_of(const struct px_suspect *found)
{
    const struct px_step *culprit = NULL;
    for (size_t i = 0; i < found->n_steps; i++) {
        assert_true(culprit == NULL || !found->steps[i].is_culprit);
        if (found->steps[i].is_culprit)
            culprit = &found->steps[i];
    }
    assert_non_null(culprit);
    return culprit;
}

static void
test_a_list_that_grows(void **state)
{
    (void)state;
    char fingerprint[17] = "";
    for (uint64_t place = 1; place <= 2; place++) {
        struct watch watch = {.suspects = px_suspects_new(NULL)};
        size_t n;
        for (int i = 0; i < 4; i++)
            look(&watch, heap(10 + 7 * i, false, place * 10 + (uint64_t)i));
        const struct px_suspect *found = find(&watch, &n);
        assert_int_equal(n, 1);
        assert_int_equal(found->kind, PX_SUSPECT_CONTAINER);
        assert_string_equal(found->type, "m.T0");
        assert_int_equal(found->count, 31);
        assert_int_equal(found->series[0], 10);
        assert_int_equal(found->a_round, 7);
        assert_int_equal(found->retained, 31 * 64);
        assert_string_equal(found->path, "module service → .owner → .items[*]");
        assert_string_equal(found->holder_path,
                            "module service → .owner → .items");
        assert_ptr_equal(culprit_of(found), &found->steps[found->n_steps - 1]);
        if (fingerprint[0] != '\0') /* at other addresses */
            assert_string_equal(found->fingerprint, fingerprint);
        memcpy(fingerprint, found->fingerprint, sizeof fingerprint);
        forget(&watch);
        px_suspects_free(watch.suspects);
    }
}

static void
test_a_list_that_swings(void **state)
{
    (void)state;
    static const int counts[] = {10, 40, 15, 50, 12, 44};
    struct watch watch = {.suspects = px_suspects_new(NULL)};
    size_t n;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        look(&watch, heap(counts[i], false, i + 1));
    find(&watch, &n);
    assert_int_equal(n, 0);
    assert_false(px_suspects_is_in_doubt(watch.suspects));
    forget(&watch);
    px_suspects_free(watch.suspects);
}

/* A list that states its bound is filling, and no more; but what piles up
 * inside of its only item is not excused by it, and sys.maxsize is none. */
static void
test_a_bound(void **state)
{
    (void)state;
    static const struct {
        uint64_t least_items, more, most;
        size_t n_findings;
    } rows[] = {{10, 7, 100, 0}, {1, 0, 100, 1}, {10, 7, INT64_MAX, 1}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct watch watch = {.suspects = px_suspects_new(NULL)};
        size_t n;
        for (unsigned i = 0; i < 5; i++) {
            const struct heap all = {.count = 10 + 7 * (int)i,
                                     .place = i + 1,
                                     .items =
                                         rows[r].least_items + rows[r].more * i,
                                     .most = rows[r].most};
            look(&watch, heap_of(&all));
        }
        find(&watch, &n);
        assert_int_equal(n, rows[r].n_findings);
        forget(&watch);
        px_suspects_free(watch.suspects);
    }
}

/* A leak of 10 a second that the target could run, with others on its CPU for
 * most of the time after the third look, and for some rounds all along. Rounds
 * of which nothing can be told are joined, and it does not look as if it
 * slowed down. */
static void
test_a_target_that_starves(void **state)
{
    (void)state;
    static const double ran[] = {0,    1,    1,    0.9, 0.1, 0.3, 0.1,
                                 0.05, 0.05, 0.45, 0.8, 0,   0.2, 0.6};
    struct watch watch = {.suspects = px_suspects_new(NULL)};
    size_t n, n_rounds, n_whole = 0;
    double active = 0;
    px_suspects_expect(watch.suspects, 1);
    for (unsigned i = 0; i < sizeof ran / sizeof *ran; i++) {
        active += ran[i];
        const struct heap all = {.count = 5 + (int)(10 * active + 0.5),
                                 .place = i + 1,
                                 .time = 1000 + i,
                                 .waited = 50 + i - active};
        look(&watch, heap_of(&all));
        n_whole += i > 0 && px_suspects_is_whole(watch.suspects);
    }
    const struct px_suspects_round *rounds =
        px_suspects_rounds(watch.suspects, &n_rounds);
    assert_int_equal(n_whole, 6);
    assert_int_equal(n_rounds, 1 + n_whole);
    assert_true(rounds[n_rounds - 1].active > active - 0.1 &&
                rounds[n_rounds - 1].active < active + 0.1);
    const struct px_suspect *found = find(&watch, &n);
    assert_int_equal(n, 1);
    assert_true(found->a_minute > 250 && found->a_minute < 260);
    forget(&watch);
    px_suspects_free(watch.suspects);
}

/* Of garbage in cycles nothing is said while a collector runs. */
static void
test_cycles(void **state)
{
    (void)state;
    struct watch watch = {.suspects = px_suspects_new(NULL)};
    size_t n;
    for (int i = 0; i < 5; i++)
        look(&watch, heap(10 + 8 * i, true, (uint64_t)i + 1));
    size_t n_rounds;
    const struct px_suspects_round *rounds =
        px_suspects_rounds(watch.suspects, &n_rounds);
    assert_int_equal(n_rounds, 5);
    assert_int_equal(rounds[4].waiting, 42);
    assert_true(rounds[4].is_collecting);
    find(&watch, &n);
    assert_int_equal(n, 0);
    forget(&watch);
    px_suspects_free(watch.suspects);
}

/* Without one they are found, with the reference that closes the cycle. */
static void
test_cycles_that_nobody_collects(void **state)
{
    (void)state;
    struct watch watch = {.suspects = px_suspects_new(NULL)};
    size_t n;
    for (int i = 0; i < 5; i++) {
        const struct heap all = {.count = 10 + 8 * i,
                                 .in_cycle = true,
                                 .gc_off = true,
                                 .place = (uint64_t)i + 1};
        look(&watch, heap_of(&all));
    }
    const struct px_suspect *found = find(&watch, &n);
    assert_int_equal(n, 1);
    assert_int_equal(found->kind, PX_SUSPECT_CYCLE);
    assert_int_equal(found->held_by, PX_HELD_CYCLE);
    assert_string_equal(found->path, ".owner ×*");
    const struct px_step *culprit = culprit_of(found);
    assert_int_equal(culprit->node, found->example);
    assert_int_equal(px_edge_target(watch.graph, culprit->edge),
                     found->example);
    forget(&watch);
    px_suspects_free(watch.suspects);
}

/* However long it watches, it forgets the oldest and goes on. */
static void
test_many_rounds(void **state)
{
    (void)state;
    struct watch watch = {.suspects = px_suspects_new(NULL)};
    size_t n, n_rounds;
    for (int i = 0; i < 50; i++)
        look(&watch, heap(1 + i, false, (uint64_t)i + 1));
    px_suspects_rounds(watch.suspects, &n_rounds);
    assert_in_range(n_rounds, 20, 40);
    const struct px_suspect *found = find(&watch, &n);
    assert_int_equal(n, 1);
    assert_int_equal(found->count, 50);
    assert_int_equal(found->series[n_rounds - 1], 50);
    assert_false(px_suspects_is_in_doubt(watch.suspects));
    forget(&watch);
    px_suspects_free(watch.suspects);
}

/* The heap of a round; frees `rg`. */
static void
look_at(struct watch *watch, struct rg *rg, int round)
{
    rg->time = 1000 + 5 * round;
    rg_count(rg);
    look(watch, rg_build(rg, 0));
    rg_free(rg);
}

/* A chain that gets longer by its beginning, as of handlers that are wrapped
 * again and again: h → .m → .f → .m → .f → … */
static void
test_steps_that_come_again(void **state)
{
    (void)state;
    static const char *const names[] = {"m", "f", "a", "b", "c", "d"};
    for (int period = 2; period <= KINDS_AGAIN_MAX; period++) {
        struct watch watch = {.suspects = px_suspects_new(NULL)};
        size_t n;
        for (int round = 1; round <= 4; round++) {
            struct rg *rg = rg_new(1 + 8 * period * round);
            rg_root(rg, PX_ROOT_MODULE, 0, "service");
            rg->nodes[0].type = RG_MODULE_TYPE;
            for (int i = 0; i + 1 < rg->n; i++) {
                int name = rg_name(rg, names[i % period]);
                rg->nodes[i + 1].type = 0;
                rg->nodes[i + 1].bytes = 64;
                rg_edge(rg, i, PX_EDGE_ATTR, (uint64_t)name, i + 1, -1);
            }
            look_at(&watch, rg, round);
        }
        const struct px_suspect *found = find(&watch, &n);
        assert_int_equal(n, 1);
        assert_int_equal(found->count, 8 * 4);
        /* no object of the chain is counted twice */
        assert_in_range(found->retained, 1, 64 * 8 * 4 * (uint64_t)period);
        forget(&watch);
        px_suspects_free(watch.suspects);
    }
}

/* What is a root itself: threads are code that never ends, but modules are
 * kept by sys.modules. */
static void
test_roots_that_grow(void **state)
{
    (void)state;
    static const struct {
        unsigned root_class;
        enum px_suspect_kind cause;
    } rows[] = {{PX_ROOT_THREAD, PX_SUSPECT_FRAME},
                {PX_ROOT_TASK, PX_SUSPECT_FRAME},
                {PX_ROOT_MODULE, PX_SUSPECT_REGISTRY}};
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct watch watch = {.suspects = px_suspects_new(NULL)};
        size_t n;
        for (int round = 1; round <= 4; round++) {
            struct rg *rg = rg_new(4 * round);
            for (int i = 0; i < rg->n; i++) {
                char name[32];
                snprintf(name, sizeof name, "plugin_%d", i);
                rg->nodes[i].type = RG_MODULE_TYPE;
                rg_root(rg, rows[row].root_class, i, name);
            }
            look_at(&watch, rg, round);
        }
        const struct px_suspect *found = find(&watch, &n);
        assert_int_equal(n, 1);
        assert_int_equal(found->kind, rows[row].cause);
        forget(&watch);
        px_suspects_free(watch.suspects);
    }
}

static void
test_names(void **state)
{
    (void)state;
    for (unsigned kind = 1; kind < PX_SUSPECT_KIND_END; kind++) {
        assert_non_null(px_suspect_name(kind));
        assert_non_null(px_suspect_what(kind));
        assert_non_null(px_suspect_advice(kind));
    }
    assert_null(px_suspect_name(PX_SUSPECT_KIND_END));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trends),
        cmocka_unit_test(test_a_list_that_grows),
        cmocka_unit_test(test_a_list_that_swings),
        cmocka_unit_test(test_a_bound),
        cmocka_unit_test(test_a_target_that_starves),
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_cycles_that_nobody_collects),
        cmocka_unit_test(test_many_rounds),
        cmocka_unit_test(test_steps_that_come_again),
        cmocka_unit_test(test_roots_that_grow),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
