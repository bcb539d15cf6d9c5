/* layout_frame.c — frames and generators, for every version.
 *
 * 3.8–3.10: a frame is a PyFrameObject; a thread's running one is at
 * tstate->frame, its callers at f_back. 3.11+: a frame is a struct on the
 * thread's data stack, in a generator or in a frame object, linked by
 * `previous`. Values lie in one array: locals, cells, free variables, stack.
 * While code runs in a frame the depth of its stack is only in the C stack of
 * the interpreter loop: told as -1.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/layout_private.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

int
layout_frame_line(const struct layout_frame *frame)
{
#if COMPAT_BARE_FRAMES
    if (frame->object != NULL) {
        int line = ((PyFrameObject *)frame->object)->f_lineno;
        if (line > 0)
            return line;
    }
#else
    PyFrameObject *f = (PyFrameObject *)frame->object;
#if COMPAT_LINENO_TRACED
    if (f->f_trace != NULL)
        return f->f_lineno;
#else
    if (f->f_lineno != 0)
        return f->f_lineno;
#endif
#endif
    return PyCode_Addr2Line(frame->code, frame->lasti);
}

#if COMPAT_BARE_FRAMES

#if COMPAT_TAGGED_SLOTS
/* pycore_stackref.h: bit 0 says that another frame owns the reference. */
static PyObject *
object_of(_PyStackRef ref)
{
    return ref.bits & 2 ? NULL : (PyObject *)(ref.bits & ~(uintptr_t)1);
}

static PyObject *
owned(_PyStackRef ref)
{
    return ref.bits & 1 ? NULL : object_of(ref);
}

#define FRAME_CODE(f) object_of((f)->f_executable)
#define FRAME_FUNCTION(f) owned((f)->f_funcobj)
#define FRAME_NEXT(f) ((const char *)(f)->instr_ptr)
#elif COMPAT_FRAME_EXECUTABLE
#define FRAME_CODE(f) ((f)->f_executable)
#define FRAME_FUNCTION(f) ((f)->f_funcobj)
#define FRAME_NEXT(f) ((const char *)(f)->instr_ptr)
#elif COMPAT_FRAME_FUNCOBJ
#define FRAME_CODE(f) ((PyObject *)(f)->f_code)
#define FRAME_FUNCTION(f) ((f)->f_funcobj)
#define FRAME_NEXT(f) ((const char *)(f)->prev_instr)
#else
#define FRAME_CODE(f) ((PyObject *)(f)->f_code)
#define FRAME_FUNCTION(f) ((PyObject *)(f)->f_func)
#define FRAME_NEXT(f) ((const char *)(f)->prev_instr)
#endif

/* The first owner that only marks an entry from C. */
#if COMPAT_FRAME_MARK == 2
#define FRAME_MARK FRAME_OWNED_BY_INTERPRETER
#elif COMPAT_FRAME_MARK == 1
#define FRAME_MARK FRAME_OWNED_BY_CSTACK
#else
#define FRAME_MARK CHAR_MAX
#endif

/* How many entries the stack has; what is no depth means unknown. Since 3.14
 * an innermost frame may keep a pointer that was saved some time ago
 * (pycore_interpframe.h: _PyFrame_GetStackPointer clears it only in debug
 * builds), but whoever let the GIL go has saved it just before. */
static ptrdiff_t
stack_depth(const _PyInterpreterFrame *f, int n_locals)
{
#if COMPAT_TAGGED_SLOTS
    if (f->stackpointer == NULL)
        return -1;
    return f->stackpointer - f->localsplus - n_locals;
#else
    return f->stacktop - n_locals;
#endif
}

/* False for the marks of an entry from C: no code, and no valid fields. */
static bool
fill(const _PyInterpreterFrame *f, struct layout_frame *out)
{
    PyObject *code;
    ptrdiff_t depth;

    if (f->owner >= FRAME_MARK)
        return false;
    code = FRAME_CODE(f);
    if (code == NULL || !PyCode_Check(code))
        return false;
    out->address = f;
    out->previous = f->previous;
    out->code = (PyCodeObject *)code;
    out->slots = f->localsplus;
    out->n_locals = out->code->co_nlocalsplus;
    out->max_depth = out->code->co_stacksize;
    depth = stack_depth(f, out->n_locals);
    out->depth = depth < 0 || depth > out->max_depth ? -1 : (int)depth;
    out->lasti = (int)(FRAME_NEXT(f) - out->code->co_code_adaptive);
    out->object = (PyObject *)f->frame_obj;
    out->function = FRAME_FUNCTION(f);
    out->locals = f->f_locals;
    out->holder = NULL;
    out->owner = LAYOUT_BY_THREAD;
    if (f->owner == FRAME_OWNED_BY_GENERATOR) {
        out->owner = LAYOUT_BY_GENERATOR;
        out->holder = (PyObject *)(void *)((char *)(uintptr_t)f -
                                           offsetof(PyGenObject, gi_iframe));
    } else if (f->owner == FRAME_OWNED_BY_FRAME_OBJECT) {
        out->owner = LAYOUT_BY_OBJECT;
    }
    return true;
}

