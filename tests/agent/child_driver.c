/* child_driver.c — the door of heap.h for tests, without agent and sockets.
 *
 * An extension that child_tools.py compiles together with src/agent/heap: the
 * tests then drive one capture step by step, choose options that no user has
 * (mark_only, count_dirty, time limits), and hook Python's allocators so that
 * a call from the child is seen.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/heap/heads.h"
#include "agent/heap/heap.h"
#include "agent/heap/room.h"
#include "agent/heap/spool.h"

#define NAME "pyexplore.test.capture"

static struct heap_capture *
capture_of(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, NAME);
}

static PyObject *
fail(const struct px_err *err)
{
    return PyErr_Format(PyExc_RuntimeError, "%s: %s%s%s",
                        px_status_name(err->status), err->msg,
                        err->hint[0] == '\0' ? "" : " | ", err->hint);
}

static PyObject *
driver_new(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"detail",       "codec",         "spool_bytes",
                            "slow_peer_ms", "time_limit_ms", "stop_the_world",
                            "mark_only",    "count_dirty",   NULL};
    int detail = PX_DETAIL_VALUES;
    int codec = 0;
    unsigned long long spool_bytes = 0;
    int slow = 0;
    int limit = 0;
    int stop = 0;
    int mark = 0;
    int dirty = 0;
    struct px_err err = {PX_OK, "", ""};
    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|iiKiippp", names, &detail,
                                     &codec, &spool_bytes, &slow, &limit, &stop,
                                     &mark, &dirty))
        return NULL;
    struct heap_options options = {
        .detail = (enum px_detail)detail,
        .codec = (enum px_codec)codec,
        .spool_bytes = spool_bytes,
        .slow_peer_ms = slow,
        .time_limit_ms = limit,
        .stop_the_world = stop != 0,
        .mark_only = mark != 0,
        .count_dirty = dirty != 0,
    };
    struct heap_capture *capture;
    Py_BEGIN_ALLOW_THREADS
    capture = heap_capture_new(&options, &err);
    if (capture != NULL && (heap_capture_check(capture, &err) != PX_OK ||
                            heap_capture_open(capture, &err) != PX_OK)) {
        heap_capture_free(capture);
        capture = NULL;
    }
    Py_END_ALLOW_THREADS
    if (capture == NULL)
        return fail(&err);
    return PyCapsule_New(capture, NAME, NULL);
}

/* clone(capture, header) -> nanoseconds that it took */
static PyObject *
driver_clone(PyObject *self, PyObject *args)
{
    PyObject *capsule;
    const char *header;
    Py_ssize_t n_bytes;
    struct px_err err = {PX_OK, "", ""};
    (void)self;
    if (!PyArg_ParseTuple(args, "Os#", &capsule, &header, &n_bytes))
        return NULL;
    struct heap_capture *capture = capture_of(capsule);
    if (capture == NULL)
        return NULL;
    uint64_t start = spool_now_ns();
    if (heap_capture_clone(capture, header, (size_t)n_bytes, &err) != PX_OK)
        return fail(&err);
    uint64_t pause = spool_now_ns() - start;
    Py_BEGIN_ALLOW_THREADS
    heap_capture_set_pause(capture, 0, pause);
    Py_END_ALLOW_THREADS
    return PyLong_FromUnsignedLongLong(pause);
}

/* poll(capture) -> (published_bytes, objects, ended, end) */
static PyObject *
driver_poll(PyObject *self, PyObject *capsule)
{
    struct heap_progress progress;
    struct heap_capture *capture = capture_of(capsule);
    (void)self;
    if (capture == NULL)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    heap_capture_poll(capture, &progress);
    Py_END_ALLOW_THREADS
    return Py_BuildValue("KKNi", (unsigned long long)progress.published_bytes,
                         (unsigned long long)progress.objects,
                         PyBool_FromLong(progress.ended), (int)progress.end);
}

/* wait(capture, ms): sleeps in poll(2) until the child has ended, touching as
 * little memory as can be; the same result as poll. */
static PyObject *
driver_wait(PyObject *self, PyObject *args)
{
    PyObject *capsule;
    int ms;
    struct heap_progress progress;
    (void)self;
    if (!PyArg_ParseTuple(args, "Oi", &capsule, &ms))
        return NULL;
    struct heap_capture *capture = capture_of(capsule);
    if (capture == NULL)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    uint64_t until = spool_now_ns() + (uint64_t)ms * 1000000u;
    struct pollfd fd = {heap_capture_event_fd(capture), POLLIN, 0};
    do {
        heap_capture_poll(capture, &progress);
    } while (!progress.ended && spool_now_ns() < until &&
             poll(&fd, 1, 100) >= 0);
    Py_END_ALLOW_THREADS
    return Py_BuildValue("KKNi", (unsigned long long)progress.published_bytes,
                         (unsigned long long)progress.objects,
                         PyBool_FromLong(progress.ended), (int)progress.end);
}

