/* edges_misc.c — weak references, exceptions and smaller families.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges.h"

/* Objects/weakrefobject.c: a dead reference points to None. */
static void
walk_weak(struct walk *w, PyObject *object)
{
    PyWeakReference *ref = (PyWeakReference *)object;

    if (ref->wr_object != NULL && ref->wr_object != Py_None)
        walk_edge(w, PX_EDGE_WEAK, ref->wr_object);
}

static void
walk_weakref(struct walk *w, PyObject *object)
{
    walk_weak(w, object);
    edge_attr(w, "__callback__", ((PyWeakReference *)object)->wr_callback);
}

/* Attributes of a proxy are those of what it stands for. */
static void
walk_proxy(struct walk *w, PyObject *object)
{
    walk_weak(w, object);
    edge_field(w, "callback", ((PyWeakReference *)object)->wr_callback);
}

static void
walk_exception(struct walk *w, PyObject *object)
{
    PyBaseExceptionObject *e = (PyBaseExceptionObject *)object;

    edge_attr(w, "__dict__", e->dict);
    edge_attr(w, "args", e->args);
    edge_attr(w, "__traceback__", e->traceback);
    edge_attr(w, "__context__", e->context);
    edge_attr(w, "__cause__", e->cause);
#if COMPAT_EXC_INFO_ONE
    edge_field(w, "notes", e->notes);
#endif
}

const struct edges_row edges_rows_misc[] = {
    {.type = &_PyWeakref_RefType,
     .walk = walk_weakref,
     .flags = EDGES_COMPLETE | EDGES_MEMBERS},
    {.type = &_PyWeakref_ProxyType,
     .walk = walk_proxy,
     .flags = EDGES_COMPLETE | EDGES_MEMBERS},
    {.type = &_PyWeakref_CallableProxyType,
     .walk = walk_proxy,
     .flags = EDGES_COMPLETE | EDGES_MEMBERS},
    {.tp_name = "BaseException",
     .walk = walk_exception,
     .flags = EDGES_DICT | EDGES_MEMBERS},
    {.type = NULL},
};
