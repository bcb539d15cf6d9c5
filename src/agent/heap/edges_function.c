/* edges_function.c — functions, cells, methods, modules, descriptors.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges.h"

#include <string.h>

#include "agent/heap/code.h"

/* __annotations__ builds a dict when it is asked for while the function still
 * has a tuple (3.10+), so a tuple is no attribute. */
static void
walk_annotations(struct walk *w, PyObject *annotations)
{
    if (annotations != NULL && PyTuple_CheckExact(annotations))
        edge_field(w, "annotations", annotations);
    else
        edge_attr(w, "__annotations__", annotations);
}

/* The name says what is in the cell. */
void
edges_mark_cell(struct walk *w, PyObject *name, PyObject *cell)
{
    if (secret_is_name(name) && PyCell_Check(cell) &&
        ((PyCellObject *)cell)->ob_ref != NULL)
        walk_mark_secret(w, ((PyCellObject *)cell)->ob_ref);
}

static void
walk_closure(struct walk *w, PyObject *code, PyObject *closure)
{
    if (closure == NULL || !PyTuple_Check(closure))
        return;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(closure); i++) {
        PyObject *cell = PyTuple_GET_ITEM(closure, i);
        PyObject *name = code_free_name((PyCodeObject *)code, i);
        if (name == NULL)
            continue;
        walk_edge_name(w, PX_EDGE_CELL, name, cell);
        edges_mark_cell(w, name, cell);
    }
}

/* The defaults belong to the last arguments. */
static void
mark_defaults(struct walk *w, PyCodeObject *code, PyObject *defaults)
{
    if (defaults == NULL || !PyTuple_Check(defaults))
        return;
    int n = (int)PyTuple_GET_SIZE(defaults);
    for (int i = 0; i < n && n <= code->co_argcount; i++) {
        enum code_kind kind;
        int slot = code->co_argcount - n + i;
        PyObject *name = code_slot_name(code, slot, &kind);
        if (name != NULL && secret_is_name(name))
            walk_mark_secret(w, PyTuple_GET_ITEM(defaults, i));
    }
}

static void
walk_function(struct walk *w, PyObject *object)
{
    PyFunctionObject *f = (PyFunctionObject *)object;

    edge_attr(w, "__code__", f->func_code);
    edge_attr(w, "__globals__", f->func_globals);
    edge_attr(w, "__defaults__", f->func_defaults);
    edge_attr(w, "__kwdefaults__", f->func_kwdefaults);
    edge_attr(w, "__closure__", f->func_closure);
    edge_attr(w, "__doc__", f->func_doc);
    edge_attr(w, "__name__", f->func_name);
    edge_attr(w, "__qualname__", f->func_qualname);
    edge_attr(w, "__dict__", f->func_dict);
    edge_attr(w, "__module__", f->func_module);
    walk_annotations(w, f->func_annotations);
#if COMPAT_FUNC_BUILTINS
    edge_attr(w, "__builtins__", f->func_builtins);
#endif
#if COMPAT_FUNC_TYPEPARAMS
    edge_attr(w, "__type_params__", f->func_typeparams);
#endif
#if COMPAT_FUNC_ANNOTATE
    edge_field(w, "annotate", f->func_annotate);
#endif
    if (f->func_code != NULL && PyCode_Check(f->func_code)) {
        walk_closure(w, f->func_code, f->func_closure);
        mark_defaults(w, (PyCodeObject *)f->func_code, f->func_defaults);
    }
}

static void
walk_cell(struct walk *w, PyObject *object)
{
    edge_attr(w, "cell_contents", ((PyCellObject *)object)->ob_ref);
}

static void
walk_method(struct walk *w, PyObject *object)
{
    PyMethodObject *m = (PyMethodObject *)object;

    edge_attr(w, "__func__", m->im_func);
    walk_edge(w, PX_EDGE_SELF, m->im_self);
}

/* An instancemethod: {PyObject_HEAD; PyObject *func} */
static void
walk_instancemethod(struct walk *w, PyObject *object)
{
    edge_attr(w, "__func__", ((PyInstanceMethodObject *)object)->func);
}

static void
walk_builtin(struct walk *w, PyObject *object)
{
    PyCFunctionObject *f = (PyCFunctionObject *)object;

    if (f->m_ml != NULL && (f->m_ml->ml_flags & METH_STATIC))
        edge_field(w, "self", f->m_self); /* __self__ says None */
    else
        walk_edge(w, PX_EDGE_SELF, f->m_self);
    edge_attr(w, "__module__", f->m_module);
#if COMPAT_CFUNCTION_CLASS
    if (f->m_ml != NULL && (f->m_ml->ml_flags & METH_METHOD))
        edge_field(w, "class", (PyObject *)((PyCMethodObject *)f)->mm_class);
#endif
}

