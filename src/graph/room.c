/* room.c — is there memory for a graph, here and within our limits?
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/room.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"
#include "graph/bulk.h"

/* What a graph takes beyond what the stage gives back for it. What is in
 * tables may be copied to grow, and gets an index: as much again. */
#define NODE_BYTES 12u
#define EDGE_BYTES 5u
/* Of what is free so much stays so, for the others. */
#define SPARE_SHARE 8u

static struct px_memory memory;
static pthread_once_t is_found = PTHREAD_ONCE_INIT;

static void
find(void)
{
    px_memory_find(&memory, NULL);
}

/* What we have got and not touched yet, which the kernel counts as free. */
static uint64_t
owed_bytes(void)
{
    uint64_t got = bulk_mapped();
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    struct mallinfo2 info = mallinfo2();
    got += info.arena + info.hblkhd;
#endif
    uint64_t touched = px_memory_anonymous();
    return touched < got ? got - touched : 0;
}

static uint64_t
look(int *where)
{
    pthread_once(&is_found, find);
    uint64_t bytes = px_memory_free(&memory, NULL, where);
    uint64_t owed = owed_bytes();
    bytes -= bytes / SPARE_SHARE;
    return bytes > owed ? bytes - owed : 0;
}

enum px_status
room_fail(struct px_err *err, const char *format, ...)
{
    char text[PX_ERR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    px_fail(err, PX_ENOMEM, "%s", text);
    px_err_hint(err, "save it with `pyexplore snapshot` and open the file on "
                     "a machine with more memory");
    return PX_ENOMEM;
}

bool
room_has(uint64_t bytes)
{
    return bytes <= look(NULL);
}

enum px_status
room_check(uint64_t n_nodes, uint64_t n_edges, uint64_t table_bytes,
           struct px_err *err)
{
    uint64_t need = n_nodes * NODE_BYTES + n_edges * EDGE_BYTES + table_bytes;
    int where;
    uint64_t room = look(&where);
    if (need <= room)
        return PX_OK;
    return room_fail(err,
                     "a graph of %" PRIu64 " objects and %" PRIu64
                     " references takes %" PRIu64 " MiB more, and %" PRIu64
                     " MiB may be taken of what is free in %.120s",
                     n_nodes, n_edges, need >> 20, room >> 20,
                     where < 0 ? "this machine" : memory.levels[where].folder);
}
