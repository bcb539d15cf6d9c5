/* ids.c — the dense number of an address, and back.
 *
 * Pages of 4 KiB of address space, each a bitmap of 512 bits; a hash table
 * finds a page, and a sealed page knows how many members lie before it and
 * before each of its words, so that a rank is one probe and one population
 * count. Python's allocator fills its arenas densely (some 50 objects a
 * page), so this takes about 2 bytes an object where a sorted column of
 * addresses would take 8. The way back is a binary search over the pages in
 * the order of addresses. Pages themselves stay where they came, so that a
 * mark, which is a page's number and a bit, holds before and after the seal.
 *
 * Walks have locality: the last page of each role is tried first.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/ids.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_SHIFT 12
#define UNIT_SHIFT 3
#define WORD_UNITS 64
#define TABLE_MIN 64u
#define DIGIT_BITS 11u
#define DIGIT_MASK ((1u << DIGIT_BITS) - 1)
#define PAGES_MAX (1u << (IDS_MARK_BITS - 9))

void
ids_init(struct ids *ids)
{
    *ids = (struct ids){0};
}

void
ids_done(struct ids *ids)
{
    free(ids->pages);
    free(ids->sorted);
    free(ids->table);
    ids_init(ids);
}

size_t
ids_bytes(const struct ids *ids)
{
    size_t slots = ids->table == NULL ? 0 : (size_t)ids->table_mask + 1;
    return (size_t)ids->cap_pages * sizeof *ids->pages +
           (size_t)ids->n_pages * sizeof *ids->sorted +
           slots * sizeof *ids->table;
}

static inline uint32_t
slot_of(const struct ids *ids, uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & ids->table_mask;
}

/* Number of the page, IDS_NONE if there is none. */
static inline uint32_t
find_page(const struct ids *ids, uint64_t key)
{
    if (ids->table == NULL)
        return IDS_NONE;
    uint32_t slot = slot_of(ids, key);
    for (uint32_t run = 0; run < IDS_RUN_MAX; run++) {
        uint32_t number = ids->table[slot];
        if (number == 0)
            return IDS_NONE;
        if (ids->pages[number - 1].key == key)
            return number - 1;
        slot = (slot + 1) & ids->table_mask;
    }
    return IDS_NONE;
}

/* Page `number`, which is not there yet. */
static enum px_status
put_page(struct ids *ids, uint32_t number, uint64_t key, struct px_err *err)
{
    uint32_t slot = slot_of(ids, key);
    for (uint32_t run = 0; run < IDS_RUN_MAX; run++) {
        if (ids->table[slot] == 0) {
            ids->table[slot] = number + 1;
            return PX_OK;
        }
        slot = (slot + 1) & ids->table_mask;
    }
    return px_fail(err, PX_ELIMIT, "addresses that no heap has");
}

/* Keeps at least half of the table free. */
static enum px_status
grow_table(struct ids *ids, struct px_err *err)
{
    uint64_t size = ids->table == NULL ? 0 : (uint64_t)ids->table_mask + 1;
    if ((uint64_t)ids->n_pages * 2 < size)
        return PX_OK;
    size = size == 0 ? TABLE_MIN : size * 2;
    if (size > UINT32_MAX)
        return px_fail(err, PX_ELIMIT, "more than 2^31 pages of addresses");
    enum px_status status = PX_OK;
    struct ids grown = *ids;
    grown.table = calloc((size_t)size, sizeof *grown.table);
    grown.table_mask = (uint32_t)(size - 1);
    if (grown.table == NULL)
        return room_fail(err, "no memory for an index of %llu pages",
                         (unsigned long long)size);
    for (uint32_t i = 0; status == PX_OK && i < ids->n_pages; i++)
        status = put_page(&grown, i, ids->pages[i].key, err);
    free(status == PX_OK ? ids->table : grown.table);
    if (status == PX_OK)
        *ids = grown;
    return status;
}

static enum px_status
add_page(struct ids *ids, uint64_t key, uint32_t *out, struct px_err *err)
{
    enum px_status status = grow_table(ids, err);
    if (status != PX_OK)
        return status;
    if (ids->n_pages == PAGES_MAX)
        return px_fail(err, PX_ELIMIT, "objects on more than %u pages of 4 KiB",
                       PAGES_MAX);
    if (ids->n_pages == ids->cap_pages) {
        size_t cap = (size_t)ids->cap_pages + ids->cap_pages / 2 + 16;
        struct ids_page *pages = realloc(ids->pages, cap * sizeof *pages);
        if (pages == NULL)
            return room_fail(err, "no memory for %zu pages of addresses", cap);
        ids->pages = pages;
        ids->cap_pages = (uint32_t)cap;
    }
    status = put_page(ids, ids->n_pages, key, err);
    if (status != PX_OK)
        return status;
    *out = ids->n_pages++;
    ids->pages[*out] = (struct ids_page){.key = key};
    return PX_OK;
}

