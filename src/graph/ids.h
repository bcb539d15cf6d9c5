/* ids.h — the dense number of an address, and back.
 *
 * A set of addresses that is first marked and then sealed; after that every
 * member has a rank, ascending by address, and the set never changes. What
 * marking an address gave (its mark) finds the rank later without a search.
 * The caller owns the storage (init/done). Not thread-safe before the seal.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_IDS_H
#define GRAPH_IDS_H

#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

#include "graph/bitrank.h"

#define IDS_NONE UINT32_MAX
/* So far from its slot something may stand in a hash table of what a file
 * chooses; a file can be made of such as all want one slot, and is refused.
 * What is evenly spaced comes near: some strides reach more than a thousand.
 * Simulated, the first that are refused: 4,137 pages, one in 7,037, and 4,633
 * to 4,658 sizes of one type, 28,680 bytes apart. As heaps, that is 119 GB of
 * addresses, nearly all without objects, and 300 GB of objects. */
#define IDS_RUN_MAX 4096u
#define IDS_PAGE_UNITS 512u
/* A mark is a page, in the order of arrival, and a unit in it. So many bits
 * do for 256 GiB of pages with objects; more are refused. */
#define IDS_MARK_BITS 35

struct ids_page {
    uint64_t key;       /* address >> 12 */
    uint64_t bits[8];   /* one for each 8 bytes of the page */
    uint16_t before[8]; /* sealed: members in the words before this one */
    uint32_t base;      /* sealed: rank of the page's first member */
};

struct ids {
    struct ids_page *pages; /* in the order of arrival */
    uint32_t *sorted;       /* sealed: page numbers by address */
    uint32_t *table;        /* open addressing: page number + 1, 0 is free */
    uint32_t n_pages;
    uint32_t cap_pages;
    uint32_t table_mask;
    uint32_t n; /* sealed: members */
};

/* Where the last lookup of one role ended; zero-initialise. */
struct ids_hint {
    uint32_t page; /* number + 1 */
};

void ids_init(struct ids *ids);
void ids_done(struct ids *ids);
/* Adds an address, a multiple of 8. On an error the set is as it was. */
enum px_status ids_mark(struct ids *ids, uint64_t addr, struct ids_hint *hint,
                        uint64_t *mark, struct px_err *err);
/* Takes all members out; their marks stay good. */
void ids_clear(struct ids *ids);
/* Puts back what has a mark. */
void ids_mark_again(struct ids *ids, uint64_t mark);
/* PX_ELIMIT if there are more than 2^32-2 members. */
enum px_status ids_seal(struct ids *ids, struct px_err *err);
/* Sealed: the rank of a member, else IDS_NONE. */
uint32_t ids_find(const struct ids *ids, uint64_t addr, struct ids_hint *hint);
/* Sealed: the address of rank id < n. */
uint64_t ids_addr(const struct ids *ids, uint32_t id);
size_t ids_bytes(const struct ids *ids);

/* Sealed: the rank of a member by its mark. */
static inline uint32_t
ids_rank(const struct ids *ids, uint64_t mark)
{
    const struct ids_page *page = &ids->pages[mark / IDS_PAGE_UNITS];
    unsigned unit = mark % IDS_PAGE_UNITS;
    uint64_t less = page->bits[unit / 64] & ((1ull << unit % 64) - 1);
    return page->base + page->before[unit / 64] + count_bits(less);
}

/* Soon ids_rank will want this one. */
static inline void
ids_prefetch(const struct ids *ids, uint64_t mark)
{
    const struct ids_page *page = &ids->pages[mark / IDS_PAGE_UNITS];
    __builtin_prefetch(&page->bits[mark % IDS_PAGE_UNITS / 64]);
    __builtin_prefetch(&page->base);
}

#endif
