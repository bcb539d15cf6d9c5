/* app_draw.c — the whole screen.
 *
 *   0      title: what is looked at, and the snapshot
 *   1      where one is, and figures of the view
 *   2 … n  the panes
 *   n+1    the line where one types, or progress, or a message, or the
 *          position in the list; a question or a message that is longer has
 *          more lines, for what to do stands at its end
 *   n+2    keys
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/keymap.h"

#define TEXT_MAX 600
#define PLAIN_ROOM 200 /* for all panes */
#define PANES_MIN 8    /* rows that a long message leaves them */
#define LINES_MAX 5

static void
draw_top(struct app *app)
{
    struct screen *screen = &app->screen;
    const struct view *view = app_view(app);
    char text[TEXT_MAX];
    int cols = screen->cols;
    screen_fill(screen, 0, 0, cols, ROLE_TITLE, " ");
    char title[TEXT_MAX];
    app_title(app, sizeof title, title);
    app_snapshot_text(app, sizeof text, text);
    int left = screen_cols_of(screen, title);
    int right = screen_cols_of(screen, text);
    /* First the pause goes, then all of it. */
    char *comma = strrchr(text, ',');
    if (left + right + 4 > cols && comma != NULL) {
        *comma = '\0';
        right = screen_cols_of(screen, text);
    }
    if (left + right + 4 > cols)
        right = 0;
    screen_put_right(screen, 0, cols - 1, right, ROLE_TITLE_DIM, text);
    screen_put(screen, 0, 1, cols - right - 3, ROLE_TITLE, title);

    screen_fill(screen, 1, 0, cols, ROLE_CRUMB, " ");
    struct cell_out cell;
    cell_clear(&cell);
    if (view->ops->summary != NULL)
        view->ops->summary(view, &cell);
    right = screen_cols_of(screen, cell.text);
    if (right > cols * 2 / 3)
        right = 0;
    screen_put_right(screen, 1, cols - 1, right, ROLE_CRUMB, cell.text);
    app_crumb(app, sizeof text, text);
    /* Its end is where one is. */
    const char *end = screen_end(screen, text, cols - right - 3);
    if (end > text)
        end = screen_end(screen, text, cols - right - 4);
    int at = end > text ? screen_put(screen, 1, 1, 1, ROLE_CRUMB,
                                     screen->ascii ? "~" : "…")
                        : 0;
    screen_put(screen, 1, 1 + at, cols - right - 3 - at, ROLE_CRUMB, end);
}

/* ---- the line above the keys ---- */

char *
app_position(const struct app *app, size_t out_bytes, char *out)
{
    const struct view *view = app_view(app);
    const struct list *list = &view->lists[view->focus];
    char row[PX_FIGURE_MAX], all[PX_FIGURE_MAX], hidden[PX_FIGURE_MAX];
    uint32_t n = list->ops->count(list->context);
    out[0] = '\0';
    if (n == 0)
        return out;
    size_t used = (size_t)snprintf(
        out, out_bytes, "%s of %s",
        px_text_count(list->n_rows > 0 ? list->cursor + 1 : 0, row),
        px_text_count(list->n_rows, all));
    if (list->filter_text[0] != '\0')
        used += (size_t)snprintf(out + used, out_bytes - used,
                                 "  filter %s hides %s (Esc shows all)",
                                 list->filter_text,
                                 px_text_count(n - list->n_rows, hidden));
    if (list->search[0] != '\0' && used < out_bytes)
        snprintf(out + used, out_bytes - used, "  /%s", list->search);
    return out;
}

/* What may need more than one line, escaped; "" : nothing. */
static char *
long_text(const struct app *app, size_t out_bytes, char *out)
{
    char text[TEXT_MAX];
    int permille = 0;
    out[0] = '\0';
    if (app->prompt.kind == PROMPT_CONFIRM)
        snprintf(out, out_bytes, "%s", app->prompt.question);
    else if (app->prompt.kind == PROMPT_NONE &&
             !app_progress(app, sizeof text, text, &permille))
        px_text_escape(app->message, strlen(app->message), out_bytes, out);
    return out;
}

