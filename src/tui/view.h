/* view.h — what a screen shows: a const record of functions, and its state.
 *
 * A view never draws. It has one to VIEW_PANES panes, each a source of rows
 * (rows.h) that list.c shows; the context of these sources is the view. A
 * view belongs to one snapshot (or none) and to one place.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "tui/action.h"
#include "tui/list.h"
#include "tui/place.h"
#include "tui/store.h"

#define VIEW_PANES 4

struct view;

struct view_ops {
    int n_panes;
    const struct rows_ops *panes[VIEW_PANES];
    int focus; /* pane at first */
    /* Keys but Enter are about the place's object, not the selected row. */
    bool is_about_place;
    /* Is told when store->findings is another one. */
    bool shows_findings;
    /* Is told when the session has news. */
    bool shows_session;
    /* Its job reads other snapshots than its own, too. */
    bool reads_all;
    size_t state_size;
    /* Fills the state from place and snapshot; view->type and view->node are
     * already found. Absent: nothing to do. */
    enum px_status (*open)(struct view *view, struct px_err *err);
    void (*close)(struct view *view);
    /* Store or session have news: make the rows anew (their lists are
     * stopped before and refreshed after). */
    void (*changed)(struct view *view);
    /* From a view of the same place in another snapshot: what the list does
     * not know, such as what is open. */
    void (*take)(struct view *view, const struct view *from);
    /* What stands at the left and right end of the second line. Absent: the
     * view's name; nothing. */
    void (*crumb)(const struct view *view, struct cell_out *out);
    void (*summary)(const struct view *view, struct cell_out *out);
    /* Where panes go. Absent: the first one takes all. */
    void (*layout)(const struct view *view, struct rect area,
                   struct rect out[VIEW_PANES]);
    /* Where Enter leads from a row. Absent or false: by the row's subject. */
    bool (*enter)(const struct view *view, int pane, uint32_t row,
                  struct place *out);
    /* Actions of its own; false: not handled. */
    bool (*act)(struct view *view, enum action_id action, const char *arg,
                unsigned *reaction);
};

struct view {
    const struct view_ops *ops;
    struct app *app;
    struct place place;
    struct snapshot *snapshot; /* NULL: does not need one, or none yet */
    px_type type;              /* of the place, PX_NONE: none */
    px_node node;
    void *state;
    struct job *job; /* derived.h: what the worker does for it; NULL: nothing */
    char problem[PX_ERR_TEXT]; /* why there is no result */
    struct list lists[VIEW_PANES];
    struct rect rects[VIEW_PANES]; /* as drawn last */
    int focus;
};

/* Of a view that has a snapshot; for rows_ops, whose context is the view. */
static inline const struct px_graph *
view_graph(const void *context)
{
    return ((const struct view *)context)->snapshot->graph;
}

extern const struct view_ops view_types;
extern const struct view_ops view_instances;
extern const struct view_ops view_object;
extern const struct view_ops view_path;
extern const struct view_ops view_holders;
extern const struct view_ops view_dominators;
extern const struct view_ops view_cycles;
extern const struct view_ops view_threads;
extern const struct view_ops view_growth;
extern const struct view_ops view_suspects;
extern const struct view_ops view_duplicates;
extern const struct view_ops view_gc;
extern const struct view_ops view_garbage;
extern const struct view_ops view_log;
extern const struct view_ops view_help;

/* NULL with `err`: the type or object is not there, the view needs a
 * snapshot. */
struct view *view_new(struct app *app, const struct place *place,
                      struct px_err *err);
void view_free(struct view *view);
/* Sort, filter, search, focus and cursors as in another view of this kind. */
void view_take_settings(struct view *view, const struct view *from);
void view_stop(struct view *view);
/* Makes what view_stop has interrupted. */
void view_resume(struct view *view);
void view_changed(struct view *view);
struct list *view_list(struct view *view);
/* The view's place with its cursor as it is now. */
struct place view_place(const struct view *view);

#endif
