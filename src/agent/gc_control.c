/* gc_control.c — asking and setting the target's collector.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/gc_control.h"

#include <stdlib.h>
#include <string.h>

#include "agent/facts.h"
#include "agent/gc_tally.h"
#include "base/loop.h"

/* X(member, name in its module) */
#define GC_FUNCTION_LIST(X)                                                    \
    X(COLLECT, "collect")                                                      \
    X(DISABLE, "disable")                                                      \
    X(ENABLE, "enable")                                                        \
    X(FREEZE, "freeze")                                                        \
    X(GET_COUNT, "get_count")                                                  \
    X(GET_DEBUG, "get_debug")                                                  \
    X(GET_FREEZE_COUNT, "get_freeze_count")                                    \
    X(GET_STATS, "get_stats")                                                  \
    X(GET_THRESHOLD, "get_threshold")                                          \
    X(ISENABLED, "isenabled")                                                  \
    X(SET_DEBUG, "set_debug")                                                  \
    X(SET_THRESHOLD, "set_threshold")                                          \
    X(UNFREEZE, "unfreeze")

enum gc_function {
#define X(member, name) FN_##member,
    GC_FUNCTION_LIST(X)
#undef X
        FN_END,
    FN_ALLOCATED_BLOCKS = FN_END, /* sys has that one */
    FN_ALL
};

static const char *const names[FN_END] = {
#define X(member, name) [FN_##member] = name,
    GC_FUNCTION_LIST(X)
#undef X
};

/* Immutable once the module was imported; kept for the process's life. */
static PyObject *functions[FN_ALL];
static PyObject *gc_module;

/* Takes all functions of the module, or none. */
static int
take_functions(PyObject *module)
{
    PyObject *taken[FN_END];
    for (int i = 0; i < FN_END; i++) {
        taken[i] = PyObject_GetAttrString(module, names[i]);
        if (taken[i] != NULL)
            continue;
        while (i-- > 0)
            Py_DECREF(taken[i]);
        return -1;
    }
    memcpy(functions, taken, sizeof taken);
    functions[FN_ALLOCATED_BLOCKS] = PySys_GetObject("getallocatedblocks");
    Py_XINCREF(functions[FN_ALLOCATED_BLOCKS]);
    gc_module = module;
    return 0;
}

int
gc_control_init(void)
{
    PyObject *module = PyImport_ImportModule("gc");
    if (module == NULL)
        return -1;
    /* Another module gc in the main interpreter means that it was started
     * again, by an embedding program: what we have died with the first one,
     * and must not even be released. In another interpreter it means nothing:
     * the main one's functions work on the interpreter that calls. */
    bool is_main = PyThreadState_Get()->interp == PyInterpreterState_Main();
    if (gc_module == NULL || (is_main && module != gc_module)) {
        if (take_functions(module) == 0)
            return 0;
        Py_DECREF(module);
        return -1;
    }
    Py_DECREF(module);
    return 0;
}

PyObject *const *
gc_control_held(size_t *n)
{
    *n = FN_ALL;
    return functions;
}

/* A Python exception as an error; cleared. */
static enum px_status
take_exception(struct px_err *err, const char *what)
{
    PyObject *type = PyErr_Occurred();
    const char *name = type != NULL && PyType_Check(type)
                           ? ((PyTypeObject *)type)->tp_name
                           : "an error";
    enum px_status status = type == PyExc_MemoryError ? PX_ENOMEM : PX_EINVAL;
    px_fail(err, status, "%s: %s was raised", what, name);
    PyErr_Clear();
    return status;
}

/* Steals `args`; NULL args: none. */
static PyObject *
call(enum gc_function function, PyObject *args)
{
    PyObject *result = PyObject_CallObject(functions[function], args);
    Py_XDECREF(args);
    return result;
}

static void
call_quietly(enum gc_function function)
{
    PyObject *result = call(function, NULL);
    Py_XDECREF(result);
}

/* ---- the collector sleeps while we allocate ---- */

