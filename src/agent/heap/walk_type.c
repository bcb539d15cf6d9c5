/* walk_type.c — types and names, each sent once.
 *
 * A type is registered when its first instance is met: its record leaves
 * before the nodes that use its number, and its type object becomes a node.
 * Until all of that was read its place is held by `unreadable`, so that a
 * type whose memory is broken faults once and not at every instance.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges.h"
#include "agent/heap/edges_library.h"
#include "agent/heap/walk_state.h"

#include <string.h>

#define NAME_TEXT_MAX 512
#define CONTAINER_FLAGS                                                        \
    (PX_TYPE_LIST | PX_TYPE_TUPLE | PX_TYPE_DICT | PX_TYPE_SET)

static uint8_t *
put_text(uint8_t *at, const char *text, size_t n_bytes)
{
    at = px_put_varint(at, n_bytes);
    memcpy(at, text, n_bytes);
    return at + n_bytes;
}

static void
type_put(struct walk *w, uintptr_t address, unsigned flags,
         const struct type_names *names)
{
    writer_reserve(&w->writer, ROLE_TYPES,
                   names->module_bytes + names->name_bytes);
    struct chunk *chunk = &w->writer.chunks[ROLE_TYPES];
    uint8_t *at =
        put_delta(chunk->at, address / PX_ADDR_UNIT, &chunk->last_node);
    at = px_put_varint(at, flags);
    at = put_text(at, names->module, names->module_bytes);
    chunk->at = put_text(at, names->name, names->name_bytes);
}

static struct type_info *
info_new(struct walk *w)
{
    struct type_info *info = walk_memory(w, sizeof *info);
    info->number = w->n_types++;
    if (w->last_type == NULL)
        w->first_type = info;
    else
        w->last_type->next = info;
    w->last_type = info;
    return info;
}

struct type_info *
type_synthetic(struct walk *w, const char *kind)
{
    for (struct type_info *at = w->first_type; at != NULL; at = at->next) {
        if (at->synthetic != NULL && strcmp(at->synthetic, kind) == 0)
            return at;
    }
    struct type_names names = {.name_bytes = strlen(kind)};
    if (names.name_bytes > sizeof names.name)
        names.name_bytes = sizeof names.name;
    memcpy(names.name, kind, names.name_bytes);
    type_put(w, 0, PX_TYPE_SYNTHETIC, &names);
    struct type_info *info = info_new(w);
    info->synthetic = kind;
    return info;
}

struct type_info *
type_unreadable(struct walk *w)
{
    if (w->unreadable == NULL) {
        w->unreadable = type_synthetic(w, "<unreadable>");
        w->unreadable->is_bad = true;
    }
    return w->unreadable;
}

/* No header tells of deque: by its name, and the size that we know. */
static bool
is_deque(PyTypeObject *type)
{
    for (; type != NULL; type = type->tp_base) {
        if (type->tp_basicsize == sizeof(struct library_deque) &&
            edges_is_named(type, "collections.deque"))
            return true;
    }
    return false;
}

static unsigned
container_flag(PyTypeObject *type)
{
    if (type->tp_flags & Py_TPFLAGS_LIST_SUBCLASS)
        return PX_TYPE_LIST;
    if (type->tp_flags & Py_TPFLAGS_TUPLE_SUBCLASS)
        return PX_TYPE_TUPLE;
    if (type->tp_flags & Py_TPFLAGS_DICT_SUBCLASS)
        return PX_TYPE_DICT;
#if COMPAT_FROZENDICT
    if (PyType_IsSubtype(type, &PyFrozenDict_Type))
        return PX_TYPE_DICT;
#endif
    if (PyType_IsSubtype(type, &PySet_Type) ||
        PyType_IsSubtype(type, &PyFrozenSet_Type))
        return PX_TYPE_SET;
    return is_deque(type) ? PX_TYPE_LIST : 0;
}

static unsigned
type_flags(const struct walk *w, PyTypeObject *type)
{
    unsigned flags = 0;
    bool is_heap = PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE);
    if (is_heap)
        flags |= PX_TYPE_HEAP;
    if (PyType_IS_GC(type))
        flags |= PX_TYPE_GC;
    if (is_heap && type->tp_dealloc == w->plan->heads->python_class_dealloc)
        flags |= PX_TYPE_PYTHON;
    return flags | container_flag(type);
}

