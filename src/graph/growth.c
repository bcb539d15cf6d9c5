/* growth.c — what grew in every round, by path.
 *
 * The idea is BLeak's (Vilk and Berger, PLDI 2018): paths, not objects, are
 * compared between snapshots, and a path that grows in each round leaks. The
 * paths are the kinds of kinds.c. One below a kind that grows is part of that
 * finding.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/groups.h"
#include "graph/kinds.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

struct tally {
    uint64_t n_first, n_last;
    uint64_t bytes_first;
    int64_t least;                     /* growth in a round */
    uint64_t counts[PX_GROWTH_COUNTS]; /* a ring: snapshot i at i % its size */
};

struct px_growth {
    struct kinds kinds;
    struct tally *tallies; /* by kind */
    size_t n_tallies;
    uint32_t n_added; /* snapshots */
    struct px_growth_row *rows;
    size_t n_rows;
};

struct px_growth *
px_growth_new(struct px_err *err)
{
    struct px_growth *growth = calloc(1, sizeof *growth);
    if (growth == NULL)
        room_fail(err, "no memory for growth");
    return growth;
}

static void
free_rows(struct px_growth *growth)
{
    for (size_t i = 0; i < growth->n_rows; i++)
        free(growth->rows[i].line);
    free(growth->rows);
    growth->rows = NULL;
    growth->n_rows = 0;
}

void
px_growth_free(struct px_growth *growth)
{
    if (growth == NULL)
        return;
    free_rows(growth);
    kinds_done(&growth->kinds);
    free(growth->tallies);
    free(growth);
}

/* ---- a round ---- */

/* A kind that was not there before did not grow in the rounds until now. */
static enum px_status
need_tallies(struct px_growth *growth, struct px_err *err)
{
    size_t n = growth->kinds.n_rows;
    if (n <= growth->n_tallies)
        return PX_OK;
    struct tally *tallies = realloc(growth->tallies, n * sizeof *tallies);
    if (tallies == NULL)
        return room_fail(err, "no memory for growth");
    for (size_t i = growth->n_tallies; i < n; i++)
        tallies[i] =
            (struct tally){.least = growth->n_added < 2 ? INT64_MAX : 0};
    growth->tallies = tallies;
    growth->n_tallies = n;
    return PX_OK;
}

static void
end_round(struct px_growth *growth)
{
    for (size_t i = 0; i < growth->n_tallies; i++) {
        const struct kind *kind = &growth->kinds.rows[i];
        struct tally *tally = &growth->tallies[i];
        int64_t grown = (int64_t)(kind->count - tally->n_last);
        if (growth->n_added == 0) {
            tally->n_first = kind->count;
            tally->bytes_first = kind->bytes;
        } else if (grown < tally->least) {
            tally->least = grown;
        }
        tally->n_last = kind->count;
        tally->counts[growth->n_added % PX_GROWTH_COUNTS] = kind->count;
    }
    growth->n_added++;
}

enum px_status
px_growth_add(struct px_growth *growth, const struct px_paths *paths,
              struct px_work *work, struct px_err *err)
{
    enum px_status status = kinds_count(&growth->kinds, paths, NULL, work, err);
    if (status == PX_OK)
        status = need_tallies(growth, err);
    if (status == PX_OK)
        end_round(growth);
    return status;
}

/* ---- findings ---- */
static bool
is_growing(const struct px_growth *growth, size_t kind)
{
    return growth->n_added > 1 && growth->kinds.rows[kind].example != PX_NONE &&
           growth->tallies[kind].least > 0;
}

/* Numbers that a text says of one of many are left out, as in its class. */
static enum px_status
write_line(const struct px_paths *paths, struct px_growth_row *row,
           struct px_err *err)
{
    char line[LINE_MAX_BYTES];
    row->held_by = held_get(paths, row->example);
    if (row->held_by == PX_HELD_ROOT)
        px_paths_line(paths, row->example, true, false, sizeof line, line);
    else
        cycle_line(paths, row->example, true, sizeof line, line);
    size_t n = strlen(line);
    char *key = NULL;
    for (char *at = strstr(line, "['"); at != NULL; at = strstr(at + 1, "['"))
        key = at;
    if (row->n_last > 1 && key != NULL && n > 2 &&
        strcmp(line + n - 2, "']") == 0)
        memcpy(key, "[*]", sizeof "[*]");
    row->line = strdup(line);
    return row->line == NULL ? room_fail(err, "no memory for a path") : PX_OK;
}

