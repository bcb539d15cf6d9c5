/* loop.c — a poll(2) loop: descriptors, timers, and a wake from elsewhere.
 *
 * Watches are a dense array; unwatching only blanks the entry, so that an
 * index stays good while callbacks run, and the array is packed before the
 * next poll. Entries added by a callback are not in the running pollfd array:
 * a descriptor number that was closed and reused never gets the old one's
 * events. Timers are a binary heap by deadline. Everything a step needs was
 * allocated by watch and after: a step never allocates.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)

struct watch {
    int fd; /* -1: unwatched, waits for packing */
    struct px_fd_mark mark;
    short events;
    px_loop_fd_fn *callback;
    void *context;
};

struct timer {
    uint64_t due_ns;
    uint64_t id;
    px_loop_timer_fn *callback;
    void *context;
};

struct px_loop {
    int wake_fds[2]; /* a pair of sockets: a wake is written to [1] */
    struct px_fd_mark wake_marks[2];
    bool is_stepping;
    struct watch *watches;
    struct pollfd *polls; /* [0] is wake_fds[0]; room for watch_cap + 1 */
    size_t n_watches;
    size_t watch_cap;
    struct timer *timers;
    size_t n_timers;
    size_t timer_cap;
    uint64_t last_timer;
};

uint64_t
px_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Neither an eventfd, for all of them are one inode, nor a pipe, which may
 * raise SIGPIPE when the program closed its other end. */
static enum px_status
open_wake(struct px_loop *loop, struct px_err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   ends) != 0)
        return px_fail_errno(err, PX_EIO, errno, "make an event loop");
    for (int i = 0; i < 2; i++) {
        loop->wake_fds[i] = px_fd_high(ends[i]);
        loop->wake_marks[i] = px_fd_mark(loop->wake_fds[i]);
    }
    if (loop->wake_fds[0] < 0 || loop->wake_fds[1] < 0)
        return px_fail_errno(err, PX_EIO, errno, "make an event loop");
    return PX_OK;
}

struct px_loop *
px_loop_new(struct px_err *err)
{
    struct px_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for an event loop");
        return NULL;
    }
    loop->wake_fds[0] = loop->wake_fds[1] = -1;
    loop->polls = calloc(1, sizeof *loop->polls);
    if (loop->polls == NULL)
        px_fail(err, PX_ENOMEM, "no memory for an event loop");
    if (loop->polls == NULL || open_wake(loop, err) != PX_OK) {
        px_loop_free(loop);
        return NULL;
    }
    return loop;
}

void
px_loop_free(struct px_loop *loop)
{
    if (loop == NULL)
        return;
    for (int i = 0; i < 2; i++)
        px_fd_close_if(loop->wake_fds[i], loop->wake_marks[i]);
    free(loop->watches);
    free(loop->polls);
    free(loop->timers);
    free(loop);
}

/* ---- descriptors ---- */

static struct watch *
find_watch(struct px_loop *loop, int fd)
{
    for (size_t i = 0; i < loop->n_watches; i++) {
        if (loop->watches[i].fd == fd)
            return &loop->watches[i];
    }
    return NULL;
}

static enum px_status
grow_watches(struct px_loop *loop, struct px_err *err)
{
    if (loop->n_watches < loop->watch_cap)
        return PX_OK;
    size_t cap = loop->watch_cap == 0 ? 8 : 2 * loop->watch_cap;
    /* Each array may grow alone: watch_cap only says what both have. The
     * running step reads polls by index, so moving it is harmless. */
    struct pollfd *polls = realloc(loop->polls, (cap + 1) * sizeof *polls);
    if (polls == NULL)
        return px_fail(err, PX_ENOMEM, "no memory to watch a descriptor");
    loop->polls = polls;
    struct watch *watches = realloc(loop->watches, cap * sizeof *watches);
    if (watches == NULL)
        return px_fail(err, PX_ENOMEM, "no memory to watch a descriptor");
    loop->watches = watches;
    loop->watch_cap = cap;
    return PX_OK;
}

