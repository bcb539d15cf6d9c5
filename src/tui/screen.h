/* screen.h — what is on the screen: a grid of cells, each a character and a
 * role.
 *
 * Views and lists write here, term.c copies it to the terminal, tests read it
 * as text. Knows neither colours (theme.h) nor a terminal. UI thread only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a piece of text is; themes say how it looks.
 * X(member, name) */
#define ROLE_LIST(X)                                                           \
    X(NORMAL, "normal")                                                        \
    X(DIM, "dim")       /* addresses, units, what one may overlook */          \
    X(STRONG, "strong") /* what the screen is about */                         \
    X(TITLE, "title")   /* the bar on top */                                   \
    X(TITLE_DIM, "title-dim")                                                  \
    X(CRUMB, "crumb")                                                          \
    X(HEADER, "header")           /* titles of columns */                      \
    X(HEADER_SORT, "header-sort") /* of the column that sorts */               \
    X(RULE, "rule")               /* lines between panes */                    \
    X(PANE, "pane")               /* title of a pane */                        \
    X(PANE_FOCUS, "pane-focus")                                                \
    X(SELECTED, "selected") /* the row that keys act on */                     \
    X(NAME, "name")         /* names of references */                          \
    X(TYPE, "type")                                                            \
    X(OWN, "own")     /* a type made by a class statement */                   \
    X(VALUE, "value") /* previews */                                           \
    X(NUMBER, "number")                                                        \
    X(BAR, "bar")                                                              \
    X(MATCH, "match") /* what the search found */                              \
    X(GOOD, "good")                                                            \
    X(WARN, "warn")                                                            \
    X(ERROR, "error")                                                          \
    X(KEY, "key") /* in the bar at the bottom */                               \
    X(LABEL, "label")                                                          \
    X(PROMPT, "prompt")

enum role {
#define X(member, name) ROLE_##member,
    ROLE_LIST(X)
#undef X
        ROLE_END
};

#define CELL_BYTES 15

struct cell {
    char text[CELL_BYTES + 1]; /* one character with its combining marks */
    uint8_t width;             /* 1, 2, or 0: the right half of a wide one */
    uint8_t role;
};

struct screen {
    int rows;
    int cols;
    struct cell *cells;
    int cursor_row; /* where the hardware cursor stands; -1: nowhere */
    int cursor_col;
    bool ascii; /* write only ASCII, whatever the texts have */
};

void screen_init(struct screen *screen, bool ascii);
void screen_done(struct screen *screen);
/* Forgets the contents. */
void screen_resize(struct screen *screen, int rows, int cols);
void screen_clear(struct screen *screen);

/* Writes `text` from (row, col) on, at most max_cols cells and not beyond the
 * edge; a text that is cut ends in "…". Returns the cells that it took. */
int screen_put(struct screen *screen, int row, int col, int max_cols,
               enum role role, const char *text);
/* As screen_put, so that the text ends just before `end_col`. */
int screen_put_right(struct screen *screen, int row, int end_col, int max_cols,
                     enum role role, const char *text);
/* Bytes of `text` that make its first line of at most `cols` cells: it breaks
 * at a blank if there is one. 0: there is no room. */
size_t screen_line(const struct screen *screen, const char *text, int cols);
/* The end of `text` that fits into `cols` cells. */
const char *screen_end(const struct screen *screen, const char *text, int cols);
/* Writes `glyph` (one cell wide) n times. */
void screen_fill(struct screen *screen, int row, int col, int n, enum role role,
                 const char *glyph);
/* Gives cells another role, keeps their text. */
void screen_paint(struct screen *screen, int row, int col, int n,
                  enum role role);

/* The rows as text, blanks at the ends cut, each with a newline. The caller
 * frees it. */
char *screen_dump(const struct screen *screen);

/* Cells that `text` takes on this screen (less than all bytes: "…" counts). */
int screen_cols_of(const struct screen *screen, const char *text);

#endif
