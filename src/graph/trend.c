/* trend.c — does a row of figures grow, and will it go on?
 *
 * What a leak has and nothing else: it grows nearly every time, gives nothing
 * back, and does not slow down. Of n + 1 figures that only swing, all in
 * rising order are one in (n + 1)! cases; what fills up to a bound, and what
 * is only built once, slows down or stops.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/trend.h"

/* Of n rounds it must grow in so many: all of 3, 3 of 4, 4 of 6, 6 of 9. A
 * process that did not get the CPU does not grow either. */
#define ROUNDS_TO_GROW(n) ((n) - (n) / ((n) < 6 ? 4 : 3))
/* In fewer rounds a pause looks like an end. */
#define ROUNDS_TO_ACQUIT 5
/* Of what it gained it may have given back one part in this many. */
#define GIVEN_BACK_PART 10
/* In the last of so many parts of the rounds it must grow still. */
#define LAST_PART 4
/* The pace of the second half, in parts of that of the first. */
#define SLOWED_DOWN 0.4
/* The slowest round, in parts of the mean pace. */
#define EVEN 0.5

struct pace {
    double first, second; /* a second, in the halves of the rounds */
    double slowest;
};

static double
pace_between(const uint64_t *figures, const double *times, size_t from,
             size_t to)
{
    double seconds = times[to] - times[from];
    double grown = (double)figures[to] - (double)figures[from];
    return seconds > 0 ? grown / seconds : 0;
}

static struct pace
pace_of(const uint64_t *figures, const double *times, size_t n)
{
    struct pace pace = {.slowest = 1e300};
    pace.first = pace_between(figures, times, 0, (n + 1) / 2);
    pace.second = pace_between(figures, times, n / 2, n);
    for (size_t i = 0; i < n; i++) {
        double now = pace_between(figures, times, i, i + 1);
        pace.slowest = now < pace.slowest ? now : pace.slowest;
    }
    return pace;
}

/* Whether it grew in the last rounds. */
static bool
grows_still(const uint64_t *figures, size_t n)
{
    size_t last = n / LAST_PART > 0 ? n / LAST_PART : 1;
    return figures[n] > figures[n - last];
}

struct trend
trend_of(const uint64_t *figures, const double *times, size_t n)
{
    struct trend trend = {.verdict = TREND_STEADY};
    uint64_t gained = 0, lost = 0;
    for (size_t i = 0; i < n; i++) {
        if (figures[i + 1] > figures[i]) {
            gained += figures[i + 1] - figures[i];
            trend.n_grown++;
        } else {
            lost += figures[i] - figures[i + 1];
        }
    }
    if (n == 0 || gained <= lost)
        return trend;
    trend.grown = (int64_t)(gained - lost);
    trend.a_round = (double)trend.grown / (double)n;
    trend.a_second = pace_between(figures, times, 0, n);
    if (trend.a_second > 0)
        trend.since_s = (double)figures[n] / trend.a_second;
    struct pace pace = pace_of(figures, times, n);
    trend.is_new = figures[0] < gained - lost;
    trend.is_even = pace.slowest >= EVEN * trend.a_second;
    if (lost * 3 > gained)
        return trend;
    if (pace.second < SLOWED_DOWN * pace.first || trend.n_grown * 2 < n ||
        !grows_still(figures, n)) {
        if (n < ROUNDS_TO_ACQUIT && lost == 0)
            trend.verdict = TREND_PERHAPS;
        return trend;
    }
    bool grows = trend.n_grown >= ROUNDS_TO_GROW(n) &&
                 lost * GIVEN_BACK_PART <= gained && n >= 2;
    trend.verdict = grows ? TREND_GROWS : TREND_PERHAPS;
    return trend;
}
