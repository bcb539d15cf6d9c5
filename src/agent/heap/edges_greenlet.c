/* edges_greenlet.c — greenlets that wait, shown like threads.
 *
 * A greenlet that is suspended is a root under the name of its outermost
 * function, with FRAME edges to the frames that wait in it: they are on no
 * thread's stack, and tp_traverse does not know them. Frames of 3.11+ become
 * <frame> nodes, those before are objects. A greenlet that runs is told by
 * its thread. What runs in generators is told by these.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/code.h"
#include "agent/heap/edges.h"
#include "agent/heap/frames.h"
#include "agent/heap/layout.h"
#include "agent/heap/noted.h"

#include <string.h>

static struct noted noted;

void
greenlets_begin(struct walk *w)
{
    noted_begin(&noted, w);
}

void
greenlets_walk_one(struct walk *w, PyObject *greenlet)
{
    if (walk_is_guarded(w))
        noted_add(&noted, greenlet);
}

/* The label of the outermost frame without its line. */
static size_t
put_name(const struct layout_frame *frame, char to[CODE_LABEL_MAX])
{
    size_t n = code_label(frame->code, frame->function, 0, to);

    for (size_t i = n; i >= 2; i--)
        if (memcmp(to + i - 2, "()", 2) == 0)
            return i - 2;
    return n;
}

static void
part_greenlet(struct walk *w, void *context)
{
    PyObject *greenlet = context;
    struct layout_greenlet g;
    char name[CODE_LABEL_MAX];
    size_t n_name = 0;
    size_t at = 0;

    if (!layout_greenlet(greenlet, &g))
        return;
    while (COMPAT_BARE_FRAMES && layout_greenlet_next(&g)) {
        if (walk_is_synthetic(w, g.frame.address))
            return; /* it runs after all */
        frames_walk_bare(w, &g.frame);
    }
    if (!layout_greenlet(greenlet, &g))
        return;
    walk_again_begin(w, greenlet);
    for (; layout_greenlet_next(&g); at++) {
        size_t index = g.outermost_first ? at : g.n_frames - 1 - at;
        if (COMPAT_BARE_FRAMES)
            walk_edge_to(w, PX_EDGE_FRAME, index, g.frame.address);
        else
            walk_edge_index(w, PX_EDGE_FRAME, index, g.frame.object);
        if (index == 0)
            n_name = put_name(&g.frame, name);
    }
    walk_again_end(w);
    walk_root(w, PX_ROOT_GREENLET, greenlet, name, n_name);
    if (!COMPAT_BARE_FRAMES && layout_greenlet(greenlet, &g))
        while (layout_greenlet_next(&g))
            frames_label(w, &g.frame);
}

void
greenlets_walk_roots(struct walk *w)
{
    (void)w;
    noted_each(&noted, part_greenlet);
}

static void
part_stacks(struct walk *w, void *context)
{
    struct layout_greenlet g;

    if (!layout_greenlet(context, &g))
        return;
    while (layout_greenlet_next(&g))
        frames_walk_running(w, &g.frame);
}

void
greenlets_walk_stacks(struct walk *w)
{
    (void)w;
    noted_each(&noted, part_stacks);
}
