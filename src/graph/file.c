/* file.c — snapshot files: PX_FILE_MAGIC, then chunks.
 *
 * The writer unpacks each chunk and packs it again with zstd, which takes a
 * third of LZ4's room; what zstd cannot make smaller, or would make so small
 * that a reader must take it for a bomb (builder.c, RATIO_MAX), stays as it
 * came. The file gets its name when it is finished: until then it has
 * another beside it, so that nobody opens half of it and no crash leaves one.
 *
 * The reader maps nothing: a file that shrinks while it is read must not end
 * the program. It reads pieces, and stops at the first chunk that is cut or
 * damaged, saying so.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"
#include "graph/room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/new_file.h"

#define ZSTD_LEVEL 1
#define RATIO_MAX 240u /* below the builder's, with a margin */
#define WRITE_BUFFER (256u << 10)
#define READ_PIECE (1u << 20)

/* ---- writing ---- */
struct px_file_writer {
    char *path;
    char *part_path;
    int fd;
    bool overwrite;
    struct px_buf raw;
    struct px_buf out; /* waits to be written */
    void *packed;
    ZSTD_CCtx *zstd;
};

/* A file that cannot be whole any more goes at once. */
static void
drop_file(struct px_file_writer *writer)
{
    if (writer->fd < 0)
        return;
    close(writer->fd);
    writer->fd = -1;
    unlink(writer->part_path);
}

void
px_file_writer_free(struct px_file_writer *writer)
{
    if (writer == NULL)
        return;
    drop_file(writer);
    px_buf_done(&writer->raw);
    px_buf_done(&writer->out);
    ZSTD_freeCCtx(writer->zstd);
    free(writer->packed);
    free(writer->path);
    free(writer->part_path);
    free(writer);
}

struct px_file_writer *
px_file_writer_new(const char *path, bool overwrite, struct px_err *err)
{
    struct px_file_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        room_fail(err, "no memory for writing a file");
        return NULL;
    }
    writer->fd = -1;
    writer->overwrite = overwrite;
    px_buf_init(&writer->raw);
    px_buf_init(&writer->out);
    writer->path = strdup(path);
    writer->zstd = ZSTD_createCCtx();
    writer->packed = malloc(ZSTD_COMPRESSBOUND(PX_CHUNK_RAW_MAX));
    if (writer->path == NULL || writer->zstd == NULL ||
        writer->packed == NULL) {
        room_fail(err, "no memory for compressing a file");
        goto fail;
    }
    enum px_status status =
        px_buf_append(&writer->out, PX_FILE_MAGIC, PX_FILE_MAGIC_BYTES, err);
    if (status == PX_OK)
        status = px_new_file_open(path, overwrite, &writer->part_path,
                                  &writer->fd, err);
    if (status == PX_OK)
        return writer;
fail:
    px_file_writer_free(writer);
    return NULL;
}

static enum px_status
write_out(struct px_file_writer *writer, struct px_err *err)
{
    size_t done = 0;
    while (done < writer->out.len) {
        ssize_t n =
            write(writer->fd, writer->out.data + done, writer->out.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int cause = errno;
            drop_file(writer);
            return px_fail_errno(err, PX_EIO, cause, "cannot write %s",
                                 writer->path);
        }
        done += (size_t)n;
    }
    px_buf_clear(&writer->out);
    return PX_OK;
}

/* The chunk with zstd if that is smaller, else as it is. */
static enum px_status
pack(struct px_file_writer *writer, struct px_chunk *chunk, struct px_err *err)
{
    if (chunk->codec == PX_CODEC_ZSTD)
        return PX_OK;
    enum px_status status = px_chunk_unpack(chunk, &writer->raw, err);
    if (status != PX_OK)
        return status;
    size_t n = ZSTD_compressCCtx(writer->zstd, writer->packed,
                                 ZSTD_COMPRESSBOUND(PX_CHUNK_RAW_MAX),
                                 writer->raw.data, writer->raw.len, ZSTD_LEVEL);
    if (ZSTD_isError(n) || n >= chunk->stored_bytes ||
        chunk->raw_bytes / RATIO_MAX > n)
        return PX_OK;
    chunk->codec = PX_CODEC_ZSTD;
    chunk->stored_bytes = (uint32_t)n;
    chunk->stored = writer->packed;
    chunk->hash = px_chunk_hash(chunk->stored, n);
    return PX_OK;
}

