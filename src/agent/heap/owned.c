/* owned.c — the blocks that an object owns beside its own.
 *
 * Hash tables, arrays of items, cached texts: what CPython's own types take
 * from the allocator of small objects and keep until they die. A block that
 * nobody here names stays unknown, never wrong. Rows are found by the nearest
 * base in C layout, as in sizes.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/owned.h"

#include <string.h>

#include "agent/heap/edges.h"
#include "agent/heap/edges_library.h"
#include "agent/heap/layout.h"
#include "agent/heap/walk.h"

#define UNKNOWN_BYTES 1 /* its length is not written anywhere */

static void
own_dict(struct walk *w, PyObject *object)
{
    const PyDictObject *d = (const PyDictObject *)object;

    walk_owns(w, d->ma_keys, layout_keys_bytes(d->ma_keys));
    if (d->ma_values != NULL && !layout_dict_is_embedded(object))
        walk_owns(w, d->ma_values, UNKNOWN_BYTES);
}

static void
own_list(struct walk *w, PyObject *object)
{
    const PyListObject *list = (const PyListObject *)object;

    walk_owns(w, list->ob_item,
              (size_t)list->allocated * sizeof *list->ob_item);
}

static void
own_set(struct walk *w, PyObject *object)
{
    const PySetObject *set = (const PySetObject *)object;

    if (set->table != set->smalltable)
        walk_owns(w, set->table, ((size_t)set->mask + 1) * sizeof *set->table);
}

static void
own_bytearray(struct walk *w, PyObject *object)
{
#if COMPAT_BYTEARRAY_BYTES
    (void)w, (void)object;
#else
    const PyByteArrayObject *b = (const PyByteArrayObject *)object;

    walk_owns(w, b->ob_bytes, (size_t)b->ob_alloc);
#endif
}

/* The cached UTF-8, and what str had before 3.12. */
static void
own_str(struct walk *w, PyObject *object)
{
    const PyCompactUnicodeObject *compact =
        (const PyCompactUnicodeObject *)object;
    const PyASCIIObject *ascii = &compact->_base;

    if (!ascii->state.ascii || !ascii->state.compact) {
        walk_owns(w, compact->utf8, UNKNOWN_BYTES);
        if (!ascii->state.compact)
            walk_owns(w, ((const PyUnicodeObject *)object)->data.any,
                      UNKNOWN_BYTES);
    }
#if COMPAT_STR_WSTR
    walk_owns(w, ascii->wstr, UNKNOWN_BYTES);
#endif
}

static void
own_ordered_dict(struct walk *w, PyObject *object)
{
    const struct library_odict *od = (const struct library_odict *)object;
    const struct library_odict_node *node = od->first;
    size_t n = (size_t)od->dict.ma_used;

    own_dict(w, object);
    walk_owns(w, od->fast_nodes,
              (size_t)od->n_fast_nodes * sizeof *od->fast_nodes);
    for (; node != NULL && n > 0; node = node->next, n--)
        walk_owns(w, node, sizeof *node);
}

static void
own_array(struct walk *w, PyObject *object)
{
    const struct library_array *a = (const struct library_array *)object;

    walk_owns(w, a->items, (size_t)a->allocated * (size_t)a->descr->itemsize);
}

static void
own_decimal(struct walk *w, PyObject *object)
{
    const struct library_decimal *d = (const struct library_decimal *)object;

    walk_owns(w, d->data, (size_t)d->alloc * sizeof *d->data);
}

/* tp_doc of a heap type is a copy (Objects/typeobject.c). */
static void
own_type(struct walk *w, PyObject *object)
{
    PyTypeObject *type = (PyTypeObject *)object;

    if (!compat_is_heap_type(type))
        return;
    walk_owns(w, type->tp_doc, UNKNOWN_BYTES);
    walk_owns(w, ((PyHeapTypeObject *)type)->ht_cached_keys,
              layout_cached_keys_bytes(type));
#if COMPAT_TYPE_TPNAME
    walk_owns(w, ((PyHeapTypeObject *)type)->_ht_tpname, UNKNOWN_BYTES);
#endif
}

