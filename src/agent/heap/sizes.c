/* sizes.c — what sys.getsizeof would say, without calling anything.
 *
 * sys.getsizeof is __sizeof__ plus the words before the object: the gc head
 * of gc objects, and from 3.11 the words of the managed dict and weak list.
 * object.__sizeof__ is tp_basicsize + |ob_size| * tp_itemsize. Types whose
 * __sizeof__ knows more have a row here; a type that takes none of them and
 * inherits object's is exact too; any other is flagged approximate. A class
 * whose __sizeof__ is written in Python is flagged as well: it is not called.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/sizes.h"

#include <stddef.h>
#include <string.h>

#include "agent/heap/edges.h"
#include "agent/heap/edges_library.h"
#include "agent/heap/layout.h"
#include "agent/heap/walk.h"

#define GC_HEAD_BYTES (2 * sizeof(uintptr_t))

static size_t
length_of(PyObject *object)
{
    Py_ssize_t n = Py_SIZE(object);
    return (size_t)(n < 0 ? -n : n);
}

/* Objects/typeobject.c: object___sizeof___impl. Where ob_size is no count of
 * items a row must say so. */
static size_t
size_plain(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    size_t bytes = (size_t)type->tp_basicsize;

    if (type->tp_itemsize > 0)
        bytes += length_of(object) * (size_t)type->tp_itemsize;
    return bytes;
}

static size_t
size_long(PyObject *object)
{
    size_t digits;

#if COMPAT_LONG_TAG
    /* Objects/longobject.c: int___sizeof___impl, at least one digit */
    digits = ((PyLongObject *)object)->long_value.lv_tag >> 3;
    if (digits == 0)
        digits = 1;
    return offsetof(PyLongObject, long_value.ob_digit) + digits * sizeof(digit);
#else
    digits = length_of(object);
#if COMPAT_ZERO_HAS_DIGIT
    if (digits == 0)
        digits = compat_zero_digits();
#endif
    return offsetof(PyLongObject, ob_digit) + digits * sizeof(digit);
#endif
}

/* Objects/unicodeobject.c: unicode_sizeof */
static size_t
size_str(PyObject *object)
{
    PyASCIIObject *ascii = (PyASCIIObject *)object;
    PyCompactUnicodeObject *compact = (PyCompactUnicodeObject *)object;
    bool ready = true;
    size_t bytes;
    size_t n;

#if COMPAT_STR_WSTR
    ready = PyUnicode_IS_READY(object);
#endif
    n = ready ? (size_t)ascii->length : 0;
    if (ready && PyUnicode_IS_COMPACT_ASCII(object))
        bytes = sizeof(PyASCIIObject) + n + 1;
    else if (ready && PyUnicode_IS_COMPACT(object))
        bytes = sizeof(PyCompactUnicodeObject) +
                (n + 1) * (size_t)PyUnicode_KIND(object);
    else {
        bytes = sizeof(PyUnicodeObject);
        if (ready && ((PyUnicodeObject *)object)->data.any != NULL)
            bytes += (n + 1) * (size_t)PyUnicode_KIND(object);
    }
#if COMPAT_STR_WSTR
    /* _PyUnicode_HAS_WSTR_MEMORY: a representation of its own */
    if (ascii->wstr != NULL &&
        (!ready || (const void *)ascii->wstr != PyUnicode_DATA(object))) {
        size_t wide = ready && PyUnicode_IS_COMPACT_ASCII(object)
                          ? n
                          : (size_t)compact->wstr_length;
        bytes += (wide + 1) * sizeof(wchar_t);
    }
#endif
    /* _PyUnicode_HAS_UTF8_MEMORY */
    if (!(ready && PyUnicode_IS_COMPACT_ASCII(object)) &&
        compact->utf8 != NULL &&
        !(ready && (const void *)compact->utf8 == PyUnicode_DATA(object)))
        bytes += (size_t)compact->utf8_length + 1;
    return bytes;
}

static size_t
size_bytearray(PyObject *object)
{
    size_t bytes = (size_t)((PyByteArrayObject *)object)->ob_alloc;

#if COMPAT_BYTEARRAY_BYTES
    if (bytes != 0)
        bytes += offsetof(PyBytesObject, ob_sval) + 1;
#endif
    return (size_t)Py_TYPE(object)->tp_basicsize + bytes;
}

static size_t
size_list(PyObject *object)
{
    return (size_t)Py_TYPE(object)->tp_basicsize +
           (size_t)((PyListObject *)object)->allocated * sizeof(PyObject *);
}

