/* compat.h — the one place that asks which CPython this is.
 *
 * Everything else asks for a feature by the names below. What needs private
 * headers is in layout.c alone.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_COMPAT_H
#define HEAP_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <frameobject.h>
#include <structmember.h>

#include <stdbool.h>
#include <stdint.h>

/* mk/python.py refuses it first, in a sentence; such a build can load no
 * extension that was made for another. */
#ifdef Py_GIL_DISABLED
#error "free-threaded builds of Python are not supported"
#endif

/* Running frames are structs of their own, made objects on demand (3.11+);
 * before that every frame is a PyFrameObject. */
#define COMPAT_BARE_FRAMES (PY_VERSION_HEX >= 0x030B0000)
/* A thread's state leads to its frames through a struct for each call from C.
 */
#define COMPAT_CFRAME (PY_VERSION_HEX < 0x030D0000)
/* Fields of a frame's struct under their newer names: f_funcobj for f_func;
 * f_executable and instr_ptr for f_code and prev_instr. */
#define COMPAT_FRAME_FUNCOBJ (PY_VERSION_HEX >= 0x030C0000)
#define COMPAT_FRAME_EXECUTABLE (PY_VERSION_HEX >= 0x030D0000)
/* A frame that only marks an entry from C: 1 FRAME_OWNED_BY_CSTACK, 2
 * FRAME_OWNED_BY_INTERPRETER. */
#if PY_VERSION_HEX >= 0x030E0000
#define COMPAT_FRAME_MARK 2
#elif PY_VERSION_HEX >= 0x030C0000
#define COMPAT_FRAME_MARK 1
#else
#define COMPAT_FRAME_MARK 0
#endif
/* A frame object keeps locals beyond those of its code. */
#define COMPAT_FRAME_EXTRA_LOCALS (PY_VERSION_HEX >= 0x030D0000)
/* That a generator waits in `await` is a state of its own: 1 one, 2 one more
 * while another thread asks. */
#if PY_VERSION_HEX >= 0x030F0000
#define COMPAT_AWAIT_STATE 2
#elif PY_VERSION_HEX >= 0x030D0000
#define COMPAT_AWAIT_STATE 1
#else
#define COMPAT_AWAIT_STATE 0
#endif
/* RESUME has a form for tools instead of a quick one. */
#define COMPAT_RESUME_INSTRUMENTED (PY_VERSION_HEX >= 0x030C0000)
/* Stack slots carry tag bits (3.14+, _PyStackRef). */
#define COMPAT_TAGGED_SLOTS (PY_VERSION_HEX >= 0x030E0000)
/* A generator has a code field beside the one of its frame. */
#define COMPAT_GEN_CODE (PY_VERSION_HEX < 0x030C0000)

/* Where an instance keeps the values of its attributes:
 *   0    in the dict at tp_dictoffset (3.8–3.10)
 *   311  a values array at o[-4], or a dict at o[-3]
 *   312  one tagged word at o[-3]: values, or a dict
 *   313  values behind the object, and perhaps a dict at o[-3] as well */
#if PY_VERSION_HEX >= 0x030D0000
#define COMPAT_VALUES 313
#elif PY_VERSION_HEX >= 0x030C0000
#define COMPAT_VALUES 312
#elif PY_VERSION_HEX >= 0x030B0000
#define COMPAT_VALUES 311
#else
#define COMPAT_VALUES 0
#endif

/* They are a block of their own. */
#define COMPAT_VALUES_APART (COMPAT_VALUES == 311 || COMPAT_VALUES == 312)

/* co_localsplusnames and co_localspluskinds instead of three tuples. */
#define COMPAT_LOCALSPLUS (PY_VERSION_HEX >= 0x030B0000)
/* The computed co_code etc.: 0 none, 1 _co_code, 2 _co_cached. */
#if PY_VERSION_HEX >= 0x030C0000
#define COMPAT_CODE_CACHE 2
#elif PY_VERSION_HEX >= 0x030B0000
#define COMPAT_CODE_CACHE 1
#else
#define COMPAT_CODE_CACHE 0
#endif
#define COMPAT_CODE_LINETABLE (PY_VERSION_HEX >= 0x030A0000)

#define COMPAT_FUNC_BUILTINS (PY_VERSION_HEX >= 0x030A0000)
#define COMPAT_FUNC_TYPEPARAMS (PY_VERSION_HEX >= 0x030C0000)
#define COMPAT_FUNC_ANNOTATE (PY_VERSION_HEX >= 0x030E0000)
#define COMPAT_CFUNCTION_CLASS (PY_VERSION_HEX >= 0x03090000)
#define COMPAT_TYPE_MODULE (PY_VERSION_HEX >= 0x03090000)
/* One exception object instead of type, value, traceback: of the handled
 * ones (3.11), of the raised one (3.12). */