static bool
fill_first(const _PyInterpreterFrame *f, struct layout_frame *out)
{
    for (; f != NULL; f = f->previous)
        if (fill(f, out))
            return true;
    return false;
}

bool
layout_frame_at(const void *address, struct layout_frame *out)
{
    return fill(address, out);
}

bool
layout_frame_top(PyThreadState *tstate, struct layout_frame *out)
{
#if COMPAT_CFRAME
    return tstate->cframe != NULL &&
           fill_first(tstate->cframe->current_frame, out);
#else
    return fill_first(tstate->current_frame, out);
#endif
}

bool
layout_frame_next(struct layout_frame *frame)
{
    return fill_first(frame->previous, frame);
}

bool
layout_frame_of_object(PyObject *object, struct layout_frame *out)
{
    const _PyInterpreterFrame *f = ((PyFrameObject *)object)->f_frame;

    if (f == NULL || !fill(f, out))
        return false;
    out->object = object;
    return true;
}

/* A flexible array of words before 3.14. */
#if COMPAT_TAGGED_SLOTS
#define FRAME_OF(gen) (&(gen)->gi_iframe)
#else
#define FRAME_OF(gen)                                                          \
    ((const _PyInterpreterFrame *)(const void *)(gen)->gi_iframe)
#endif

bool
layout_frame_of_generator(PyObject *object, struct layout_frame *out)
{
    PyGenObject *gen = (PyGenObject *)object;

    if (gen->gi_frame_state >= FRAME_CLEARED)
        return false;
    return fill(FRAME_OF(gen), out);
}

/* A frame that was cleared keeps its code (Python/frame.c:
 * _PyFrame_ClearExceptCode). */
PyCodeObject *
layout_generator_code(PyObject *object)
{
    PyGenObject *gen = (PyGenObject *)object;
#if COMPAT_GEN_CODE
    return gen->gi_code;
#else
    struct layout_frame frame;
    return fill(FRAME_OF(gen), &frame) ? frame.code : NULL;
#endif
}

/* 3.11, 3.12 Objects/genobject.c: _PyGen_yf looks at the next instruction:
 * RESUME of a `yield from` or `await` has an argument of 2 or 3. */
static bool
is_awaiting(const PyGenObject *gen, const struct layout_frame *frame)
{
#if COMPAT_AWAIT_STATE == 2
    (void)frame;
    return gen->gi_frame_state == FRAME_SUSPENDED_YIELD_FROM ||
           gen->gi_frame_state == FRAME_SUSPENDED_YIELD_FROM_LOCKED;
#elif COMPAT_AWAIT_STATE == 1
    (void)frame;
    return gen->gi_frame_state == FRAME_SUSPENDED_YIELD_FROM;
#else
    const unsigned char *next =
        (const unsigned char *)frame->code->co_code_adaptive + frame->lasti +
        sizeof(_Py_CODEUNIT);
    unsigned code = next[0];

    if (gen->gi_frame_state != FRAME_SUSPENDED)
        return false;
#if COMPAT_RESUME_INSTRUMENTED
    if (code != RESUME && code != INSTRUMENTED_RESUME)
        return false;
#else
    if (code != RESUME && code != RESUME_QUICK)
        return false;
#endif
    return next[1] >= 2;
#endif
}

int
layout_generator_awaits(PyObject *object, const struct layout_frame *frame)
{
    if (frame->depth < COMPAT_AWAIT_SLOTS ||
        !is_awaiting((PyGenObject *)object, frame))
        return 0;
    return COMPAT_AWAIT_SLOTS;
}

void
layout_frame_object(PyObject *object, struct layout_frame_object *out)
{
    PyFrameObject *f = (PyFrameObject *)object;

    memset(out, 0, sizeof *out);
    out->back = (PyObject *)f->f_back;
    out->trace = f->f_trace;
#if COMPAT_FRAME_EXTRA_LOCALS
    out->extra_locals = f->f_extra_locals;
    out->locals_cache = f->f_locals_cache;
#endif
#if COMPAT_FRAME_OVERWRITTEN
    out->overwritten = f->f_overwritten_fast_locals;
#endif
}

