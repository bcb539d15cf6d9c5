/* capture.c — makes the snapshot child, watches it, buries it.
 *
 * The clone is the raw system call with exit signal 0: the target gets no
 * SIGCHLD, its waitpid(-1) never sees the child, no atfork handler runs (gRPC,
 * OpenBLAS and jemalloc have theirs). Only waitpid with __WCLONE reaps it, so
 * its pid stays ours until we did. All signals are blocked around the clone,
 * or a Ctrl-C to the process group would run the target's handlers in the
 * child.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/walk.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/heap/child.h"
#include "agent/heap/filter.h"
#include "agent/heap/heads.h"
#include "agent/heap/room.h"
#include "agent/heap/spool.h"
#include "agent/heap/walk_run.h"
#include "agent/heap/writer.h"

/* A spool may take this share of the room, and never less than some chunks. */
#define SPOOL_SHARE 8
#define SPOOL_MIN (1u << 20)

struct heap_capture {
    struct walk_plan plan;
    struct spool spool;
    struct room room;
    struct heap_notes notes;
    void *own[HEAP_OWN_MAX];
    uint64_t spool_bound;
    pid_t pid; /* 0: none, or reaped */
    bool was_started;
    bool ended;
    enum px_end end;
};

static const char stolen[] =
    "the program closed descriptors that it did not open, the snapshot's too";

/* What heap_set_own was told last; guarded by the GIL. */
static struct {
    void *objects[HEAP_OWN_MAX];
    size_t n;
} own_objects;

void
heap_set_own(void *const *objects, size_t n)
{
    if (n > HEAP_OWN_MAX)
        n = HEAP_OWN_MAX;
    if (n != 0)
        memcpy(own_objects.objects, objects, n * sizeof *objects);
    own_objects.n = n;
}

struct heap_capture *
heap_capture_new(const struct heap_options *opts, struct px_err *err)
{
    /* Not malloc: the child writes to its copy, and this way that costs none
     * of the target's pages. */
    void *memory =
        mmap(NULL, sizeof(struct heap_capture), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        px_fail_errno(err, PX_ENOMEM, errno, "memory for a snapshot");
        return NULL;
    }
    struct heap_capture *capture = memory;
    spool_none(&capture->spool);
    capture->plan.options = *opts;
    capture->plan.room = &capture->room;
    capture->plan.notes = &capture->notes;
    capture->plan.spool = &capture->spool;
    capture->plan.own = capture->own;
    capture->plan.smaps_fd = -1;
    capture->plan.in_child = !opts->stop_the_world;
    return capture;
}

enum px_status
heap_capture_check(struct heap_capture *capture, struct px_err *err)
{
    const struct heap_options *opts = &capture->plan.options;
    uint64_t available = UINT64_MAX;
    room_init(&capture->room);
    enum px_status status = room_check(&capture->room, &available, err);
    if (status == PX_OK)
        status = filter_check(err);
    if (status != PX_OK)
        return status;
    uint64_t bound = opts->spool_bytes;
    if (bound != 0 && bound > available / SPOOL_SHARE)
        bound = available / SPOOL_SHARE;
    if (opts->spool_bytes != 0 && bound < SPOOL_MIN)
        bound = SPOOL_MIN;
    /* Nobody can read while the target stands still. */
    if (opts->stop_the_world)
        bound = 0;
    capture->spool_bound = bound;
    return PX_OK;
}

enum px_status
heap_capture_open(struct heap_capture *capture, struct px_err *err)
{
    if (capture->plan.in_child)
        pools_note(&capture->plan.pools);
    return spool_init(&capture->spool, capture->spool_bound, err);
}

static void
clone_refused(const struct heap_capture *capture, int number,
              struct px_err *err)
{
    px_fail_errno(err, PX_ELIMIT, number, "making the snapshot child");
    px_err_hint(err,
                "%s; a command's --stop-the-world needs no child but stops "
                "the target for about %.1f s",
                number == ENOMEM
                    ? "the kernel does not overcommit memory "
                      "(vm.overcommit_memory=2) or the limit is reached"
                    : "the limit on processes (pids.max, RLIMIT_NPROC) is "
                      "reached or a seccomp filter forbids it",
                0.1 + (double)capture->room.rss_bytes / 1e9);
}

static enum px_status
child_make(struct heap_capture *capture, struct px_err *err)
{
    sigset_t all;
    sigset_t before;
    pid_t parent = getpid();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    long pid = syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
    if (pid == 0)
        child_main(&capture->plan, parent);
    int number = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        clone_refused(capture, number, err);
        return PX_ELIMIT;
    }
    capture->pid = (pid_t)pid;
    /* From now on the pipe's end of file means that the child is gone. */
    spool_close_wake(&capture->spool);
    return PX_OK;
}