static int
compare_rows(const void *a, const void *b)
{
    const struct px_growth_row *x = a;
    const struct px_growth_row *y = b;
    bool x_is_ours = strchr(x->type, '.') != NULL;
    bool y_is_ours = strchr(y->type, '.') != NULL;
    if (x_is_ours != y_is_ours)
        return x_is_ours ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    int by_line = strcmp(x->line, y->line);
    return by_line != 0 ? by_line : strcmp(x->type, y->type);
}

static void
take_counts(const struct px_growth *growth, const struct tally *tally,
            struct px_growth_row *row)
{
    uint32_t n =
        growth->n_added < PX_GROWTH_COUNTS ? growth->n_added : PX_GROWTH_COUNTS;
    row->n_counts = n;
    for (uint32_t i = 0; i < n; i++)
        row->counts[i] =
            tally->counts[(growth->n_added - n + i) % PX_GROWTH_COUNTS];
}

/* row_of[kind]: number + 1 of the finding that it is a part of, or 0. A
 * parent's number is less than its children's. */
static void
collect_rows(struct px_growth *growth, uint32_t *row_of)
{
    for (size_t i = 0; i < growth->n_tallies; i++) {
        const struct kind *kind = &growth->kinds.rows[i];
        const struct tally *tally = &growth->tallies[i];
        uint32_t above = kind->parent == PX_NONE ? 0 : row_of[kind->parent];
        if (above == 0 && !is_growing(growth, i))
            continue;
        row_of[i] = above != 0 ? above : (uint32_t)growth->n_rows + 1;
        struct px_growth_row *row = &growth->rows[row_of[i] - 1];
        row->bytes += (int64_t)(kind->bytes - tally->bytes_first);
        if (above != 0) {
            if (kind->count > tally->n_first)
                row->n_below += kind->count - tally->n_first;
            continue;
        }
        growth->n_rows++;
        row->example = kind->example;
        row->n_first = tally->n_first;
        row->n_last = kind->count;
        row->n_least = (uint64_t)tally->least;
        take_counts(growth, tally, row);
    }
}

/* After the rows are complete: what hangs on growth that is allowed is allowed
 * with it. */
static void
drop_allowed(struct px_growth *growth, const struct px_paths *last,
             uint64_t max_growth)
{
    size_t n = 0;
    for (size_t i = 0; i < growth->n_rows; i++) {
        const struct px_growth_row *row = &growth->rows[i];
        if (row->n_least > max_growth &&
            !kinds_are_cached(last, row->example, (double)row->n_least))
            growth->rows[n++] = *row;
    }
    growth->n_rows = n;
}

const struct px_growth_row *
px_growth_find(struct px_growth *growth, const struct px_paths *last,
               uint64_t max_growth, size_t *n, struct px_err *err)
{
    free_rows(growth);
    uint32_t *row_of = calloc(growth->n_tallies + 1, sizeof *row_of);
    growth->rows = calloc(growth->n_tallies + 1, sizeof *growth->rows);
    if (row_of == NULL || growth->rows == NULL) {
        room_fail(err, "no memory for growth");
        free(row_of);
        return NULL;
    }
    collect_rows(growth, row_of);
    drop_allowed(growth, last, max_growth);
    free(row_of);
    for (size_t i = 0; i < growth->n_rows; i++) {
        struct px_growth_row *row = &growth->rows[i];
        row->type =
            px_type_name(last->graph, px_node_type(last->graph, row->example));
        if (write_line(last, row, err) != PX_OK)
            return NULL;
    }
    if (growth->n_rows > 1)
        qsort(growth->rows, growth->n_rows, sizeof *growth->rows, compare_rows);
    *n = growth->n_rows;
    return growth->rows;
}
