/* memory.h — the parts of `memory`.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <pyexplore/analysis.h>

#include "cli/cli.h"
#include "cli/jsonout.h"

/* The allocator's blocks by size, and what nothing refers to. */
void memory_blocks_json(const struct px_graph *graph,
                        const struct px_strays *strays, json_t *out);
void memory_blocks_table(struct cli *cli, const struct px_graph *graph,
                         const struct px_strays *strays);

#endif
