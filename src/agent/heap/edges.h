/* edges.h — the table of walkers, and what its rows share.
 *
 * A row says how to name what instances of one builtin type refer to. A type
 * takes the row of its nearest base in C layout (tp_base); what subclasses
 * add (slots, C members, a dict, values) is named for all of them alike by
 * edges_instance.c, and walk_rest emits whatever tp_traverse knows beyond.
 *
 * To add a family: write its walker in the edges_*.c it belongs to, add a row
 * there, and an object to tests/agent/zoo.py.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_EDGES_H
#define HEAP_EDGES_H

#include "agent/heap/compat.h"
#include "agent/heap/owned.h"
#include "agent/heap/sizes.h"
#include "agent/heap/walk.h"

typedef void (*edges_fn)(struct walk *w, PyObject *object);

/* The walker emits everything that tp_traverse visits, so for exactly this
 * type tp_traverse is not called. */
#define EDGES_COMPLETE 1u
/* The walker emits the dict at tp_dictoffset itself. */
#define EDGES_DICT 2u
/* The walker knows tp_members of this type itself, or they are no use. */
#define EDGES_MEMBERS 4u

/* A pointer to an object in a C struct that CPython does not declare. */
struct edges_field {
    unsigned char word; /* from the start of the object; 0 ends the list */
    unsigned char kind; /* ATTR or FIELD */
    const char *name;
};

struct edges_row {
    /* The type: by address, or by tp_name where CPython does not export it;
     * only of this basicsize (0: any). */
    PyTypeObject *type;
    const char *tp_name;
    size_t basicsize;
    edges_fn walk; /* NULL: only what every instance has */
    unsigned flags;
    const struct edges_field *fields;
};

/* Ends with a row of zeroes. */
extern const struct edges_row edges_rows_container[];
extern const struct edges_row edges_rows_function[];
extern const struct edges_row edges_rows_type[];
extern const struct edges_row edges_rows_frame[];
extern const struct edges_row edges_rows_misc[];
extern const struct edges_row edges_rows_library[];
extern const struct edges_row edges_rows_field[];
extern const struct edges_row edges_rows_numpy[];

/* One member of a type's C struct that holds an object. */
struct edges_member {
    const char *name;
    Py_ssize_t offset;
    bool secret;
    bool shadowed; /* getattr by this name finds another one */
};

/* What a type is, worked out once. */
struct edges_plan {
    PyTypeObject *type;
    const struct edges_row *row; /* NULL: no family */
    const struct edges_member *members;
    size_t n_members;
    enum px_edge_kind member_kind; /* SLOT of Python classes, else ATTR */
    bool has_values;               /* a managed dict (3.11+) */
    bool has_dict;
    enum px_edge_kind dict_kind; /* ATTR __dict__ where that can be asked */
    const char *dict_name;
    bool rest; /* walk_rest is needed */
    struct sizes_rule size;
    owned_fn owns; /* NULL: nothing */
};

/* edges_instance.c: members, values and dict by the plan. */
PX_CHILD void edges_instance(struct walk *w, PyObject *object,
                             const struct edges_plan *plan);
/* Collects the members of `type` beyond its base `stop` (NULL: all), the most
 * derived first; returns how many. To NULL: no fewer than that. */
PX_CHILD size_t edges_members(PyTypeObject *type, const PyTypeObject *stop,
                              struct edges_member *to);
/* Whether what a member says is an object. */
PX_CHILD bool edges_is_object(const PyMemberDef *m);
PX_CHILD bool edges_made_by_class(PyTypeObject *type);
/* Whether a type is the one that CPython's or a library's C code calls so. */
PX_CHILD bool edges_is_named(PyTypeObject *type, const char *tp_name);
PX_CHILD bool edges_shows_dict(PyTypeObject *type);

/* The word of a C struct that a row names so; 0: none does. */
PX_CHILD size_t edges_word(PyTypeObject *type, const char *field);

/* edges_task.c: a walker, and at the end its roots. */
PX_CHILD void tasks_begin(struct walk *w);
PX_CHILD void tasks_walk_one(struct walk *w, PyObject *task);
PX_CHILD void tasks_walk_roots(struct walk *w);

/* edges_greenlet.c: the same; and their stacks, when all objects are known. */
PX_CHILD void greenlets_begin(struct walk *w);
PX_CHILD void greenlets_walk_one(struct walk *w, PyObject *greenlet);
PX_CHILD void greenlets_walk_roots(struct walk *w);
PX_CHILD void greenlets_walk_stacks(struct walk *w);

/* edges_function.c: hides what a cell of a secret name holds. */
PX_CHILD void edges_mark_cell(struct walk *w, PyObject *name, PyObject *cell);

/* Short forms for walkers. */
static inline void
edge_attr(struct walk *w, const char *name, PyObject *to)
{
    walk_edge_text(w, PX_EDGE_ATTR, name, to);
}

static inline void
edge_field(struct walk *w, const char *name, PyObject *to)
{
    walk_edge_text(w, PX_EDGE_FIELD, name, to);
}

/* A field of a C struct that CPython does not declare publicly, by words from
 * the start of the object. */
static inline PyObject *
edge_word(PyObject *object, size_t word)
{
    return ((PyObject **)object)[word];
}

#endif
