/* ids.h — the dense number of an address, and back.
 *
 * A set of addresses that is first marked and then sealed; after that every
 * member has a rank, ascending by address, and the set never changes. The
 * caller owns the storage (init/done). Not thread-safe before the seal.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_IDS_H
#define GRAPH_IDS_H

#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

#define IDS_NONE UINT32_MAX

struct ids_page {
    uint64_t key;       /* address >> 12 */
    uint64_t bits[8];   /* one for each 8 bytes of the page */
    uint16_t before[8]; /* sealed: members in the words before this one */
    uint32_t base;      /* sealed: rank of the page's first member */
};

struct ids {
    struct ids_page *pages;
    uint32_t *table; /* open addressing: page number + 1, 0 is free */
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
/* Adds an address, a multiple of 8. PX_ENOMEM: the set is as it was. */
enum px_status ids_mark(struct ids *ids, uint64_t addr, struct ids_hint *hint,
                        struct px_err *err);
/* PX_ELIMIT if there are more than 2^32-2 members. */
enum px_status ids_seal(struct ids *ids, struct px_err *err);
/* Sealed: the rank of a member, else IDS_NONE. */
uint32_t ids_find(const struct ids *ids, uint64_t addr, struct ids_hint *hint);
/* Sealed: the address of rank id < n. */
uint64_t ids_addr(const struct ids *ids, uint32_t id);
size_t ids_bytes(const struct ids *ids);

#endif