enum px_status
px_loop_watch(struct px_loop *loop, int fd, short events,
              px_loop_fd_fn *callback, void *context, struct px_err *err)
{
    assert(fd >= 0 && callback != NULL);
    struct watch *watch = find_watch(loop, fd);
    if (watch == NULL) {
        enum px_status status = grow_watches(loop, err);
        if (status != PX_OK)
            return status;
        watch = &loop->watches[loop->n_watches++];
        *watch = (struct watch){.fd = fd, .mark = px_fd_mark(fd)};
    }
    watch->events = events;
    watch->callback = callback;
    watch->context = context;
    return PX_OK;
}

void
px_loop_unwatch(struct px_loop *loop, int fd)
{
    struct watch *watch = fd >= 0 ? find_watch(loop, fd) : NULL;
    if (watch != NULL)
        watch->fd = -1;
}

static void
pack_watches(struct px_loop *loop)
{
    size_t kept = 0;
    for (size_t i = 0; i < loop->n_watches; i++) {
        if (loop->watches[i].fd >= 0)
            loop->watches[kept++] = loop->watches[i];
    }
    loop->n_watches = kept;
}

/* ---- timers: a heap, earliest first; equal deadlines in order of making */

static bool
is_earlier(const struct timer *a, const struct timer *b)
{
    if (a->due_ns != b->due_ns)
        return a->due_ns < b->due_ns;
    return a->id < b->id;
}