static void
slot_set(struct walk *w, PyTypeObject *type, const struct type_info *info)
{
    map_find(&w->types, (uintptr_t)type)->value = (uintptr_t)info;
}

struct type_info *
type_new(struct walk *w, PyTypeObject *type)
{
    struct type_names names;
    struct type_info *unreadable = type_unreadable(w);
    if (!map_put(&w->types, (uintptr_t)type, (uintptr_t)unreadable))
        walk_stop(w, PX_END_NO_ROOM);
    if (!visited_can((uintptr_t)type) || !PyType_Check((PyObject *)type))
        return unreadable;

    names_of_type(type, &names);
    unsigned flags = type_flags(w, type);
    bool is_core =
        (flags & PX_TYPE_HEAP) == 0 && strchr(type->tp_name, '.') == NULL;
    bool has_edges =
        (flags & PX_TYPE_HEAP) != 0 || w->is_mark_only || edges_type_has(type);
    preview_fn *preview = preview_of(type, flags & CONTAINER_FLAGS);
    /* Nothing of the target is read from here on. */
    type_put(w, (uintptr_t)type, flags, &names);
    struct type_info *info = info_new(w);
    info->type = type;
    info->is_heap = (flags & PX_TYPE_HEAP) != 0;
    info->is_gc = (flags & PX_TYPE_GC) != 0;
    info->has_edges = has_edges;
    info->is_core = is_core;
    info->preview = preview;
    slot_set(w, type, info);
    if (!is_own(w, (uintptr_t)type)) {
        int added = visited_add(&w->visited, (uintptr_t)type);
        if (added < 0)
            walk_stop(w, PX_END_NO_ROOM);
        if (added > 0)
            stack_push(w, (PyObject *)type);
    }
    return info;
}

/* ---- names ---- */

/* Its number * 2 + secret. */
static uint64_t
name_put(struct walk *w, uintptr_t key, uintptr_t address, bool secret,
         const char *text, size_t n_bytes)
{
    writer_reserve(&w->writer, ROLE_NAMES, n_bytes);
    struct chunk *chunk = &w->writer.chunks[ROLE_NAMES];
    uint8_t *at =
        put_delta(chunk->at, address / PX_ADDR_UNIT, &chunk->last_node);
    uint64_t value = w->n_names * 2 + (secret ? 1 : 0);
    if (!map_put(&w->names, key, value))
        walk_stop(w, PX_END_NO_ROOM);
    chunk->at = put_text(at, text, n_bytes);
    w->n_names++;
    return value;
}

uint64_t
name_find(struct walk *w, PyObject *str)
{
    struct map_slot *slot = map_find(&w->names, (uintptr_t)str);
    if (slot != NULL)
        return slot->value;
    char text[NAME_TEXT_MAX];
    size_t n_bytes = 1;
    bool secret = false;
    if (PyUnicode_Check(str)) {
        n_bytes = names_of_str(str, sizeof text, text);
        secret = w->detail == PX_DETAIL_VALUES && secret_is_name(str);
    } else {
        text[0] = '?';
    }
    return name_put(w, (uintptr_t)str, (uintptr_t)str, secret, text, n_bytes);
}

uint64_t
name_of_text(struct walk *w, const char *text)
{
    struct map_slot *slot = map_find(&w->names, (uintptr_t)text);
    if (slot != NULL)
        return slot->value / 2;
    size_t n_bytes = strnlen(text, NAME_TEXT_MAX);
    return name_put(w, (uintptr_t)text, 0, false, text, n_bytes) / 2;
}

bool
key_check(struct walk *w, PyObject *key)
{
    if (w->detail == PX_DETAIL_TYPES ||
        visited_has(&w->checked, (uintptr_t)key))
        return false;
    bool secret = false;
    bool is_str = PyUnicode_Check(key);
    if (is_str && names_is_interned(key))
        name_of_str(w, key, &secret);
    else if (w->detail == PX_DETAIL_VALUES && (is_str || PyBytes_Check(key)))
        secret = secret_is_name(key);
    if (!secret && visited_add(&w->checked, (uintptr_t)key) < 0)
        walk_stop(w, PX_END_NO_ROOM);
    return secret;
}
