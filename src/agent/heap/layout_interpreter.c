/* layout_interpreter.c — what an interpreter owns, and the test at the start.
 *
 * A wheel is built from the headers of one patch version and runs on all of
 * them. What an object looks like stays as it is within a minor version;
 * PyInterpreterState does not (3.14.4 and 3.14.5 moved most of it). So nothing
 * is believed that the running interpreter does not confirm:
 *
 *   3.13+ tells its own offsets to debuggers, at the start of _PyRuntime
 *   (pycore_debug_offsets.h; that table is fixed within a minor version). Those
 *   of objects, frames and threads must be the ones of our headers. Those of
 *   the interpreter are used where ours are wrong.
 *
 *   Every version: sys.modules and the dict of sys must be where our headers
 *   or that table say. If not, only these two are known, and the rest of the
 *   interpreter is left out: its codecs and its atexit callbacks.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/layout_private.h"

#include <stddef.h>
#include <string.h>

#if COMPAT_DEBUG_OFFSETS
#include <internal/pycore_runtime.h>
/* Should a build not export it, there is nothing to compare with. */
#pragma weak _PyRuntime
#endif

/* Noted under the GIL, read by the child. */
static struct {
    const PyInterpreterState *own;
    PyObject *modules, *sysdict, *builtins; /* of `own`, by public functions */
    const PyObject *interned;
    bool moved; /* its struct is not the one of our headers */
} noted;

#if COMPAT_DEBUG_OFFSETS
typedef struct _Py_DebugOffsets told_offsets;

/* NULL: the table is not there, or of another kind. */
static const told_offsets *
told(void)
{
    const told_offsets *table = &_PyRuntime.debug_offsets;

    if ((uintptr_t)&_PyRuntime == 0 ||
        memcmp(table->cookie, "xdebugpy", sizeof table->cookie) != 0 ||
        table->version >> 16 != COMPAT_MINOR)
        return NULL;
    return table;
}

static PyObject *
word_at(const PyInterpreterState *interp, uint64_t offset)
{
    if (offset >= told()->interpreter_state.size)
        return NULL;
    return *(PyObject *const *)(const void *)((const char *)interp + offset);
}

/* X(struct, field, type, member, what): must be as in our headers. */
#if COMPAT_TAGGED_SLOTS
#define FRAME_STACK_OFFSET(X)                                                  \
    X(interpreter_frame, stackpointer, _PyInterpreterFrame, stackpointer,      \
      "frames")                                                                \
    X(gen_object, gi_iframe, PyGenObject, gi_iframe, "generators")             \
    X(gen_object, gi_frame_state, PyGenObject, gi_frame_state, "generators")
#else
#define FRAME_STACK_OFFSET(X)
#endif
#define OFFSET_LIST(X)                                                         \
    X(interpreter_frame, previous, _PyInterpreterFrame, previous, "frames")    \
    X(interpreter_frame, executable, _PyInterpreterFrame, f_executable,        \
      "frames")                                                                \
    X(interpreter_frame, instr_ptr, _PyInterpreterFrame, instr_ptr, "frames")  \
    X(interpreter_frame, localsplus, _PyInterpreterFrame, localsplus,          \
      "frames")                                                                \
    X(interpreter_frame, owner, _PyInterpreterFrame, owner, "frames")          \
    FRAME_STACK_OFFSET(X)                                                      \
    X(thread_state, next, PyThreadState, next, "threads")                      \
    X(thread_state, interp, PyThreadState, interp, "threads")                  \
    X(thread_state, current_frame, PyThreadState, current_frame, "threads")    \
    X(thread_state, thread_id, PyThreadState, thread_id, "threads")            \
    X(code_object, qualname, PyCodeObject, co_qualname, "code objects")        \
    X(code_object, localsplusnames, PyCodeObject, co_localsplusnames,          \
      "code objects")                                                          \
    X(code_object, localspluskinds, PyCodeObject, co_localspluskinds,          \
      "code objects")                                                          \
    X(code_object, co_code_adaptive, PyCodeObject, co_code_adaptive,           \
      "code objects")                                                          \
    X(pyobject, ob_type, PyObject, ob_type, "objects")                         \
    X(type_object, tp_flags, PyTypeObject, tp_flags, "types")                  \
    X(list_object, ob_item, PyListObject, ob_item, "lists")                    \
    X(tuple_object, ob_item, PyTupleObject, ob_item, "tuples")                 \
    X(dict_object, ma_keys, PyDictObject, ma_keys, "dicts")                    \
    X(dict_object, ma_values, PyDictObject, ma_values, "dicts")                \
    X(long_object, ob_digit, PyLongObject, long_value.ob_digit, "ints")

const char *
layout_unknown(void)
{
    const told_offsets *table = told();

    if (table == NULL)
        return NULL;
#define X(group, field, type, member, what)                                    \
    if (table->group.field != offsetof(type, member))                          \
        return "its " what " have another layout";
    OFFSET_LIST(X)
#undef X
    return NULL;
}

static bool
has_moved(PyInterpreterState *interp)
{
    const told_offsets *table = told();

#define MOVED(field, member)                                                   \
    (table->interpreter_state.field != offsetof(PyInterpreterState, member))
    if (table != NULL &&
        (MOVED(imports_modules, imports.modules) || MOVED(sysdict, sysdict) ||
         MOVED(builtins, builtins) || MOVED(gc, gc) ||
         MOVED(ceval_gil, ceval.gil)))
        return true;
#undef MOVED
    return interp->imports.modules != noted.modules ||
           interp->sysdict != noted.sysdict;
}
#else

