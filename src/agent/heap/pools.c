/* pools.c — finds pymalloc's table of arenas.
 *
 * Before 3.12 `arenas` is a static variable of obmalloc.c, in 3.12 a field of
 * the main interpreter's state within _PyRuntime, from 3.13 on a field of a
 * static struct: always a pointer in the writable data of the image that has
 * the interpreter, and never exported. So each word there that may be one is
 * tried against the pools of some objects: row `pool->arena` of the right
 * table describes the arena in which that pool lies. The table only grows, to
 * twice its length, from 16 rows on.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/walk_state.h"

#include <link.h>

#include "agent/heap/pools.h"

#define TRIES_MAX 65536 /* objects looked at for samples */
#define ROWS_FIRST 16u  /* INITIAL_ARENA_OBJECTS */
#define ROWS_MAX (1u << 24)
#define OS_PAGE ((uintptr_t)4096)

/* ---- before the clone ---- */

static int
note_image(struct dl_phdr_info *info, size_t n_bytes, void *context)
{
    struct pools_note *note = context;
    uintptr_t wanted = (uintptr_t)&PyObject_Malloc;
    struct pools_note found = {.image_start = UINTPTR_MAX};
    bool is_it = false;
    (void)n_bytes;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *head = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + head->p_vaddr;
        uintptr_t end = start + head->p_memsz;
        if (head->p_type != PT_LOAD)
            continue;
        is_it |= wanted >= start && wanted < end;
        if (start < found.image_start)
            found.image_start = start;
        if (end > found.image_end)
            found.image_end = end;
        if ((head->p_flags & PF_W) == 0 ||
            found.n_segments == POOLS_SEGMENTS_MAX)
            continue;
        found.segments[found.n_segments].start = (start + 7) & ~(uintptr_t)7;
        found.segments[found.n_segments++].end = end & ~(uintptr_t)7;
    }
    if (is_it)
        *note = found;
    return is_it;
}

void
pools_note(struct pools_note *note)
{
    *note = (struct pools_note){0};
    dl_iterate_phdr(note_image, note);
}

/* ---- in the child ---- */

/* The lowest row first: of a pointer to something else that place is the most
 * likely to be readable, and a fault costs more than a hundred tries. */
static void
swap_first(struct pools *pools, size_t i)
{
    struct pools_sample first = pools->samples[0];
    pools->samples[0] = pools->samples[i];
    pools->samples[i] = first;
}

/* Objects from all over the heap, one from each stretch as long as an arena.
 */
PX_GUESS static void
sample(struct walk *w, struct pools *pools)
{
    while (pools->n_samples < POOLS_SAMPLES_MAX && pools->n_tried < TRIES_MAX) {
        uintptr_t address = visited_next(&w->visited, pools->at);
        if (address == 0)
            return;
        pools->n_tried++;
        pools->at = (address | (POOLS_ARENA_BYTES - 1)) + 1;
        guard_mark();
        const struct pools_pool *pool =
            (const struct pools_pool *)(address & ~(POOLS_BYTES - 1));
        if (!pools_is_pool(pool))
            continue;
        pools->samples[pools->n_samples].pool = pool;
        pools->samples[pools->n_samples++].arena = pool->arena;
        if (pool->arena < pools->samples[0].arena)
            swap_first(pools, pools->n_samples - 1);
    }
}

PX_GUESS static bool
row_has(const struct pools_arena *row, uintptr_t pool)
{
    return row->address != 0 && row->address <= pool &&
           pool - row->address <= POOLS_ARENA_BYTES - POOLS_BYTES &&
           row->n_pools <= POOLS_ARENA_BYTES / POOLS_BYTES &&
           row->n_pools + 1 >= POOLS_ARENA_BYTES / POOLS_BYTES &&
           row->n_free <= row->n_pools;
}

/* A row of the table, in use or not. */
PX_GUESS static bool
row_fits(const struct pools_arena *row, const struct pools_arena *table)
{
    if (row->address != 0)
        return (row->address & (OS_PAGE - 1)) == 0 &&
               row_has(row, (row->address + POOLS_BYTES - 1) &
                                ~(uintptr_t)(POOLS_BYTES - 1)) &&
               row->uncarved >= row->address &&
               row->uncarved <= row->address + POOLS_ARENA_BYTES + POOLS_BYTES;
    uintptr_t offset = (uintptr_t)row->next - (uintptr_t)table;
    return row->next == NULL ||
           (offset % sizeof *row == 0 && offset / sizeof *row < ROWS_MAX);
}

