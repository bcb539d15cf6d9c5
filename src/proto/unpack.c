/* unpack.c — the raw bytes of a chunk, whatever its codec.
 *
 * Client side only: the agent links no zstd. The head has bounded the raw
 * length before; each decoder must fill exactly that, so a compression bomb
 * ends as an error of one chunk.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/proto.h>

#include <lz4.h>
#include <string.h>
#include <zstd.h>

static bool
unpack_lz4(const struct px_chunk *chunk, uint8_t *raw)
{
    int n =
        LZ4_decompress_safe((const char *)chunk->stored, (char *)raw,
                            (int)chunk->stored_bytes, (int)chunk->raw_bytes);
    return n >= 0 && (uint32_t)n == chunk->raw_bytes;
}

static bool
unpack_zstd(const struct px_chunk *chunk, uint8_t *raw)
{
    size_t n = ZSTD_decompress(raw, chunk->raw_bytes, chunk->stored,
                               chunk->stored_bytes);
    return !ZSTD_isError(n) && n == chunk->raw_bytes;
}

static bool
unpack_none(const struct px_chunk *chunk, uint8_t *raw)
{
    if (chunk->stored_bytes != chunk->raw_bytes)
        return false;
    memcpy(raw, chunk->stored, chunk->raw_bytes);
    return true;
}

static bool (*const unpackers[])(const struct px_chunk *, uint8_t *) = {
    [PX_CODEC_NONE] = unpack_none,
    [PX_CODEC_LZ4] = unpack_lz4,
    [PX_CODEC_ZSTD] = unpack_zstd,
};
#define N_UNPACKERS (sizeof unpackers / sizeof unpackers[0])

enum px_status
px_chunk_unpack(const struct px_chunk *chunk, struct px_buf *raw,
                struct px_err *err)
{
    if (chunk->codec >= N_UNPACKERS) {
        px_fail(err, PX_EUNSUPPORTED, "chunk %lu has the unknown codec %u",
                (unsigned long)chunk->sequence, (unsigned)chunk->codec);
        px_err_hint(err, "it comes from a newer pyexplore: upgrade this one");
        return PX_EUNSUPPORTED;
    }
    if (chunk->raw_bytes > PX_CHUNK_RAW_MAX)
        return px_fail(err, PX_ELIMIT, "chunk of %lu raw bytes exceeds %lu",
                       (unsigned long)chunk->raw_bytes,
                       (unsigned long)PX_CHUNK_RAW_MAX);
    px_buf_clear(raw);
    /* One more, so that data is never NULL for an empty chunk. */
    enum px_status status =
        px_buf_reserve(raw, (size_t)chunk->raw_bytes + 1, err);
    if (status != PX_OK)
        return status;
    if (!unpackers[chunk->codec](chunk, raw->data))
        return px_fail(err, PX_EPROTO,
                       "chunk %lu does not decompress to the %lu bytes that "
                       "it claims",
                       (unsigned long)chunk->sequence,
                       (unsigned long)chunk->raw_bytes);
    raw->len = chunk->raw_bytes;
    return PX_OK;
}
