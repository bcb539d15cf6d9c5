/* suspect_find.c — what grows between the rounds.
 *
 * The outermost kind on each path that grows is a finding, with all that
 * grows below it. Three things grow without being a leak, and are left out
 * here: garbage in cycles while the collector is on, what only immortal
 * counts hold, and what fills up to a bound that its container states.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/suspects.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

/* Fewer are chance. */
#define LEAST_OBJECTS 3
#define LEAST_BYTES 4096
/* The sizes of many objects swing with what is in them. */
#define MOST_THAT_GROW 16
/* Pages come in batches, and the allocators keep some. */
#define LEAST_RSS (2u << 20)
/* Of the memory that came, objects explain less than one part in this. */
#define NATIVE_PART 3
/* Rounds after which something even, uneven, unsure is what it seems. */
#define ROUNDS_IF_EVEN 6
#define ROUNDS_IF_NOT 9
/* What grows as it must have grown ever since the process was started. */
#define SINCE_START 0.2

/* ---- the rounds ---- */
static size_t
n_intervals(const struct search *search)
{
    return search->suspects->n_rounds - 1;
}

static struct trend
trend_of_kind(struct search *search, kind_id kind, bool in_bytes)
{
    suspect_series(search->suspects, kind, in_bytes, search->series);
    return trend_of(search->series, search->times, n_intervals(search));
}

static enum px_status
add_finding(struct search *search, const struct finding *finding,
            struct px_err *err)
{
    enum px_status status =
        rows_need(&search->findings, search->n, &search->cap,
                  sizeof *search->findings, err);
    if (status != PX_OK)
        return status;
    search->findings[search->n] = *finding;
    search->findings[search->n++].merged_into = FINDING_NONE;
    return PX_OK;
}

/* ---- doubt ---- */

/* What was begun lately, in a process that runs for long, may have been
 * emptied then, and will be again. */
static bool
is_recent(const struct search *search, const struct trend *trend)
{
    const struct px_suspects *suspects = search->suspects;
    const struct px_suspects_round *last =
        &suspects->rounds[suspects->n_rounds - 1];
    double up = last->time - last->started - last->waited;
    return last->started > 0 && trend->since_s < SINCE_START * up;
}

static void
doubt(struct search *search, const struct trend *trend)
{
    bool is_sure = trend->verdict == TREND_GROWS && trend->is_even &&
                   !trend->is_new && !is_recent(search, trend);
    size_t enough = trend->verdict == TREND_PERHAPS || is_sure ? ROUNDS_IF_EVEN
                                                               : ROUNDS_IF_NOT;
    search->suspects->is_in_doubt |= n_intervals(search) < enough;
}

/* ---- by number ---- */

/* Two tables of the interpreter only mirror what others hold: each class has
 * weak references to those derived from it, and each thread's state an entry
 * for each threading.local, which goes when that goes
 * (Modules/_threadmodule.c, local_clear). */
static bool
is_mirror(const struct search *search, px_node example)
{
    static const char *const tables[] = {"subclasses", "dict"};
    const struct px_graph *graph = search->graph;
    px_edge edge = px_paths_edge(search->paths, example);
    px_node holder = edge == PX_NONE ? PX_NONE : px_edge_source(graph, edge);
    edge = holder == PX_NONE ? PX_NONE : px_paths_edge(search->paths, holder);
    if (edge == PX_NONE || px_edge_kind(graph, edge) != PX_EDGE_FIELD)
        return false;
    px_node owner = px_edge_source(graph, edge);
    bool is_thread = strcmp(px_type_name(graph, px_node_type(graph, owner)),
                            "<thread>") == 0;
    return strcmp(px_edge_name(graph, edge), tables[is_thread]) == 0;
}

/* Only such garbage counts that nobody will collect. */
static bool
is_excused(const struct search *search, px_node example)
{
    const struct px_suspects *suspects = search->suspects;
    enum px_held_by held_by = held_get(search->paths, example);
    if (held_by == PX_HELD_CYCLE)
        return suspects->rounds[suspects->n_rounds - 1].is_collecting;
    return held_by == PX_HELD_UNKNOWN;
}

