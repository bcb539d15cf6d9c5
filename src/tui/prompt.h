/* prompt.h — the line at the bottom where one types: search, filter, command,
 * answers and confirmations. It is a state, not a loop: the screen goes on.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_PROMPT_H
#define TUI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/action.h"
#include "tui/words.h"

#define PROMPT_TEXT 512
#define PROMPT_HISTORY 32

enum prompt_kind {
    PROMPT_NONE,
    PROMPT_SEARCH,
    PROMPT_FILTER,
    PROMPT_COMMAND,
    PROMPT_ANSWER, /* the argument of `action` */
    PROMPT_CONFIRM /* y or n; then `action` with "yes" */
};

#define PROMPT_HISTORIES 4 /* of the kinds up to PROMPT_COMMAND */

struct prompt_history {
    char *texts[PROMPT_HISTORY]; /* newest first */
    int n;
};

struct prompt {
    enum prompt_kind kind;
    char question[300];
    char text[PROMPT_TEXT];
    bool is_untried; /* changed, and not yet searched for or filtered by */
    size_t at;       /* byte where the next character goes */
    enum action_id action;
    char before[PROMPT_TEXT]; /* filter or search to put back on Esc */
    uint32_t cursor_before;
    uint64_t id_before; /* of the row; 0: there was none */
    struct prompt_history histories[PROMPT_HISTORIES];
    int in_history; /* -1: not there */
};

enum prompt_result { PROMPT_GOES_ON, PROMPT_CHANGED, PROMPT_DONE, PROMPT_LEFT };

void prompt_open(struct prompt *prompt, enum prompt_kind kind,
                 const char *question, const char *text, enum action_id action);
void prompt_done(struct prompt *prompt);
enum prompt_result prompt_key(struct prompt *prompt, int32_t key);
/* Keeps the text for the next one of its kind. */
void prompt_remember(struct prompt *prompt);
/* What one may type, while nothing is. */
const char *prompt_hint(const struct prompt *prompt);
/* Takes the first of them, if there is one. */
void prompt_complete(struct prompt *prompt, const struct words *words);

#endif
