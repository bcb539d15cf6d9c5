/* test_builder.c: whatever bytes arrive, a builder refuses what is wrong,
 * stays as it was, and needs no more memory than the stream justifies.
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

#include <lz4.h>
#include <pyexplore/proto.h>
#include <zstd.h>

#include "graph/stage.h"
#include "random_graph.h"

static struct rg *
small_graph(uint64_t seed)
{
    struct rg_options options = {
        .nodes = 12, .edges = 30, .roots = 3, .surplus = true};
    return rg_random_graph(seed, &options);
}

static enum px_status
add(struct px_builder *builder, const struct px_buf *chunk)
{
    struct px_err err = {0};
    enum px_status status =
        px_builder_add(builder, chunk->data, chunk->len, &err);
    assert_int_equal(status, err.status);
    if (status != PX_OK)
        assert_true(err.msg[0] != '\0');
    return status;
}

static struct px_graph *
finish(struct px_builder *builder)
{
    struct px_graph *graph = NULL;
    struct px_err err = {0};
    if (px_builder_finish(builder, NULL, &graph, &err) != PX_OK)
        fail_msg("%s", err.msg);
    px_builder_free(builder);
    return graph;
}

/* Gives the chunk that was tampered with a hash that fits again. */
static void
seal(struct px_buf *chunk)
{
    size_t n = chunk->len - PX_CHUNK_HEAD_BYTES;
    px_put_u32(chunk->data + 4, (uint32_t)n);
    px_put_u32(chunk->data + 8, (uint32_t)n);
    px_put_u64(chunk->data + 16,
               px_chunk_hash(chunk->data + PX_CHUNK_HEAD_BYTES, n));
}

static void
assert_same(const struct px_graph *a, const struct px_graph *b)
{
    assert_int_equal(px_graph_n_nodes(a), px_graph_n_nodes(b));
    assert_int_equal(px_graph_n_edges(a), px_graph_n_edges(b));
    assert_int_equal(px_graph_n_types(a), px_graph_n_types(b));
    assert_int_equal(px_graph_n_roots(a), px_graph_n_roots(b));
    for (px_node node = 0; node < px_graph_n_nodes(a); node++) {
        assert_int_equal(px_node_addr(a, node), px_node_addr(b, node));
        assert_int_equal(px_node_type(a, node), px_node_type(b, node));
        assert_int_equal(px_node_bytes(a, node), px_node_bytes(b, node));
        assert_int_equal(px_node_refcount(a, node), px_node_refcount(b, node));
    }
    for (px_edge edge = 0; edge < px_graph_n_edges(a); edge++) {
        char shown_a[256];
        char shown_b[256];
        assert_int_equal(px_edge_target(a, edge), px_edge_target(b, edge));
        px_edge_show(a, edge, sizeof shown_a, shown_a);
        px_edge_show(b, edge, sizeof shown_b, shown_b);
        assert_string_equal(shown_a, shown_b);
    }
    for (px_type type = 0; type < px_graph_n_types(a); type++) {
        assert_string_equal(px_type_name(a, type), px_type_name(b, type));
        assert_int_equal(px_type_count(a, type), px_type_count(b, type));
        assert_int_equal(px_type_bytes(a, type), px_type_bytes(b, type));
    }
}

/* ---- tampering ---- */
typedef bool tamper_fn(struct px_buf *copy, size_t n);

/* Offers every version of every chunk that `tamper` makes before the right
 * one. Each is refused (a valid one that differs would change the graph, so
 * it goes to a builder of its own). */
static void
tamper_all(uint64_t seed, tamper_fn *tamper, bool must_fail)
{
    struct rg *rg = small_graph(seed);
    struct rg_chunks chunks;
    struct px_graph *whole = rg_build(rg, seed);
    rg_write(rg, seed, &chunks);
    struct px_builder *builder = px_builder_new(NULL);
    int n_refused = 0;
    for (size_t i = 0; i < chunks.n; i++) {
        const struct px_buf *chunk = &chunks.chunks[i];
        for (size_t n = 0;; n++) {
            struct px_buf copy;
            px_buf_init(&copy);
            assert_int_equal(
                px_buf_append(&copy, chunk->data, chunk->len, NULL), PX_OK);
            bool is_made = tamper(&copy, n);
            enum px_status status = is_made ? add(builder, &copy) : PX_EPROTO;
            px_buf_done(&copy);
            n_refused += status != PX_OK;
            if (must_fail && is_made)
                assert_int_not_equal(status, PX_OK);
            if (status == PX_OK) {
                /* it was valid: begin again, up to here */
                px_builder_free(builder);
                builder = px_builder_new(NULL);
                for (size_t k = 0; k < i; k++)
                    assert_int_equal(add(builder, &chunks.chunks[k]), PX_OK);
            }
            if (!is_made)
                break;
        }
        assert_int_equal(add(builder, chunk), PX_OK);
    }
    assert_true(n_refused > 100);
    struct px_graph *graph = finish(builder);
    assert_same(whole, graph);
    px_graph_free(graph);
    px_graph_free(whole);
    rg_chunks_free(&chunks);
    rg_free(rg);
}

