/* app_input.c — keys, the line where one types, and the mouse.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "tui/app.h"
#include "tui/keymap.h"

#define WHEEL_ROWS 3

static unsigned
run_command(struct app *app, char *line)
{
    line += strspn(line, " :");
    char *arg = line + strcspn(line, " ");
    if (*arg != '\0')
        *arg++ = '\0';
    arg += strspn(arg, " ");
    if (line[0] == '\0')
        return REACT_DRAW;
    enum action_id action = action_find(line);
    if (action == ACT_END) {
        app_say(app, ROLE_ERROR,
                "there is no command %.80s; Tab completes, ? lists all", line);
        return REACT_DRAW;
    }
    if (arg[0] != '\0' && !(actions[action].flags & ACT_ARG)) {
        app_say(app, ROLE_ERROR, ":%s takes nothing after it",
                actions[action].name);
        return REACT_DRAW;
    }
    return action_run(app, action, arg[0] != '\0' ? arg : NULL);
}

/* Filter and search follow what is typed; Esc puts them back. */
static void
try_prompt(struct app *app, const char *text)
{
    app->prompt.is_untried = false;
    struct list *list = view_list(app_view(app));
    struct px_err err;
    if (app->prompt.kind == PROMPT_FILTER) {
        /* A half-typed figure is no error yet. */
        list_filter(list, text, &err);
    } else if (app->prompt.kind == PROMPT_SEARCH) {
        if (text[0] == '\0')
            list->search[0] = '\0';
        else
            list_search(list, text, app->prompt.cursor_before, false);
    }
}

/* Once for all that came in one piece: a paste is not searched for letter by
 * letter. */
void
app_try_prompt(struct app *app)
{
    if (app->prompt.kind != PROMPT_NONE && app->prompt.is_untried)
        try_prompt(app, app->prompt.text);
}

/* To the row where a search began: in a newer snapshot it stands elsewhere. */
static void
back_to_row(struct list *list, const struct prompt *prompt)
{
    uint32_t row = list_row_at(list, prompt->cursor_before);
    bool is_there = prompt->id_before == 0 ||
                    (row != LIST_NONE &&
                     list->ops->id(list->context, row) == prompt->id_before);
    if (is_there || !list_seek(list, prompt->id_before))
        list_move_to(list, prompt->cursor_before);
}

static unsigned
end_prompt(struct app *app)
{
    struct prompt *prompt = &app->prompt;
    enum prompt_kind kind = prompt->kind;
    char text[PROMPT_TEXT];
    snprintf(text, sizeof text, "%s", prompt->text);
    prompt_remember(prompt);
    prompt->kind = PROMPT_NONE;
    switch (kind) {
    case PROMPT_NONE:
        break;
    case PROMPT_SEARCH:
        /* An empty search takes up the last one, as in less and vi. */
        if (text[0] == '\0' && prompt->before[0] != '\0')
            return action_run(app, ACT_SEARCH, prompt->before);
        if (text[0] == '\0')
            break;
        back_to_row(view_list(app_view(app)), prompt);
        return action_run(app, ACT_SEARCH, text);
    case PROMPT_FILTER:
        return action_run(app, ACT_FILTER, text);
    case PROMPT_COMMAND:
        return run_command(app, text);
    case PROMPT_ANSWER:
        return text[0] != '\0' ? action_run(app, prompt->action, text)
                               : REACT_DRAW;
    case PROMPT_CONFIRM:
        return action_run(app, prompt->action, "yes");
    }
    return REACT_DRAW;
}

static void
leave_prompt(struct app *app)
{
    struct prompt *prompt = &app->prompt;
    struct list *list = view_list(app_view(app));
    if (prompt->kind == PROMPT_FILTER) {
        try_prompt(app, prompt->before);
    } else if (prompt->kind == PROMPT_SEARCH) {
        snprintf(list->search, sizeof list->search, "%.*s",
                 (int)sizeof list->search - 1, prompt->before);
        back_to_row(list, prompt);
    } else if (prompt->kind == PROMPT_CONFIRM) {
        app_say(app, ROLE_NORMAL, "not done");
    }
    prompt->kind = PROMPT_NONE;
}

unsigned
app_key(struct app *app, int32_t key)
{
    app->is_dirty = true;
    if (app_view(app) == NULL)
        return key == 'q' || key == 'C' - 64 ? REACT_QUIT : REACT_NONE;
    return ahead_takes(app, key) ? REACT_DRAW : app_press(app, key);
}