static bool
quiet_begin(void)
{
    PyObject *enabled = call(FN_ISENABLED, NULL);
    bool was_enabled = enabled == Py_True;
    Py_XDECREF(enabled);
    if (was_enabled)
        call_quietly(FN_DISABLE);
    return was_enabled;
}

static void
quiet_end(bool was_enabled)
{
    if (was_enabled)
        call_quietly(FN_ENABLE);
}

/* ---- reading ---- */

static int64_t
integer_of(PyObject *object)
{
    if (object == NULL || !PyLong_Check(object))
        return 0;
    long long value = PyLong_AsLongLong(object);
    if (value == -1 && PyErr_Occurred())
        PyErr_Clear();
    return value;
}

static int64_t
call_integer(enum gc_function function)
{
    PyObject *result = call(function, NULL);
    int64_t value = integer_of(result);
    Py_XDECREF(result);
    return value;
}

/* The first three of a tuple of ints; a missing one stays as it is. */
static void
call_triple(enum gc_function function, int64_t out[GC_GENERATIONS])
{
    PyObject *tuple = call(function, NULL);
    for (Py_ssize_t i = 0; tuple != NULL && PyTuple_Check(tuple) &&
                           i < PyTuple_GET_SIZE(tuple) && i < GC_GENERATIONS;
         i++)
        out[i] = integer_of(PyTuple_GET_ITEM(tuple, i));
    Py_XDECREF(tuple);
}

static void
read_stats(struct gc_state *out)
{
    PyObject *list = call(FN_GET_STATS, NULL);
    for (Py_ssize_t i = 0; list != NULL && PyList_Check(list) &&
                           i < PyList_GET_SIZE(list) && i < GC_GENERATIONS;
         i++) {
        PyObject *dict = PyList_GET_ITEM(list, i);
        if (!PyDict_Check(dict))
            continue;
        out->stats[i].collections =
            integer_of(PyDict_GetItemString(dict, "collections"));
        out->stats[i].collected =
            integer_of(PyDict_GetItemString(dict, "collected"));
        out->stats[i].uncollectable =
            integer_of(PyDict_GetItemString(dict, "uncollectable"));
    }
    Py_XDECREF(list);
}

/* gc.garbage, borrowed; NULL if somebody put something else there. */
static PyObject *
garbage_list(void)
{
    PyObject *dict = PyModule_GetDict(gc_module);
    PyObject *list = PyDict_GetItemString(dict, "garbage");
    return list != NULL && PyList_Check(list) ? list : NULL;
}

enum px_status
gc_read(struct gc_state *out, bool count_frozen, struct px_err *err)
{
    bool was_enabled = quiet_begin();
    int64_t thresholds[GC_GENERATIONS] = {0};
    struct gc_state state = {
        .now = {.fields = GC_ENABLED | GC_THRESHOLDS | GC_DEBUG}, .frozen = -1};
    state.now.enabled = was_enabled;
    call_triple(FN_GET_COUNT, state.counts);
    call_triple(FN_GET_THRESHOLD, thresholds);
    for (int i = 0; i < GC_GENERATIONS; i++)
        state.now.thresholds[i] = (int)thresholds[i];
    state.now.debug = (int)call_integer(FN_GET_DEBUG);
    read_stats(&state);
    const PyObject *garbage = garbage_list();
    state.garbage = garbage != NULL ? PyList_GET_SIZE(garbage) : 0;
    if (count_frozen)
        state.frozen = call_integer(FN_GET_FREEZE_COUNT);
    enum px_status status = PX_OK;
    if (PyErr_Occurred())
        status = take_exception(err, "read the state of the collector");
    else
        *out = state;
    quiet_end(was_enabled);
    return status;
}

/* ---- setting ---- */