static void
sift_up(struct timer *timers, size_t i)
{
    struct timer moved = timers[i];
    while (i > 0 && is_earlier(&moved, &timers[(i - 1) / 2])) {
        timers[i] = timers[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    timers[i] = moved;
}

static void
sift_down(struct timer *timers, size_t n, size_t i)
{
    struct timer moved = timers[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n)
            break;
        if (child + 1 < n && is_earlier(&timers[child + 1], &timers[child]))
            child++;
        if (!is_earlier(&timers[child], &moved))
            break;
        timers[i] = timers[child];
        i = child;
    }
    timers[i] = moved;
}

static void
remove_timer(struct px_loop *loop, size_t i)
{
    struct timer last = loop->timers[--loop->n_timers];
    if (i == loop->n_timers)
        return;
    loop->timers[i] = last;
    sift_up(loop->timers, i);
    sift_down(loop->timers, loop->n_timers, i);
}

uint64_t
px_loop_after(struct px_loop *loop, int64_t ms, px_loop_timer_fn *callback,
              void *context)
{
    assert(callback != NULL);
    if (loop->n_timers == loop->timer_cap) {
        size_t cap = loop->timer_cap == 0 ? 8 : 2 * loop->timer_cap;
        struct timer *timers = realloc(loop->timers, cap * sizeof *timers);
        if (timers == NULL)
            return 0;
        loop->timers = timers;
        loop->timer_cap = cap;
    }
    uint64_t wait_ns = ms > 0 ? (uint64_t)ms * NS_PER_MS : 0;
    loop->timers[loop->n_timers] = (struct timer){
        px_now_ns() + wait_ns, ++loop->last_timer, callback, context};
    sift_up(loop->timers, loop->n_timers++);
    return loop->last_timer;
}

void
px_loop_cancel(struct px_loop *loop, uint64_t timer)
{
    for (size_t i = 0; i < loop->n_timers; i++) {
        if (loop->timers[i].id == timer) {
            remove_timer(loop, i);
            return;
        }
    }
}

/* Runs what was due at one moment and made before it: a timer that sets
 * itself again at 0 ms waits for the next step. A later timer may stand
 * before an earlier-made one only if it is due sooner, so looking at the top
 * is enough unless the top was made in this round. */
static void
run_timers(struct px_loop *loop)
{
    uint64_t now = px_now_ns();
    uint64_t newest = loop->last_timer;
    while (loop->n_timers > 0) {
        struct timer timer = loop->timers[0];
        if (timer.due_ns > now || timer.id > newest)
            break;
        remove_timer(loop, 0);
        timer.callback(timer.context);
    }
}

/* ---- waiting ---- */

void
px_loop_wake(struct px_loop *loop)
{
    int saved = errno;
    /* EAGAIN: hundreds of wakes are pending, which is a wake too. */
    if (px_fd_is(loop->wake_fds[1], loop->wake_marks[1]))
        (void)!send(loop->wake_fds[1], "", 1, MSG_NOSIGNAL);
    errno = saved;
}

/* False: the wakes do not come any more. */
static bool
take_wakes(struct px_loop *loop, short revents)
{
    char bytes[256];
    if (revents == 0)
        return true;
    if ((revents & ~POLLIN) != 0 ||
        !px_fd_is(loop->wake_fds[0], loop->wake_marks[0]))
        return false;
    while (recv(loop->wake_fds[0], bytes, sizeof bytes, 0) ==
           (ssize_t)sizeof bytes)
        continue;
    return true;
}

void
px_loop_wake_fds(const struct px_loop *loop, int fds[2],
                 struct px_fd_mark marks[2])
{
    for (int i = 0; i < 2; i++) {
        fds[i] = loop->wake_fds[i];
        marks[i] = loop->wake_marks[i];
    }
}

bool
px_loop_is_whole(const struct px_loop *loop)
{
    return px_fd_is(loop->wake_fds[0], loop->wake_marks[0]) &&
           px_fd_is(loop->wake_fds[1], loop->wake_marks[1]);
}

static int
poll_timeout_ms(const struct px_loop *loop, int max_wait_ms)
{
    if (loop->n_timers == 0)
        return max_wait_ms;
    uint64_t now = px_now_ns();
    uint64_t due = loop->timers[0].due_ns;
    if (due <= now)
        return 0;
    /* Rounded up: waking early would spin until the deadline. */
    uint64_t ms = (due - now + NS_PER_MS - 1) / NS_PER_MS;
    if (ms > INT_MAX)
        ms = INT_MAX;
    if (max_wait_ms >= 0 && ms > (uint64_t)max_wait_ms)
        return max_wait_ms;
    return (int)ms;
}

static void
run_watches(struct px_loop *loop, size_t n_polled)
{
    for (size_t i = 0; i < n_polled; i++) {
        /* Copies: a callback may grow both arrays. */
        struct pollfd polled = loop->polls[i + 1];
        struct watch watch = loop->watches[i];
        if (watch.fd != polled.fd)
            continue;
        int wanted = watch.events | POLLERR | POLLHUP | POLLNVAL;
        short revents = (short)(polled.revents & wanted);
        if (revents != 0 && !px_fd_is(watch.fd, watch.mark))
            revents = POLLNVAL;
        if (revents != 0)
            watch.callback(watch.context, watch.fd, revents);
    }
}

enum px_status
px_loop_step(struct px_loop *loop, int max_wait_ms, struct px_err *err)
{
    assert(!loop->is_stepping);
    pack_watches(loop);
    size_t n_polled = loop->n_watches;
    loop->polls[0] = (struct pollfd){loop->wake_fds[0], POLLIN, 0};
    for (size_t i = 0; i < n_polled; i++) {
        const struct watch *watch = &loop->watches[i];
        loop->polls[i + 1] = (struct pollfd){watch->fd, watch->events, 0};
    }
    int n_ready = poll(loop->polls, (nfds_t)n_polled + 1,
                       poll_timeout_ms(loop, max_wait_ms));
    if (n_ready < 0 && errno != EINTR)
        return px_fail_errno(err, PX_EIO, errno, "wait for events");
    if (n_ready > 0 && !take_wakes(loop, loop->polls[0].revents))
        return px_fail(err, PX_EGONE, "somebody closed the loop's descriptors");
    loop->is_stepping = true;
    if (n_ready > 0)
        run_watches(loop, n_polled);
    run_timers(loop);
    loop->is_stepping = false;
    return PX_OK;
}
