/* buf.h — bytes: a growable buffer, and a bounded reader.
 *
 * struct px_buf owns its memory (init/done, caller's storage). struct
 * px_reader borrows bytes and never reads past `end`; its functions are
 * tri-state: PX_OK and the reader moved, or PX_AGAIN (too few bytes) or
 * PX_EPROTO and neither reader nor output changed. The px_put_* functions
 * write to memory that the caller has sized: no allocation, so the snapshot
 * child may use them. All numbers are little-endian; varints are LEB128 of at
 * most 10 bytes. Not thread-safe; no globals.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_BUF_H
#define PX_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

#define PX_VARINT_MAX 10

/* First allocation of a px_buf; tests build with tiny values so that every
 * growth path runs. */
#ifndef PX_BUF_MIN
#define PX_BUF_MIN 256
#endif

struct px_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

void px_buf_init(struct px_buf *buf);
void px_buf_done(struct px_buf *buf);
/* Forgets the contents, keeps the memory. */
void px_buf_clear(struct px_buf *buf);
/* Makes room for `more` bytes after len. On PX_ENOMEM nothing changed. */
enum px_status px_buf_reserve(struct px_buf *buf, size_t more,
                              struct px_err *err);
enum px_status px_buf_append(struct px_buf *buf, const void *bytes, size_t n,
                             struct px_err *err);
enum px_status px_buf_append_text(struct px_buf *buf, const char *text,
                                  struct px_err *err);
/* Removes the first n bytes (n <= len). */
void px_buf_consume(struct px_buf *buf, size_t n);

struct px_reader {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct px_reader
px_reader_of(const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    return (struct px_reader){at, at + n};
}

static inline size_t
px_reader_left(const struct px_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

enum px_status px_read_u8(struct px_reader *reader, uint8_t *out);
enum px_status px_read_u16(struct px_reader *reader, uint16_t *out);
enum px_status px_read_u32(struct px_reader *reader, uint32_t *out);
enum px_status px_read_u64(struct px_reader *reader, uint64_t *out);
/* Borrows n bytes. */
enum px_status px_read_bytes(struct px_reader *reader, size_t n,
                             const uint8_t **out);

/* LEB128. PX_EPROTO if it does not end after 10 bytes or overflows 64 bits. */
static inline enum px_status
px_read_varint(struct px_reader *reader, uint64_t *out)
{
    const uint8_t *at = reader->at;
    uint64_t value = 0;
    for (unsigned shift = 0; at < reader->end; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            return PX_EPROTO;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            reader->at = at;
            return PX_OK;
        }
        if (shift == 63)
            return PX_EPROTO;
    }
    return PX_AGAIN;
}

static inline uint64_t
px_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t
px_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Writers over sized memory: return the byte after what was written. */
static inline uint8_t *
px_put_varint(uint8_t *to, uint64_t value)
{
    while (value >= 0x80) {
        *to++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *to++ = (uint8_t)value;
    return to;
}

static inline uint8_t *
px_put_u16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    return to + 2;
}

static inline uint8_t *
px_put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
    return to + 4;
}

static inline uint8_t *
px_put_u64(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
    return to + 8;
}

#endif
