/* tape.c — a row of u64 that is written once and read from its start.
 *
 * The first block is small, for graphs of some objects; each next one is
 * twice as large, up to some megabytes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/tape.h"

#include <pyexplore/buf.h>

#include <stdlib.h>

#include "graph/bulk.h"
#include "graph/room.h"

/* In words. With tiny buffers blocks are, too. */
#define BLOCK_MIN (PX_BUF_MIN < 256 ? (size_t)4 : (size_t)1 << 10)
#define BLOCK_MAX_SHIFT (PX_BUF_MIN < 256 ? 2u : 10u)

static size_t
block_words(size_t number)
{
    return BLOCK_MIN << (number < BLOCK_MAX_SHIFT ? number : BLOCK_MAX_SHIFT);
}

void
tape_done(struct tape *tape)
{
    for (size_t i = 0; i < tape->n_blocks; i++)
        bulk_free(tape->blocks[i]);
    free(tape->blocks);
    *tape = (struct tape){0};
}

size_t
tape_count(const struct tape *tape)
{
    size_t n = 0;
    for (size_t i = 0; i < tape->n_blocks; i++)
        n += block_words(i);
    return n - (size_t)(tape->end - tape->at);
}

void
tape_shorten(struct tape *tape, size_t n)
{
    size_t n_before = 0;
    size_t keep = 0;
    while (keep < tape->n_blocks && n_before + block_words(keep) < n)
        n_before += block_words(keep++);
    for (size_t i = keep + 1; i < tape->n_blocks; i++)
        bulk_free(tape->blocks[i]);
    if (keep >= tape->n_blocks)
        return; /* it is empty */
    tape->n_blocks = keep + 1;
    tape->at = tape->blocks[keep] + (n - n_before);
    tape->end = tape->blocks[keep] + block_words(keep);
}

enum px_status
tape_grow(struct tape *tape, struct px_err *err)
{
    size_t n = block_words(tape->n_blocks);
    if (tape->n_blocks == tape->cap_blocks) {
        size_t cap = tape->cap_blocks * 2 + 16;
        uint64_t **blocks = realloc(tape->blocks, cap * sizeof *blocks);
        if (blocks == NULL)
            return room_fail(err, "no memory for a row of blocks");
        tape->blocks = blocks;
        tape->cap_blocks = cap;
    }
    uint64_t *block = bulk_new(n, sizeof *block);
    if (block == NULL)
        return room_fail(err, "no memory for %zu words more of what arrives",
                         n);
    tape->blocks[tape->n_blocks++] = block;
    tape->at = block;
    tape->end = block + n;
    return PX_OK;
}

void
tape_turn(struct tape_reader *reader)
{
    struct tape *tape = reader->tape;
    size_t number = reader->n_entered++;
    if (reader->frees && number > 0) {
        bulk_free(tape->blocks[number - 1]);
        tape->blocks[number - 1] = NULL;
    }
    reader->at = tape->blocks[number];
    reader->end = reader->at + block_words(number);
}
