/* walk_state.h — the inside of struct walk, shared by walk*.c only.
 *
 * All that a walk knows lies in this struct and in its arena, never in local
 * variables: after a jump out of a bad object the loops go on from here.
 *
 *   walk.c        what the walkers call: edges, labels, roots, the rest
 *   walk_type.c   types and names, each sent once
 *   walk_object.c one object: its record, its new referents
 *   walk_run.c    the phases: lists, roots, previews, footer
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_WALK_STATE_H
#define HEAP_WALK_STATE_H

#include "agent/heap/walk.h"

#include <setjmp.h>
#include <stdnoreturn.h>

#include "agent/heap/blocks.h"
#include "agent/heap/guard.h"
#include "agent/heap/heads.h"
#include "agent/heap/room.h"
#include "agent/heap/visited.h"
#include "agent/heap/walk_arena.h"
#include "agent/heap/walk_map.h"
#include "agent/heap/walk_run.h"
#include "agent/heap/writer.h"

#define FRESH_MAX 256u /* new referents that wait to be read: their cache */
                       /* lines are fetched meanwhile */
#define NAMED_MAX 256u /* named targets kept for walk_rest */
#define RECENT_N 256u  /* direct-mapped cache of types */
#define OWN_BITS 4096u
/* A refcount that nobody reaches by counting: 3.8-3.11 write 999,999,999 into
 * deep-frozen objects, 3.12+ set the sign of the low 32 bits. */
#define REFCOUNT_IMMORTAL 500000000u

struct type_info {
    PyTypeObject *type;     /* NULL: synthetic */
    const char *synthetic;  /* its kind, "<thread>" */
    struct type_info *next; /* in the order of their numbers */
    uint32_t number;
    bool is_heap;
    bool is_gc;
    bool has_edges; /* its instances are walked, not only counted */
    bool is_core;   /* the interpreter's own: never given up */
    bool is_bad;    /* its instances are no longer walked */
    unsigned n_faults;
    preview_fn *preview; /* NULL: none */
};

struct walk {
    /* hot */
    struct visited visited; /* reached or in a list */
    struct guard *guard;    /* never NULL; idle inside the target */
    uint64_t n_objects;
    uint64_t n_edges;
    size_t n_fresh;
    PyObject *fresh[FRESH_MAX];
    struct writer writer;

    /* the object that is walked now */
    PyObject *object;
    PyTypeObject *type;
    struct type_info *info; /* NULL between objects */
    PyObject *heading;      /* whose class is looked up now */
    bool class_done;
    bool replays; /* walk_rest asks again: nothing is written */
    bool is_mark_only;
    uintptr_t sum;
    uintptr_t xor ;
    size_t n_named;
    size_t n_named_type; /* edges to its own type, but for CLASS */
    uintptr_t named[NAMED_MAX];

    /* walk_rest */
    uintptr_t seen_sum;
    uintptr_t seen_xor;
    size_t n_seen;
    size_t n_seen_type;
    PyObject **rest; /* what no edge named, until it is emitted */
    size_t n_rest;
    size_t rest_max;
    struct map multiset;

    enum px_detail detail;
    bool is_guarded;        /* in the child */
    struct visited secret;  /* reached under a secret name */
    struct visited checked; /* keys whose text is out and no secret */
    struct visited claimed; /* what walk_claims was asked about */
    struct map types;       /* PyTypeObject -> struct type_info * */
    struct map names;       /* str or text -> number * 2 + secret */
    struct map synthetics;  /* nodes that are no objects */
    uint64_t n_names;
    struct map_slot recent_names[RECENT_N]; /* of names, to what they map */
    struct type_info *recent[RECENT_N];
    struct type_info *first_type;
    struct type_info *last_type;
    uint32_t n_types;
    struct type_info *unreadable; /* type of what cannot be read */

    size_t n_drained;
    bool is_draining;
    PyObject **stack; /* to be walked: untracked, not collected, but edges */
    size_t n_stack;
    size_t stack_max;

    uint64_t own_bloom[OWN_BITS / 64];
    size_t n_own;
    uintptr_t own[HEAP_OWN_MAX];

    /* the lists */
    size_t n_lists; /* that were begun */
    unsigned generation;
    struct gc_head *list;
    struct gc_head *cursor;
    uintptr_t preview_at;

    struct blocks blocks;

