/* suspect_say.c — findings in words: sentence, path, evidence, fingerprint.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/suspects.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pyexplore/proto.h>

#include "base/text.h"
#include "graph/groups.h"

#define SENTENCE_BYTES 512
#define SERIES_SHOWN 10
#define ALSO_SHOWN 3
#define STEPS_WALKED 1024

struct saying {
    struct search *search;
    const struct finding *finding;
    struct px_suspect *out;
    struct px_err *err;
    px_node shown; /* the end of the path */
};

static bool
keep_text(struct saying *say, const char **out, const char *text)
{
    *out =
        suspect_keep(say->search->suspects, text, strlen(text) + 1, say->err);
    return *out != NULL;
}

static bool add_evidence(struct saying *say, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool
add_evidence(struct saying *say, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list args;
    struct px_suspect *out = say->out;
    if (out->n_evidence == PX_SUSPECT_EVIDENCE_MAX)
        return true;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return keep_text(say, &out->evidence[out->n_evidence++], text);
}

static char *
figure(const struct saying *say, double value, char *out)
{
    uint64_t whole = value > 0 ? (uint64_t)(value + 0.5) : 0;
    return say->out->in_bytes ? px_text_bytes(whole, out)
                              : px_text_count(whole, out);
}

/* ---- the path ---- */

/* Where on the path to what is shown the finding hangs on what does not
 * grow: there, or for a thread or task at the variable that is shown. */
static px_node
culprit_of(const struct saying *say)
{
    const struct search *search = say->search;
    px_node node = say->shown;
    while (!say->finding->is_root && node != PX_NONE &&
           search->suspects->kind_of[node] != say->finding->kind) {
        px_edge edge = px_paths_edge(search->paths, node);
        node = edge == PX_NONE ? PX_NONE : px_edge_source(search->graph, edge);
    }
    return node == PX_NONE ? say->finding->example : node;
}

/* The steps of the path; of one that is too long both ends. */
static bool
keep_steps(struct saying *say)
{
    struct px_suspect *out = say->out;
    const size_t most = PX_SUSPECT_STEPS_MAX;
    struct px_step *steps = calloc(STEPS_WALKED, sizeof *steps);
    if (steps == NULL)
        return false;
    size_t n = px_paths_steps(say->search->paths, say->shown, true,
                              STEPS_WALKED, steps);
    n = n < STEPS_WALKED ? n : STEPS_WALKED;
    if (n > most) {
        memmove(steps + most / 2, steps + n - most / 2,
                most / 2 * sizeof *steps);
        n = most;
    }
    px_node culprit = culprit_of(say);
    for (size_t i = 0; i < n; i++) {
        steps[i].is_culprit = i > 0 && steps[i].node == culprit;
        /* one of many: its key says nothing */
        if (steps[i].is_culprit && strncmp(steps[i].text, "['", 2) == 0)
            memcpy(steps[i].text, "[*]", sizeof "[*]");
    }
    out->n_steps = n;
    out->steps =
        suspect_keep(say->search->suspects, steps, n * sizeof *steps, say->err);
    free(steps);
    return out->steps != NULL;
}

struct circle {
    struct px_step steps[PX_SUSPECT_STEPS_MAX];
    size_t n;
};

static void
take_step(void *context, size_t number, const struct step_state *step,
          px_node node, px_edge edge)
{
    struct circle *circle = context;
    (void)number;
    if (circle->n == PX_SUSPECT_STEPS_MAX) /* of a long one its end, too */
        circle->n--;
    struct px_step *out = &circle->steps[circle->n++];
    *out = (struct px_step){.node = node, .edge = edge, .times = step->times};
    memcpy(out->text, step->text, sizeof out->text);
}

/* What only a cycle holds has no path, but the way round to itself: at fault
 * is what closes it, as in cycles.c. */
static bool
keep_circle(struct saying *say)
{
    const struct search *search = say->search;
    struct circle *circle = calloc(1, sizeof *circle);
    struct cycles *cycles = cycles_new(search->paths, say->err);
    bool is_kept = false;
    if (circle == NULL || cycles == NULL)
        goto out;
    cycles_visit(cycles, say->finding->example, true, take_step, circle);
    is_kept = circle->n == 0;
    if (is_kept)
        goto out;
    circle->steps[circle->n - 1].is_culprit = true;
    say->out->n_steps = circle->n;
    say->out->steps = suspect_keep(search->suspects, circle->steps,
                                   circle->n * sizeof *circle->steps, say->err);
    is_kept = say->out->steps != NULL;
out:
    cycles_free(cycles);
    free(circle);
    return is_kept;
}

static void
join_steps(const struct px_step *steps, size_t n, size_t room, char *out)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n && used + 1 < room; i++) {
        bool is_joined =
            i > 1 && (steps[i].text[0] == '[' || steps[i].text[0] == '{');
        int more = snprintf(out + used, room - used, "%s%s%s",
                            i == 0 || is_joined ? "" : " → ", steps[i].text,
                            steps[i].times > 1 ? " ×*" : "");
        used += more > 0 ? (size_t)more : 0;
    }
}

