/* random_graph.c — heaps made by chance or by hand, for the tests of graph.
 *
 * SPDX-License-Identifier: MIT
 */
#include "random_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pyexplore/proto.h>

uint64_t
rg_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int
rg_below(uint64_t *state, int limit)
{
    return (int)(rg_random(state) % (uint64_t)limit);
}

/* ---- the model ---- */
struct rg *
rg_new(int n)
{
    struct rg *rg = calloc(1, sizeof *rg);
    assert_non_null(rg);
    rg->n = n;
    rg->nodes = calloc((size_t)n + 1, sizeof *rg->nodes);
    assert_non_null(rg->nodes);
    for (int i = 0; i < n; i++) {
        rg->nodes[i].bytes = 16 + (uint64_t)i;
        rg->nodes[i].addr = 0x7f0000000000u + 32 * (uint64_t)i;
        rg->nodes[i].flags = PX_GEN_2;
    }
    return rg;
}

void
rg_free(struct rg *rg)
{
    for (int i = 0; i < rg->n; i++)
        free(rg->nodes[i].edges);
    free(rg->nodes);
    free(rg);
}

void
rg_edge(struct rg *rg, int from, unsigned kind, uint64_t payload, int target,
        int key)
{
    struct rg_node *node = &rg->nodes[from];
    if (node->n_edges == node->cap_edges) {
        node->cap_edges = node->cap_edges * 2 + 4;
        node->edges =
            realloc(node->edges, node->cap_edges * sizeof *node->edges);
        assert_non_null(node->edges);
    }
    node->edges[node->n_edges++] = (struct rg_edge){kind, payload, target, key};
}

int
rg_name(struct rg *rg, const char *text)
{
    for (int i = 0; i < rg->n_names; i++) {
        if (strcmp(rg->names[i], text) == 0)
            return i;
    }
    assert_true(rg->n_names < RG_NAMES_MAX);
    snprintf(rg->names[rg->n_names], sizeof rg->names[0], "%s", text);
    rg->name_nodes[rg->n_names] = -1;
    return rg->n_names++;
}

void
rg_root(struct rg *rg, unsigned root_class, int node, const char *name)
{
    assert_true(rg->n_roots < RG_ROOTS_MAX);
    struct rg_root *root = &rg->roots[rg->n_roots++];
    root->root_class = root_class;
    root->node = node;
    snprintf(root->name, sizeof root->name, "%s", name);
}

static bool
counts(unsigned kind)
{
    return (px_edge_info(kind)->flags & PX_EDGE_COUNTS) != 0;
}

void
rg_count(struct rg *rg)
{
    for (int i = 0; i < rg->n; i++)
        rg->nodes[i].refcount = 0;
    for (int i = 0; i < rg->n; i++) {
        for (size_t e = 0; e < rg->nodes[i].n_edges; e++) {
            const struct rg_edge *edge = &rg->nodes[i].edges[e];
            if (edge->key >= 0)
                rg->nodes[edge->key].refcount +=
                    counts(px_pair_key(edge->kind));
            if (counts(edge->kind))
                rg->nodes[edge->target].refcount++;
        }
    }
}

