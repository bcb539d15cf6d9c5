/* frames.c — threads: the synthetic <thread> node and the frames under it.
 *
 * On 3.11+ a running frame is no object; it becomes a <frame> node at the
 * address of its struct, owning what the frame owns. A frame that lies in a
 * generator is shown by the generator itself, and before 3.11 every frame is
 * an object: there the thread points to that object, with the same label, and
 * nothing is told twice.
 *
 * The stack of a frame in which code runs now has no known depth. All words
 * that it could have are scanned at the end, when all objects are known, and
 * what is the address of one becomes a STACK edge of the frame: perhaps a
 * leftover, so it never counts.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/frames.h"

#include "agent/heap/code.h"
#include "agent/heap/edges.h"

/* The object that stands for the frame, NULL: a node of its own. */
static PyObject *
frame_stand_in(const struct layout_frame *frame)
{
#if COMPAT_BARE_FRAMES
    return frame->owner == LAYOUT_BY_GENERATOR ? frame->holder : NULL;
#else
    return frame->object;
#endif
}

static size_t
frame_label(const struct layout_frame *frame, char to[CODE_LABEL_MAX])
{
    return code_label(frame->code, frame->function, layout_frame_line(frame),
                      to);
}

void
frames_walk_bare(struct walk *w, const struct layout_frame *frame)
{
    char label[CODE_LABEL_MAX];
    size_t label_bytes = frame_label(frame, label);

    walk_synthetic_begin(w, frame->address, "<frame>", label, label_bytes);
    frames_walk_slots(w, frame, PX_EDGE_LOCAL);
    edge_field(w, "code", (PyObject *)frame->code);
    edge_field(w, "function", frame->function);
    edge_field(w, "locals", frame->locals);
    edge_field(w, "frame object", frame->object);
    frames_walk_stack(w, frame, 0);
    walk_synthetic_end(w);
}

/* Whatever of a thread state is no frame. The other entries of its chain of
 * handled exceptions lie in generators, which tell them. */
static void
walk_state(struct walk *w, PyThreadState *t)
{
#if !COMPAT_EXC_INFO_ONE
    edge_field(w, "handled exception type", t->exc_state.exc_type);
    edge_field(w, "handled traceback", t->exc_state.exc_traceback);
#endif
    edge_field(w, "handled exception", t->exc_state.exc_value);
#if COMPAT_CURRENT_EXC_ONE
    edge_field(w, "raised exception", t->current_exception);
#else
    edge_field(w, "raised exception type", t->curexc_type);
    edge_field(w, "raised exception", t->curexc_value);
    edge_field(w, "raised traceback", t->curexc_traceback);
#endif
    edge_field(w, "asynchronous exception", t->async_exc);
    edge_field(w, "dict", t->dict);
    edge_field(w, "context", t->context);
    edge_field(w, "profile function", t->c_profileobj);
    edge_field(w, "trace function", t->c_traceobj);
    edge_field(w, "asyncgen first", t->async_gen_firstiter);
    edge_field(w, "asyncgen finalizer", t->async_gen_finalizer);
    edge_field(w, "running event loop", layout_thread_loop(t));
    edge_field(w, "running task", layout_thread_task(t));
}

static size_t
count_frames(PyThreadState *tstate)
{
    struct layout_frame frame;
    size_t n = 0;

    for (bool more = layout_frame_top(tstate, &frame); more;
         more = layout_frame_next(&frame))
        n++;
    return n;
}

void
frames_label(struct walk *w, const struct layout_frame *frame)
{
    char label[CODE_LABEL_MAX];

    if (frame_stand_in(frame) != NULL)
        walk_label(w, frame_stand_in(frame), label, frame_label(frame, label));
}

/* Nodes cannot nest, and a thread may be as deep as it likes: its frames are
 * passed three times rather than kept. They come innermost first; the index
 * counts from the outermost. */
void
frames_walk_thread(struct walk *w, PyThreadState *tstate, const char *label,
                   size_t label_bytes)
{
    struct layout_frame frame;
    size_t at = count_frames(tstate);
    bool more;

    for (more = layout_frame_top(tstate, &frame); more;
         more = layout_frame_next(&frame))
        if (frame_stand_in(&frame) == NULL)
            frames_walk_bare(w, &frame);

    walk_synthetic_begin(w, tstate, "<thread>", label, label_bytes);
    for (more = layout_frame_top(tstate, &frame); more;
         more = layout_frame_next(&frame)) {
        PyObject *object = frame_stand_in(&frame);
        at--;
        if (object == NULL)
            walk_edge_to(w, PX_EDGE_FRAME, at, frame.address);
        else
            walk_edge_index(w, PX_EDGE_FRAME, at, object);
    }
    walk_state(w, tstate);
    walk_synthetic_end(w);

    for (more = layout_frame_top(tstate, &frame); more;
         more = layout_frame_next(&frame))
        frames_label(w, &frame);
}

/* The walk of its thread may have failed before this frame. */
static bool
is_node(const struct walk *w, const struct layout_frame *frame)
{
    const PyObject *object = frame_stand_in(frame);

    return object != NULL ? walk_is_object(w, object)
                          : walk_is_synthetic(w, frame->address);
}

void
frames_walk_running(struct walk *w, const struct layout_frame *frame)
{
    const PyObject *object = frame_stand_in(frame);
    bool begun = false;

    if (frame->depth >= 0 || !is_node(w, frame))
        return;
    for (int i = 0; i < frame->max_depth; i++) {
        bool counts;
        PyObject *value = layout_slot(frame, frame->n_locals + i, &counts);
        if (value == NULL || (uintptr_t)value % sizeof(void *) != 0 ||
            !walk_is_object(w, value))
            continue;
        if (!begun)
            walk_again_begin(w, object != NULL ? object : frame->address);
        begun = true;
        walk_edge_index(w, PX_EDGE_STACK, (size_t)i, value);
    }
    if (begun)
        walk_again_end(w);
}

void
frames_walk_stacks(struct walk *w, PyThreadState *tstate)
{
    struct layout_frame frame;

    for (bool more = layout_frame_top(tstate, &frame); more;
         more = layout_frame_next(&frame))
        frames_walk_running(w, &frame);
}