static bool
say_path(struct saying *say)
{
    char line[LINE_MAX_BYTES] = "";
    struct px_suspect *out = say->out;
    const struct search *search = say->search;
    const struct finding *finding = say->finding;
    if (finding->kind != PX_NONE && finding->held_by != PX_HELD_ROOT)
        cycle_line(search->paths, finding->example, true, sizeof line, line);
    out->holder_path = "";
    if (finding->held_by == PX_HELD_ROOT) {
        if (!keep_steps(say))
            return false;
        join_steps(out->steps, out->n_steps, sizeof line, line);
    }
    if (!keep_text(say, &out->path, line))
        return false;
    if (finding->held_by == PX_HELD_CYCLE && !keep_circle(say))
        return false;
    out->holder = suspect_holder(search, finding);
    if (out->holder == PX_NONE || out->n_steps < 2)
        return true;
    size_t n = 0;
    while (n < out->n_steps && !out->steps[n].is_culprit)
        n++;
    /* a __dict__ is no step of its own: its owner holds what is in it */
    if (n > 0 && n < out->n_steps)
        out->holder = out->steps[n - 1].node;
    join_steps(out->steps, n, sizeof line, line);
    return keep_text(say, &out->holder_path, line);
}

/* ---- the sentence ---- */
static bool
say_native(struct saying *say)
{
    char pace[PX_FIGURE_MAX], rss[PX_FIGURE_MAX], objects[PX_FIGURE_MAX];
    char text[SENTENCE_BYTES];
    const struct px_suspects *suspects = say->search->suspects;
    const struct px_suspects_round *last =
        &suspects->rounds[suspects->n_rounds - 1];
    snprintf(text, sizeof text,
             "memory outside of Python's objects grows by %s a minute: they "
             "are %s of %s rss",
             figure(say, say->out->a_minute, pace),
             px_text_bytes(last->bytes, objects),
             px_text_bytes(last->rss, rss));
    return keep_text(say, &say->out->sentence, text);
}

static bool
say_sentence(struct saying *say)
{
    static const char *const ends[PX_SUSPECT_KIND_END] = {
        [PX_SUSPECT_CYCLE] = ", in cycles that nobody collects",
        [PX_SUSPECT_C] = ", held by references that no Python object owns",
    };
    char pace[PX_FIGURE_MAX], count[PX_FIGURE_MAX], bytes[PX_FIGURE_MAX];
    char text[SENTENCE_BYTES];
    struct px_suspect *out = say->out;
    if (out->kind == PX_SUSPECT_NATIVE)
        return say_native(say);
    int n = snprintf(text, sizeof text, "%.200s ", out->type);
    if (say->search->suspects->n_rounds > 1)
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "grows by %s a minute, %s now",
                      figure(say, out->a_minute, pace),
                      figure(say, (double)out->count, count));
    else
        n += snprintf(text + n, sizeof text - (size_t)n, "has %s objects",
                      figure(say, (double)out->count, count));
    if (!out->in_bytes && out->retained > 0)
        n += snprintf(text + n, sizeof text - (size_t)n, ", retaining %s",
                      px_text_bytes(out->retained, bytes));
    if (ends[out->kind] != NULL)
        snprintf(text + n, sizeof text - (size_t)n, "%s", ends[out->kind]);
    return keep_text(say, &out->sentence, text);
}

