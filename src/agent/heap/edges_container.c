/* edges_container.c — dict, list, tuple, set and their like.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges.h"

#include "agent/heap/layout.h"

/* Beyond this many items nobody means a pair by the first one. */
#define PAIR_ITEMS 2

/* ("password", "hunter2"): the second is as secret as a dict's value. */
static void
mark_pair(struct walk *w, PyObject *const *items, Py_ssize_t n)
{
    if (n == PAIR_ITEMS && items[0] != NULL && items[1] != NULL &&
        (PyUnicode_Check(items[0]) || PyBytes_Check(items[0])) &&
        secret_is_name(items[0]))
        walk_mark_secret(w, items[1]);
}

static void
walk_items(struct walk *w, PyObject *const *items, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        walk_edge_index(w, PX_EDGE_ITEM, (size_t)i, items[i]);
    mark_pair(w, items, n);
}

static void
walk_list(struct walk *w, PyObject *object)
{
    walk_items(w, ((PyListObject *)object)->ob_item, Py_SIZE(object));
}

/* collections.namedtuple: the class has a tuple of names in its dict. They
 * are second names of the items, so they neither count nor hold. */
static void
walk_named_items(struct walk *w, PyObject *object)
{
    PyObject *fields = NULL;

    for (PyTypeObject *t = Py_TYPE(object); t != &PyTuple_Type && t != NULL;
         t = t->tp_base) {
        fields = layout_dict_get(layout_type_dict(t), "_fields");
        if (fields != NULL)
            break;
    }
    if (fields == NULL || !PyTuple_CheckExact(fields) ||
        Py_SIZE(fields) != Py_SIZE(object))
        return;
    for (Py_ssize_t i = 0; i < Py_SIZE(object); i++) {
        PyObject *name = PyTuple_GET_ITEM(fields, i);
        if (PyUnicode_CheckExact(name))
            walk_edge_name(w, PX_EDGE_ALIAS, name, PyTuple_GET_ITEM(object, i));
    }
}

/* Objects/structseq.c: os.stat_result and the like have more items than their
 * length says, which are attributes only. */
static void
walk_hidden_items(struct walk *w, PyObject *object)
{
    const PyMemberDef *m = Py_TYPE(object)->tp_members;
    PyObject **items = ((PyTupleObject *)object)->ob_item;
    const char *hidden = (const char *)(items + Py_SIZE(object));

    for (; m != NULL && m->name != NULL; m++) {
        char *at = (char *)object + m->offset;
        if (edges_is_object(m) && at >= hidden)
            edge_attr(w, m->name, *(PyObject **)(void *)at);
    }
}

static void
walk_tuple(struct walk *w, PyObject *object)
{
    walk_items(w, ((PyTupleObject *)object)->ob_item, Py_SIZE(object));
    if (PyTuple_CheckExact(object))
        return;
    walk_named_items(w, object);
    walk_hidden_items(w, object);
}

/* 3.13: a dict over the values of its instance does not own them
 * (Objects/dictobject.c: dict_traverse skips embedded values). Keys that it
 * shares are owned by their table, which others may have shown. The dict of
 * interned texts owns none of them (3.14 Objects/unicodeobject.c:
 * intern_common takes its two references back), and as a key everything that
 * is interned would pass for a name. */
static void
walk_dict(struct walk *w, PyObject *object)
{
    struct layout_table table;
    enum px_edge_kind kind = PX_EDGE_DICT_VALUE;

    if (object == layout_interned() && names_is_interned_dict(object))
        return;
    layout_dict(object, &table);
    if (table.embedded)
        kind = PX_EDGE_DICT_ALIAS;
    else if (table.shared != NULL && !walk_claims(w, table.shared))
        kind = PX_EDGE_SHARED_VALUE;
    for (size_t i = 0; i < table.n; i++) {
        PyObject *value = layout_value(&table, i);
        if (value != NULL)
            walk_edge_pair(w, kind, layout_key(&table, i), value);
    }
}

/* In the order of iteration, so that {i} is list(src)[i]. A removed entry
 * leaves a dummy with hash -1 (Objects/setobject.c). */
static void
walk_set(struct walk *w, PyObject *object)
{
    PySetObject *set = (PySetObject *)object;
    size_t index = 0;

    for (Py_ssize_t i = 0; i <= set->mask; i++) {
        const setentry *entry = &set->table[i];
        if (entry->key != NULL && entry->hash != -1)
            walk_edge_index(w, PX_EDGE_MEMBER, index++, entry->key);
    }
}

/* Objects/descrobject.c: {PyObject_HEAD; PyObject *mapping} */
static void
walk_mappingproxy(struct walk *w, PyObject *object)
{
    edge_field(w, "mapping", edge_word(object, 2));
}

/* _PyDictViewObject: dv_dict */
static void
walk_dict_view(struct walk *w, PyObject *object)
{
    edge_field(w, "dict", edge_word(object, 2));
}

const struct edges_row edges_rows_container[] = {
    {.type = &PyList_Type, .walk = walk_list, .flags = EDGES_COMPLETE},
    {.type = &PyTuple_Type, .walk = walk_tuple, .flags = EDGES_COMPLETE},
    {.type = &PyDict_Type, .walk = walk_dict, .flags = EDGES_COMPLETE},
#if COMPAT_FROZENDICT
    {.type = &PyFrozenDict_Type, .walk = walk_dict, .flags = EDGES_COMPLETE},
#endif
    {.type = &PySet_Type, .walk = walk_set, .flags = EDGES_COMPLETE},
    {.type = &PyFrozenSet_Type, .walk = walk_set, .flags = EDGES_COMPLETE},
    {.type = &PyDictProxy_Type,
     .walk = walk_mappingproxy,
     .flags = EDGES_COMPLETE},
    {.type = &PyDictKeys_Type, .walk = walk_dict_view, .flags = EDGES_COMPLETE},
    {.type = &PyDictValues_Type,
     .walk = walk_dict_view,
     .flags = EDGES_COMPLETE},
    {.type = &PyDictItems_Type,
     .walk = walk_dict_view,
     .flags = EDGES_COMPLETE},
    {.type = NULL},
};
