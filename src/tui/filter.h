/* filter.h — which rows to show: `Conn`, `!dict`, `>1k`, `>5%`, `<100`.
 *
 * Conditions are separated by blanks and must all be true. A word must stand
 * somewhere in the row's texts; without capitals it is compared without
 * regard to case. A figure compares with the column that sorts, or the view's
 * main figure; k, M, G are powers of 1024 for sizes, of 1000 for counts.
 * Values; no ownership.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_FILTER_H
#define TUI_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include <pyexplore/err.h>

#define FILTER_TERMS 8
#define FILTER_TEXT 160

enum filter_op { FILTER_HAS, FILTER_HAS_NOT, FILTER_MORE, FILTER_LESS };

struct filter_term {
    enum filter_op op;
    bool ignore_case;
    char text[FILTER_TEXT]; /* HAS, HAS_NOT */
    double value;           /* MORE, LESS: the number as written */
    unsigned power;         /* of its unit: k 1, M 2, G 3, T 4 */
    bool percent;
};

struct filter {
    struct filter_term terms[FILTER_TERMS];
    int n_terms;
};

/* An empty text is a filter that all rows pass. */
enum px_status filter_parse(const char *text, struct filter *out,
                            struct px_err *err);
/* Does any term ask for figures, or for text? */
bool filter_needs_figure(const struct filter *filter);
bool filter_needs_text(const struct filter *filter);
bool filter_needs_total(const struct filter *filter);

bool filter_text_passes(const struct filter *filter, const char *text);
/* `is_bytes`: units are powers of 1024. */
bool filter_figure_passes(const struct filter *filter, uint64_t value,
                          uint64_t total, bool is_bytes);

/* Where `needle` stands in `text`, by the same rule about capitals; NULL. */
const char *filter_find(const char *text, const char *needle);

#endif