    uint64_t n_bad;   /* nodes with PX_NODE_BAD */
    uint64_t n_jumps; /* out of objects */
    uint64_t n_bad_types;
    uint64_t n_frozen;
    uint64_t n_left_out;
    uint64_t start_ns;
    uint64_t cpu_start_ns; /* of this process before the walk */
    uint64_t limit_ns;
    uint64_t looked_ns; /* for room */
    const struct walk_plan *plan;
    enum px_end end;
    sigjmp_buf finish;
    sigjmp_buf object_landing;
    sigjmp_buf drain_landing;
    struct guard no_guard;
    struct arena arena;
};

/* ---- walk_run.c ---- */
/* Ends the walk from wherever it is. */
PX_CHILD noreturn void walk_stop(struct walk *w, enum px_end end);
/* Now and then: cancelled? too long? still room? */
PX_CHILD void walk_tick(struct walk *w);

/* ---- walk.c ---- */
PX_CHILD void multiset_clear(struct walk *w);

/* ---- walk_type.c ---- */
PX_CHILD struct type_info *type_new(struct walk *w, PyTypeObject *type);
/* Of what cannot be read. */
PX_CHILD struct type_info *type_unreadable(struct walk *w);
PX_CHILD struct type_info *type_synthetic(struct walk *w, const char *kind);
/* The number of a name * 2 + whether it is secret. */
PX_CHILD uint64_t name_find(struct walk *w, PyObject *str);
PX_CHILD uint64_t name_of_text(struct walk *w, const char *text);
/* Sends a dict key's text where the detail wants it; true: it is secret. */
PX_CHILD bool key_check(struct walk *w, PyObject *key);

static inline size_t
type_slot(const PyTypeObject *type)
{
    return ((uintptr_t)type >> 4) * 0x9e3779b1u % RECENT_N;
}

static inline struct type_info *
type_of(struct walk *w, PyTypeObject *type)
{
    struct type_info **recent = &w->recent[type_slot(type)];
    if (__builtin_expect(*recent == NULL || (*recent)->type != type, 0)) {
        struct map_slot *slot = map_find(&w->types, (uintptr_t)type);
        *recent = slot != NULL ? (struct type_info *)(uintptr_t)slot->value
                               : type_new(w, type);
    }
    return *recent;
}

static inline uint64_t
name_of_str(struct walk *w, PyObject *str, bool *secret)
{
    uintptr_t key = (uintptr_t)str;
    struct map_slot *recent =
        &w->recent_names[(key >> 4) * 0x9e3779b1u % RECENT_N];
    if (__builtin_expect(recent->key != key, 0)) {
        recent->value = name_find(w, str);
        recent->key = key;
    }
    *secret = (recent->value & 1) != 0;
    return recent->value / 2;
}

/* ---- walk_object.c ---- */
PX_CHILD void object_walk(struct walk *w, PyObject *object,
                          struct type_info *info, unsigned generation);
/* After a jump out of it. */
PX_CHILD void object_failed(struct walk *w);
/* True once an object was left before all that it refers to was told. */
PX_CHILD bool edges_were_lost(const struct walk *w);
PX_CHILD void fresh_drain(struct walk *w);
PX_CHILD void stack_push(struct walk *w, PyObject *object);
/* A node that cannot be read. */
PX_CHILD void bad_put(struct walk *w, PyObject *object);

static inline bool
object_is_gc(PyObject *object, const struct type_info *info)
{
    if (!info->is_gc)
        return false;
    inquiry is_gc = info->type->tp_is_gc;
    return is_gc == NULL || is_gc(object);
}

static inline bool
is_own(const struct walk *w, uintptr_t address)
{
    size_t bit = (address >> 4) % OWN_BITS;
    if (__builtin_expect((w->own_bloom[bit / 64] >> bit % 64 & 1) == 0, 1))
        return false;
    for (size_t i = 0; i < w->n_own; i++) {
        if (w->own[i] == address)
            return true;
    }
    return false;
}

/* Marks a target, and queues it when it is new. False: no edge may lead
 * there (NULL, ours, or no address at all). */
static inline bool
reach(struct walk *w, PyObject *to)
{
    uintptr_t address = (uintptr_t)to;
    if (to == NULL || is_own(w, address) || !visited_can(address))
        return false;
    int added = visited_add(&w->visited, address);
    if (added == 0)
        return true;
    if (added < 0)
        walk_stop(w, PX_END_NO_ROOM);
    __builtin_prefetch(to);
    if (__builtin_expect(w->n_fresh == FRESH_MAX, 0))
        fresh_drain(w);
    w->fresh[w->n_fresh++] = to;
    return true;
}

#endif
