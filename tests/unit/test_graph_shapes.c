/* test_graph_shapes.c: shapes that hurt graph algorithms cost linear or
 * N log N time and no stack: long chains, rings and ladders, stars both ways,
 * complete bipartite graphs, combs. What is compared with half the size is not
 * seconds, which other programs lengthen, but basic blocks that were run: the
 * graph that is linked here counts them (the Makefile's COUNTED). A stack of
 * 256 KiB is all that the analyses get. PX_TEST_FULL=1 takes ten million
 * objects.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pyexplore/analysis.h>
#include <pyexplore/proto.h>

#include "random_graph.h"

#define SMALL 60000u
#define LARGE 10000000u
#define STACK_BYTES (256u << 10)
#define RATIO_MAX 2.2 /* 2 is linear, N log N 2.05, 4 quadratic */
#define FIRST_ADDR 0x10000u
#define NODE_BYTES 16u

/* Node i of n refers to target(n, i, 0) … target(n, i, n_edges(n, i)-1). */
struct shape {
    const char *name;
    uint32_t (*n_edges)(uint32_t n, uint32_t i);
    uint32_t (*target)(uint32_t n, uint32_t i, uint32_t k);
    uint32_t (*retained)(uint32_t n); /* objects that node 0 retains */
    bool has_root;
    uint32_t (*references)(uint32_t n, uint32_t i); /* NULL: 7 */
};

/* ---- the shapes ---- */
static uint32_t
all_of(uint32_t n)
{
    return n;
}

static uint32_t
chain_edges(uint32_t n, uint32_t i)
{
    return i + 1 < n;
}

static uint32_t
chain_target(uint32_t n, uint32_t i, uint32_t k)
{
    (void)n;
    (void)k;
    return i + 1;
}

static uint32_t
ring_edges(uint32_t n, uint32_t i)
{
    (void)n;
    (void)i;
    return 1;
}

static uint32_t
ring_target(uint32_t n, uint32_t i, uint32_t k)
{
    (void)k;
    return i + 1 < n ? i + 1 : 0;
}

static uint32_t
out_edges(uint32_t n, uint32_t i)
{
    return i == 0 ? n - 1 : 0;
}

static uint32_t
out_target(uint32_t n, uint32_t i, uint32_t k)
{
    (void)n;
    (void)i;
    return k + 1;
}

/* All refer to 1, which refers to all. */
static uint32_t
in_edges(uint32_t n, uint32_t i)
{
    return i < 2 ? n - 2 : 1;
}

static uint32_t
in_target(uint32_t n, uint32_t i, uint32_t k)
{
    (void)n;
    return i < 2 ? k + 2 : 1;
}

static uint32_t
side(uint32_t n)
{
    uint32_t width = 1;
    while ((width + 1) * (width + 1) <= n)
        width++;
    return width;
}

/* 0 refers to the left side, each of which refers to all of the right one;
 * about n edges, and the rest of the nodes are a chain of the last. */
static uint32_t
bipartite_edges(uint32_t n, uint32_t i)
{
    uint32_t width = side(n);
    if (i == 0 || i <= width)
        return width;
    return i >= 2 * width && i + 1 < n;
}

static uint32_t
bipartite_target(uint32_t n, uint32_t i, uint32_t k)
{
    uint32_t width = side(n);
    if (i == 0)
        return 1 + k;
    return i <= width ? 1 + width + k : i + 1;
}

/* A chain of a tenth, whose last refers to all the rest, and so does 0. */
static uint32_t
comb_edges(uint32_t n, uint32_t i)
{
    uint32_t spine = n / 11;
    if (i == 0)
        return 1 + (n - spine);
    return i + 1 < spine ? 1 : i + 1 == spine ? n - spine : 0;
}

static uint32_t
comb_target(uint32_t n, uint32_t i, uint32_t k)
{
    uint32_t spine = n / 11;
    if (i == 0)
        return k == 0 ? 1 : spine + k - 1;
    return i + 1 < spine ? i + 1 : spine + k;
}

/* Pairs, each of which refers to both of the next pair. */
static uint32_t
ladder_edges(uint32_t n, uint32_t i)
{
    uint32_t next = i / 2 * 2 + 2;
    return next + 1 < n ? 2 : next < n;
}

static uint32_t
ladder_target(uint32_t n, uint32_t i, uint32_t k)
{
    (void)n;
    return i / 2 * 2 + 2 + k;
}

static uint32_t
all_but_one(uint32_t n)
{
    return n - 1;
}

/* 0 refers to a list of all but the two, in no order, and they to 0. */
static uint32_t
document_edges(uint32_t n, uint32_t i)
{
    return i == 1 ? n - 2 : 1;
}

static uint32_t
document_target(uint32_t n, uint32_t i, uint32_t k)
{
    if (i == 1)
        return 2 + (uint32_t)((uint64_t)k * 7919 % (n - 2));
    return i == 0;
}

static uint32_t
document_references(uint32_t n, uint32_t i)
{
    return i == 0 ? n - 2 : 1;
}

