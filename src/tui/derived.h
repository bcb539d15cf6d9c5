/* derived.h — what a view has the worker compute for it.
 *
 * A view has at most one such job. It is shown as progress, Esc cancels it,
 * and closing the view ends it before the snapshot can go. When it is done the
 * view takes the result and is told like of any other news (view_changed).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_DERIVED_H
#define TUI_DERIVED_H

#include <pyexplore/analysis.h>

#include "tui/view.h"

/* What `make` may read on the worker: nothing of it changes meanwhile. */
struct derived_from {
    const struct px_graph *graph;
    const struct px_paths *paths;
    px_type type;
    void *input; /* the view's own; `make` frees it */
};

struct derived_ops {
    const char *about; /* "merging the paths" */
    /* "The holders could not be found", for derived_why_empty. */
    const char *failed;
    /* On the worker; NULL with `err`. */
    void *(*make)(const struct derived_from *from, struct px_work *work,
                  struct px_err *err);
    void (*free)(void *result);
    /* The input of a job that never ran; absent: there is none. */
    void (*drop)(void *input);
    /* The view owns the result now; NULL: see view->problem. */
    void (*take)(struct view *view, void *result);
};

/* Ends what runs and starts anew. `input` may be NULL. */
void derived_start(struct view *view, const struct derived_ops *ops,
                   void *input);
void derived_stop(struct view *view);
void derived_cancel(struct view *view);

/* For a result that is made once of the paths, where `made` is that result or
 * NULL. What a view calls when it opens and at any news: starts when all is
 * there for it and it did not fail before. */
void derived_once(struct view *view, const struct derived_ops *ops,
                  const void *made);
/* Why no row is shown as long as there is no result; false: there is one. */
bool derived_why_empty(const struct view *view, const struct derived_ops *ops,
                       const void *made, size_t out_bytes, char *out);

#endif
