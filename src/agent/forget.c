/* forget.c — descriptors and captures by value, closed in a forked child.
 *
 * Two small static tables under one mutex. The prepare handler takes the
 * mutex, so the tables are whole when the child looks at them; the parent's
 * handler gives it back; the child, which is alone, makes a new one.
 *
 * A raw clone (the snapshot child) runs no handlers, as it should.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/forget.h"

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

/* A thread that has CPython's lock lets it go within microseconds, if it is
 * not put aside just then. */
#define HEADS_WAIT_MS 100

struct ours {
    int fd_1; /* fd + 1, so that 0 is free */
    struct px_fd_mark mark;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ours fds[FORGET_FDS_MAX];
static struct heap_capture *captures[FORGET_CAPTURES_MAX];
static pthread_mutex_t heads = PTHREAD_MUTEX_INITIALIZER;
static bool has_heads; /* the thread that forks */
static void (*then)(void);
static bool is_installed;

static void
before_fork(void)
{
    pthread_mutex_lock(&mutex);
    /* no pthread_mutex_timedlock: its clock may be set back meanwhile */
    has_heads = pthread_mutex_trylock(&heads) == 0;
    for (int ms = 0; !has_heads && ms < HEADS_WAIT_MS; ms++) {
        usleep(1000);
        has_heads = pthread_mutex_trylock(&heads) == 0;
    }
}

static void
after_in_parent(void)
{
    if (has_heads)
        pthread_mutex_unlock(&heads);
    pthread_mutex_unlock(&mutex);
}

static void
after_in_child(void)
{
    mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    heads = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    for (size_t i = 0; i < FORGET_FDS_MAX; i++) {
        if (fds[i].fd_1 != 0)
            px_fd_close_if(fds[i].fd_1 - 1, fds[i].mark);
        fds[i].fd_1 = 0;
    }
    for (size_t i = 0; i < FORGET_CAPTURES_MAX; i++) {
        if (captures[i] != NULL)
            heap_capture_forget(captures[i]);
        captures[i] = NULL;
    }
    if (then != NULL)
        then();
}

enum px_status
forget_install(void (*in_child)(void), struct px_err *err)
{
    enum px_status status = PX_OK;
    pthread_mutex_lock(&mutex);
    if (in_child != NULL)
        then = in_child;
    if (!is_installed) {
        int code = pthread_atfork(before_fork, after_in_parent, after_in_child);
        if (code != 0)
            status = px_fail_errno(err, PX_ENOMEM, code,
                                   "register what to do at fork");
        is_installed = code == 0;
    }
    pthread_mutex_unlock(&mutex);
    return status;
}

void
forget_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void
forget_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

void
forget_lock_heads(void)
{
    pthread_mutex_lock(&heads);
}

void
forget_unlock_heads(void)
{
    pthread_mutex_unlock(&heads);
}

/* ---- descriptors ---- */

static struct ours *
find_fd(int fd)
{
    for (size_t i = 0; i < FORGET_FDS_MAX; i++) {
        if (fds[i].fd_1 == fd + 1)
            return &fds[i];
    }
    return NULL;
}

enum px_status
forget_fd_add(int fd, struct px_fd_mark *mark, struct px_err *err)
{
    *mark = px_fd_mark(fd);
    /* Of that number: one that the program closed, or that forget_fd_close
     * just did. */
    struct ours *entry = find_fd(fd);
    if (entry == NULL)
        entry = find_fd(-1);
    if (entry == NULL)
        return px_fail(err, PX_ELIMIT, "more than %d descriptors in use",
                       FORGET_FDS_MAX);
    *entry = (struct ours){fd + 1, *mark};
    return PX_OK;
}

/* The entry of that number may be another file's by now. */
static void
remove_fd(int fd, struct px_fd_mark mark)
{
    struct ours *entry = fd >= 0 ? find_fd(fd) : NULL;
    if (entry != NULL && px_fd_is_same(entry->mark, mark))
        entry->fd_1 = 0;
}

void
forget_fd_close(int fd, struct px_fd_mark mark)
{
    /* A slow disk may keep us here. It stays in the table, so that a child
     * of that time closes it, if it has it at all: the mark tells. */
    px_fd_close_if(fd, mark);
    pthread_mutex_lock(&mutex);
    remove_fd(fd, mark);
    pthread_mutex_unlock(&mutex);
}

/* ---- loops ---- */

struct px_loop *
forget_loop_new(struct px_err *err)
{
    int ends[2];
    struct px_fd_mark marks[2];
    pthread_mutex_lock(&mutex);
    struct px_loop *loop = px_loop_new(err);
    if (loop != NULL) {
        px_loop_wake_fds(loop, ends, marks);
        if (forget_fd_add(ends[0], &marks[0], err) != PX_OK ||
            forget_fd_add(ends[1], &marks[1], err) != PX_OK) {
            remove_fd(ends[0], marks[0]);
            px_loop_free(loop);
            loop = NULL;
        }
    }
    pthread_mutex_unlock(&mutex);
    return loop;
}

void
forget_loop_free(struct px_loop *loop)
{
    int ends[2];
    struct px_fd_mark marks[2];
    px_loop_wake_fds(loop, ends, marks);
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < 2; i++)
        remove_fd(ends[i], marks[i]);
    px_loop_free(loop);
    pthread_mutex_unlock(&mutex);
}

/* ---- captures ---- */

static size_t
find_capture(const struct heap_capture *capture)
{
    size_t i = 0;
    while (i < FORGET_CAPTURES_MAX && captures[i] != capture)
        i++;
    return i;
}

/* A place in the table for a new one. */
static struct heap_capture *
add_capture(const struct heap_options *opts, struct px_err *err)
{
    struct heap_capture *capture = NULL;
    pthread_mutex_lock(&mutex);
    size_t i = find_capture(NULL);
    if (i == FORGET_CAPTURES_MAX)
        px_fail(err, PX_EBUSY, "%d snapshots are being taken already",
                FORGET_CAPTURES_MAX);
    else
        capture = captures[i] = heap_capture_new(opts, err);
    pthread_mutex_unlock(&mutex);
    return capture;
}

struct heap_capture *
forget_capture_new(const struct heap_options *opts, struct px_err *err)
{
    struct heap_capture *capture = add_capture(opts, err);
    if (capture == NULL)
        return NULL;
    enum px_status status = heap_capture_check(capture, err);
    if (status == PX_OK) {
        pthread_mutex_lock(&mutex);
        status = heap_capture_open(capture, err);
        pthread_mutex_unlock(&mutex);
    }
    if (status == PX_OK)
        return capture;
    forget_capture_free(capture);
    return NULL;
}

void
forget_capture_free(struct heap_capture *capture)
{
    if (capture == NULL)
        return;
    heap_capture_end(capture); /* waits for the child: not with the mutex */
    pthread_mutex_lock(&mutex);
    size_t i = find_capture(capture);
    if (i < FORGET_CAPTURES_MAX)
        captures[i] = NULL;
    heap_capture_forget(capture);
    pthread_mutex_unlock(&mutex);
}