/* The module's state has what the interpreter has from 3.10 on.
 * Modules/atexitmodule.c of 3.8 and 3.9: atexitmodule_state, atexit_callback;
 * one that was unregistered is NULL. */
struct atexit_callback {
    PyObject *function, *arguments, *keywords;
};

struct atexit_state {
    struct atexit_callback **callbacks;
    int n_callbacks;
    int room;
};

static bool
has_atexit_state(const PyModuleDef *def)
{
    return COMPAT_ATEXIT_STATE == 0 && strcmp(def->m_name, "atexit") == 0 &&
           def->m_size == sizeof(struct atexit_state);
}

static void
walk_atexit(struct walk *w, PyObject *module)
{
    const struct atexit_state *state = PyModule_GetState(module);

    for (int i = 0; state != NULL && i < state->n_callbacks; i++) {
        const struct atexit_callback *callback = state->callbacks[i];
        if (callback == NULL)
            continue;
        edge_field(w, "atexit function", callback->function);
        edge_field(w, "atexit arguments", callback->arguments);
        edge_field(w, "atexit keywords", callback->keywords);
    }
}

static int
visit_state(PyObject *to, void *context)
{
    edge_field(context, "state", to);
    return 0;
}

/* The state of a C module is a struct that only its m_traverse knows
 * (Objects/moduleobject.c: module_traverse). PyModule_GetDict, _GetDef and
 * _GetState only read the module. */
static void
walk_module(struct walk *w, PyObject *object)
{
    PyModuleDef *def = PyModule_GetDef(object);

    edge_attr(w, "__dict__", PyModule_GetDict(object));
    if (def != NULL && has_atexit_state(def))
        walk_atexit(w, object);
    else if (def != NULL && def->m_traverse != NULL &&
             (def->m_size <= 0 || PyModule_GetState(object) != NULL))
        def->m_traverse(object, visit_state, w);
}

/* Objects/descrobject.c: PyDescr_COMMON; d_type and d_name are members. */
static void
walk_descriptor(struct walk *w, PyObject *object)
{
    PyDescrObject *d = (PyDescrObject *)object;

    edge_attr(w, "__objclass__", (PyObject *)d->d_type);
    edge_attr(w, "__name__", d->d_name);
    if (d->d_qualname != NULL)
        edge_attr(w, "__qualname__", d->d_qualname);
}

/* Objects/descrobject.c: wrapperobject {HEAD; descr; self} */
static void
walk_method_wrapper(struct walk *w, PyObject *object)
{
    edge_field(w, "descriptor", edge_word(object, 2));
    walk_edge(w, PX_EDGE_SELF, edge_word(object, 3));
}

const struct edges_row edges_rows_function[] = {
    {.type = &PyFunction_Type,
     .walk = walk_function,
     .flags = EDGES_COMPLETE | EDGES_DICT | EDGES_MEMBERS},
    {.type = &PyCell_Type, .walk = walk_cell, .flags = EDGES_COMPLETE},
    {.type = &PyMethod_Type,
     .walk = walk_method,
     .flags = EDGES_COMPLETE | EDGES_MEMBERS},
    {.type = &PyInstanceMethod_Type,
     .walk = walk_instancemethod,
     .flags = EDGES_COMPLETE | EDGES_MEMBERS},
    {.type = &PyCFunction_Type,
     .walk = walk_builtin,
     .flags = EDGES_COMPLETE | EDGES_MEMBERS},
    {.type = &PyModule_Type,
     .walk = walk_module,
     .flags = EDGES_DICT | EDGES_MEMBERS},
    {.type = &PyMethodDescr_Type,
     .walk = walk_descriptor,
     .flags = EDGES_MEMBERS},
    {.type = &PyClassMethodDescr_Type,
     .walk = walk_descriptor,
     .flags = EDGES_MEMBERS},
    {.type = &PyGetSetDescr_Type,
     .walk = walk_descriptor,
     .flags = EDGES_MEMBERS},
    {.type = &PyMemberDescr_Type,
     .walk = walk_descriptor,
     .flags = EDGES_MEMBERS},
    {.type = &PyWrapperDescr_Type,
     .walk = walk_descriptor,
     .flags = EDGES_MEMBERS},
    {.tp_name = "method-wrapper",
     .walk = walk_method_wrapper,
     .flags = EDGES_COMPLETE | EDGES_MEMBERS},
    {.type = NULL},
};
