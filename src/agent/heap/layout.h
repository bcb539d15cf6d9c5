/* layout.h — private layouts of CPython as plain values.
 *
 * Dict tables, the values of an instance, frames and generators differ in
 * every minor version. layout.c alone includes CPython's internal headers;
 * what it finds is told here in one form for all versions. Pure reads: safe
 * in the child (PX_CHILD) as well as under the GIL.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_LAYOUT_H
#define HEAP_LAYOUT_H

#include "agent/heap/compat.h"
#include "agent/tags.h"

/* ---- dict tables ----
 * Entry i has its key at keys + i * stride; its value beside it, or in a
 * values array of its own (split tables). Entries without a value are holes. */
struct layout_table {
    const char *keys;
    const char *values;
    size_t key_stride;
    size_t value_stride;
    size_t n;
    const void *shared; /* the table of keys, if it has other users too */
    bool embedded;      /* 3.13: the values are owned by the instance */
};

static inline PyObject *
layout_key(const struct layout_table *t, size_t i)
{
    return *(PyObject *const *)(const void *)(t->keys + i * t->key_stride);
}

static inline PyObject *
layout_value(const struct layout_table *t, size_t i)
{
    return *(PyObject *const *)(const void *)(t->values + i * t->value_stride);
}

PX_CHILD void layout_dict(PyObject *dict, struct layout_table *out);
/* As sys.getsizeof counts, without the gc header. */
PX_CHILD size_t layout_dict_bytes(PyObject *dict);
/* Its values lie within the instance (3.13+). */
PX_CHILD bool layout_dict_is_embedded(PyObject *dict);
/* A table of keys (ma_keys). */
PX_CHILD size_t layout_keys_bytes(const PyDictKeysObject *keys);
/* The keys that instances of a heap type share; false: it has none. */
PX_CHILD bool layout_cached_keys(PyTypeObject *type, struct layout_table *out);
PX_CHILD size_t layout_cached_keys_bytes(PyTypeObject *type);

/* ---- instances ---- */
/* The values that an instance holds itself (3.11+). False: none now, or its
 * dict has them. */
PX_CHILD bool layout_instance_values(PyObject *object, PyTypeObject *type,
                                     struct layout_table *out);
/* Its dict, wherever the type keeps it; NULL: none was made. */
PX_CHILD PyObject *layout_instance_dict(PyObject *object, PyTypeObject *type);
/* The value of an attribute that the instance holds, by name; NULL: none. */
PX_CHILD PyObject *layout_instance_get(PyObject *object, const char *name);
/* The value under a str key of a dict; NULL: none. Linear, allocates nothing
 * and calls no __eq__. */
PX_CHILD PyObject *layout_dict_get(PyObject *dict, const char *key);

/* ---- types ---- */
/* Before the clone: where static builtin types keep their dicts (3.12+). */
PX_GIL void layout_note_types(PyInterpreterState *interp);
/* tp_dict and tp_subclasses, also of a static builtin type; borrowed. NULL:
 * none, or it is not known where. */
PX_CHILD PyObject *layout_type_dict(PyTypeObject *type);
PX_CHILD PyObject *layout_type_subclasses(PyTypeObject *type);
/* What `interp` keeps beside its i-th static builtin type; each may be NULL.
 * False: no more, or it is not known where. */
struct layout_type_state {
    PyObject *dict, *subclasses;
};
PX_CHILD bool layout_type_state(PyInterpreterState *interp, size_t i,
                                struct layout_type_state *out);

/* ---- frames ---- */
enum layout_owner {
    LAYOUT_BY_THREAD,    /* runs or waits on a thread's own stack */
    LAYOUT_BY_GENERATOR, /* lies within a generator, coroutine, … */
    LAYOUT_BY_OBJECT     /* lies within a frame object */
};

struct layout_frame {
    const void *address; /* the struct, or the PyFrameObject before 3.11 */
    const void *previous;
    PyCodeObject *code;
    const void *slots; /* locals, cells, free variables, then the stack */
    int n_locals;      /* how many of them are not the stack */
    int depth;         /* live entries of the stack; -1: unknown */
    int max_depth;
    int lasti; /* the current instruction, in bytes */
    enum layout_owner owner;
    PyObject *holder;   /* the generator (BY_GENERATOR, bare frames only) */
    PyObject *object;   /* its PyFrameObject if one was made, else NULL */
    PyObject *function; /* may be NULL; also when it is only borrowed */
    PyObject *locals;   /* f_locals of module and class bodies */
};

/* The slot as an object, NULL when empty. `*counts` tells if it is a
 * reference of its own (3.14+ may borrow). */
static inline PyObject *
layout_slot(const struct layout_frame *f, int i, bool *counts)
{
    uintptr_t word = ((const uintptr_t *)f->slots)[i];
    *counts = true;
#if COMPAT_TAGGED_SLOTS
    if (word & 2) /* 3: a tagged int; 2: a pointer that is no object (3.15) */
        return NULL;
    *counts = (word & 1) == 0;
    word &= ~(uintptr_t)3;
#endif
    return (PyObject *)word;
}

/* Frames of a thread, the innermost first; frames that only mark an entry
 * from C are passed over. False: no more. */
PX_CHILD bool layout_frame_top(PyThreadState *tstate, struct layout_frame *out);
PX_CHILD bool layout_frame_next(struct layout_frame *frame);
/* The frame of a frame object; false: it was cleared. */
PX_CHILD bool layout_frame_of_object(PyObject *object,
                                     struct layout_frame *out);
