/* own.c — the closure of what only pyexplore's own objects refer to.
 *
 * Seeds are our modules, what they define, and what the agent names. Then,
 * as the collector does when it looks for garbage: every member is traversed
 * once and the references to each object that it meets are counted; an object
 * whose count reaches its refcount is held by members alone, so it is a
 * member too. That finds dicts, specs, loaders, descriptors and mro tuples
 * without knowing them. An object that anyone else holds stays visible, with
 * the exception of the seeds. What the agent's C code holds is counted as if a
 * member did: the functions of gc stay visible while the module gc has them,
 * and are ours once nobody else does.
 *
 * Only gc objects count: others are met only through a member, and a member
 * is never walked. A few hundred steps; both tables are on the stack.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/own.h"

#include <string.h>

#include "agent/heap/heap.h"

#define MET_SLOTS 1024 /* a power of two */
#define MET_MAX 768

struct own {
    void *members[HEAP_OWN_MAX];
    size_t n_members;
    struct {
        PyObject *object;
        Py_ssize_t count;
    } met[MET_SLOTS];
    size_t n_met;
};

static void
add_member(struct own *own, PyObject *object)
{
    if (object == NULL || own->n_members == HEAP_OWN_MAX)
        return;
    for (size_t i = 0; i < own->n_members; i++) {
        if (own->members[i] == object)
            return;
    }
    own->members[own->n_members++] = object;
}

static int
count_visit(PyObject *object, void *context)
{
    struct own *own = context;
    if (!PyObject_IS_GC(object))
        return 0;
    size_t slot = ((uintptr_t)object >> 4) & (MET_SLOTS - 1);
    while (own->met[slot].object != NULL && own->met[slot].object != object)
        slot = (slot + 1) & (MET_SLOTS - 1);
    if (own->met[slot].object == NULL) {
        if (own->n_met == MET_MAX)
            return 0;
        own->n_met++;
        own->met[slot].object = object;
    }
    own->met[slot].count++;
    if (own->met[slot].count == Py_REFCNT(object))
        add_member(own, object);
    return 0;
}

/* What a module of ours defines: its functions and classes. */
static void
seed_module(struct own *own, const char *name)
{
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *module =
        modules != NULL ? PyDict_GetItemString(modules, name) : NULL;
    if (module == NULL || !PyModule_CheckExact(module))
        return;
    add_member(own, module);
    PyObject *dict = PyModule_GetDict(module);
    PyObject *key = NULL;
    PyObject *value = NULL;
    Py_ssize_t at = 0;
    add_member(own, dict);
    while (PyDict_Next(dict, &at, &key, &value)) {
        if (PyFunction_Check(value) && PyFunction_GET_GLOBALS(value) == dict)
            add_member(own, value);
        else if (PyCFunction_Check(value) &&
                 PyCFunction_GET_SELF(value) == module)
            add_member(own, value);
        else if (PyType_Check(value) &&
                 PyType_HasFeature((PyTypeObject *)value,
                                   Py_TPFLAGS_HEAPTYPE) &&
                 strncmp(((PyTypeObject *)value)->tp_name, "pyexplore.", 10) ==
                     0)
            add_member(own, value);
    }
}

void
own_refresh(PyObject *const *extra, size_t n_extra, PyObject *const *held,
            size_t n_held)
{
    struct own own = {.n_members = 0};
    seed_module(&own, "pyexplore._agent");
    seed_module(&own, "pyexplore");
    for (size_t i = 0; i < n_extra; i++)
        add_member(&own, extra[i]);
    for (size_t i = 0; i < n_held; i++) {
        if (held[i] != NULL)
            count_visit(held[i], &own);
    }
    /* members grow while we go */
    for (size_t i = 0; i < own.n_members; i++) {
        PyObject *member = own.members[i];
        traverseproc traverse = Py_TYPE(member)->tp_traverse;
        if (traverse == NULL || !PyObject_IS_GC(member))
            continue;
        traverse(member, count_visit, &own);
    }
    PyErr_Clear();
    heap_set_own(own.members, own.n_members);
}
