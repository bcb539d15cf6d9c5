/* bulk.c — memory for the columns of a graph and of its analyses.
 *
 * In front of each piece stand 64 bytes that say how long it is.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/bulk.h"

#include "graph/room.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define MAPPED_MIN (1u << 20)
#define HEAD_BYTES 64

struct head {
    size_t mapped; /* 0: from calloc */
};
_Static_assert(sizeof(struct head) <= HEAD_BYTES, "the head has its room");

static atomic_size_t mapped;

size_t
bulk_mapped(void)
{
    return atomic_load(&mapped);
}

void *
bulk_new(size_t n, size_t bytes)
{
    size_t total;
    struct head *head;
    if (__builtin_mul_overflow(n, bytes, &total) ||
        __builtin_add_overflow(total, HEAD_BYTES, &total) ||
        total > PTRDIFF_MAX)
        return NULL;
    if (total < MAPPED_MIN) {
        head = calloc(1, total);
        if (head == NULL)
            return NULL;
    } else {
        if (!room_has(total))
            return NULL;
        void *map = mmap(NULL, total, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED)
            return NULL;
        madvise(map, total, MADV_HUGEPAGE); /* or not: it is only faster */
        head = map;
        head->mapped = total;
        atomic_fetch_add(&mapped, total);
    }
    return (char *)head + HEAD_BYTES;
}

void
bulk_free(void *memory)
{
    if (memory == NULL)
        return;
    struct head *head = (struct head *)(void *)((char *)memory - HEAD_BYTES);
    if (head->mapped > 0) {
        atomic_fetch_sub(&mapped, head->mapped);
        munmap(head, head->mapped);
    } else {
        free(head);
    }
}

void *
bulk_column(size_t n, size_t bytes, enum px_status *status, struct px_err *err)
{
    if (*status != PX_OK)
        return NULL;
    void *memory = bulk_new(n + 1, bytes);
    if (memory != NULL)
        return memory;
    *status =
        room_fail(err, "no memory for a column of %zu × %zu bytes", n, bytes);
    return NULL;
}
