/* term.h — the terminal. term.c is the only file that knows ncurses.
 *
 * There is one terminal, so there is one struct terminal at a time. It is
 * restored by term_close, by exit(), and when the program crashes.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_TERM_H
#define TUI_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include <pyexplore/err.h>

#include "tui/screen.h"
#include "tui/theme.h"

struct terminal;

struct term_options {
    const struct theme *theme;
    int colors; /* most to use: 0, 8 or 256 */
    bool mouse;
};

enum term_input_kind {
    TERM_NOTHING,
    TERM_KEY,
    TERM_PASTE, /* a character of what was pasted: `key` */
    TERM_MOUSE
};
struct term_input {
    enum term_input_kind kind;
    int32_t key;
    int mouse; /* enum mouse */
    int row, col;
};

/* The status is PX_EUNSUPPORTED with a hint if there is no usable terminal. */
struct terminal *term_open(const struct term_options *options,
                           struct px_err *err);
void term_close(struct terminal *term);
/* Takes the size anew. */
void term_size(struct terminal *term, int *rows, int *cols);
void term_draw(struct terminal *term, const struct screen *screen,
               bool is_repaint);
/* TERM_NOTHING when nothing more was typed. */
struct term_input term_next(struct terminal *term);
/* Stops the process as the shell expects of Ctrl-Z; back after fg. */
void term_suspend(struct terminal *term);
/* Puts text on the terminal's clipboard (OSC 52), if it has one. */
void term_copy(struct terminal *term, const char *text);

#endif
