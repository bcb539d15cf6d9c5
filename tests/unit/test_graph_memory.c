/* test_graph_memory.c: whichever allocation fails, building a graph and
 * every analysis of it ends with PX_ENOMEM and gives
 * everything back.
 *
 * malloc, calloc, realloc and strdup are this program's own; leaks are what
 * the sanitizer's run and the count of living blocks see.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>

#include "random_graph.h"

static long fail_at = -1; /* how many allocations from now; -1: none */
static long n_living;
static int is_counting;

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);

/* dlsym may allocate before it has told where the real ones are. */
static _Alignas(16) char early[4096];
static size_t early_used;

static void *
early_block(size_t n)
{
    void *block = early + early_used;
    early_used += (n + 15) & ~(size_t)15;
    return early_used <= sizeof early ? block : NULL;
}

static void
find_real(void)
{
    static int is_finding;
    if (real_free != NULL || is_finding)
        return;
    is_finding = 1;
    *(void **)&real_malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&real_calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real_realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&real_free = dlsym(RTLD_NEXT, "free");
}

static int
fails_now(void)
{
    find_real();
    if (!is_counting || fail_at < 0)
        return 0;
    if (fail_at > 0) {
        fail_at--;
        return 0;
    }
    errno = ENOMEM;
    return 1;
}

void *
malloc(size_t n)
{
    if (fails_now())
        return NULL;
    if (real_free == NULL)
        return early_block(n);
    void *block = real_malloc(n);
    n_living += is_counting && block != NULL;
    return block;
}

void *
calloc(size_t n, size_t size)
{
    if (fails_now())
        return NULL;
    if (real_free == NULL)
        return early_block(n * size);
    void *block = real_calloc(n, size);
    n_living += is_counting && block != NULL;
    return block;
}

void *
realloc(void *old, size_t n)
{
    if (fails_now())
        return NULL;
    if (real_free == NULL)
        return early_block(n);
    void *block = real_realloc(old, n);
    n_living += is_counting && old == NULL && block != NULL;
    return block;
}

void
free(void *block)
{
    find_real();
    if (block == NULL || real_free == NULL ||
        ((char *)block >= early && (char *)block < early + sizeof early))
        return;
    n_living -= is_counting;
    real_free(block);
}

char *
strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);
    return copy == NULL ? NULL : memcpy(copy, text, n);
}

/* Two rounds in which nothing grows. */
static enum px_status
growth_once(const struct px_paths *paths)
{
    struct px_err err = {0};
    size_t n;
    struct px_growth *growth = px_growth_new(&err);
    enum px_status status = growth == NULL ? err.status : PX_OK;
    for (int i = 0; i < 2 && status == PX_OK; i++)
        status = px_growth_add(growth, paths, NULL, &err);
    if (status == PX_OK && px_growth_find(growth, paths, 0, &n, &err) == NULL)
        status = err.status;
    else if (status == PX_OK)
        assert_int_equal(n, 0);
    px_growth_free(growth);
    return status;
}

/* Stacks and drawings of all shapes. */
static enum px_status
draw_once(const struct px_paths *paths, const struct px_dominators *dominators,
          const px_node *nodes, uint32_t n)
{
    struct px_err err = {0};
    struct px_flame *flame =
        px_flame_new(paths, dominators, NULL, 0, 20, NULL, &err);
    enum px_status status = flame == NULL ? err.status : PX_OK;
    px_flame_free(flame);
    if (status == PX_OK) {
        struct px_duplicates *equal = px_duplicates_new(paths, 0, NULL, &err);
        status = equal == NULL ? err.status : PX_OK;
        px_duplicates_free(equal);
    }
    for (unsigned i = 0; i < PX_PART_END && status == PX_OK; i++) {
        struct px_part *part = px_part_new(paths, (enum px_part_shape)i, nodes,
                                           n, 20, 2, NULL, &err);
        status = part == NULL ? err.status : PX_OK;
        px_part_free(part);
    }
    return status;
}

/* Everything once; PX_OK or the first error. */
static enum px_status
work_once(const struct rg_chunks *chunks)
{
    struct px_err err = {0};
    struct px_graph *graph = NULL;
    struct px_paths *paths = NULL;
    struct px_path_groups *groups = NULL;
    struct px_holders *holders = NULL;
    struct px_dominators *dominators = NULL;
    struct px_cycles *cycles = NULL;
    struct px_diff *diff = NULL;
    px_node nodes[64];
    struct px_builder *builder = px_builder_new(&err);
    enum px_status status = builder == NULL ? err.status : PX_OK;
    for (size_t i = 0; status == PX_OK && i < chunks->n; i++)
        status = px_builder_add(builder, chunks->chunks[i].data,
                                chunks->chunks[i].len, &err);
    if (status == PX_OK)
        status = px_builder_finish(builder, NULL, &graph, &err);
    if (status == PX_OK) {
        paths = px_paths_new(graph, NULL, &err);
        status = paths == NULL ? err.status : PX_OK;
    }
    if (status == PX_OK) {
        uint32_t n = px_graph_n_nodes(graph);
        for (px_node i = 0; i < n; i++)
            nodes[i] = i;
        groups = px_path_groups_new(paths, nodes, n, NULL, &err);
        status = groups == NULL ? err.status : PX_OK;
    }
    if (status == PX_OK) {
        holders =
            px_holders_new(paths, nodes, px_graph_n_nodes(graph), NULL, &err);
        status = holders == NULL ? err.status : PX_OK;
    }
    if (status == PX_OK) {
        dominators = px_dominators_new(graph, NULL, &err);
        status = dominators == NULL ? err.status : PX_OK;
    }
    if (status == PX_OK) {
        cycles = px_cycles_new(paths, NULL, &err);
        status = cycles == NULL ? err.status : PX_OK;
    }
    if (status == PX_OK) {
        diff = px_diff_new(graph, graph, NULL, &err);
        status = diff == NULL ? err.status : PX_OK;
    }
    if (status == PX_OK)
        status = growth_once(paths);
    if (status == PX_OK)
        status = draw_once(paths, dominators, nodes, px_graph_n_nodes(graph));
    px_diff_free(diff);
    px_cycles_free(cycles);
    px_dominators_free(dominators);
    px_holders_free(holders);
    px_path_groups_free(groups);
    px_paths_free(paths);
    px_graph_free(graph);
    px_builder_free(builder);
    return status;
}

static void
test_every_allocation(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct rg_options options = {.nodes = 40,
                                     .edges = 150,
                                     .roots = 3,
                                     .stack_edges = true,
                                     .surplus = true};
        struct rg *rg = rg_random_graph(seed, &options);
        struct rg_chunks chunks;
        rg_write(rg, seed, &chunks);
        static const char preview[] = "\2\1\3\3ann";
        px_buf_done(&chunks.chunks[--chunks.n]);
        rg_add_chunk(&chunks, PX_CHUNK_PREVIEWS, preview, sizeof preview - 1);
        long n = 0;
        enum px_status status = PX_ENOMEM;
        for (; status != PX_OK && n < 5000; n++) {
            n_living = 0;
            fail_at = n;
            is_counting = 1;
            status = work_once(&chunks);
            is_counting = 0;
            if (status != PX_OK && status != PX_ENOMEM)
                fail_msg("allocation %ld: status %d", n, (int)status);
            if (n_living != 0)
                fail_msg("allocation %ld: %ld blocks left", n, n_living);
        }
        fail_at = -1;
        assert_int_equal(status, PX_OK);
        assert_true(n > 30);
        rg_chunks_free(&chunks);
        rg_free(rg);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
