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
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int fds[FORGET_FDS_MAX]; /* fd + 1, so that 0 is free */
static struct heap_capture *captures[FORGET_CAPTURES_MAX];
static void (*then)(void);
static bool is_installed;

static void
before_fork(void)
{
    pthread_mutex_lock(&mutex);
}

static void
after_in_parent(void)
{
    pthread_mutex_unlock(&mutex);
}

static void
after_in_child(void)
{
    mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    for (size_t i = 0; i < FORGET_FDS_MAX; i++) {
        if (fds[i] != 0)
            close(fds[i] - 1);
        fds[i] = 0;
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

enum px_status
forget_fd_add(int fd, struct px_err *err)
{
    for (size_t i = 0; i < FORGET_FDS_MAX; i++) {
        if (fds[i] == 0) {
            fds[i] = fd + 1;
            return PX_OK;
        }
    }
    return px_fail(err, PX_ELIMIT, "more than %d descriptors in use",
                   FORGET_FDS_MAX);
}

static void
remove_fd(int fd)
{
    for (size_t i = 0; i < FORGET_FDS_MAX; i++) {
        if (fds[i] == fd + 1)
            fds[i] = 0;
    }
}

void
forget_fd_close(int fd)
{
    if (fd < 0)
        return;
    pthread_mutex_lock(&mutex);
    remove_fd(fd);
    close(fd);
    pthread_mutex_unlock(&mutex);
}

void
forget_loop_free(struct px_loop *loop)
{
    pthread_mutex_lock(&mutex);
    remove_fd(px_loop_wake_fd(loop));
    px_loop_free(loop);
    pthread_mutex_unlock(&mutex);
}

struct heap_capture *
forget_capture_new(const struct heap_options *opts, struct px_err *err)
{
    struct heap_capture *capture = NULL;
    size_t i = 0;
    pthread_mutex_lock(&mutex);
    while (i < FORGET_CAPTURES_MAX && captures[i] != NULL)
        i++;
    if (i == FORGET_CAPTURES_MAX)
        px_fail(err, PX_EBUSY, "%d snapshots are being taken already",
                FORGET_CAPTURES_MAX);
    else
        capture = captures[i] = heap_capture_new(opts, err);
    pthread_mutex_unlock(&mutex);
    return capture;
}

void
forget_capture_free(struct heap_capture *capture)
{
    if (capture == NULL)
        return;
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < FORGET_CAPTURES_MAX; i++) {
        if (captures[i] == capture)
            captures[i] = NULL;
    }
    heap_capture_free(capture);
    pthread_mutex_unlock(&mutex);
}
