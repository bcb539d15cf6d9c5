/* walk_object.c — one object: its record, and its new referents.
 *
 * New referents wait in `fresh` until it is full; then those that have no
 * edges are written at once into the chunk of atoms, and the others (untracked
 * tuples and dicts, code, static types) go on the stack. Reading them in
 * batches gives the memory time to arrive, and one landing place serves a
 * whole batch: a referent that cannot be read does not spoil its holder.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/walk_state.h"

#include <string.h>

/* More jumps than this: the heap is not what we take it for. */
#define JUMPS_MAX 10000
/* One broken object says nothing of the others of its class; so many do. */
#define FAULTS_MAX 16u

void
stack_push(struct walk *w, PyObject *object)
{
    if (w->n_stack == w->stack_max) {
        size_t max = w->stack_max == 0 ? 8192 : 2 * w->stack_max;
        PyObject **stack = walk_memory(w, max * sizeof *stack);
        if (w->n_stack != 0)
            memcpy(stack, w->stack, w->n_stack * sizeof *stack);
        w->stack = stack;
        w->stack_max = max;
    }
    w->stack[w->n_stack++] = object;
}

static inline void
head_fill(struct node_head *head, PyObject *object,
          const struct type_info *info, unsigned generation, size_t n_bytes,
          bool approximate)
{
    uint32_t refcount = (uint32_t)object->ob_refcnt;
    unsigned flags = generation;
    if (refcount > REFCOUNT_IMMORTAL)
        flags |= PX_NODE_IMMORTAL;
    if (approximate)
        flags |= PX_NODE_APPROXIMATE;
    head->address = (uintptr_t)object;
    head->n_bytes = n_bytes;
    head->refcount = refcount;
    head->type = info->number;
    head->flags = (uint8_t)flags;
}

static inline void
object_done(struct walk *w)
{
    w->n_objects++;
    w->guard->progress++;
    if ((w->n_objects & 1023) == 0)
        walk_tick(w);
}

static void
bad_put_as(struct walk *w, PyObject *object, const struct type_info *info)
{
    struct node_head head = {
        .address = (uintptr_t)object,
        .type = info->number,
        .flags = PX_GEN_NOT_GC | PX_NODE_IMMORTAL | PX_NODE_APPROXIMATE |
                 PX_NODE_BAD,
    };
    w->n_bad++;
    if (!w->is_mark_only)
        writer_atom(&w->writer, &head);
    object_done(w);
}

void
bad_put(struct walk *w, PyObject *object)
{
    bad_put_as(w, object, type_unreadable(w));
}

/* ---- new referents ---- */

static void
fresh_take(struct walk *w, PyObject *object)
{
    struct type_info *info = type_of(w, Py_TYPE(object));
    if (info->type == NULL) {
        bad_put(w, object);
        return;
    }
    if (info->has_edges && !info->is_bad) {
        stack_push(w, object);
        return;
    }
    if (w->is_mark_only) {
        object_done(w);
        return;
    }
    struct node_head head;
    bool approximate = false;
    size_t n_bytes = sizes_of(object, info->type, &approximate);
    unsigned generation =
        object_is_gc(object, info) ? PX_GEN_UNTRACKED : PX_GEN_NOT_GC;
    head_fill(&head, object, info, generation, n_bytes, approximate);
    writer_atom(&w->writer, &head);
    object_done(w);
}

static void
jump_count(struct walk *w)
{
    if (++w->n_jumps > JUMPS_MAX)
        walk_stop(w, PX_END_FAULT);
}

void
fresh_drain(struct walk *w)
{
    if (w->is_draining)
        return;
    sigjmp_buf *outer = w->guard->landing;
    w->is_draining = true;
    w->n_drained = 0;
    if (w->is_guarded && sigsetjmp(w->drain_landing, 0) != 0) {
        guard_enter(w->guard);
        jump_count(w);
        bad_put(w, w->fresh[w->n_drained - 1]);
    }
    w->guard->landing = &w->drain_landing;
    while (w->n_drained < w->n_fresh) {
        PyObject *object = w->fresh[w->n_drained++];
        guard_mark();
        fresh_take(w, object);
    }
    w->guard->landing = outer;
    w->n_fresh = 0;
    w->is_draining = false;
}

/* ---- one object ---- */

void
object_walk(struct walk *w, PyObject *object, struct type_info *info,
            unsigned generation)
{
    if (info->type == NULL) {
        bad_put(w, object);
        return;
    }
    struct node_head head;
    bool approximate = false;
    w->object = object;
    w->type = info->type;
    w->info = info;
    w->class_done = false;
    w->sum = 0;
    w->xor = 0;
    w->n_named = 0;
    w->n_named_type = 0;
    guard_leave(w->guard);
    size_t n_bytes = sizes_of(object, info->type, &approximate);
    if ((generation & PX_NODE_GEN_MASK) == PX_GEN_UNTRACKED &&
        !object_is_gc(object, info))
        generation ^= PX_GEN_UNTRACKED ^ PX_GEN_NOT_GC;
    guard_enter(w->guard);
    head_fill(&head, object, info, generation, n_bytes, approximate);
    if (info->is_bad) {
        head.flags |= PX_NODE_BAD;
        w->n_bad++;
    }
    record_begin(&w->writer, &head);
    if (!info->is_bad) {
        guard_leave(w->guard);
        edges_walk(w, object, info->type);
        guard_enter(w->guard);
    }
    if (info->is_heap && !w->class_done)
        walk_edge(w, PX_EDGE_CLASS, (PyObject *)info->type);
    guard_enter(w->guard);
    record_end(&w->writer);
    w->info = NULL;
    object_done(w);
}

/* The class of what was walked when it faulted: given up when it happens again
 * and again, or at once if each of them would cost a second. */
static void
blame(struct walk *w, struct type_info *info)
{
    if (info == NULL || info->type == NULL || info->is_core || info->is_bad)
        return;
    if (++info->n_faults < FAULTS_MAX && w->guard->why != GUARD_HUNG)
        return;
    info->is_bad = true;
    w->n_bad_types++;
}

bool
edges_were_lost(const struct walk *w)
{
    return w->n_bad != 0 || w->n_jumps != 0;
}

/* Closes what a jump left open, in one piece. */
void
object_failed(struct walk *w)
{
    struct type_info *info = w->info;
    struct record *record = &w->writer.record;
    guard_enter(w->guard);
    jump_count(w);
    w->guard->extra_ns = 0;
    w->replays = false;
    w->info = NULL;
    multiset_clear(w);
    if (w->heading != NULL) {
        PyObject *object = w->heading;
        w->heading = NULL;
        bad_put(w, object);
        return;
    }
    if (record->is_open) {
        if (record->node_flags_at != NULL)
            *record->node_flags_at |= PX_NODE_BAD;
        if (w->object != NULL && info->is_heap && !w->class_done)
            walk_edge(w, PX_EDGE_CLASS, (PyObject *)info->type);
        guard_enter(w->guard);
        record_end(&w->writer);
        w->n_bad++;
        object_done(w);
    } else if (info != NULL && w->object != NULL) {
        bad_put_as(w, w->object, info);
    }
    blame(w, info);
}

bool
walk_try(struct walk *w, walk_part *part, void *context)
{
    sigjmp_buf here;
    sigjmp_buf *const outer = w->guard->landing;
    if (w->is_guarded && sigsetjmp(here, 0) != 0) {
        w->guard->landing = outer;
        object_failed(w);
        guard_leave(w->guard);
        return false;
    }
    if (w->is_guarded)
        w->guard->landing = &here;
    part(w, context);
    w->guard->landing = outer;
    return true;
}
