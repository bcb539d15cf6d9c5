/* roots.c — where reachability starts, each with a name.
 *
 * Before the clone, under the GIL, the addresses are noted that may later
 * only be read without a lock: the lists of interpreters and threads are
 * guarded by a mutex that another thread may hold at the moment of the clone.
 *
 * The Python-level name of a thread is read from threading._active, a dict of
 * ident → Thread whose _name is a plain str: struct reads, no code runs.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/compat.h"

#include <string.h>

#include "agent/heap/edges.h"
#include "agent/heap/frames.h"
#include "agent/heap/layout.h"
#include "agent/heap/walk.h"

#define LABEL_MAX 128
#define NAME_MAX_BYTES 256
#define TAG_MAX 48
#define IDENT_MAX 32

static void
note_threads(struct heap_notes *notes, PyInterpreterState *interp)
{
    for (PyThreadState *t = PyInterpreterState_ThreadHead(interp); t != NULL;
         t = PyThreadState_Next(t)) {
        if (t == notes->agent)
            continue;
        if (notes->n_threads == HEAP_THREADS_MAX)
            notes->threads_left_out++;
        else
            notes->threads[notes->n_threads++] = t;
    }
}

void
roots_note(struct heap_notes *notes)
{
    struct layout_interpreter own;

    memset(notes, 0, sizeof *notes);
    notes->agent = PyThreadState_Get();
    notes->own = notes->agent->interp;
    layout_note_interpreter(notes->own);
    for (PyInterpreterState *interp = PyInterpreterState_Head(); interp != NULL;
         interp = PyInterpreterState_Next(interp)) {
        if (!layout_shares_gil(interp, notes->own) ||
            notes->n_interpreters == HEAP_INTERPRETERS_MAX) {
            notes->interpreters_left_out++;
            continue;
        }
        notes->interpreter_ids[notes->n_interpreters] =
            PyInterpreterState_GetID(interp);
        notes->interpreters[notes->n_interpreters++] = interp;
        note_threads(notes, interp);
    }
    layout_note_types(notes->own);
    layout_interpreter(notes->own, &own);
    notes->modules = own.modules;
}

/* ---- which interpreter ---- */

/* Appends " (subinterpreter 1)" to what is not our own's. */
static size_t
put_tag(const struct heap_notes *notes, const PyInterpreterState *interp,
        char *to)
{
    static const char start[] = " (subinterpreter ";
    size_t n = sizeof start - 1;

    if (interp == notes->own)
        return 0;
    memcpy(to, start, n);
    for (size_t i = 0; i < notes->n_interpreters; i++)
        if (notes->interpreters[i] == interp)
            n += names_put_number((unsigned long)notes->interpreter_ids[i],
                                  to + n);
    to[n++] = ')';
    return n;
}

/* ---- modules ---- */

static void
walk_modules(struct walk *w, const struct heap_notes *notes,
             const PyInterpreterState *interp, PyObject *modules)
{
    struct layout_table table;
    char name[NAME_MAX_BYTES + TAG_MAX];

    if (modules == NULL || !PyDict_Check(modules))
        return;
    layout_dict(modules, &table);
    for (size_t i = 0; i < table.n; i++) {
        PyObject *module = layout_value(&table, i);
        PyObject *key = layout_key(&table, i);
        if (module == NULL || module == Py_None || !PyUnicode_Check(key))
            continue;
        size_t n = names_of_str(key, NAME_MAX_BYTES, name);
        n += put_tag(notes, interp, name + n);
        walk_root(w, PX_ROOT_MODULE, module, name, n);
    }
}

/* What a module has under this name, NULL if it is not imported. */
static PyObject *
module_get(PyObject *modules, const char *module, const char *name)
{
    PyObject *object = layout_dict_get(modules, module);

    if (object == NULL || !PyModule_Check(object))
        return NULL;
    return layout_dict_get(PyModule_GetDict(object), name);
}

static void
walk_root_text(struct walk *w, enum px_root_class root_class, PyObject *object,
               const char *text)
{
    if (object != NULL)
        walk_root(w, root_class, object, text, strlen(text));
}

/* ---- threads ---- */

static PyObject *
thread_name(PyObject *modules, unsigned long ident)
{
    PyObject *active = module_get(modules, "threading", "_active");
    struct layout_table table;

    if (active == NULL || !PyDict_Check(active))
        return NULL;
    layout_dict(active, &table);
    for (size_t i = 0; i < table.n; i++) {
        PyObject *thread = layout_value(&table, i);
        unsigned long key;
        if (thread == NULL || !names_of_int(layout_key(&table, i), &key) ||
            key != ident)
            continue;
        return layout_instance_get(thread, "_name");
    }
    return NULL;
}