enum px_status
gc_apply(const struct gc_settings *settings, struct px_err *err)
{
    bool was_enabled = quiet_begin();
    const int *t = settings->thresholds;
    if (settings->fields & GC_THRESHOLDS)
        Py_XDECREF(
            call(FN_SET_THRESHOLD, Py_BuildValue("(iii)", t[0], t[1], t[2])));
    if ((settings->fields & GC_DEBUG) && !PyErr_Occurred())
        Py_XDECREF(call(FN_SET_DEBUG, Py_BuildValue("(i)", settings->debug)));
    enum px_status status = PX_OK;
    if (PyErr_Occurred())
        status = take_exception(err, "set the collector");
    else if (settings->fields & GC_ENABLED)
        was_enabled = settings->enabled;
    quiet_end(was_enabled);
    return status;
}

enum px_status
gc_freeze(bool freeze, struct px_err *err)
{
    call_quietly(freeze ? FN_FREEZE : FN_UNFREEZE);
    if (PyErr_Occurred())
        return take_exception(err, freeze ? "freeze" : "unfreeze");
    return PX_OK;
}

enum px_status
gc_collect(int generation, struct gc_collected *out, struct px_err *err)
{
    struct gc_collected done = {.generation = generation};
    struct gc_state before;
    struct gc_state after;
    struct gc_tally tally = {.slots = NULL};
    enum px_status status = gc_read(&before, false, err);
    if (status != PX_OK)
        return status;
    done.rss_before_bytes = facts_rss_bytes();
    gc_tally_count(&tally, false);
    uint64_t begin_ns = px_now_ns();
    PyObject *result = call(FN_COLLECT, Py_BuildValue("(i)", generation));
    done.duration_ns = px_now_ns() - begin_ns;
    if (result == NULL)
        status = take_exception(err, "collect");
    Py_XDECREF(result);
    gc_tally_count(&tally, true);
    done.rss_after_bytes = facts_rss_bytes();
    gc_tally_finish(&tally, &done);
    if (status == PX_OK)
        status = gc_read(&after, false, err);
    if (status != PX_OK) {
        gc_collected_done(&done);
        return status;
    }
    done.collected =
        after.stats[generation].collected - before.stats[generation].collected;
    done.uncollectable = after.stats[generation].uncollectable -
                         before.stats[generation].uncollectable;
    *out = done;
    return PX_OK;
}

void
gc_collected_done(struct gc_collected *collected)
{
    for (size_t i = 0; i < collected->n_freed; i++)
        free(collected->freed[i].name);
    free(collected->freed);
    collected->freed = NULL;
    collected->n_freed = 0;
}

/* ---- gc.garbage ---- */

enum px_status
gc_list_garbage(size_t limit, struct gc_garbage *out, struct px_err *err)
{
    PyObject *list = garbage_list();
    struct gc_garbage garbage = {.count = 0};
    if (list != NULL)
        garbage.count = PyList_GET_SIZE(list);
    PyErr_Clear();
    size_t n = (size_t)garbage.count < limit ? (size_t)garbage.count : limit;
    if (n > 0)
        garbage.items = calloc(n, sizeof *garbage.items);
    if (n > 0 && garbage.items == NULL)
        return px_fail(err, PX_ENOMEM, "no memory to list gc.garbage");
    for (size_t i = 0; i < n; i++) {
        PyObject *item = PyList_GET_ITEM(list, (Py_ssize_t)i);
        garbage.items[i].address = (uintptr_t)item;
        garbage.items[i].type = gc_type_name(Py_TYPE(item));
    }
    garbage.n_items = n;
    *out = garbage;
    return PX_OK;
}

void
gc_garbage_done(struct gc_garbage *garbage)
{
    for (size_t i = 0; i < garbage->n_items; i++)
        free(garbage->items[i].type);
    free(garbage->items);
    garbage->items = NULL;
    garbage->n_items = 0;
}

int64_t
gc_allocated_blocks(void)
{
    if (functions[FN_ALLOCATED_BLOCKS] == NULL)
        return 0;
    PyObject *result = call(FN_ALLOCATED_BLOCKS, NULL);
    int64_t value = integer_of(result);
    Py_XDECREF(result);
    PyErr_Clear();
    return value;
}