static PyObject *
driver_fds(PyObject *self, PyObject *capsule)
{
    struct heap_capture *capture = capture_of(capsule);
    (void)self;
    if (capture == NULL)
        return NULL;
    return Py_BuildValue("iii", heap_capture_spool_fd(capture),
                         heap_capture_event_fd(capture),
                         (int)heap_capture_pid(capture));
}

static PyObject *
driver_release(PyObject *self, PyObject *args)
{
    PyObject *capsule;
    unsigned long long offset;
    (void)self;
    if (!PyArg_ParseTuple(args, "OK", &capsule, &offset))
        return NULL;
    struct heap_capture *capture = capture_of(capsule);
    if (capture == NULL)
        return NULL;
    heap_capture_release(capture, offset);
    Py_RETURN_NONE;
}

static PyObject *
driver_cancel(PyObject *self, PyObject *capsule)
{
    struct heap_capture *capture = capture_of(capsule);
    (void)self;
    if (capture == NULL)
        return NULL;
    heap_capture_cancel(capture);
    Py_RETURN_NONE;
}

static PyObject *
driver_free(PyObject *self, PyObject *capsule)
{
    struct heap_capture *capture = capture_of(capsule);
    (void)self;
    if (capture == NULL)
        return NULL;
    PyCapsule_SetName(capsule, "freed");
    Py_BEGIN_ALLOW_THREADS
    heap_capture_free(capture);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *
driver_self_test(PyObject *self, PyObject *unused)
{
    struct px_err err = {PX_OK, "", ""};
    (void)self;
    (void)unused;
    if (heap_self_test(&err) != PX_OK)
        return fail(&err);
    Py_RETURN_NONE;
}

static PyObject *
driver_set_own(PyObject *self, PyObject *args)
{
    void *own[HEAP_OWN_MAX];
    size_t n = 0;
    (void)self;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
        if (n < HEAP_OWN_MAX)
            own[n++] = PyTuple_GET_ITEM(args, i);
    }
    heap_set_own(own, n);
    Py_RETURN_NONE;
}

static int
count_one(PyObject *object, void *context)
{
    (void)object;
    ++*(unsigned long long *)context;
    return 0;
}

/* counts() -> objects in generations 0, 1, 2 and the permanent one */
static PyObject *
driver_counts(PyObject *self, PyObject *unused)
{
    unsigned long long n[HEADS_N] = {0};
    struct px_err err = {PX_OK, "", ""};
    (void)self;
    (void)unused;
    const struct heads *heads = heads_get(&err);
    if (heads == NULL)
        return fail(&err);
    for (unsigned i = 0; i < HEADS_N; i++)
        heads_each(heads, i, count_one, &n[i]);
    return Py_BuildValue("KKKK", n[0], n[1], n[2], n[3]);
}

/* room() -> (free bytes, needed bytes, rss bytes, number of cgroups) */
static PyObject *
driver_room(PyObject *self, PyObject *unused)
{
    static struct room room;
    (void)self;
    (void)unused;
    room_init(&room);
    return Py_BuildValue("KKKn", (unsigned long long)room_look(&room),
                         (unsigned long long)room.need_bytes,
                         (unsigned long long)room.rss_bytes,
                         (Py_ssize_t)room.memory.n_levels);
}

/* room_at(folder, is_v1, rss) -> (free bytes, refusal or None), for a folder
 * with the files of one cgroup. */
static PyObject *
driver_room_at(PyObject *self, PyObject *args)
{
    static struct room room;
    const char *folder;
    int is_v1;
    unsigned long long rss;
    uint64_t available;
    struct px_err err = {PX_OK, "", ""};
    (void)self;
    if (!PyArg_ParseTuple(args, "spK", &folder, &is_v1, &rss))
        return NULL;
    room_init(&room);
    struct px_memory_level *level = &room.memory.levels[0];
    room.memory.n_levels = 1;
    room.rss_bytes = rss;
    room.need_bytes = rss / 10 < ROOM_FLOOR_BYTES ? ROOM_FLOOR_BYTES : rss / 10;
    level->is_v1 = is_v1 != 0;
    snprintf(level->folder, sizeof level->folder, "%s", folder);
    if (room_check(&room, &available, &err) == PX_OK)
        return Py_BuildValue("KO", (unsigned long long)available, Py_None);
    return Py_BuildValue("Kss", (unsigned long long)available, err.msg,
                         err.hint);
}