unsigned
app_paste(struct app *app, int32_t key)
{
    bool is_text =
        app->prompt.kind != PROMPT_NONE && app->prompt.kind != PROMPT_CONFIRM;
    /* A key that opens a prompt may still wait. */
    if (!is_text && app->ahead.n == 0) {
        app_say(app, ROLE_WARN,
                "what was pasted is no key; / and : and f take text");
        return REACT_DRAW;
    }
    return app_key(app, key < ' ' || key >= KEY_FIRST ? ' ' : key);
}

void
app_words(const struct app *app, struct words *out)
{
    struct view *view = app_view(app);
    const struct snapshot *snapshot = app_snapshot(app);
    struct words_source source = {
        .graph = snapshot != NULL ? snapshot->graph : NULL,
        .list = view != NULL ? view_list(view) : NULL,
    };
    *out = (struct words){.n = 0};
    if (app->prompt.kind == PROMPT_COMMAND)
        words_find(app->prompt.text, &source, out);
}

unsigned
app_press(struct app *app, int32_t key)
{
    if (app->prompt.kind == PROMPT_NONE) {
        enum action_id action = keymap_find(app_view(app)->place.view, key);
        /* A message stays until the next key. */
        app->message[0] = '\0';
        if (action == ACT_END) {
            char name[16];
            app_say(app, ROLE_NORMAL, "%s does nothing here; ? lists all keys",
                    keymap_name(key, sizeof name, name));
            return REACT_DRAW;
        }
        return action_run(app, action, NULL);
    }
    if (key == 'Z' - 64)
        return action_run(app, ACT_SUSPEND, NULL);
    if (key == KEYS_TAB && app->prompt.kind == PROMPT_COMMAND) {
        struct words words;
        app_words(app, &words);
        prompt_complete(&app->prompt, &words);
        return REACT_DRAW;
    }
    switch (prompt_key(&app->prompt, key)) {
    case PROMPT_GOES_ON:
        break;
    case PROMPT_CHANGED:
        app->prompt.is_untried = true;
        break;
    case PROMPT_DONE:
        app->message[0] = '\0';
        return end_prompt(app);
    case PROMPT_LEFT:
        leave_prompt(app);
        break;
    }
    return REACT_DRAW;
}

static unsigned
click(struct app *app, enum mouse mouse, int row, int col)
{
    struct view *view = app_view(app);
    for (int i = 0; row == app->screen.rows - 1 && i < app->n_bar; i++) {
        if (col >= app->bar[i].col && col < app->bar[i].col + app->bar[i].cols)
            return action_run(app, app->bar[i].action, NULL);
    }
    for (int i = 0; i < view->ops->n_panes; i++) {
        struct list *list = &view->lists[i];
        uint32_t position = 0;
        int column = 0;
        if (view->rects[i].rows <= 0)
            continue;
        if (list_hit_row(list, row, col, &position)) {
            view->focus = i;
            list_move_to(list, position);
            return mouse == MOUSE_DOUBLE ? action_run(app, ACT_ENTER, NULL)
                                         : REACT_DRAW;
        }
        if (list_hit_header(list, row, col, &column)) {
            view->focus = i;
            bool is_figure = list->ops->columns[column].kind != COLUMN_TEXT;
            bool again = list->sort == column;
            list_sort(list, column, again ? !list->is_descending : is_figure);
            return REACT_DRAW;
        }
    }
    return REACT_NONE;
}

unsigned
app_mouse(struct app *app, enum mouse mouse, int row, int col)
{
    struct view *view = app_view(app);
    app->is_dirty = true;
    if (view == NULL || app->prompt.kind != PROMPT_NONE)
        return REACT_NONE;
    app->message[0] = '\0';
    ahead_drop(app); /* who points sees where */
    if (mouse == MOUSE_CLICK || mouse == MOUSE_DOUBLE)
        return click(app, mouse, row, col);
    for (int i = 0; i < view->ops->n_panes; i++) {
        struct rect rect = view->rects[i];
        if (row >= rect.row && row < rect.row + rect.rows && col >= rect.col &&
            col < rect.col + rect.cols) {
            list_move(&view->lists[i],
                      mouse == MOUSE_WHEEL_UP ? -WHEEL_ROWS : WHEEL_ROWS);
            break;
        }
    }
    return REACT_DRAW;
}