/* The root is called by the name alone, so that its paths are the same in the
 * next run; what tells two threads of one name apart is in the node's label:
 * "pool (ident 140234567890123)". */
struct thread_part {
    PyObject *modules;
    PyThreadState *tstate;
    char label[LABEL_MAX + TAG_MAX + IDENT_MAX];
    size_t n_name;
    size_t n_label;
    bool is_named;
};

/* What is known without any object. */
static void
label_ident(struct thread_part *thread)
{
    static const char prefix[] = "thread ";
    size_t n = sizeof prefix - 1;

    memcpy(thread->label, prefix, n);
    n += names_put_number(thread->tstate->thread_id, thread->label + n);
    thread->n_name = n;
}

/* Unless the name is the ident. */
static void
put_ident(struct thread_part *thread)
{
    static const char start[] = " (ident ";
    char *to = thread->label + thread->n_name;
    size_t n = sizeof start - 1;

    thread->n_label = thread->n_name;
    if (!thread->is_named)
        return;
    memcpy(to, start, n);
    n += names_put_number(thread->tstate->thread_id, to + n);
    to[n++] = ')';
    thread->n_label += n;
}

static void
part_name(struct walk *w, void *context)
{
    struct thread_part *thread = context;
    char text[LABEL_MAX];
    PyObject *name = thread_name(thread->modules, thread->tstate->thread_id);
    size_t n;

    (void)w;
    if (name == NULL || !PyUnicode_Check(name))
        return;
    n = names_of_str(name, sizeof text, text);
    if (n == 0)
        return;
    memcpy(thread->label, text, n);
    thread->n_name = n;
    thread->is_named = true;
}

static void
part_frames(struct walk *w, void *context)
{
    struct thread_part *thread = context;
    frames_walk_thread(w, thread->tstate, thread->label, thread->n_label);
}

/* A thread is a root whatever is wrong with its name or its frames. */
static void
walk_thread(struct walk *w, const struct heap_notes *notes,
            PyThreadState *tstate)
{
    struct thread_part thread = {.modules = notes->modules, .tstate = tstate};

    label_ident(&thread);
    walk_try(w, part_name, &thread);
    thread.n_name +=
        put_tag(notes, tstate->interp, thread.label + thread.n_name);
    put_ident(&thread);
    if (!walk_try(w, part_frames, &thread) && !walk_is_synthetic(w, tstate)) {
        walk_synthetic_begin(w, tstate, "<thread>", thread.label,
                             thread.n_label);
        walk_synthetic_end(w);
    }
    walk_root(w, PX_ROOT_THREAD, tstate, thread.label, thread.n_name);
}

/* ---- the interpreter ---- */

/* Its fields are read by a header's offsets: only what looks like the object
 * that should be there is believed. */
static PyObject *
if_dict(PyObject *object)
{
    return object != NULL && PyDict_Check(object) ? object : NULL;
}

static PyObject *
if_list(PyObject *object)
{
    return object != NULL && PyList_Check(object) ? object : NULL;
}

static void
walk_atexit(struct walk *w, PyInterpreterState *interp)
{
    PyObject *parts[3];

    for (int i = 0; layout_atexit(interp, i, parts); i++) {
        walk_edge_text(w, PX_EDGE_ROOT, "atexit function", parts[0]);
        walk_edge_text(w, PX_EDGE_ROOT, "atexit arguments", parts[1]);
        walk_edge_text(w, PX_EDGE_ROOT, "atexit keywords", parts[2]);
    }
}

/* Deep inside the interpreter's struct: believed if its first word is an
 * object that the walk has met, and the class that should be there. */
static void
walk_ast(struct walk *w, PyInterpreterState *interp)
{
    PyObject *const *objects;
    size_t n = layout_ast_state(interp, &objects);

    if (n == 0 || !walk_is_object(w, objects[0]) || !PyType_Check(objects[0]) ||
        strcmp(((PyTypeObject *)objects[0])->tp_name, "ast.AST") != 0)
        return;
    for (size_t i = 0; i < n; i++)
        walk_edge_text(w, PX_EDGE_ROOT, "ast state", objects[i]);
}

/* Its address is not believed either. */
static void
walk_interned(struct walk *w)
{
    PyObject *dict = (PyObject *)(uintptr_t)layout_interned();

    if (walk_is_object(w, dict))
        walk_edge_text(w, PX_EDGE_ROOT, "interned texts", if_dict(dict));
}

/* os.register_at_fork(): lists far behind what the headers were compared by,
 * so believed only if the walk has met them. */
