/* store.h — the model: the snapshots that were taken, and what is computed
 * from them.
 *
 * A snapshot arrives chunk by chunk (or is read from a file), then the worker
 * builds its graph, then its paths, then its dominators and what the snapshots
 * so far accuse, which yield to a newer snapshot and begin again after it. Each
 * step is announced by `changed` on the UI thread; what a snapshot has then
 * never changes until it is let go. The newest STORE_KEEP snapshots stay, and
 * instead of the oldest of them the one that is marked and the one that is
 * shown.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_STORE_H
#define TUI_STORE_H

#include <pyexplore/analysis.h>
#include <pyexplore/graph.h>

#include "tui/findings.h"
#include "tui/worker.h"

#define STORE_KEEP 3u

enum snapshot_state {
    SNAPSHOT_ARRIVING, /* types can be counted; live only */
    SNAPSHOT_READING,  /* the worker reads the file */
    SNAPSHOT_BUILDING, /* the worker builds the graph */
    SNAPSHOT_READY,    /* graph, and soon paths */
    SNAPSHOT_FAILED
};

struct snapshot_job;

struct snapshot {
    unsigned number;
    enum snapshot_state state;
    struct px_builder *builder;       /* ARRIVING: ours; later the worker's */
    struct px_graph *graph;           /* READY */
    struct px_paths *paths;           /* READY, NULL until computed */
    struct px_dominators *dominators; /* the same, after the paths */
    bool wants_dominators;     /* as soon as the worker has nothing else */
    bool wants_findings;       /* after these; of the newest only */
    char path[4096];           /* of the file, or "" */
    char problem[PX_ERR_TEXT]; /* FAILED, or a sentence if not whole */
    char no_dominators[PX_ERR_TEXT]; /* why there are none, or "" */
    uint64_t started_ns;             /* monotonic */
    uint64_t ready_ns;               /* graph there */
    uint64_t taken_unix;             /* from the header; 0: unknown */
    struct snapshot_job *job;        /* what the worker does for it */
};

enum store_event {
    STORE_MORE,       /* counts of an arriving snapshot grew */
    STORE_READY,      /* the graph is there */
    STORE_CHANGING,   /* they are about to be there: a list that the worker
                       * sorts must not read them meanwhile */
    STORE_PATHS,      /* the paths are there */
    STORE_DOMINATORS, /* the dominators are there (CHANGING came before) */
    STORE_FINDINGS,   /* store->findings is another one */
    STORE_FAILED,
    STORE_LEAVING /* out of the store, about to be freed: let go of it */
};

typedef void store_changed_fn(void *context, struct snapshot *snapshot,
                              enum store_event event);

struct store {
    struct worker *worker;
    store_changed_fn *changed;
    void *context;
    struct snapshot *snapshots[STORE_KEEP + 1]; /* oldest first */
    size_t n_snapshots;
    unsigned n_ever;
    unsigned kept;                /* number of one that does not go; 0: none */
    unsigned shown;               /* the same: somebody looks at it */
    struct px_suspects *suspects; /* the worker's while it is fed */
    struct findings *findings;    /* NULL: none yet */
};

void store_init(struct store *store, struct worker *worker,
                store_changed_fn *changed, void *context);
/* After worker_free. */
void store_done(struct store *store);

/* A new snapshot that will arrive; NULL only with `err`. */
struct snapshot *store_begin(struct store *store, struct px_err *err);
enum px_status store_chunk(struct store *store, struct snapshot *snapshot,
                           const void *chunk, size_t n_bytes,
                           struct px_err *err);
/* All has arrived: build. `problem` may say why it is not whole, or be "". */
void store_end(struct store *store, struct snapshot *snapshot,
               const char *problem);
/* It will not come: the snapshot is FAILED and goes. */
void store_fail(struct store *store, struct snapshot *snapshot,
                const char *problem);
struct snapshot *store_read(struct store *store, const char *path,
                            struct px_err *err);
/* Asks the worker to end what it does for this snapshot. */
void store_cancel(struct store *store, struct snapshot *snapshot);

/* Computes the dominators after all; nothing if they are there or coming. */
void store_want_dominators(struct store *store, struct snapshot *snapshot);
/* Ends what may wait; what that means, NULL: there is nothing to end. */
const char *store_cancel_background(struct store *store);
/* What the worker does for it, "building"; NULL: nothing. */
const char *store_doing(const struct snapshot *snapshot);

/* The newest READY one, NULL if none. */
struct snapshot *store_latest(const struct store *store);
/* The one that is on its way, NULL if none. */
struct snapshot *store_coming(const struct store *store);
/* Why there are no paths (yet). */
const char *store_no_paths(const struct snapshot *snapshot);
/* 0: the latest. NULL: not (or no longer) there. */
struct snapshot *store_find(const struct store *store, unsigned number);

#endif