/* ---- evidence ---- */
static bool
say_series(struct saying *say)
{
    char text[SENTENCE_BYTES] = "";
    size_t used = 0;
    size_t n = say->search->suspects->n_rounds;
    size_t first = n > SERIES_SHOWN ? n - SERIES_SHOWN : 0;
    for (size_t i = first; i < n; i++) {
        char one[PX_FIGURE_MAX];
        int more = snprintf(text + used, sizeof text - used, "%s%s",
                            i > first    ? ", "
                            : first == 0 ? ""
                                         : "…, ",
                            figure(say, (double)say->out->series[i], one));
        used += more > 0 ? (size_t)more : 0;
    }
    if (n < 2)
        return true;
    return add_evidence(say, "grew in %u of %zu rounds: %s",
                        say->finding->trend.n_grown, n - 1, text);
}

static bool
say_holder(struct saying *say)
{
    char count[PX_COUNTED_MAX], bytes[PX_FIGURE_MAX];
    const struct px_suspect *out = say->out;
    const struct px_graph *graph = say->search->graph;
    bool is_kept = true;
    if (out->holder != PX_NONE && out->holder_path[0] != '\0') {
        const char *type =
            px_type_name(graph, px_node_type(graph, out->holder));
        /* a root's name says what it is */
        bool is_root = strcmp(out->holder_path, out->steps[0].text) == 0;
        is_kept = is_root ? add_evidence(say, "held by %s", out->holder_path)
                          : add_evidence(say, "held by the %s %s", type,
                                         out->holder_path);
    }
    if (is_kept && say->finding->n_below > 0 && out->bytes > 0)
        is_kept = add_evidence(
            say, "with it grew %s, by %s in all",
            px_text_counted(say->finding->n_below, "other object", count),
            px_text_bytes((uint64_t)out->bytes, bytes));
    return is_kept;
}

static bool
say_counts(struct saying *say)
{
    struct px_refs refs;
    const struct search *search = say->search;
    switch (say->finding->held_by) {
    case PX_HELD_C:
        px_node_refs(search->graph, say->finding->example, &refs);
        if (!refs.known || refs.outside <= 0)
            return true;
        return add_evidence(say,
                            "refcount %llu = %llu named + %lld that C code "
                            "has, or has lost",
                            (unsigned long long)refs.refcount,
                            (unsigned long long)refs.named,
                            (long long)refs.outside);
    case PX_HELD_CYCLE:
        return add_evidence(say, "the collector is off: gc.disable(), or a "
                                 "threshold of 0");
    case PX_HELD_ROOT:
    case PX_HELD_UNKNOWN:
        break;
    }
    return true;
}

/* The other holders: what was merged into this finding. */
static bool
say_also(struct saying *say)
{
    char line[LINE_MAX_BYTES];
    const struct search *search = say->search;
    px_node holder = suspect_holder(search, say->finding);
    size_t n = 0;
    for (size_t i = 0; i < search->n && n < ALSO_SHOWN; i++) {
        const struct finding *other = &search->findings[i];
        const struct finding *top = other;
        while (top->merged_into != FINDING_NONE)
            top = &search->findings[top->merged_into];
        if (top != say->finding || other == top || other->is_weak ||
            other->held_by != PX_HELD_ROOT ||
            suspect_holder(search, other) == holder)
            continue;
        px_paths_line(search->paths, other->example, true, false, sizeof line,
                      line);
        if (!add_evidence(say, "grows with it: %s", line))
            return false;
        n++;
    }
    return true;
}

