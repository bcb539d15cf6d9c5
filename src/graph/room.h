/* room.h — is there memory for a graph, here and within our limits?
 *
 * The target may share the limit: who looks from inside its container does.
 * Where that is reached the kernel ends the largest process, which is the
 * target, not us. So we stop before. From any thread; a look takes some 0.05
 * ms.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_ROOM_H
#define GRAPH_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include <pyexplore/err.h>

/* px_fail with PX_ENOMEM, and where there would be more. */
enum px_status room_fail(struct px_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* May so many bytes be taken, beside what we have got but not touched yet? */
bool room_has(uint64_t bytes);

/* PX_ENOMEM if not what a graph of that many objects and references will
 * take; `table_bytes` is what the tables and the index of addresses take
 * now. */
enum px_status room_check(uint64_t n_nodes, uint64_t n_edges,
                          uint64_t table_bytes, struct px_err *err);

#endif
