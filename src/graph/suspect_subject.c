/* suspect_subject.c — the object that people would name.
 *
 * What hangs in a list of callbacks is a bound method, and what leaks is the
 * page behind it. Of all that grows as fast as the outermost objects, the
 * nearest to them of the user's own classes is named; if there is none, of a
 * package's, then of Python's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/suspects.h"

/* How fast, in parts of the outermost. */
#define AS_FAST 0.5
#define NOT_FASTER 2.0

struct candidate {
    kind_id kind;
    unsigned depth;
    int rank; /* whose class it is */
};

/* How many kinds it lies below the finding. */
static unsigned
depth_of(const struct search *search, const struct finding *finding,
         kind_id kind)
{
    const struct kind *kinds = search->suspects->kinds.rows;
    unsigned depth = 0;
    for (; kind != PX_NONE && kind != finding->kind; kind = kinds[kind].parent)
        depth++;
    return depth;
}

static int
rank_of(const struct search *search, px_node node)
{
    px_type type = px_node_type(search->graph, node);
    if ((px_type_flags(search->graph, type) & PX_TYPE_PYTHON) == 0)
        return -1;
    return (int)suspect_origin_of_type(search, type);
}

static bool
is_as_fast(const struct search *search, const struct finding *finding,
           kind_id kind)
{
    const struct px_suspects *suspects = search->suspects;
    const struct sample *first = &suspects->samples[0];
    double before = kind < first->n_kinds ? first->counts[kind] : 0;
    double grown = (double)suspects->kinds.rows[kind].count - before;
    double most = (double)finding->trend.grown;
    return grown >= AS_FAST * most && grown <= NOT_FASTER * most;
}

/* Whether an object of kind `by` refers to this one, or its __dict__ does. */
static bool
is_part_of(const struct search *search, px_node node, kind_id by)
{
    const struct px_suspects *suspects = search->suspects;
    uint32_t n;
    const px_node *sources = px_node_referrers(search->graph, node, &n);
    for (uint32_t i = 0; i < n && i < 64; i++) {
        kind_id kind = suspects->kind_of[sources[i]];
        if (kind == by || suspects->kinds.rows[kind].parent == by)
            return true;
    }
    return false;
}

static bool
is_better(const struct search *search, const struct candidate *a,
          const struct candidate *b)
{
    const struct kind *kinds = search->suspects->kinds.rows;
    if (a->rank != b->rank)
        return a->rank > b->rank;
    if (a->depth != b->depth)
        return a->depth < b->depth;
    return is_part_of(search, kinds[b->kind].example, a->kind);
}

px_node
suspect_subject(const struct search *search, const struct finding *finding)
{
    const struct kinds *kinds = &search->suspects->kinds;
    if (finding->kind == PX_NONE || finding->in_bytes ||
        search->suspects->n_rounds < 2)
        return finding->example;
    struct candidate best = {finding->kind, 0,
                             rank_of(search, finding->example)};
    for (size_t i = finding->kind + 1; i < kinds->n_rows; i++) {
        uint32_t of = search->of_kind[i];
        if (of == 0 || &search->findings[of - 1] != finding ||
            kinds->rows[i].example == PX_NONE ||
            !is_as_fast(search, finding, (kind_id)i))
            continue;
        struct candidate next = {(kind_id)i,
                                 depth_of(search, finding, (kind_id)i),
                                 rank_of(search, kinds->rows[i].example)};
        if (next.rank >= 0 && is_better(search, &next, &best))
            best = next;
    }
    return kinds->rows[best.kind].example;
}
