/* bitrank.h — a set of nodes that knows the rank of each member, in about a
 * fifth of a byte for each node that could be one. Set, sealed, then read;
 * zero-initialise.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_BITRANK_H
#define GRAPH_BITRANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

struct bitrank {
    uint64_t *bits;
    uint32_t *before; /* sealed: members in the words before this one */
    uint32_t n;       /* sealed: members */
};

/* For members 0 … size-1. */
enum px_status bitrank_init(struct bitrank *set, size_t size,
                            struct px_err *err);
void bitrank_done(struct bitrank *set);
void bitrank_seal(struct bitrank *set, size_t size);

/* In registers: without -mpopcnt the compiler's own is a call and a table. */
static inline uint32_t
count_bits(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint32_t)(word * 0x0101010101010101u >> 56);
}

static inline void
bitrank_add(struct bitrank *set, uint32_t member)
{
    set->bits[member / 64] |= 1ull << member % 64;
}

static inline bool
bitrank_has(const struct bitrank *set, uint32_t member)
{
    return (set->bits[member / 64] >> member % 64 & 1) != 0;
}

/* How many members are less. */
static inline uint32_t
bitrank_of(const struct bitrank *set, uint32_t member)
{
    uint64_t less = set->bits[member / 64] & ((1ull << member % 64) - 1);
    return set->before[member / 64] + count_bits(less);
}

static inline size_t
bitrank_bytes(size_t size)
{
    return (size / 64 + 1) * (sizeof(uint64_t) + sizeof(uint32_t));
}

#endif
