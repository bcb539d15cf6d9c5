/* edges_task.c — asyncio's tasks, shown like threads.
 *
 * FRAME edges lead from a task to the coroutines that wait for one another in
 * it, the outermost first, as they do from a thread to its frames; each
 * coroutine has the label of a frame. A task whose coroutine has not ended is
 * a root under its name, as asyncio.all_tasks() would tell, although the event
 * loop alone may hold it: that is how its author thinks of it.
 *
 * Tasks are noted when the walk meets them, which needs neither the WeakSet of
 * 3.8–3.13 nor the lists in the thread states of 3.14.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/code.h"
#include "agent/heap/edges.h"
#include "agent/heap/layout.h"
#include "agent/heap/noted.h"

#include <string.h>

#define CHAIN_MAX 256
static struct noted noted;

void
tasks_begin(struct walk *w)
{
    noted_begin(&noted, w);
}

/* A coroutine or generator that has not ended. */
static bool
runs(PyObject *object, struct layout_frame *frame)
{
    return object != NULL &&
           (Py_TYPE(object) == &PyCoro_Type ||
            Py_TYPE(object) == &PyGen_Type) &&
           layout_frame_of_generator(object, frame);
}

/* The coroutine that `object`, whose frame this is, waits for; or what else it
 * awaits; or NULL. */
static PyObject *
awaited(PyObject *object, const struct layout_frame *frame)
{
    return layout_generator_awaited(frame,
                                    layout_generator_awaits(object, frame));
}

static PyObject *
task_word(PyObject *task, const char *field)
{
    size_t word = edges_word(Py_TYPE(task), field);
    return word != 0 ? edge_word(task, word) : NULL;
}

void
tasks_walk_one(struct walk *w, PyObject *task)
{
    PyObject *at = task_word(task, "_coro");
    struct layout_frame frame;

    noted_add(&noted, task);
    for (size_t i = 0; i < CHAIN_MAX && runs(at, &frame); i++) {
        walk_edge_index(w, PX_EDGE_FRAME, i, at);
        at = awaited(at, &frame);
    }
}

/* Since 3.13 a name may be a number that get_name() makes a text of
 * (Modules/_asynciomodule.c). */
static size_t
put_name(PyObject *name, char to[CODE_LABEL_MAX])
{
    static const char prefix[] = "Task-";
    unsigned long number;

    if (name == NULL)
        return 0;
    if (PyUnicode_Check(name))
        return names_of_str(name, CODE_LABEL_MAX, to);
    if (!names_of_int(name, &number))
        return 0;
    memcpy(to, prefix, sizeof prefix - 1);
    return sizeof prefix - 1 + names_put_number(number, to + sizeof prefix - 1);
}

static void
part_task(struct walk *w, void *context)
{
    PyObject *task = context;
    PyObject *at = task_word(task, "_coro");
    char text[CODE_LABEL_MAX];
    struct layout_frame frame;
    size_t n;

    if (!runs(at, &frame))
        return;
    n = put_name(task_word(task, "name"), text);
    walk_root(w, PX_ROOT_TASK, task, text, n);
    for (size_t i = 0; i < CHAIN_MAX && runs(at, &frame); i++) {
        PyObject *next = awaited(at, &frame);
        n = code_label(frame.code, frame.function, layout_frame_line(&frame),
                       text);
        walk_label(w, at, text, n);
        at = next;
    }
}

void
tasks_walk_roots(struct walk *w)
{
    (void)w;
    noted_each(&noted, part_task);
}
