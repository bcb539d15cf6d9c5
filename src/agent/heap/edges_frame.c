/* edges_frame.c — frames, generators and tracebacks.
 *
 * Who owns the values of a frame decides where their edges are, so that each
 * appears once: a frame object before 3.11, the frame object that took over a
 * frame that has ended (3.11+), the generator in which its frame lies (3.11+),
 * or the synthetic <frame> under its thread (3.11+, frames.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/frames.h"

#include "agent/heap/code.h"
#include "agent/heap/edges.h"

/* The bit says only that there is no count to give back: immortal objects have
 * it everywhere. What outlives its caller owns its values, and its tp_traverse
 * visits them (3.14 Python/frame.c: take_ownership, _PyFrame_Copy). */
static bool
is_lent(const struct layout_frame *frame, bool counts)
{
    return !counts && frame->owner == LAYOUT_BY_THREAD;
}

void
frames_walk_slots(struct walk *w, const struct layout_frame *frame,
                  enum px_edge_kind kind)
{
    for (int i = 0; i < frame->n_locals; i++) {
        bool counts;
        enum code_kind is;
        PyObject *value = layout_slot(frame, i, &counts);
        PyObject *name = code_slot_name(frame->code, i, &is);
        if (value == NULL || name == NULL)
            continue;
        /* The name stands for what the cell holds, not for the cell; an
         * argument that becomes a cell is a plain value at first. */
        if (is != CODE_LOCAL && PyCell_Check(value)) {
            walk_edge_name(w, PX_EDGE_FIELD, name, value);
            edges_mark_cell(w, name, value);
        } else
            walk_edge_name(w, is_lent(frame, counts) ? PX_EDGE_BORROWED : kind,
                           name, value);
    }
}

void
frames_walk_stack(struct walk *w, const struct layout_frame *frame, int skip)
{
    for (int i = 0; i < frame->depth - skip; i++) {
        bool counts;
        PyObject *value = layout_slot(frame, frame->n_locals + i, &counts);
        if (value == NULL)
            continue;
        walk_edge_index(
            w, is_lent(frame, counts) ? PX_EDGE_STACK : PX_EDGE_OPERAND,
            (size_t)i, value);
    }
}

static void
walk_frame(struct walk *w, PyObject *object)
{
    struct layout_frame_object own;
    struct layout_frame frame;

    layout_frame_object(object, &own);
    edge_attr(w, "f_back", own.back);
    edge_attr(w, "f_trace", own.trace);
    edge_field(w, "extra locals", own.extra_locals);
    edge_field(w, "locals cache", own.locals_cache);
    edge_field(w, "overwritten locals", own.overwritten);
    edge_attr(w, "f_builtins", own.builtins);
    edge_attr(w, "f_globals", own.globals);
    if (!layout_frame_of_object(object, &frame))
        return;
#if COMPAT_BARE_FRAMES
    if (frame.owner != LAYOUT_BY_OBJECT)
        return;
    edge_field(w, "code", (PyObject *)frame.code);
    edge_field(w, "function", frame.function);
    edge_field(w, "locals", frame.locals);
#else
    edge_attr(w, "f_code", (PyObject *)frame.code);
    edge_field(w, "locals", frame.locals);
#endif
    frames_walk_slots(w, &frame, PX_EDGE_LOCAL);
    frames_walk_stack(w, &frame, 0);
}

/* Names of one kind of generator. */
struct gen_names {
    const char *frame, *code, *awaits, *origin;
    enum px_edge_kind origin_kind;
};

static void
walk_gen(struct walk *w, PyObject *object, const struct gen_names *names)
{
    struct layout_generator gen;
    struct layout_frame frame;
    bool has_frame = layout_frame_of_generator(object, &frame);
    int awaits = has_frame ? layout_generator_awaits(object, &frame) : 0;

    layout_generator(object, &gen);
    edge_attr(w, "__name__", gen.name);
    edge_attr(w, "__qualname__", gen.qualname);
    if (names->origin != NULL)
        walk_edge_text(w, names->origin_kind, names->origin,
                       gen.origin_or_finalizer);
#if COMPAT_EXC_INFO_ONE
    edge_field(w, "handled exception", gen.handled->exc_value);
#else
    edge_field(w, "handled exception type", gen.handled->exc_type);
    edge_field(w, "handled exception", gen.handled->exc_value);
    edge_field(w, "handled traceback", gen.handled->exc_traceback);
#endif
#if COMPAT_GEN_CODE
    edge_attr(w, names->code, gen.code);
#endif
#if COMPAT_BARE_FRAMES
#if COMPAT_GEN_KEEPS_CODE
    if (!has_frame)
        edge_attr(w, names->code, (PyObject *)layout_generator_code(object));
#endif
    if (!has_frame)
        return;
#if COMPAT_GEN_CODE
    edge_field(w, "code", (PyObject *)frame.code);
#else
    edge_attr(w, names->code, (PyObject *)frame.code);
#endif
    edge_attr(w, names->frame, frame.object);
    edge_field(w, "function", frame.function);
    edge_field(w, "locals", frame.locals);
    frames_walk_slots(w, &frame, PX_EDGE_GEN_LOCAL);
    frames_walk_stack(w, &frame, awaits);
    edge_attr(w, names->awaits, layout_generator_awaited(&frame, awaits));
#else
    /* The frame object owns the values; its stack ends in what it awaits. */
    edge_attr(w, names->frame, gen.frame);
    if (awaits != 0)
        walk_edge_text(w, PX_EDGE_ALIAS, names->awaits,
                       layout_generator_awaited(&frame, awaits));
#endif
}

static void
walk_generator(struct walk *w, PyObject *object)
{
    static const struct gen_names names = {
        .frame = "gi_frame", .code = "gi_code", .awaits = "gi_yieldfrom"};
    walk_gen(w, object, &names);
}

static void
walk_coroutine(struct walk *w, PyObject *object)
{
    static const struct gen_names names = {.frame = "cr_frame",
                                           .code = "cr_code",
                                           .awaits = "cr_await",
                                           .origin = "cr_origin",
                                           .origin_kind = PX_EDGE_ATTR};
    walk_gen(w, object, &names);
}

static void
walk_async_generator(struct walk *w, PyObject *object)
{
    static const struct gen_names names = {.frame = "ag_frame",
                                           .code = "ag_code",
                                           .awaits = "ag_await",
                                           .origin = "finalizer",
                                           .origin_kind = PX_EDGE_FIELD};
    walk_gen(w, object, &names);
}

static void
walk_traceback(struct walk *w, PyObject *object)
{
    PyTracebackObject *tb = (PyTracebackObject *)object;

    edge_attr(w, "tb_next", (PyObject *)tb->tb_next);
    walk_edge(w, PX_EDGE_TB_FRAME, (PyObject *)tb->tb_frame);
}

const struct edges_row edges_rows_frame[] = {
    {.type = &PyFrame_Type, .walk = walk_frame, .flags = EDGES_MEMBERS},
    {.type = &PyGen_Type, .walk = walk_generator, .flags = EDGES_MEMBERS},
    {.type = &PyCoro_Type, .walk = walk_coroutine, .flags = EDGES_MEMBERS},
    {.type = &PyAsyncGen_Type,
     .walk = walk_async_generator,
     .flags = EDGES_MEMBERS},
    {.type = &PyTraceBack_Type,
     .walk = walk_traceback,
     .flags = EDGES_COMPLETE | EDGES_MEMBERS},
    {.type = NULL},
};
