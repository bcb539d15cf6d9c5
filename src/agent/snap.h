/* snap.h — the moment under the GIL in which a snapshot child is made.
 *
 * Common to snapshots that a peer asks for and to pyexplore.snapshot().
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_SNAP_H
#define AGENT_SNAP_H

#include <stddef.h>

#include <jansson.h>

#include "agent/heap/heap.h"
#include "agent/tags.h"

struct snap_header;

/* What can be known before the GIL is held. */
PX_NOGIL struct snap_header *snap_header_new(const struct heap_options *opts,
                                             struct px_err *err);
void snap_header_free(struct snap_header *header);

/* Completes the header and clones. */
PX_GIL enum px_status snap_clone(struct heap_capture *capture,
                                 struct snap_header *header,
                                 struct px_err *err);

/* Names of enum px_detail and px_codec, and back: -1 for an unknown one. */
const char *snap_detail_name(enum px_detail detail);
int snap_detail_find(const char *name);
int snap_codec_find(const char *name);

#endif