static PyObject *
filter_install(struct sock_filter *code, size_t n)
{
    struct sock_fprog filter = {(unsigned short)n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

/* forbid(number, errno, always): from now on that system call fails so, or
 * with errno 0 kills who makes it, if its first argument is 0 or `always`. For
 * the rest of this process's life. */
static PyObject *
driver_forbid(PyObject *self, PyObject *args)
{
    unsigned number;
    unsigned error;
    int always;
    (void)self;
    if (!PyArg_ParseTuple(args, "IIp", &number, &error, &always))
        return NULL;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0, (unsigned char)!always, 0),
        BPF_STMT(BPF_RET | BPF_K, error != 0 ? SECCOMP_RET_ERRNO | error
                                             : SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return filter_install(code, sizeof code / sizeof code[0]);
}

/* forbid_without(number, errno, flag): the same, if its second argument has
 * not this flag. */
static PyObject *
driver_forbid_without(PyObject *self, PyObject *args)
{
    unsigned number;
    unsigned error;
    unsigned flag;
    (void)self;
    if (!PyArg_ParseTuple(args, "III", &number, &error, &flag))
        return NULL;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return filter_install(code, sizeof code / sizeof code[0]);
}

/* ---- Python's allocators, watched in every copy of this process ---- */

static struct watch {
    _Atomic int n_calls;
    long pid;
} * watch;
static PyMemAllocatorEx real[3];

static void
watch_call(void)
{
    if (syscall(SYS_getpid) != watch->pid)
        atomic_fetch_add(&watch->n_calls, 1);
}

static void *
watch_malloc(void *context, size_t n)
{
    PyMemAllocatorEx *allocator = context;
    watch_call();
    return allocator->malloc(allocator->ctx, n);
}

static void *
watch_calloc(void *context, size_t n, size_t size)
{
    PyMemAllocatorEx *allocator = context;
    watch_call();
    return allocator->calloc(allocator->ctx, n, size);
}

static void *
watch_realloc(void *context, void *memory, size_t n)
{
    PyMemAllocatorEx *allocator = context;
    watch_call();
    return allocator->realloc(allocator->ctx, memory, n);
}

static void
watch_free(void *context, void *memory)
{
    PyMemAllocatorEx *allocator = context;
    watch_call();
    allocator->free(allocator->ctx, memory);
}

static PyObject *
driver_watch_allocators(PyObject *self, PyObject *unused)
{
    static const PyMemAllocatorDomain domains[] = {
        PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};
    (void)self;
    (void)unused;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return PyErr_NoMemory();
    watch = page;
    watch->pid = syscall(SYS_getpid);
    for (int i = 0; i < 3; i++) {
        PyMem_GetAllocator(domains[i], &real[i]);
        PyMemAllocatorEx mine = {&real[i], watch_malloc, watch_calloc,
                                 watch_realloc, watch_free};
        PyMem_SetAllocator(domains[i], &mine);
    }
    Py_RETURN_NONE;
}

/* How often another process than the target called an allocator. */
static PyObject *
driver_watched_calls(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyLong_FromLong(watch == NULL ? -1 : atomic_load(&watch->n_calls));
}

static PyMethodDef methods[] = {
    {"new", (PyCFunction)(void (*)(void))driver_new,
     METH_VARARGS | METH_KEYWORDS, NULL},
    {"clone", driver_clone, METH_VARARGS, NULL},
    {"poll", driver_poll, METH_O, NULL},
    {"wait", driver_wait, METH_VARARGS, NULL},
    {"fds", driver_fds, METH_O, NULL},
    {"release", driver_release, METH_VARARGS, NULL},
    {"cancel", driver_cancel, METH_O, NULL},
    {"free", driver_free, METH_O, NULL},
    {"self_test", driver_self_test, METH_NOARGS, NULL},
    {"set_own", driver_set_own, METH_VARARGS, NULL},
    {"counts", driver_counts, METH_NOARGS, NULL},
    {"room", driver_room, METH_NOARGS, NULL},
    {"room_at", driver_room_at, METH_VARARGS, NULL},
    {"forbid", driver_forbid, METH_VARARGS, NULL},
    {"forbid_without", driver_forbid_without, METH_VARARGS, NULL},
    {"watch_allocators", driver_watch_allocators, METH_NOARGS, NULL},
    {"watched_calls", driver_watched_calls, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "child_driver",
    .m_size = -1,
    .m_methods = methods,
};

__attribute__((visibility("default"))) PyMODINIT_FUNC
PyInit_child_driver(void)
{
    return PyModule_Create(&module);
}
