/* edges_library.c — library types that need more than a list of fields.
 *
 * Their structs are private to CPython; the parts that are read are declared
 * here, each with its source. Rows are only used for structs of the size that
 * was read (edges.h).
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges_library.h"

#include <datetime.h>

#include "agent/heap/edges.h"
#include "agent/heap/layout.h"

/* ---- collections.deque, OrderedDict ---- */

/* The items lie in a list of blocks, from leftindex on. */
static void
walk_deque(struct walk *w, PyObject *object)
{
    const struct library_deque *d = (const struct library_deque *)object;
    const struct library_deque_block *block = d->leftblock;
    Py_ssize_t at = d->leftindex;

    for (Py_ssize_t i = 0; i < Py_SIZE(object) && block != NULL; i++) {
        walk_edge_index(w, PX_EDGE_ITEM, (size_t)i, block->data[at]);
        if (++at == LIBRARY_DEQUE_BLOCK) {
            block = block->rightlink;
            at = 0;
        }
    }
}

/* A dict, and a list of nodes that own the keys once more. */
static void
walk_ordered_dict(struct walk *w, PyObject *object)
{
    const struct library_odict *od = (const struct library_odict *)object;
    struct layout_table table;

    layout_dict(object, &table);
    for (size_t i = 0; i < table.n; i++) {
        PyObject *value = layout_value(&table, i);
        if (value != NULL)
            walk_edge_pair(w, PX_EDGE_DICT_VALUE, layout_key(&table, i), value);
    }
    for (const struct library_odict_node *node = od->first; node != NULL;
         node = node->next)
        walk_edge(w, PX_EDGE_DICT_KEY, node->key);
}

/* ---- functools.lru_cache ----
 * Modules/_functoolsmodule.c: the wrapper starts with a link of its own, the
 * root of a ring; the links are objects, but it is the wrapper's tp_traverse
 * that visits what they hold, so the wrapper tells it. */
struct lru_link {
    PyObject_HEAD struct lru_link *prev, *next;
    Py_hash_t hash;
    PyObject *key, *result;
};

static void
walk_lru_links(struct walk *w, PyObject *object, bool types)
{
    const struct lru_link *root = (const struct lru_link *)object;

    for (const struct lru_link *link = root->next; link != NULL && link != root;
         link = link->next) {
        walk_edge_pair(w, PX_EDGE_CACHED, link->key, link->result);
        if (types)
            edge_field(w, "link type", (PyObject *)Py_TYPE(link));
    }
}

/* 3.8 has 16 words, 3.9 17 */
static void
walk_lru_old(struct walk *w, PyObject *object)
{
    edge_field(w, "cache", edge_word(object, 9));
    edge_field(w, "function", edge_word(object, 11));
    edge_field(w, "cache_info type", edge_word(object, 14));
    walk_lru_links(w, object, false);
}

static void
walk_lru(struct walk *w, PyObject *object)
{
    edge_field(w, "cache", edge_word(object, 9));
    edge_field(w, "function", edge_word(object, 11));
    edge_field(w, "keyword mark", edge_word(object, 14));
    edge_field(w, "link type", edge_word(object, 15));
    edge_field(w, "cache_info type", edge_word(object, 16));
    walk_lru_links(w, object, true);
}

/* wrapper: {root of seven words, function to call, typed, cache, hits, func,
 * maxsize, misses, …}; a maxsize of -1 is None */
#define LRU_MAXSIZE 12

/* NULL: it is none of these. */
static edges_fn
walker_of(PyTypeObject *type)
{
    const struct edges_row *row = edges_rows_library;
    size_t size = (size_t)type->tp_basicsize;

    while (row->walk != NULL &&
           (row->tp_name == NULL || row->basicsize != size ||
            !edges_is_named(type, row->tp_name)))
        row++;
    return row->walk;
}

bool
library_is_bounded(PyTypeObject *type)
{
    edges_fn walk = walker_of(type);

    return walk == walk_deque || walk == walk_lru || walk == walk_lru_old;
}

bool
library_bound(PyObject *object, PyTypeObject *type, Py_ssize_t *items,
              Py_ssize_t *most)
{
    edges_fn walk = walker_of(type);

    if (walk == walk_deque) {
        *items = Py_SIZE(object);
        *most = ((const struct library_deque *)object)->maxlen;
        return *most >= 0;
    }
    if (walk != walk_lru && walk != walk_lru_old)
        return false;
    PyObject *cache = edge_word(object, 9);
    if (cache == NULL || !PyDict_CheckExact(cache))
        return false;
    *items = ((PyDictObject *)cache)->ma_used;
    *most = ((const Py_ssize_t *)(const void *)object)[LRU_MAXSIZE];
    return *most >= 0;
}

/* ---- itertools.tee ----
 * Modules/itertoolsmodule.c: teedataobject, LINKCELLS values of which
 * numread are there */
#define TEE_CELLS 57
struct tee_data {
    PyObject_HEAD PyObject *it;
    int numread;
    int running;
    PyObject *nextlink;
    PyObject *values[TEE_CELLS];
};

static void
walk_tee_data(struct walk *w, PyObject *object)
{
    const struct tee_data *data = (const struct tee_data *)object;

    edge_field(w, "iterator", data->it);
    edge_field(w, "next", data->nextlink);
    for (int i = 0; i < data->numread && i < TEE_CELLS; i++)
        edge_field(w, "value", data->values[i]);
}

/* ---- contextvars: Python/hamt.c ----
 * A pair of a bitmap node without a key is a deeper node. A context's table
 * has variables for keys: {HEAD; PyObject *var_name; …} */