static const struct shape shapes[] = {
    {"chain", chain_edges, chain_target, all_of, true, NULL},
    {"chain that nothing holds", chain_edges, chain_target, all_of, false,
     NULL},
    {"ring", ring_edges, ring_target, all_of, true, NULL},
    {"ring that nothing holds", ring_edges, ring_target, all_of, false, NULL},
    {"star out", out_edges, out_target, all_of, true, NULL},
    {"star in", in_edges, in_target, all_of, true, NULL},
    {"bipartite", bipartite_edges, bipartite_target, all_of, true, NULL},
    {"comb", comb_edges, comb_target, all_of, true, NULL},
    {"ladder", ladder_edges, ladder_target, all_but_one, true, NULL},
    {"document that nothing holds", document_edges, document_target, all_of,
     false, document_references},
};

/* ---- its stream ---- */
struct stream {
    struct px_builder *builder;
    struct px_buf body;
    uint32_t sequence;
    uint64_t node, target;
};

static void
put(struct stream *s, uint64_t value)
{
    uint8_t bytes[PX_VARINT_MAX];
    size_t n = (size_t)(px_put_varint(bytes, value) - bytes);
    assert_int_equal(px_buf_append(&s->body, bytes, n, NULL), PX_OK);
}

static void
put_delta(struct stream *s, uint32_t i, uint64_t *last)
{
    uint64_t at = (FIRST_ADDR + (uint64_t)i * NODE_BYTES) / PX_ADDR_UNIT;
    put(s, px_zigzag((int64_t)(at - *last)));
    *last = at;
}

static void
put_text(struct stream *s, const char *text)
{
    put(s, strlen(text));
    assert_int_equal(px_buf_append_text(&s->body, text, NULL), PX_OK);
}

static void
flush(struct stream *s, unsigned kind)
{
    struct px_err err = {0};
    uint8_t head[PX_CHUNK_HEAD_BYTES];
    struct px_buf whole;
    struct px_chunk chunk = {.kind = (uint16_t)kind,
                             .codec = PX_CODEC_NONE,
                             .raw_bytes = (uint32_t)s->body.len,
                             .stored_bytes = (uint32_t)s->body.len,
                             .sequence = s->sequence++,
                             .hash = px_chunk_hash(s->body.data, s->body.len)};
    px_chunk_put_head(head, &chunk);
    px_buf_init(&whole);
    assert_int_equal(px_buf_append(&whole, head, sizeof head, NULL), PX_OK);
    assert_int_equal(px_buf_append(&whole, s->body.data, s->body.len, NULL),
                     PX_OK);
    if (px_builder_add(s->builder, whole.data, whole.len, &err) != PX_OK)
        fail_msg("%s", err.msg);
    px_buf_done(&whole);
    px_buf_clear(&s->body);
    s->node = s->target = 0;
}

static void
put_node(struct stream *s, const struct shape *shape, uint32_t n, uint32_t i)
{
    enum { GROUP = 1000 };
    uint32_t n_edges = shape->n_edges(n, i);
    uint32_t k = 0;
    do {
        if (s->body.len > PX_CHUNK_RAW_MAX / 2)
            flush(s, PX_CHUNK_NODES);
        uint32_t end = n_edges - k > GROUP ? k + GROUP : n_edges;
        put(s, (uint64_t)((k > 0 ? PX_NODE_REC_CONTINUED : 0) |
                          (n_edges > 0 ? PX_NODE_REC_EDGES : 0)));
        put_delta(s, i, &s->node);
        if (k == 0) {
            put(s, 0); /* type */
            put(s, NODE_BYTES);
            put(s, PX_GEN_NOT_GC);
            put(s, shape->references == NULL ? 7 : shape->references(n, i));
        }
        if (n_edges == 0)
            break;
        put(s, PX_EDGE_ITEM);
        put(s, end - k);
        for (uint32_t first = k; k < end; k++) {
            put(s, k == first ? px_zigzag((int64_t)k) : 0);
            put_delta(s, shape->target(n, i, k), &s->target);
        }
        put(s, 0);
    } while (k < n_edges);
}

static struct px_builder *
write_shape(const struct shape *shape, uint32_t n)
{
    struct stream s = {.builder = px_builder_new(NULL)};
    static const char header[] = "{\"format\":1}";
    assert_non_null(s.builder);
    px_buf_init(&s.body);
    px_buf_append_text(&s.body, header, NULL);
    flush(&s, PX_CHUNK_HEADER);
    put(&s, 0);
    put(&s, 0);
    put_text(&s, "m");
    put_text(&s, "Link");
    flush(&s, PX_CHUNK_TYPES);
    for (uint32_t i = 0; i < n; i++)
        put_node(&s, shape, n, i);
    flush(&s, PX_CHUNK_NODES);
    if (shape->has_root) {
        uint8_t root_class = PX_ROOT_MODULE;
        px_buf_append(&s.body, &root_class, 1, NULL);
        put_delta(&s, 0, &s.node);
        put_text(&s, "m");
        flush(&s, PX_CHUNK_ROOTS);
    }
    put(&s, PX_FOOTER_END);
    put(&s, PX_END_COMPLETE);
    flush(&s, PX_CHUNK_FOOTER);
    px_buf_done(&s.body);
    return s.builder;
}

