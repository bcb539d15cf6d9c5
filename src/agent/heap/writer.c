/* writer.c — chunks leave for the spool.
 *
 * Compression is LZ4 with a state of the walk's own memory: LZ4's plain entry
 * points allocate. XXH3 is compiled in; the library's streaming half, which
 * allocates, is not used.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/writer.h"

#include <string.h>

#include <lz4.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(WRITER_CHUNK_BYTES <= PX_CHUNK_RAW_MAX, "a chunk is too large");
_Static_assert(WRITER_CHUNK_BYTES > 16 * WRITER_SLACK, "a chunk is too small");

static const enum px_chunk_kind role_kinds[ROLE_N] = {
    [ROLE_TYPES] = PX_CHUNK_TYPES,       [ROLE_NAMES] = PX_CHUNK_NAMES,
    [ROLE_NODES] = PX_CHUNK_NODES,       [ROLE_ATOMS] = PX_CHUNK_NODES,
    [ROLE_ROOTS] = PX_CHUNK_ROOTS,       [ROLE_LABELS] = PX_CHUNK_LABELS,
    [ROLE_PREVIEWS] = PX_CHUNK_PREVIEWS, [ROLE_BLOCKS] = PX_CHUNK_BLOCKS,
};

static void
chunk_reset(struct chunk *chunk)
{
    chunk->at = chunk->base;
    chunk->last_node = 0;
    chunk->last_target = 0;
}

bool
writer_init(struct writer *writer, struct arena *arena, struct spool *spool,
            enum px_codec codec, uint64_t patience_ns)
{
    writer->spool = spool;
    writer->codec = codec;
    writer->patience_ns = patience_ns;
    writer->raw_bytes = 0;
    writer->record.is_open = false;
    for (int i = 0; i < ROLE_N; i++) {
        struct chunk *chunk = &writer->chunks[i];
        chunk->base = arena_take(arena, WRITER_CHUNK_BYTES);
        if (chunk->base == NULL)
            return false;
        chunk->limit = chunk->base + WRITER_CHUNK_BYTES - WRITER_SLACK;
        chunk_reset(chunk);
    }
    if (codec == PX_CODEC_LZ4) {
        writer->packed =
            arena_take(arena, LZ4_COMPRESSBOUND(WRITER_CHUNK_BYTES));
        writer->lz4_state = arena_take(arena, (size_t)LZ4_sizeofState());
        if (writer->packed == NULL || writer->lz4_state == NULL)
            return false;
    }
    return true;
}

static enum spool_result
chunk_put(struct spool *spool, enum px_chunk_kind kind, enum px_codec codec,
          size_t raw_bytes, const void *body, size_t n_bytes,
          uint64_t patience_ns)
{
    uint8_t head[PX_CHUNK_HEAD_BYTES];
    uint8_t *at = px_put_u16(head, (uint16_t)kind);
    *at++ = (uint8_t)codec;
    *at++ = 0;
    at = px_put_u32(at, (uint32_t)raw_bytes);
    at = px_put_u32(at, (uint32_t)n_bytes);
    at = px_put_u32(at, atomic_load(&spool->page->sequence));
    px_put_u64(at, XXH3_64bits(body, n_bytes));
    return spool_put(spool, head, sizeof head, body, n_bytes, patience_ns);
}

enum spool_result
writer_put_plain(struct spool *spool, enum px_chunk_kind kind, const void *body,
                 size_t n_bytes)
{
    return chunk_put(spool, kind, PX_CODEC_NONE, n_bytes, body, n_bytes, 0);
}

static enum px_end
end_of(enum spool_result result)
{
    switch (result) {
    case SPOOL_OK:
        return PX_END_COMPLETE;
    case SPOOL_SLOW:
        return PX_END_SLOW_PEER;
    case SPOOL_CANCEL:
        return PX_END_CANCELED;
    case SPOOL_NO_ROOM:
        return PX_END_NO_ROOM;
    case SPOOL_FILE_LIMIT:
        return PX_END_FILE_LIMIT;
    }
    return PX_END_FAULT;
}

static void
chunk_flush(struct writer *writer, enum writer_role role)
{
    struct chunk *chunk = &writer->chunks[role];
    size_t raw = (size_t)(chunk->at - chunk->base);
    if (raw == 0)
        return;
    enum px_codec codec = PX_CODEC_NONE;
    const uint8_t *body = chunk->base;
    size_t n_bytes = raw;
    if (writer->codec == PX_CODEC_LZ4) {
        int packed = LZ4_compress_fast_extState(
            writer->lz4_state, (const char *)chunk->base,
            (char *)writer->packed, (int)raw,
            LZ4_COMPRESSBOUND(WRITER_CHUNK_BYTES), 1);
        if (packed > 0 && (size_t)packed < raw) {
            codec = PX_CODEC_LZ4;
            body = writer->packed;
            n_bytes = (size_t)packed;
        }
    }
    enum spool_result result =
        chunk_put(writer->spool, role_kinds[role], codec, raw, body, n_bytes,
                  writer->patience_ns);
    if (result != SPOOL_OK)
        writer->stop(writer->context, end_of(result));
    writer->raw_bytes += raw;
    chunk_reset(chunk);
    writer->left(writer->context);
}

void
writer_flush(struct writer *writer, enum writer_role role)
{
    if (role == ROLE_NODES || role == ROLE_ATOMS) {
        chunk_flush(writer, ROLE_TYPES);
        chunk_flush(writer, ROLE_NAMES);
    }
    /* A cut stream must not have texts for nodes that did not leave. */
    if (role == ROLE_ROOTS || role == ROLE_LABELS || role == ROLE_PREVIEWS) {
        if (writer->record.is_open)
            record_continue(writer);
        else
            writer_flush(writer, ROLE_NODES);
        writer_flush(writer, ROLE_ATOMS);
    }
    chunk_flush(writer, role);
}

void
writer_flush_all(struct writer *writer)
{
    for (int role = 0; role < ROLE_N; role++)
        writer_flush(writer, (enum writer_role)role);
}

void
record_continue(struct writer *writer)
{
    struct record *record = &writer->record;
    record_end(writer);
    writer_flush(writer, ROLE_NODES);
    record_again(writer, record->address * PX_ADDR_UNIT);
}

void
record_again(struct writer *writer, uint64_t address)
{
    struct record *record = &writer->record;
    writer_reserve(writer, ROLE_NODES, 0);
    struct chunk *chunk = &writer->chunks[ROLE_NODES];
    record->address = address / PX_ADDR_UNIT;
    record->count_at = NULL;
    record->kind = 0;
    record->flags_at = chunk->at;
    record->node_flags_at = NULL;
    record->has_edges = false;
    *chunk->at++ = PX_NODE_REC_CONTINUED;
    chunk->at = put_delta(chunk->at, record->address, &chunk->last_node);
    record->is_open = true;
}
