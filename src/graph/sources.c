/* sources.c — where the part of a graph that no root reaches begins.
 *
 * The node that a depth-first search leaves last lies in a source component
 * (Kosaraju); so does the last one that all before it do not reach, and so
 * on. O(N + E), 12 bytes an object that is not reached.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/sources.h"

#include <stdlib.h>
#include <string.h>

#include "graph/bulk.h"

struct search {
    const struct px_graph *graph;
    uint8_t *seen; /* bitmap by node */
    px_node *path;
    px_edge *cursor;
    uint32_t depth;
    px_node *left; /* in the order in which they were left */
    uint32_t n_left;
    const struct px_work *work;
    uint32_t turns;
};

static bool
enter(struct search *s, px_node node)
{
    if (!bitrank_has(&s->graph->holding, node) ||
        (s->seen[node / 8] >> node % 8 & 1) != 0)
        return false;
    s->seen[node / 8] |= (uint8_t)(1u << node % 8);
    s->path[s->depth] = node;
    s->cursor[s->depth++] = out_start(s->graph, node);
    return true;
}

/* Enters all that the node on the path reaches; lists it in the order of
 * leaving if that is wanted. False: cancelled. */
static bool
walk(struct search *s, bool is_listed)
{
    const struct px_graph *graph = s->graph;
    while (s->depth > 0) {
        px_node node = s->path[s->depth - 1];
        px_edge e = s->cursor[s->depth - 1]++;
        if (e == out_start(graph, node + 1)) {
            if (is_listed)
                s->left[s->n_left++] = node;
            s->depth--;
            if (work_turn(s->work, &s->turns))
                return false;
        } else if (edge_holds(&graph->edges[e])) {
            enter(s, graph->edges[e].target);
        }
    }
    return true;
}

static uint32_t
count_unseen(const struct px_graph *graph, const uint8_t *seen)
{
    uint32_t n = 0;
    for (px_node node = 0; node < graph->n_nodes; node++)
        n += bitrank_has(&graph->holding, node) &&
             (seen[node / 8] >> node % 8 & 1) == 0;
    return n;
}

static bool
list_unreached(struct search *s)
{
    bool goes_on = true;
    for (px_node node = 0; goes_on && node < s->graph->n_nodes; node++) {
        if (enter(s, node))
            goes_on = walk(s, true);
    }
    return goes_on;
}

/* Into the end of `left`, which is read from there and always ahead of what
 * is written. *n: how many. */
static bool
pick_sources(struct search *s, uint32_t *n)
{
    for (uint32_t i = s->n_left; i > 0; i--) {
        px_node node = s->left[i - 1];
        if (!enter(s, node))
            continue;
        s->left[s->n_left - ++*n] = node;
        if (!walk(s, false))
            return false;
    }
    return true;
}

enum px_status
sources_find(const struct px_graph *graph, const uint8_t *reached,
             px_node **out, uint32_t *n, struct px_work *work,
             struct px_err *err)
{
    size_t n_bitmap = graph->n_nodes / 8 + 1;
    size_t most = (size_t)count_unseen(graph, reached) + 1;
    struct search s = {.graph = graph, .work = work};
    uint32_t n_sources = 0;
    enum px_status status = PX_ENOMEM;
    s.seen = bulk_new(n_bitmap, 1);
    s.path = bulk_new(most, sizeof *s.path);
    s.cursor = bulk_new(most, sizeof *s.cursor);
    s.left = bulk_new(most, sizeof *s.left);
    px_node *sources = NULL;
    if (s.seen == NULL || s.path == NULL || s.cursor == NULL || s.left == NULL)
        goto out;
    memcpy(s.seen, reached, n_bitmap);
    status = PX_ECANCELED;
    if (!list_unreached(&s))
        goto out;
    memcpy(s.seen, reached, n_bitmap);
    if (!pick_sources(&s, &n_sources))
        goto out;
    status = PX_ENOMEM;
    sources = malloc(((size_t)n_sources + 1) * sizeof *sources);
    if (sources == NULL)
        goto out;
    for (uint32_t i = 0; i < n_sources; i++)
        sources[i] = s.left[s.n_left - 1 - i];
    *out = sources;
    *n = n_sources;
    status = PX_OK;
out:
    bulk_free(s.seen);
    bulk_free(s.path);
    bulk_free(s.cursor);
    bulk_free(s.left);
    if (status == PX_ECANCELED)
        return work_canceled(err);
    if (status != PX_OK)
        px_fail(err, status, "no memory for unreached objects");
    return status;
}