/* The chunk as it is, but shorter. */
static bool
cut_chunk(struct px_buf *copy, size_t n)
{
    if (n >= copy->len)
        return false;
    copy->len = n;
    return true;
}

/* The body shorter, and the head agrees. */
static bool
cut_body(struct px_buf *copy, size_t n)
{
    if (n >= copy->len - PX_CHUNK_HEAD_BYTES)
        return false;
    copy->len = PX_CHUNK_HEAD_BYTES + n;
    seal(copy);
    return true;
}

static bool
flip_bit(struct px_buf *copy, size_t n)
{
    if (n >= copy->len * 8)
        return false;
    copy->data[n / 8] ^= (uint8_t)(1u << n % 8);
    return true;
}

/* A bit of the body, and the hash agrees. */
static bool
flip_sealed(struct px_buf *copy, size_t n)
{
    if (n >= (copy->len - PX_CHUNK_HEAD_BYTES) * 8)
        return false;
    copy->data[PX_CHUNK_HEAD_BYTES + n / 8] ^= (uint8_t)(1u << n % 8);
    seal(copy);
    return true;
}

static bool
byte_ff(struct px_buf *copy, size_t n)
{
    if (n >= copy->len - PX_CHUNK_HEAD_BYTES)
        return false;
    copy->data[PX_CHUNK_HEAD_BYTES + n] = 0xff;
    seal(copy);
    return true;
}

static void
test_cut_anywhere(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++)
        tamper_all(seed, cut_chunk, true);
}

static void
test_tampered(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        tamper_all(seed, cut_body, false);
        tamper_all(seed, byte_ff, false);
        tamper_all(seed, flip_sealed, false);
    }
    /* A bit of the head's kind or zero byte aside, the hash sees it. */
    tamper_all(3, flip_bit, false);
}

/* ---- by hand ---- */
#define HEADER "{\"format\":1}"

static void
start(struct rg_chunks *chunks)
{
    *chunks = (struct rg_chunks){0};
    rg_add_chunk(chunks, PX_CHUNK_HEADER, HEADER, strlen(HEADER));
    /* one type at address 0 without a module: "T" */
    rg_add_chunk(chunks, PX_CHUNK_TYPES, "\0\0\0\1T", 5);
}

/* The status of one more chunk behind a header and a type. */
static enum px_status
status_of(unsigned kind, const void *body, size_t n)
{
    struct rg_chunks chunks;
    struct px_builder *builder = px_builder_new(NULL);
    start(&chunks);
    rg_add_chunk(&chunks, kind, body, n);
    assert_int_equal(add(builder, &chunks.chunks[0]), PX_OK);
    assert_int_equal(add(builder, &chunks.chunks[1]), PX_OK);
    enum px_status status = add(builder, &chunks.chunks[2]);
    struct px_graph *graph = finish(builder);
    if (status != PX_OK)
        assert_int_equal(px_graph_n_nodes(graph), 0);
    px_graph_free(graph);
    rg_chunks_free(&chunks);
    return status;
}
#define STATUS(kind, body) status_of(kind, body, sizeof(body) - 1)

