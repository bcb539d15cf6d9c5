/* edges_library.h — structs of library types that edges and sizes both read.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_EDGES_LIBRARY_H
#define HEAP_EDGES_LIBRARY_H

#include "agent/heap/compat.h"
#include "agent/tags.h"

/* Modules/_collectionsmodule.c */
#define LIBRARY_DEQUE_BLOCK 64
struct library_deque_block {
    struct library_deque_block *leftlink;
    PyObject *data[LIBRARY_DEQUE_BLOCK];
    struct library_deque_block *rightlink;
};

struct library_deque {
    PyObject_VAR_HEAD struct library_deque_block *leftblock, *rightblock;
    Py_ssize_t leftindex, rightindex;
    size_t state;
    Py_ssize_t maxlen;
#if COMPAT_DEQUE_FREE_BLOCKS
    Py_ssize_t n_free_blocks;
    struct library_deque_block *free_blocks[16];
#endif
    PyObject *weakreflist;
};

/* Objects/odictobject.c */
struct library_odict_node {
    PyObject *key;
    Py_hash_t hash;
    struct library_odict_node *next, *prev;
};

struct library_odict {
    PyDictObject dict;
    struct library_odict_node *first, *last;
    struct library_odict_node **fast_nodes;
    Py_ssize_t n_fast_nodes;
    void *resize_sentinel;
    size_t state;
    PyObject *inst_dict;
    PyObject *weakreflist;
};

/* Whether objects of this type may be given a most of items. */
PX_CHILD bool library_is_bounded(PyTypeObject *type);
/* Whether it is one of these that was given a most of items (maxlen, maxsize):
 * what it has and what it may. */
PX_CHILD bool library_bound(PyObject *object, PyTypeObject *type,
                            Py_ssize_t *items, Py_ssize_t *most);

/* Modules/arraymodule.c; only the start of a descriptor */
struct library_array_descr {
    char typecode;
    int itemsize;
};

struct library_array {
    PyObject_VAR_HEAD char *items;
    Py_ssize_t allocated;
    const struct library_array_descr *descr;
};

/* Modules/_decimal/_decimal.c: PyDecObject; libmpdec: mpd_t */
#define LIBRARY_MPD_DATA_FLAGS                                                 \
    (0x20 | 0x40 | 0x80) /* static, shared, const                              \
                          */
struct library_decimal {
    PyObject_HEAD Py_hash_t hash;
    uint8_t flags;
    Py_ssize_t exp, digits, len, alloc;
    size_t *data;
};

/* numpy's ndarraytypes.h: PyArrayObject_fields and the head of PyArray_Descr,
 * the same in 1.x and 2.x */
struct library_numpy_descr {
    PyObject_HEAD PyTypeObject *typeobj;
    char kind, type, byteorder, flags;
    int type_num;
    union {
        struct {
            int elsize;
        } one; /* numpy 1.x */
        struct {
            uint64_t flags;
            Py_ssize_t elsize;
        } two;
    } by_version;
};

/* What only structured dtypes have; it lies where the version says. */
struct library_numpy_subarray {
    PyObject *base, *shape;
};

struct library_numpy_void {
    const struct library_numpy_subarray *subarray;
    PyObject *fields, *names;
};

/* The parts of any dtype and how long an item of it is; false: no dtype, or
 * one whose layout is not known. */
PX_CHILD bool library_numpy_void(PyObject *dtype,
                                 struct library_numpy_void *out,
                                 size_t *item_bytes);

struct library_ndarray {
    PyObject_HEAD char *data;
    int nd;
    Py_ssize_t *dimensions, *strides;
    PyObject *base;
    struct library_numpy_descr *descr;
    int flags;
};

enum {
    LIBRARY_NUMPY_C_CONTIGUOUS = 0x1,
    LIBRARY_NUMPY_F_CONTIGUOUS = 0x2,
    LIBRARY_NUMPY_OWNDATA = 0x4,
    LIBRARY_NUMPY_OBJECT = 17, /* type_num */
    LIBRARY_NUMPY_VOID = 20,
    LIBRARY_NUMPY_DIMENSIONS_MAX = 64
};

#endif
