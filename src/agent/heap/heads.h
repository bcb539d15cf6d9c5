/* heads.h — where the collector keeps its objects.
 *
 * The gc lists of this process, found without CPython's internal headers
 * (their layout moves between patch releases). heads_get looks once per
 * process under the GIL; what it returns is constant and may then be read by
 * anyone, also by the snapshot child. Walking a list needs the GIL, or the
 * child's frozen memory.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_HEADS_H
#define HEAP_HEADS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

#include "agent/tags.h"

/* PyGC_Head, which every tracked object has right before it. The low three
 * bits of both words may be flags (collecting, finalised, and in 3.14.0 to
 * 3.14.4 the old space). */
struct gc_head {
    uintptr_t next;
    uintptr_t prev;
};
#define GC_FLAGS ((uintptr_t)7)

static inline struct gc_head *
gc_head_next(const struct gc_head *head)
{
    return (struct gc_head *)(head->next & ~GC_FLAGS);
}

static inline struct gc_head *
gc_head_prev(const struct gc_head *head)
{
    return (struct gc_head *)(head->prev & ~GC_FLAGS);
}

static inline PyObject *
gc_head_object(struct gc_head *head)
{
    return (PyObject *)(void *)(head + 1);
}

static inline struct gc_head *
gc_head_of(PyObject *object)
{
    return (struct gc_head *)(void *)object - 1;
}

/* Only for objects whose type is collected: is it in a list now? */
static inline bool
gc_is_tracked(PyObject *object)
{
    return (gc_head_of(object)->next & ~GC_FLAGS) != 0;
}

/* Generations 0, 1, 2 and the permanent one (gc.freeze), as PX_GEN_*. */
#define HEADS_N 4

struct heads {
    struct gc_head *generation[HEADS_N]; /* of the interpreter that looked */
    PyInterpreterState *interpreter;     /* which one that is */
    ptrdiff_t offset[HEADS_N];           /* from any PyInterpreterState */
    bool per_interpreter;                /* false in 3.8: one set for all */
    destructor python_class_dealloc;     /* tp_dealloc of class statements */
};

/* NULL and PX_EUNSUPPORTED with one sentence if this interpreter's layout is
 * not understood. The answer is the same for the life of the process. */
PX_GIL const struct heads *heads_get(struct px_err *err);

/* The list of `generation` in `interpreter`; NULL if what lies there is not a
 * list head. */
struct gc_head *heads_list(const struct heads *heads,
                           PyInterpreterState *interpreter,
                           unsigned generation);

/* Calls `visit` for each object of one generation until it returns non-zero,
 * which is then the result. `visit` must not run Python code. */
PX_GIL int heads_each(const struct heads *heads, unsigned generation,
                      int (*visit)(PyObject *object, void *context),
                      void *context);

#endif
