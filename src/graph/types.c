/* types.c — finds types by what a user types: the qualified name, its last
 * part, or something near it.
 *
 * Near is the edit distance in which a swap of neighbours is one step
 * (optimal string alignment), without case, against the whole name and
 * against its last part.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_TEXT_MAX 64
#define NEAR_STEPS(n) ((n) / 3 + 1)

static const char *
last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot == NULL || dot[1] == '\0' ? name : dot + 1;
}

/* True if `tail` is `name` or stands behind one of its dots. */
static bool
ends_in(const char *name, const char *tail)
{
    size_t n = strlen(name);
    size_t n_tail = strlen(tail);
    if (n_tail == 0 || n_tail > n || strcmp(name + n - n_tail, tail) != 0)
        return false;
    return n == n_tail || name[n - n_tail - 1] == '.';
}

size_t
px_type_find(const struct px_graph *graph, const char *name, size_t max,
             px_type *out)
{
    size_t n = 0;
    px_type n_types = px_graph_n_types(graph);
    static const char builtins[] = "builtins.";
    if (strncmp(name, builtins, sizeof builtins - 1) == 0)
        name += sizeof builtins - 1;
    for (px_type type = 0; type < n_types; type++) {
        if (strcmp(px_type_name(graph, type), name) == 0) {
            if (n < max)
                out[n] = type;
            n++;
        }
    }
    bool has_exact = n > 0;
    for (px_type type = 0; !has_exact && type < n_types; type++) {
        if (ends_in(px_type_name(graph, type), name)) {
            if (n < max)
                out[n] = type;
            n++;
        }
    }
    return n;
}

/* Edit distance of two short texts, without case. */
static unsigned
distance(const char *a, const char *b)
{
    size_t n_a = strlen(a);
    size_t n_b = strlen(b);
    if (n_a > NEAR_TEXT_MAX || n_b > NEAR_TEXT_MAX)
        return NEAR_TEXT_MAX;
    unsigned rows[3][NEAR_TEXT_MAX + 1];
    for (size_t j = 0; j <= n_b; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n_a; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3];
        const unsigned *two_above = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n_b; j++) {
            int x = tolower((unsigned char)a[i - 1]);
            int y = tolower((unsigned char)b[j - 1]);
            unsigned best = above[j - 1] + (x != y);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]) &&
                two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[n_a % 3][n_b];
}

static bool
contains(const char *name, const char *part)
{
    return part[0] != '\0' && strcasestr(name, part) != NULL;
}

/* 0: the same but for case; UINT32_MAX: not near. */
static unsigned
score(const char *name, const char *wanted)
{
    unsigned whole = distance(name, wanted);
    unsigned part = distance(last_part(name), last_part(wanted));
    unsigned best = whole < part ? whole : part;
    if (best <= NEAR_STEPS(strlen(last_part(wanted))))
        return best;
    return contains(name, wanted) ? NEAR_TEXT_MAX : UINT32_MAX;
}

struct candidate {
    unsigned score;
    uint32_t count;
    px_type type;
};

static bool
is_better(const struct candidate *a, const struct candidate *b)
{
    if (a->score != b->score)
        return a->score < b->score;
    return a->count > b->count;
}

size_t
px_type_suggest(const struct px_graph *graph, const char *name, size_t max,
                px_type *out)
{
    struct candidate best[16];
    size_t n = 0;
    if (max > sizeof best / sizeof best[0])
        max = sizeof best / sizeof best[0];
    for (px_type type = 0; type < px_graph_n_types(graph); type++) {
        struct candidate now = {score(px_type_name(graph, type), name),
                                px_type_count(graph, type), type};
        if (now.score == UINT32_MAX || max == 0)
            continue;
        size_t at = n < max ? n++ : max;
        if (at == max && !is_better(&now, &best[max - 1]))
            continue;
        at = at == max ? max - 1 : at;
        for (; at > 0 && is_better(&now, &best[at - 1]); at--)
            best[at] = best[at - 1];
        best[at] = now;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = best[i].type;
    return n;
}