static enum px_status
weigh_kind(struct search *search, kind_id id, struct px_err *err)
{
    const struct kind *kind = &search->suspects->kinds.rows[id];
    if (kind->example == PX_NONE)
        return PX_OK;
    struct trend trend = trend_of_kind(search, id, false);
    if (trend.verdict == TREND_STEADY || trend.grown < LEAST_OBJECTS ||
        is_excused(search, kind->example) ||
        kinds_are_cached(search->paths, kind->example, trend.a_round))
        return PX_OK;
    if (trend.verdict == TREND_PERHAPS) {
        doubt(search, &trend);
        return PX_OK;
    }
    struct finding finding = {.kind = id,
                              .held_by = held_get(search->paths, kind->example),
                              .example = kind->example,
                              .trend = trend};
    finding.is_mirror =
        finding.held_by == PX_HELD_ROOT && is_mirror(search, kind->example);
    finding.is_bounded = suspect_is_bounded(search, &finding, kind->count);
    search->of_kind[id] = (uint32_t)search->n + 1;
    return add_finding(search, &finding, err);
}

static enum px_status
find_by_number(struct search *search, struct px_err *err)
{
    const struct kinds *kinds = &search->suspects->kinds;
    const struct sample *first = &search->suspects->samples[0];
    enum px_status status = PX_OK;
    for (size_t i = 0; i < kinds->n_rows && status == PX_OK; i++) {
        const struct kind *kind = &kinds->rows[i];
        uint32_t above =
            kind->parent == PX_NONE ? 0 : search->of_kind[kind->parent];
        search->of_kind[i] = above;
        if (above == 0)
            status = weigh_kind(search, (kind_id)i, err);
        if (status != PX_OK || search->of_kind[i] == 0)
            continue;
        struct finding *finding = &search->findings[search->of_kind[i] - 1];
        bool was_there = i < first->n_kinds;
        uint32_t n_before = was_there ? first->counts[i] : 0;
        finding->bytes += (int64_t)kind->bytes;
        finding->bytes -= was_there ? (int64_t)first->bytes[i] : 0;
        if (above != 0 && kind->count > n_before)
            finding->n_below += kind->count - n_before;
    }
    return status;
}

/* ---- by size: one object that grows ---- */
static enum px_status
find_by_size(struct search *search, struct px_err *err)
{
    const struct kinds *kinds = &search->suspects->kinds;
    bool *is_explained = calloc(kinds->n_rows + 1, sizeof *is_explained);
    if (is_explained == NULL)
        return room_fail(err, "no memory for suspects");
    enum px_status status = PX_OK;
    for (size_t i = kinds->n_rows; i-- > 0 && status == PX_OK;) {
        const struct kind *kind = &kinds->rows[i];
        is_explained[i] |= search->of_kind[i] != 0;
        if (kind->parent != PX_NONE)
            is_explained[kind->parent] |= is_explained[i];
        if (is_explained[i] || kind->example == PX_NONE ||
            kind->count > MOST_THAT_GROW ||
            held_get(search->paths, kind->example) != PX_HELD_ROOT)
            continue;
        struct trend trend = trend_of_kind(search, (kind_id)i, true);
        if (trend.verdict != TREND_GROWS || trend.grown < LEAST_BYTES)
            continue;
        struct finding finding = {.kind = (kind_id)i,
                                  .in_bytes = true,
                                  .example = kind->example,
                                  .trend = trend,
                                  .bytes = trend.grown};
        search->of_kind[i] = (uint32_t)search->n + 1;
        status = add_finding(search, &finding, err);
        if (kind->parent != PX_NONE)
            is_explained[kind->parent] = true;
    }
    free(is_explained);
    return status;
}

/* ---- memory without objects ---- */
static enum px_status
find_native(struct search *search, struct px_err *err)
{
    const struct px_suspects *suspects = search->suspects;
    const struct px_suspects_round *rounds = suspects->rounds;
    size_t n = n_intervals(search);
    for (size_t i = 0; i <= n; i++)
        search->series[i] = rounds[i].rss;
    struct trend trend = trend_of(search->series, search->times, n);
    int64_t objects = (int64_t)(rounds[n].bytes - rounds[0].bytes);
    if (rounds[0].rss == 0 || trend.grown < LEAST_RSS ||
        objects * NATIVE_PART > trend.grown)
        return PX_OK;
    if (trend.verdict != TREND_STEADY)
        doubt(search, &trend);
    if (trend.verdict != TREND_GROWS)
        return PX_OK;
    struct finding finding = {.kind = PX_NONE,
                              .in_bytes = true,
                              .cause = PX_SUSPECT_NATIVE,
                              .held_by = PX_HELD_UNKNOWN,
                              .example = PX_NONE,
                              .trend = trend,
                              .bytes =
                                  trend.grown - (objects > 0 ? objects : 0)};
    return add_finding(search, &finding, err);
}

