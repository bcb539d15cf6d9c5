/* spool.c — the chunks' way from the child to the agent.
 *
 * Waiting is a futex on the page's `turn`, which the agent counts up after
 * each change. Nothing here calls a wrapper that may take a lock.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define NS 1000000000u
#define PAGE_BYTES 4096u
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

_Static_assert(sizeof(struct spool_page) <= PAGE_BYTES, "one page is shared");

uint64_t
spool_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

/* With vm.memfd_noexec=2 only a file that can never be executed is allowed;
 * before Linux 6.3 the flag is not known. */
static int
memory_file(void)
{
    long fd = syscall(SYS_memfd_create, "pyexplore-spool",
                      MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = syscall(SYS_memfd_create, "pyexplore-spool", MFD_CLOEXEC);
    return (int)fd;
}

void
spool_none(struct spool *spool)
{
    *spool = (struct spool){.fd = -1, .event_fd = -1, .wake_fd = -1};
}

enum px_status
spool_init(struct spool *spool, uint64_t bound, struct px_err *err)
{
    int ends[2];
    spool_none(spool);
    spool->bound = bound;
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        px_fail_errno(err, PX_ENOMEM, errno, "mapping a page for a snapshot");
        goto fail;
    }
    spool->page = page;
    spool->fd = px_fd_high(memory_file());
    spool->file = px_fd_mark(spool->fd);
    if (spool->fd < 0) {
        int number = errno;
        px_fail_errno(err, PX_ELIMIT, number, "making the snapshot's spool");
        if (number == EPERM || number == ENOSYS)
            px_err_hint(err, "a seccomp filter forbids memfd_create");
        goto fail;
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        px_fail_errno(err, PX_ELIMIT, errno, "making the snapshot's pipe");
        goto fail;
    }
    spool->pipe = px_fd_mark(ends[0]); /* that of both ends */
    spool->event_fd = px_fd_high(ends[0]);
    spool->wake_fd = px_fd_high(ends[1]);
    if (spool->event_fd < 0 || spool->wake_fd < 0) {
        px_fail_errno(err, PX_ELIMIT, errno, "making the snapshot's pipe");
        goto fail;
    }
    return PX_OK;

fail:
    spool_done(spool);
    return err != NULL ? err->status : PX_ELIMIT;
}

void
spool_done(struct spool *spool)
{
    if (spool->page != NULL)
        munmap(spool->page, PAGE_BYTES);
    px_fd_close_if(spool->fd, spool->file);
    px_fd_close_if(spool->event_fd, spool->pipe);
    px_fd_close_if(spool->wake_fd, spool->pipe);
    spool_none(spool);
}

bool
spool_is_ours(const struct spool *spool)
{
    return px_fd_is(spool->fd, spool->file) &&
           px_fd_is(spool->event_fd, spool->pipe);
}

void
spool_close_wake(struct spool *spool)
{
    px_fd_close_if(spool->wake_fd, spool->pipe);
    spool->wake_fd = -1;
}

void
spool_empty(struct spool *spool)
{
    /* best effort: else closing it frees the pages */
    if (px_fd_is(spool->fd, spool->file))
        (void)!ftruncate(spool->fd, 0);
}

/* ---- the writer ---- */

static void
turn_wait(struct spool_page *page, uint32_t seen, uint64_t ns)
{
    struct timespec limit = {(time_t)(ns / NS), (long)(ns % NS)};
    syscall(SYS_futex, &page->turn, FUTEX_WAIT, seen, &limit, NULL, 0);
}

/* Until `more` bytes fit. A chunk larger than the bound goes alone. */
static enum spool_result
room_wait(struct spool *spool, uint64_t more, uint64_t patience_ns)
{
    struct spool_page *page = spool->page;
    uint64_t published = atomic_load(&page->published);
    uint64_t last_released = atomic_load(&page->released);
    uint64_t since = 0;
    for (;;) {
        uint32_t seen = atomic_load(&page->turn);
        if (atomic_load(&page->cancel) != 0)
            return SPOOL_CANCEL;
        uint64_t released = atomic_load(&page->released);
        uint64_t unread = published - released;
        if (unread == 0 || unread + more <= spool->bound)
            return SPOOL_OK;
        uint64_t now = spool_now_ns();
        if (since == 0 || released != last_released) {
            last_released = released;
            since = now;
        }
        if (now - since >= patience_ns)
            return SPOOL_SLOW;
        turn_wait(page, seen, patience_ns - (now - since));
    }
}

