/* file.c — pyexplore.snapshot(): one capture, written to a file.
 *
 * A thread of its own does the work and ends with it, for three reasons: the
 * child must be cloned with all signals blocked; it dies with the thread that
 * cloned it (PR_SET_PDEATHSIG), so that thread has to wait for it; and the
 * thread that called us is then an ordinary one in the snapshot, with its
 * frames. The caller waits without the GIL and looks for Ctrl-C.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "agent/border.h"
#include "agent/forget.h"
#include "agent/own_file.h"
#include "agent/snap.h"
#include "agent/thread.h"
#include "base/fd.h"
#include "base/loop.h"

#define RELEASE_BYTES (4u << 20)
#define SLOW_DISK_MS (10 * 60 * 1000)
#define LOOK_MS 100 /* between two looks for a signal */
#define LAST_WAIT_S 10

/* On the heap and counted: a daemon thread that called us may be ended by
 * the finalising interpreter at any wait for the GIL, while the job goes on. */
struct file_job {
    atomic_int refs;
    struct heap_options opts;
    int fd;
    struct px_fd_mark mark;
    atomic_bool cancel;
    const atomic_bool *also_cancel; /* the caller's, or NULL */
    atomic_bool is_last;            /* cancelled because the interpreter ends */
    char *path;                     /* as it was given */
    struct own_file file;           /* removed if it does not become whole */
    /* results */
    enum px_status status;
    struct px_err err;
    int error; /* errno of a failed write, 0: none */
    struct heap_progress end;
};

#define JOBS_MAX 16
static pthread_mutex_t jobs_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct file_job *jobs[JOBS_MAX]; /* whose thread runs */

static bool
replace_job(struct file_job *from, struct file_job *to)
{
    bool found = false;
    pthread_mutex_lock(&jobs_mutex);
    for (size_t i = 0; i < JOBS_MAX && !found; i++) {
        found = jobs[i] == from;
        if (found)
            jobs[i] = to;
    }
    pthread_mutex_unlock(&jobs_mutex);
    return found;
}

static void
unref_job(struct file_job *job)
{
    if (atomic_fetch_sub(&job->refs, 1) != 1)
        return;
    free(job->path);
    free(job);
}

static bool
is_canceled(const struct file_job *job)
{
    return atomic_load(&job->cancel) ||
           (job->also_cancel != NULL && atomic_load(job->also_cancel));
}

