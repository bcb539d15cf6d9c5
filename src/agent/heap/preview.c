/* preview.c — a value in at most 64 bytes, for exact builtin types.
 *
 * Of subclasses only the number of items is told, as the builtin type counts
 * them: more is for their own code to say. The payloads are those of
 * snapshot.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/compat.h"

#include <string.h>

#include <pyexplore/buf.h>

#include "agent/heap/code.h"
#include "agent/heap/edges_library.h"
#include "agent/heap/layout.h"
#include "agent/heap/walk.h"

/* Of a long path the end says more: which file, of which package. */
static bool
is_long_path(PyObject *object)
{
    const PyASCIIObject *text = (const PyASCIIObject *)object;

    return text->state.compact && text->state.ascii &&
           text->length > PX_PREVIEW_TEXT_MAX &&
           *(const char *)(text + 1) == '/';
}

static size_t
put_path(PyObject *object, uint8_t *to)
{
    const PyASCIIObject *text = (const PyASCIIObject *)object;
    const char *end = (const char *)(text + 1) + text->length;
    uint8_t *at = to;

    *at++ = PX_PREVIEW_PATH;
    at = px_put_varint(at, (uint64_t)text->length);
    at = px_put_varint(at, PX_PREVIEW_TEXT_MAX);
    memcpy(at, end - PX_PREVIEW_TEXT_MAX, PX_PREVIEW_TEXT_MAX);
    return (size_t)(at - to) + PX_PREVIEW_TEXT_MAX;
}

static size_t
put_str(PyObject *object, uint8_t *to)
{
    if (is_long_path(object))
        return put_path(object, to);
    size_t length = (size_t)((PyASCIIObject *)object)->length;
    uint8_t *at = to;

    _Static_assert(PX_PREVIEW_TEXT_MAX < 128, "a varint of one byte");
    *at++ = PX_PREVIEW_STR;
    at = px_put_varint(at, length);
    size_t n = names_of_str(object, PX_PREVIEW_TEXT_MAX, (char *)at + 1);
    *at++ = (uint8_t)n;
    return (size_t)(at - to) + n;
}

static size_t
put_octets(const char *bytes, size_t length, uint8_t *to)
{
    size_t n = length < PX_PREVIEW_TEXT_MAX ? length : PX_PREVIEW_TEXT_MAX;
    uint8_t *at = to;

    *at++ = PX_PREVIEW_BYTES;
    at = px_put_varint(at, length);
    at = px_put_varint(at, n);
    if (n != 0)
        memcpy(at, bytes, n);
    return (size_t)(at - to) + n;
}

static size_t
put_bytes(PyObject *object, uint8_t *to)
{
    return put_octets(PyBytes_AS_STRING(object),
                      (size_t)PyBytes_GET_SIZE(object), to);
}

static size_t
put_bytearray(PyObject *object, uint8_t *to)
{
    return put_octets(PyByteArray_AS_STRING(object),
                      (size_t)PyByteArray_GET_SIZE(object), to);
}

static size_t
put_int64(int64_t value, uint8_t *to)
{
    uint8_t *at = to;

    *at++ = PX_PREVIEW_INT;
    at = px_put_varint(at, px_zigzag(value));
    return (size_t)(at - to);
}

static size_t
put_long(PyObject *object, uint8_t *to)
{
    PyLongObject *v = (PyLongObject *)object;
    const digit *digits;
    bool negative;
    size_t n;
    uint64_t value = 0;
    unsigned top = 0;
    uint8_t *at = to;

#if COMPAT_LONG_TAG
    digits = v->long_value.ob_digit;
    n = v->long_value.lv_tag >> 3;
    negative = (v->long_value.lv_tag & 3) == 2;
#else
    Py_ssize_t size = Py_SIZE(object);
    digits = v->ob_digit;
    negative = size < 0;
    n = (size_t)(negative ? -size : size);
#endif
    if (n * PyLong_SHIFT <= 62) {
        for (size_t i = n; i-- > 0;)
            value = value << PyLong_SHIFT | digits[i];
        return put_int64(negative ? -(int64_t)value : (int64_t)value, to);
    }
    for (digit left = digits[n - 1]; left != 0; left >>= 1)
        top++;
    *at++ = PX_PREVIEW_BIGINT;
    at = px_put_varint(at, (n - 1) * PyLong_SHIFT + top);
    *at++ = negative ? 1 : 0;
    return (size_t)(at - to);
}

static size_t
put_float(PyObject *object, uint8_t *to)
{
    double value = PyFloat_AS_DOUBLE(object);
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    to[0] = PX_PREVIEW_FLOAT;
    for (unsigned i = 0; i < 8; i++)
        to[1 + i] = (uint8_t)(bits >> 8 * i);
    return 9;
}

