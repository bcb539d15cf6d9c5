/* gc_tally.c — instances by type before and after a collection.
 *
 * A hash table by the type's address in plain malloc memory. It keeps the
 * names, since a type may be among what is freed: after the collection its
 * address is a key and no more.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/gc_tally.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/heap/heads.h"
#include "agent/heap/walk.h"

struct entry {
    PyTypeObject *type; /* a key only after the collection: perhaps freed */
    char *name;
    uint64_t before;
    uint64_t after;
};
static struct entry *
find_tally(struct gc_tally *t, PyTypeObject *type)
{
    size_t i =
        (((uintptr_t)type >> 4) * 0x9E3779B97F4A7C15u >> 20) & (t->n_slots - 1);
    while (t->slots[i].type != NULL && t->slots[i].type != type)
        i = (i + 1) & (t->n_slots - 1);
    return &t->slots[i];
}

static bool
grow_tallies(struct gc_tally *t)
{
    struct gc_tally bigger = {.n_slots = t->n_slots ? 2 * t->n_slots : 1024};
    bigger.slots = calloc(bigger.n_slots, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < t->n_slots; i++) {
        if (t->slots[i].type != NULL)
            *find_tally(&bigger, t->slots[i].type) = t->slots[i];
    }
    free(t->slots);
    t->slots = bigger.slots;
    t->n_slots = bigger.n_slots;
    return true;
}

char *
gc_type_name(PyTypeObject *type)
{
    struct type_names text;
    memset(&text, 0, sizeof text);
    names_of_type(type, &text);
    char *name = malloc(text.module_bytes + text.name_bytes + 2);
    if (name == NULL)
        return NULL;
    size_t n = 0;
    bool is_builtin = text.module_bytes == strlen("builtins") &&
                      memcmp(text.module, "builtins", text.module_bytes) == 0;
    if (text.module_bytes > 0 && !is_builtin) {
        memcpy(name, text.module, text.module_bytes);
        n = text.module_bytes;
        name[n++] = '.';
    }
    memcpy(name + n, text.name, text.name_bytes);
    name[n + text.name_bytes] = '\0';
    return name;
}

static bool
is_tracked(PyObject *object)
{
    return PyObject_IS_GC(object) && gc_head_of(object)->next != 0;
}

/* A collection takes tuples and, up to 3.13, dicts that refer to nothing it
 * tracks off its lists (gcmodule.c: untrack_tuples, untrack_dicts). They live
 * on and were not freed, so such are counted neither before nor after. */
static bool
is_left_alone(PyObject *object, PyTypeObject *type)
{
    if (type == &PyTuple_Type) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); i++) {
            PyObject *item = PyTuple_GET_ITEM(object, i);
            if (item != NULL && is_tracked(item))
                return false;
        }
        return true;
    }
    if (type == &PyDict_Type) {
        Py_ssize_t at = 0;
        PyObject *key;
        PyObject *value;
        while (PyDict_Next(object, &at, &key, &value)) {
            if (is_tracked(value) || is_tracked(key))
                return false;
        }
        return true;
    }
    return false;
}

static int
tally_visit(PyObject *object, void *context)
{
    struct gc_tally *t = context;
    PyTypeObject *type = Py_TYPE(object);
    if (is_left_alone(object, type))
        return 0;
    if (t->n * 2 >= t->n_slots && !grow_tallies(t)) {
        t->failed = true;
        return -1;
    }
    struct entry *tally = find_tally(t, type);
    if (tally->type == NULL) {
        if (t->is_after) /* made by a finalizer: nothing of it was freed */
            return 0;
        tally->type = type;
        tally->name = gc_type_name(type);
        t->n++;
    }
    if (t->is_after)
        tally->after++;
    else
        tally->before++;
    return 0;
}

void
gc_tally_count(struct gc_tally *t, bool is_after)
{
    const struct heads *heads = heads_get(NULL);
    t->is_after = is_after;
    for (unsigned i = 0; heads != NULL && i < HEADS_N; i++)
        heads_each(heads, i, tally_visit, t);
}

static int
compare_counts(const void *a, const void *b)
{
    const struct gc_type_count *x = a;
    const struct gc_type_count *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->name, y->name);
}

void
gc_tally_finish(struct gc_tally *t, struct gc_collected *out)
{
    if (!t->failed && t->n > 0)
        out->freed = calloc(t->n, sizeof *out->freed);
    for (size_t i = 0; i < t->n_slots; i++) {
        struct entry *tally = &t->slots[i];
        if (out->freed != NULL && tally->name != NULL &&
            tally->before > tally->after)
            out->freed[out->n_freed++] = (struct gc_type_count){
                tally->name, tally->before - tally->after};
        else
            free(tally->name);
    }
    free(t->slots);
    if (out->freed != NULL && out->n_freed > 1)
        qsort(out->freed, out->n_freed, sizeof *out->freed, compare_counts);
}
