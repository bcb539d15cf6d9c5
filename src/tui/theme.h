/* theme.h — how roles look: colours for 256 and for 8 colours, and attributes
 * that must be enough without any.
 *
 * Constant tables; no terminal here.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_THEME_H
#define TUI_THEME_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/screen.h"

#define STYLE_BOLD 1u
#define STYLE_DIM 2u
#define STYLE_REVERSE 4u
#define STYLE_UNDERLINE 8u

struct style {
    short fg256, bg256; /* -1: the terminal's own */
    short fg8, bg8;
    unsigned attributes; /* with colours */
    unsigned mono;       /* without */
};

struct theme {
    const char *name;
    const char *help;
    struct style styles[ROLE_END];
};

/* NULL: unknown. */
const struct theme *theme_find(const char *name);
/* What suits the terminal's background, from $COLORFGBG where it is set. */
const struct theme *theme_default(void);
/* The i-th theme, NULL after the last. */
const struct theme *theme_at(size_t i);

#endif