enum px_status
ids_mark(struct ids *ids, uint64_t addr, struct ids_hint *hint, uint64_t *mark,
         struct px_err *err)
{
    uint64_t key = addr >> PAGE_SHIFT;
    uint32_t number = hint->page - 1;
    if (hint->page == 0 || ids->pages[number].key != key) {
        number = find_page(ids, key);
        if (number == IDS_NONE) {
            enum px_status status = add_page(ids, key, &number, err);
            if (status != PX_OK)
                return status;
        }
        hint->page = number + 1;
    }
    unsigned unit = (unsigned)(addr >> UNIT_SHIFT) & 511;
    ids->pages[number].bits[unit / WORD_UNITS] |= 1ull << unit % WORD_UNITS;
    *mark = (uint64_t)number * IDS_PAGE_UNITS + unit;
    return PX_OK;
}

void
ids_clear(struct ids *ids)
{
    for (uint32_t i = 0; i < ids->n_pages; i++)
        memset(ids->pages[i].bits, 0, sizeof ids->pages[i].bits);
}

void
ids_mark_again(struct ids *ids, uint64_t mark)
{
    unsigned unit = mark % IDS_PAGE_UNITS;
    ids->pages[mark / IDS_PAGE_UNITS].bits[unit / WORD_UNITS] |=
        1ull << unit % WORD_UNITS;
}

struct place {
    uint64_t key;
    uint32_t number;
};

/* By one digit of the key, equal ones as they stood. */
static void
sort_by_digit(const struct place *from, struct place *to, size_t n,
              unsigned shift)
{
    size_t starts[DIGIT_MASK + 1] = {0};
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        starts[from[i].key >> shift & DIGIT_MASK]++;
    for (size_t digit = 0; digit <= DIGIT_MASK; digit++) {
        size_t count = starts[digit];
        starts[digit] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[starts[from[i].key >> shift & DIGIT_MASK]++] = from[i];
}

/* From the lowest digit to the highest, without those that are the same in
 * all; returns which of the two has the result. The explorer's screen waits
 * for this: qsort took 60 ms for 300,000 pages, a heap of 15 million objects.
 */
static struct place *
sort_places(struct place *places, struct place *spare, size_t n)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < n; i++)
        differ |= places[i].key ^ places[0].key;
    for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
        if ((differ >> shift & DIGIT_MASK) == 0)
            continue;
        sort_by_digit(places, spare, n, shift);
        struct place *sorted = spare;
        spare = places;
        places = sorted;
    }
    return places;
}

static enum px_status
sort_pages(struct ids *ids, struct px_err *err)
{
    size_t n = ids->n_pages;
    struct place *places = calloc(n * 2 + 1, sizeof *places);
    free(ids->sorted); /* of a seal that failed later */
    ids->sorted = calloc(n + 1, sizeof *ids->sorted);
    if (places == NULL || ids->sorted == NULL) {
        free(places);
        return room_fail(err, "no memory for an index of %zu pages", n);
    }
    for (uint32_t i = 0; i < n; i++)
        places[i] = (struct place){ids->pages[i].key, i};
    const struct place *sorted = sort_places(places, places + n, n);
    for (size_t i = 0; i < n; i++)
        ids->sorted[i] = sorted[i].number;
    free(places);
    return PX_OK;
}

enum px_status
ids_seal(struct ids *ids, struct px_err *err)
{
    uint64_t n = 0;
    enum px_status status = sort_pages(ids, err);
    for (uint32_t i = 0; status == PX_OK && i < ids->n_pages; i++) {
        struct ids_page *page = &ids->pages[ids->sorted[i]];
        unsigned inside = 0;
        page->base = (uint32_t)n;
        for (int word = 0; word < 8; word++) {
            page->before[word] = (uint16_t)inside;
            inside += count_bits(page->bits[word]);
        }
        n += inside;
        if (n > UINT32_MAX - 1)
            status = px_fail(err, PX_ELIMIT,
                             "more than 4,294,967,294 objects in one snapshot");
    }
    ids->n = (uint32_t)n;
    return status;
}

uint32_t
ids_find(const struct ids *ids, uint64_t addr, struct ids_hint *hint)
{
    uint64_t key = addr >> PAGE_SHIFT;
    uint32_t number = hint->page - 1;
    if (hint->page == 0 || ids->pages[number].key != key) {
        number = find_page(ids, key);
        if (number == IDS_NONE)
            return IDS_NONE;
        hint->page = number + 1;
    }
    unsigned unit = (unsigned)(addr >> UNIT_SHIFT) & 511;
    uint64_t word = ids->pages[number].bits[unit / WORD_UNITS];
    if ((word >> unit % WORD_UNITS & 1) == 0)
        return IDS_NONE;
    return ids_rank(ids, (uint64_t)number * IDS_PAGE_UNITS + unit);
}

uint64_t
ids_addr(const struct ids *ids, uint32_t id)
{
    uint32_t low = 0;
    uint32_t high = ids->n_pages;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (ids->pages[ids->sorted[middle]].base <= id)
            low = middle;
        else
            high = middle;
    }
    const struct ids_page *page = &ids->pages[ids->sorted[low]];
    uint32_t rest = id - page->base;
    unsigned word = 7;
    while (page->before[word] > rest)
        word--;
    uint64_t bits = page->bits[word];
    for (rest -= page->before[word]; rest > 0; rest--)
        bits &= bits - 1;
    unsigned unit = word * WORD_UNITS + (unsigned)__builtin_ctzll(bits);
    return page->key << PAGE_SHIFT | (uint64_t)unit << UNIT_SHIFT;
}
