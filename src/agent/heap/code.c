/* code.c — what a code object says about its variables and place.
 *
 * 3.11+ keeps the names of all slots in one tuple and their kinds in bytes;
 * before that a frame's slots are co_varnames, co_cellvars and co_freevars in
 * a row. co_varnames etc. of 3.11+ are computed on demand: never asked here.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/code.h"

#include <string.h>

#include "agent/heap/walk.h"

static PyObject *
tuple_item(PyObject *tuple, Py_ssize_t i)
{
    if (tuple == NULL || !PyTuple_Check(tuple) || i < 0 ||
        i >= PyTuple_GET_SIZE(tuple))
        return NULL;
    return PyTuple_GET_ITEM(tuple, i);
}

#if COMPAT_LOCALSPLUS
/* pycore_code.h: CO_FAST_CELL, CO_FAST_FREE */
#define KIND_CELL 0x40
#define KIND_FREE 0x80

PyObject *
code_slot_name(PyCodeObject *code, int i, enum code_kind *kind)
{
    PyObject *kinds = code->co_localspluskinds;
    unsigned bits = 0;

    if (kinds != NULL && PyBytes_Check(kinds) && i >= 0 &&
        i < PyBytes_GET_SIZE(kinds))
        bits = (unsigned char)PyBytes_AS_STRING(kinds)[i];
    *kind = bits & KIND_FREE   ? CODE_FREE
            : bits & KIND_CELL ? CODE_CELL
                               : CODE_LOCAL;
    return tuple_item(code->co_localsplusnames, i);
}

PyObject *
code_free_name(PyCodeObject *code, Py_ssize_t i)
{
    return tuple_item(code->co_localsplusnames,
                      code->co_nlocalsplus - code->co_nfreevars + i);
}

#else

PyObject *
code_slot_name(PyCodeObject *code, int i, enum code_kind *kind)
{
    Py_ssize_t n_cells = PyTuple_GET_SIZE(code->co_cellvars);
    Py_ssize_t at = i;

    *kind = CODE_LOCAL;
    if (at < code->co_nlocals)
        return tuple_item(code->co_varnames, at);
    at -= code->co_nlocals;
    *kind = CODE_CELL;
    if (at < n_cells)
        return tuple_item(code->co_cellvars, at);
    *kind = CODE_FREE;
    return tuple_item(code->co_freevars, at - n_cells);
}

PyObject *
code_free_name(PyCodeObject *code, Py_ssize_t i)
{
    return tuple_item(code->co_freevars, i);
}
#endif

static PyObject *
qualified_name(PyCodeObject *code, PyObject *function)
{
#if COMPAT_LOCALSPLUS
    (void)function;
    return code->co_qualname;
#else
    if (function != NULL && PyFunction_Check(function))
        return ((PyFunctionObject *)function)->func_qualname;
    return code->co_name;
#endif
}

/* The last part of a path. */
static size_t
put_basename(PyObject *path, size_t max, char *to)
{
    char text[1024];
    size_t n = names_of_str(path, sizeof text, text);
    size_t at = n;

    while (at > 0 && text[at - 1] != '/')
        at--;
    n -= at;
    if (n > max)
        n = max;
    memcpy(to, text + at, n);
    return n;
}

static size_t
put_decimal(int value, char *to)
{
    char digits[12];
    size_t n = 0;
    unsigned left = value > 0 ? (unsigned)value : 0;

    do {
        digits[n++] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    for (size_t i = 0; i < n; i++)
        to[i] = digits[n - 1 - i];
    return n;
}

size_t
code_label(PyCodeObject *code, PyObject *function, int line,
           char to[CODE_LABEL_MAX])
{
    PyObject *name = qualified_name(code, function);
    size_t n = 0;

    if (name != NULL && PyUnicode_Check(name))
        n += names_of_str(name, 160, to);
    memcpy(to + n, "() ", 3);
    n += 3;
    if (code->co_filename != NULL && PyUnicode_Check(code->co_filename))
        n += put_basename(code->co_filename, 80, to + n);
    to[n++] = ':';
    return n + put_decimal(line, to + n);
}