/* ---- the work, on a thread with a small stack ---- */
struct job {
    const struct shape *shape;
    uint32_t n;
    struct px_builder *builder;
    uint64_t n_steps;
    struct px_err err;
    uint64_t retained;
    bool is_tree_right;
    char line[256];
};

/* Called at each basic block of src/graph: -fsanitize-coverage=trace-pc of gcc
 * and clang. The builder has a thread beside the work's: each counts for
 * itself and tells whole thousands. */
#define TOLD 1024u
static _Atomic uint64_t n_blocks;
static _Thread_local uint32_t n_untold;
void __sanitizer_cov_trace_pc(void);

void
__sanitizer_cov_trace_pc(void)
{
    if (++n_untold == TOLD) {
        n_untold = 0;
        atomic_fetch_add_explicit(&n_blocks, TOLD, memory_order_relaxed);
    }
}

/* Merged paths of all objects, as a list and as a tree. */
static bool
group_all(struct px_graph *graph, struct px_paths *paths, struct job *job)
{
    px_node *nodes = NULL;
    uint32_t n = 0;
    struct px_path_groups *groups = NULL;
    struct px_holders *holders = NULL;
    if (px_type_instances(graph, 0, &nodes, &n, &job->err) == PX_OK)
        groups = px_path_groups_new(paths, nodes, n, NULL, &job->err);
    if (groups != NULL)
        holders = px_holders_new(paths, nodes, n, NULL, &job->err);
    bool is_done = holders != NULL;
    px_holders_free(holders);
    px_path_groups_free(groups);
    free(nodes);
    return is_done;
}

static void *
work(void *context)
{
    struct job *job = context;
    struct px_graph *graph = NULL;
    struct px_paths *paths = NULL;
    struct px_dominators *dominators = NULL;
    struct px_cycles *cycles = NULL;
    struct px_retained set = {0, 0};
    uint64_t start = n_blocks;
    if (px_builder_finish(job->builder, NULL, &graph, &job->err) != PX_OK)
        return NULL;
    px_node first = px_node_find(graph, FIRST_ADDR);
    paths = px_paths_new(graph, NULL, &job->err);
    if (paths != NULL && group_all(graph, paths, job))
        cycles = px_cycles_new(paths, NULL, &job->err);
    if (cycles != NULL)
        dominators = px_dominators_new(graph, NULL, &job->err);
    if (dominators != NULL)
        px_retained_set(graph, &first, 1, NULL, &set, &job->err);
    job->n_steps = n_blocks - start;
    if (dominators != NULL) {
        uint64_t expected = (uint64_t)job->shape->retained(job->n) * NODE_BYTES;
        job->retained = px_dominators_retained(dominators, first);
        job->is_tree_right =
            set.bytes == job->retained &&
            (!job->shape->has_root || job->retained == expected) &&
            px_dominators_type_retained(dominators, 0) ==
                (uint64_t)px_graph_n_nodes(graph) * NODE_BYTES;
        px_paths_line(paths, px_graph_n_nodes(graph) - 1, true, true,
                      sizeof job->line, job->line);
    }
    px_dominators_free(dominators);
    px_cycles_free(cycles);
    px_paths_free(paths);
    px_graph_free(graph);
    return NULL;
}

static uint64_t
steps_of(const struct shape *shape, uint32_t n, char line[256])
{
    struct job job = {.shape = shape, .n = n, .builder = write_shape(shape, n)};
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    assert_int_equal(pthread_attr_setstacksize(&attr, STACK_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attr, work, &job), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    px_builder_free(job.builder);
    if (job.err.status != PX_OK)
        fail_msg("%s of %u: %s", shape->name, n, job.err.msg);
    if (!job.is_tree_right)
        fail_msg("%s of %u: node 0 retains %llu bytes", shape->name, n,
                 (unsigned long long)job.retained);
    memcpy(line, job.line, sizeof job.line);
    return job.n_steps;
}

static void
check_shape(const struct shape *shape, uint32_t n)
{
    char line[256];
    uint64_t half = steps_of(shape, n / 2, line);
    uint64_t whole = steps_of(shape, n, line);
    /* a graph that does not count would pass for ever */
    assert_true(half >= n / 2);
    if ((double)whole > RATIO_MAX * (double)half)
        fail_msg("%s: %u objects take %llu steps, %u take %llu", shape->name,
                 n / 2, (unsigned long long)half, n, (unsigned long long)whole);
}

static void
test_shapes(void **state)
{
    (void)state;
    uint32_t n = getenv("PX_TEST_FULL") != NULL ? LARGE : SMALL;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        check_shape(&shapes[i], n);
}

static void
test_folded(void **state)
{
    (void)state;
    char line[256];
    steps_of(&shapes[0], 5000, line);
    assert_string_equal(line, "module m -> [*] x*");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_folded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