enum px_status
heap_capture_clone(struct heap_capture *capture, const char *header_json,
                   size_t n_bytes, struct px_err *err)
{
    struct walk_plan *plan = &capture->plan;
    if (capture->was_started)
        return px_fail(err, PX_EINVAL, "this snapshot was already started");
    if (n_bytes == 0 || n_bytes > PX_CHUNK_RAW_MAX)
        return px_fail(err, PX_EINVAL, "header of %zu bytes", n_bytes);
    struct px_err unknown;
    plan->heads = heads_get(&unknown);
    if (plan->heads == NULL) {
        if (err != NULL)
            *err = unknown;
        return unknown.status;
    }
    if (!spool_is_ours(&capture->spool))
        return px_fail(err, PX_EIO, "%s", stolen);
    if (writer_put_plain(&capture->spool, PX_CHUNK_HEADER, header_json,
                         n_bytes) != SPOOL_OK)
        return px_fail(err, PX_ELIMIT, "the spool does not take the header");
    roots_note(&capture->notes);
    plan->n_own = own_objects.n;
    memcpy(capture->own, own_objects.objects, sizeof capture->own);
    plan->start_ns = spool_now_ns();
    if (plan->in_child) {
        enum px_status status = child_make(capture, err);
        capture->was_started = status == PX_OK;
        return status;
    }
    capture->was_started = true;
    capture->end = walk_run(plan);
    capture->ended = true;
    return PX_OK;
}

void
heap_capture_set_pause(struct heap_capture *capture, uint64_t gil_wait_ns,
                       uint64_t pause_ns)
{
    spool_tell_pause(&capture->spool, gil_wait_ns, pause_ns);
}

int
heap_capture_event_fd(const struct heap_capture *capture)
{
    return capture->spool.event_fd;
}

int
heap_capture_spool_fd(const struct heap_capture *capture)
{
    bool is_ours = spool_is_ours(&capture->spool);
    return is_ours ? capture->spool.fd : -1;
}

pid_t
heap_capture_pid(const struct heap_capture *capture)
{
    return capture->pid;
}

/* ---- its end ---- */

/* Every stream of a live agent ends with a footer: here the child's own did
 * not come, because it was killed or worse. */
static void
footer_for_the_dead(struct heap_capture *capture)
{
    uint8_t body[3 * 2 * PX_VARINT_MAX];
    uint8_t *at = body;
    struct spool_page *page = capture->spool.page;
    at = px_put_varint(at, PX_FOOTER_END);
    at = px_put_varint(at, capture->end);
    at = px_put_varint(at, PX_FOOTER_OBJECTS);
    at = px_put_varint(at, atomic_load(&page->objects));
    at = px_put_varint(at, PX_FOOTER_EDGES);
    at = px_put_varint(at, atomic_load(&page->edges));
    writer_put_plain(&capture->spool, PX_CHUNK_FOOTER, body,
                     (size_t)(at - body));
}

/* The child left no word of its own. */
static enum px_end
end_without_word(const struct spool_page *page, int status)
{
    if (atomic_load(&page->cancel) != 0)
        return PX_END_CANCELED;
    bool was_killed = WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL ||
                                              WTERMSIG(status) == SIGSYS);
    return was_killed ? PX_END_KILLED : PX_END_FAULT;
}

static bool
child_reap(struct heap_capture *capture, bool wait)
{
    int status = 0;
    pid_t got;
    do {
        got = waitpid(capture->pid, &status,
                      (int)__WCLONE | (wait ? 0 : WNOHANG));
    } while (got < 0 && errno == EINTR);
    if (got == 0)
        return false;
    struct spool_page *page = capture->spool.page;
    uint32_t end = atomic_load(&page->end);
    capture->pid = 0;
    capture->ended = true;
    capture->end =
        end != 0 ? (enum px_end)(end - 1) : end_without_word(page, status);
    if (end == 0 && spool_is_ours(&capture->spool))
        footer_for_the_dead(capture);
    return true;
}

/* What it still writes nobody can read. */
static void
lose_spool(struct heap_capture *capture)
{
    kill(capture->pid, SIGKILL);
    child_reap(capture, true);
    capture->end = PX_END_CUT;
}

void
heap_capture_poll(struct heap_capture *capture, struct heap_progress *out)
{
    bool at_end = false;
    bool is_ours = spool_is_ours(&capture->spool);
    if (is_ours)
        spool_drain(&capture->spool, &at_end);
    if (capture->pid != 0 && !is_ours)
        lose_spool(capture);
    else if (capture->pid != 0)
        child_reap(capture, at_end); /* it has closed its files: waits µs */
    struct spool_page *page = capture->spool.page;
    out->published_bytes = atomic_load(&page->published);
    out->objects = atomic_load(&page->objects);
    out->ended = capture->ended;
    out->end = capture->end;
}

void
heap_capture_release(struct heap_capture *capture, uint64_t offset)
{
    spool_release(&capture->spool, offset);
}

void
heap_capture_cancel(struct heap_capture *capture)
{
    spool_cancel(&capture->spool);
}

void
heap_capture_end(struct heap_capture *capture)
{
    if (capture->pid != 0) {
        kill(capture->pid, SIGKILL);
        child_reap(capture, true);
    }
    spool_empty(&capture->spool);
}

void
heap_capture_free(struct heap_capture *capture)
{
    if (capture == NULL)
        return;
    heap_capture_end(capture);
    heap_capture_forget(capture);
}

void
heap_capture_forget(struct heap_capture *capture)
{
    int reading = atomic_load(&capture->room.open_fd) - 1;
    if (reading >= 0) /* only in a forked copy */
        close(reading);
    spool_done(&capture->spool);
    munmap(capture, sizeof *capture);
}
