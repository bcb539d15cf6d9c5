/* tape.h — a row of u64 that is written once and read from its start.
 *
 * Blocks of its own size each: it grows without moving, and can be given
 * back behind the reader, so that what is made of it takes its place. Caller's
 * storage, zero-initialised.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_TAPE_H
#define GRAPH_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

struct tape {
    uint64_t **blocks;
    size_t n_blocks, cap_blocks;
    uint64_t *at, *end; /* in the last block */
};

void tape_done(struct tape *tape);
size_t tape_count(const struct tape *tape);
/* Takes back all but the first n. */
void tape_shorten(struct tape *tape, size_t n);
enum px_status tape_grow(struct tape *tape, struct px_err *err);

static inline enum px_status
tape_put(struct tape *tape, uint64_t word, struct px_err *err)
{
    if (tape->at == tape->end) {
        enum px_status status = tape_grow(tape, err);
        if (status != PX_OK)
            return status;
    }
    *tape->at++ = word;
    return PX_OK;
}

/* Reads from the start; `frees` gives back each block that it leaves. */
struct tape_reader {
    struct tape *tape;
    const uint64_t *at, *end;
    size_t n_entered; /* blocks */
    bool frees;
};

static inline struct tape_reader
tape_read(struct tape *tape, bool frees)
{
    return (struct tape_reader){.tape = tape, .frees = frees};
}

void tape_turn(struct tape_reader *reader);

/* The next word; there must be one. */
static inline uint64_t
tape_next(struct tape_reader *reader)
{
    if (reader->at == reader->end)
        tape_turn(reader);
    return *reader->at++;
}

#endif
