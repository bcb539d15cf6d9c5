/* edges_numpy.c — arrays of numpy, when the target has loaded it.
 *
 * ndarray is no gc type, so what an array of dtype object holds is visible to
 * nobody else. The structs are numpy's public ones (ndarraytypes.h,
 * PyArrayObject_fields and the head of PyArray_Descr), the same in 1.x and
 * 2.x; numpy's headers are not needed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges.h"
#include "agent/heap/edges_library.h"

/* How many items lie one after the other; 0: they do not, or are another's. */
static size_t
count_items(const struct library_ndarray *a)
{
    size_t n = 1;

    if (a->descr == NULL || a->descr->type_num != LIBRARY_NUMPY_OBJECT ||
        a->data == NULL || !(a->flags & LIBRARY_NUMPY_OWNDATA) ||
        !(a->flags &
          (LIBRARY_NUMPY_C_CONTIGUOUS | LIBRARY_NUMPY_F_CONTIGUOUS)) ||
        a->nd < 0 || a->nd > LIBRARY_NUMPY_DIMENSIONS_MAX)
        return 0;
    for (int i = 0; i < a->nd; i++)
        n *= (size_t)a->dimensions[i];
    return n;
}

/* Only of one dimension is o[i] the item; the others have no expression. */
static void
walk_array(struct walk *w, PyObject *object)
{
    const struct library_ndarray *a =
        (const struct library_ndarray *)(void *)object;
    PyObject *const *items = (PyObject *const *)(void *)a->data;
    size_t n = count_items(a);

    edge_attr(w, "base", a->base);
    edge_attr(w, "dtype", (PyObject *)a->descr);
    for (size_t i = 0; i < n; i++) {
        if (a->nd == 1)
            walk_edge_index(w, PX_EDGE_ITEM, i, items[i]);
        else
            edge_field(w, "item", items[i]);
    }
}

const struct edges_row edges_rows_numpy[] = {
    {.tp_name = "numpy.ndarray", .walk = walk_array},
    {.type = NULL},
};
