/* sizes_numpy.c — how much a numpy array takes, without numpy's headers.
 *
 * array_sizeof (numpy/_core/src/multiarray/methods.c): the object, a dimension
 * and a stride for each axis, and the data if the array owns it. The length
 * of an item lies in the descriptor, at a place that 2.0 has moved: which one
 * it is, the descriptor's own length tells. Where items lie without gaps the
 * strides tell it themselves.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/sizes.h"

#include <string.h>

#include "agent/heap/edges_library.h"

#define DESCR_BYTES_1 96  /* tp_basicsize of a dtype before 2.0 */
#define DESCR_BYTES_2 120 /* _PyArray_LegacyDescr */
/* {arr_descr *subarray; PyObject *fields, *names}, in words */
#define DESCR_PARTS_1 5
#define DESCR_PARTS_2 11

bool
library_numpy_void(PyObject *dtype, struct library_numpy_void *out,
                   size_t *item_bytes)
{
    const struct library_numpy_descr *descr =
        (const struct library_numpy_descr *)(void *)dtype;
    const PyTypeObject *base = Py_TYPE(dtype);
    size_t size = (size_t)base->tp_basicsize;
    bool is_one = size == DESCR_BYTES_1;

    while (base != NULL && strcmp(base->tp_name, "numpy.dtype") != 0)
        base = base->tp_base;
    if (base == NULL || (!is_one && size != DESCR_BYTES_2))
        return false;
    memcpy(out,
           (void *const *)(void *)dtype +
               (is_one ? DESCR_PARTS_1 : DESCR_PARTS_2),
           sizeof *out);
    *item_bytes = is_one ? (size_t)(unsigned)descr->by_version.one.elsize
                         : (size_t)descr->by_version.two.elsize;
    return true;
}

/* The smallest step between two items; 0: no axis has two. */
static size_t
smallest_stride(const struct library_ndarray *a)
{
    size_t smallest = 0;

    for (int i = 0; i < a->nd; i++) {
        Py_ssize_t stride = a->strides[i];
        size_t step = (size_t)(stride < 0 ? -stride : stride);
        if (a->dimensions[i] > 1 && (smallest == 0 || step < smallest))
            smallest = step;
    }
    return smallest;
}

static size_t
item_bytes(const struct library_ndarray *a)
{
    const struct library_numpy_descr *descr = a->descr;
    size_t one = (size_t)(unsigned)descr->by_version.one.elsize;
    size_t two = (size_t)descr->by_version.two.elsize;
    size_t step = smallest_stride(a);
    bool is_one =
        Py_TYPE((const PyObject *)descr)->tp_basicsize == DESCR_BYTES_1;
    bool is_whole = (a->flags & (LIBRARY_NUMPY_C_CONTIGUOUS |
                                 LIBRARY_NUMPY_F_CONTIGUOUS)) != 0;

    /* Without gaps between items a step is an item. */
    if (is_whole && step != 0)
        return step;
    return is_one ? one : two;
}

size_t
sizes_ndarray(PyObject *object)
{
    const struct library_ndarray *a =
        (const struct library_ndarray *)(const void *)object;
    size_t bytes = (size_t)Py_TYPE(object)->tp_basicsize;
    size_t n = 1;

    if (a->nd < 0 || a->nd > LIBRARY_NUMPY_DIMENSIONS_MAX)
        return bytes;
    bytes += (size_t)a->nd * 2 * sizeof(Py_ssize_t);
    if (!(a->flags & LIBRARY_NUMPY_OWNDATA) || a->descr == NULL)
        return bytes;
    for (int i = 0; i < a->nd; i++)
        n *= (size_t)a->dimensions[i];
    return n == 0 ? bytes : bytes + n * item_bytes(a);
}
