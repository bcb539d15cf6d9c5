/* offsets.h — where each row of a long list of lists starts, in two bytes a
 * row: 64 rows share a base. Where 64 rows have more than 65,535 entries (the
 * referrers of None) they are kept in full. Made once, then read.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_OFFSETS_H
#define GRAPH_OFFSETS_H

#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

#define OFFSETS_ROWS 64u

struct offsets {
    uint16_t *low;
    struct offsets_base {
        uint32_t start;
        uint32_t wide; /* 0, or the number of a group in `wide` and 1 */
    } * bases;
    uint32_t *wide;
};

/* Of n ascending starts. */
enum px_status offsets_make(struct offsets *offsets, const uint32_t *starts,
                            size_t n, struct px_err *err);
void offsets_done(struct offsets *offsets);
/* How many bytes n rows take, without those kept in full. */
size_t offsets_bytes(size_t n);

static inline uint32_t
offsets_get(const struct offsets *offsets, uint32_t row)
{
    const struct offsets_base *base = &offsets->bases[row / OFFSETS_ROWS];
    if (__builtin_expect(base->wide == 0, 1))
        return base->start + offsets->low[row];
    return offsets
        ->wide[(size_t)(base->wide - 1) * OFFSETS_ROWS + row % OFFSETS_ROWS];
}

/* Where a row starts and ends. */
struct span {
    uint32_t first, end;
};

static inline struct span
offsets_span(const struct offsets *offsets, uint32_t row)
{
    const struct offsets_base *base = &offsets->bases[row / OFFSETS_ROWS];
    const uint16_t *low = offsets->low + row;
    if (__builtin_expect(
            base->wide == 0 && row % OFFSETS_ROWS != OFFSETS_ROWS - 1, 1))
        return (struct span){base->start + low[0], base->start + low[1]};
    return (struct span){offsets_get(offsets, row),
                         offsets_get(offsets, row + 1)};
}

#endif