static void
test_bad_records(void **state)
{
    (void)state;
    /* flags, address +1, type 0, size 16, gen 2, refcount 3 */
    assert_int_equal(STATUS(PX_CHUNK_NODES, "\0\2\0\20\2\3"), PX_OK);
    static const struct {
        const char *body;
        size_t n;
    } bad[] = {
#define BAD(text) {text, sizeof text - 1}
        BAD("\x08\2\0\20\2\3"),         /* unknown record flag */
        BAD("\0\0\0\20\2\3"),           /* address 0 */
        BAD("\0\1\0\20\2\3"),           /* address below 0 */
        BAD("\0\2\1\20\2\3"),           /* type 1 of 1 */
        BAD("\0\2\0\20\7\3"),           /* generation 7 */
        BAD("\2\2\0\20\2\3"),           /* edges without an end */
        BAD("\2\2\0\20\2\3\x1e\1\2\0"), /* kind 30 */
        BAD("\2\2\0\20\2\3\6\0\0"),     /* empty group */
        BAD("\2\2\0\20\2\3\1\1\0\2\0"), /* name 0 of 0 */
        BAD("\2\2\0\20\2\3\6\1\1\2\0"), /* index -1 */
        BAD("\2\2\0\20\2\3\x09\1\0\0"), /* edge to address 0 */
        BAD("\2\2\0\20\2\3\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f\2\0"),
        BAD("\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0\20\2\3"),
        BAD("\0\2\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\2\2\3"),
#undef BAD
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (status_of(PX_CHUNK_NODES, bad[i].body, bad[i].n) != PX_EPROTO)
            fail_msg("record %zu was taken", i);
    }
    assert_int_equal(STATUS(PX_CHUNK_ROOTS, "\x77\2\1r"), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_ROOTS, "\1\0\1r"), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_NAMES, "\2\xff\xff\xff\xff\xff\xff\xff"
                                            "\xff\x7f"
                                            "x"),
                     PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_TYPES, "\2\0\5ab"), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_PREVIEWS, "\2\x63"), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_PREVIEWS, "\2\1\x70\x41"
                                               "abc"),
                     PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_BLOCKS, ""), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_BLOCKS, "\1"), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_BLOCKS, "\1\0"), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_BLOCKS, "\1\2\x10\1"), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_BLOCKS, "\1\1\x20\1\x10\1"), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_BLOCKS, "\1\1\0\1"), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_BLOCKS, "\1\1\x10\1\x20\2"), PX_OK);
    assert_int_equal(STATUS(PX_CHUNK_BLOCKS, "\3"), PX_OK);
    assert_int_equal(STATUS(PX_CHUNK_FOOTER, "\1"), PX_EPROTO);
    assert_int_equal(STATUS(PX_CHUNK_FOOTER, "\x7f\1\1\0"), PX_OK);
    assert_int_equal(STATUS(99, "whatever"), PX_OK);
    assert_int_equal(STATUS(PX_CHUNK_HEADER, HEADER), PX_EPROTO);
}

static enum px_status
status_of_first(const char *header)
{
    struct rg_chunks chunks = {0};
    struct px_builder *builder = px_builder_new(NULL);
    rg_add_chunk(&chunks, PX_CHUNK_HEADER, header, strlen(header));
    enum px_status status = add(builder, &chunks.chunks[0]);
    px_builder_free(builder);
    rg_chunks_free(&chunks);
    return status;
}

static void
test_header_and_order(void **state)
{
    (void)state;
    assert_int_equal(status_of_first("{\"format\":1}"), PX_OK);
    assert_int_equal(status_of_first("{\"format\":2}"), PX_EVERSION);
    assert_int_equal(status_of_first("{}"), PX_EVERSION);
    assert_int_equal(status_of_first("[1]"), PX_EPROTO);
    assert_int_equal(status_of_first("{\"format\":1"), PX_EPROTO);
    assert_int_equal(status_of_first(""), PX_EPROTO);

    struct rg_chunks chunks;
    struct px_builder *builder = px_builder_new(NULL);
    start(&chunks);
    rg_add_chunk(&chunks, PX_CHUNK_FOOTER, "\1\0", 2);
    rg_add_chunk(&chunks, PX_CHUNK_FOOTER, "\1\0", 2);
    assert_int_equal(add(builder, &chunks.chunks[1]), PX_EPROTO);
    assert_int_equal(add(builder, &chunks.chunks[0]), PX_OK);
    assert_int_equal(add(builder, &chunks.chunks[0]), PX_EPROTO);
    assert_int_equal(add(builder, &chunks.chunks[2]), PX_EPROTO);
    assert_int_equal(add(builder, &chunks.chunks[1]), PX_OK);
    assert_false(px_builder_is_complete(builder));
    assert_int_equal(add(builder, &chunks.chunks[2]), PX_OK);
    assert_true(px_builder_is_complete(builder));
    assert_int_equal(add(builder, &chunks.chunks[3]), PX_EPROTO);
    struct px_graph *graph = NULL;
    assert_int_equal(px_builder_finish(builder, NULL, &graph, NULL), PX_OK);
    struct px_graph *again = NULL;
    assert_int_equal(px_builder_finish(builder, NULL, &again, NULL), PX_EINVAL);
    assert_null(again);
    px_graph_free(graph);
    px_builder_free(builder);
    rg_chunks_free(&chunks);
}

