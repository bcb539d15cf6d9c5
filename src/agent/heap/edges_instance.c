/* edges_instance.c — what every instance may hold: slots, members, values and
 * a dict.
 *
 * Slots and C members are read by tp_members: the struct says at which offset
 * an object pointer of which name lies. A member that an alias repeats (two
 * names for one offset, staticmethod's __func__ and __wrapped__) is one edge.
 * Layout only grows along tp_base, so that chain has all of them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges.h"

#include <string.h>

#include "agent/heap/layout.h"
#include "agent/heap/secret.h"

/* A class statement (or a call of type) keeps its members behind the type
 * object itself and has __module__ as a str in its dict; a type made from a
 * spec has the whole name with dots in tp_name, a class only its own. */
bool
edges_made_by_class(PyTypeObject *type)
{
    PyObject *name;

    if (!compat_is_heap_type(type))
        return false;
    name = ((PyHeapTypeObject *)type)->ht_name;
    return name != NULL && PyUnicode_Check(name) &&
                   PyUnicode_IS_COMPACT_ASCII(name) && type->tp_name != NULL
               ? (const void *)PyUnicode_1BYTE_DATA(name) ==
                     (const void *)type->tp_name
               : strchr(type->tp_name != NULL ? type->tp_name : ".", '.') ==
                     NULL;
}

/* Without a dot it is one of the interpreter's static types. Other compilers
 * make heap types of such names (mypyc: a class Token), which are no class
 * statement's either. */
bool
edges_is_named(PyTypeObject *type, const char *tp_name)
{
    if (type->tp_name == NULL || strcmp(type->tp_name, tp_name) != 0)
        return false;
    return strchr(tp_name, '.') == NULL ? !compat_is_heap_type(type)
                                        : !edges_made_by_class(type);
}

static bool
is_known(const struct edges_member *members, size_t n, const PyMemberDef *m)
{
    for (size_t i = 0; i < n; i++)
        if (members[i].offset == m->offset)
            return true;
    return false;
}

static bool
is_named(const struct edges_member *members, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(members[i].name, name) == 0)
            return true;
    return false;
}

/* True if a class before `owner` in the mro has the name: it then hides the
 * member of its base. */
static bool
in_mro_before(PyTypeObject *type, const PyTypeObject *owner, const char *name)
{
    PyObject *mro = type->tp_mro;

    if (mro == NULL || !PyTuple_Check(mro))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *t = PyTuple_GET_ITEM(mro, i);
        if (t == (const PyObject *)owner)
            break;
        if (PyType_Check(t) &&
            layout_dict_get(layout_type_dict((PyTypeObject *)t), name) != NULL)
            return true;
    }
    return false;
}

/* Some C types keep a dict that Python code cannot ask for (3.12+ TypeVar),
 * and a class may say something else (a property of a proxy). */
bool
edges_shows_dict(PyTypeObject *type)
{
    PyObject *mro = type->tp_mro;

    if (mro == NULL || !PyTuple_Check(mro))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *t = PyTuple_GET_ITEM(mro, i);
        PyObject *found =
            PyType_Check(t)
                ? layout_dict_get(layout_type_dict((PyTypeObject *)t),
                                  "__dict__")
                : NULL;
        if (found != NULL)
            return Py_TYPE(found) == &PyGetSetDescr_Type ||
                   Py_TYPE(found) == &PyMemberDescr_Type;
    }
    return false;
}

bool
edges_is_object(const PyMemberDef *m)
{
    return m->type == T_OBJECT || m->type == T_OBJECT_EX;
}

/* The members of a struct sequence are its items, which walk_tuple has; since
 * 3.13 some of them lie within tp_basicsize (Objects/structseq.c). */
static bool
holds_object(const PyTypeObject *type, const PyMemberDef *m)
{
    return edges_is_object(m) &&
           !(type->tp_flags & Py_TPFLAGS_TUPLE_SUBCLASS) &&
           m->offset >= (Py_ssize_t)sizeof(PyObject) &&
           m->offset < type->tp_basicsize && m->offset != type->tp_dictoffset;
}

size_t
edges_members(PyTypeObject *type, const PyTypeObject *stop,
              struct edges_member *to)
{
    size_t n = 0;

    for (PyTypeObject *t = type; t != NULL && t != stop; t = t->tp_base) {
        const PyMemberDef *m = t->tp_members;
        const size_t n_derived = n;
        /* A class statement copies no members of its base. */
        if (m == NULL || (t->tp_base != NULL && m == t->tp_base->tp_members))
            continue;
        for (; m->name != NULL; m++) {
            if (!holds_object(type, m) || (to != NULL && is_known(to, n, m)))
                continue;
            if (to != NULL) {
                to[n].name = m->name;
                to[n].offset = m->offset;
                to[n].secret = secret_is_text(m->name, strlen(m->name));
                to[n].shadowed = is_named(to, n_derived, m->name) ||
                                 in_mro_before(type, t, m->name);
            }
            n++;
        }
    }
    return n;
}

static void
walk_members(struct walk *w, PyObject *object, const struct edges_plan *plan)
{
    for (size_t i = 0; i < plan->n_members; i++) {
        const struct edges_member *m = &plan->members[i];
        PyObject *value = *(PyObject **)(void *)((char *)object + m->offset);
        if (value == NULL)
            continue;
        walk_edge_text(w, m->shadowed ? PX_EDGE_FIELD : plan->member_kind,
                       m->name, value);
        if (m->secret)
            walk_mark_secret(w, value);
    }
}

static void
walk_values(struct walk *w, const struct layout_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        PyObject *value = layout_value(table, i);
        if (value != NULL)
            walk_edge_name(w, PX_EDGE_ATTR, layout_key(table, i), value);
    }
}

void
edges_instance(struct walk *w, PyObject *object, const struct edges_plan *plan)
{
    struct layout_table table;

    if (plan->n_members != 0)
        walk_members(w, object, plan);
    if (!plan->has_dict)
        return;
    if (plan->has_values &&
        layout_instance_values(object, plan->type, &table)) {
        walk_values(w, &table);
        if (COMPAT_VALUES_APART)
            walk_owns(w, table.values, table.n * sizeof(PyObject *));
    }
    walk_edge_text(w, plan->dict_kind, plan->dict_name,
                   layout_instance_dict(object, plan->type));
}
