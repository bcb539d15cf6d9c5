/* heads.c — finds the collector's list heads without internal headers.
 *
 * A newly tracked object is appended to the youngest generation, so that its
 * `next` is that generation's head. The other heads follow at a distance that
 * has never changed: struct gc_generation is a head and two ints, 24 bytes.
 * Between the third and the permanent generation CPython 3.8 to 3.13 and
 * 3.14.5+ may keep a pointer `generation0` to the first head (3.14.0 to
 * 3.14.4 and 3.15 have none), and such a pointer is told from a list head by
 * its value.
 *
 * The self-test checks that all four are heads of doubly linked lists, that
 * the thresholds behind the first two are those that gc.get_threshold()
 * tells, and that the newest objects look like collected objects. It reads
 * at most SAMPLE of them, so it costs the same on any heap. Then the layouts of
 * objects and frames are compared with what the interpreter tells of them, and
 * one object is read by them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/heads.h"

#include <string.h>

#include "agent/heap/heap.h"
#include "agent/heap/layout.h"

#define GENERATION_BYTES 24
#define SAMPLE 512
/* No PyInterpreterState is larger (3.13: 0.6 MB); 3.8 keeps the lists in
 * _PyRuntime, which lies elsewhere. */
#define INTERPRETER_MAX (4u << 20)

struct gc_generation_shape {
    struct gc_head head;
    int threshold;
    int count;
};

static bool
is_aligned(const void *address)
{
    return address != NULL && ((uintptr_t)address & GC_FLAGS) == 0;
}

static bool
is_list_head(const struct gc_head *head)
{
    struct gc_head *next = gc_head_next(head);
    struct gc_head *prev = gc_head_prev(head);
    if (!is_aligned(next) || !is_aligned(prev))
        return false;
    if ((next == head) != (prev == head))
        return false;
    return gc_head_prev(next) == head && gc_head_next(prev) == head;
}

/* True if the newest objects of the list are what the collector tracks. */
static bool
is_plausible(const struct gc_head *head)
{
    struct gc_head *at = gc_head_prev(head);
    for (int i = 0; i < SAMPLE && at != head; i++) {
        PyObject *object = gc_head_object(at);
        PyTypeObject *type = Py_TYPE(object);
        if (!is_aligned(type) || !PyType_Check((PyObject *)type) ||
            !PyType_IS_GC(type) || type->tp_traverse == NULL)
            return false;
        if (gc_head_next(gc_head_prev(at)) != at)
            return false;
        at = gc_head_prev(at);
    }
    return true;
}

/* gc.get_threshold() against the ints behind the first two heads. *is_asked:
 * it answered, for which it needs some memory. */
static bool
has_thresholds(const struct gc_head *first, bool *is_asked)
{
    PyObject *module = PyImport_ImportModule("gc");
    PyObject *tuple = NULL;
    bool equal = false;
    if (module != NULL)
        tuple = PyObject_CallMethod(module, "get_threshold", NULL);
    if (tuple != NULL && PyTuple_Check(tuple) && PyTuple_GET_SIZE(tuple) >= 2) {
        equal = true;
        for (int i = 0; i < 2; i++) {
            const struct gc_generation_shape *generation =
                (const void *)((const char *)first + i * GENERATION_BYTES);
            long want = PyLong_AsLong(PyTuple_GET_ITEM(tuple, i));
            if (generation->threshold != want)
                equal = false;
        }
    }
    Py_XDECREF(tuple);
    Py_XDECREF(module);
    *is_asked = tuple != NULL;
    PyErr_Clear();
    return equal;
}

/* Every class statement makes a type with the same tp_dealloc; sys.__spec__
 * is an instance of such a class in all versions. */
static destructor
class_dealloc(void)
{
    PyObject *spec = PySys_GetObject("__spec__");
    if (spec == NULL || !PyType_HasFeature(Py_TYPE(spec), Py_TPFLAGS_HEAPTYPE))
        return NULL;
    return Py_TYPE(spec)->tp_dealloc;
}

/* sys.__spec__ has an attribute that we know, and this thread a frame whose
 * globals the public API tells. */
static const char *
misread(void)
{
    PyThreadState *tstate = PyThreadState_Get();
    PyObject *globals = PyEval_GetGlobals();
    PyObject *spec = PySys_GetObject("__spec__");
    struct layout_frame frame;

    if (spec != NULL && PyType_HasFeature(Py_TYPE(spec), Py_TPFLAGS_HEAPTYPE)) {
        PyObject *name = layout_instance_get(spec, "name");
        if (name == NULL || !PyUnicode_CheckExact(name) ||
            PyUnicode_CompareWithASCIIString(name, "sys") != 0)
            return "its instances have another layout";
    }
    if (layout_frame_top(tstate, &frame) != (globals != NULL))
        return "its frames have another layout";
    if (globals != NULL && frame.function != NULL &&
        PyFunction_Check(frame.function) &&
        PyFunction_GET_GLOBALS(frame.function) != globals)
        return "its frames have another layout";
    return NULL;
}