/* A node record with a good beginning and a bad end leaves no ghosts. */
static void
test_no_ghosts(void **state)
{
    (void)state;
    static const char good[] = "\2\2\0\20\2\3\x09\1\4\0";
    static const char bad[] = "\2\x40\0\20\2\3\x09\1\x7e\0\x08";
    struct rg_chunks chunks;
    struct px_builder *builder = px_builder_new(NULL);
    start(&chunks);
    rg_add_chunk(&chunks, PX_CHUNK_NODES, good, sizeof good - 1);
    struct rg_chunks ghosts;
    start(&ghosts);
    rg_add_chunk(&ghosts, PX_CHUNK_NODES, bad, sizeof bad - 1);
    assert_int_equal(add(builder, &chunks.chunks[0]), PX_OK);
    assert_int_equal(add(builder, &chunks.chunks[1]), PX_OK);
    assert_int_equal(add(builder, &ghosts.chunks[2]), PX_EPROTO);
    struct px_builder_counts counts;
    px_builder_counts(builder, &counts);
    assert_int_equal(counts.objects, 0);
    assert_int_equal(px_builder_type_count(builder, 0), 0);
    assert_int_equal(px_builder_type_bytes(builder, 0), 0);
    assert_int_equal(add(builder, &chunks.chunks[2]), PX_OK);
    px_builder_counts(builder, &counts);
    assert_int_equal(counts.objects, 1);
    assert_int_equal(counts.edges, 1);
    assert_int_equal(counts.types, 1);
    assert_string_equal(px_builder_type_name(builder, 0), "T");
    struct px_graph *graph = finish(builder);
    assert_int_equal(px_graph_n_nodes(graph), 2);
    assert_int_equal(px_graph_end(graph), PX_END_CUT);
    /* the target has no record: it is there all the same */
    px_node unread = px_node_find(graph, 16);
    assert_string_equal(px_type_name(graph, px_node_type(graph, unread)),
                        "<unread>");
    assert_true((px_node_flags(graph, unread) & PX_NODE_BAD) != 0);
    px_graph_free(graph);
    rg_chunks_free(&chunks);
    rg_chunks_free(&ghosts);
}

/* Every chunk of nodes left out in turn: what remains still agrees. */
static void
test_missing_records(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct rg *rg = small_graph(seed);
        struct rg_chunks chunks;
        rg_write(rg, seed, &chunks);
        size_t last = chunks.n;
        while (last > 3) {
            struct px_builder *builder = px_builder_new(NULL);
            for (size_t i = 0; i < last; i++)
                assert_int_equal(add(builder, &chunks.chunks[i]), PX_OK);
            struct px_builder_counts counts;
            px_builder_counts(builder, &counts);
            struct px_graph *graph = finish(builder);
            assert_int_equal(px_graph_n_edges(graph), counts.edges);
            uint64_t described = 0;
            for (px_node node = 0; node < px_graph_n_nodes(graph); node++)
                described += (px_node_flags(graph, node) & PX_NODE_BAD) == 0;
            assert_int_equal(described, counts.objects);
            px_graph_free(graph);
            last--;
        }
        rg_chunks_free(&chunks);
        rg_free(rg);
    }
}

/* Two million names of one object: its first is its name, and the others cost
 * no search (by steps from one to the next that took an hour). */
static void
test_many_names_of_one(void **state)
{
    (void)state;
    enum { CHUNKS = 4, NAMES = PX_CHUNK_RAW_MAX / 2 - 4 };
    uint8_t *body = calloc(NAMES, 2); /* the same address, no text */
    assert_non_null(body);
    struct rg_chunks chunks;
    struct px_builder *builder = px_builder_new(NULL);
    start(&chunks);
    rg_add_chunk(&chunks, PX_CHUNK_NAMES, "\2\1x", 3);
    body[0] = 2;
    for (int i = 0; i < CHUNKS; i++)
        rg_add_chunk(&chunks, PX_CHUNK_NAMES, body, NAMES * 2);
    rg_add_chunk(&chunks, PX_CHUNK_NODES, "\0\2\0\20\2\3", 6);
    for (size_t i = 0; i < chunks.n; i++)
        assert_int_equal(add(builder, &chunks.chunks[i]), PX_OK);
    struct px_graph *graph = finish(builder);
    assert_int_equal(px_graph_n_nodes(graph), 1);
    assert_string_equal(px_node_text(graph, 0), "x");
    px_graph_free(graph);
    rg_chunks_free(&chunks);
    free(body);
}

/* Pages, and sizes of objects, that all want one slot of their table: each
 * next one would take longer. */
static void
test_collisions(void **state)
{
    (void)state;
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    uint64_t inverse = 1;
    for (int i = 0; i < 6; i++)
        inverse *= 2 - golden * inverse;
    struct stage stage = {0};
    struct ids_hint hint = {0};
    struct px_err err = {0};
    enum { MOST = 5000 };
    int n = 0;
    for (uint64_t i = 1; err.status == PX_OK && n < MOST; i++) {
        /* bits 32 to 53 of its product are 0 */
        uint64_t key = (i << 54 | i >> 10) * inverse;
        uint64_t mark;
        if (key >> 52 != 0)
            continue;
        ids_mark(&stage.ids, key << 12, &hint, &mark, &err);
        n++;
    }
    assert_int_equal(err.status, PX_ELIMIT);
    assert_in_range(n, 4000, MOST);
    err.status = PX_OK;
    const uint64_t other = 0xff51afd7ed558ccdu;
    uint64_t inverse_of_other = 1;
    for (int i = 0; i < 6; i++)
        inverse_of_other *= 2 - other * inverse_of_other;
    for (n = 0; err.status == PX_OK && n < MOST; n++) {
        uint64_t i = (uint64_t)n;
        struct form form = {.bytes = i * inverse_of_other * inverse};
        uint32_t number;
        forms_intern(&stage.forms, &form, &number, &err);
    }
    assert_int_equal(err.status, PX_ELIMIT);
    stage_done(&stage);
}

