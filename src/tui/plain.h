/* plain.h — the explorer as lines: for screen readers and scripts.
 *
 * The same views, actions and places; a row is a line with the titles of its
 * columns, commands are those after `:`, a number opens its row.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_PLAIN_H
#define TUI_PLAIN_H

#include <signal.h>

#include "tui/app.h"

/* Reads commands from standard input until it ends, `quit`, or *end_signal is
 * set. `place` may be NULL. */
enum px_status plain_run(struct app *app, const char *place,
                         const volatile sig_atomic_t *end_signal,
                         struct px_err *err);

#endif
