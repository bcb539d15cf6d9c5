/* order.c — which of two edges of one object comes first.
 *
 * Paths must be the same in the next snapshot and on the next host, so the
 * order knows names and indices only, never addresses or ids: first the kind
 * (attributes before items before classes), then the name's text or the
 * index, then the place in the stream, which is the place in the object.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/paths.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

#define ORDER_SHIFT 48
#define ORDER_NAMED_KEY 3u
#define ORDER_OTHER_KEY 9u

/* From what reads best on a path to what says least. */
static const uint8_t kind_order[PX_EDGE_KIND_END] = {
    [PX_EDGE_ATTR] = 1,       [PX_EDGE_SLOT] = 1,
    [PX_EDGE_ROOT] = 1,       [PX_EDGE_FRAME] = 2,
    [PX_EDGE_DICT_VALUE] = 3, [PX_EDGE_LOCAL] = 4,
    [PX_EDGE_GEN_LOCAL] = 4,  [PX_EDGE_CELL] = 6,
    [PX_EDGE_SELF] = 7,       [PX_EDGE_ITEM] = 8,
    [PX_EDGE_MEMBER] = 10,    [PX_EDGE_TB_FRAME] = 11,
    [PX_EDGE_FIELD] = 12,     [PX_EDGE_OPERAND] = 13,
    [PX_EDGE_DICT_KEY] = 14,  [PX_EDGE_BASE] = 15,
    [PX_EDGE_CLASS] = 16,     [PX_EDGE_UNNAMED] = 17,
    [PX_EDGE_STACK] = 18,     [PX_EDGE_BORROWED] = 5,
    [PX_EDGE_CACHED] = 9,     [PX_EDGE_SHARED_KEY] = 14,
    [PX_EDGE_VARIABLE] = 9,   [PX_EDGE_FLAT] = 8,
};

/* Names that mean something to paths. */
enum role { ROLE_INNER = 1, ROLE_FIELD, ROLE_CONTENTS };
static const struct {
    const char *text;
    enum role role;
} roles[] = {
    {"__dict__", ROLE_INNER},
    {"dict", ROLE_FIELD},     /* of a type: its tp_dict */
    {"gi_frame", ROLE_INNER}, /* an object of its own until 3.10 */
    {"cr_frame", ROLE_INNER},
    {"ag_frame", ROLE_INNER},
    {"cell_contents", ROLE_CONTENTS},
};

static uint8_t
role_of(const char *name)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(roles[i].text, name) == 0)
            return (uint8_t)roles[i].role;
    }
    return 0;
}

struct named {
    const char *text;
    uint32_t number;
};

static int
compare_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->text,
                  ((const struct named *)b)->text);
}

enum px_status
order_init(struct order *order, const struct px_graph *graph,
           struct px_err *err)
{
    const struct tables *tables = &graph->tables;
    size_t n = tables->n_names;
    *order = (struct order){.graph = graph};
    uint8_t *role = calloc(n + 1, 1);
    uint32_t *rank = malloc((n + 1) * sizeof *rank);
    struct named *sorted = malloc((n + 1) * sizeof *sorted);
    if (rank == NULL || sorted == NULL || role == NULL) {
        free(role);
        free(rank);
        free(sorted);
        return room_fail(err, "no memory for the order of names");
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct named){
            texts_get(&tables->texts, tables->names[i].text), (uint32_t)i};
    qsort(sorted, n, sizeof *sorted, compare_named);
    uint32_t place = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(sorted[i - 1].text, sorted[i].text) != 0)
            place++;
        rank[sorted[i].number] = place;
        role[sorted[i].number] = role_of(sorted[i].text);
    }
    free(sorted);
    order->rank = rank;
    order->role = role;
    return PX_OK;
}

void
order_done(struct order *order)
{
    free(order->rank);
    free(order->role);
    order->rank = NULL;
    order->role = NULL;
}

static unsigned
edge_role(const struct order *order, px_edge edge)
{
    const struct edge *row = &order->graph->edges[edge];
    unsigned kind = edge_kind(row);
    if (kind != PX_EDGE_ATTR && kind != PX_EDGE_SLOT && kind != PX_EDGE_FIELD)
        return 0;
    unsigned role = order->role[graph_payload(order->graph, edge)];
    return role == ROLE_FIELD && kind != PX_EDGE_FIELD ? 0 : role;
}

bool
order_is_inner(const struct order *order, px_edge edge)
{
    unsigned role = edge_role(order, edge);
    return role == ROLE_INNER || role == ROLE_FIELD;
}

bool
order_is_contents(const struct order *order, px_edge edge)
{
    return edge_role(order, edge) == ROLE_CONTENTS;
}

static inline bool
is_named_kind(unsigned kind)
{
    const uint64_t named = 1u << PX_EDGE_ATTR | 1u << PX_EDGE_SLOT |
                           1u << PX_EDGE_CELL | 1u << PX_EDGE_LOCAL |
                           1u << PX_EDGE_GEN_LOCAL | 1u << PX_EDGE_ALIAS |
                           1u << PX_EDGE_FIELD | 1u << PX_EDGE_ROOT |
                           1u << PX_EDGE_BORROWED | 1u << PX_EDGE_VARIABLE;
    return (named >> kind & 1) != 0;
}

uint64_t
order_key(const struct order *order, px_edge edge, bool in_namespace)
{
    const struct px_graph *graph = order->graph;
    unsigned kind = edge_kind(&graph->edges[edge]);
    uint64_t place = kind_order[kind];
    uint64_t value = 0;
    if (kind == PX_EDGE_DICT_VALUE) {
        uint32_t name = graph_name_of(graph, graph->edges[edge - 1].target);
        if (name == PX_NONE)
            return (uint64_t)ORDER_OTHER_KEY << ORDER_SHIFT;
        place = in_namespace ? kind_order[PX_EDGE_ATTR] : ORDER_NAMED_KEY;
        value = order->rank[name];
    } else if (is_named_kind(kind)) {
        value = order->rank[graph_payload(graph, edge)];
    } else {
        value = graph_payload(graph, edge);
    }
    const uint64_t most = (1ull << ORDER_SHIFT) - 1;
    return place << ORDER_SHIFT | (value < most ? value : most);
}