static enum px_status
look(struct heads *out, struct px_err *err)
{
    PyObject *probe = PyList_New(0);
    if (probe == NULL)
        goto no_memory;
    /* A list may be untracked until it is filled in no version so far. */
    struct gc_head *mine = gc_head_of(probe);
    struct gc_head *first = gc_head_next(mine);
    bool found = is_aligned(first) && gc_head_prev(first) == mine &&
                 (char *)first != (char *)mine;
    Py_DECREF(probe);
    const char *what = "the youngest generation was not found";
    if (!found)
        goto unknown;

    char *base = (char *)first;
    size_t permanent = 3 * GENERATION_BYTES;
    void *word;
    memcpy(&word, base + permanent, sizeof word);
    if (word == (void *)first) /* it is the pointer `generation0` */
        permanent += sizeof word;
    size_t offsets[HEADS_N] = {0, GENERATION_BYTES, 2 * GENERATION_BYTES,
                               permanent};
    out->interpreter = PyThreadState_Get()->interp;
    for (int i = 0; i < HEADS_N; i++) {
        out->generation[i] = (struct gc_head *)(void *)(base + offsets[i]);
        out->offset[i] = (base + offsets[i]) - (char *)out->interpreter;
        what = "its lists of objects have another layout";
        if (!is_list_head(out->generation[i]))
            goto unknown;
    }
    what = "its generations have another layout";
    bool is_asked = false;
    bool has_them = has_thresholds(first, &is_asked);
    if (!is_asked)
        goto no_memory;
    if (!has_them)
        goto unknown;
    what = "the youngest objects have another layout";
    if (!is_plausible(first))
        goto unknown;
    what = layout_unknown();
    if (what == NULL)
        what = misread();
    if (what != NULL)
        goto unknown;
    out->per_interpreter =
        out->offset[0] > 0 && out->offset[0] < (ptrdiff_t)INTERPRETER_MAX;
    out->python_class_dealloc = class_dealloc();
    return PX_OK;

unknown:
    px_fail(err, PX_EUNSUPPORTED,
            "pyexplore does not understand the memory of Python %.*s: %s",
            (int)strcspn(Py_GetVersion(), " "), Py_GetVersion(), what);
    px_err_hint(err, "a newer pyexplore may; what needs no snapshot works");
    return PX_EUNSUPPORTED;

no_memory:
    PyErr_Clear();
    return px_fail(err, PX_ENOMEM, "no memory to look at the collector");
}

const struct heads *
heads_get(struct px_err *err)
{
    static struct heads cached;
    static struct px_err refusal;
    static bool looked;
    if (!looked) {
        refusal.status = PX_OK; /* of a look before, without memory */
        enum px_status status = look(&cached, &refusal);
        if (status == PX_ENOMEM) { /* may go better next time */
            if (err != NULL)
                *err = refusal;
            return NULL;
        }
        looked = true;
    }
    if (refusal.status != PX_OK) {
        if (err != NULL)
            *err = refusal;
        return NULL;
    }
    return &cached;
}

enum px_status
heap_self_test(struct px_err *err)
{
    struct px_err mine = {.status = PX_OK};
    if (heads_get(&mine) != NULL)
        return PX_OK;
    if (err != NULL)
        *err = mine;
    return mine.status;
}

struct gc_head *
heads_list(const struct heads *heads, PyInterpreterState *interpreter,
           unsigned generation)
{
    if (generation >= HEADS_N)
        return NULL;
    if (!heads->per_interpreter || interpreter == heads->interpreter)
        return heads->generation[generation];
    struct gc_head *head =
        (void *)((char *)interpreter + heads->offset[generation]);
    return is_list_head(head) ? head : NULL;
}

int
heads_each(const struct heads *heads, unsigned generation,
           int (*visit)(PyObject *object, void *context), void *context)
{
    struct gc_head *head =
        heads_list(heads, PyThreadState_Get()->interp, generation);
    if (head == NULL)
        return 0;
    for (struct gc_head *at = gc_head_next(head); at != head;) {
        struct gc_head *next = gc_head_next(at);
        int result = visit(gc_head_object(at), context);
        if (result != 0)
            return result;
        at = next;
    }
    return 0;
}