const char *
layout_unknown(void)
{
    return NULL;
}

static bool
has_moved(PyInterpreterState *interp)
{
#if COMPAT_IMPORT_STATE
    PyObject *modules = interp->imports.modules;
#else
    PyObject *modules = interp->modules;
#endif
    return modules != noted.modules || interp->sysdict != noted.sysdict;
}
#endif

/* A module's dict, NULL if it is not imported. */
static PyObject *
module_dict(PyObject *modules, const char *name)
{
    PyObject *module = layout_dict_get(modules, name);
    if (module == NULL || !PyModule_Check(module))
        return NULL;
    return PyModule_GetDict(module);
}

void
layout_note_interpreter(PyInterpreterState *interp)
{
    noted.own = interp;
    noted.modules = PyImport_GetModuleDict();
    noted.sysdict = module_dict(noted.modules, "sys");
    noted.builtins = module_dict(noted.modules, "builtins");
    noted.moved = has_moved(interp);
    noted.interned = NULL;
#if COMPAT_DICT_ALWAYS_TRACKED
    if (!noted.moved)
        noted.interned = interp->cached_objects.interned_strings;
#endif
}

const PyObject *
layout_interned(void)
{
    return noted.interned;
}

/* By the interpreter's own table; without one, by what was noted. */
static void
moved_interpreter(PyInterpreterState *interp, struct layout_interpreter *out)
{
#if COMPAT_DEBUG_OFFSETS
    const told_offsets *table = told();
    if (table != NULL && interp != noted.own) {
        out->modules =
            word_at(interp, table->interpreter_state.imports_modules);
        out->sysdict = word_at(interp, table->interpreter_state.sysdict);
        out->builtins = word_at(interp, table->interpreter_state.builtins);
    }
#endif
    if (interp == noted.own) {
        out->modules = noted.modules;
        out->sysdict = noted.sysdict;
        out->builtins = noted.builtins;
    }
}

void
layout_interpreter(PyInterpreterState *interp, struct layout_interpreter *out)
{
    memset(out, 0, sizeof *out);
    if (noted.moved) {
        moved_interpreter(interp, out);
        return;
    }
    out->builtins = interp->builtins;
    out->sysdict = interp->sysdict;
    out->dict = interp->dict;
#if COMPAT_IMPORT_STATE
    out->modules = interp->imports.modules;
#else
    out->modules = interp->modules;
#endif
#if COMPAT_CODEC_STATE
    out->codec_search_path = interp->codecs.search_path;
    out->codec_search_cache = interp->codecs.search_cache;
    out->codec_error_registry = interp->codecs.error_registry;
#else
    out->codec_search_path = interp->codec_search_path;
    out->codec_search_cache = interp->codec_search_cache;
    out->codec_error_registry = interp->codec_error_registry;
#endif
#if COMPAT_ATEXIT_STATE == 2
    out->atexit = interp->atexit.callbacks;
#endif
    out->before_fork = interp->before_forkers;
    out->after_fork_parent = interp->after_forkers_parent;
    out->after_fork_child = interp->after_forkers_child;
}

/* pycore_interp.h (3.10, 3.11), pycore_atexit.h: an array with room for
 * callback_len; an unregistered one leaves NULL. */
bool
layout_atexit(PyInterpreterState *interp, int i, PyObject *out[3])
{
    out[0] = out[1] = out[2] = NULL;
#if COMPAT_ATEXIT_STATE == 1
    if (noted.moved || i >= interp->atexit.ncallbacks ||
        interp->atexit.callbacks == NULL)
        return false;
    if (interp->atexit.callbacks[i] != NULL) {
        out[0] = interp->atexit.callbacks[i]->func;
        out[1] = interp->atexit.callbacks[i]->args;
        out[2] = interp->atexit.callbacks[i]->kwargs;
    }
    return true;
#else
    (void)interp, (void)i;
    return false;
#endif
}

/* pycore_ast_state.h: flags, then nothing but objects. */
size_t
layout_ast_state(PyInterpreterState *interp, PyObject *const **out)
{
#if COMPAT_AST_STATE
    *out = &interp->ast.AST_type;
    return (size_t)((PyObject *const *)(const void *)(&interp->ast + 1) - *out);
#else
    (void)interp;
    *out = NULL;
    return 0;
#endif
}

/* pycore_tstate.h */
PyObject *
layout_thread_loop(PyThreadState *tstate)
{
#if COMPAT_THREAD_LOOP
    return ((_PyThreadStateImpl *)tstate)->asyncio_running_loop;
#else
    (void)tstate;
    return NULL;
#endif
}

PyObject *
layout_thread_task(PyThreadState *tstate)
{
#if COMPAT_THREAD_TASK
    return ((_PyThreadStateImpl *)tstate)->asyncio_running_task;
#else
    (void)tstate;
    return NULL;
#endif
}

bool
layout_shares_gil(PyInterpreterState *a, PyInterpreterState *b)
{
#if COMPAT_OWN_GIL
    if (a == b)
        return true;
    if (noted.moved) {
#if COMPAT_DEBUG_OFFSETS
        if (told() != NULL) {
            uint64_t gil = told()->interpreter_state.ceval_gil;
            return word_at(a, gil) == word_at(b, gil);
        }
#endif
        return false; /* it cannot be known */
    }
    return a->ceval.gil == b->ceval.gil;
#else
    (void)a, (void)b;
    return true;
#endif
}
