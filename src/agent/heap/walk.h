/* walk.h — inside the snapshot child: one walk over the heap.
 *
 * Two halves meet here. The walk (walk.c, visited.c, writer.c, child.c) knows
 * which objects there are, marks them, and writes records. The walkers
 * (edges*.c, sizes.c, frames.c, roots.c, preview.c, names.c, secret.c) know
 * what one object is and what it refers to. All of it is PX_CHILD: no malloc,
 * no locks, no refcounts, no Python API that allocates; memory comes from
 * walk_memory (mmap). compat.h is the one file that asks for Python's version.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_WALK_H
#define HEAP_WALK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pyexplore/snapshot.h>

#include "agent/heap/heap.h"

struct walk;

/* ---- what walkers may ask of the walk ---- */

/* Zeroed pages for good, never freed before the child ends; NULL: no room,
 * and the walk ends soon with PX_END_NO_ROOM. */
PX_CHILD void *walk_memory(struct walk *w, size_t n_bytes);
PX_CHILD enum px_detail walk_detail(const struct walk *w);
/* False inside the target: a fault would be the end of it. */
PX_CHILD bool walk_is_guarded(const struct walk *w);
/* True if the walk has an object at this address (marked in the bitmap):
 * conservative stack scans accept nothing else. Meaningful only after all gc
 * lists were walked, which is when roots are walked. */
PX_CHILD bool walk_is_object(const struct walk *w, const void *address);

/* Edges of the object that is walked now. NULL targets and pyexplore's own
 * objects are skipped. `name` is a str object (its text is sent once);
 * `text` a C string that lives as long as the process. Every edge whose kind
 * COUNTS is remembered until the object is done, so that walk_rest can tell
 * what tp_traverse visits beyond them. */
PX_CHILD void walk_edge(struct walk *w, enum px_edge_kind kind, PyObject *to);
PX_CHILD void walk_edge_name(struct walk *w, enum px_edge_kind kind,
                             PyObject *name, PyObject *to);
PX_CHILD void walk_edge_text(struct walk *w, enum px_edge_kind kind,
                             const char *text, PyObject *to);
PX_CHILD void walk_edge_index(struct walk *w, enum px_edge_kind kind,
                              size_t index, PyObject *to);
PX_CHILD void walk_edge_pair(struct walk *w, enum px_edge_kind kind,
                             PyObject *key, PyObject *value);

/* Runs tp_traverse of the object that is walked now and emits each target
 * that no counting edge named, as UNNAMED #i; multiplicity counts: (x, x) is
 * two. The class edge of a heap type's instance is emitted exactly once,
 * whether or not tp_traverse visits it. Cheap when everything was named: a
 * sum over addresses is compared first. */
PX_CHILD void walk_rest(struct walk *w);

/* A node that is no Python object: begin, emit its edges with walk_edge_*,
 * end. `address` must be unique and 8-byte aligned (a PyThreadState, a
 * _PyInterpreterFrame). `kind` names the synthetic type: "<thread>". */
PX_CHILD void walk_synthetic_begin(struct walk *w, const void *address,
                                   const char *kind, const char *label,
                                   size_t label_bytes);
PX_CHILD void walk_synthetic_end(struct walk *w);
/* True if walk_synthetic_begin had this address. */
PX_CHILD bool walk_is_synthetic(const struct walk *w, const void *address);
/* An edge from the current node to another synthetic node. */
PX_CHILD void walk_edge_to(struct walk *w, enum px_edge_kind kind, size_t index,
                           const void *address);

/* Goes on with a node, object or synthetic, that was ended before, once it is
 * sure to have been: when everything that can be reached was walked. */
PX_CHILD void walk_again_begin(struct walk *w, const void *address);
PX_CHILD void walk_again_end(struct walk *w);

/* Names a root. `text` need not be NUL-terminated. */
PX_CHILD void walk_root(struct walk *w, enum px_root_class root_class,
                        const void *address, const char *text, size_t n_bytes);
/* A label for a node (PX_CHUNK_LABELS); its first one stays. */
PX_CHILD void walk_label(struct walk *w, const void *address, const char *text,
                         size_t n_bytes);

/* Runs one part of a larger piece of work (one thread, one module) so that a
 * fault or a hang in it ends that part only. False: it did not finish; what it
 * had open is closed and flagged. Inside the target it just runs. */
typedef void walk_part(struct walk *w, void *context);
PX_CHILD bool walk_try(struct walk *w, walk_part *part, void *context);

/* Marks what must have no preview (secret.c decides). */
PX_CHILD void walk_mark_secret(struct walk *w, PyObject *object);

