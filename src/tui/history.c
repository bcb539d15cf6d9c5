/* history.c — what is remembered of every snapshot.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/history.h"

#include <stdlib.h>
#include <string.h>

#include "tui/mem.h"

/* A trend of less than 1/100 is drawn as none: all else would look steep. */
#define FLAT_PART 100u
/* What a shorter time says of a minute is noise. */
#define RATE_MIN_S 1.0

void
history_done(struct history *history)
{
    for (uint32_t i = 0; i < history->n_rounds; i++)
        free(history->rounds[i].types);
    history->n_rounds = 0;
}

/* FNV-1a. */
uint64_t
history_type_id(const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *at = name; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash != 0 ? hash : 1;
}

static int
compare_ids(const void *a, const void *b)
{
    const struct history_type *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

static void
take_types(struct history_round *round, const struct px_graph *graph)
{
    uint32_t n = px_graph_n_types(graph), n_kept = 0;
    struct history_type *types = mem_new(n, sizeof *types);
    for (px_type i = 0; i < n; i++) {
        types[i] = (struct history_type){
            .id = history_type_id(px_type_name(graph, i)),
            .count = px_type_count(graph, i),
            .bytes = px_type_bytes(graph, i),
        };
        round->bytes += types[i].bytes;
    }
    if (n > 1)
        qsort(types, n, sizeof *types, compare_ids);
    for (uint32_t i = 0; i < n; i++) {
        if (n_kept > 0 && types[n_kept - 1].id == types[i].id) {
            types[n_kept - 1].count += types[i].count;
            types[n_kept - 1].bytes += types[i].bytes;
        } else {
            types[n_kept++] = types[i];
        }
    }
    round->types = types;
    round->n_types = n_kept;
}

/* The oldest that is not marked. */
static void
drop_one(struct history *history)
{
    uint32_t i = history->rounds[0].number == history->marked ? 1 : 0;
    free(history->rounds[i].types);
    memmove(&history->rounds[i], &history->rounds[i + 1],
            (history->n_rounds - i - 1) * sizeof history->rounds[0]);
    history->n_rounds--;
}

void
history_add(struct history *history, unsigned number,
            const struct px_graph *graph)
{
    if (history->n_rounds == HISTORY_MAX)
        drop_one(history);
    struct history_round *round = &history->rounds[history->n_rounds++];
    uint64_t files_before = history->n_rounds > 1 ? round[-1].files : 0;
    const struct px_header *header = px_graph_header(graph);
    *round = (struct history_round){
        .number = number,
        .time = header->time,
        .rss = header->rss,
        .files = files_before,
    };
    take_types(round, graph);
    if (history->marked == 0)
        history->marked = number;
}

void
history_set_files(struct history *history, uint64_t bytes)
{
    if (history->n_rounds > 0)
        history->rounds[history->n_rounds - 1].files = bytes;
}

uint32_t
history_find(const struct history *history, unsigned number)
{
    for (uint32_t i = 0; i < history->n_rounds; i++) {
        if (history->rounds[i].number == number)
            return i;
    }
    return HISTORY_MAX;
}

uint32_t
history_mark(const struct history *history, uint32_t round)
{
    uint32_t mark = history_find(history, history->marked);
    return mark != round ? mark : HISTORY_MAX;
}

const struct history_type *
history_type(const struct history_round *round, uint64_t id)
{
    static const struct history_type none;
    struct history_type wanted = {.id = id};
    const struct history_type *found =
        round->n_types > 0 ? bsearch(&wanted, round->types, round->n_types,
                                     sizeof wanted, compare_ids)
                           : NULL;
    return found != NULL ? found : &none;
}

/* The first of the rounds that a trend up to `round` shows. */
static uint32_t
first_shown(uint32_t round)
{
    return round + 1 > HISTORY_SHOWN ? round + 1 - HISTORY_SHOWN : 0;
}

bool
history_rate(const struct history *history, uint32_t round, uint64_t id,
             int64_t *out)
{
    const struct history_round *now = &history->rounds[round];
    const struct history_round *first = &history->rounds[first_shown(round)];
    double seconds = now->time - first->time;
    if (now == first || first->time <= 0 || seconds < RATE_MIN_S)
        return false;
    double grown = (double)history_type(now, id)->count -
                   (double)history_type(first, id)->count;
    double rate = grown * 60 / seconds;
    *out = (int64_t)(rate < 0 ? rate - 0.5 : rate + 0.5);
    return true;
}

static uint64_t
value_of(const struct history_round *round, uint64_t id)
{
    return id == 0 ? round->rss : history_type(round, id)->count;
}

void
history_trend(const struct history *history, uint32_t round, uint64_t id,
              struct cell_out *out)
{
    static const char *const heights[] = {"▁", "▂", "▃", "▄",
                                          "▅", "▆", "▇", "█"};
    uint64_t least = UINT64_MAX, most = 0;
    uint32_t first = first_shown(round);
    for (uint32_t i = first; i <= round; i++) {
        uint64_t value = value_of(&history->rounds[i], id);
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    bool is_flat = most - least <= most / FLAT_PART;
    for (uint32_t i = first; i <= round && round > first; i++) {
        uint64_t value = value_of(&history->rounds[i], id);
        double height =
            is_flat ? 0 : (double)(value - least) / (double)(most - least);
        cell_add(out, is_flat ? ROLE_DIM : ROLE_BAR,
                 heights[(int)(height * 7 + 0.5)]);
    }
}
