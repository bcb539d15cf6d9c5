/* child_badtypes.c — types that no snapshot may fall over.
 *
 * crash: tp_traverse reads an unmapped page. loop: it never returns. visits:
 * it visits for ever. blocks: it waits on a lock that nobody in the child
 * holds. mallocs, locks: it calls what the child may not call (to show that
 * the traps work). Each does so only in a process other than the one that
 * imported this module, so the target's own collector is safe. borrows: it has
 * something to give back before it returns, and when armed no file may grow
 * while it visits a thousand thousand times. broken_list:
 * a list whose item is no object. foreign: a struct of other words under a
 * name of CPython's.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum evil { CRASH, LOOP, VISITS, BLOCKS, MALLOCS, LOCKS, BORROWS, N_EVILS };

struct bad {
    PyObject_HEAD PyObject *held;
};

static long target_pid;
static char *hole; /* no access */
static void *volatile sink;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int
do_evil(enum evil evil, visitproc visit, void *arg, PyObject *held)
{
    if (syscall(SYS_getpid) == target_pid)
        return 0;
    switch (evil) {
    case CRASH:
        return *(volatile char *)hole;
    case LOOP:
        for (volatile unsigned i = 0;; i++)
            ;
    case VISITS:
        for (;;) {
            int result = visit(held, arg);
            if (result != 0)
                return result;
        }
    case BLOCKS:
        for (;;)
            pause();
    case MALLOCS:
        sink = malloc(100);
        free(sink);
        sink = PyMem_Malloc(100);
        PyMem_Free(sink);
        return 0;
    case LOCKS:
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
        return 0;
    case BORROWS:
    case N_EVILS:
        break;
    }
    return 0;
}

#define TRAVERSE(name, evil)                                                   \
    static int name(PyObject *self, visitproc visit, void *arg)                \
    {                                                                          \
        PyObject *held = ((struct bad *)(void *)self)->held;                   \
        int result = do_evil(evil, visit, arg, held);                          \
        if (result != 0)                                                       \
            return result;                                                     \
        Py_VISIT(held);                                                        \
        return 0;                                                              \
    }
TRAVERSE(traverse_crash, CRASH)
TRAVERSE(traverse_loop, LOOP)
TRAVERSE(traverse_visits, VISITS)
TRAVERSE(traverse_blocks, BLOCKS)
TRAVERSE(traverse_mallocs, MALLOCS)
TRAVERSE(traverse_locks, LOCKS)

static int is_armed;
static int n_borrowed;

static int
traverse_borrows(PyObject *self, visitproc visit, void *arg)
{
    PyObject *held = ((struct bad *)(void *)self)->held;
    struct rlimit limit;
    int result = 0;
    n_borrowed++;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = is_armed ? 1 : limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < (is_armed ? 1000000 : 1) && result == 0; i++)
        result = visit(held, arg);
    n_borrowed--;
    return result;
}

static int
bad_clear(PyObject *self)
{
    Py_CLEAR(((struct bad *)(void *)self)->held);
    return 0;
}

static void
bad_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    bad_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *
bad_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *held;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O", &held))
        return NULL;
    struct bad *self = (struct bad *)(void *)type->tp_alloc(type, 0);
    if (self != NULL) {
        Py_INCREF(held);
        self->held = held;
    }
    return (PyObject *)self;
}

static PyTypeObject types[N_EVILS];
static const char *const names[N_EVILS] = {
    "child_badtypes.crash",  "child_badtypes.loop",    "child_badtypes.visits",
    "child_badtypes.blocks", "child_badtypes.mallocs", "child_badtypes.locks",
    "child_badtypes.borrows"};
static const traverseproc traverses[N_EVILS] = {
    traverse_crash,   traverse_loop,  traverse_visits, traverse_blocks,
    traverse_mallocs, traverse_locks, traverse_borrows};

/* A list of three whose second item is an address that nobody has. Set it
 * right again with mend_list before it is used or freed. */
static PyObject *
broken_list(PyObject *self, PyObject *list)
{
    (void)self;
    if (!PyList_CheckExact(list) || PyList_GET_SIZE(list) != 3) {
        PyErr_SetString(PyExc_TypeError, "a list of three items");
        return NULL;
    }
    sink = PyList_GET_ITEM(list, 1);
    PyList_SET_ITEM(list, 1, (PyObject *)(void *)(hole + 64));
    return PyLong_FromVoidPtr(hole + 64);
}

static PyObject *
mend_list(PyObject *self, PyObject *list)
{
    (void)self;
    PyList_SET_ITEM(list, 1, (PyObject *)sink);
    Py_RETURN_NONE;
}

/* foreign(tp_name, n_words, is_heap): an object of a type with that name, all
 * of whose words look like objects and are none. */
static PyObject *
foreign(PyObject *self, PyObject *args)
{
    static PyType_Slot none[] = {{0, NULL}};
    const char *name;
    int n_words;
    int is_heap;
    PyTypeObject *type;
    (void)self;
    if (!PyArg_ParseTuple(args, "sip", &name, &n_words, &is_heap))
        return NULL;
    PyType_Spec spec = {strdup(name), n_words * (int)sizeof(void *), 0,
                        Py_TPFLAGS_DEFAULT, none};
    if (is_heap) {
        type = (PyTypeObject *)PyType_FromSpec(&spec);
    } else {
        type = calloc(1, sizeof *type);
        PyTypeObject blank = {PyVarObject_HEAD_INIT(NULL, 0)};
        *type = blank;
        type->tp_name = spec.name;
        type->tp_basicsize = spec.basicsize;
        type->tp_flags = Py_TPFLAGS_DEFAULT;
        if (PyType_Ready(type) < 0)
            return NULL;
    }
    if (type == NULL)
        return NULL;
    PyObject *made = type->tp_alloc(type, 0);
    for (int i = 2; made != NULL && i < n_words; i++)
        ((char **)(void *)made)[i] = hole + 64 * i;
    return made;
}

/* arm(yes): how many borrows there are */
static PyObject *
arm(PyObject *self, PyObject *yes)
{
    (void)self;
    is_armed = PyObject_IsTrue(yes);
    return PyLong_FromLong(n_borrowed);
}

static PyMethodDef methods[] = {
    {"arm", arm, METH_O, NULL},
    {"foreign", foreign, METH_VARARGS, NULL},
    {"broken_list", broken_list, METH_O, NULL},
    {"mend_list", mend_list, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "child_badtypes",
    .m_size = -1,
    .m_methods = methods,
};

__attribute__((visibility("default"))) PyMODINIT_FUNC
PyInit_child_badtypes(void)
{
    PyObject *made = PyModule_Create(&module);
    if (made == NULL)
        return NULL;
    target_pid = syscall(SYS_getpid);
    hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < N_EVILS; i++) {
        PyTypeObject *type = &types[i];
        PyTypeObject blank = {PyVarObject_HEAD_INIT(NULL, 0)};
        *type = blank;
        type->tp_name = names[i];
        type->tp_basicsize = sizeof(struct bad);
        type->tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC;
        type->tp_traverse = traverses[i];
        type->tp_clear = bad_clear;
        type->tp_dealloc = bad_dealloc;
        type->tp_new = bad_new;
        type->tp_free = PyObject_GC_Del;
        if (PyType_Ready(type) < 0)
            return NULL;
        Py_INCREF(type);
        const char *last = strrchr(names[i], '.') + 1;
        if (PyModule_AddObject(made, last, (PyObject *)type) < 0)
            return NULL;
    }
    return made;
}
