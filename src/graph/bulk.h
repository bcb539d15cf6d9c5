/* bulk.h — memory for the columns of a graph and of its analyses.
 *
 * As calloc and free, but large columns are mappings of their own: they go
 * back to the system at once, and the kernel is asked for huge pages, which
 * makes the random access of graph algorithms faster and saves most of the
 * page faults. From any thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_BULK_H
#define GRAPH_BULK_H

#include <stddef.h>

#include <pyexplore/err.h>

/* n × bytes of zeros, NULL if there is no memory for them (room.h). */
void *bulk_new(size_t n, size_t bytes);
void bulk_free(void *memory);
/* What is mapped now, touched or not. */
size_t bulk_mapped(void);
/* A column of a graph or an analysis, with room for one more. NULL: no memory,
 * in *status; or *status was an error already. */
void *bulk_column(size_t n, size_t bytes, enum px_status *status,
                  struct px_err *err);

#endif