#if COMPAT_BARE_FRAMES
/* The struct at this address; false: it only marks an entry from C. */
PX_CHILD bool layout_frame_at(const void *address, struct layout_frame *out);
#endif
/* Of a generator, coroutine or async generator; false: it is finished. Before
 * 3.11 that is the frame object gi_frame. */
PX_CHILD bool layout_frame_of_generator(PyObject *object,
                                        struct layout_frame *out);
/* Its code, also when it is finished; NULL before 3.11. */
PX_CHILD PyCodeObject *layout_generator_code(PyObject *object);
/* Suspended in `yield from` or `await`: how many entries on top of the stack
 * belong to that, the lowest of them what it awaits. 0: it is not. */
PX_CHILD int layout_generator_awaits(PyObject *object,
                                     const struct layout_frame *frame);
/* What it awaits; NULL: nothing. */
static inline PyObject *
layout_generator_awaited(const struct layout_frame *frame, int n_entries)
{
    bool counts;
    return n_entries == 0
               ? NULL
               : layout_slot(frame, frame->n_locals + frame->depth - n_entries,
                             &counts);
}

/* What all three kinds have beside their frame. */
struct layout_generator {
    PyObject *name, *qualname;
    PyObject *origin_or_finalizer; /* NULL for a plain generator */
    const _PyErr_StackItem *handled;
    PyObject *code;  /* before 3.12 */
    PyObject *frame; /* before 3.11 */
};
PX_CHILD void layout_generator(PyObject *object, struct layout_generator *out);

/* PyCode_Addr2Line only reads the line table (3.8–3.13 Objects/codeobject.c,
 * 3.12+ also what instrumentation keeps beside it). */
PX_CHILD int layout_frame_line(const struct layout_frame *frame);

/* The frame object's own references beside its frame's. */
struct layout_frame_object {
    PyObject *back, *trace;
    PyObject *builtins, *globals;          /* counted here before 3.11 only */
    PyObject *extra_locals, *locals_cache; /* 3.13+ */
    PyObject *overwritten;                 /* 3.14+ */
};
PX_CHILD void layout_frame_object(PyObject *object,
                                  struct layout_frame_object *out);

/* ---- greenlets ----
 * Of the package greenlet, whose structs are its own: what is read is believed
 * only if it fits together (layout_greenlet.c). May fault: never unguarded. */
#define LAYOUT_GREENLET_WORDS 5 /* of the object */
/* Of a data stack; each is twice as large as the one before. */
#define LAYOUT_CHUNKS_MAX 48

/* Its frames, one after the other. */
struct layout_greenlet {
    size_t n_frames;
    bool outermost_first;
    struct layout_frame frame;
    const char *at, *ends[LAYOUT_CHUNKS_MAX], *starts[LAYOUT_CHUNKS_MAX];
    size_t n_chunks; /* those still to come */
};
/* False: it runs, has ended, has not begun, or is not understood. */
PX_CHILD bool layout_greenlet(PyObject *greenlet, struct layout_greenlet *out);
/* The next frame, in out->frame; false: no more. */
PX_CHILD bool layout_greenlet_next(struct layout_greenlet *out);

/* ---- interpreters ---- */
/* What the headers that we were built with do not know about the running
 * interpreter, as the end of a sentence; NULL: they know it. */
PX_GIL const char *layout_unknown(void);
/* Before the clone, and before the functions below: whether the struct is
 * where and what the headers say. */
PX_GIL void layout_note_interpreter(PyInterpreterState *interp);
/* Only reads the struct; what it returns must be checked before use. */
struct layout_interpreter {
    PyObject *modules, *builtins, *sysdict, *dict;
    PyObject *codec_search_path, *codec_search_cache, *codec_error_registry;
    PyObject *atexit; /* a list of tuples (3.14+) */
    PyObject *before_fork, *after_fork_parent, *after_fork_child;
};
PX_GIL void layout_interpreter(PyInterpreterState *interp,
                               struct layout_interpreter *out);
/* The dict of interned texts, where the collector has it in its lists (3.14+);
 * NULL: not, or it is not known. Only to be compared: nothing was read. */
PX_CHILD const PyObject *layout_interned(void);
/* Callback i of atexit: function, arguments and keywords, each perhaps NULL.
 * False: no more (before 3.10 the module's own m_traverse has them, since
 * 3.14 the interpreter has a list). */
PX_CHILD bool layout_atexit(PyInterpreterState *interp, int i,
                            PyObject *out[3]);
/* What the compiler's C code keeps for good: the classes of ast and their
 * only instances (3.10+), an array; returns how many, 0 where it is static.
 * The first is the class AST, by which the caller checks them all. */
PX_CHILD size_t layout_ast_state(PyInterpreterState *interp,
                                 PyObject *const **out);
/* The event loop that runs in a thread (3.13+); NULL: none, or its thread's
 * dict has it. */
PX_CHILD PyObject *layout_thread_loop(PyThreadState *tstate);
/* The task that runs in it (3.14+); NULL: none, or a module's state has it. */
PX_CHILD PyObject *layout_thread_task(PyThreadState *tstate);
/* True if both run under the same GIL. */
PX_GIL bool layout_shares_gil(PyInterpreterState *a, PyInterpreterState *b);

#endif