/* ---- room ---- */
static uint64_t room = UINT64_MAX;

enum px_status __real_room_check(uint64_t n_nodes, uint64_t n_edges,
                                 uint64_t table_bytes, struct px_err *err);
enum px_status __wrap_room_check(uint64_t n_nodes, uint64_t n_edges,
                                 uint64_t table_bytes, struct px_err *err);

enum px_status
__wrap_room_check(uint64_t n_nodes, uint64_t n_edges, uint64_t table_bytes,
                  struct px_err *err)
{
    if (table_bytes > room)
        return px_fail(err, PX_ENOMEM, "no room in this test");
    return __real_room_check(n_nodes, n_edges, table_bytes, err);
}

struct much {
    unsigned kind;
    const char *record;
    size_t n, bytes; /* of the record, and what it takes in memory */
};

/* As many of the record as fit into a chunk; edges in a node, with targets
 * that are no other chunk's. */
static size_t
fill(uint8_t *body, const struct much *much, size_t chunk)
{
    const size_t n = PX_CHUNK_RAW_MAX / much->n - 16;
    bool is_edges = much->kind == PX_CHUNK_NODES;
    uint8_t *at = body;
    if (is_edges) {
        memcpy(at, "\2\2\0\20\2\3\x09", 7);
        at = px_put_varint(at + 7, n + 1);
        at = px_put_varint(at, (chunk + 1) << 40);
    }
    for (size_t i = 0; i < n; i++, at += much->n)
        memcpy(at, much->record, much->n);
    if (is_edges)
        *at++ = 0;
    return (size_t)(at - body);
}

/* Whatever it is that makes much of little, no more of it is taken than there
 * is room for. */
static void
test_no_room(void **state)
{
    (void)state;
    static const struct much rows[] = {
        {PX_CHUNK_NODES, "\x80\x08", 2, 80}, /* each a page on */
        {PX_CHUNK_NAMES, "\2\0", 2, 24},
        {PX_CHUNK_NAMES, "\2\2\xff\xff", 4, 32},
        {PX_CHUNK_LABELS, "\2\0", 2, 24},
        {PX_CHUNK_ROOTS, "\1\2\0", 3, 32},
        {PX_CHUNK_TYPES, "\2\0\0\0", 4, 40},
    };
    enum { CHUNKS_MAX = 40 };
    uint8_t *body = malloc(PX_CHUNK_RAW_MAX);
    assert_non_null(body);
    room = 48 << 20;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rg_chunks chunks;
        struct px_builder *builder = px_builder_new(NULL);
        struct px_err err = {0};
        size_t n = 0, taken = 0;
        start(&chunks);
        for (size_t c = 0; err.status == PX_OK && c < CHUNKS_MAX; c++) {
            n = fill(body, &rows[i], c);
            rg_add_chunk(&chunks, rows[i].kind, body, n);
            for (; taken < chunks.n && err.status == PX_OK; taken++)
                px_builder_add(builder, chunks.chunks[taken].data,
                               chunks.chunks[taken].len, &err);
        }
        assert_int_equal(err.status, PX_ENOMEM);
        /* beyond the room: what may come between two looks, and a chunk */
        uint64_t chunk = n / rows[i].n * rows[i].bytes;
        assert_true((taken - 3) * chunk < room + (32 << 20) + chunk);
        px_builder_free(builder);
        rg_chunks_free(&chunks);
    }
    room = UINT64_MAX;
    free(body);
}

/* ---- codecs ---- */
static size_t
packed_chunk(uint8_t *out, enum px_codec codec, const uint8_t *raw, size_t n,
             uint32_t sequence)
{
    uint8_t *body = out + PX_CHUNK_HEAD_BYTES;
    size_t stored = codec == PX_CODEC_LZ4
                        ? (size_t)LZ4_compress_default(
                              (const char *)raw, (char *)body, (int)n, (int)n)
                        : ZSTD_compress(body, n, raw, n, 1);
    struct px_chunk chunk = {.kind = PX_CHUNK_NODES,
                             .codec = (uint8_t)codec,
                             .raw_bytes = (uint32_t)n,
                             .stored_bytes = (uint32_t)stored,
                             .sequence = sequence,
                             .hash = px_chunk_hash(body, stored)};
    px_chunk_put_head(out, &chunk);
    return PX_CHUNK_HEAD_BYTES + stored;
}

