/* sources.h — where the part of a graph that no root reaches begins.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_SOURCES_H
#define GRAPH_SOURCES_H

#include "graph/internal.h"

/* One object of each source component among the objects that hold something
 * and are not in `reached` (a bitmap by node): together they reach all of
 * these. Always the same ones for the same graph. *out is the caller's. */
enum px_status sources_find(const struct px_graph *graph,
                            const uint8_t *reached, px_node **out, uint32_t *n,
                            struct px_work *work, struct px_err *err);

#endif
