/* kinds.h — classes of paths that stay the same between snapshots.
 *
 * All objects of a snapshot fall into the classes of groups.c; a kind is what
 * such a class has in common with that of the next snapshot: its steps and
 * types from the root on, without what tells one round's objects from the
 * next's (keys of dicts, digits). Known by a hash, so that no text and no
 * graph is kept: some 48 bytes a kind.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_KINDS_H
#define GRAPH_KINDS_H

#include "graph/paths.h"

typedef uint32_t kind_id; /* a parent's is less than its children's */

/* The most steps that come again together; one alone is a run (steps.c). */
#define KINDS_AGAIN_MAX 6

struct kind {
    uint64_t hash;
    uint64_t step;   /* the hash of its last step alone */
    kind_id parent;  /* PX_NONE: none */
    px_node example; /* in the last snapshot; PX_NONE: has none of it */
    uint64_t count;  /* of its objects there */
    uint64_t bytes;
};

struct kinds {
    struct kind *rows;
    size_t n_rows, cap_rows;
    uint32_t *table; /* number of the kind + 1 */
    size_t table_size;
};

void kinds_done(struct kinds *kinds);
/* Counts the objects of one more snapshot by kind; new ones are appended.
 * *kind_of (NULL: not wanted) gets a malloced array by node. On an error
 * there may be more kinds, with the counts of before. */
enum px_status kinds_count(struct kinds *kinds, const struct px_paths *paths,
                           kind_id **kind_of, struct px_work *work,
                           struct px_err *err);

/* True if so many more of these texts in a round may be what the interpreter
 * keeps in its cache of attributes, and no leak. */
bool kinds_are_cached(const struct px_paths *paths, px_node example,
                      double a_round);

/* `text` without what differs from round to round: "['x']" is "[*]", "run()
 * app.py:17" is "run() app.py:#"; as much of it as there is room for, and no
 * NUL. Returns its length. */
size_t kinds_plain(const char *text, size_t room, char *out);

#endif