enum px_status
px_file_writer_add(struct px_file_writer *writer, const void *bytes,
                   size_t n_bytes, struct px_err *err)
{
    struct px_reader in = px_reader_of(bytes, n_bytes);
    struct px_chunk chunk;
    uint8_t head[PX_CHUNK_HEAD_BYTES];
    if (writer->fd < 0)
        return px_fail(err, PX_EIO, "%s is not being written any more",
                       writer->path);
    enum px_status status = px_chunk_next(&in, &chunk, err);
    if (status == PX_AGAIN || (status == PX_OK && px_reader_left(&in) > 0))
        return px_fail(err, PX_EPROTO, "%zu bytes are not one whole chunk",
                       n_bytes);
    if (status == PX_OK)
        status = pack(writer, &chunk, err);
    if (status == PX_OK)
        status =
            px_buf_reserve(&writer->out, sizeof head + chunk.stored_bytes, err);
    if (status != PX_OK)
        return status;
    px_chunk_put_head(head, &chunk);
    px_buf_append(&writer->out, head, sizeof head, NULL);
    px_buf_append(&writer->out, chunk.stored, chunk.stored_bytes, NULL);
    return writer->out.len < WRITE_BUFFER ? PX_OK : write_out(writer, err);
}

enum px_status
px_file_writer_finish(struct px_file_writer *writer, struct px_err *err)
{
    if (writer->fd < 0)
        return px_fail(err, PX_EIO, "%s is not being written any more",
                       writer->path);
    enum px_status status = write_out(writer, err);
    if (status != PX_OK)
        return status;
    int rc = close(writer->fd);
    writer->fd = -1;
    if (rc != 0)
        status =
            px_fail_errno(err, PX_EIO, errno, "cannot write %s", writer->path);
    else
        status = px_new_file_name(writer->part_path, writer->path,
                                  writer->overwrite, err);
    if (status != PX_OK)
        unlink(writer->part_path);
    return status;
}

/* ---- reading ---- */
struct file_reader {
    int fd;
    uint64_t n_bytes; /* of the file, 0: not known (a pipe) */
    uint64_t n_read;
    struct px_buf buf; /* read, not yet taken */
    size_t at;
};