/* ---- one snapshot: garbage that nobody will collect ---- */
static enum px_status
find_waiting(struct search *search, struct px_err *err)
{
    enum { LEAST_WAITING = 100 };
    const struct kinds *kinds = &search->suspects->kinds;
    enum px_status status = PX_OK;
    for (size_t i = 0; i < kinds->n_rows && status == PX_OK; i++) {
        const struct kind *kind = &kinds->rows[i];
        if (kind->example == PX_NONE || kind->count < LEAST_WAITING ||
            held_get(search->paths, kind->example) != PX_HELD_CYCLE ||
            is_excused(search, kind->example))
            continue;
        struct finding finding = {.kind = (kind_id)i,
                                  .held_by = PX_HELD_CYCLE,
                                  .example = kind->example,
                                  .bytes = (int64_t)kind->bytes};
        search->of_kind[i] = (uint32_t)search->n + 1;
        status = add_finding(search, &finding, err);
    }
    return status;
}

enum px_status
suspect_search(struct search *search, struct px_err *err)
{
    struct px_suspects *suspects = search->suspects;
    suspects->is_in_doubt = false;
    if (suspects->n_rounds == 0)
        return PX_OK;
    search->of_kind =
        calloc(suspects->kinds.n_rows + 1, sizeof *search->of_kind);
    if (search->of_kind == NULL)
        return room_fail(err, "no memory for suspects");
    for (size_t i = 0; i < suspects->n_rounds; i++)
        search->times[i] = suspects->rounds[i].active;
    enum px_status status = suspect_origins(search, err);
    if (status != PX_OK)
        return status;
    if (suspects->n_rounds == 1) {
        status = find_waiting(search, err);
    } else {
        status = find_by_number(search, err);
        if (status == PX_OK)
            status = find_by_size(search, err);
        if (status == PX_OK)
            status = find_native(search, err);
    }
    if (status == PX_OK)
        status = suspect_merge(search, err);
    for (size_t i = 0; i < search->n && status == PX_OK; i++) {
        if (suspect_stays(&search->findings[i]) && suspects->n_rounds > 1)
            doubt(search, &search->findings[i].trend);
    }
    return status;
}

void
suspect_search_done(struct search *search)
{
    free(search->findings);
    free(search->of_kind);
    free(search->origins);
    search->origins = NULL;
    search->findings = NULL;
    search->of_kind = NULL;
}

/* ---- retained ---- */

/* Whether one of the same kind dominates it: looked for as far as the steps
 * that come again go, each with a dict. */
static bool
is_below_own(const struct search *search,
             const struct px_dominators *dominators, px_node node, kind_id kind)
{
    enum { LOOK_UP = 2 * KINDS_AGAIN_MAX };
    for (int i = 0; i < LOOK_UP && node != PX_NONE; i++) {
        node = px_dominators_parent(dominators, node);
        if (node != PX_NONE && search->suspects->kind_of[node] == kind)
            return true;
    }
    return false;
}

enum px_status
suspect_retained(struct search *search, struct finding *const *listed, size_t n,
                 struct px_err *err)
{
    const struct px_suspects *suspects = search->suspects;
    if (n == 0 || (n == 1 && listed[0]->kind == PX_NONE))
        return PX_OK;
    struct px_dominators *dominators =
        px_dominators_new(search->graph, search->work, err);
    if (dominators == NULL)
        return err != NULL ? err->status : PX_ENOMEM;
    for (px_node node = 0; node < search->graph->n_nodes; node++) {
        kind_id kind = suspects->kind_of[node];
        for (size_t i = 0; search->of_kind[kind] != 0 && i < n; i++) {
            if (listed[i]->kind == kind &&
                !is_below_own(search, dominators, node, kind))
                listed[i]->retained += px_dominators_retained(dominators, node);
        }
    }
    px_dominators_free(dominators);
    return PX_OK;
}