static void
walk_forkers(struct walk *w, const struct layout_interpreter *is)
{
    const struct {
        const char *name;
        PyObject *list;
    } lists[] = {
        {"functions before a fork", is->before_fork},
        {"functions after a fork (parent)", is->after_fork_parent},
        {"functions after a fork (child)", is->after_fork_child},
    };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (walk_is_object(w, lists[i].list))
            walk_edge_text(w, PX_EDGE_ROOT, lists[i].name,
                           if_list(lists[i].list));
}

/* What another interpreter has beside a builtin type that all of them share
 * (3.12+); our own's are told by the type. */
static void
walk_type_states(struct walk *w, PyInterpreterState *interp)
{
    struct layout_type_state state;

    for (size_t i = 0; layout_type_state(interp, i, &state); i++) {
        walk_edge_text(w, PX_EDGE_ROOT, "dict of a static type",
                       if_dict(state.dict));
        walk_edge_text(w, PX_EDGE_ROOT, "subclasses of a static type",
                       if_dict(state.subclasses));
    }
}

static void
walk_interpreter(struct walk *w, const struct heap_notes *notes,
                 PyInterpreterState *interp)
{
    struct layout_interpreter is;
    bool own = interp == notes->own;
    char tag[TAG_MAX];
    const char *label = "interpreter";
    size_t n = strlen(label);

    if (!own) { /* " (subinterpreter 1)" without what is around it */
        n = put_tag(notes, interp, tag) - 3;
        label = tag + 2;
    }
    layout_interpreter(interp, &is);
    walk_synthetic_begin(w, interp, "<interpreter>", label, n);
    walk_edge_text(w, PX_EDGE_ROOT, "sys.modules", if_dict(is.modules));
    walk_edge_text(w, PX_EDGE_ROOT, "sys dict", if_dict(is.sysdict));
    walk_edge_text(w, PX_EDGE_ROOT, "builtins dict", if_dict(is.builtins));
    walk_edge_text(w, PX_EDGE_ROOT, "interpreter dict", if_dict(is.dict));
    walk_edge_text(w, PX_EDGE_ROOT, "codec search functions",
                   if_list(is.codec_search_path));
    walk_edge_text(w, PX_EDGE_ROOT, "codec cache",
                   if_dict(is.codec_search_cache));
    walk_edge_text(w, PX_EDGE_ROOT, "codec error handlers",
                   if_dict(is.codec_error_registry));
    walk_edge_text(w, PX_EDGE_ROOT, "atexit callbacks", if_list(is.atexit));
    walk_atexit(w, interp);
    walk_forkers(w, &is);
    walk_ast(w, interp);
    if (own)
        walk_interned(w);
    else
        walk_type_states(w, interp);
    walk_synthetic_end(w);
    walk_root(w, PX_ROOT_INTERPRETER, interp, label, n);
    if (!own)
        walk_modules(w, notes, interp, is.modules);
}

/* ---- all of them ---- */

/* One family of roots; a fault in it ends only itself (walk_try). */
struct part {
    const struct heap_notes *notes;
    PyInterpreterState *interp;
};

static void
part_modules(struct walk *w, void *context)
{
    const struct part *part = context;
    walk_modules(w, part->notes, part->notes->own, part->notes->modules);
}

static void
part_gc(struct walk *w, void *context)
{
    const struct part *part = context;
    PyObject *modules = part->notes->modules;

    walk_root_text(w, PX_ROOT_GARBAGE, module_get(modules, "gc", "garbage"),
                   "gc.garbage");
    walk_root_text(w, PX_ROOT_CALLBACK, module_get(modules, "gc", "callbacks"),
                   "gc.callbacks");
}

static void
part_interpreter(struct walk *w, void *context)
{
    const struct part *part = context;
    walk_interpreter(w, part->notes, part->interp);
}

static void
part_stacks(struct walk *w, void *context)
{
    frames_walk_stacks(w, context);
}

void
roots_walk_stacks(struct walk *w, const struct heap_notes *notes)
{
    for (size_t i = 0; i < notes->n_threads; i++)
        walk_try(w, part_stacks, notes->threads[i]);
    greenlets_walk_stacks(w);
}

void
roots_walk(struct walk *w, const struct heap_notes *notes)
{
    struct part part = {.notes = notes};

    walk_try(w, part_modules, &part);
    for (size_t i = 0; i < notes->n_threads; i++)
        walk_thread(w, notes, notes->threads[i]);
    tasks_walk_roots(w);
    greenlets_walk_roots(w);
    walk_try(w, part_gc, &part);
    /* Last: what is read here trusts the headers most. */
    for (size_t i = 0; i < notes->n_interpreters; i++) {
        part.interp = notes->interpreters[i];
        walk_try(w, part_interpreter, &part);
    }
}