/* Makes at least `need` bytes ready, PX_ETRUNCATED at the end of the file. */
static enum px_status
fill(struct file_reader *file, size_t need, struct px_err *err)
{
    while (file->buf.len - file->at < need) {
        px_buf_consume(&file->buf, file->at);
        file->at = 0;
        size_t want = need - file->buf.len;
        if (want < READ_PIECE)
            want = READ_PIECE;
        enum px_status status = px_buf_reserve(&file->buf, want, err);
        if (status != PX_OK)
            return status;
        ssize_t n = read(file->fd, file->buf.data + file->buf.len, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return px_fail_errno(err, PX_EIO, errno, "cannot read");
        if (n == 0)
            return px_fail(err, PX_ETRUNCATED, "ends inside a chunk");
        file->buf.len += (size_t)n;
        file->n_read += (uint64_t)n;
    }
    return PX_OK;
}

/* Bytes of the chunk at the cursor by its own account; the head's limits are
 * checked before anything is read for it. */
static enum px_status
chunk_bytes(struct file_reader *file, size_t *out, struct px_err *err)
{
    enum px_status status = fill(file, PX_CHUNK_HEAD_BYTES, err);
    if (status != PX_OK)
        return status;
    struct px_reader head = px_reader_of(file->buf.data + file->at + 8, 4);
    uint32_t stored = 0;
    px_read_u32(&head, &stored);
    if (stored > PX_CHUNK_STORED_MAX)
        return px_fail(err, PX_EPROTO, "chunk of %lu bytes",
                       (unsigned long)stored);
    *out = PX_CHUNK_HEAD_BYTES + (size_t)stored;
    return fill(file, *out, err);
}

static enum px_status
read_chunks(struct file_reader *file, struct px_work *work,
            struct px_builder *builder, struct px_err *err)
{
    uint64_t reported = 0;
    while (!px_builder_is_complete(builder)) {
        size_t n = 0;
        if (work_is_canceled(work))
            return work_canceled(err);
        enum px_status status = chunk_bytes(file, &n, err);
        if (status == PX_OK)
            status = px_builder_add(builder, file->buf.data + file->at, n, err);
        if (status != PX_OK)
            return status;
        file->at += n;
        work_report(work, &reported, "file", file->n_read, file->n_bytes);
    }
    return PX_OK;
}

static enum px_status
open_file(struct file_reader *file, const char *path, struct px_err *err)
{
    struct stat st;
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file->fd < 0 || fstat(file->fd, &st) != 0)
        return px_fail_errno(err, errno == ENOENT ? PX_ENOTFOUND : PX_EIO,
                             errno, "cannot open %s", path);
    if (S_ISREG(st.st_mode))
        file->n_bytes = (uint64_t)st.st_size;
    enum px_status status = fill(file, PX_FILE_MAGIC_BYTES, err);
    if (status == PX_ETRUNCATED ||
        (status == PX_OK &&
         memcmp(file->buf.data, PX_FILE_MAGIC, PX_FILE_MAGIC_BYTES) != 0)) {
        status = px_fail(err, PX_EPROTO, "%s is no pyexplore snapshot", path);
        px_err_hint(err, "snapshots are written by `pyexplore snapshot TARGET "
                         "-o FILE.pxs`");
    }
    file->at = PX_FILE_MAGIC_BYTES;
    return status;
}

/* What a reader of a whole file must not take for damage of the file. */
static bool
is_damage(enum px_status status)
{
    return status == PX_ETRUNCATED || status == PX_EPROTO ||
           status == PX_ELIMIT || status == PX_EIO;
}

enum px_status
px_file_read(const char *path, struct px_work *work, struct px_builder *builder,
             size_t damage_bytes, char *damage, struct px_err *err)
{
    struct file_reader file = {.fd = -1};
    struct px_err cause = {0};
    px_buf_init(&file.buf);
    if (damage != NULL && damage_bytes > 0)
        damage[0] = '\0';
    enum px_status status = open_file(&file, path, err);
    if (status != PX_OK)
        goto out;
    status = read_chunks(&file, work, builder, &cause);
    if (status != PX_OK && is_damage(status) && builder->has_header) {
        if (damage != NULL)
            snprintf(damage, damage_bytes, "%s opens only in part: %s", path,
                     cause.msg);
        status = PX_OK;
    } else if (status == PX_ETRUNCATED) {
        status =
            px_fail(err, PX_ETRUNCATED, "%s ends before its first chunk", path);
        px_err_hint(err, "copy it again, or take another: pyexplore snapshot "
                         "TARGET -o FILE.pxs");
    } else if (status != PX_OK && err != NULL) {
        *err = cause;
    }
out:
    px_buf_done(&file.buf);
    if (file.fd >= 0)
        close(file.fd);
    return status;
}

enum px_status
px_file_header(const char *path, struct px_header *out, struct px_err *err)
{
    struct file_reader file = {.fd = -1};
    struct stat st;
    size_t n = 0;
    px_header_init(out);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return px_fail(err, PX_EUNSUPPORTED, "%s is no regular file", path);
    px_buf_init(&file.buf);
    enum px_status status = open_file(&file, path, err);
    if (status == PX_OK)
        status = chunk_bytes(&file, &n, err);
    if (status == PX_OK)
        status = px_header_of_chunk(file.buf.data + file.at, n, out, err);
    px_buf_done(&file.buf);
    if (file.fd >= 0)
        close(file.fd);
    return status;
}
