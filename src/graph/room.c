/* room.c — whether this machine has the memory for a graph.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <inttypes.h>
#include <stdio.h>

/* What a graph takes beyond what the stage gives back for it. What is in
 * tables may be copied to grow, and gets an index: as much again. */
#define NODE_BYTES 12u
#define EDGE_BYTES 5u
#define ALWAYS_BYTES (64u << 20)

static uint64_t
available_bytes(void)
{
    uint64_t kib = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");
    if (file == NULL)
        return UINT64_MAX;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
            break;
    }
    fclose(file);
    return kib == 0 ? UINT64_MAX : kib * 1024;
}

enum px_status
room_check(uint64_t n_nodes, uint64_t n_edges, uint64_t table_bytes,
           struct px_err *err)
{
    uint64_t need = n_nodes * NODE_BYTES + n_edges * EDGE_BYTES + table_bytes;
    if (need < ALWAYS_BYTES)
        return PX_OK;
    uint64_t room = available_bytes();
    if (need <= room)
        return PX_OK;
    px_fail(err, PX_ENOMEM,
            "a graph of %" PRIu64 " objects and %" PRIu64
            " references takes %" PRIu64 " MiB more, and %" PRIu64
            " MiB are available",
            n_nodes, n_edges, need >> 20, room >> 20);
    px_err_hint(err, "save it with `pyexplore snapshot` and open the file on "
                     "a machine with more memory");
    return PX_ENOMEM;
}
