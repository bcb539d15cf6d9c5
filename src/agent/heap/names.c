/* names.c — names of types, and the text of str objects.
 *
 * PyUnicode_AsUTF8 would cache its result in the object and allocate; here
 * the characters are encoded by hand. Surrogates are written as three bytes
 * each (WTF-8), as snapshot.h says.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/compat.h"

#include <string.h>

#include "agent/heap/layout.h"
#include "agent/heap/walk.h"

#define INTERNED_LOOK 8 /* entries of a dict that must all be interned */

/* UTF-8 of one code point; 0 if it does not fit into `max` bytes. */
static size_t
put_character(Py_UCS4 c, size_t max, char *to)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};

    if (n > max)
        return 0;
    for (size_t i = n - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    to[0] = (char)(first[n] | c);
    return n;
}

/* Where the characters are, how wide each is and how many. */
struct characters {
    const void *data;
    size_t n;
    int width;
};

static struct characters
characters_of(PyObject *str)
{
    struct characters c = {NULL, 0, 1};
#if COMPAT_STR_WSTR
    /* A str of the old API that nobody has looked at yet (removed in 3.12). */
    if (!PyUnicode_IS_READY(str)) {
        c.data = ((PyASCIIObject *)str)->wstr;
        c.n = (size_t)((PyCompactUnicodeObject *)str)->wstr_length;
        c.width = (int)sizeof(wchar_t);
        return c;
    }
#endif
    c.data = PyUnicode_DATA(str);
    c.n = (size_t)PyUnicode_GET_LENGTH(str);
    c.width = (int)PyUnicode_KIND(str);
    return c;
}

size_t
names_of_str(PyObject *str, size_t max, char *to)
{
    struct characters c = characters_of(str);
    size_t n = 0;

    if (c.data == NULL)
        return 0;
    if (c.width == 1 && PyUnicode_IS_ASCII(str)) {
        n = c.n < max ? c.n : max;
        memcpy(to, c.data, n);
        return n;
    }
    for (size_t i = 0; i < c.n; i++) {
        Py_UCS4 point = c.width == 1   ? ((const Py_UCS1 *)c.data)[i]
                        : c.width == 2 ? ((const Py_UCS2 *)c.data)[i]
                                       : ((const Py_UCS4 *)c.data)[i];
        size_t bytes = put_character(point & 0x1fffff, max - n, to + n);
        if (bytes == 0)
            break;
        n += bytes;
    }
    return n;
}

bool
names_is_interned(PyObject *str)
{
    return PyUnicode_CHECK_INTERNED(str) != 0;
}

bool
names_is_interned_dict(PyObject *dict)
{
    struct layout_table table;
    size_t n_seen = 0;

    layout_dict(dict, &table);
    for (size_t i = 0; i < table.n && n_seen < INTERNED_LOOK; i++) {
        PyObject *key = layout_key(&table, i);
        if (layout_value(&table, i) == NULL)
            continue;
        if (key != layout_value(&table, i) || !PyUnicode_CheckExact(key))
            return false;
        n_seen++;
    }
    return n_seen == INTERNED_LOOK;
}

static size_t
put_text(const char *text, size_t n, size_t max, char *to)
{
    if (n > max)
        n = max;
    memcpy(to, text, n);
    return n;
}

/* A heap type has its names as objects; a static one only has tp_name, where
 * everything before the last dot is the module (Objects/typeobject.c:
 * type_module, type_qualname). */
void
names_of_type(PyTypeObject *type, struct type_names *out)
{
    const char *text = type->tp_name != NULL ? type->tp_name : "?";
    const char *dot = strrchr(text, '.');
    const char *last = dot != NULL ? dot + 1 : text;
    PyObject *module = NULL;
    PyObject *name = NULL;

    if (compat_is_heap_type(type)) {
        name = ((PyHeapTypeObject *)type)->ht_qualname;
        module = layout_dict_get(layout_type_dict(type), "__module__");
    }
    if (name != NULL && PyUnicode_Check(name))
        out->name_bytes = names_of_str(name, sizeof out->name, out->name);
    else
        out->name_bytes =
            put_text(last, strlen(last), sizeof out->name, out->name);
    if (module != NULL && PyUnicode_Check(module))
        out->module_bytes =
            names_of_str(module, sizeof out->module, out->module);
    else if (dot != NULL)
        out->module_bytes = put_text(text, (size_t)(dot - text),
                                     sizeof out->module, out->module);
    else
        out->module_bytes =
            put_text("builtins", 8, sizeof out->module, out->module);
}

bool
names_of_int(PyObject *key, unsigned long *out)
{
    PyLongObject *v = (PyLongObject *)key;
    const digit *digits;
    size_t n;

    if (!PyLong_CheckExact(key))
        return false;
#if COMPAT_LONG_TAG
    digits = v->long_value.ob_digit;
    n = v->long_value.lv_tag >> 3;
    if (v->long_value.lv_tag & 2)
        return false;
#else
    digits = v->ob_digit;
    if (Py_SIZE(key) < 0)
        return false;
    n = (size_t)Py_SIZE(key);
#endif
    if (n > 3)
        return false;
    *out = 0;
    for (size_t i = n; i-- > 0;)
        *out = (*out << PyLong_SHIFT) | digits[i];
    return true;
}

size_t
names_put_number(unsigned long number, char *to)
{
    char digits[24];
    size_t n_digits = 0;
    size_t n = 0;

    do {
        digits[n_digits++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (n_digits > 0)
        to[n++] = digits[--n_digits];
    return n;
}
