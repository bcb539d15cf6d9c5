/* memory.h — the memory that this process has and may still take.
 *
 * A process may take what the machine has available, and what the limit of
 * every cgroup above it leaves, v1 and v2. The cgroups are found once; the
 * figures are read anew each time. No descriptor stays open; `open_fd` (may be
 * NULL) is the number + 1 of the one that is open just now, else 0: reading
 * may take long, and a forked copy of a process must close it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_MEMORY_H
#define PX_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PX_MEMORY_LEVELS_MAX 16
#define PX_MEMORY_PATH_MAX 512

struct px_memory {
    size_t n_levels;
    struct px_memory_level {
        char folder[PX_MEMORY_PATH_MAX]; /* of one cgroup */
        bool is_v1;
    } levels[PX_MEMORY_LEVELS_MAX];
};

/* Takes some 80 KiB of stack. */
void px_memory_find(struct px_memory *memory, atomic_int *open_fd);

/* Free bytes where there are fewest. `where` (may be NULL) becomes the index
 * of the level, -1 for the machine itself. UINT64_MAX if nothing can be read:
 * then nothing limits us that we could know. Async-signal-safe. */
uint64_t px_memory_free(const struct px_memory *memory, atomic_int *open_fd,
                        int *where);

/* The resident bytes of this process, and how many of them are of no file;
 * 0: not known. */
uint64_t px_memory_rss(atomic_int *open_fd);
uint64_t px_memory_anonymous(void);

#endif
