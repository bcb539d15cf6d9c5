/* edges_library.h — structs of library types that edges and sizes both read.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_EDGES_LIBRARY_H
#define HEAP_EDGES_LIBRARY_H

#include "agent/heap/compat.h"

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

#endif
