/* suspects.c — what leaks: the rounds, and what of them is kept.
 *
 * Leaks are looked for as BLeak (Vilk and Berger, PLDI 2018) and LeakCanary's
 * heap growth do, by kinds of paths that grow round after round (kinds.c,
 * trend.c). Of each snapshot only the number and the bytes of each kind stay,
 * 12 bytes a kind, beside the figures of its header. Paces are by the time in
 * which the target could do something: where others have the CPU, it is the
 * rounds that slow down, not what it leaks.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/suspects.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

/* Of the time between two snapshots, at least so much counts. */
#define LEAST_ACTIVE 0.02
/* A round in which the target could run for less of what was expected of it is
 * not over. */
#define WHOLE_ROUND 0.7

static const struct {
    const char *name, *what, *advice;
} causes[] = {
#define X(number, member, name, what, advice) [number] = {name, what, advice},
    PX_SUSPECT_LIST(X)
#undef X
};

const char *
px_suspect_name(unsigned kind)
{
    return kind < PX_SUSPECT_KIND_END ? causes[kind].name : NULL;
}

const char *
px_suspect_what(unsigned kind)
{
    return kind < PX_SUSPECT_KIND_END ? causes[kind].what : NULL;
}

const char *
px_suspect_advice(unsigned kind)
{
    return kind < PX_SUSPECT_KIND_END ? causes[kind].advice : NULL;
}

struct px_suspects *
px_suspects_new(struct px_err *err)
{
    struct px_suspects *suspects = calloc(1, sizeof *suspects);
    if (suspects == NULL)
        room_fail(err, "no memory for suspects");
    return suspects;
}

static void
sample_done(struct sample *sample)
{
    free(sample->counts);
    free(sample->bytes);
    *sample = (struct sample){0};
}

static void
forget_texts(struct px_suspects *suspects)
{
    for (size_t i = 0; i < suspects->n_texts; i++)
        free(suspects->texts[i]);
    suspects->n_texts = 0;
    free(suspects->found);
    suspects->found = NULL;
    suspects->n_found = 0;
}

void
px_suspects_free(struct px_suspects *suspects)
{
    if (suspects == NULL)
        return;
    forget_texts(suspects);
    free(suspects->texts);
    for (size_t i = 0; i < suspects->n_rounds; i++)
        sample_done(&suspects->samples[i]);
    kinds_done(&suspects->kinds);
    free(suspects->kind_of);
    free(suspects);
}

void *
suspect_keep(struct px_suspects *suspects, const void *bytes, size_t n,
             struct px_err *err)
{
    if (rows_need(&suspects->texts, suspects->n_texts, &suspects->cap_texts,
                  sizeof *suspects->texts, err) != PX_OK)
        return NULL;
    void *copy = malloc(n + 1);
    if (copy == NULL) {
        room_fail(err, "no memory for suspects");
        return NULL;
    }
    memcpy(copy, bytes, n);
    suspects->texts[suspects->n_texts++] = copy;
    return copy;
}

/* ---- one more snapshot ---- */
static void
read_round(const struct px_paths *paths, struct px_suspects_round *out)
{
    const struct px_graph *graph = paths->graph;
    const struct px_header *header = px_graph_header(graph);
    *out = (struct px_suspects_round){
        .time = header->time,
        .started = header->started,
        .waited = header->waited,
        .rss = header->rss,
        .blocks = header->allocated_blocks,
        .objects = graph->n_nodes,
        .is_collecting = header->collects,
        .full_gcs = header->full_collections,
    };
    for (px_type type = 0; type < px_graph_n_types(graph); type++)
        out->bytes += px_type_bytes(graph, type);
    for (px_node node = 0; node < graph->n_nodes && paths->held != NULL;
         node++) {
        enum px_held_by held_by = held_get(paths, node);
        out->waiting += held_by == PX_HELD_CYCLE;
        out->c_held += held_by == PX_HELD_C;
    }
}

static enum px_status
take_sample(const struct kinds *kinds, struct sample *out, struct px_err *err)
{
    size_t n = kinds->n_rows;
    *out = (struct sample){.counts = malloc((n + 1) * sizeof *out->counts),
                           .bytes = malloc((n + 1) * sizeof *out->bytes),
                           .n_kinds = n};
    if (out->counts == NULL || out->bytes == NULL) {
        sample_done(out);
        return room_fail(err, "no memory for suspects");
    }
    for (size_t i = 0; i < n; i++) {
        out->counts[i] = (uint32_t)kinds->rows[i].count;
        out->bytes[i] = kinds->rows[i].bytes;
    }
    return PX_OK;
}

void
px_suspects_expect(struct px_suspects *suspects, double seconds)
{
    suspects->expected = seconds;
}

/* How long the target could run what it had to run. */
static double
active_between(const struct px_suspects_round *from,
               const struct px_suspects_round *to)
{
    double seconds = to->time - from->time;
    double waited = to->waited - from->waited;
    double least = seconds * LEAST_ACTIVE;
    /* made by hand, or by a clock that was set: as if a second apart */
    if (seconds <= 0)
        return 1;
    return seconds - waited < least ? least
           : waited < 0             ? seconds
                                    : seconds - waited;
}

