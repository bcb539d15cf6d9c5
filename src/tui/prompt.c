/* prompt.c — the line at the bottom where one types.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/keymap.h"
#include "tui/mem.h"

void
prompt_open(struct prompt *prompt, enum prompt_kind kind, const char *question,
            const char *text, enum action_id action)
{
    prompt->kind = kind;
    prompt->action = action;
    prompt->in_history = -1;
    prompt->is_untried = false;
    snprintf(prompt->question, sizeof prompt->question, "%s", question);
    snprintf(prompt->text, sizeof prompt->text, "%s", text);
    prompt->at = strlen(prompt->text);
}

void
prompt_done(struct prompt *prompt)
{
    for (int kind = 0; kind < PROMPT_HISTORIES; kind++) {
        struct prompt_history *history = &prompt->histories[kind];
        while (history->n > 0)
            free(history->texts[--history->n]);
    }
}

void
prompt_remember(struct prompt *prompt)
{
    if (prompt->kind >= PROMPT_HISTORIES || prompt->text[0] == '\0')
        return;
    struct prompt_history *history = &prompt->histories[prompt->kind];
    if (history->n > 0 && strcmp(history->texts[0], prompt->text) == 0)
        return;
    if (history->n == PROMPT_HISTORY)
        free(history->texts[--history->n]);
    memmove(&history->texts[1], &history->texts[0],
            (size_t)history->n * sizeof history->texts[0]);
    history->texts[0] = mem_dup(prompt->text);
    history->n++;
}

const char *
prompt_hint(const struct prompt *prompt)
{
    if (prompt->kind == PROMPT_COMMAND && strchr(prompt->text, ' ') != NULL) {
        char name[PROMPT_TEXT];
        size_t n = strcspn(prompt->text, " ");
        memcpy(name, prompt->text, n);
        name[n] = '\0';
        enum action_id action = action_find(name);
        bool is_bare = prompt->text[n + strspn(prompt->text + n, " ")] == '\0';
        return is_bare && action != ACT_END ? actions[action].help : "";
    }
    if (prompt->text[0] != '\0')
        return "";
    if (prompt->kind == PROMPT_SEARCH)
        return "a part of the row; then n and N go on";
    if (prompt->kind == PROMPT_FILTER)
        return "Conn  !dict  >1k  <100  >5%; nothing: all rows";
    return "";
}

static size_t
char_before(const struct prompt *prompt)
{
    size_t at = prompt->at;
    while (at > 0) {
        at--;
        if (((unsigned char)prompt->text[at] & 0xc0) != 0x80)
            break;
    }
    return at;
}

static size_t
char_after(const struct prompt *prompt)
{
    size_t at = prompt->at;
    if (prompt->text[at] == '\0')
        return at;
    do {
        at++;
    } while (((unsigned char)prompt->text[at] & 0xc0) == 0x80);
    return at;
}

static void
cut(struct prompt *prompt, size_t from, size_t to)
{
    memmove(prompt->text + from, prompt->text + to,
            strlen(prompt->text + to) + 1);
    prompt->at = from;
}

static void
insert(struct prompt *prompt, int32_t key)
{
    char bytes[5] = "";
    size_t n = 0;
    uint32_t code = (uint32_t)key;
    if (code < 0x80) {
        bytes[n++] = (char)code;
    } else if (code < 0x800) {
        bytes[n++] = (char)(0xc0 | code >> 6);
        bytes[n++] = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        bytes[n++] = (char)(0xe0 | code >> 12);
        bytes[n++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[n++] = (char)(0x80 | (code & 0x3f));
    } else {
        bytes[n++] = (char)(0xf0 | code >> 18);
        bytes[n++] = (char)(0x80 | (code >> 12 & 0x3f));
        bytes[n++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[n++] = (char)(0x80 | (code & 0x3f));
    }
    size_t len = strlen(prompt->text);
    if (len + n >= sizeof prompt->text)
        return;
    memmove(prompt->text + prompt->at + n, prompt->text + prompt->at,
            len - prompt->at + 1);
    memcpy(prompt->text + prompt->at, bytes, n);
    prompt->at += n;
}

void
prompt_complete(struct prompt *prompt, const struct words *words)
{
    char text[PROMPT_TEXT];
    if (words->n == 0)
        return;
    int n = snprintf(text, sizeof text, "%.*s%s%s", (int)words->head,
                     prompt->text, words->names[0], words->tail);
    if (n < 0 || (size_t)n >= sizeof text)
        return;
    memcpy(prompt->text, text, (size_t)n + 1);
    prompt->at = (size_t)n;
}

static void
recall(struct prompt *prompt, int by)
{
    int to = prompt->in_history + by;
    if (prompt->kind >= PROMPT_HISTORIES || to < -1 ||
        to >= prompt->histories[prompt->kind].n)
        return;
    prompt->in_history = to;
    snprintf(prompt->text, sizeof prompt->text, "%s",
             to >= 0 ? prompt->histories[prompt->kind].texts[to] : "");
    prompt->at = strlen(prompt->text);
}

static enum prompt_result
edit(struct prompt *prompt, int32_t key)
{
    size_t from = prompt->at;
    switch (key) {
    case KEYS_LEFT:
    case 'B' - 64:
        prompt->at = char_before(prompt);
        return PROMPT_GOES_ON;
    case KEYS_RIGHT:
    case 'F' - 64:
        prompt->at = char_after(prompt);
        return PROMPT_GOES_ON;
    case KEYS_HOME:
    case 'A' - 64:
        prompt->at = 0;
        return PROMPT_GOES_ON;
    case KEYS_END:
    case 'E' - 64:
        prompt->at = strlen(prompt->text);
        return PROMPT_GOES_ON;
    case KEYS_UP:
        recall(prompt, 1);
        return PROMPT_CHANGED;
    case KEYS_DOWN:
        recall(prompt, -1);
        return PROMPT_CHANGED;
    case KEYS_DELETE:
    case 'D' - 64:
        cut(prompt, from, char_after(prompt));
        prompt->at = from;
        return PROMPT_CHANGED;
    case KEYS_BACKSPACE:
    case 'H' - 64:
    case 127:
        if (prompt->text[0] == '\0')
            return PROMPT_LEFT;
        cut(prompt, char_before(prompt), from);
        return PROMPT_CHANGED;
    case 'U' - 64:
        cut(prompt, 0, from);
        return PROMPT_CHANGED;
    case 'K' - 64:
        prompt->text[from] = '\0';
        return PROMPT_CHANGED;
    case 'W' - 64:
        while (from > 0 && prompt->text[from - 1] == ' ')
            from--;
        while (from > 0 && prompt->text[from - 1] != ' ')
            from--;
        cut(prompt, from, prompt->at);
        return PROMPT_CHANGED;
    default:
        if (key < ' ' || key >= KEY_FIRST)
            return PROMPT_GOES_ON;
        insert(prompt, key);
        return PROMPT_CHANGED;
    }
}

enum prompt_result
prompt_key(struct prompt *prompt, int32_t key)
{
    if (key == KEYS_ESC || key == 'C' - 64 || key == 'G' - 64)
        return PROMPT_LEFT;
    if (prompt->kind == PROMPT_CONFIRM)
        return key == 'y' || key == 'Y' ? PROMPT_DONE : PROMPT_LEFT;
    if (key == KEYS_ENTER || key == '\n')
        return PROMPT_DONE;
    return edit(prompt, key);
}
