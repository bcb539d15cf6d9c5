/* stray.c — what a block holds that no visited object explains.
 *
 * An object if its second word is the address of a type that the walk knows,
 * its first a refcount, and its own length fits the block. Memory that was
 * not cleared may still look like one that died there; but its first word is
 * then 0 or a link (obmalloc.c chains free blocks by it). Of gc types only
 * tuples and dicts are taken for strays: no others that live are in no list.
 *
 * Once edges were lost nothing is a stray: it may be what the object that
 * could not be read has, perhaps under a secret name.
 *
 * What the interpreter itself keeps beside the heap is no stray: interned
 * texts and their dict, small ints, one-letter texts, and dead objects that
 * wait in a free list for the next one of their type.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/walk_state.h"

#include <string.h>

#include "agent/heap/sizes.h"
#include "agent/heap/stray.h"

/* The gc head, and before it from 3.11 on two words of managed dict and weak
 * list. */
#define BEFORE_MAX (COMPAT_PREHEADER_FLAGS != 0 ? 32u : 16u)

/* The type that an object at this place would have; NULL: it is none. */
static struct type_info *
type_at(struct walk *w, const PyObject *object)
{
    PyTypeObject *type = object->ob_type;
    uintptr_t address = (uintptr_t)type;
    if (address == 0 || !visited_can(address))
        return NULL;
    struct map_slot *slot = map_find(&w->types, address);
    if (slot != NULL)
        return (struct type_info *)(uintptr_t)slot->value;
    /* None of its instances was met: then the walk has met the type. */
    if (!visited_has(&w->visited, address))
        return NULL;
    PyTypeObject *meta = Py_TYPE((PyObject *)type);
    if (map_find(&w->types, (uintptr_t)meta) == NULL ||
        !compat_derives(meta, &PyType_Type))
        return NULL;
    return type_of(w, type);
}

static bool
is_dead(const PyObject *object)
{
    uint64_t word;
    memcpy(&word, object, sizeof word);
    if (COMPAT_FREE_BY_REFCOUNT)
        return word == 0 || (word > 4096 && (word & 7) == 0 &&
                             word >> VISITED_ADDR_BITS == 0);
    return word == 0;
}

static bool
is_alive(const PyObject *object)
{
    uint64_t word;
    memcpy(&word, object, sizeof word);
    uint32_t refcount = (uint32_t)word;
    uint32_t above = (uint32_t)(word >> 32);
    if (COMPAT_REFCOUNT_FLAGS)
        above &= 0xffff;
    return refcount != 0 && above == 0;
}

/* Resizing leaves up to a quarter of a block unused (obmalloc.c:
 * pymalloc_realloc), and so do digits that became 0. */
static bool
fits(PyObject *object, PyTypeObject *type, size_t before, size_t block_bytes)
{
    size_t need = before + sizes_block(object, type);
    if (need > block_bytes || need > POOLS_BLOCK_MAX)
        return false;
    if (compat_derives(type, &PyLong_Type))
        return true;
    return need + POOLS_ALIGN > block_bytes || 4 * need > 3 * block_bytes;
}

/* Its text ends where it should. */
static bool
is_whole(PyObject *object, PyTypeObject *type)
{
    if (type == &PyBytes_Type) {
        Py_ssize_t n = Py_SIZE(object);
        return n >= 0 && ((PyBytesObject *)object)->ob_sval[n] == '\0';
    }
    if (type != &PyUnicode_Type)
        return true;
    const PyASCIIObject *ascii = (const PyASCIIObject *)object;
    unsigned kind = ascii->state.kind;
    if (!ascii->state.compact || ascii->length < 0 ||
        (kind != 1 && kind != 2 && kind != 4))
        return false;
    const char *data =
        ascii->state.ascii
            ? (const char *)(ascii + 1)
            : (const char *)((PyCompactUnicodeObject *)object + 1);
    for (unsigned i = 0; i < kind; i++) {
        if (data[(size_t)ascii->length * kind + i] != '\0')
            return false;
    }
    return true;
}

/* A gc object that no list has. */
static bool
is_untracked(const PyObject *object, PyTypeObject *type)
{
    const uintptr_t *head = (const uintptr_t *)object - 2;
    return head[0] == 0 && (type == &PyTuple_Type || type == &PyDict_Type);
}

static bool
is_shared(struct walk *w, PyObject *object, PyTypeObject *type)
{
    if (type == &PyUnicode_Type && names_is_interned(object))
        return true;
    if (type == &PyDict_Type && names_is_interned_dict(object))
        return true;
    return is_own(w, (uintptr_t)object) || preview_is_shared(object, type);
}

/* An object behind `before` bytes of the collector's; UNKNOWN: none. */
static enum px_block_column
judge_at(struct walk *w, PyObject *object, size_t before, size_t block_bytes,
         bool *has_edges)
{
    struct type_info *info = type_at(w, object);
    if (info == NULL || info->type == NULL || info->is_bad)
        return PX_BLOCK_UNKNOWN;
    PyTypeObject *type = info->type;
    struct sizes_rule rule;
    sizes_rule(type, &rule);
    /* tp_basicsize of str is that of the largest of its three structs. */
    size_t least = type == &PyUnicode_Type ? sizeof(PyASCIIObject)
                                           : (size_t)type->tp_basicsize;
    if (rule.before != before || before + least > block_bytes)
        return PX_BLOCK_UNKNOWN;
    if (is_dead(object))
        return PX_BLOCK_KEPT;
    if (!is_alive(object) || (before != 0 && !is_untracked(object, type)) ||
        !fits(object, type, before, block_bytes) || !is_whole(object, type))
        return PX_BLOCK_UNKNOWN;
    *has_edges = info->has_edges;
    if (is_shared(w, object, type))
        return PX_BLOCK_SHARED;
    return edges_were_lost(w) ? PX_BLOCK_UNKNOWN : PX_BLOCK_STRAYS;
}

enum px_block_column
stray_judge(struct walk *w, const void *block, size_t block_bytes,
            enum blocks_pass pass)
{
    enum px_block_column column = PX_BLOCK_UNKNOWN;
    bool has_edges = false;
    size_t before = 0;
    uintptr_t address = (uintptr_t)block;
    for (; before <= BEFORE_MAX; before += 16) {
        if (before + sizeof(PyObject) > block_bytes)
            break;
        column = judge_at(w, (PyObject *)(address + before), before,
                          block_bytes, &has_edges);
        if (column != PX_BLOCK_UNKNOWN)
            break;
    }
    if (column != PX_BLOCK_STRAYS || has_edges != (pass == BLOCKS_HOLDERS))
        return column;
    if (visited_add(&w->blocks.strays, address + before) < 0)
        walk_stop(w, PX_END_NO_ROOM);
    if (pass == BLOCKS_HOLDERS)
        w->blocks.n_holders[block_bytes / POOLS_ALIGN - 1]++;
    return column;
}