/* Writes it, or with `row` < 0 only tells how many lines it has. */
static int
draw_lines(struct app *app, int row, int max_rows, enum role role,
           const char *text)
{
    struct screen *screen = &app->screen;
    int n_rows = 0, used = 0;
    do {
        char line[TEXT_MAX];
        size_t n = screen_line(screen, text, screen->cols - 2);
        /* The last one that there is room for says that there is more. */
        bool is_last = n_rows + 1 == max_rows || n == 0;
        snprintf(line, sizeof line, "%.*s",
                 is_last ? (int)strlen(text) : (int)n, text);
        if (row >= 0)
            used = screen_put(screen, row + n_rows, 1, screen->cols - 2, role,
                              line);
        n_rows++;
        text += is_last ? strlen(text) : n + strspn(text + n, " ");
    } while (*text != '\0');
    if (row >= 0 && app->prompt.kind == PROMPT_CONFIRM) {
        screen->cursor_row = row + n_rows - 1;
        screen->cursor_col = 1 + used;
    }
    return n_rows;
}

/* Lines above the keys. */
static int
line_rows(struct app *app)
{
    char text[NOTE_TEXT + 80];
    int room = app->screen.rows - PANES_MIN - 3;
    int most = room < LINES_MAX ? room : LINES_MAX;
    if (most <= 1 || long_text(app, sizeof text, text)[0] == '\0')
        return 1;
    return draw_lines(app, -1, most, ROLE_NORMAL, text);
}

/* From where the text is shown: as far right as the cursor needs. */
static const char *
shown_from(const struct screen *screen, const struct prompt *prompt, int room)
{
    const char *from = prompt->text;
    const char *end = prompt->text + prompt->at;
    char before[PROMPT_TEXT];
    for (;;) {
        snprintf(before, sizeof before, "%.*s", (int)(end - from), from);
        if (from == end || screen_cols_of(screen, before) < room)
            return from;
        do
            from++;
        while (from < end && ((unsigned char)*from & 0xc0) == 0x80);
    }
}

static void
draw_prompt(struct app *app, int row)
{
    struct screen *screen = &app->screen;
    const struct prompt *prompt = &app->prompt;
    int col = 1 + screen_put(screen, row, 1, screen->cols - 2, ROLE_PROMPT,
                             prompt->question);
    const char *from = shown_from(screen, prompt, screen->cols - col - 1);
    if (from > prompt->text) {
        from = shown_from(screen, prompt, screen->cols - col - 2);
        col += screen_put(screen, row, col, 1, ROLE_DIM,
                          screen->ascii ? "~" : "…");
    }
    char before[PROMPT_TEXT];
    snprintf(before, sizeof before, "%.*s",
             (int)(prompt->text + prompt->at - from), from);
    screen->cursor_row = row;
    screen->cursor_col = col + screen_cols_of(screen, before);
    if (screen->cursor_col >= screen->cols)
        screen->cursor_col = screen->cols - 1;
    col += screen_put(screen, row, col, screen->cols - col, ROLE_NORMAL, from);
    col += 3;
    struct words words;
    app_words(app, &words);
    if (words.n == 0 && col < screen->cols - 4)
        screen_put(screen, row, col, screen->cols - col, ROLE_DIM,
                   prompt_hint(prompt));
    for (size_t i = 0; i < words.n && col < screen->cols - 4; i++)
        col += screen_put(screen, row, col, screen->cols - col,
                          i == 0 ? ROLE_NAME : ROLE_DIM, words.names[i]) +
               2;
}