/* The object that is walked now owns `block` beside its own, of so many bytes
 * (what is too large for the allocator of small objects is passed over). */
PX_CHILD void walk_owns(struct walk *w, const void *block, size_t n_bytes);

/* True when it is first asked about an address. The first object that claims a
 * table which several share owns what stands in it; the others only hold. */
PX_CHILD bool walk_claims(struct walk *w, const void *address);

/* ---- what the walk asks of the walkers ---- */

/* Before the clone, under the GIL: everything that may not be read later
 * without a lock (thread states, interpreters, sys.modules, own objects). */
#define HEAP_THREADS_MAX 4096
#define HEAP_INTERPRETERS_MAX 64
struct heap_notes {
    PyInterpreterState *interpreters[HEAP_INTERPRETERS_MAX];
    int64_t interpreter_ids[HEAP_INTERPRETERS_MAX];
    size_t n_interpreters;
    PyInterpreterState *own; /* whose GIL we hold */
    PyThreadState *threads[HEAP_THREADS_MAX];
    size_t n_threads;
    size_t threads_left_out;
    PyThreadState *agent; /* our own state: no root */
    PyObject *modules;    /* sys.modules, borrowed */
    size_t interpreters_left_out;
};
PX_GIL void roots_note(struct heap_notes *notes);

/* Once, at the start of every walk and before any other walker: takes memory
 * of this walk for the caches (types, secret names) and forgets the last
 * walk's. Without it, or without room, they work uncached. */
PX_CHILD void edges_begin(struct walk *w);
/* The caches' memory is about to go (stop_the_world: the target lives on). */
PX_CHILD void edges_end(void);

/* Emits all roots, thread and frame nodes. After the gc lists were walked. */
PX_CHILD void roots_walk(struct walk *w, const struct heap_notes *notes);

/* What only a full bitmap can tell: after everything that the roots reach. */
PX_CHILD void roots_walk_stacks(struct walk *w, const struct heap_notes *notes);

/* Emits every edge of `object`, whose exact type is `type` (named walker of
 * its family first, then walk_rest where tp_traverse may know more). */
PX_CHILD void edges_walk(struct walk *w, PyObject *object, PyTypeObject *type);
/* False for types whose instances surely have no edges (str, int, …): the
 * walk then never queues them. Looked up once per type. */
PX_CHILD bool edges_type_has(PyTypeObject *type);

/* sys.getsizeof's value, without calling anything. */
PX_CHILD size_t sizes_of(PyObject *object, PyTypeObject *type,
                         bool *approximate);

/* The bytes of the object's own block, without what stands before it; only
 * for objects whose size in memory is told by their type and ob_size. */
PX_CHILD size_t sizes_block(PyObject *object, PyTypeObject *type);

/* Writes a preview record's form and payload (snapshot.h) to `to`, which has
 * PREVIEW_MAX bytes; returns its length, 0: no preview for this object. */
#define PREVIEW_MAX 160
typedef size_t preview_fn(PyObject *object, uint8_t *to);
/* How objects of a type are previewed, NULL: not at all. `container` is the
 * type's flag of snapshot.h, or 0. Looked up once per type. */
PX_CHILD preview_fn *preview_of(PyTypeObject *type, unsigned container);
/* True for the objects that all programs share (None, small ints, one-letter
 * texts): that a secret name leads to one says nothing about the others. */
PX_CHILD bool preview_is_shared(PyObject *object, PyTypeObject *type);

/* Module and qualified name of a type as UTF-8, each at most `max` bytes. */
struct type_names {
    char module[256];
    size_t module_bytes;
    char name[256];
    size_t name_bytes;
};
PX_CHILD void names_of_type(PyTypeObject *type, struct type_names *out);
/* UTF-8 (WTF-8 for surrogates) of a str, cut after `max` bytes at a character
 * boundary; never caches in the object. Returns the bytes written. */
PX_CHILD size_t names_of_str(PyObject *str, size_t max, char *to);
PX_CHILD bool names_is_interned(PyObject *str);
/* A dict that looks like the one of interned texts: each is its own value. */
PX_CHILD bool names_is_interned_dict(PyObject *dict);
/* An exact int that is not negative and has at most three digits of CPython's,
 * as a number; false: another object. */
PX_CHILD bool names_of_int(PyObject *object, unsigned long *out);
/* Writes it in decimal, at most 20 bytes; returns how many. */
PX_CHILD size_t names_put_number(unsigned long number, char *to);

/* True if a value under this str or bytes key must not be shown. Has its own
 * cache by address inside the child. */
PX_CHILD bool secret_is_name(PyObject *key);

#endif