bool
px_suspects_is_whole(const struct px_suspects *suspects)
{
    size_t n = suspects->n_rounds;
    return n < 2 ||
           active_between(&suspects->rounds[n - 2], &suspects->rounds[n - 1]) >=
               suspects->expected * WHOLE_ROUND;
}

/* The last snapshot goes: it ended no round. */
static void
drop_last(struct px_suspects *suspects)
{
    suspects->n_rounds--;
    sample_done(&suspects->samples[suspects->n_rounds]);
}

static void
drop_first(struct px_suspects *suspects)
{
    sample_done(&suspects->samples[0]);
    suspects->n_rounds--;
    memmove(suspects->samples, suspects->samples + 1,
            suspects->n_rounds * sizeof *suspects->samples);
    memmove(suspects->rounds, suspects->rounds + 1,
            suspects->n_rounds * sizeof *suspects->rounds);
}

enum px_status
px_suspects_add(struct px_suspects *suspects, const struct px_paths *paths,
                struct px_work *work, struct px_err *err)
{
    kind_id *kind_of = NULL;
    struct sample sample;
    enum px_status status =
        kinds_count(&suspects->kinds, paths, &kind_of, work, err);
    if (status == PX_OK)
        status = take_sample(&suspects->kinds, &sample, err);
    if (status != PX_OK) {
        free(kind_of);
        return status;
    }
    forget_texts(suspects);
    free(suspects->kind_of);
    suspects->kind_of = kind_of;
    if (!px_suspects_is_whole(suspects))
        drop_last(suspects);
    if (suspects->n_rounds == SUSPECT_ROUNDS_MAX)
        drop_first(suspects);
    size_t n = suspects->n_rounds++;
    struct px_suspects_round *round = &suspects->rounds[n];
    suspects->samples[n] = sample;
    read_round(paths, round);
    round->active =
        n == 0 ? 0 : round[-1].active + active_between(&round[-1], round);
    return PX_OK;
}

const struct px_suspects_round *
px_suspects_rounds(const struct px_suspects *suspects, size_t *n)
{
    *n = suspects->n_rounds;
    return suspects->rounds;
}

void
suspect_series(const struct px_suspects *suspects, kind_id kind, bool in_bytes,
               uint64_t *out)
{
    for (size_t i = 0; i < suspects->n_rounds; i++) {
        const struct sample *sample = &suspects->samples[i];
        bool is_there = kind < sample->n_kinds;
        out[i] = !is_there  ? 0
                 : in_bytes ? sample->bytes[kind]
                            : sample->counts[kind];
    }
}

bool
px_suspects_is_in_doubt(const struct px_suspects *suspects)
{
    return suspects->is_in_doubt;
}

/* ---- findings ---- */
static int
compare_findings(const void *a, const void *b)
{
    struct finding *const *x = a;
    struct finding *const *y = b;
    if ((*x)->is_last != (*y)->is_last)
        return (*x)->is_last ? 1 : -1;
    if ((*x)->bytes != (*y)->bytes)
        return (*x)->bytes > (*y)->bytes ? -1 : 1;
    return ((*x)->kind > (*y)->kind) - ((*x)->kind < (*y)->kind);
}

/* Those that are findings of their own, worst first; returns how many. */
static size_t
list_findings(const struct search *search, struct finding **out)
{
    size_t n = 0;
    for (size_t i = 0; i < search->n; i++) {
        if (suspect_stays(&search->findings[i]))
            out[n++] = &search->findings[i];
    }
    if (n > 1)
        qsort(out, n, sizeof(struct finding *), compare_findings);
    return n < PX_SUSPECTS_MAX ? n : PX_SUSPECTS_MAX;
}

const struct px_suspect *
px_suspects_find(struct px_suspects *suspects, const struct px_paths *last,
                 struct px_work *work, size_t *n, struct px_err *err)
{
    struct search search = {.suspects = suspects,
                            .paths = last,
                            .graph = last->graph,
                            .work = work};
    struct finding **listed = NULL;
    forget_texts(suspects);
    enum px_status status = suspect_search(&search, err);
    if (status != PX_OK)
        goto out;
    status = PX_ENOMEM;
    listed = calloc(search.n + 1, sizeof *listed);
    suspects->found = calloc(PX_SUSPECTS_MAX, sizeof *suspects->found);
    if (listed == NULL || suspects->found == NULL) {
        room_fail(err, "no memory for suspects");
        goto out;
    }
    size_t n_listed = list_findings(&search, listed);
    status = suspect_retained(&search, listed, n_listed, err);
    for (size_t i = 0; i < n_listed && status == PX_OK; i++) {
        status = suspect_say(&search, listed[i],
                             &suspects->found[suspects->n_found], err);
        suspects->n_found += status == PX_OK;
    }
out:
    free(listed);
    suspect_search_done(&search);
    if (status != PX_OK) {
        forget_texts(suspects);
        return NULL;
    }
    *n = suspects->n_found;
    return suspects->found;
}
