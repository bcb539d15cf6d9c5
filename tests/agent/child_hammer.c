/* child_hammer.c — native threads that keep malloc's and the loader's locks
 * busy, so that a child that needs one of them hangs soon.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 16
#define BLOCKS 256

static _Atomic int running;
static pthread_t threads[THREADS_MAX];
static int n_threads;

static void *
hammer(void *context)
{
    char *blocks[BLOCKS] = {NULL};
    unsigned seed = (unsigned)(size_t)context * 2654435761u + 1;
    for (unsigned i = 0; atomic_load(&running); i++) {
        seed = seed * 1664525u + 1013904223u;
        char **block = &blocks[(seed >> 8) % BLOCKS];
        free(*block);
        *block = malloc(16 + (seed >> 16) % 8192);
        if (*block != NULL)
            memset(*block, 1, 16);
        if (i % 64 == 0) {
            void *library = dlopen("libm.so.6", RTLD_NOW);
            if (library != NULL)
                dlclose(library);
        }
    }
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return NULL;
}

static PyObject *
hammer_start(PyObject *self, PyObject *args)
{
    (void)self;
    if (!PyArg_ParseTuple(args, "i", &n_threads))
        return NULL;
    if (n_threads > THREADS_MAX)
        n_threads = THREADS_MAX;
    atomic_store(&running, 1);
    for (int i = 0; i < n_threads; i++) {
        if (pthread_create(&threads[i], NULL, hammer, (void *)(size_t)i) != 0)
            return PyErr_Format(PyExc_OSError, "no thread");
    }
    Py_RETURN_NONE;
}

static PyObject *
hammer_stop(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    atomic_store(&running, 0);
    Py_BEGIN_ALLOW_THREADS
    for (int i = 0; i < n_threads; i++)
        pthread_join(threads[i], NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"start", hammer_start, METH_VARARGS, NULL},
    {"stop", hammer_stop, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "child_hammer",
    .m_size = -1,
    .m_methods = methods,
};

__attribute__((visibility("default"))) PyMODINIT_FUNC
PyInit_child_hammer(void)
{
    return PyModule_Create(&module);
}