static void
own_code(struct walk *w, PyObject *object)
{
    const PyCodeObject *code = (const PyCodeObject *)object;

    walk_owns(w, code->co_extra, UNKNOWN_BYTES);
#if COMPAT_CODE_SPARE
    walk_owns(w, code->co_zombieframe, UNKNOWN_BYTES);
    walk_owns(w, code->co_opcache_map, UNKNOWN_BYTES);
    walk_owns(w, code->co_opcache, UNKNOWN_BYTES);
    walk_owns(w, code->co_cell2arg, UNKNOWN_BYTES);
#endif
#if COMPAT_CODE_LINEARRAY
    walk_owns(w, code->_co_linearray, UNKNOWN_BYTES);
#endif
#if COMPAT_CODE_CACHE == 2
    walk_owns(w, code->_co_cached, UNKNOWN_BYTES);
#endif
#if COMPAT_CODE_MONITORING
    walk_owns(w, code->_co_monitoring, UNKNOWN_BYTES);
#endif
}

/* Objects/moduleobject.c: md_dict, md_def, md_state (3.8–3.14) */
static void
own_module(struct walk *w, PyObject *object)
{
    walk_owns(w, edge_word(object, 4), UNKNOWN_BYTES);
}

/* Modules/_struct.c: s_size, s_len, s_codes */
static void
own_struct(struct walk *w, PyObject *object)
{
    walk_owns(w, edge_word(object, 4), UNKNOWN_BYTES);
}

/* Modules/_elementtree.c: tag, text, tail, extra {attrib, length, allocated,
 * children} */
static void
own_element(struct walk *w, PyObject *object)
{
    PyObject *extra = edge_word(object, 5);

    walk_owns(w, extra, UNKNOWN_BYTES);
    if (extra != NULL)
        walk_owns(w, edge_word(extra, 3), UNKNOWN_BYTES);
}

static const struct owned_row {
    PyTypeObject *type;
    const char *tp_name;
    size_t at_least;
    owned_fn own;
} rows[] = {
    {&PyODict_Type, NULL, 0, own_ordered_dict},
    {&PyDict_Type, NULL, 0, own_dict},
#if COMPAT_FROZENDICT
    {&PyFrozenDict_Type, NULL, 0, own_dict},
#endif
    {&PyList_Type, NULL, 0, own_list},
    {&PyUnicode_Type, NULL, 0, own_str},
    {&PySet_Type, NULL, 0, own_set},
    {&PyFrozenSet_Type, NULL, 0, own_set},
    {&PyByteArray_Type, NULL, 0, own_bytearray},
    {&PyType_Type, NULL, 0, own_type},
    {&PyCode_Type, NULL, 0, own_code},
    {&PyModule_Type, NULL, 0, own_module},
    {NULL, "array.array", sizeof(struct library_array), own_array},
    {NULL, "decimal.Decimal", sizeof(struct library_decimal), own_decimal},
    {NULL, "_struct.Struct", 7 * sizeof(void *), own_struct},
    {NULL, "Struct", 7 * sizeof(void *), own_struct},
    {NULL, "xml.etree.ElementTree.Element", 7 * sizeof(void *), own_element},
};

static bool
is_row_of(const struct owned_row *row, PyTypeObject *type)
{
    if (row->type != NULL)
        return row->type == type;
    return (size_t)type->tp_basicsize >= row->at_least &&
           edges_is_named(type, row->tp_name);
}

owned_fn
owned_rule(PyTypeObject *type)
{
    for (PyTypeObject *t = type; t != NULL; t = t->tp_base)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (is_row_of(&rows[i], t))
                return rows[i].own;
    return NULL;
}