/* A sample may lie in what only looks like a pool. */
PX_GUESS static bool
table_fits(const struct pools *pools, const struct pools_arena *table)
{
    size_t n_wrong = 0;
    for (size_t i = 0; i < pools->n_samples; i++) {
        n_wrong += !row_has(&table[pools->samples[i].arena],
                            (uintptr_t)pools->samples[i].pool);
        if (n_wrong * 4 > pools->n_samples)
            return false;
    }
    return true;
}

/* May be a pointer to malloced memory: within the same 4 GiB as some object,
 * or beside them, and not in the image itself. */
static bool
is_near(const struct walk *w, const struct pools_note *note, uintptr_t word)
{
    size_t top = word >> VISITED_TOP_SHIFT;
    if ((word & 7) != 0 || word < OS_PAGE || !visited_can(word) ||
        (word >= note->image_start && word < note->image_end))
        return false;
    return w->visited.top[top] != NULL ||
           (top > 0 && w->visited.top[top - 1] != NULL) ||
           (top + 1 < VISITED_TOP_N && w->visited.top[top + 1] != NULL);
}

/* Goes through the data until a table fits. */
PX_GUESS static void
search(const struct walk *w, struct pools *pools, const struct pools_note *note)
{
    for (; pools->segment < note->n_segments; pools->segment++, pools->at = 0) {
        if (pools->at < note->segments[pools->segment].start)
            pools->at = note->segments[pools->segment].start;
        while (pools->at != 0 &&
               pools->at < note->segments[pools->segment].end) {
            const uintptr_t *place = (const uintptr_t *)pools->at;
            pools->at += sizeof *place;
            guard_mark();
            uintptr_t word = *place;
            if (!is_near(w, note, word))
                continue;
            const struct pools_arena *table = (const struct pools_arena *)word;
            if (table_fits(pools, table)) {
                pools->arenas = table;
                return;
            }
        }
    }
}

PX_GUESS static void
measure(struct pools *pools)
{
    size_t limit = pools->n_arenas == 0 ? ROWS_FIRST : 2 * pools->n_arenas;
    for (; limit <= ROWS_MAX; limit *= 2) {
        for (size_t i = pools->n_arenas; i < limit; i++) {
            if (!row_fits(&pools->arenas[i], pools->arenas))
                return;
        }
        pools->n_arenas = limit;
        guard_mark();
    }
}

PX_GUESS static void
count_arenas(struct pools *pools)
{
    size_t n_mapped = 0;
    uint64_t carved_bytes = 0;
    for (size_t i = 0; i < pools->n_arenas; i++) {
        size_t n = 0;
        guard_mark();
        if (pools->arenas[i].address == 0)
            continue;
        pools_of(&pools->arenas[i], &n);
        carved_bytes += n * POOLS_BYTES;
        n_mapped++;
    }
    pools->n_mapped = n_mapped;
    pools->carved_bytes = carved_bytes;
}

/* Each part goes on behind what it could not read. */
void
pools_find(struct walk *w, struct pools *pools, const struct pools_note *note)
{
    sigjmp_buf here;
    sigjmp_buf *const outer = w->guard->landing;
    pools->at = 8;
    if (sigsetjmp(here, 0) != 0)
        guard_enter(w->guard);
    w->guard->landing = &here;
    sample(w, pools);
    pools->has_samples = pools->n_samples != 0;

    pools->at = 0;
    if (sigsetjmp(here, 0) != 0)
        guard_enter(w->guard);
    if (pools->has_samples)
        search(w, pools, note);

    if (sigsetjmp(here, 0) == 0 && pools->arenas != NULL)
        measure(pools);
    guard_enter(w->guard);
    if (sigsetjmp(here, 0) == 0 && pools->arenas != NULL)
        count_arenas(pools);
    guard_enter(w->guard);
    w->guard->landing = outer;
    if (pools->n_arenas == 0)
        pools->arenas = NULL;
}
