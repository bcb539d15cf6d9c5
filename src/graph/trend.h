/* trend.h — does a row of figures grow, and will it go on?
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_TREND_H
#define GRAPH_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trend_verdict {
    TREND_STEADY,  /* it does not grow, or swings, or has levelled off */
    TREND_PERHAPS, /* it grows unevenly: another round would tell */
    TREND_GROWS
};

struct trend {
    enum trend_verdict verdict;
    int64_t grown;    /* from the first to the last */
    unsigned n_grown; /* rounds in which it grew */
    bool is_even;     /* about as much in each round */
    bool is_new;      /* most of it came in these rounds */
    double a_round;
    double a_second; /* by the clock that was given */
    double since_s;  /* at this pace it was 0 so many seconds ago */
};

/* figures[0…n] in order, taken at times[0…n] (s); n + 1 of them. */
struct trend trend_of(const uint64_t *figures, const double *times, size_t n);

#endif
