/* overflow.h — the few values that do not fit a narrow column, by number.
 * Appended in any order, sorted once, then only read. Caller's storage.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_OVERFLOW_H
#define GRAPH_OVERFLOW_H

#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

#define OVERFLOW_U16 0xffffu /* in the column: look here */

struct overflow_row {
    uint64_t value;
    uint32_t number;
};

struct overflow {
    struct overflow_row *rows;
    size_t n;
    size_t cap;
};

void overflow_done(struct overflow *over);
enum px_status overflow_add(struct overflow *over, uint32_t number,
                            uint64_t value, struct px_err *err);
void overflow_sort(struct overflow *over);
/* The value of a number that was added; 0 otherwise. */
uint64_t overflow_get(const struct overflow *over, uint32_t number);

/* Stores a value in a u16 column, here if it is too large. */
static inline enum px_status
overflow_put(struct overflow *over, uint16_t *column, uint32_t number,
             uint64_t value, struct px_err *err)
{
    column[number] = value < OVERFLOW_U16 ? (uint16_t)value : OVERFLOW_U16;
    if (value < OVERFLOW_U16)
        return PX_OK;
    return overflow_add(over, number, value, err);
}

static inline uint64_t
overflow_read(const struct overflow *over, const uint16_t *column,
              uint32_t number)
{
    uint16_t value = column[number];
    return value < OVERFLOW_U16 ? value : overflow_get(over, number);
}

#endif
