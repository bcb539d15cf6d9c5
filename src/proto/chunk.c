/* chunk.c — heads, bounds and hashes of snapshot chunks.
 *
 *   u16 kind | u8 codec | u8 zero | u32 raw | u32 stored | u32 sequence
 *   | u64 XXH3-64 of the stored bytes | stored bytes
 *
 * Nothing here allocates or decompresses: the snapshot child and the agent
 * use it; unpack.c is the client's. XXH_INLINE_ALL makes xxhash a header, so
 * that the agent links no library for it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/proto.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t
px_chunk_hash(const void *stored, size_t n)
{
    return XXH3_64bits(stored, n);
}

void
px_chunk_put_head(uint8_t *to, const struct px_chunk *chunk)
{
    to = px_put_u16(to, chunk->kind);
    *to++ = chunk->codec;
    *to++ = 0;
    to = px_put_u32(to, chunk->raw_bytes);
    to = px_put_u32(to, chunk->stored_bytes);
    to = px_put_u32(to, chunk->sequence);
    px_put_u64(to, chunk->hash);
}

static enum px_status
check_head(const struct px_chunk *chunk, uint8_t zero, struct px_err *err)
{
    if (zero != 0)
        return px_fail(err, PX_EPROTO,
                       "chunk head with a byte 0x%02x that "
                       "must be 0",
                       (unsigned)zero);
    if (chunk->raw_bytes > PX_CHUNK_RAW_MAX)
        return px_fail(err, PX_ELIMIT, "chunk of %lu raw bytes exceeds %lu",
                       (unsigned long)chunk->raw_bytes,
                       (unsigned long)PX_CHUNK_RAW_MAX);
    if (chunk->stored_bytes > PX_CHUNK_STORED_MAX)
        return px_fail(err, PX_ELIMIT, "chunk of %lu stored bytes exceeds %lu",
                       (unsigned long)chunk->stored_bytes,
                       (unsigned long)PX_CHUNK_STORED_MAX);
    if (chunk->codec == PX_CODEC_NONE &&
        chunk->raw_bytes != chunk->stored_bytes)
        return px_fail(err, PX_EPROTO,
                       "uncompressed chunk of %lu bytes claims to hold %lu",
                       (unsigned long)chunk->stored_bytes,
                       (unsigned long)chunk->raw_bytes);
    return PX_OK;
}

enum px_status
px_chunk_next(struct px_reader *reader, struct px_chunk *out,
              struct px_err *err)
{
    struct px_reader at = *reader;
    struct px_chunk chunk = {0};
    uint8_t zero = 0;
    if (px_reader_left(&at) < PX_CHUNK_HEAD_BYTES)
        return PX_AGAIN;
    px_read_u16(&at, &chunk.kind);
    px_read_u8(&at, &chunk.codec);
    px_read_u8(&at, &zero);
    px_read_u32(&at, &chunk.raw_bytes);
    px_read_u32(&at, &chunk.stored_bytes);
    px_read_u32(&at, &chunk.sequence);
    px_read_u64(&at, &chunk.hash);
    enum px_status status = check_head(&chunk, zero, err);
    if (status == PX_OK)
        status = px_read_bytes(&at, chunk.stored_bytes, &chunk.stored);
    if (status != PX_OK)
        return status;
    if (px_chunk_hash(chunk.stored, chunk.stored_bytes) != chunk.hash)
        return px_fail(err, PX_EPROTO,
                       "chunk %lu is damaged: its bytes do "
                       "not match its hash",
                       (unsigned long)chunk.sequence);
    *out = chunk;
    *reader = at;
    return PX_OK;
}
