/* layout_type.c — the dict and subclasses of a type, for every version.
 *
 * From 3.12 on a static builtin type keeps both in the interpreter's state
 * (pycore_typeobject.h, struct types_state), under an index that stands in
 * its tp_subclasses. That state lies deep in a struct whose fields move
 * between patch versions, and the child may not ask PyType_GetDict, which
 * counts a reference. So the parent compares the header's place with what
 * PyType_GetDict says, tries its neighbourhood, and notes what fits; the child
 * then believes an entry only if it names its type. Nothing fits: those dicts
 * are left out.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/layout_private.h"

#if COMPAT_STATIC_TYPE_STATE

#if COMPAT_STATIC_EXTENSION_STATE
typedef managed_static_type_state type_state;
#define N_BUILTIN _Py_MAX_MANAGED_STATIC_BUILTIN_TYPES
#define N_EXTENSION _Py_MAX_MANAGED_STATIC_EXT_TYPES
#else
typedef static_builtin_state type_state;
#define N_BUILTIN _Py_MAX_STATIC_BUILTIN_TYPES
#endif

/* Patch versions move fields by a few words at most. */
#define SHIFT_MAX 64

static struct {
    const type_state *builtins;
    const type_state *extensions;
    ptrdiff_t offset; /* of `builtins` in the interpreter, in bytes */
} noted;

static size_t
index_of(const PyTypeObject *type)
{
    return (size_t)type->tp_subclasses - 1;
}

static bool
knows(const type_state *states, PyTypeObject *type)
{
    size_t index = index_of(type);
    const type_state *state = &states[index];
    PyObject *dict;

    if (index >= N_BUILTIN || state->type != type)
        return false;
    dict = PyType_GetDict(type);
    Py_XDECREF(dict);
    return dict != NULL && state->tp_dict == dict;
}

static const type_state *
shifted(const type_state *states, ptrdiff_t n_words)
{
    return (const type_state *)((const uintptr_t *)states + n_words);
}

void
layout_note_types(PyInterpreterState *interp)
{
#if COMPAT_STATIC_EXTENSION_STATE
    const type_state *builtins = interp->types.builtins.initialized;
    const type_state *extensions = interp->types.for_extensions.initialized;
#else
    const type_state *builtins = interp->types.builtins;
    const type_state *extensions = NULL;
#endif
    noted.builtins = NULL;
    noted.extensions = NULL;
    for (ptrdiff_t n = 0; n <= SHIFT_MAX; n = n > 0 ? -n : 1 - n) {
        const type_state *at = shifted(builtins, n);
        if (!knows(at, &PyLong_Type) || !knows(at, &PyList_Type))
            continue;
        noted.builtins = at;
        noted.offset = (const char *)at - (const char *)interp;
        if (extensions != NULL)
            noted.extensions = shifted(extensions, n);
        return;
    }
}

static const type_state *
state_of(const PyTypeObject *type)
{
    size_t index = index_of(type);
    const type_state *state = NULL;

    if (compat_is_heap_type(type) || type->tp_dict != NULL)
        return NULL;
    if (index < N_BUILTIN && noted.builtins != NULL)
        state = &noted.builtins[index];
#ifdef N_EXTENSION
    else if (index - N_BUILTIN < N_EXTENSION && noted.extensions != NULL)
        state = &noted.extensions[index - N_BUILTIN];
#endif
    return state != NULL && state->type == type ? state : NULL;
}

PyObject *
layout_type_dict(PyTypeObject *type)
{
    const type_state *state = state_of(type);
    return state != NULL ? state->tp_dict : type->tp_dict;
}

/* Whoever it names must have this number, and be a type. */
bool
layout_type_state(PyInterpreterState *interp, size_t i,
                  struct layout_type_state *out)
{
    const type_state *state;

    *out = (struct layout_type_state){NULL, NULL};
    if (noted.builtins == NULL || i >= N_BUILTIN)
        return false;
    state = (const type_state *)(const void *)((const char *)interp +
                                               noted.offset) +
            i;
    if (state->type == NULL || state->type != noted.builtins[i].type)
        return state->type == NULL;
    out->dict = state->tp_dict;
    out->subclasses = state->tp_subclasses;
    return true;
}

/* A static type's own tp_subclasses is that index, never an object. */
PyObject *
layout_type_subclasses(PyTypeObject *type)
{
    const type_state *state = state_of(type);

    if (state != NULL)
        return state->tp_subclasses;
    if (!compat_is_heap_type(type) && type->tp_dict == NULL)
        return NULL;
    return (PyObject *)type->tp_subclasses;
}

#else

bool
layout_type_state(PyInterpreterState *interp, size_t i,
                  struct layout_type_state *out)
{
    (void)interp, (void)i;
    *out = (struct layout_type_state){NULL, NULL};
    return false;
}

void
layout_note_types(PyInterpreterState *interp)
{
    (void)interp;
}

PyObject *
layout_type_dict(PyTypeObject *type)
{
    return type->tp_dict;
}

PyObject *
layout_type_subclasses(PyTypeObject *type)
{
    return (PyObject *)type->tp_subclasses;
}
#endif