static size_t
put_length(Py_ssize_t n, uint8_t *to)
{
    uint8_t *at = to;

    *at++ = PX_PREVIEW_LEN;
    at = px_put_varint(at, (uint64_t)n);
    return (size_t)(at - to);
}

static size_t
put_text(const char *text, size_t n, uint8_t *to)
{
    uint8_t *at = to;

    if (n > PX_PREVIEW_TEXT_MAX)
        n = PX_PREVIEW_TEXT_MAX;
    *at++ = PX_PREVIEW_TEXT;
    at = px_put_varint(at, n);
    memcpy(at, text, n);
    return (size_t)(at - to) + n;
}

static size_t
put_label(PyCodeObject *code, PyObject *function, uint8_t *to)
{
    char label[CODE_LABEL_MAX];
    size_t n = code_label(code, function, code->co_firstlineno, label);

    return put_text(label, n, to);
}

static size_t
put_code(PyObject *object, uint8_t *to)
{
    return put_label((PyCodeObject *)object, NULL, to);
}

static size_t
put_function(PyObject *object, uint8_t *to)
{
    PyObject *code = ((PyFunctionObject *)object)->func_code;

    if (code == NULL || !PyCode_Check(code))
        return 0;
    return put_label((PyCodeObject *)code, object, to);
}

static size_t
put_bool(PyObject *object, uint8_t *to)
{
    return object == Py_True ? put_text("True", 4, to)
                             : put_text("False", 5, to);
}

static size_t
put_none(PyObject *Py_UNUSED(object), uint8_t *to)
{
    return put_text("None", 4, to);
}

static size_t
put_bound(PyObject *object, uint8_t *to)
{
    Py_ssize_t items, most;
    uint8_t *at = to;

    if (!library_bound(object, Py_TYPE(object), &items, &most))
        return 0;
    *at++ = PX_PREVIEW_BOUNDED;
    at = px_put_varint(at, (uint64_t)items);
    at = px_put_varint(at, (uint64_t)most);
    return (size_t)(at - to);
}

/* ---- containers, and what derives from them ---- */
static size_t
put_dict(PyObject *object, uint8_t *to)
{
    return put_length(((PyDictObject *)object)->ma_used, to);
}

static size_t
put_set(PyObject *object, uint8_t *to)
{
    return put_length(((PySetObject *)object)->used, to);
}

static size_t
put_sized(PyObject *object, uint8_t *to)
{
    return put_length(Py_SIZE(object), to);
}

static size_t
put_deque(PyObject *object, uint8_t *to)
{
    size_t n = put_bound(object, to);

    return n != 0 ? n : put_sized(object, to);
}

static const struct preview_row {
    PyTypeObject *type;
    preview_fn *put;
} rows[] = {
    {&PyUnicode_Type, put_str},       {&PyLong_Type, put_long},
    {&PyFloat_Type, put_float},       {&PyBytes_Type, put_bytes},
    {&PyBool_Type, put_bool},         {&PyByteArray_Type, put_bytearray},
    {&PyFunction_Type, put_function}, {&PyCode_Type, put_code},
};

preview_fn *
preview_of(PyTypeObject *type, unsigned container)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].type == type)
            return rows[i].put;
    }
    if (type == Py_TYPE(Py_None))
        return put_none;
    if (container & PX_TYPE_DICT)
        return put_dict;
    if (container & PX_TYPE_SET)
        return put_set;
    if (library_is_bounded(type))
        return container != 0 ? put_deque : put_bound;
    return container != 0 ? put_sized : NULL;
}

/* Objects/longobject.c: -5 to 256 are one object each for everybody. */
static bool
is_small(PyObject *object)
{
    uint8_t payload[PREVIEW_MAX] = {0};
    uint64_t value;

    if (put_long(object, payload) > 3 || payload[0] != PX_PREVIEW_INT)
        return false;
    value = payload[1] & 0x7f;
    if (payload[1] & 0x80)
        value |= (uint64_t)payload[2] << 7;
    /* zigzag: 2 n of n >= 0, -2 n - 1 below */
    return value & 1 ? value <= 9 : value <= 512;
}

bool
preview_is_shared(PyObject *object, PyTypeObject *type)
{
    if (object == Py_None || object == Py_True || object == Py_False)
        return true;
    if (type == &PyUnicode_Type)
        return ((PyASCIIObject *)object)->length <= 1;
    if (type == &PyBytes_Type)
        return PyBytes_GET_SIZE(object) <= 1;
    if (type == &PyTuple_Type)
        return PyTuple_GET_SIZE(object) == 0;
    return type == &PyLong_Type && is_small(object);
}
