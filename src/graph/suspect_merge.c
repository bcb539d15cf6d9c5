/* suspect_merge.c — what grows for one reason is one finding.
 *
 * A leaked object is rarely alone: values and keys of one dict, an object and
 * the weak reference that a registry has of it, a thread and its entry in the
 * table of threads. Two findings have one cause if they pile up at the same
 * place, or if most of the objects of one are referred to by objects of the
 * other, or if there is one on the C stack of each thread. Of each such set the
 * one that says most about the cause stays.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/suspects.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLES 32u   /* objects of a finding that are looked at */
#define REFERRERS 64u /* of each of them */
#define OTHERS 8u     /* findings that may hold one */
/* The parts of a thing hang where it hangs, its entries elsewhere are small. */
#define MUCH_MORE 4
/* Native memory beside a finding: so much is told apart, and comes first if it
 * is so many times what the objects take. */
#define NATIVE_ALONE (4 << 20)
#define NATIVE_PARTS 20

struct links {
    uint32_t n_samples;
    uint32_t n_seen; /* objects of it that have passed by */
    struct {
        uint32_t finding; /* + 1; 0: none */
        uint32_t hits;    /* samples that it refers to */
        px_node last;     /* that was counted */
    } by[OTHERS];
};

static uint32_t
top_of(const struct search *search, uint32_t i)
{
    while (search->findings[i].merged_into != FINDING_NONE)
        i = search->findings[i].merged_into;
    return i;
}

/* ---- which one stays ---- */
static bool
is_python(const struct search *search, const struct finding *finding)
{
    px_type type = px_node_type(search->graph, finding->example);
    return (px_type_flags(search->graph, type) & PX_TYPE_PYTHON) != 0;
}

/* Has more references than any object of the graph owns. */
static bool
is_held_itself(const struct search *search, const struct finding *finding)
{
    struct px_refs refs;
    if (finding->held_by != PX_HELD_C)
        return false;
    px_node_refs(search->graph, finding->example, &refs);
    return refs.known && refs.outside > 0;
}

static bool
is_in_cycle(const struct search *search, const struct finding *finding)
{
    char line[64];
    if (finding->held_by != PX_HELD_CYCLE)
        return false;
    px_paths_held_by(search->paths, finding->example, sizeof line, line);
    return line[0] != '\0';
}

/* An exception tells what went wrong, not what is kept. */
static bool
is_error(const struct search *search, const struct finding *finding)
{
    return namespace_find(search->paths, finding->example, "__traceback__") !=
           PX_NONE;
}

/* What says more about a cause, the first that differs. */
static int
compare(const struct search *search, const struct finding *a,
        const struct finding *b)
{
    /* what no root reaches has no parts: all hang side by side */
    bool have_parts = a->held_by == PX_HELD_ROOT && b->held_by == PX_HELD_ROOT;
    int much_more =
        (a->bytes / MUCH_MORE > b->bytes) - (b->bytes / MUCH_MORE > a->bytes);
    int by[] = {
        b->is_weak - a->is_weak,
        a->is_root - b->is_root,
        is_held_itself(search, a) - is_held_itself(search, b),
        is_in_cycle(search, a) - is_in_cycle(search, b),
        have_parts ? much_more : 0,
        (a->origin != ORIGIN_PYTHON) - (b->origin != ORIGIN_PYTHON),
        is_python(search, a) - is_python(search, b),
        is_error(search, b) - is_error(search, a),
        (a->bytes > b->bytes) - (a->bytes < b->bytes),
    };
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        if (by[i] != 0)
            return by[i];
    }
    return b->kind > a->kind ? 1 : -1;
}

static void
join(struct search *search, uint32_t i, uint32_t j)
{
    i = top_of(search, i);
    j = top_of(search, j);
    if (i == j)
        return;
    struct finding *a = &search->findings[i];
    struct finding *b = &search->findings[j];
    bool is_bounded = a->is_bounded || b->is_bounded;
    if (compare(search, a, b) >= 0)
        b->merged_into = i;
    else
        a->merged_into = j;
    search->findings[top_of(search, i)].is_bounded = is_bounded;
}

/* ---- the same place ---- */
static void
join_neighbours(struct search *search)
{
    const struct kind *kinds = search->suspects->kinds.rows;
    for (uint32_t i = 0; i < search->n; i++) {
        const struct finding *a = &search->findings[i];
        if (a->kind == PX_NONE || a->is_mirror ||
            kinds[a->kind].parent == PX_NONE)
            continue;
        px_node holder = suspect_holder(search, a);
        for (uint32_t j = i + 1; j < search->n; j++) {
            const struct finding *b = &search->findings[j];
            /* the keys of a __dict__ are its own, its values its owner's */
            if (b->kind != PX_NONE && holder == suspect_holder(search, b) &&
                (holder != PX_NONE ||
                 kinds[a->kind].parent == kinds[b->kind].parent))
                join(search, i, j);
        }
    }
}

