/* layout.c — dict tables and the values of instances, for every version.
 *
 * A dict's entries are one array behind its hash indices:
 *
 *   PyDictKeysObject: header | indices[size] | entries[usable]
 *
 * An entry is {hash, key, value} (general) or {key, value} (3.11+, all keys
 * str). A split table keeps the values apart: in ma_values of the dict
 * (3.8–3.10), or in the instance (3.11+). Index width follows the size of
 * the table: 1, 2, 4 or 8 bytes each.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/layout_private.h"

#include <stddef.h>
#include <string.h>

/* Objects/dictobject.c: USABLE_FRACTION */
static size_t
usable_entries(size_t size)
{
    return (size << 1) / 3;
}

#if COMPAT_BARE_FRAMES /* 3.11+ */

static const char *
keys_entries(const PyDictKeysObject *keys)
{
    return keys->dk_indices + ((size_t)1 << keys->dk_log2_index_bytes);
}

/* Sets keys, and values to those beside them. */
static void
table_of_keys(const PyDictKeysObject *keys, struct layout_table *out)
{
    const char *entries = keys_entries(keys);

    memset(out, 0, sizeof *out);
    out->n = (size_t)keys->dk_nentries;
    if (keys->dk_kind == DICT_KEYS_GENERAL) {
        out->key_stride = sizeof(PyDictKeyEntry);
        out->keys = entries + offsetof(PyDictKeyEntry, me_key);
        out->values = entries + offsetof(PyDictKeyEntry, me_value);
    } else {
        out->key_stride = sizeof(PyDictUnicodeEntry);
        out->keys = entries + offsetof(PyDictUnicodeEntry, me_key);
        out->values = entries + offsetof(PyDictUnicodeEntry, me_value);
    }
    out->value_stride = out->key_stride;
}

/* Values apart from the keys, `size` long. */
static void
table_split(struct layout_table *out, PyObject *const *values, size_t size)
{
    out->values = (const char *)values;
    out->value_stride = sizeof(PyObject *);
    if (out->n > size)
        out->n = size;
}

static size_t
keys_bytes(const PyDictKeysObject *keys)
{
    size_t entry = keys->dk_kind == DICT_KEYS_GENERAL
                       ? sizeof(PyDictKeyEntry)
                       : sizeof(PyDictUnicodeEntry);
    return sizeof *keys + ((size_t)1 << keys->dk_log2_index_bytes) +
           entry * usable_entries((size_t)1 << keys->dk_log2_size);
}

static size_t
shared_size(const PyDictKeysObject *keys)
{
    return (size_t)(keys->dk_nentries + keys->dk_usable);
}

void
layout_dict(PyObject *dict, struct layout_table *out)
{
    const PyDictObject *d = (const PyDictObject *)dict;

    table_of_keys(d->ma_keys, out);
    if (d->ma_values != NULL) {
        table_split(out, d->ma_values->values, shared_size(d->ma_keys));
        out->shared = d->ma_keys->dk_refcnt > 1 ? d->ma_keys : NULL;
#if COMPAT_VALUES >= 313 && !COMPAT_DICT_OWNS_VALUES
        out->embedded = d->ma_values->embedded != 0;
#endif
    }
}

/* Objects/dictobject.c: _PyDict_SizeOf; shared keys count for the type. */
size_t
layout_dict_bytes(PyObject *dict)
{
    const PyDictObject *d = (const PyDictObject *)dict;
    size_t bytes = (size_t)Py_TYPE(dict)->tp_basicsize;

    if (d->ma_values != NULL)
        bytes += shared_size(d->ma_keys) * sizeof(PyObject *);
    if (d->ma_keys->dk_refcnt == 1)
        bytes += keys_bytes(d->ma_keys);
    return bytes;
}

#else /* 3.8–3.10 */

static size_t
index_bytes(size_t size)
{
    return size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;
}

static const char *
keys_entries(const PyDictKeysObject *keys)
{
    size_t size = (size_t)keys->dk_size;
    return keys->dk_indices + size * index_bytes(size);
}

static size_t
keys_bytes(const PyDictKeysObject *keys)
{
    size_t size = (size_t)keys->dk_size;
    return sizeof *keys + size * index_bytes(size) +
           usable_entries(size) * sizeof(struct layout_entry);
}

static void
table_of_keys(const PyDictKeysObject *keys, struct layout_table *out)
{
    const char *entries = keys_entries(keys);

    memset(out, 0, sizeof *out);
    out->n = (size_t)keys->dk_nentries;
    out->key_stride = sizeof(struct layout_entry);
    out->keys = entries + offsetof(struct layout_entry, me_key);
    out->values = entries + offsetof(struct layout_entry, me_value);
    out->value_stride = out->key_stride;
}

void
layout_dict(PyObject *dict, struct layout_table *out)
{
    const PyDictObject *d = (const PyDictObject *)dict;

    table_of_keys(d->ma_keys, out);
    if (d->ma_values != NULL) {
        size_t size = usable_entries((size_t)d->ma_keys->dk_size);
        out->shared = d->ma_keys->dk_refcnt > 1 ? d->ma_keys : NULL;
        out->values = (const char *)d->ma_values;
        out->value_stride = sizeof(PyObject *);
        if (out->n > size)
            out->n = size;
    }
}

/* Objects/dictobject.c: _PyDict_SizeOf; shared keys count for the type. */
size_t
layout_dict_bytes(PyObject *dict)
{
    const PyDictObject *d = (const PyDictObject *)dict;
    size_t bytes = (size_t)Py_TYPE(dict)->tp_basicsize;

    if (d->ma_values != NULL)
        bytes +=
            usable_entries((size_t)d->ma_keys->dk_size) * sizeof(PyObject *);
    if (d->ma_keys->dk_refcnt == 1)
        bytes += keys_bytes(d->ma_keys);
    return bytes;
}
#endif