/* A list of one object a hundred thousand times: zstd could say it in 30
 * bytes; what LZ4 can do is believed, what is beyond is not. */
static void
test_bombs(void **state)
{
    (void)state;
    enum { N = 200000 };
    uint8_t *raw = calloc(N, 1);
    uint8_t *chunk = malloc(N + 4096);
    assert_non_null(raw);
    assert_non_null(chunk);
    memcpy(raw, "\2\2\0\20\2\3\x06", 7);
    uint8_t *at = px_put_varint(raw + 7, (N - 12) / 2);
    at[1] = 2; /* the first target; all others are the same */
    struct rg_chunks chunks;
    struct px_builder *builder = px_builder_new(NULL);
    start(&chunks);
    assert_int_equal(add(builder, &chunks.chunks[0]), PX_OK);
    assert_int_equal(add(builder, &chunks.chunks[1]), PX_OK);
    size_t n_raw = (size_t)(at - raw) + (N - 12) / 2 * 2 + 1;
    struct px_err err = {0};
    size_t n = packed_chunk(chunk, PX_CODEC_ZSTD, raw, n_raw, 2);
    assert_int_equal(px_builder_add(builder, chunk, n, &err), PX_EPROTO);
    assert_non_null(strstr(err.msg, "claims"));
    n = packed_chunk(chunk, PX_CODEC_LZ4, raw, n_raw, 2);
    assert_int_equal(px_builder_add(builder, chunk, n, &err), PX_OK);
    struct px_graph *graph = finish(builder);
    assert_int_equal(px_graph_n_edges(graph), (N - 12) / 2);
    assert_int_equal(px_graph_n_nodes(graph), 1);
    px_graph_free(graph);
    rg_chunks_free(&chunks);
    free(raw);
    free(chunk);
}

/* ---- previews and names ---- */
static void
test_previews(void **state)
{
    (void)state;
    static const struct {
        const char *record; /* form and payload */
        size_t n;
        const char *shown;
    } rows[] = {
#define ROW(record, shown) {record, sizeof record - 1, shown}
        ROW("\1\3\3ann", "'ann'"),
        ROW("\1\x64\3ann", "'ann…'"),
        ROW("\1\2\3\xe2\x82\xac", "'€…'"),
        ROW("\1\4\4it's", "\"it's\""),
        ROW("\1\1\1\x1b", "'\\x1b'"),
        ROW("\1\1\3\xe2\x80\xae", "'\\u202e'"),
        ROW("\2\4\4a'\n\xff", "b'a\\'\\n\\xff'"),
        ROW("\2\x40\1z", "b'z…'"),
        ROW("\3\1", "-1"),
        ROW("\3\xf6\xb6\x0e", "118203"),
        ROW("\4\xc8\1\1", "negative int of 200 bits"),
        ROW("\5\0\0\0\0\0\0\xd0\x3f", "0.25"),
        ROW("\5\0\0\0\0\0\0\xf0\x3f", "1.0"),
        ROW("\5\x9a\x99\x99\x99\x99\x99\xb9\x3f", "0.1"),
        ROW("\5\0\0\0\0\0\0\xf0\x7f", "inf"),
        ROW("\6\3", "…3 items"),
        ROW("\6\1", "…1 item"),
        ROW("\7\4f()\n", "f()\\n"),
        ROW("\x08", "<secret>"),
        ROW("\x0a\x64\3a/b", "'…a/b'"),
        ROW("\x09\3\x40", "…3 of 64 items"),
#undef ROW
    };
    enum { N = sizeof rows / sizeof rows[0] };
    struct rg *rg = rg_new(N);
    struct rg_chunks chunks;
    rg_write(rg, 0, &chunks);
    struct px_buf body;
    px_buf_init(&body);
    uint64_t last = 0;
    for (size_t i = 0; i < N; i++) {
        uint8_t delta[PX_VARINT_MAX];
        uint64_t at = rg->nodes[i].addr / PX_ADDR_UNIT;
        size_t n =
            (size_t)(px_put_varint(delta, px_zigzag((int64_t)(at - last))) -
                     delta);
        last = at;
        px_buf_append(&body, delta, n, NULL);
        px_buf_append(&body, rows[i].record, rows[i].n, NULL);
    }
    /* in the place of the footer */
    px_buf_done(&chunks.chunks[--chunks.n]);
    rg_add_chunk(&chunks, PX_CHUNK_PREVIEWS, body.data, body.len);
    struct px_builder *builder = px_builder_new(NULL);
    for (size_t i = 0; i < chunks.n; i++)
        assert_int_equal(add(builder, &chunks.chunks[i]), PX_OK);
    struct px_graph *graph = finish(builder);
    for (size_t i = 0; i < N; i++) {
        char text[128];
        px_node_preview(graph, rg_id(graph, rg, (int)i), sizeof text, text);
        assert_string_equal(text, rows[i].shown);
        char little[4];
        px_node_preview(graph, rg_id(graph, rg, (int)i), sizeof little, little);
        assert_true(strlen(little) < sizeof little);
    }
    px_graph_free(graph);
    px_buf_done(&body);
    rg_chunks_free(&chunks);
    rg_free(rg);
}