/* ---- references ---- */
static void
count_link(struct links *links, uint32_t other, px_node node)
{
    for (size_t i = 0; i < OTHERS; i++) {
        if (links->by[i].finding == 0)
            links->by[i].finding = other + 1;
        if (links->by[i].finding != other + 1)
            continue;
        if (links->by[i].hits == 0 || links->by[i].last != node)
            links->by[i].hits++;
        links->by[i].last = node;
        return;
    }
}

static uint32_t
finding_of(const struct search *search, px_node node)
{
    return search->of_kind[search->suspects->kind_of[node]];
}

/* A weak reference that piles up goes with what it refers to. */
static void
look_at_referents(const struct search *search, px_node node,
                  struct links *links)
{
    uint32_t n;
    px_edge first;
    px_node_referents(search->graph, node, &first, &n);
    for (uint32_t e = 0; e < n && e < REFERRERS; e++) {
        uint32_t other =
            finding_of(search, px_edge_target(search->graph, first + e));
        if (px_edge_kind(search->graph, first + e) == PX_EDGE_WEAK &&
            other != 0 && !search->findings[other - 1].is_weak)
            count_link(links, other - 1, node);
    }
}

/* The finding above an object that hangs on what does not pile up itself, a
 * dict of all say, inside of what does; FINDING_NONE: none near. */
static uint32_t
finding_above(const struct search *search, uint32_t i, px_node node)
{
    enum { LEVELS = 4 };
    for (int level = 0; level < LEVELS; level++) {
        uint32_t n;
        px_node above = PX_NONE;
        const px_node *sources = px_node_referrers(search->graph, node, &n);
        for (uint32_t s = 0; s < n && s < REFERRERS; s++) {
            uint32_t other = finding_of(search, sources[s]);
            if (other != 0 && other != i + 1)
                return other - 1;
            if (above == PX_NONE && sources[s] != node &&
                held_get(search->paths, sources[s]) == PX_HELD_CYCLE)
                above = sources[s];
        }
        if (above == PX_NONE)
            break;
        node = above;
    }
    return FINDING_NONE;
}

/* One that only others of its own finding refer to is a part of these, and
 * hangs where they do. */
static void
look_at_sample(const struct search *search, uint32_t i, px_node node,
               struct links *links)
{
    uint32_t n;
    const px_node *sources = px_node_referrers(search->graph, node, &n);
    bool is_part = false, is_linked = false;
    for (uint32_t s = 0; s < n && s < REFERRERS; s++) {
        uint32_t other = finding_of(search, sources[s]);
        is_part |= other == i + 1;
        if (other == 0 || other == i + 1 ||
            search->findings[other - 1].is_mirror)
            continue;
        count_link(links, other - 1, node);
        is_linked = true;
    }
    if (!is_linked && search->findings[i].held_by == PX_HELD_CYCLE) {
        uint32_t above = finding_above(search, i, node);
        if (above != FINDING_NONE)
            count_link(links, above, node);
        is_linked = above != FINDING_NONE;
    }
    links->n_samples += is_linked || !is_part;
    if (search->findings[i].is_weak)
        look_at_referents(search, node, links);
}

static enum px_status
join_linked(struct search *search, struct px_err *err)
{
    const struct px_suspects *suspects = search->suspects;
    struct links *links = calloc(search->n + 1, sizeof *links);
    if (links == NULL)
        return room_fail(err, "no memory for suspects");
    for (px_node node = 0; node < search->graph->n_nodes; node++) {
        kind_id kind = suspects->kind_of[node];
        uint32_t i = search->of_kind[kind] - 1;
        if (search->of_kind[kind] == 0 || search->findings[i].kind != kind ||
            search->findings[i].is_mirror)
            continue;
        uint64_t every = suspects->kinds.rows[kind].count / SAMPLES + 1;
        if (links[i].n_seen++ % every == 0)
            look_at_sample(search, i, node, &links[i]);
    }
    for (uint32_t i = 0; i < search->n; i++) {
        for (size_t k = 0; k < OTHERS && links[i].by[k].finding != 0; k++) {
            if (links[i].by[k].hits * 2 >= links[i].n_samples)
                join(search, i, links[i].by[k].finding - 1);
        }
    }
    free(links);
    return PX_OK;
}