static void
draw_progress(struct app *app, int row, const char *text, int permille)
{
    struct screen *screen = &app->screen;
    const struct snapshot *coming = store_coming(&app->store);
    char number[40] = "";
    if (coming != NULL)
        snprintf(number, sizeof number, "snapshot %u  ", coming->number);
    char keys[PX_COUNTED_MAX], hint[96] = "Esc cancel";
    if (app->ahead.n > 0)
        snprintf(hint, sizeof hint, "%s waiting, Esc drops",
                 px_text_counted((uint64_t)app->ahead.n, "key", keys));
    else if (app->ahead.is_sought)
        snprintf(hint, sizeof hint, "searching, Esc ends");
    int col = 1, end = screen->cols - 1;
    int bar = screen->cols < 100 ? 10 : 20;
    if (permille < 0 || screen->cols < 60)
        bar = 0;
    int need = screen_cols_of(screen, number) + bar + 4 +
               screen_cols_of(screen, text) + screen_cols_of(screen, hint);
    /* Rather the whole sentence than how to end it, unless keys wait. */
    if (need > end - col && app->ahead.n == 0)
        hint[0] = '\0';
    if (hint[0] != '\0')
        end -= screen_cols_of(screen, hint) + 2;
    col += screen_put(screen, row, col, end - col, ROLE_STRONG, number);
    if (bar > 0) {
        int n = permille * bar / 1000;
        screen_fill(screen, row, col, n, ROLE_BAR, "▓");
        screen_fill(screen, row, col + n, bar - n, ROLE_RULE, "░");
        col += bar + 2;
    }
    screen_put(screen, row, col, end - col, ROLE_NORMAL, text);
    screen_put_right(screen, row, screen->cols - 1, screen->cols, ROLE_DIM,
                     hint);
}

static void
draw_message(struct app *app, int row, int n_rows)
{
    struct screen *screen = &app->screen;
    char text[NOTE_TEXT + 80], where[TEXT_MAX];
    long_text(app, sizeof text, text);
    draw_lines(app, row, n_rows, app->message_role, text);
    /* Where one is stays in sight if there is room. */
    int used = screen_cols_of(screen, text);
    app_position(app, sizeof where, where);
    if (n_rows == 1 && used + screen_cols_of(screen, where) + 5 < screen->cols)
        screen_put_right(screen, row, screen->cols - 1, screen->cols, ROLE_DIM,
                         where);
}

static void
draw_line(struct app *app, int row, int n_rows)
{
    struct screen *screen = &app->screen;
    char text[TEXT_MAX];
    int permille = -1;
    if (app->prompt.kind == PROMPT_CONFIRM)
        draw_lines(app, row, n_rows, ROLE_PROMPT, app->prompt.question);
    else if (app->prompt.kind != PROMPT_NONE)
        draw_prompt(app, row);
    else if (app_progress(app, sizeof text, text, &permille))
        draw_progress(app, row, text, permille);
    else if (app->message[0] != '\0')
        draw_message(app, row, n_rows);
    else
        screen_put(screen, row, 1, screen->cols - 2, ROLE_DIM,
                   app_position(app, sizeof text, text));
}

/* ---- keys ---- */

struct bar {
    struct app *app;
    int row, col, end;
    bool shown[ACT_END];
};

/* Draws one key with its label if it fits, and does that here. */
static void
draw_key(struct bar *bar, const struct key_binding *binding)
{
    struct app *app = bar->app;
    struct screen *screen = &app->screen;
    char key[16], label[80];
    int32_t code = keymap_parse(binding->key);
    if (bar->shown[binding->action] || app->n_bar == APP_BAR_ZONES ||
        keymap_find(app_view(app)->place.view, code) != binding->action)
        return;
    if (binding->action == ACT_SORT && view_list(app_view(app))->ops->is_tree)
        return;
    keymap_name(code, sizeof key, key);
    /* The glyph is shorter than the word, and well known. */
    if (strcmp(key, "Backspace") == 0)
        strcpy(key, "⌫");
    snprintf(label, sizeof label, " %s",
             binding->label[0] != '\0' ? binding->label
                                       : actions[binding->action].label);
    int need = screen_cols_of(screen, key) + screen_cols_of(screen, label);
    if (bar->col + need > bar->end)
        return;
    bar->shown[binding->action] = true;
    app->bar[app->n_bar].col = bar->col;
    app->bar[app->n_bar].cols = need;
    app->bar[app->n_bar].action = binding->action;
    app->n_bar++;
    bar->col += screen_put(screen, bar->row, bar->col, need, ROLE_KEY, key);
    bar->col +=
        screen_put(screen, bar->row, bar->col, need, ROLE_LABEL, label) + 2;
}

