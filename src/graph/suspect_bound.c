/* suspect_bound.c — the bound that a cache, pool or queue states itself.
 *
 * What fills up to a bound is no leak, and looks like one until it is full.
 * Many containers say theirs: functools.lru_cache by the way it keeps its
 * results, others by a number beside them (`self.maxsize`, `_MAXCACHE`).
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
    if (is_named(bound, name))
        bound->is_found =
            number_of(bound->search->graph, value) >= bound->count;
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
    const char *field = px_edge_name(graph, edge);
    if (px_edge_kind(graph, edge) == PX_EDGE_FIELD && field != NULL &&
        strncmp(field, "cached ", 7) == 0)
        return true; /* of functools.lru_cache: only with a maxsize */
    if (strcmp(px_type_name(graph, px_node_type(graph, finding->example)),
               "functools._lru_list_elem") == 0)
        return true; /* the same in its dict */
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
