/* edges_numpy.c — arrays of numpy, when the target has loaded it.
 *
 * ndarray is no gc type, so what an array of dtype object holds is visible to
 * nobody else. The structs are numpy's public ones (ndarraytypes.h,
 * PyArrayObject_fields and PyArray_Descr); numpy's headers are not needed.
 *
 * Objects also lie in the fields of structured dtypes, at any offset and any
 * depth: the dtype is searched for them once, and each place that is found is
 * read in all records. Such an edge has the name of the field.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges.h"

#include <string.h>

#include "agent/heap/edges_library.h"
#include "agent/heap/layout.h"

#define DTYPE_DEPTH 16 /* of fields within fields */

struct array {
    struct walk *w;
    const char *data;
    size_t n;          /* items, one after the other */
    size_t item_bytes; /* of one */
};

/* How many items lie one after the other; 0: they do not, or are another's. */
static size_t
count_items(const struct library_ndarray *a)
{
    size_t n = 1;

    if (a->descr == NULL || a->data == NULL ||
        !(a->flags & LIBRARY_NUMPY_OWNDATA) ||
        !(a->flags &
          (LIBRARY_NUMPY_C_CONTIGUOUS | LIBRARY_NUMPY_F_CONTIGUOUS)) ||
        a->nd < 0 || a->nd > LIBRARY_NUMPY_DIMENSIONS_MAX)
        return 0;
    for (int i = 0; i < a->nd; i++)
        n *= (size_t)a->dimensions[i];
    return n;
}

/* ---- dtype object ---- */

/* In the order of .flat, whatever the order in memory. */
static void
walk_flat(struct walk *w, const struct library_ndarray *a, size_t n)
{
    Py_ssize_t at[LIBRARY_NUMPY_DIMENSIONS_MAX] = {0};
    const char *item = a->data;

    for (size_t i = 0; i < n; i++) {
        walk_edge_index(w, PX_EDGE_FLAT, i,
                        *(PyObject *const *)(const void *)item);
        for (int axis = a->nd; axis-- > 0;) {
            item += a->strides[axis];
            if (++at[axis] < a->dimensions[axis])
                break;
            item -= a->strides[axis] * a->dimensions[axis];
            at[axis] = 0;
        }
    }
}

static void
walk_items(struct walk *w, const struct library_ndarray *a, size_t n)
{
    PyObject *const *items = (PyObject *const *)(void *)a->data;

    if (a->nd != 1)
        walk_flat(w, a, n);
    else
        for (size_t i = 0; i < n; i++)
            walk_edge_index(w, PX_EDGE_ITEM, i, items[i]);
}

/* ---- structured dtypes ---- */

/* Records may be packed: an object lies anywhere. */
static void
walk_place(const struct array *array, size_t offset, PyObject *name)
{
    if (offset + sizeof(PyObject *) > array->item_bytes)
        return;
    for (size_t i = 0; i < array->n; i++) {
        PyObject *object;
        memcpy(&object, array->data + i * array->item_bytes + offset,
               sizeof object);
        walk_edge_name(array->w, PX_EDGE_FIELD, name, object);
    }
}

static void walk_dtype(const struct array *array, PyObject *dtype,
                       size_t offset, PyObject *name, int depth);

/* A field: (dtype, offset) or (dtype, offset, title). */
static void
walk_field(const struct array *array, PyObject *field, size_t offset,
           PyObject *name, int depth)
{
    unsigned long within;

    if (!PyTuple_Check(field) || PyTuple_GET_SIZE(field) < 2 ||
        !names_of_int(PyTuple_GET_ITEM(field, 1), &within))
        return;
    walk_dtype(array, PyTuple_GET_ITEM(field, 0), offset + within, name,
               depth + 1);
}

static bool
is_same(PyObject *a, PyObject *b)
{
    const PyASCIIObject *left = (const PyASCIIObject *)a;
    const PyASCIIObject *right = (const PyASCIIObject *)b;

    if (a == b)
        return true;
    return PyUnicode_CheckExact(a) && PyUnicode_CheckExact(b) &&
           left->state.compact && right->state.compact &&
           left->state.kind == right->state.kind &&
           left->length == right->length &&
           memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b),
                  (size_t)left->length * left->state.kind) == 0;
}

/* The fields by name: a dict also has those with a title by that. */
static void
walk_fields(const struct array *array, const struct library_numpy_void *parts,
            size_t offset, int depth)
{
    struct layout_table table;

    if (!PyDict_Check(parts->fields) || !PyTuple_Check(parts->names))
        return;
    layout_dict(parts->fields, &table);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parts->names); i++) {
        PyObject *name = PyTuple_GET_ITEM(parts->names, i);
        for (size_t at = 0; at < table.n; at++) {
            PyObject *field = layout_value(&table, at);
            if (field == NULL || !PyUnicode_Check(name) ||
                !is_same(layout_key(&table, at), name))
                continue;
            walk_field(array, field, offset, name, depth);
            break;
        }
    }
}

/* Finds objects in one record, or in a part of it that starts at `offset`. */
static void
walk_dtype(const struct array *array, PyObject *dtype, size_t offset,
           PyObject *name, int depth)
{
    const struct library_numpy_descr *descr =
        (const struct library_numpy_descr *)(void *)dtype;
    struct library_numpy_void parts;
    size_t bytes, part;

    if (depth > DTYPE_DEPTH || !library_numpy_void(dtype, &parts, &bytes))
        return;
    if (descr->type_num == LIBRARY_NUMPY_OBJECT && name != NULL) {
        walk_place(array, offset, name);
        return;
    }
    if (descr->type_num != LIBRARY_NUMPY_VOID)
        return;
    if (parts.subarray == NULL) {
        if (parts.fields != NULL && parts.names != NULL)
            walk_fields(array, &parts, offset, depth);
        return;
    }
    struct library_numpy_void inner;
    if (!library_numpy_void(parts.subarray->base, &inner, &part) || part == 0)
        return;
    for (size_t at = 0; at + part <= bytes; at += part)
        walk_dtype(array, parts.subarray->base, offset + at, name, depth + 1);
}

static void
walk_array(struct walk *w, PyObject *object)
{
    const struct library_ndarray *a =
        (const struct library_ndarray *)(void *)object;
    struct array array = {.w = w, .data = a->data, .n = count_items(a)};
    struct library_numpy_void parts;

    edge_attr(w, "base", a->base);
    edge_attr(w, "dtype", (PyObject *)a->descr);
    if (array.n == 0)
        return;
    if (a->descr->type_num == LIBRARY_NUMPY_OBJECT)
        walk_items(w, a, array.n);
    else if (a->descr->type_num == LIBRARY_NUMPY_VOID &&
             library_numpy_void((PyObject *)a->descr, &parts,
                                &array.item_bytes))
        walk_dtype(&array, (PyObject *)a->descr, 0, NULL, 0);
}

const struct edges_row edges_rows_numpy[] = {
    {.tp_name = "numpy.ndarray", .walk = walk_array},
    {.type = NULL},
};