static bool
say_memory(struct saying *say)
{
    char from[2][PX_FIGURE_MAX], to[2][PX_FIGURE_MAX];
    const struct px_suspects *suspects = say->search->suspects;
    const struct px_suspects_round *first = &suspects->rounds[0];
    const struct px_suspects_round *last =
        &suspects->rounds[suspects->n_rounds - 1];
    if (say->out->kind != PX_SUSPECT_NATIVE)
        return true;
    return add_evidence(
        say, "rss from %s to %s, Python's objects from %s to %s",
        px_text_bytes(first->rss, from[0]), px_text_bytes(last->rss, to[0]),
        px_text_bytes(first->bytes, from[1]),
        px_text_bytes(last->bytes, to[1]));
}

/* ---- the fingerprint ---- */
static uint64_t
plain_hash(const char *text)
{
    char plain[LINE_MAX_BYTES];
    return px_chunk_hash(plain, kinds_plain(text, sizeof plain, plain));
}

static void
take_fingerprint(struct px_suspect *out)
{
    uint64_t hash = (uint64_t)out->kind * 0x9e3779b97f4a7c15u;
    hash ^= plain_hash(out->type);
    if (out->n_steps == 0)
        hash = (hash ^ plain_hash(out->path)) * 0xc2b2ae3d27d4eb4fu;
    for (size_t i = 0; i < out->n_steps; i++) {
        hash = (hash ^ plain_hash(out->steps[i].text)) * 0xc2b2ae3d27d4eb4fu;
        hash ^= hash >> 29;
    }
    snprintf(out->fingerprint, sizeof out->fingerprint, "%016llx",
             (unsigned long long)hash);
}

/* ---- all of it ---- */

/* By the clock on the wall, as the user sees it grow. */
static double
a_minute(const struct search *search, const struct trend *trend)
{
    const struct px_suspects *suspects = search->suspects;
    double seconds = suspects->rounds[suspects->n_rounds - 1].time -
                     suspects->rounds[0].time;
    return seconds > 0 ? (double)trend->grown * 60 / seconds
                       : trend->a_second * 60;
}

static bool
keep_series(struct saying *say)
{
    struct search *search = say->search;
    const struct px_suspects *suspects = search->suspects;
    const struct finding *finding = say->finding;
    size_t n = suspects->n_rounds;
    if (finding->kind != PX_NONE)
        suspect_series(suspects, finding->kind, finding->in_bytes,
                       search->series);
    for (size_t i = 0; i < n && finding->kind == PX_NONE; i++)
        search->series[i] = suspects->rounds[i].rss;
    say->out->count = search->series[n - 1];
    say->out->series = suspect_keep(search->suspects, search->series,
                                    n * sizeof *search->series, say->err);
    return say->out->series != NULL;
}

enum px_status
suspect_say(struct search *search, const struct finding *finding,
            struct px_suspect *out, struct px_err *err)
{
    struct saying say = {search, finding, out, err, finding->example};
    *out = (struct px_suspect){.kind = finding->cause,
                               .type = "",
                               .in_bytes = finding->in_bytes,
                               .a_round = finding->trend.a_round,
                               .a_minute = a_minute(search, &finding->trend),
                               .bytes = finding->bytes,
                               .retained = finding->retained,
                               .held_by = finding->held_by,
                               .example = finding->example,
                               .holder = PX_NONE};
    say.shown = suspect_subject(search, finding);
    if (say.shown != PX_NONE)
        out->type =
            px_type_name(search->graph, px_node_type(search->graph, say.shown));
    if (!keep_series(&say) || !say_path(&say) || !say_sentence(&say) ||
        !say_series(&say) || !say_holder(&say) || !say_counts(&say) ||
        !say_also(&say) || !say_memory(&say))
        return PX_ENOMEM;
    take_fingerprint(out);
    return PX_OK;
}
