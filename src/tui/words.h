/* words.h — what may stand where one types a command: actions, views, types,
 * columns. Shown beside the prompt, and what Tab completes to.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_WORDS_H
#define TUI_WORDS_H

#include <stddef.h>

#include <pyexplore/graph.h>

#include "tui/list.h"

#define WORDS_MAX 8

/* Where names come from; NULL: none from there. */
struct words_source {
    const struct px_graph *graph;
    const struct list *list;
};

struct words {
    size_t head; /* bytes of the text that stand before the name */
    size_t n;
    const char *names[WORDS_MAX]; /* best first, borrowed from the source */
    const char *tail;             /* follows the first where it takes more */
};

void words_find(const char *text, const struct words_source *source,
                struct words *out);

#endif
