/* keymap.h — which key does what, as one table.
 *
 * A row binds a key in one view or in all (VIEW_END); a view's own rows come
 * before the general ones. The bar at the bottom, the help view and the
 * README's table are made from it. Keys are Unicode characters, control
 * characters, or KEY_LIST.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_KEYMAP_H
#define TUI_KEYMAP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tui/action.h"
#include "tui/place.h"

#define KEY_FIRST 0x110000
/* X(member, name) — beyond Unicode */
#define KEY_LIST(X)                                                            \
    X(UP, "Up")                                                                \
    X(DOWN, "Down")                                                            \
    X(LEFT, "Left")                                                            \
    X(RIGHT, "Right")                                                          \
    X(HOME, "Home")                                                            \
    X(END, "End")                                                              \
    X(PAGE_UP, "PgUp")                                                         \
    X(PAGE_DOWN, "PgDn")                                                       \
    X(BACKSPACE, "Backspace")                                                  \
    X(DELETE, "Del")                                                           \
    X(BACKTAB, "S-Tab")                                                        \
    X(F1, "F1")                                                                \
    X(F10, "F10")                                                              \
    X(ALT_LEFT, "A-Left")                                                      \
    X(ALT_RIGHT, "A-Right")

enum key {
    KEYS_BEFORE = KEY_FIRST - 1,
#define X(member, name) KEYS_##member,
    KEY_LIST(X)
#undef X
        KEY_AFTER_LAST
};

#define KEYS_ENTER '\r'
#define KEYS_ESC 27
#define KEYS_TAB '\t'

struct key_binding {
    enum view_id view; /* VIEW_END: in every view */
    const char *key;   /* "j", "C-d", "Enter" */
    enum action_id action;
    const char *label; /* in the bar; NULL: not there; "": the action's own */
};

extern const struct key_binding key_bindings[];
extern const size_t n_key_bindings;

/* 0: no such key. */
int32_t keymap_parse(const char *name);
char *keymap_name(int32_t key, size_t out_bytes, char *out);
/* ACT_END: not bound. */
enum action_id keymap_find(enum view_id view, int32_t key);
/* All keys of an action in a view and in general, "j Down"; "" : none. */
char *keymap_keys(enum view_id view, enum action_id action, size_t out_bytes,
                  char *out);
/* All its keys, those of single views with the view: "t, t (gc)"; `quote`
 * stands around each. */
char *keymap_describe(enum action_id action, const char *quote,
                      size_t out_bytes, char *out);
/* The table for the README, in Markdown. */
void keymap_markdown(FILE *out);

#endif
