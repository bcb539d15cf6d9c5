/* memory.h — how much of a process's memory is Python objects: the figures and
 * the verdict, for `memory` and the head of `suspects`.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <pyexplore/analysis.h>

#include "cli/cli.h"
#include "cli/jsonout.h"

/* Bytes; 0 for what is not known. */
struct memory {
    bool is_live; /* can be asked */
    bool asked_malloc;
    bool has_malloc; /* it was known */
    bool has_arenas;
    bool has_arena_free;
    uint64_t rss;
    uint64_t file;      /* of it mapped files */
    uint64_t blocks;    /* of pymalloc in use, not bytes */
    uint64_t objects;   /* all of the snapshot */
    uint64_t pool_free; /* in pools that are in use */
    uint64_t n_arenas;
    uint64_t arena_bytes;
    uint64_t arena_free; /* in all pools that were in use at some time */
    uint64_t malloc_used;
    uint64_t malloc_free;
    uint64_t other; /* none of these */
    const char *verdict;
    char sentence[400];
};

/* What a snapshot says, file or not. */
void memory_take(const struct cli_loaded *loaded, struct memory *out);
/* What a running process says itself, with --malloc of malloc as well; of a
 * file only that it knows none. */
enum px_status memory_ask(struct cli *cli, const struct px_target *target,
                          struct memory *memory, struct px_err *err);
/* After these; the members that they found are final then. */
void memory_judge(struct memory *memory);
json_t *memory_json(const struct memory *memory);
/* Python's allocator and malloc, a line each. */
void memory_print_allocators(const struct cli *cli,
                             const struct memory *memory);

/* The allocator's blocks by size, and what nothing refers to. */
void memory_blocks_json(const struct px_graph *graph,
                        const struct px_strays *strays, json_t *out);
void memory_blocks_table(struct cli *cli, const struct px_graph *graph,
                         const struct px_strays *strays);

#endif