/* The view's own keys, then the general ones, as far as they fit; help and
 * quit always stand at the right end. */
static void
draw_bar(struct app *app, int row)
{
    struct screen *screen = &app->screen;
    enum view_id view = app_view(app)->place.view;
    int last_cols = 14; /* "? help  q quit" */
    struct bar bar = {.app = app, .row = row, .end = screen->cols - 1};
    app->n_bar = 0;
    screen_fill(screen, row, 0, screen->cols, ROLE_LABEL, " ");
    bar.col = bar.end - last_cols;
    for (size_t i = 0; i < n_key_bindings; i++) {
        if (key_bindings[i].label != NULL &&
            (key_bindings[i].action == ACT_HELP ||
             key_bindings[i].action == ACT_QUIT))
            draw_key(&bar, &key_bindings[i]);
    }
    if (app->n_bar == 0) /* in the help they do something else */
        last_cols = -2;
    bar.end = screen->cols - 1 - last_cols - 2;
    bar.col = 1;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n_key_bindings; i++) {
            if (key_bindings[i].view == (pass == 0 ? view : VIEW_END) &&
                key_bindings[i].label != NULL)
                draw_key(&bar, &key_bindings[i]);
        }
    }
}

static void
lay_out(struct view *view, struct rect area)
{
    memset(view->rects, 0, sizeof view->rects);
    if (view->ops->layout != NULL)
        view->ops->layout(view, area, view->rects);
    else
        view->rects[0] = area;
}

void
app_layout(struct app *app, int by)
{
    struct view *view = app_view(app);
    const struct screen *screen = &app->screen;
    struct rect area = {2, 0, screen->rows - 3 - line_rows(app), screen->cols};
    if (app->is_plain)
        area = (struct rect){0, 0, PLAIN_ROOM, PLAIN_ROOM};
    for (int i = 0, n = view->ops->n_panes; i <= n; i++) {
        lay_out(view, area);
        /* Keys act on what is seen; a pane's first row is its title. */
        if (view->rects[view->focus].rows >= 2 || i == n)
            return;
        view->focus = (view->focus + by + n) % n;
    }
}

static void
draw_panes(struct app *app, struct rect area)
{
    struct view *view = app_view(app);
    struct screen *screen = &app->screen;
    int n = view->ops->n_panes;
    app_layout(app, 1);
    /* Rules show where no pane is. */
    for (int row = 0; n > 1 && row < area.rows; row++)
        screen_fill(screen, area.row + row, area.col, area.cols, ROLE_RULE,
                    "│");
    for (int i = 0; i < n; i++) {
        struct rect rect = view->rects[i];
        for (int row = 0; row < rect.rows; row++)
            screen_fill(screen, rect.row + row, rect.col, rect.cols,
                        ROLE_NORMAL, " ");
        if (rect.rows > 0)
            list_draw(&view->lists[i], screen, rect, i == view->focus);
    }
}

void
app_draw(struct app *app)
{
    struct screen *screen = &app->screen;
    app->is_dirty = false;
    screen_clear(screen);
    if (app_view(app) == NULL || screen->rows < 1 || screen->cols < 1)
        return;
    if (screen->rows < 6 || screen->cols < 24) {
        screen_put(screen, 0, 0, screen->cols, ROLE_WARN,
                   "too small: 24x6 needed");
        return;
    }
    draw_top(app);
    int n_lines = line_rows(app);
    struct rect area = {2, 0, screen->rows - 3 - n_lines, screen->cols};
    draw_panes(app, area);
    draw_line(app, screen->rows - 1 - n_lines, n_lines);
    draw_bar(app, screen->rows - 1);
}
