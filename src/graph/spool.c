/* spool.c — bytes kept aside, out of the way of the heap.
 *
 * For texts, of which there are many and few are looked at. The file is
 * unlinked
 * from the start (O_TMPFILE), so that nothing can be left behind. Areas that
 * are written through a mapping reserve their blocks first: a full disk is
 * then an error of a call and not a SIGBUS later.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* With tiny buffers the file is used at once. */
#define SPOOL_MEMORY_MAX (PX_BUF_MIN < 256 ? 64u : 4u << 20)
#define AREA_FILE_MIN (1u << 20)

void
spool_init(struct spool *spool)
{
    *spool = (struct spool){.fd = -1};
    px_buf_init(&spool->memory);
}

static void
unmap(struct spool *spool)
{
    if (spool->map != NULL)
        munmap(spool->map, spool->map_bytes);
    spool->map = NULL;
}

void
spool_done(struct spool *spool)
{
    unmap(spool);
    px_buf_done(&spool->memory);
    if (spool->fd >= 0)
        close(spool->fd);
    spool_init(spool);
}

/* A file without a name, or -1. */
static int
open_nameless(void)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0')
        folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char path[4096];
    size_t n = strlen(folder);
    static const char tail[] = "/pyexplore-XXXXXX";
    if (n + sizeof tail > sizeof path)
        return -1;
    memcpy(path, folder, n);
    memcpy(path + n, tail, sizeof tail);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static enum px_status
write_all(int fd, const uint8_t *bytes, size_t n, uint64_t offset,
          struct px_err *err)
{
    while (n > 0) {
        ssize_t done = pwrite(fd, bytes, n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            px_fail_errno(err, PX_EIO, errno,
                          "cannot keep a snapshot in a temporary file");
            px_err_hint(err, "set TMPDIR to a folder with more room");
            return PX_EIO;
        }
        bytes += done;
        n -= (size_t)done;
        offset += (uint64_t)done;
    }
    return PX_OK;
}

enum px_status
spool_append(struct spool *spool, const void *bytes, size_t n,
             struct px_err *err)
{
    enum px_status status;
    if (spool->fd < 0 && spool->memory.len + n > SPOOL_MEMORY_MAX) {
        int fd = open_nameless();
        if (fd >= 0) {
            status =
                write_all(fd, spool->memory.data, spool->memory.len, 0, err);
            if (status != PX_OK) {
                close(fd);
                return status;
            }
            spool->fd = fd;
            px_buf_done(&spool->memory);
        }
    }
    if (spool->fd < 0)
        status = px_buf_append(&spool->memory, bytes, n, err);
    else
        status = write_all(spool->fd, bytes, n, spool->n_bytes, err);
    if (status == PX_OK)
        spool->n_bytes += n;
    return status;
}

enum px_status
spool_keep(struct spool *spool, const uint8_t **out, struct px_err *err)
{
    if (spool->fd < 0) {
        *out = spool->memory.data;
        return PX_OK;
    }
    void *map =
        mmap(NULL, (size_t)spool->n_bytes, PROT_READ, MAP_SHARED, spool->fd, 0);
    if (map == MAP_FAILED)
        return px_fail_errno(err, PX_ENOMEM, errno,
                             "cannot map %llu bytes of texts",
                             (unsigned long long)spool->n_bytes);
    spool->map = map;
    spool->map_bytes = (size_t)spool->n_bytes;
    close(spool->fd);
    spool->fd = -1;
    *out = map;
    return PX_OK;
}

enum px_status
spool_area_new(struct spool_area *area, size_t n_bytes, struct px_err *err)
{
    *area = (struct spool_area){NULL, 0};
    if (n_bytes == 0)
        return PX_OK;
    void *map = MAP_FAILED;
    int fd = n_bytes >= AREA_FILE_MIN ? open_nameless() : -1;
    if (fd >= 0) {
        if (posix_fallocate(fd, 0, (off_t)n_bytes) == 0)
            map =
                mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (map == MAP_FAILED)
        map = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return px_fail_errno(err, PX_ENOMEM, errno,
                             "no memory for %zu bytes of texts", n_bytes);
    *area = (struct spool_area){map, n_bytes};
    return PX_OK;
}

void
spool_area_done(struct spool_area *area)
{
    if (area->data != NULL)
        munmap(area->data, area->n_bytes);
    *area = (struct spool_area){NULL, 0};
}