/* ---- stacks ---- */
static bool
has_stack(const struct search *search, const struct finding *finding)
{
    struct px_root root = {0};
    if (!finding->is_root)
        return false;
    px_graph_root(search->graph, px_paths_root(search->paths, finding->example),
                  &root);
    return root.root_class == PX_ROOT_THREAD ||
           root.root_class == PX_ROOT_GREENLET;
}

/* As many more in each round, but for those that are just starting. */
static bool
grow_in_step(const struct search *search, const struct finding *a,
             const struct finding *b)
{
    enum { STARTING_PART = 16 };
    uint64_t of_a[SUSPECT_ROUNDS_MAX], of_b[SUSPECT_ROUNDS_MAX];
    int64_t slack = 1 + a->trend.grown / STARTING_PART;
    suspect_series(search->suspects, a->kind, false, of_a);
    suspect_series(search->suspects, b->kind, false, of_b);
    for (size_t i = 1; i < search->suspects->n_rounds; i++) {
        int64_t more = (int64_t)(of_a[i] - of_a[0] - (of_b[i] - of_b[0]));
        if (more < -slack || more > slack)
            return false;
    }
    return true;
}

/* A call that goes on has its arguments on the C stack: up to 3.11 the dict of
 * target(*args, **kwargs), which each thread has (Python/ceval.c,
 * CALL_FUNCTION_EX). Nobody has lost a reference there. */
static void
join_stacks(struct search *search)
{
    for (uint32_t i = 0; i < search->n; i++) {
        if (search->findings[i].kind == PX_NONE ||
            !has_stack(search, &search->findings[i]))
            continue;
        for (uint32_t j = 0; j < search->n; j++) {
            const struct finding *other = &search->findings[j];
            if (other->kind != PX_NONE && other->held_by == PX_HELD_C &&
                grow_in_step(search, &search->findings[i], other))
                join(search, i, j);
        }
    }
}

/* ---- all of it ---- */
static const char *const weak_types[] = {
    "weakref",
    "weakref.ReferenceType",
    "ReferenceType",
    "weakref.WeakMethod",
    "weakref.KeyedRef",
    "weakproxy",
    "weakref.ProxyType",
    "weakcallableproxy",
    "weakref.CallableProxyType",
};

static void
describe(struct search *search, struct finding *finding)
{
    const struct px_graph *graph = search->graph;
    const char *type =
        px_type_name(graph, px_node_type(graph, finding->example));
    bool is_reached = finding->held_by == PX_HELD_ROOT;
    px_edge edge = suspect_edge(search, finding);
    for (size_t i = 0; i < sizeof weak_types / sizeof *weak_types; i++)
        finding->is_weak |= strcmp(type, weak_types[i]) == 0;
    /* weak references to what is held elsewhere, by the C code that made them
     */
    finding->is_mirror |= finding->is_weak && finding->held_by == PX_HELD_C;
    finding->is_root = is_reached && edge == PX_NONE;
    finding->origin =
        is_reached ? suspect_origin(search, finding->example) : ORIGIN_USER;
}

/* What grew altogether; the cause of what stays. */
static void
sum_up(struct search *search)
{
    for (uint32_t i = 0; i < search->n; i++) {
        struct finding *finding = &search->findings[i];
        struct finding *top = &search->findings[top_of(search, i)];
        if (top == finding)
            continue;
        top->bytes += finding->bytes;
        top->n_below +=
            finding->n_below +
            (finding->in_bytes ? 0 : (uint64_t)finding->trend.grown);
    }
}

/* Threads have stacks, and objects what C allocates for them: memory without
 * objects that comes with a finding belongs to it, if it is not very much. */
static void
weigh_native(struct search *search)
{
    struct finding *native = NULL;
    int64_t bytes = 0;
    for (size_t i = 0; i < search->n; i++) {
        struct finding *finding = &search->findings[i];
        if (finding->kind == PX_NONE)
            native = finding;
        else if (suspect_stays(finding))
            bytes += finding->bytes;
    }
    if (native == NULL || bytes == 0)
        return;
    native->is_bounded = native->bytes < NATIVE_ALONE;
    native->is_last = native->bytes / NATIVE_PARTS < bytes;
}

enum px_status
suspect_merge(struct search *search, struct px_err *err)
{
    for (size_t i = 0; i < search->n; i++) {
        if (search->findings[i].kind != PX_NONE)
            describe(search, &search->findings[i]);
    }
    join_neighbours(search);
    enum px_status status = join_linked(search, err);
    join_stacks(search);
    sum_up(search);
    for (size_t i = 0; i < search->n && status == PX_OK; i++) {
        struct finding *finding = &search->findings[i];
        if (finding->merged_into != FINDING_NONE || finding->kind == PX_NONE)
            continue;
        finding->cause = suspect_cause(search, finding);
    }
    weigh_native(search);
    return status;
}
