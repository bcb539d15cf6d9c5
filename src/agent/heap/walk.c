/* walk.c — what the walkers call: edges, labels, roots, the rest.
 *
 * walk_rest finds what tp_traverse visits beyond the named edges. Sum, xor
 * and number of the targets are compared first; nearly always they agree and
 * that is all. Otherwise the named targets become a multiset, from the first
 * NAMED_MAX that were kept or, if there were more, by asking edges_walk once
 * more with nothing written; a second traversal takes them out of it and
 * keeps what is left, which is emitted when it has returned: whatever ends the
 * walk may not jump over its frames, which inside the target have to give back
 * what they borrowed. The object's own type is counted apart: an instance of
 * a heap type owns one reference of it, whether tp_traverse visits it (3.9+,
 * bpo-40217) or not (C types in 3.8, and forgetful extensions).
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/walk_state.h"

#include <string.h>

static const uint8_t edge_flags[PX_EDGE_KIND_END] = {
#define X(number, member, name, form, flags, shown, expression)                \
    [number] = flags,
    PX_EDGE_LIST(X)
#undef X
};

static const uint8_t edge_forms[PX_EDGE_KIND_END] = {
#define X(number, member, name, form, flags, shown, expression)                \
    [number] = PX_FORM_##form,
    PX_EDGE_LIST(X)
#undef X
};

void *
walk_memory(struct walk *w, size_t n_bytes)
{
    void *memory = arena_take(&w->arena, n_bytes);
    if (memory == NULL)
        walk_stop(w, PX_END_NO_ROOM);
    return memory;
}

enum px_detail
walk_detail(const struct walk *w)
{
    return w->detail;
}

bool
walk_is_guarded(const struct walk *w)
{
    return w->is_guarded;
}

bool
walk_is_object(const struct walk *w, const void *address)
{
    uintptr_t at = (uintptr_t)address;
    return at != 0 && visited_can(at) && visited_has(&w->visited, at);
}

/* ---- edges ---- */

/* Adds a target to the multiset of a replay. */
static void
multiset_add(struct walk *w, uintptr_t address)
{
    struct map_slot *slot = map_find(&w->multiset, address);
    if (slot != NULL)
        slot->value++;
    else if (!map_put(&w->multiset, address, 1))
        walk_stop(w, PX_END_NO_ROOM);
}

/* Remembers a counting edge for walk_rest. */
static inline void
note(struct walk *w, enum px_edge_kind kind, PyObject *to)
{
    if ((edge_flags[kind] & PX_EDGE_COUNTS) == 0)
        return;
    uintptr_t address = (uintptr_t)to;
    if (w->type == (PyTypeObject *)to) {
        w->n_named_type++;
        return;
    }
    w->sum += address;
    w->xor ^= address;
    w->named[w->n_named++ % NAMED_MAX] = address;
}

/* True if the edge is to be written. */
static inline bool
edge_begin(struct walk *w, enum px_edge_kind kind, PyObject *to)
{
    if (__builtin_expect(w->replays, 0)) {
        bool counts = (edge_flags[kind] & PX_EDGE_COUNTS) != 0;
        if (counts && to != NULL && (PyTypeObject *)to != w->type &&
            !is_own(w, (uintptr_t)to))
            multiset_add(w, (uintptr_t)to);
        return false;
    }
    if (!reach(w, to))
        return false;
    w->n_edges++;
    note(w, kind, to);
    return true;
}

static inline void
mark_secret(struct walk *w, PyObject *object)
{
    if (visited_add(&w->secret, (uintptr_t)object) < 0)
        walk_stop(w, PX_END_NO_ROOM);
}

void
walk_edge(struct walk *w, enum px_edge_kind kind, PyObject *to)
{
    guard_enter(w->guard);
    if (kind == PX_EDGE_CLASS && (PyTypeObject *)to == w->type) {
        bool again = w->class_done || w->replays;
        w->class_done = true;
        if (!again && reach(w, to)) {
            w->n_edges++;
            entry_plain(&w->writer, kind, to);
        }
    } else if (edge_begin(w, kind, to)) {
        entry_plain(&w->writer, kind, to);
    }
    guard_leave(w->guard);
}

void
walk_edge_name(struct walk *w, enum px_edge_kind kind, PyObject *name,
               PyObject *to)
{
    guard_enter(w->guard);
    if (edge_begin(w, kind, to)) {
        bool secret;
        uint64_t number = name_of_str(w, name, &secret);
        if (secret)
            mark_secret(w, to);
        entry_name(&w->writer, kind, number, to);
    }
    guard_leave(w->guard);
}

void
walk_edge_text(struct walk *w, enum px_edge_kind kind, const char *text,
               PyObject *to)
{
    guard_enter(w->guard);
    if (edge_begin(w, kind, to)) {
        uint64_t number = name_of_text(w, text);
        entry_name(&w->writer, kind, number, to);
    }
    guard_leave(w->guard);
}