/* ---- what is made while previews arrive ---- */
enum { N_AHEAD = 70000, N_PART = 7000 };

/* Previews "0", "1", … of all nodes, in ten chunks. */
static void
add_many_previews(const struct rg *rg, struct rg_chunks *chunks)
{
    for (int i = 0; i < N_AHEAD;) {
        struct px_buf body;
        uint64_t last = 0;
        px_buf_init(&body);
        for (int end = i + N_PART; i < end; i++) {
            uint8_t record[PX_VARINT_MAX * 2 + 1];
            uint64_t at = rg->nodes[i].addr / PX_ADDR_UNIT;
            uint8_t *to =
                px_put_varint(record, px_zigzag((int64_t)(at - last)));
            *to++ = PX_PREVIEW_INT;
            to = px_put_varint(to, px_zigzag(i));
            last = at;
            assert_int_equal(
                px_buf_append(&body, record, (size_t)(to - record), NULL),
                PX_OK);
        }
        rg_add_chunk(chunks, PX_CHUNK_PREVIEWS, body.data, body.len);
        px_buf_done(&body);
    }
}

/* Large enough for a thread. */
static struct rg *
large_heap(struct rg_chunks *chunks)
{
    struct rg *rg = rg_new(N_AHEAD);
    for (int i = 1; i < N_AHEAD; i++) {
        rg->nodes[i].addr = rg->nodes[i - 1].addr + 16;
        rg_edge(rg, i - 1, PX_EDGE_ITEM, 0, i, -1);
        rg_edge(rg, i, PX_EDGE_ITEM, 1, i / 2, -1);
    }
    rg_root(rg, PX_ROOT_MODULE, 0, "m");
    rg_count(rg);
    rg_write(rg, 0, chunks);
    px_buf_done(&chunks->chunks[--chunks->n]); /* the footer */
    add_many_previews(rg, chunks);
    return rg;
}

static void
test_ahead(void **state)
{
    (void)state;
    struct rg_chunks chunks;
    struct rg *rg = large_heap(&chunks);
    /* a stream that ends anywhere is a graph as far as it came, or nothing */
    for (size_t n = chunks.n - 3; n <= chunks.n; n++) {
        struct px_builder *builder = px_builder_new(NULL);
        struct px_builder *dropped = px_builder_new(NULL);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(add(builder, &chunks.chunks[i]), PX_OK);
            assert_int_equal(add(dropped, &chunks.chunks[i]), PX_OK);
        }
        px_builder_free(dropped);
        struct px_graph *graph = finish(builder);
        assert_int_equal(px_graph_n_nodes(graph), N_AHEAD);
        assert_int_equal(px_graph_n_edges(graph), 2 * (N_AHEAD - 1));
        for (int i = 0; i < N_AHEAD; i++) {
            char text[32], wanted[32] = "";
            if (i < N_AHEAD - (int)(chunks.n - n) * N_PART)
                snprintf(wanted, sizeof wanted, "%d", i);
            px_node node = rg_id(graph, rg, i);
            px_node_preview(graph, node, sizeof text, text);
            assert_string_equal(text, wanted);
        }
        px_graph_free(graph);
    }
    rg_chunks_free(&chunks);
    rg_free(rg);
}

/* What must not come after previews does not, and is no harm. */
static void
test_after_previews(void **state)
{
    (void)state;
    struct rg_chunks chunks;
    struct rg *rg = large_heap(&chunks);
    static const char root[] = "\1\2\1r"; /* at address 8: no object */
    rg_add_chunk(&chunks, PX_CHUNK_ROOTS, root, sizeof root - 1);
    struct px_builder *builder = px_builder_new(NULL);
    for (size_t i = 0; i < chunks.n - 1; i++)
        assert_int_equal(add(builder, &chunks.chunks[i]), PX_OK);
    assert_int_equal(add(builder, &chunks.chunks[chunks.n - 1]), PX_EPROTO);
    static const char node[] = "\0\2\0\20\2\3";
    uint8_t preview[PX_VARINT_MAX + 1]; /* of a node that had one */
    uint8_t *to = px_put_varint(
        preview, px_zigzag((int64_t)(rg->nodes[3].addr / PX_ADDR_UNIT)));
    *to++ = PX_PREVIEW_SECRET;
    px_buf_done(&chunks.chunks[--chunks.n]);
    rg_add_chunk(&chunks, PX_CHUNK_NODES, node, sizeof node - 1);
    assert_int_equal(add(builder, &chunks.chunks[chunks.n - 1]), PX_EPROTO);
    px_buf_done(&chunks.chunks[--chunks.n]);
    rg_add_chunk(&chunks, PX_CHUNK_PREVIEWS, preview, (size_t)(to - preview));
    assert_int_equal(add(builder, &chunks.chunks[chunks.n - 1]), PX_EPROTO);
    struct px_graph *graph = finish(builder);
    char text[32];
    px_node_preview(graph, rg_id(graph, rg, 3), sizeof text, text);
    assert_string_equal(text, "3");
    assert_int_equal(px_graph_n_roots(graph), 1);
    px_graph_free(graph);
    rg_chunks_free(&chunks);
    rg_free(rg);
}

