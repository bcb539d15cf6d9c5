/* edges.c — which walker names the edges of an object.
 *
 * For each type a plan is worked out once: the row of its family, the members
 * of its C struct, where its dict is. Plans lie in memory of the walk, found
 * by the type's address (open addressing). A table that is half full makes
 * place for one twice as large, and stays where it is: who holds a plan of it
 * may use that on.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/edges.h"

#include <string.h>

#include "agent/heap/secret.h"

static const struct edges_row *const tables[] = {
    edges_rows_container, edges_rows_function, edges_rows_type,
    edges_rows_frame,     edges_rows_misc,     edges_rows_library,
    edges_rows_field,     edges_rows_numpy,
};

#ifndef PX_PLANS_LOG2 /* of the table at first; tests have a small one */
#define PX_PLANS_LOG2 15
#endif
#define MEMBERS_BLOCK 4096

static struct {
    struct walk *walk;
    struct edges_plan *plans;
    const struct edges_plan *recent; /* of the last object, or NULL */
    unsigned plans_log2;
    size_t n_plans;
    struct edges_member *free_members;
    size_t n_free_members;
} cache;

void
edges_begin(struct walk *w)
{
    memset(&cache, 0, sizeof cache);
    cache.walk = w;
    tasks_begin(w);
    greenlets_begin(w);
    cache.plans = walk_memory(w, sizeof *cache.plans << PX_PLANS_LOG2);
    cache.plans_log2 = PX_PLANS_LOG2;
    secret_use_cache(walk_memory(w, SECRET_CACHE_BYTES));
}

void
edges_end(void)
{
    memset(&cache, 0, sizeof cache);
    tasks_begin(NULL);
    greenlets_begin(NULL);
    secret_use_cache(NULL);
}

static const struct edges_row *
row_of_exactly(PyTypeObject *type)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct edges_row *row = tables[t];
             row->type != NULL || row->tp_name != NULL; row++) {
            if (row->basicsize != 0 &&
                row->basicsize != (size_t)type->tp_basicsize)
                continue;
            if (row->type != NULL ? row->type == type
                                  : edges_is_named(type, row->tp_name))
                return row;
        }
    return NULL;
}

static const struct edges_row *
row_of(PyTypeObject *type, PyTypeObject **family)
{
    for (PyTypeObject *t = type; t != NULL; t = t->tp_base) {
        const struct edges_row *row = row_of_exactly(t);
        if (row != NULL) {
            *family = t;
            return row;
        }
    }
    *family = NULL;
    return NULL;
}

/* Room for so many members; NULL: walk without a name for them. */
static struct edges_member *
members_room(size_t n)
{
    size_t max = n > MEMBERS_BLOCK ? n : MEMBERS_BLOCK;

    if (cache.walk == NULL || n == 0)
        return NULL;
    if (n > cache.n_free_members) {
        cache.free_members =
            walk_memory(cache.walk, max * sizeof *cache.free_members);
        cache.n_free_members = cache.free_members != NULL ? max : 0;
    }
    return cache.free_members;
}

static void
plan_members(struct edges_plan *plan, const PyTypeObject *stop)
{
    struct edges_member *members =
        members_room(edges_members(plan->type, stop, NULL));

    if (members == NULL)
        return;
    plan->members = members;
    plan->n_members = edges_members(plan->type, stop, members);
    cache.free_members += plan->n_members;
    cache.n_free_members -= plan->n_members;
}

static void
make_plan(PyTypeObject *type, struct edges_plan *plan)
{
    PyTypeObject *family;
    unsigned flags;

    memset(plan, 0, sizeof *plan);
    plan->type = type;
    plan->row = row_of(type, &family);
    flags = plan->row != NULL ? plan->row->flags : 0;
    plan_members(plan, flags & EDGES_MEMBERS ? family : NULL);
    plan->member_kind = edges_made_by_class(type) ? PX_EDGE_SLOT : PX_EDGE_ATTR;
#if COMPAT_VALUES
    plan->has_values = (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) != 0;
#endif
    plan->has_dict = plan->has_values || type->tp_dictoffset != 0;
    if ((flags & EDGES_DICT) && family != NULL &&
        type->tp_dictoffset == family->tp_dictoffset)
        plan->has_dict = plan->has_values;
    plan->dict_kind = PX_EDGE_ATTR;
    plan->dict_name = "__dict__";
    if (plan->has_dict && !edges_shows_dict(type)) {
        plan->dict_kind = PX_EDGE_FIELD;
        plan->dict_name = "dict";
    }
    sizes_rule(type, &plan->size);
    plan->owns = owned_rule(type);
    plan->rest = !((flags & EDGES_COMPLETE) && family == type);
}

