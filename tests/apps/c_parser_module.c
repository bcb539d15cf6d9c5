/* c_parser_module.c — parses "a=1&b=2", and forgets a Py_DECREF
 *
 * The mistake is one that compiles, passes all tests and is found in many
 * extensions: PyObject_CallFunctionObjArgs returns a new reference, the
 * author treats it as borrowed and takes another for the caller.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

static int
add_field(PyObject *fields, const char *start, const char *end)
{
    const char *equals = memchr(start, '=', (size_t)(end - start));
    if (equals == NULL) {
        return 0;
    }
    PyObject *key = PyUnicode_FromStringAndSize(start, equals - start);
    PyObject *value = PyBytes_FromStringAndSize(equals + 1, end - equals - 1);
    int result = -1;
    if (key != NULL && value != NULL) {
        result = PyDict_SetItem(fields, key, value);
    }
    Py_XDECREF(key);
    Py_XDECREF(value);
    return result;
}

static PyObject *
parse(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *make = NULL;
    const char *at = NULL;
    Py_ssize_t length = 0;
    if (!PyArg_ParseTuple(args, "Oy#", &make, &at, &length)) {
        return NULL;
    }
    PyObject *fields = PyDict_New();
    if (fields == NULL) {
        return NULL;
    }
    const char *end = at + length;
    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        if (add_field(fields, at, stop) != 0) {
            Py_DECREF(fields);
            return NULL;
        }
        at = stop + 1;
    }
    PyObject *message = PyObject_CallFunctionObjArgs(make, fields, NULL);
    Py_DECREF(fields);
    Py_XINCREF(message); /* the leak: the reference is ours already */
    return message;
}

static PyMethodDef methods[] = {
    {"parse", parse, METH_VARARGS, "parse(make, body) -> make(fields)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "c_parser_module",
    .m_size = 0,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit_c_parser_module(void);

PyMODINIT_FUNC
PyInit_c_parser_module(void)
{
    return PyModule_Create(&definition);
}