static size_t
size_set(PyObject *object)
{
    PySetObject *set = (PySetObject *)object;
    size_t bytes = (size_t)Py_TYPE(object)->tp_basicsize;

    if (set->table != set->smalltable)
        bytes += ((size_t)set->mask + 1) * sizeof(setentry);
    return bytes;
}

/* Objects/typeobject.c: type___sizeof___impl. Not what a metaclass adds, and
 * not the members behind it. */
static size_t
size_type(PyObject *object)
{
    PyTypeObject *type = (PyTypeObject *)object;

    if (!compat_is_heap_type(type))
        return sizeof(PyTypeObject);
    return sizeof(PyHeapTypeObject) + layout_cached_keys_bytes(type);
}

static size_t
words(int n)
{
    return (size_t)n * sizeof(PyObject *);
}

#if COMPAT_CODE_SPARE
/* What an instruction of hot code remembers, and a byte of the map to it for
 * each instruction. pycore_code.h: _PyOpcache {a union of three words at most;
 * char optimized}, in 3.8, 3.9 and 3.10 alike */
static size_t
opcache_bytes(const PyCodeObject *code)
{
    const size_t entry = 4 * sizeof(void *);

    if (code->co_opcache == NULL)
        return 0;
    return (size_t)PyBytes_GET_SIZE(code->co_code) / sizeof(_Py_CODEUNIT) +
           (size_t)code->co_opcache_size * entry;
}
#endif

/* Objects/codeobject.c: code_sizeof. co_extra counts, its layout is private
 * there: {Py_ssize_t ce_size; void *ce_extras[1]} */
static size_t
size_code(PyObject *object)
{
    PyCodeObject *code = (PyCodeObject *)object;
    const Py_ssize_t *extra = code->co_extra;
    size_t bytes =
        (size_plain(object) + sizeof(void *) - 1) & ~(sizeof(void *) - 1);

    if (extra != NULL)
        bytes += sizeof(Py_ssize_t) + words((int)*extra);
#if !COMPAT_LOCALSPLUS
    if (code->co_cell2arg != NULL)
        bytes +=
            (size_t)PyTuple_GET_SIZE(code->co_cellvars) * sizeof(Py_ssize_t);
#endif
#if COMPAT_CODE_SPARE
    bytes += opcache_bytes(code);
#endif
    return bytes;
}

/* Objects/frameobject.c: frame_sizeof. size_plain would take a field for a
 * length: tp_itemsize is set, but there is no ob_size. Before 3.11
 * tp_basicsize has room for one slot. */
static size_t
size_frame(PyObject *object)
{
    size_t bytes = (size_t)PyFrame_Type.tp_basicsize;
    struct layout_frame frame;

    if (!layout_frame_of_object(object, &frame))
        return bytes;
    return bytes + words(frame.n_locals + frame.max_depth -
                         (COMPAT_BARE_FRAMES ? 0 : 1));
}

/* Objects/genobject.c: gen_sizeof */
static size_t
size_generator(PyObject *object)
{
    size_t bytes = (size_t)Py_TYPE(object)->tp_basicsize;
#if COMPAT_BARE_FRAMES
    PyCodeObject *code = layout_generator_code(object);
    if (code != NULL)
        bytes += words(code->co_nlocalsplus + code->co_stacksize);
#endif
    return bytes;
}

static size_t
size_dict(PyObject *object)
{
    return layout_dict_bytes(object);
}

/* Modules/_collectionsmodule.c: deque_sizeof */
static size_t
size_deque(PyObject *object)
{
    const struct library_deque *d = (const struct library_deque *)object;
    size_t cells = (size_t)d->leftindex + (size_t)Py_SIZE(object);

    return (size_t)Py_TYPE(object)->tp_basicsize +
           (cells + LIBRARY_DEQUE_BLOCK - 1) / LIBRARY_DEQUE_BLOCK *
               sizeof(struct library_deque_block);
}

/* Objects/odictobject.c: odict_sizeof */
static size_t
size_ordered_dict(PyObject *object)
{
    const struct library_odict *od = (const struct library_odict *)object;

    return layout_dict_bytes(object) +
           (size_t)od->n_fast_nodes * sizeof *od->fast_nodes +
           (size_t)od->dict.ma_used * sizeof(struct library_odict_node);
}

/* Modules/arraymodule.c: array_array___sizeof__ */
static size_t
size_array(PyObject *object)
{
    const struct library_array *a = (const struct library_array *)object;

    return (size_t)Py_TYPE(object)->tp_basicsize +
           (size_t)a->allocated * (size_t)a->descr->itemsize;
}