#define COMPAT_EXC_INFO_ONE (PY_VERSION_HEX >= 0x030B0000)
#define COMPAT_CURRENT_EXC_ONE (PY_VERSION_HEX >= 0x030C0000)
/* wstr: a str may have a second representation, or only that one. */
#define COMPAT_STR_WSTR (PY_VERSION_HEX < 0x030C0000)
/* Py_SIZE of an int is no longer its digits. */
#define COMPAT_LONG_TAG (PY_VERSION_HEX >= 0x030C0000)
/* A type of its own, whose struct begins as that of a dict. */
#define COMPAT_FROZENDICT (PY_VERSION_HEX >= 0x030F0000)
/* int.__sizeof__ of 0 has counted one digit since 3.11.2 (gh-100637). */
#define COMPAT_ZERO_HAS_DIGIT (PY_VERSION_HEX >= 0x030B0000)
/* sys.getsizeof adds the words before the object by its type alone, so also
 * for static types, which have none (3.11+ Python/sysmodule.c); but from 3.13
 * on not for those whose class is exactly type. */
#define COMPAT_SIZE_BY_TYPE (PY_VERSION_HEX >= 0x030B0000)
#define COMPAT_SIZE_NOT_STATIC (PY_VERSION_HEX >= 0x030D0000)
/* _asyncio's futures have no traceback beside their exception. */
#define COMPAT_FUTURE_OLD (PY_VERSION_HEX < 0x03090000)
/* A deque keeps emptied blocks. */
#define COMPAT_DEQUE_FREE_BLOCKS (PY_VERSION_HEX >= 0x030B0000)
/* atexit's callbacks lie in the interpreter, not in its module: 1 an array of
 * structs (3.10), 2 a list of tuples (3.14). */
#if PY_VERSION_HEX >= 0x030E0000
#define COMPAT_ATEXIT_STATE 2
#elif PY_VERSION_HEX >= 0x030A0000
#define COMPAT_ATEXIT_STATE 1
#else
#define COMPAT_ATEXIT_STATE 0
#endif
/* The classes of ast lie in the interpreter, not in static variables. */
#define COMPAT_AST_STATE (PY_VERSION_HEX >= 0x030A0000)
/* A thread's state owns the event loop that runs in it. */
#define COMPAT_THREAD_LOOP (PY_VERSION_HEX >= 0x030D0000)
/* And the task. */
#define COMPAT_THREAD_TASK (PY_VERSION_HEX >= 0x030E0000)
/* A dict over the values of its instance visits them, and the instance only
 * that dict (3.14.10, 3.15.2 Objects/dictobject.c); 3.13: the other way. */
#define COMPAT_DICT_OWNS_VALUES (PY_VERSION_HEX >= 0x030E0000)
/* What a suspended `await` or `yield from` has on the stack: the iterator, and
 * above it, from 3.15 on, its index (pycore_ceval.h: _PyEval_GetIter; it is
 * NULL or a tagged int). */
#if PY_VERSION_HEX >= 0x030F0000
#define COMPAT_AWAIT_SLOTS 2
#else
#define COMPAT_AWAIT_SLOTS 1
#endif
/* The collector tracks every dict, also the one of interned texts. */
#define COMPAT_DICT_ALWAYS_TRACKED (PY_VERSION_HEX >= 0x030E0000)
/* The scanner of json keeps a memo. */
#define COMPAT_JSON_MEMO (PY_VERSION_HEX < 0x030E0000)
/* A finished generator still visits its code. */
#define COMPAT_GEN_KEEPS_CODE (PY_VERSION_HEX >= 0x030E0000)
/* operator.methodcaller has a tuple where 3.13 has an array. */
#define COMPAT_METHODCALLER_TUPLE (PY_VERSION_HEX >= 0x030E0000)
/* StringIO visits its newlines; 3.8 has a struct of the same size. */
#define COMPAT_STRINGIO_SHORT (PY_VERSION_HEX >= 0x030E0000)
/* TextIOWrapper.buffer is no member of the C struct. */
#define COMPAT_TEXT_BUFFER_GETTER (PY_VERSION_HEX >= 0x030E0000)
/* A bytearray keeps its bytes in a bytes object. */
#define COMPAT_BYTEARRAY_BYTES (PY_VERSION_HEX >= 0x030F0000)
/* A frame object keeps the locals that f_locals has replaced (3.14+). */
#define COMPAT_FRAME_OVERWRITTEN (PY_VERSION_HEX >= 0x030E0000)
/* f_lasti counts instructions, not bytes. */
#define COMPAT_LASTI_UNITS (PY_VERSION_HEX >= 0x030A0000)
#define COMPAT_FRAME_STATE (PY_VERSION_HEX >= 0x030A0000)
/* Before 3.10 f_lineno is only valid with a trace function. */
#define COMPAT_LINENO_TRACED (PY_VERSION_HEX < 0x030A0000)
/* Words before the gc header, and for which types. */
#if PY_VERSION_HEX >= 0x030C0000
#define COMPAT_PREHEADER_FLAGS                                                 \
    ((unsigned long)(Py_TPFLAGS_MANAGED_DICT | Py_TPFLAGS_MANAGED_WEAKREF))