void
walk_edge_index(struct walk *w, enum px_edge_kind kind, size_t index,
                PyObject *to)
{
    guard_enter(w->guard);
    if (edge_begin(w, kind, to))
        entry_index(&w->writer, kind, index, to);
    guard_leave(w->guard);
}

void
walk_edge_pair(struct walk *w, enum px_edge_kind kind, PyObject *key,
               PyObject *value)
{
    guard_enter(w->guard);
    enum px_edge_kind key_kind = px_pair_key(kind);
    bool has_value = value != NULL && visited_can((uintptr_t)value) &&
                     !is_own(w, (uintptr_t)value);
    if (has_value && edge_begin(w, key_kind, key)) {
        /* A text that stands for itself names nothing: x = cache[x]. */
        bool secret = key != value && key_check(w, key);
        if (edge_begin(w, kind, value)) {
            if (secret)
                mark_secret(w, value);
            entry_pair(&w->writer, kind, key, value);
        }
    } else if (w->replays && has_value) {
        edge_begin(w, kind, value);
    }
    guard_leave(w->guard);
}

void
walk_mark_secret(struct walk *w, PyObject *object)
{
    uintptr_t address = (uintptr_t)object;
    if (w->detail != PX_DETAIL_VALUES || object == NULL ||
        !visited_can(address))
        return;
    guard_enter(w->guard);
    mark_secret(w, object);
    guard_leave(w->guard);
}

void
walk_owns(struct walk *w, const void *block, size_t n_bytes)
{
    uintptr_t address = (uintptr_t)block;
    if (block == NULL || n_bytes > POOLS_BLOCK_MAX || !w->blocks.wanted ||
        !visited_can(address))
        return;
    sig_atomic_t was_busy = w->guard->busy;
    guard_enter(w->guard);
    if (visited_add(&w->blocks.owned, address) < 0)
        walk_stop(w, PX_END_NO_ROOM);
    w->guard->busy = was_busy;
}

bool
walk_claims(struct walk *w, const void *address)
{
    if (w->replays || !visited_can((uintptr_t)address))
        return false;
    sig_atomic_t was_busy = w->guard->busy;
    guard_enter(w->guard);
    int added = visited_add(&w->claimed, (uintptr_t)address);
    if (added < 0)
        walk_stop(w, PX_END_NO_ROOM);
    w->guard->busy = was_busy;
    return added > 0;
}

/* ---- what tp_traverse visits beyond ---- */

static int
visit_count(PyObject *to, void *context)
{
    struct walk *w = context;
    uintptr_t address = (uintptr_t)to;
    if ((PyTypeObject *)to == w->type) {
        w->n_seen_type++;
    } else if (to != NULL && !is_own(w, address) && visited_can(address)) {
        w->seen_sum += address;
        w->seen_xor ^= address;
        w->n_seen++;
    }
    return 0;
}

static int
visit_rest(PyObject *to, void *context)
{
    struct walk *w = context;
    uintptr_t address = (uintptr_t)to;
    if ((PyTypeObject *)to == w->type || to == NULL || !visited_can(address))
        return 0;
    struct map_slot *slot =
        w->multiset.n == 0 ? NULL : map_find(&w->multiset, address);
    if (slot != NULL && slot->value > 0)
        slot->value--;
    else if (!is_own(w, address) && w->n_rest < w->rest_max)
        w->rest[w->n_rest++] = to;
    return 0;
}

/* Room for as many as the first traversal met; only what is used becomes
 * memory. */
static void
rest_room(struct walk *w)
{
    guard_enter(w->guard);
    w->n_rest = 0;
    if (w->n_seen > w->rest_max) {
        size_t max = w->n_seen + w->n_seen / 2;
        w->rest = walk_memory(w, max * sizeof *w->rest);
        w->rest_max = max;
    }
    guard_leave(w->guard);
}

static void
multiset_fill(struct walk *w)
{
    guard_enter(w->guard);
    if (w->n_named <= NAMED_MAX) {
        for (size_t i = 0; i < w->n_named; i++)
            multiset_add(w, w->named[i]);
        guard_leave(w->guard);
        return;
    }
    w->replays = true;
    guard_leave(w->guard);
    edges_walk(w, w->object, w->type);
    guard_enter(w->guard);
    w->replays = false;
    guard_leave(w->guard);
}

void
multiset_clear(struct walk *w)
{
    if (w->multiset.n == 0)
        return;
    memset(w->multiset.slots, 0,
           map_n_slots(&w->multiset) * sizeof *w->multiset.slots);
    w->multiset.n = 0;
}