/* A table of blocks, and strays: only what no other object refers to. */
static void
test_blocks(void **state)
{
    (void)state;
    static const char body[] = "\1\x0a" /* known, ten columns */
                               "\x10\1\7\1\1\1\1\2\1\x2a\x2b"
                               "\x20\2\3\3\0\0\0\0\0\x2a\x2b";
    struct rg *rg = rg_new(5);
    for (int i = 0; i < 4; i++) {
        rg->nodes[i].type = (uint32_t)(i < 3 ? 1 : 2);
        rg->nodes[i].bytes = 40;
        rg->nodes[i].flags = PX_GEN_NOT_GC | PX_NODE_STRAY;
    }
    rg_edge(rg, 0, PX_EDGE_ITEM, 0, 1, -1);
    rg_count(rg);
    struct rg_chunks chunks;
    rg_write(rg, 0, &chunks);
    px_buf_done(&chunks.chunks[--chunks.n]);
    rg_add_chunk(&chunks, PX_CHUNK_BLOCKS, body, sizeof body - 1);
    struct px_builder *builder = px_builder_new(NULL);
    for (size_t i = 0; i < chunks.n; i++)
        assert_int_equal(add(builder, &chunks.chunks[i]), PX_OK);
    struct px_graph *graph = finish(builder);
    assert_int_equal(px_graph_blocks(graph), PX_BLOCKS_KNOWN);
    assert_int_equal(px_graph_n_block_classes(graph), 2);
    const struct px_block_class *row = px_graph_block_class(graph, 0);
    assert_int_equal(row->bytes, 16);
    assert_int_equal(row->n[PX_BLOCK_IN_USE], 7);
    assert_int_equal(row->n[PX_BLOCK_STRAYS], 2);
    assert_int_equal(row->n[PX_BLOCK_UNKNOWN], 1);
    assert_int_equal(px_graph_block_class(graph, 1)->n[PX_BLOCK_POOLS], 2);

    struct px_strays *strays = px_strays_new(graph, NULL);
    assert_int_equal(strays->n_rows, 2);
    assert_int_equal(strays->rows[0].type, 1);
    assert_int_equal(strays->rows[0].count, 2);
    assert_int_equal(strays->rows[0].bytes, 80);
    assert_int_equal(strays->rows[1].type, 2);
    assert_int_equal(strays->count, 3);
    assert_int_equal(strays->bytes, 120);
    px_strays_free(strays);
    px_graph_free(graph);
    rg_chunks_free(&chunks);
    rg_free(rg);
}

static void
test_type_names(void **state)
{
    (void)state;
    struct rg *rg = rg_new(1);
    struct px_graph *graph = rg_build(rg, 0);
    px_type found[4];
    assert_int_equal(px_type_find(graph, "m.T1", 4, found), 1);
    assert_int_equal(found[0], 1);
    assert_int_equal(px_type_find(graph, "T1", 4, found), 1);
    assert_int_equal(px_type_find(graph, "1", 4, found), 0);
    assert_int_equal(px_type_find(graph, "builtins.module", 4, found), 1);
    assert_int_equal(px_type_find(graph, "", 4, found), 0);
    assert_int_equal(px_type_suggest(graph, "modul", 4, found), 1);
    assert_int_equal(found[0], RG_MODULE_TYPE);
    assert_int_equal(px_type_suggest(graph, "omdule", 4, found), 1);
    assert_int_equal(px_type_suggest(graph, "t2", 1, found), 1);
    assert_int_equal(found[0], 2);
    assert_int_equal(px_type_suggest(graph, "Connection", 4, found), 0);
    px_graph_free(graph);
    rg_free(rg);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_bad_records),
        cmocka_unit_test(test_header_and_order),
        cmocka_unit_test(test_no_ghosts),
        cmocka_unit_test(test_missing_records),
        cmocka_unit_test(test_many_names_of_one),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_collisions),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_previews),
        cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_after_previews),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_type_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
