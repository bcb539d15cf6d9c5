/* history.h — what is remembered of every snapshot: figures of the process,
 * and counts by type.
 *
 * A few bytes a type, no graph: trends and changes since the mark can be told
 * of snapshots that were let go long ago. A ring: the oldest go, the marked
 * one stays. Types of one name are one.
 *
 * UI thread only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_HISTORY_H
#define TUI_HISTORY_H

#include <pyexplore/graph.h>

#include "tui/rows.h"

#define HISTORY_MAX 64u
#define HISTORY_SHOWN 8u /* rounds of a trend */

struct history_type {
    uint64_t id; /* history_type_id */
    uint64_t count;
    uint64_t bytes;
};

struct history_round {
    unsigned number;            /* of the snapshot */
    double time;                /* unix seconds; 0: unknown */
    uint64_t rss;               /* bytes; 0: unknown */
    uint64_t bytes;             /* of all objects */
    uint64_t files;             /* of rss: mapped files; 0: unknown */
    struct history_type *types; /* by id */
    uint32_t n_types;
};

struct history {
    struct history_round rounds[HISTORY_MAX]; /* oldest first */
    uint32_t n_rounds;
    unsigned marked; /* number; 0: none */
};

void history_done(struct history *history);
/* The first one is marked. */
void history_add(struct history *history, unsigned number,
                 const struct px_graph *graph);
void history_set_files(struct history *history, uint64_t bytes);
/* The same for a name in every snapshot; never 0. */
uint64_t history_type_id(const char *name);

/* Index of a snapshot's round, HISTORY_MAX: none. */
uint32_t history_find(const struct history *history, unsigned number);
/* The marked one, if it is not `round` itself; HISTORY_MAX: there is none. */
uint32_t history_mark(const struct history *history, uint32_t round);
/* A type in a round; never NULL, all zero if it had none. */
const struct history_type *history_type(const struct history_round *round,
                                        uint64_t id);
/* Growth in a minute over the rounds of a trend; false: they do not tell. */
bool history_rate(const struct history *history, uint32_t round, uint64_t id,
                  int64_t *out);
/* Counts of a type, or rss (id 0), in the rounds up to this one. */
void history_trend(const struct history *history, uint32_t round, uint64_t id,
                   struct cell_out *out);

#endif