void
walk_rest(struct walk *w)
{
    if (w->replays || w->object == NULL || !object_is_gc(w->object, w->info))
        return;
    traverseproc traverse = w->type->tp_traverse;
    if (traverse == NULL)
        return;
    w->seen_sum = 0;
    w->seen_xor = 0;
    w->n_seen = 0;
    w->n_seen_type = 0;
    /* 8 million edges a second is slow for a tp_traverse. */
    w->guard->extra_ns = (uint64_t)w->n_named * 128;
    traverse(w->object, visit_count, w);

    size_t type_named = w->n_named_type + (w->info->is_heap ? 1 : 0);
    bool same = w->n_seen == w->n_named && w->seen_sum == w->sum &&
                w->seen_xor == w->xor
        ;
    size_t n_unnamed = 0;
    if (!same) {
        if (w->n_named != 0)
            multiset_fill(w);
        rest_room(w);
        traverse(w->object, visit_rest, w);
        guard_enter(w->guard);
        multiset_clear(w);
        guard_leave(w->guard);
        for (; n_unnamed < w->n_rest; n_unnamed++)
            walk_edge_index(w, PX_EDGE_UNNAMED, n_unnamed, w->rest[n_unnamed]);
    }
    for (size_t i = type_named; i < w->n_seen_type; i++)
        walk_edge_index(w, PX_EDGE_UNNAMED, n_unnamed++, (PyObject *)w->type);
    w->guard->extra_ns = 0;
}

/* ---- nodes that are no objects, roots and labels ---- */

void
walk_synthetic_begin(struct walk *w, const void *address, const char *kind,
                     const char *label, size_t label_bytes)
{
    if (w->is_mark_only)
        return;
    guard_enter(w->guard);
    struct type_info *info = type_synthetic(w, kind);
    if (!map_put(&w->synthetics, (uintptr_t)address, 1))
        walk_stop(w, PX_END_NO_ROOM);
    struct node_head head = {
        .address = (uintptr_t)address,
        .type = info->number,
        .flags = PX_GEN_NOT_GC | PX_NODE_IMMORTAL | PX_NODE_SYNTHETIC,
    };
    w->object = NULL;
    w->type = NULL;
    w->info = info;
    record_begin(&w->writer, &head);
    guard_leave(w->guard);
    if (label_bytes != 0)
        walk_label(w, address, label, label_bytes);
}

void
walk_synthetic_end(struct walk *w)
{
    if (w->is_mark_only)
        return;
    guard_enter(w->guard);
    record_end(&w->writer);
    w->info = NULL;
    guard_leave(w->guard);
}

void
walk_again_begin(struct walk *w, const void *address)
{
    guard_enter(w->guard);
    w->object = NULL;
    w->type = NULL;
    record_again(&w->writer, (uintptr_t)address);
    guard_leave(w->guard);
}

void
walk_again_end(struct walk *w)
{
    guard_enter(w->guard);
    record_end(&w->writer);
    guard_leave(w->guard);
}

bool
walk_is_synthetic(const struct walk *w, const void *address)
{
    return map_find(&w->synthetics, (uintptr_t)address) != NULL;
}

void
walk_edge_to(struct walk *w, enum px_edge_kind kind, size_t index,
             const void *address)
{
    if (w->is_mark_only || w->replays || address == NULL)
        return;
    guard_enter(w->guard);
    w->n_edges++;
    if (edge_forms[kind] == PX_FORM_INDEX)
        entry_index(&w->writer, kind, index, address);
    else
        entry_plain(&w->writer, kind, address);
    guard_leave(w->guard);
}

static void
text_put(struct walk *w, enum writer_role role, int root_class,
         const void *address, const char *text, size_t n_bytes)
{
    static const size_t text_max = 1024;
    if (w->is_mark_only || w->replays)
        return;
    if (n_bytes > text_max)
        n_bytes = text_max;
    guard_enter(w->guard);
    writer_reserve(&w->writer, role, n_bytes);
    struct chunk *chunk = &w->writer.chunks[role];
    uint8_t *at = chunk->at;
    if (root_class >= 0)
        *at++ = (uint8_t)root_class;
    at = put_delta(at, (uintptr_t)address / PX_ADDR_UNIT, &chunk->last_node);
    at = px_put_varint(at, n_bytes);
    memcpy(at, text, n_bytes);
    chunk->at = at + n_bytes;
    guard_leave(w->guard);
}

void
walk_root(struct walk *w, enum px_root_class root_class, const void *address,
          const char *text, size_t n_bytes)
{
    /* What is no object has had its node; every other root becomes one here if
     * no list and no edge led to it. */
    if (root_class != PX_ROOT_THREAD &&
        map_find(&w->synthetics, (uintptr_t)address) == NULL) {
        guard_enter(w->guard);
        bool wanted = reach(w, (PyObject *)(uintptr_t)address);
        guard_leave(w->guard);
        if (!wanted)
            return;
    }
    text_put(w, ROLE_ROOTS, (int)root_class, address, text, n_bytes);
}

void
walk_label(struct walk *w, const void *address, const char *text,
           size_t n_bytes)
{
    if (walk_claims(w, address))
        text_put(w, ROLE_LABELS, -1, address, text, n_bytes);
}
