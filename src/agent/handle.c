/* handle.c — what the classes of handles have in common.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/handle.h"

#include <string.h>

PyObject *
handle_enter(PyObject *self, PyObject *Py_UNUSED(args))
{
    Py_INCREF(self);
    return self;
}

void
handle_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type); /* of a heap type each instance owns a reference */
}

PyObject *
handle_text(const char *text)
{
    if (text == NULL || text[0] == '\0')
        Py_RETURN_NONE;
    return PyUnicode_DecodeFSDefault(text);
}

PyObject *
handle_refuse_new(PyTypeObject *type, const char *maker)
{
    PyErr_Format(PyExc_TypeError, "%s is made by %s", type->tp_name, maker);
    return NULL;
}

PyTypeObject *
handle_add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    if (type == NULL)
        return NULL;
    Py_INCREF(type); /* one for the module, one for the caller */
    if (PyModule_AddObject(module, strrchr(spec->name, '.') + 1, type) < 0) {
        Py_DECREF(type);
        Py_DECREF(type);
        return NULL;
    }
    return (PyTypeObject *)type;
}