/* SIGXFSZ is blocked wherever this runs: EFBIG says the same. */
static enum spool_result
write_all(int fd, struct iovec *part, int n_parts, uint64_t offset)
{
    while (n_parts > 0) {
        long n = syscall(SYS_pwritev, fd, part, n_parts, (long)offset, 0L);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno == EFBIG ? SPOOL_FILE_LIMIT : SPOOL_NO_ROOM;
        offset += (uint64_t)n;
        while (n_parts > 0 && (size_t)n >= part->iov_len) {
            n -= (long)part->iov_len;
            part++;
            n_parts--;
        }
        if (n_parts > 0) {
            part->iov_base = (char *)part->iov_base + n;
            part->iov_len -= (size_t)n;
        }
    }
    return SPOOL_OK;
}

enum spool_result
spool_put(struct spool *spool, const void *head, size_t head_bytes,
          const void *body, size_t body_bytes, uint64_t patience_ns)
{
    struct spool_page *page = spool->page;
    uint64_t published = atomic_load(&page->published);
    uint64_t more = head_bytes + body_bytes;
    if (spool->bound != 0 && patience_ns != 0) {
        enum spool_result wait = room_wait(spool, more, patience_ns);
        if (wait != SPOOL_OK)
            return wait;
    }
    struct iovec parts[2] = {{(void *)(uintptr_t)head, head_bytes},
                             {(void *)(uintptr_t)body, body_bytes}};
    enum spool_result result = write_all(spool->fd, parts, 2, published);
    if (result != SPOOL_OK)
        return result;
    atomic_fetch_add(&page->sequence, 1);
    atomic_store(&page->published, published + more);
    /* A full pipe is readable: nothing is lost. */
    if (spool->wake_fd >= 0)
        syscall(SYS_write, spool->wake_fd, "", (size_t)1);
    return SPOOL_OK;
}

void
spool_wait_pause(struct spool *spool, uint64_t patience_ns)
{
    struct spool_page *page = spool->page;
    uint64_t until = spool_now_ns() + patience_ns;
    for (;;) {
        uint32_t seen = atomic_load(&page->turn);
        uint64_t now = spool_now_ns();
        if (atomic_load(&page->pause_known) != 0 || now >= until)
            return;
        turn_wait(page, seen, until - now);
    }
}

/* ---- the agent ---- */

static void
turn_next(struct spool_page *page)
{
    atomic_fetch_add(&page->turn, 1);
    syscall(SYS_futex, &page->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void
spool_release(struct spool *spool, uint64_t offset)
{
    struct spool_page *page = spool->page;
    uint64_t published = atomic_load(&page->published);
    uint64_t released = atomic_load(&page->released);
    if (offset > published)
        offset = published;
    if (offset <= released)
        return;
    uint64_t from = released & ~(uint64_t)(PAGE_BYTES - 1);
    uint64_t to = offset & ~(uint64_t)(PAGE_BYTES - 1);
    /* best effort: without it only memory is lost */
    if (to > from && px_fd_is(spool->fd, spool->file))
        (void)fallocate(spool->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        (off_t)from, (off_t)(to - from));
    atomic_store(&page->released, offset);
    turn_next(page);
}

void
spool_drain(struct spool *spool, bool *at_end)
{
    char bytes[512];
    *at_end = false;
    for (;;) {
        ssize_t n = read(spool->event_fd, bytes, sizeof bytes);
        if (n == 0)
            *at_end = true;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < (ssize_t)sizeof bytes)
            return;
    }
}

void
spool_tell_pause(struct spool *spool, uint64_t gil_wait_ns, uint64_t pause_ns)
{
    atomic_store(&spool->page->gil_wait_ns, gil_wait_ns);
    atomic_store(&spool->page->pause_ns, pause_ns);
    atomic_store(&spool->page->pause_known, 1);
    turn_next(spool->page);
}

void
spool_cancel(struct spool *spool)
{
    atomic_store(&spool->page->cancel, 1);
    turn_next(spool->page);
}
