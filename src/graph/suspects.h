/* suspects.h — what the files of the suspects share.
 *
 *   suspects.c         the rounds and what of them is kept
 *   suspect_find.c     what grows
 *   suspect_merge.c    what of that has one root cause
 *   suspect_cause.c    which of the seven causes it is
 *   namespace.c        names of modules, classes and instances
 *   suspect_origin.c   whose code it is
 *   suspect_subject.c  the object that people would name
 *   suspect_bound.c    the bound that a cache or queue states itself
 *   suspect_say.c      sentences, evidence, fingerprints
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_SUSPECTS_H
#define GRAPH_SUSPECTS_H

#include <pyexplore/suspects.h>

#include "graph/kinds.h"
#include "graph/trend.h"

#define SUSPECT_ROUNDS_MAX 32 /* snapshots that are kept; older ones go */

/* What one snapshot had of each kind. */
struct sample {
    uint32_t *counts;
    uint64_t *bytes;
    size_t n_kinds;
};

struct px_suspects {
    struct kinds kinds;
    struct px_suspects_round rounds[SUSPECT_ROUNDS_MAX];
    struct sample samples[SUSPECT_ROUNDS_MAX];
    size_t n_rounds;  /* snapshots */
    double expected;  /* seconds between them; 0: any */
    kind_id *kind_of; /* by node of the last one */
    bool is_in_doubt;
    struct px_suspect *found;
    size_t n_found;
    void **texts; /* what the findings point to */
    size_t n_texts, cap_texts;
};

/* Whose code: the standard library's and the interpreter's, a package's that
 * was installed, or the user's. */
enum origin { ORIGIN_PYTHON, ORIGIN_PACKAGE, ORIGIN_USER };

/* Something that grows, while it is weighed. */
#define FINDING_NONE UINT32_MAX
struct finding {
    kind_id kind;         /* the outermost one; PX_NONE: native memory */
    uint32_t merged_into; /* another finding, or FINDING_NONE */
    bool in_bytes;
    bool is_bounded;    /* by what the container says itself */
    bool is_mirror;     /* an interpreter's table of what others hold */
    bool is_weak;       /* weak references: they only tell of others */
    enum origin origin; /* of the module that holds it */
    bool is_root;       /* threads, tasks, modules themselves */
    bool is_last;       /* whatever its bytes */
    enum px_held_by held_by;
    enum px_suspect_kind cause;
    px_node example;
    struct trend trend;
    int64_t bytes; /* grown, with all below */
    uint64_t n_below;
    uint64_t retained;
};

struct search {
    struct px_suspects *suspects;
    const struct px_paths *paths;
    const struct px_graph *graph;
    struct px_work *work;
    struct finding *findings;
    size_t n, cap;
    uint32_t *of_kind; /* by kind: finding + 1, or 0 */
    uint8_t *origins;  /* by root: enum origin */
    uint64_t series[SUSPECT_ROUNDS_MAX];
    double times[SUSPECT_ROUNDS_MAX]; /* px_suspects_round.active */
};

/* Neither part of another nor excused. */
static inline bool
suspect_stays(const struct finding *finding)
{
    return finding->merged_into == FINDING_NONE && !finding->is_bounded &&
           !finding->is_mirror;
}

/* ---- suspects.c ---- */
void suspect_series(const struct px_suspects *suspects, kind_id kind,
                    bool in_bytes, uint64_t *out);
/* Keeps a copy of n bytes until the next find. NULL: no memory. */
void *suspect_keep(struct px_suspects *suspects, const void *bytes, size_t n,
                   struct px_err *err);

/* ---- suspect_find.c ---- */
enum px_status suspect_search(struct search *search, struct px_err *err);
void suspect_search_done(struct search *search);
/* Fills `retained` of each. */
enum px_status suspect_retained(struct search *search,
                                struct finding *const *listed, size_t n,
                                struct px_err *err);

/* ---- suspect_merge.c ---- */
enum px_status suspect_merge(struct search *search, struct px_err *err);

/* ---- suspect_cause.c ---- */
/* The edge at which the finding hangs on what does not grow; PX_NONE: it is a
 * root, or nothing holds it. */
px_edge suspect_edge(const struct search *search,
                     const struct finding *finding);
/* The object where they pile up: the source of that edge. */
px_node suspect_holder(const struct search *search,
                       const struct finding *finding);
enum px_suspect_kind suspect_cause(const struct search *search,
                                   const struct finding *finding);

/* ---- suspect_origin.c ---- */
enum px_status suspect_origins(struct search *search, struct px_err *err);
/* Of the module from which a path to this object starts. */
enum origin suspect_origin(const struct search *search, px_node node);
/* Of the module that defines a type. */
enum origin suspect_origin_of_type(const struct search *search, px_type type);

/* ---- suspect_subject.c ---- */
/* The object that stands for a finding: what piles up as people would say,
 * the finding's own or one below it; PX_NONE: native memory. */
px_node suspect_subject(const struct search *search,
                        const struct finding *finding);

/* ---- namespace.c ---- */
/* Visits the variables of a module or class, or the attributes of an
 * instance, until `visit` returns false. */
void namespace_each(const struct px_paths *paths, px_node node,
                    bool (*visit)(void *context, const char *name,
                                  px_node value),
                    void *context);
px_node namespace_find(const struct px_paths *paths, px_node node,
                       const char *name);

/* ---- suspect_bound.c ---- */
/* Whether the holder says a bound that `count` is still within. */
bool suspect_is_bounded(const struct search *search,
                        const struct finding *finding, uint64_t count);

/* ---- suspect_say.c ---- */
enum px_status suspect_say(struct search *search, const struct finding *finding,
                           struct px_suspect *out, struct px_err *err);

#endif