#else /* 3.8–3.10 */

bool
layout_frame_of_object(PyObject *object, struct layout_frame *out)
{
    PyFrameObject *f = (PyFrameObject *)object;
    PyCodeObject *code = f->f_code;
    bool runs;

    if (code == NULL)
        return false;
    memset(out, 0, sizeof *out);
    out->address = f;
    out->previous = f->f_back;
    out->code = code;
    out->slots = f->f_localsplus;
    out->n_locals =
        (int)(code->co_nlocals + PyTuple_GET_SIZE(code->co_cellvars) +
              PyTuple_GET_SIZE(code->co_freevars));
    out->max_depth = code->co_stacksize;
#if COMPAT_FRAME_STATE
    runs = f->f_state == FRAME_EXECUTING;
    out->depth = f->f_stackdepth;
#else
    runs = f->f_executing != 0;
    out->depth =
        f->f_stacktop != NULL ? (int)(f->f_stacktop - f->f_valuestack) : -1;
#endif
    /* A frame that has ended left an empty stack. */
    if (!runs && out->depth < 0)
        out->depth = 0;
#if COMPAT_LASTI_UNITS
    out->lasti = f->f_lasti * (int)sizeof(_Py_CODEUNIT);
#else
    out->lasti = f->f_lasti;
#endif
    out->owner = runs ? LAYOUT_BY_THREAD : LAYOUT_BY_OBJECT;
    out->object = object;
    out->locals = f->f_locals;
    return true;
}

bool
layout_frame_top(PyThreadState *tstate, struct layout_frame *out)
{
    return tstate->frame != NULL &&
           layout_frame_of_object((PyObject *)tstate->frame, out);
}

bool
layout_frame_next(struct layout_frame *frame)
{
    PyObject *back = (PyObject *)(uintptr_t)frame->previous;
    return back != NULL && layout_frame_of_object(back, frame);
}

bool
layout_frame_of_generator(PyObject *object, struct layout_frame *out)
{
    PyObject *frame = (PyObject *)((PyGenObject *)object)->gi_frame;
    return frame != NULL && layout_frame_of_object(frame, out);
}

PyCodeObject *
layout_generator_code(PyObject *object)
{
    (void)object;
    return NULL;
}

/* Objects/genobject.c: _PyGen_yf looks for YIELD_FROM (72 in 3.8–3.10)
 * behind the last instruction. */
int
layout_generator_awaits(PyObject *object, const struct layout_frame *frame)
{
    PyObject *bytes = frame->code->co_code;
    Py_ssize_t at = frame->lasti + (Py_ssize_t)sizeof(_Py_CODEUNIT);
    bool suspended = frame->depth > 0 && frame->owner == LAYOUT_BY_OBJECT &&
                     frame->lasti >= 0;

    (void)object;
    if (!suspended || !PyBytes_Check(bytes) || at >= PyBytes_GET_SIZE(bytes))
        return 0;
    return PyBytes_AS_STRING(bytes)[at] == 72 ? COMPAT_AWAIT_SLOTS : 0;
}

void
layout_frame_object(PyObject *object, struct layout_frame_object *out)
{
    PyFrameObject *f = (PyFrameObject *)object;

    memset(out, 0, sizeof *out);
    out->back = (PyObject *)f->f_back;
    out->trace = f->f_trace;
    out->builtins = f->f_builtins;
    out->globals = f->f_globals;
}
#endif

void
layout_generator(PyObject *object, struct layout_generator *out)
{
    PyGenObject *gen = (PyGenObject *)object;
    PyTypeObject *type = Py_TYPE(object);

    memset(out, 0, sizeof *out);
    out->name = gen->gi_name;
    out->qualname = gen->gi_qualname;
    out->handled = &gen->gi_exc_state;
#if COMPAT_GEN_CODE
    out->code = (PyObject *)gen->gi_code;
#endif
#if COMPAT_BARE_FRAMES
    if (type != &PyGen_Type)
        out->origin_or_finalizer =
            ((PyCoroObject *)object)->cr_origin_or_finalizer;
#else
    out->frame = (PyObject *)gen->gi_frame;
    if (compat_derives(type, &PyCoro_Type))
        out->origin_or_finalizer = ((PyCoroObject *)object)->cr_origin;
    else if (compat_derives(type, &PyAsyncGen_Type))
        out->origin_or_finalizer = ((PyAsyncGenObject *)object)->ag_finalizer;
#endif
}
