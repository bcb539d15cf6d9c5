/* edges_type.c — classes and code objects.
 *
 * Static types are in no gc list and their tp_traverse must not run
 * (Objects/typeobject.c: type_traverse asserts a heap type), so they are
 * walked by hand; heap types own everything below. Code objects are no gc
 * objects in any version: without this their constants would be invisible.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges.h"

#include "agent/heap/layout.h"

/* tp_base owns a reference beside the tuple of bases; that of a static type is
 * as its author wrote it, without one (Objects/typeobject.c: PyType_Ready). */
static void
walk_base(struct walk *w, PyTypeObject *type)
{
    PyObject *base = (PyObject *)type->tp_base;
    PyObject *bases = type->tp_bases;

    if (base == NULL)
        return;
    if (!compat_is_heap_type(type)) {
        walk_edge_text(w, PX_EDGE_ALIAS, "__base__", base);
        return;
    }
    if (bases != NULL && PyTuple_Check(bases))
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++)
            if (PyTuple_GET_ITEM(bases, i) == base) {
                walk_edge_index(w, PX_EDGE_BASE, (size_t)i, base);
                return;
            }
    edge_attr(w, "__base__", base);
}

/* Names of attributes, once for all instances. */
static void
walk_shared_keys(struct walk *w, PyTypeObject *type)
{
    struct layout_table table;

    if (!layout_cached_keys(type, &table) || !walk_claims(w, table.shared))
        return;
    for (size_t i = 0; i < table.n; i++)
        edge_field(w, "shared key", layout_key(&table, i));
}

/* Not EDGES_DICT's dict: __dict__ of a class is a new mappingproxy each time
 * it is asked for. */
static void
walk_type(struct walk *w, PyObject *object)
{
    PyTypeObject *type = (PyTypeObject *)object;

    edge_field(w, "dict", layout_type_dict(type));
    edge_attr(w, "__bases__", type->tp_bases);
    walk_base(w, type);
    edge_attr(w, "__mro__", type->tp_mro);
    edge_field(w, "cache", type->tp_cache);
    edge_field(w, "subclasses", layout_type_subclasses(type));
    if (compat_is_heap_type(type)) {
        PyHeapTypeObject *heap = (PyHeapTypeObject *)type;
        edge_attr(w, "__name__", heap->ht_name);
        edge_attr(w, "__qualname__", heap->ht_qualname);
        edge_field(w, "slots", heap->ht_slots);
        walk_shared_keys(w, type);
#if COMPAT_TYPE_MODULE
        edge_field(w, "module", heap->ht_module);
#endif
    }
}

static void
walk_code(struct walk *w, PyObject *object)
{
    PyCodeObject *c = (PyCodeObject *)object;

    edge_attr(w, "co_consts", c->co_consts);
    edge_attr(w, "co_names", c->co_names);
    edge_attr(w, "co_filename", c->co_filename);
    edge_attr(w, "co_name", c->co_name);
#if COMPAT_LOCALSPLUS
    edge_attr(w, "co_qualname", c->co_qualname);
    edge_attr(w, "co_linetable", c->co_linetable);
    edge_attr(w, "co_exceptiontable", c->co_exceptiontable);
    edge_field(w, "localsplusnames", c->co_localsplusnames);
    edge_field(w, "localspluskinds", c->co_localspluskinds);
#else
    edge_attr(w, "co_code", c->co_code);
    edge_attr(w, "co_varnames", c->co_varnames);
    edge_attr(w, "co_freevars", c->co_freevars);
    edge_attr(w, "co_cellvars", c->co_cellvars);
#if COMPAT_CODE_LINETABLE
    edge_attr(w, "co_linetable", c->co_linetable);
#else
    edge_attr(w, "co_lnotab", c->co_lnotab);
#endif
#endif
#if COMPAT_CODE_CACHE == 2
    if (c->_co_cached != NULL) {
        edge_attr(w, "co_code", c->_co_cached->_co_code);
        edge_attr(w, "co_varnames", c->_co_cached->_co_varnames);
        edge_attr(w, "co_cellvars", c->_co_cached->_co_cellvars);
        edge_attr(w, "co_freevars", c->_co_cached->_co_freevars);
    }
#elif COMPAT_CODE_CACHE == 1
    edge_attr(w, "co_code", c->_co_code);
#endif
}

const struct edges_row edges_rows_type[] = {
    {.type = &PyType_Type,
     .walk = walk_type,
     .flags = EDGES_DICT | EDGES_MEMBERS},
    {.type = &PyCode_Type,
     .walk = walk_code,
     .flags = EDGES_COMPLETE | EDGES_MEMBERS},
    {.type = NULL},
};