/* Modules/_decimal/_decimal.c: dec_sizeof */
static size_t
size_decimal(PyObject *object)
{
    const struct library_decimal *d = (const struct library_decimal *)object;
    size_t bytes = (size_t)Py_TYPE(object)->tp_basicsize;

    if (!(d->flags & LIBRARY_MPD_DATA_FLAGS))
        bytes += (size_t)d->alloc * sizeof *d->data;
    return bytes;
}

size_t
sizes_block(PyObject *object, PyTypeObject *type)
{
    const PyASCIIObject *ascii = (const PyASCIIObject *)object;
    size_t head = sizeof(PyCompactUnicodeObject);

    if (compat_derives(type, &PyLong_Type))
        return size_long(object);
    if (type != &PyUnicode_Type)
        return size_plain(object);
    if (!ascii->state.compact)
        return sizeof(PyUnicodeObject);
    if (ascii->state.ascii)
        head = sizeof(PyASCIIObject);
    return head + ((size_t)ascii->length + 1) * ascii->state.kind;
}

/* A row is found by the nearest base in C layout; by name where CPython does
 * not export the type, and then only for a struct at least as large as the
 * one that is read. */
static const struct sizes_row {
    PyTypeObject *type;
    const char *tp_name;
    size_t at_least;
    size_t (*size)(PyObject *object);
} rows[] = {
    {&PyUnicode_Type, NULL, 0, size_str},
    {&PyLong_Type, NULL, 0, size_long},
    {&PyDict_Type, NULL, 0, size_dict},
#if COMPAT_FROZENDICT
    {&PyFrozenDict_Type, NULL, 0, size_dict},
#endif
    {&PyList_Type, NULL, 0, size_list},
    {&PySet_Type, NULL, 0, size_set},
    {&PyFrozenSet_Type, NULL, 0, size_set},
    {&PyByteArray_Type, NULL, 0, size_bytearray},
    {&PyType_Type, NULL, 0, size_type},
    {&PyCode_Type, NULL, 0, size_code},
    {&PyFrame_Type, NULL, 0, size_frame},
    {&PyGen_Type, NULL, 0, size_generator},
    {&PyCoro_Type, NULL, 0, size_generator},
    {&PyAsyncGen_Type, NULL, 0, size_generator},
    {&PyODict_Type, NULL, 0, size_ordered_dict},
    {NULL, "collections.deque", sizeof(struct library_deque), size_deque},
    {NULL, "array.array", sizeof(struct library_array), size_array},
    {NULL, "decimal.Decimal", sizeof(struct library_decimal), size_decimal},
    {NULL, "numpy.ndarray", sizeof(struct library_ndarray), sizes_ndarray},
};

static bool
is_row_of(const struct sizes_row *row, PyTypeObject *type)
{
    if (row->type != NULL)
        return row->type == type;
    return (size_t)type->tp_basicsize >= row->at_least &&
           edges_is_named(type, row->tp_name);
}

static const struct sizes_row *
row_of(PyTypeObject *type, PyTypeObject **family)
{
    for (PyTypeObject *t = type; t != NULL; t = t->tp_base)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (is_row_of(&rows[i], t)) {
                *family = t;
                return &rows[i];
            }
    *family = NULL;
    return NULL;
}

/* True if a type below the one whose row is used has a __sizeof__ of its own,
 * so that sys.getsizeof would ask that. `mro` holds all bases. */
static bool
has_own_sizeof(PyTypeObject *type, const PyTypeObject *family)
{
    PyObject *mro = type->tp_mro;

    if (mro == NULL || !PyTuple_Check(mro))
        return true;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *t = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        if (t == family || t == &PyBaseObject_Type)
            return false;
        if (PyType_Check((PyObject *)t) &&
            layout_dict_get(layout_type_dict(t), "__sizeof__") != NULL)
            return true;
    }
    return false;
}

void
sizes_rule(PyTypeObject *type, struct sizes_rule *out)
{
    PyTypeObject *family;
    const struct sizes_row *row = row_of(type, &family);

    out->size = row != NULL ? row->size : size_plain;
    out->approximate = has_own_sizeof(type, family);
    out->before = 0;
    if (compat_type_is_gc(type)) {
        out->before = GC_HEAD_BYTES;
        if (type->tp_flags & COMPAT_PREHEADER_FLAGS)
            out->before += 2 * sizeof(PyObject *);
    }
}
