/* app.h — the explorer without a terminal: model, places, keys, screen.
 *
 * main.c feeds it input and copies its screen to the terminal; tests do the
 * same without one. No other state than this struct. UI thread only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_APP_H
#define TUI_APP_H

#include "tui/action.h"
#include "tui/ahead.h"
#include "tui/history.h"
#include "tui/notes.h"
#include "tui/place.h"
#include "tui/prompt.h"
#include "tui/session.h"
#include "tui/store.h"
#include "tui/view.h"

#define APP_HISTORY 64
#define APP_BAR_ZONES 16

enum mouse { MOUSE_CLICK, MOUSE_DOUBLE, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

struct visit {
    struct place place; /* snapshot 0: follows the latest */
    struct view *view;  /* NULL: made anew when it is shown */
};

struct app {
    struct px_loop *loop;
    struct worker *worker;
    struct store store;
    struct notes notes;
    struct session session;
    struct history history;

    struct visit visits[APP_HISTORY];
    int n_visits;
    int at; /* the visit that is shown */

    struct prompt prompt;
    struct ahead ahead;
    unsigned reaction; /* of keys that had waited; for the loop */
    char message[NOTE_TEXT];
    enum role message_role;

    struct screen screen;
    bool is_dirty;
    bool is_repaint;
    uint64_t counted_ns; /* when types were last counted while they arrive */
    uint64_t tick;       /* timer that redraws clocks */
    unsigned auto_s;     /* seconds between snapshots; 0: by hand */
    uint64_t auto_timer; /* 0: none waits */
    struct {
        int col, cols;
        enum action_id action;
    } bar[APP_BAR_ZONES]; /* keys in the bar, for the mouse */
    int n_bar;

    /* The terminal's part of `y`; NULL: none. */
    void (*copy)(void *context, const char *text);
    void *copy_context;
    bool is_plain;          /* --plain: no screen, lines only */
    char begin[PLACE_TEXT]; /* where to go when the first snapshot is there */
};

enum px_status app_init(struct app *app, bool ascii, struct px_err *err);
void app_done(struct app *app);
/* Reads a file, or connects and takes the first snapshot; opens `types`. */
enum px_status app_open(struct app *app, const struct px_target *target,
                        int timeout_ms, struct px_err *err);
/* Goes to a place (as text) as soon as there is a snapshot. */
void app_begin(struct app *app, const char *place);

/* Input; the bits of enum reaction. */
unsigned app_key(struct app *app, int32_t key);
/* A character that was pasted: it is text where one types, and no key. */
unsigned app_paste(struct app *app, int32_t key);
/* What may stand in the prompt; nothing but for `:`. */
void app_words(const struct app *app, struct words *out);
/* A key that does not wait. */
unsigned app_press(struct app *app, int32_t key);
/* After all keys that have come: search and filter by what is typed so far. */
void app_try_prompt(struct app *app);
unsigned app_mouse(struct app *app, enum mouse mouse, int row, int col);
void app_resize(struct app *app, int rows, int cols);
/* After each step of the loop: takes what the worker has finished. */
void app_collect(struct app *app);
/* Waits until nothing is under way: for tests and --plain. */
enum px_status app_settle(struct app *app, int max_ms, struct px_err *err);

/* app_draw.c */
void app_draw(struct app *app);
/* Lays out the panes. If there is no room for the one with the focus, the next
 * one (by 1 or -1) that has some gets it. */
void app_layout(struct app *app, int by);
/* What is under way, in one line, and how far it is in 1/1000; -1: unknown.
 * False: nothing is. */
bool app_progress(const struct app *app, size_t out_bytes, char *out,
                  int *permille);
char *app_title(const struct app *app, size_t out_bytes, char *out);
char *app_snapshot_text(const struct app *app, size_t out_bytes, char *out);
char *app_crumb(const struct app *app, size_t out_bytes, char *out);
char *app_position(const struct app *app, size_t out_bytes, char *out);

/* app_go.c: places */
struct view *app_view(const struct app *app);
/* What is looked at, or else the latest; NULL: there is none yet. */
const struct snapshot *app_snapshot(const struct app *app);
/* Goes to a place and remembers it; false (and a message): cannot. */
bool app_go(struct app *app, const struct place *place);
/* -1 back, +1 forward. */
bool app_step(struct app *app, int by);
/* Shows the visit again if it is not up to date. */
void app_follow(struct app *app);
void app_forget_snapshot(struct app *app, const struct snapshot *snapshot);

/* app_look.c: what keys do to the list that is shown; the bits of enum
 * reaction. */
unsigned app_look(struct app *app, enum action_id action, const char *arg);
/* Says all of the selected row. */
void app_say_row(struct app *app);

/* app_watch.c: the mark, and snapshots by themselves */
bool app_watch(struct app *app, enum action_id action, const char *arg);
/* Graph of the marked snapshot if it is older than this one, else NULL. It
 * stays until the views were told of another mark (view_changed). */
const struct px_graph *app_marked(const struct app *app,
                                  const struct snapshot *snapshot);
/* When all of the last snapshot is there the next one is waited for. */
void app_auto_arm(struct app *app);

void app_say(struct app *app, enum role role, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What keys act on: what the selected row, else the view, is about. */
struct subject app_subject(const struct app *app);

#endif