#define CONTEXT_VAR_NAME 2

static void
walk_variable(struct walk *w, PyObject *variable, PyObject *value)
{
    PyObject *name = NULL;

    if (PyContextVar_CheckExact(variable))
        name = edge_word(variable, CONTEXT_VAR_NAME);
    edge_field(w, "variable", variable);
    if (name != NULL && PyUnicode_Check(name))
        walk_edge_name(w, PX_EDGE_VARIABLE, name, value);
    else
        edge_field(w, "value", value);
}

static void
walk_hamt_pairs(struct walk *w, PyObject *const *pairs, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i + 1 < n; i += 2) {
        if (pairs[i] == NULL) {
            edge_field(w, "node", pairs[i + 1]);
            continue;
        }
        walk_variable(w, pairs[i], pairs[i + 1]);
    }
}

/* What a variable's name forbids to show is so wherever it is kept. */
static void
hide_by_name(struct walk *w, PyObject *variable, PyObject *value)
{
    if (variable != NULL && PyContextVar_CheckExact(variable) &&
        secret_is_name(edge_word(variable, CONTEXT_VAR_NAME)))
        walk_mark_secret(w, value);
}

/* {HEAD; name; default; …} */
static void
walk_context_var(struct walk *w, PyObject *object)
{
    PyObject *value = edge_word(object, 3);

    hide_by_name(w, object, value);
    edge_field(w, "default", value);
}

/* {HEAD; context; variable; old value; int} */
static void
walk_token(struct walk *w, PyObject *object)
{
    PyObject *variable = edge_word(object, 3);
    PyObject *value = edge_word(object, 4);

    edge_field(w, "context", edge_word(object, 2));
    edge_attr(w, "var", variable);
    hide_by_name(w, variable, value);
    edge_field(w, "old value", value);
}

/* {VAR_HEAD; uint32_t or int32_t; PyObject *array[]} */
static void
walk_hamt_node(struct walk *w, PyObject *object)
{
    walk_hamt_pairs(w, (PyObject **)object + 4, Py_SIZE(object));
}

/* {HEAD; PyObject *array[32]; Py_ssize_t count} */
static void
walk_hamt_array(struct walk *w, PyObject *object)
{
    for (size_t i = 0; i < 32; i++)
        edge_field(w, "node", edge_word(object, 2 + i));
}

/* ---- memoryview ---- */

/* The view borrows the exporter; its managed buffer owns it. */
static void
walk_memoryview(struct walk *w, PyObject *object)
{
    PyMemoryViewObject *view = (PyMemoryViewObject *)object;
    const int released = _Py_MEMORYVIEW_RELEASED;

    edge_field(w, "buffer", (PyObject *)view->mbuf);
    if (!(view->flags & released) && view->mbuf != NULL &&
        !(view->mbuf->flags & _Py_MANAGED_BUFFER_RELEASED))
        walk_edge_text(w, PX_EDGE_ALIAS, "obj", view->view.obj);
}

static void
walk_managed_buffer(struct walk *w, PyObject *object)
{
    edge_field(w, "exporter", ((_PyManagedBufferObject *)object)->master.obj);
}

/* ---- datetime: no gc types; the zone is only there if the flag says so ----
 */

static void
walk_datetime(struct walk *w, PyObject *object)
{
    PyDateTime_DateTime *d = (PyDateTime_DateTime *)object;

    if (d->hastzinfo)
        edge_attr(w, "tzinfo", d->tzinfo);
}

static void
walk_time(struct walk *w, PyObject *object)
{
    PyDateTime_Time *t = (PyDateTime_Time *)object;

    if (t->hastzinfo)
        edge_attr(w, "tzinfo", t->tzinfo);
}

#define WORDS(n) ((n) * sizeof(void *))

const struct edges_row edges_rows_library[] = {
    {.tp_name = "collections.deque",
     .walk = walk_deque,
     .basicsize = sizeof(struct library_deque),
     .flags = EDGES_MEMBERS},
    {.type = &PyODict_Type, .walk = walk_ordered_dict},
    {.tp_name = "functools._lru_cache_wrapper",
     .basicsize = WORDS(16),
     .walk = walk_lru_old},
    {.tp_name = "functools._lru_cache_wrapper",
     .basicsize = WORDS(17),
     .walk = walk_lru_old},
    {.tp_name = "functools._lru_cache_wrapper",
     .basicsize = WORDS(19),
     .walk = walk_lru},
    {.tp_name = "itertools._tee_dataobject",
     .basicsize = sizeof(struct tee_data),
     .walk = walk_tee_data},
    {.type = &PyContextVar_Type,
     .basicsize = WORDS(8),
     .walk = walk_context_var},
    {.type = &PyContextToken_Type, .basicsize = WORDS(6), .walk = walk_token},
    {.tp_name = "hamt_bitmap_node", .walk = walk_hamt_node},
    {.tp_name = "hamt_collision_node", .walk = walk_hamt_node},
    {.tp_name = "hamt_array_node", .walk = walk_hamt_array},
    {.type = &PyMemoryView_Type, .walk = walk_memoryview},
    {.tp_name = "managedbuffer", .walk = walk_managed_buffer},
    {.tp_name = "greenlet.greenlet",
     .basicsize = WORDS(LAYOUT_GREENLET_WORDS),
     .walk = greenlets_walk_one},
    {.tp_name = "datetime.datetime",
     .basicsize = sizeof(PyDateTime_DateTime),
     .walk = walk_datetime},
    {.tp_name = "datetime.time",
     .basicsize = sizeof(PyDateTime_Time),
     .walk = walk_time},
    {.type = NULL},
};
