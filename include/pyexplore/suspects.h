/* suspects.h — what leaks, of which kind, and which one reference is at fault.
 *
 * An analysis over several snapshots of one process, taken some seconds
 * apart: it is fed one after the other, keeps a few words a class of paths
 * and no graph, and says after each what it would accuse by now. Everything
 * it needs is in the graphs (objects, and the header's time, rss, collector
 * state): files serve as well as a live target. Texts that it returns are
 * UTF-8 and may hold what the target chose: escape them before they are shown.
 *
 * Threads: as any analysis (analysis.h); one at a time.
 *
 * Not here: waiting between rounds, asking the target.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_SUSPECTS_H
#define PX_SUSPECTS_H

#include <pyexplore/analysis.h>

/* The seven causes. X(number, member, JSON name, what it is, what to do) */
#define PX_SUSPECT_LIST(X)                                                     \
    X(1, CONTAINER, "container", "a container that only grows",                \
      "take out what is done with, or give it a bound")                        \
    X(2, CYCLE, "cycle", "reference cycles that nobody collects",              \
      "switch the collector on, or break the cycle with a weak reference")     \
    X(3, QUEUE, "queue", "a queue that its consumer does not keep up with",    \
      "bound the queue, or make what empties it faster")                       \
    X(4, FRAME, "frame", "local variables of code that never ends",            \
      "end the thread, generator, task or handler, or delete the local")       \
    X(5, REGISTRY, "registry", "a registry, cache or callback that keeps all", \
      "unregister what is done with, use weak references or a bound")          \
    X(6, C, "c", "C code that does not give its references back",              \
      "look for a missing Py_DECREF in the extension that made them")          \
    X(7, NATIVE, "native", "memory that is not in Python objects",             \
      "look at native memory: extensions, the allocator, mapped files")

enum px_suspect_kind {
#define X(number, member, name, what, advice) PX_SUSPECT_##member = number,
    PX_SUSPECT_LIST(X)
#undef X
        PX_SUSPECT_KIND_END
};
/* "container"; NULL for a number that the list does not have. */
const char *px_suspect_name(unsigned kind);
const char *px_suspect_what(unsigned kind);
const char *px_suspect_advice(unsigned kind);

#define PX_SUSPECTS_MAX 10      /* findings */
#define PX_SUSPECT_STEPS_MAX 24 /* of a path; longer ones lose their middle */
#define PX_SUSPECT_EVIDENCE_MAX 10

/* What one snapshot said of its process. 0: not known. */
struct px_suspects_round {
    double time;        /* unix seconds */
    double started;     /* of the process */
    double waited;      /* seconds that a thread had no CPU, since then */
    double active;      /* seconds since the first round without such waits */
    uint64_t rss;       /* bytes */
    uint64_t objects;   /* number */
    uint64_t bytes;     /* of all objects */
    uint64_t blocks;    /* of Python's allocator, in use */
    bool is_collecting; /* the collector is on */
    uint64_t full_gcs;  /* collections of the oldest generation until now */
    uint64_t waiting;   /* objects that only cycles hold */
    uint64_t c_held;    /* objects that only C code holds */
};

struct px_suspect {
    enum px_suspect_kind kind;
    const char *type; /* of what grows; "" for native memory */
    uint64_t count;   /* of these now; bytes if `in_bytes` */
    bool in_bytes;    /* one object grows, or memory without objects */
    double a_round;   /* of count, on the average */
    double a_minute;
    int64_t bytes;          /* by which these and all below them grew */
    uint64_t retained;      /* at least: what these objects keep alive */
    const uint64_t *series; /* count in each round */
    enum px_held_by held_by;
    px_node example; /* in the last graph; PX_NONE for native memory */
    px_node holder;  /* where they pile up; PX_NONE: nothing in Python */
    const char *holder_path; /* "module server → _CONNECTIONS", or "" */
    const char *path;        /* of what grows, starred; a cycle for cycles */
    const struct px_step *steps; /* the same path; one may be the culprit */
    size_t n_steps;
    const char *sentence; /* "server.Connection grows by 312 a minute, …" */
    const char *evidence[PX_SUSPECT_EVIDENCE_MAX]; /* sentences */
    size_t n_evidence;
    char fingerprint[17]; /* the same in the next run and on other hosts */
};

struct px_suspects;
struct px_suspects *px_suspects_new(struct px_err *err);
void px_suspects_free(struct px_suspects *suspects);

/* So many seconds are to be between the rounds, 0: any. A target that hardly
 * got the CPU did not do what it does in this time: a round that was none is
 * joined with the next. */
void px_suspects_expect(struct px_suspects *suspects, double seconds);
/* Feeds one more snapshot, later than those before. On an error nothing
 * changed. */
enum px_status px_suspects_add(struct px_suspects *suspects,
                               const struct px_paths *paths,
                               struct px_work *work, struct px_err *err);
/* Whether what was added last ended a round, or is the first of all. */
bool px_suspects_is_whole(const struct px_suspects *suspects);
/* What was said by the snapshots so far, oldest first. Borrowed until the
 * next add. */
const struct px_suspects_round *px_suspects_rounds(
    const struct px_suspects *suspects, size_t *n);
/* The findings, worst first, at most PX_SUSPECTS_MAX; *n is 0 and the result
 * not NULL when there is none. `last` is what was added last. NULL: an error.
 * Borrowed until the next call. A single snapshot only tells of cycles that
 * wait although the collector is off. */
const struct px_suspect *px_suspects_find(struct px_suspects *suspects,
                                          const struct px_paths *last,
                                          struct px_work *work, size_t *n,
                                          struct px_err *err);
/* Whether the last find saw something grow of which so few rounds cannot tell
 * that it will not stop: one more would help. */
bool px_suspects_is_in_doubt(const struct px_suspects *suspects);

#endif