/* spool [*at, until) → file. False: job->error is set. */
static bool
copy_spool(struct file_job *job, const struct heap_capture *capture,
           uint64_t *at, uint64_t until)
{
    while (*at < until) {
        off_t from = (off_t)*at;
        if (!px_fd_is(job->fd, job->mark)) {
            job->error = EBADF;
            return false;
        }
        ssize_t n = sendfile(job->fd, heap_capture_spool_fd(capture), &from,
                             (size_t)(until - *at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            job->error = n < 0 ? errno : EIO;
            return false;
        }
        *at += (uint64_t)n;
    }
    return true;
}

static void
write_capture(struct file_job *job, struct heap_capture *capture)
{
    uint64_t at = 0;
    uint64_t released = 0;
    struct heap_progress seen = {.ended = false};
    bool canceled = false;
    do {
        struct pollfd ready = {.fd = heap_capture_event_fd(capture),
                               .events = POLLIN};
        poll(&ready, 1, LOOK_MS);
        heap_capture_poll(capture, &seen);
        if (job->error == 0)
            copy_spool(job, capture, &at, seen.published_bytes);
        if (job->error == 0 && at - released >= RELEASE_BYTES) {
            heap_capture_release(capture, at);
            released = at;
        }
        if (!canceled && (job->error != 0 || is_canceled(job))) {
            heap_capture_cancel(capture);
            canceled = true;
        }
    } while (!seen.ended);
    if (job->error == 0)
        copy_spool(job, capture, &at, seen.published_bytes);
    if (job->error == 0 && px_fd_is(job->fd, job->mark) && fsync(job->fd) < 0 &&
        errno != EINVAL && errno != ENOSYS && errno != EROFS)
        job->error = errno;
    job->end = seen;
}

/* The whole of it, by a thread of its own. */
static void
run_job(struct file_job *job)
{
    struct snap_header *header = NULL;
    struct border_stay stay = {.wait_ns = 0};
    enum px_status status = PX_ENOMEM;
    struct heap_capture *capture = forget_capture_new(&job->opts, &job->err);
    if (capture == NULL) {
        status = job->err.status;
        goto out;
    }
    header = snap_header_new(&job->opts, &job->err);
    if (header == NULL)
        goto out;
    if (!border_enter(&stay)) {
        status = px_fail(&job->err, PX_EGONE, "the interpreter is ending");
        goto out;
    }
    status = is_canceled(job) ? px_fail(&job->err, PX_ECANCELED, "cancelled")
                              : snap_clone(capture, header, &job->err);
    border_leave(&stay);
    if (status != PX_OK)
        goto out;
    heap_capture_set_pause(capture, stay.wait_ns, stay.hold_ns);
    write_capture(job, capture);

out:
    job->status = status;
    snap_header_free(header);
    forget_capture_free(capture);
    if (status != PX_OK || job->error != 0 || job->end.end != PX_END_COMPLETE)
        own_file_remove(&job->file);
    forget_fd_close(job->fd, job->mark);
    replace_job(job, NULL);
}

static void *
file_thread(void *context)
{
    run_job(context);
    unref_job(context);
    return NULL;
}

/* False: errno says why, and there is no file. */
static bool
open_file(struct file_job *job)
{
    int fd = px_fd_high(open(
        job->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd < 0)
        return false;
    struct px_err err;
    forget_lock();
    enum px_status status = forget_fd_add(fd, &job->mark, &err);
    forget_unlock();
    own_file_note_open(&job->file, fd, job->path);
    ssize_t n =
        status == PX_OK ? write(fd, PX_FILE_MAGIC, PX_FILE_MAGIC_BYTES) : -1;
    if (n == PX_FILE_MAGIC_BYTES) {
        job->fd = fd;
        return true;
    }
    int error = status != PX_OK ? EMFILE : n < 0 ? errno : ENOSPC;
    own_file_remove(&job->file);
    if (status == PX_OK)
        forget_fd_close(fd, job->mark);
    else
        close(fd);
    errno = error;
    return false;
}

/* `path`: bytes; people read it as text. */
static PyObject *
raise_write(int error, PyObject *path)
{
    PyObject *name = PyUnicode_DecodeFSDefaultAndSize(PyBytes_AS_STRING(path),
                                                      PyBytes_GET_SIZE(path));
    if (name == NULL)
        return NULL;
    errno = error;
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
    Py_DECREF(name);
    return NULL;
}

/* Waits for the thread; true if Python had something to say (Ctrl-C). */
static bool
wait_job(pthread_t thread, struct file_job *job)
{
    bool interrupted = false;
    for (;;) {
        bool ended = false;
        Py_BEGIN_ALLOW_THREADS
        ended = thread_join(thread, LOOK_MS);
        Py_END_ALLOW_THREADS
        if (ended)
            return interrupted;
        if (!interrupted && PyErr_CheckSignals() < 0) {
            interrupted = true;
            atomic_store(&job->cancel, true);
        }
    }
}

static struct file_job *
make_job(const char *path, const struct heap_options *opts)
{
    struct file_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return NULL;
    atomic_init(&job->refs, 2);
    job->opts = *opts;
    job->opts.spool_bytes = HEAP_SPOOL_DEFAULT;
    job->opts.slow_peer_ms = SLOW_DISK_MS;
    job->fd = -1;
    job->path = strdup(path);
    if (job->path != NULL)
        return job;
    free(job);
    return NULL;
}

/* One whose thread never ran, with its file. */
static void
drop_job(struct file_job *job)
{
    if (job->fd >= 0) {
        own_file_remove(&job->file);
        forget_fd_close(job->fd, job->mark);
    }
    atomic_store(&job->refs, 1); /* the thread's too */
    unref_job(job);
}

/* The thread runs, or there is an exception, no file and no job. */
static bool
start_job(struct file_job *job, pthread_t *thread, PyObject *path)
{
    int error = 0;
    Py_BEGIN_ALLOW_THREADS
    error = open_file(job) ? 0 : errno;
    Py_END_ALLOW_THREADS
    if (error != 0) {
        raise_write(error, path);
        goto fail;
    }
    if (!replace_job(NULL, job)) {
        PyErr_Format(PyExc_RuntimeError, "%d snapshots are being written",
                     JOBS_MAX);
        goto fail;
    }
    if (thread_start(thread, THREAD_CLONES, file_thread, job, &job->err) ==
        PX_OK)
        return true;
    replace_job(job, NULL);
    border_raise(&job->err);

fail:
    drop_job(job);
    return false;
}

/* A daemon thread whose snapshot was cancelled by the interpreter's end: it
 * would print an exception that is nobody's fault. It sleeps until the
 * interpreter, which takes the GIL for good, or the process is gone. */
static void
wait_for_the_end(void)
{
    Py_BEGIN_ALLOW_THREADS
    sleep(LAST_WAIT_S);
    Py_END_ALLOW_THREADS
}

PyObject *
file_snapshot(PyObject *path, const struct heap_options *opts)
{
    struct px_err err;
    pthread_t thread;
    if (heap_self_test(&err) != PX_OK)
        return border_raise(&err);
    struct file_job *job = make_job(PyBytes_AS_STRING(path), opts);
    if (job == NULL)
        return PyErr_NoMemory();
    if (!start_job(job, &thread, path))
        return NULL;
    PyObject *result = NULL;
    bool interrupted = wait_job(thread, job);
    if (atomic_load(&job->is_last))
        wait_for_the_end();
    if (interrupted) {
        /* the exception is set */
    } else if (job->status != PX_OK) {
        border_raise(&job->err);
    } else if (job->error != 0) {
        raise_write(job->error, path);
    } else if (job->end.end != PX_END_COMPLETE) {
        PyErr_SetString(PyExc_RuntimeError, px_end_sentence(job->end.end));
    } else {
        Py_INCREF(Py_None);
        result = Py_None;
    }
    unref_job(job);
    return result;
}

enum px_status
file_write(const char *path, const struct heap_options *opts,
           const atomic_bool *cancel, struct px_err *err)
{
    struct file_job *job = make_job(path, opts);
    if (job == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a snapshot");
    job->also_cancel = cancel;
    enum px_status status = PX_OK;
    if (!open_file(job))
        status = px_fail_errno(err, PX_EIO, errno, "cannot write %s", path);
    else if (!replace_job(NULL, job))
        status =
            px_fail(err, PX_ELIMIT, "%d snapshots are being written", JOBS_MAX);
    if (status != PX_OK) {
        drop_job(job);
        return status;
    }
    atomic_store(&job->refs, 1); /* nobody else has it */
    run_job(job);
    status = job->status;
    if (status != PX_OK)
        *err = job->err;
    else if (job->error != 0)
        status =
            px_fail_errno(err, PX_EIO, job->error, "cannot write %s", path);
    else if (job->end.end != PX_END_COMPLETE)
        status =
            px_fail(err, PX_ETRUNCATED, "%s", px_end_sentence(job->end.end));
    unref_job(job);
    return status;
}

/* Tells all that run to end; false: none does. */
static bool
cancel_running(void)
{
    bool running = false;
    pthread_mutex_lock(&jobs_mutex);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        if (jobs[i] == NULL)
            continue;
        atomic_store(&jobs[i]->is_last, true);
        atomic_store(&jobs[i]->cancel, true);
        running = true;
    }
    pthread_mutex_unlock(&jobs_mutex);
    return running;
}

void
file_cancel_all(int ms)
{
    for (int waited = 0; cancel_running() && waited < ms; waited++)
        usleep(1000);
}

void
file_in_child(void)
{
    jobs_mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    memset(jobs, 0, sizeof jobs);
}
