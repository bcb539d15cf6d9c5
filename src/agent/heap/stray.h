/* stray.h — what a block holds that no visited object explains.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_STRAY_H
#define HEAP_STRAY_H

#include <pyexplore/snapshot.h>

#include "agent/heap/blocks.h"
#include "agent/tags.h"

struct walk;

/* Judges a block that is in use: one of STRAYS, SHARED, KEPT and UNKNOWN.
 * A stray that this pass looks for is added to the set. */
PX_CHILD enum px_block_column stray_judge(struct walk *w, const void *block,
                                          size_t block_bytes,
                                          enum blocks_pass pass);

#endif