void
rg_place(struct rg *rg, uint64_t seed)
{
    uint64_t state = seed;
    bool is_dense = (rg_random(&state) & 1) != 0;
    uint64_t step = is_dense ? 8 : 8 * (1 + rg_random(&state) % 100000);
    int *order = malloc(((size_t)rg->n + 1) * sizeof *order);
    assert_non_null(order);
    for (int i = 0; i < rg->n; i++)
        order[i] = i;
    for (int i = rg->n - 1; i > 0; i--) {
        int j = rg_below(&state, i + 1);
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    uint64_t addr = 8 + rg_random(&state) % (1ull << 47) / 8 * 8;
    for (int i = 0; i < rg->n; i++) {
        rg->nodes[order[i]].addr = addr;
        addr += step * (1 + rg_random(&state) % 4);
    }
    free(order);
}

static void
random_edge(struct rg *rg, uint64_t *state, bool stack_edges)
{
    static const unsigned kinds[] = {
        PX_EDGE_ATTR,         PX_EDGE_ATTR,    PX_EDGE_SLOT,
        PX_EDGE_ITEM,         PX_EDGE_ITEM,    PX_EDGE_DICT_VALUE,
        PX_EDGE_DICT_VALUE,   PX_EDGE_MEMBER,  PX_EDGE_CLASS,
        PX_EDGE_LOCAL,        PX_EDGE_WEAK,    PX_EDGE_ALIAS,
        PX_EDGE_CELL,         PX_EDGE_UNNAMED, PX_EDGE_DICT_ALIAS,
        PX_EDGE_SHARED_VALUE, PX_EDGE_STACK,
    };
    int n_kinds = (int)(sizeof kinds / sizeof kinds[0]);
    unsigned kind = kinds[rg_below(state, stack_edges ? n_kinds : n_kinds - 1)];
    enum px_edge_form form = px_edge_info(kind)->form;
    int from = rg_below(state, rg->n);
    uint64_t payload = 0;
    int key = -1;
    if (form == PX_FORM_NAME)
        payload = (uint64_t)rg_below(state, rg->n_names);
    else if (form == PX_FORM_INDEX)
        payload = rg_below(state, 50) == 0 ? rg_random(state) >> 2
                                           : rg_random(state) % 5;
    else if (form == PX_FORM_PAIR)
        key = rg_below(state, rg->n);
    rg_edge(rg, from, kind, payload, rg_below(state, rg->n), key);
}

struct rg *
rg_random_graph(uint64_t seed, const struct rg_options *options)
{
    uint64_t state = seed;
    static const unsigned classes[] = {PX_ROOT_MODULE, PX_ROOT_MODULE,
                                       PX_ROOT_THREAD, PX_ROOT_TASK,
                                       PX_ROOT_STATIC_TYPE};
    struct rg *rg = rg_new(options->nodes);
    for (int i = 0; i < 6; i++) {
        char text[16];
        snprintf(text, sizeof text, "n%d", (int)(rg_random(&state) % 1000));
        int name = rg_name(rg, text);
        if (i < 3 && i < rg->n)
            rg->name_nodes[name] = i;
    }
    for (int i = 0; i < rg->n; i++) {
        struct rg_node *node = &rg->nodes[i];
        node->type = (uint32_t)rg_below(&state, RG_TYPES);
        node->bytes = rg_below(&state, 9) == 0 ? rg_random(&state) >> 8
                                               : rg_random(&state) % 300;
        node->flags = (uint8_t)rg_below(&state, 6);
    }
    for (int i = 0; i < options->edges && rg->n > 0; i++)
        random_edge(rg, &state, options->stack_edges);
    for (int i = 0; i < options->roots && rg->n > 0; i++) {
        char name[16]; /* another for each, as modules have */
        snprintf(name, sizeof name, "r%d",
                 rg_below(&state, 100) * options->roots + i);
        rg_root(rg, classes[rg_below(&state, 5)], rg_below(&state, rg->n),
                name);
    }
    rg_count(rg);
    for (int i = 0; options->surplus && i < rg->n; i++) {
        if (rg_below(&state, 8) == 0)
            rg->nodes[i].refcount +=
                (uint64_t)(rg_below(&state, 2) == 0 ? 1
                                                    : rg_below(&state, 70000));
        if (rg_below(&state, 20) == 0)
            rg->nodes[i].flags |= PX_NODE_IMMORTAL;
    }
    rg_place(rg, seed * 7 + 1);
    return rg;
}

/* ---- its chunks ---- */
void
rg_add_chunk(struct rg_chunks *chunks, unsigned kind, const void *body,
             size_t n)
{
    uint8_t head[PX_CHUNK_HEAD_BYTES];
    struct px_chunk chunk = {.kind = (uint16_t)kind,
                             .codec = PX_CODEC_NONE,
                             .raw_bytes = (uint32_t)n,
                             .stored_bytes = (uint32_t)n,
                             .sequence = (uint32_t)chunks->n,
                             .hash = px_chunk_hash(body, n)};
    px_chunk_put_head(head, &chunk);
    if (chunks->n == chunks->cap) {
        chunks->cap = chunks->cap * 2 + 8;
        chunks->chunks =
            realloc(chunks->chunks, chunks->cap * sizeof *chunks->chunks);
        assert_non_null(chunks->chunks);
    }
    struct px_buf *buf = &chunks->chunks[chunks->n++];
    px_buf_init(buf);
    assert_int_equal(px_buf_append(buf, head, sizeof head, NULL), PX_OK);
    assert_int_equal(px_buf_append(buf, body, n, NULL), PX_OK);
}

void
rg_chunks_free(struct rg_chunks *chunks)
{
    for (size_t i = 0; i < chunks->n; i++)
        px_buf_done(&chunks->chunks[i]);
    free(chunks->chunks);
    *chunks = (struct rg_chunks){0};
}

struct writer {
    struct rg_chunks *out;
    const struct rg *rg;
    struct px_buf body;
    uint64_t state;
    uint64_t node_last, target_last;
};

static void
put_varint(struct px_buf *buf, uint64_t value)
{
    uint8_t bytes[PX_VARINT_MAX];
    size_t n = (size_t)(px_put_varint(bytes, value) - bytes);
    assert_int_equal(px_buf_append(buf, bytes, n, NULL), PX_OK);
}

static void
put_addr(struct px_buf *buf, uint64_t addr, uint64_t *last)
{
    put_varint(buf, px_zigzag((int64_t)(addr / PX_ADDR_UNIT - *last)));
    *last = addr / PX_ADDR_UNIT;
}

static void
put_text(struct px_buf *buf, const char *text)
{
    put_varint(buf, strlen(text));
    assert_int_equal(px_buf_append_text(buf, text, NULL), PX_OK);
}

static void
flush(struct writer *w, unsigned kind)
{
    if (w->body.len > 0)
        rg_add_chunk(w->out, kind, w->body.data, w->body.len);
    px_buf_clear(&w->body);
    w->node_last = 0;
    w->target_last = 0;
}

/* A coin that the seed throws: is this a place to cut? */
static bool
cuts(struct writer *w, int one_in)
{
    return w->state != 0 && rg_below(&w->state, one_in) == 0;
}

/* A group of GROUP_MAX entries still fits. */
#define GROUP_MAX 4096u
static bool
is_full(const struct writer *w)
{
    return w->body.len > PX_CHUNK_RAW_MAX - GROUP_MAX * 32;
}

static void
put_entry(struct writer *w, const struct rg_edge *edge, int64_t *index)
{
    const struct rg_node *nodes = w->rg->nodes;
    switch (px_edge_info(edge->kind)->form) {
    case PX_FORM_NAME:
        put_varint(&w->body, edge->payload);
        break;
    case PX_FORM_INDEX:
        put_varint(&w->body, px_zigzag((int64_t)edge->payload - (*index + 1)));
        *index = (int64_t)edge->payload;
        break;
    case PX_FORM_PAIR:
        put_addr(&w->body, nodes[edge->key].addr, &w->target_last);
        break;
    case PX_FORM_PLAIN:
        break;
    }
    put_addr(&w->body, nodes[edge->target].addr, &w->target_last);
}

/* Edges first … n-1 until a group ends or a coin cuts; returns the next. */
static size_t
put_group(struct writer *w, const struct rg_node *node, size_t first)
{
    size_t end = first + 1;
    while (end < node->n_edges &&
           node->edges[end].kind == node->edges[first].kind &&
           end - first < GROUP_MAX && !cuts(w, 6))
        end++;
    uint8_t kind = (uint8_t)node->edges[first].kind;
    assert_int_equal(px_buf_append(&w->body, &kind, 1, NULL), PX_OK);
    put_varint(&w->body, end - first);
    int64_t index = -1;
    for (size_t i = first; i < end; i++)
        put_entry(w, &node->edges[i], &index);
    return end;
}

static void
put_record(struct writer *w, const struct rg_node *node, size_t *at)
{
    bool is_first = *at == SIZE_MAX;
    size_t edge = is_first ? 0 : *at;
    uint8_t flags = edge < node->n_edges ? PX_NODE_REC_EDGES : 0;
    bool is_immortal = (node->flags & PX_NODE_IMMORTAL) != 0;
    if (!is_first)
        flags |= PX_NODE_REC_CONTINUED;
    else if (!is_immortal && node->refcount == 1)
        flags |= PX_NODE_REC_REF1;
    assert_int_equal(px_buf_append(&w->body, &flags, 1, NULL), PX_OK);
    put_addr(&w->body, node->addr, &w->node_last);
    if (is_first) {
        put_varint(&w->body, node->type);
        put_varint(&w->body, node->bytes);
        assert_int_equal(px_buf_append(&w->body, &node->flags, 1, NULL), PX_OK);
        if (!is_immortal && node->refcount != 1)
            put_varint(&w->body, node->refcount);
    }
    bool has_group = false;
    while (edge < node->n_edges && !(has_group && (is_full(w) || cuts(w, 8)))) {
        edge = put_group(w, node, edge);
        has_group = true;
    }
    if ((flags & PX_NODE_REC_EDGES) != 0)
        assert_int_equal(px_buf_append(&w->body, "", 1, NULL), PX_OK);
    *at = edge;
}

static void
write_tables(struct writer *w)
{
    const struct rg *rg = w->rg;
    char header[160];
    int n = snprintf(header, sizeof header,
                     "{\"format\":1,\"detail\":\"names\",\"estimate\":{"
                     "\"objects\":77},\"gc\":{\"enabled\":%s},"
                     "\"time\":%.3f,\"waited\":%.3f}",
                     rg->gc_off ? "false" : "true", rg->time, rg->waited);
    rg_add_chunk(w->out, PX_CHUNK_HEADER, header, (size_t)n);
    uint64_t last = 0;
    for (int i = 0; i < RG_TYPES; i++) {
        char text[16];
        put_addr(&w->body, 0, &last);
        put_varint(&w->body, i == 0 ? PX_TYPE_PYTHON : 0);
        snprintf(text, sizeof text, "T%d", i);
        put_text(&w->body, i == RG_MODULE_TYPE ? "builtins" : "m");
        put_text(&w->body, i == RG_MODULE_TYPE ? "module" : text);
    }
    flush(w, PX_CHUNK_TYPES);
    last = 0;
    for (int i = 0; i < rg->n_names; i++) {
        int node = rg->name_nodes[i];
        put_addr(&w->body, node < 0 ? 0 : rg->nodes[node].addr, &last);
        put_text(&w->body, rg->names[i]);
    }
    flush(w, PX_CHUNK_NAMES);
}

/* Nodes in an order by chance, each perhaps in several records. */
static void
write_nodes(struct writer *w)
{
    const struct rg *rg = w->rg;
    int *order = malloc(((size_t)rg->n + 1) * sizeof *order);
    assert_non_null(order);
    for (int i = 0; i < rg->n; i++)
        order[i] = i;
    for (int i = rg->n - 1; i > 0 && w->state != 0; i--) {
        int j = rg_below(&w->state, i + 1);
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (int i = 0; i < rg->n; i++) {
        const struct rg_node *node = &rg->nodes[order[i]];
        for (size_t at = SIZE_MAX; at == SIZE_MAX || at < node->n_edges;) {
            if (cuts(w, 10) || is_full(w))
                flush(w, PX_CHUNK_NODES);
            put_record(w, node, &at);
        }
    }
    flush(w, PX_CHUNK_NODES);
    free(order);
}

void
rg_write(const struct rg *rg, uint64_t seed, struct rg_chunks *out)
{
    struct writer w = {.out = out, .rg = rg, .state = seed};
    px_buf_init(&w.body);
    *out = (struct rg_chunks){0};
    write_tables(&w);
    write_nodes(&w);
    uint64_t last = 0;
    for (int i = 0; i < rg->n_roots; i++) {
        uint8_t root_class = (uint8_t)rg->roots[i].root_class;
        assert_int_equal(px_buf_append(&w.body, &root_class, 1, NULL), PX_OK);
        put_addr(&w.body, rg->nodes[rg->roots[i].node].addr, &last);
        put_text(&w.body, rg->roots[i].name);
    }
    flush(&w, PX_CHUNK_ROOTS);
    if (rg->most != 0) {
        last = 0;
        put_addr(&w.body, rg->nodes[rg->bounded].addr, &last);
        put_varint(&w.body, PX_PREVIEW_BOUNDED);
        put_varint(&w.body, rg->items);
        put_varint(&w.body, rg->most);
        flush(&w, PX_CHUNK_PREVIEWS);
    }
    put_varint(&w.body, PX_FOOTER_END);
    put_varint(&w.body, PX_END_COMPLETE);
    put_varint(&w.body, PX_FOOTER_OBJECTS);
    put_varint(&w.body, (uint64_t)rg->n);
    flush(&w, PX_CHUNK_FOOTER);
    px_buf_done(&w.body);
}

struct px_graph *
rg_build(const struct rg *rg, uint64_t seed)
{
    struct rg_chunks chunks;
    struct px_graph *graph = NULL;
    struct px_err err = {0};
    struct px_builder *builder = px_builder_new(&err);
    assert_non_null(builder);
    rg_write(rg, seed, &chunks);
    for (size_t i = 0; i < chunks.n; i++) {
        if (px_builder_add(builder, chunks.chunks[i].data, chunks.chunks[i].len,
                           &err) != PX_OK)
            fail_msg("chunk %zu: %s", i, err.msg);
    }
    assert_true(px_builder_is_complete(builder));
    if (px_builder_finish(builder, NULL, &graph, &err) != PX_OK)
        fail_msg("%s", err.msg);
    px_builder_free(builder);
    rg_chunks_free(&chunks);
    return graph;
}

uint32_t
rg_count_edges(const struct rg *rg)
{
    uint32_t n = 0;
    for (int i = 0; i < rg->n; i++) {
        for (size_t e = 0; e < rg->nodes[i].n_edges; e++)
            n += rg->nodes[i].edges[e].key >= 0 ? 2 : 1;
    }
    return n;
}

px_node
rg_id(const struct px_graph *graph, const struct rg *rg, int node)
{
    return px_node_find(graph, rg->nodes[node].addr);
}