bool
layout_dict_is_embedded(PyObject *dict)
{
#if COMPAT_VALUES >= 313
    return ((const PyDictObject *)dict)->ma_values->embedded != 0;
#else
    (void)dict;
    return false;
#endif
}

size_t
layout_keys_bytes(const PyDictKeysObject *keys)
{
    return keys_bytes(keys);
}

bool
layout_cached_keys(PyTypeObject *type, struct layout_table *out)
{
    const PyDictKeysObject *keys = ((PyHeapTypeObject *)type)->ht_cached_keys;

    if (keys == NULL)
        return false;
    table_of_keys(keys, out);
    out->shared = keys;
    return true;
}

size_t
layout_cached_keys_bytes(PyTypeObject *type)
{
    const PyDictKeysObject *keys = ((PyHeapTypeObject *)type)->ht_cached_keys;
    return keys != NULL ? keys_bytes(keys) : 0;
}

/* ---- instances ---- */

#if COMPAT_VALUES
/* The values array of an instance, NULL when it has given them up. */
static const PyDictValues *
instance_values(PyObject *object, PyTypeObject *type)
{
#if COMPAT_VALUES >= 313
    /* pycore_object.h: _PyObject_InlineValues; `valid` ends when the dict
     * takes them over (deleted or replaced __dict__, type changed). */
    if (!(type->tp_flags & Py_TPFLAGS_INLINE_VALUES))
        return NULL;
    const PyDictValues *values =
        (const PyDictValues *)(const void *)((const char *)object +
                                             type->tp_basicsize);
    return values->valid ? values : NULL;
#elif COMPAT_VALUES == 312
    /* pycore_object.h: PyDictOrValues, low bit set: values */
    uintptr_t word = ((const uintptr_t *)object)[-3];
    (void)type;
    return word & 1 ? (const PyDictValues *)(word + 1) : NULL;
#else
    (void)type;
    return ((PyDictValues *const *)object)[-4];
#endif
}

bool
layout_instance_values(PyObject *object, PyTypeObject *type,
                       struct layout_table *out)
{
    const PyDictKeysObject *keys;
    const PyDictValues *values;

    if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT))
        return false;
#if COMPAT_DICT_OWNS_VALUES
    if (((PyObject **)object)[-3] != NULL)
        return false;
#endif
    values = instance_values(object, type);
    keys = ((PyHeapTypeObject *)type)->ht_cached_keys;
    if (values == NULL || keys == NULL)
        return false;
    table_of_keys(keys, out);
#if COMPAT_VALUES >= 313
    table_split(out, values->values, values->capacity);
#else
    table_split(out, values->values, shared_size(keys));
#endif
    return true;
}

static PyObject *
managed_dict(PyObject *object)
{
    PyObject *dict = ((PyObject **)object)[-3];
#if COMPAT_VALUES == 312
    if ((uintptr_t)dict & 1)
        return NULL;
#endif
    return dict;
}

#else
bool
layout_instance_values(PyObject *object, PyTypeObject *type,
                       struct layout_table *out)
{
    (void)object, (void)type, (void)out;
    return false;
}
#endif

/* Objects/object.c: _PyObject_GetDictPtr; a negative offset counts from the
 * end of a var object. */
PyObject *
layout_instance_dict(PyObject *object, PyTypeObject *type)
{
    Py_ssize_t offset = type->tp_dictoffset;

#if COMPAT_VALUES
    if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT)
        return managed_dict(object);
#endif
    if (offset == 0)
        return NULL;
    if (offset < 0) {
        size_t items;
        size_t bytes;
#if COMPAT_LONG_TAG
        if (compat_derives(type, &PyLong_Type))
            items = ((PyLongObject *)object)->long_value.lv_tag >> 3;
        else
#endif
        {
            Py_ssize_t n = Py_SIZE(object);
            items = (size_t)(n < 0 ? -n : n);
        }
        bytes = (size_t)type->tp_basicsize + items * (size_t)type->tp_itemsize;
        bytes = (bytes + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
        offset += (Py_ssize_t)bytes;
        if (offset <= 0)
            return NULL;
    }
    return *(PyObject **)(void *)((char *)object + offset);
}

static bool
is_text(PyObject *key, const char *text, size_t n)
{
    return key != NULL && PyUnicode_CheckExact(key) &&
           PyUnicode_IS_COMPACT_ASCII(key) &&
           (size_t)PyUnicode_GET_LENGTH(key) == n &&
           memcmp(PyUnicode_1BYTE_DATA(key), text, n) == 0;
}

static PyObject *
table_get(const struct layout_table *table, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < table->n; i++)
        if (layout_value(table, i) != NULL &&
            is_text(layout_key(table, i), name, n))
            return layout_value(table, i);
    return NULL;
}

PyObject *
layout_dict_get(PyObject *dict, const char *key)
{
    struct layout_table table;

    if (dict == NULL || !PyDict_Check(dict))
        return NULL;
    layout_dict(dict, &table);
    return table_get(&table, key);
}

PyObject *
layout_instance_get(PyObject *object, const char *name)
{
    PyTypeObject *type = Py_TYPE(object);
    struct layout_table table;
    PyObject *value = NULL;

    if (layout_instance_values(object, type, &table))
        value = table_get(&table, name);
    if (value == NULL)
        value = layout_dict_get(layout_instance_dict(object, type), name);
    return value;
}
