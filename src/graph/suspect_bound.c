/* suspect_bound.c — the bound that a cache, pool or queue states itself.
 *
 * What fills up to a bound is no leak, and looks like one until it is full.
 * Many containers say theirs: functools.lru_cache and deque in themselves,
 * others by a number beside them (`self.maxsize`, `_MAXCACHE`).
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/suspects.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What the bound of anything is called. */
static const char *const bound_names[] = {
    "maxsize",  "max_size",    "maxlen",    "max_len",    "max_length",
    "capacity", "max_entries", "max_items", "size_limit", "max_count",
};
/* A part of the name of many numbers; the container's name must be in it. */
static const char *const bound_parts[] = {"max", "most", "limit", "size"};

/* No process has room for so many: SEM_VALUE_MAX, which a multiprocessing.Queue
 * has for its maxsize, and sys.maxsize only say that there is no bound. */
#define UNBOUNDED (UINT64_C(1) << 30)

struct bound {
    const struct search *search;
    char name[64]; /* of the container, without what is not a letter */
    uint64_t count;
    bool is_found;
};

static bool
is_named(const struct bound *bound, const char *name)
{
    name += strspn(name, "_");
    for (size_t i = 0; i < sizeof bound_names / sizeof *bound_names; i++) {
        if (strcasecmp(name, bound_names[i]) == 0 ||
            (name[0] != '\0' && strstr(name, "__") != NULL &&
             strcasecmp(strstr(name, "__") + 2, bound_names[i]) == 0))
            return true;
    }
    if (bound->name[0] == '\0' || strcasestr(name, bound->name) == NULL)
        return false;
    for (size_t i = 0; i < sizeof bound_parts / sizeof *bound_parts; i++) {
        if (strcasestr(name, bound_parts[i]) != NULL)
            return true;
    }
    return false;
}

/* The number that an int is, 0 if the snapshot does not say. */
static uint64_t
number_of(const struct px_graph *graph, px_node node)
{
    char text[64] = "";
    if (strcmp(px_type_name(graph, px_node_type(graph, node)), "int") != 0)
        return 0;
    px_node_preview(graph, node, sizeof text, text);
    return isdigit((unsigned char)text[0]) ? strtoull(text, NULL, 10) : 0;
}

static bool
look_at_name(void *context, const char *name, px_node value)
{
    struct bound *bound = context;
    if (is_named(bound, name)) {
        uint64_t most = number_of(bound->search->graph, value);
        bound->is_found = most >= bound->count && most < UNBOUNDED;
    }
    return !bound->is_found;
}

/* "_CONNECTIONS" is CONNECTION, ".sessions" is session. */
static void
take_stem(const char *text, struct bound *bound)
{
    while (*text != '\0' && !isalpha((unsigned char)*text))
        text++;
    size_t n = strcspn(text, "[.( ");
    if (n < 4 || n >= sizeof bound->name)
        return;
    n -= text[n - 1] == 's' || text[n - 1] == 'S';
    memcpy(bound->name, text, n);
    bound->name[n] = '\0';
}

/* ---- what the container itself says ---- */

/* Items of a container that has its bound in it, 0: it is none. Without values
 * in the snapshot an lru_cache is known by its edges: it keeps its results in
 * a ring only if it has a maxsize. */
static uint64_t
items_within_bound(const struct px_graph *graph, px_node node)
{
    uint64_t n = 0, most;
    if (preview_bound(graph, node, &n, &most))
        return most < UNBOUNDED ? n : 0;
    const char *type = px_type_name(graph, px_node_type(graph, node));
    if (strcmp(type, "functools._lru_cache_wrapper") != 0)
        return 0;
    struct span span = out_span(graph, node);
    for (px_edge e = span.first; e < span.end; e++)
        n += edge_kind(&graph->edges[e]) == PX_EDGE_CACHED;
    return n;
}

/* Of all that are held as this one is. */
static uint64_t
items_of_kind(const struct search *search, px_node container)
{
    const struct px_suspects *suspects = search->suspects;
    uint64_t n = 0;
    for (px_node node = 0; node < search->graph->n_nodes; node++) {
        if (suspects->kind_of[node] == suspects->kind_of[container])
            n += items_within_bound(search->graph, node);
    }
    return n;
}

/* Whether it is below such containers, and no more than these have items: more
 * of them pile up in an item, for which its bound is no excuse. */
static bool
is_in_bounded(const struct search *search, px_node node, uint64_t count)
{
    enum { LOOK_UP = 64 };
    for (int i = 0; i < LOOK_UP; i++) {
        px_edge edge = px_paths_edge(search->paths, node);
        if (edge == PX_NONE)
            return false;
        node = px_edge_source(search->graph, edge);
        uint64_t n = items_within_bound(search->graph, node);
        if (n > 0)
            return n >= count || items_of_kind(search, node) >= count;
    }
    return false;
}

bool
suspect_is_bounded(const struct search *search, const struct finding *finding,
                   uint64_t count)
{
    enum { STEPS_MAX = 16 };
    struct px_step steps[STEPS_MAX];
    const struct px_graph *graph = search->graph;
    px_edge edge = suspect_edge(search, finding);
    if (edge == PX_NONE)
        return false;
    if (is_in_bounded(search, finding->example, count))
        return true;
    size_t n =
        px_paths_steps(search->paths, finding->example, true, STEPS_MAX, steps);
    if (n < 3 || n > STEPS_MAX)
        return false;
    px_node owner = steps[n - 3].node;
    px_type type = px_node_type(graph, owner);
    px_node type_node = px_type_node(graph, type);
    struct bound bound = {.search = search, .count = count};
    take_stem(steps[n - 2].text, &bound);
    namespace_each(search->paths, owner, look_at_name, &bound);
    if (!bound.is_found && type_node != PX_NONE &&
        (px_type_flags(graph, type) & PX_TYPE_PYTHON) != 0)
        namespace_each(search->paths, type_node, look_at_name, &bound);
    return bound.is_found;
}