/* The place of a type's plan, or the free one where it belongs. */
static struct edges_plan *
plan_slot(const PyTypeObject *type)
{
    size_t last = ((size_t)1 << cache.plans_log2) - 1;
    size_t at =
        (uintptr_t)type / 16 * 0x9e3779b97f4a7c15u >> (64 - cache.plans_log2);

    while (cache.plans[at].type != type && cache.plans[at].type != NULL)
        at = (at + 1) & last;
    return &cache.plans[at];
}

static void
plans_grow(void)
{
    const struct edges_plan *old = cache.plans;
    size_t n_old = (size_t)1 << cache.plans_log2;
    struct edges_plan *plans =
        walk_memory(cache.walk, 2 * n_old * sizeof *plans);

    cache.plans = plans;
    cache.recent = NULL;
    cache.plans_log2++;
    for (size_t i = 0; i < n_old; i++)
        if (old[i].type != NULL)
            *plan_slot(old[i].type) = old[i];
}

static const struct edges_plan *
plan_of(PyTypeObject *type, struct edges_plan *spare)
{
    struct edges_plan *plan;

    if (cache.recent != NULL && cache.recent->type == type)
        return cache.recent;
    if (cache.plans == NULL) {
        make_plan(type, spare);
        return spare;
    }
    plan = plan_slot(type);
    if (plan->type == type)
        return cache.recent = plan;
    /* Made apart first: a type that faults leaves no half plan behind. */
    make_plan(type, spare);
    if (++cache.n_plans > (size_t)1 << (cache.plans_log2 - 1))
        plans_grow();
    plan = plan_slot(type);
    *plan = *spare;
    return cache.recent = plan;
}

size_t
edges_word(PyTypeObject *type, const char *field)
{
    struct edges_plan spare;
    const struct edges_row *row = plan_of(type, &spare)->row;

    if (row != NULL && row->fields != NULL)
        for (const struct edges_field *f = row->fields; f->word != 0; f++)
            if (strcmp(f->name, field) == 0)
                return f->word;
    return 0;
}

static void
walk_fields(struct walk *w, PyObject *object, const struct edges_field *field)
{
    for (; field->word != 0; field++)
        walk_edge_text(w, field->kind, field->name,
                       edge_word(object, field->word));
}

void
edges_walk(struct walk *w, PyObject *object, PyTypeObject *type)
{
    struct edges_plan spare;
    const struct edges_plan *plan = plan_of(type, &spare);

    if (plan->row != NULL) {
        if (plan->row->walk != NULL)
            plan->row->walk(w, object);
        if (plan->row->fields != NULL)
            walk_fields(w, object, plan->row->fields);
    }
    if (plan->n_members != 0 || plan->has_dict)
        edges_instance(w, object, plan);
    if (plan->rest)
        walk_rest(w);
}

/* Whether sys.getsizeof adds what stands before such an object. */
static bool
counts_before(PyObject *object, PyTypeObject *type)
{
    if (!COMPAT_SIZE_BY_TYPE)
        return compat_is_gc(object, type);
    return !COMPAT_SIZE_NOT_STATIC || type != &PyType_Type ||
           compat_is_heap_type((PyTypeObject *)object);
}

/* sizes.c and owned.c have the rules; they are part of the plan. */
size_t
sizes_of(PyObject *object, PyTypeObject *type, bool *approximate)
{
    struct edges_plan spare;
    const struct edges_plan *plan = plan_of(type, &spare);
    size_t bytes = plan->size.size(object);

    if (plan->size.before != 0 && counts_before(object, type))
        bytes += plan->size.before;
    *approximate = plan->size.approximate;
    if (plan->owns != NULL && cache.walk != NULL)
        plan->owns(cache.walk, object);
    return bytes;
}

bool
edges_type_has(PyTypeObject *type)
{
    struct edges_plan spare;
    const struct edges_plan *plan;

    if (compat_type_is_gc(type) || compat_is_heap_type(type))
        return true;
    plan = plan_of(type, &spare);
    return (plan->row != NULL &&
            (plan->row->walk != NULL || plan->row->fields != NULL)) ||
           plan->n_members != 0 || plan->has_dict;
}