#elif PY_VERSION_HEX >= 0x030B0000
#define COMPAT_PREHEADER_FLAGS ((unsigned long)Py_TPFLAGS_MANAGED_DICT)
#else
#define COMPAT_PREHEADER_FLAGS 0ul
#endif
/* Static builtin types keep their dict and subclasses in the interpreter. */
#define COMPAT_STATIC_TYPE_STATE (PY_VERSION_HEX >= 0x030C0000)
/* Those of extensions too. */
#define COMPAT_STATIC_EXTENSION_STATE (PY_VERSION_HEX >= 0x030D0000)
/* Objects/obmalloc.c, pycore_obmalloc.h: with the radix tree came arenas of 1
 * MiB and pools of 16 KiB (3.10), before that 256 KiB and 4 KiB. */
#if PY_VERSION_HEX >= 0x030A0000
#define COMPAT_ARENA_BITS 20
#define COMPAT_POOL_BITS 14
#else
#define COMPAT_ARENA_BITS 18
#define COMPAT_POOL_BITS 12
#endif
/* Dead objects are chained by their first word, where the refcount was
 * (pycore_freelist.h); before that it is 0 in them. */
#define COMPAT_FREE_BY_REFCOUNT (PY_VERSION_HEX >= 0x030E0000)
/* The upper half of ob_refcnt has flags of its own. */
#define COMPAT_REFCOUNT_FLAGS (PY_VERSION_HEX >= 0x030E0000)
/* What code keeps beside itself: opcode caches and a spare frame (3.8–3.10),
 * an array of lines (3.11). */
#define COMPAT_CODE_SPARE (PY_VERSION_HEX < 0x030B0000)
#define COMPAT_CODE_LINEARRAY                                                  \
    (PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000)
#define COMPAT_CODE_MONITORING (PY_VERSION_HEX >= 0x030C0000)
/* A copy of its name that tp_name points into. */
#define COMPAT_TYPE_TPNAME (PY_VERSION_HEX >= 0x030B0000)
/* sys.modules is in a struct of its own within the interpreter, the codecs too
 * (3.13). */
#define COMPAT_IMPORT_STATE (PY_VERSION_HEX >= 0x030C0000)
#define COMPAT_CODEC_STATE (PY_VERSION_HEX >= 0x030D0000)
/* _PyRuntime begins with a table of offsets for debuggers. */
#define COMPAT_DEBUG_OFFSETS (PY_VERSION_HEX >= 0x030D0000)
/* Major and minor version, as the tables of _PyRuntime have them. */
#define COMPAT_MINOR (PY_VERSION_HEX >> 16)
/* The interpreter's struct has a private header of its own. */
#define COMPAT_INTERP_HEADER (PY_VERSION_HEX >= 0x03090000)
/* Py_IsFinalizing without an underscore. */
#define COMPAT_IS_FINALIZING (PY_VERSION_HEX >= 0x030D0000)
/* A forked child takes the lock of the thread states as the parent left it
 * (PyOS_AfterFork_Child in Modules/posixmodule.c; in 3.12 the lock is made
 * anew first, from 3.13 on the parent holds it while it forks). */
#define COMPAT_FORK_NEEDS_HEADS (PY_VERSION_HEX < 0x030C0000)
/* Slots by which a module says what it supports. */
#define COMPAT_MODULE_INTERPRETERS (PY_VERSION_HEX >= 0x030C0000)
#define COMPAT_MODULE_GIL (PY_VERSION_HEX >= 0x030D0000)
/* Interpreters of one process may have a GIL each. */
#define COMPAT_OWN_GIL (PY_VERSION_HEX >= 0x030C0000)

#if COMPAT_ZERO_HAS_DIGIT
/* The patch version that runs, which need not be the one we were built for. */
static inline size_t
compat_zero_digits(void)
{
    return Py_Version >= 0x030B0200 ? 1 : 0;
}
#endif

static inline bool
compat_is_heap_type(const PyTypeObject *type)
{
    return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0;
}

static inline bool
compat_type_is_gc(const PyTypeObject *type)
{
    return (type->tp_flags & Py_TPFLAGS_HAVE_GC) != 0;
}

/* PyObject_IS_GC without a call out of line. */
static inline bool
compat_is_gc(PyObject *object, PyTypeObject *type)
{
    return compat_type_is_gc(type) &&
           (type->tp_is_gc == NULL || type->tp_is_gc(object));
}

/* The type of `object` is `base` or inherits from it in C layout, by tp_base
 * alone: no mro is searched and no lookup is cached. */
static inline bool
compat_derives(const PyTypeObject *type, const PyTypeObject *base)
{
    for (; type != NULL; type = type->tp_base)
        if (type == base)
            return true;
    return false;
}

#endif
