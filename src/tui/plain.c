/* plain.c — the explorer as lines.
 *
 * Nothing is redrawn, no borders, no colours, no alternate screen: a screen
 * reader reads each line once. Long work says so once when it begins; the
 * next command waits for it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/plain.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/mem.h"

#define PAGE 20u
#define LINE_MAX_BYTES 1024
#define STEP_MS 50
#define QUIET_STEPS 20 /* before it is said what takes so long */

struct plain {
    struct app *app;
    const volatile sig_atomic_t *end_signal;
    char line[LINE_MAX_BYTES];
    size_t n_bytes;
    bool is_too_long; /* the line: the rest of it is no command */
    bool is_over;     /* quit */
    bool is_end;      /* of the input */
    uint64_t *ids;    /* of the rows that were printed, for their numbers */
    uint32_t next;    /* first position that was not printed yet */
};

static bool
is_leaving(const struct plain *plain)
{
    return plain->is_over || *plain->end_signal != 0;
}

static void
put(const struct plain *plain, const char *text)
{
    /* The screen's own rules about ASCII hold here too. */
    struct screen *screen = &plain->app->screen;
    int cols = screen_cols_of(screen, text);
    if (cols <= 0) {
        putchar('\n');
        return;
    }
    screen_resize(screen, 1, cols);
    screen_put(screen, 0, 0, cols, ROLE_NORMAL, text);
    char *shown = screen_dump(screen);
    fputs(shown, stdout);
    free(shown);
}

static void
put_row(const struct plain *plain, const struct list *list, uint32_t position)
{
    const struct rows_ops *ops = list->ops;
    uint32_t row = list_row_at(list, position);
    char text[4 * CELL_OUT_BYTES];
    size_t used =
        (size_t)snprintf(text, sizeof text, "%u. ", (unsigned)position + 1);
    bool is_first = true;
    for (int i = 0; i < ops->n_columns; i++) {
        struct cell_out cell;
        cell_clear(&cell);
        if (ops->columns[i].kind == COLUMN_BAR)
            continue;
        ops->cell(list->context, row, i, &cell);
        const char *at = cell.text + strspn(cell.text, " ");
        if (at[0] == '\0' || used + strlen(at) + 80 > sizeof text)
            continue;
        bool has_title = !ops->bare && ops->columns[i].title[0] != '\0';
        used += (size_t)snprintf(
            text + used, sizeof text - used, "%s%s%s%s", is_first ? "" : ", ",
            has_title ? ops->columns[i].title : "", has_title ? " " : "", at);
        is_first = false;
    }
    put(plain, text);
}

/* What a number stands for, also when the rows are others by then. */
static void
remember(struct plain *plain, const struct list *list, uint32_t from,
         uint32_t to)
{
    plain->ids = mem_resize(plain->ids, to, sizeof *plain->ids);
    for (uint32_t i = from; i < to; i++)
        plain->ids[i] = list->ops->id(list->context, list_row_at(list, i));
    plain->next = to;
}

static void
put_rows(struct plain *plain, struct list *list, uint32_t from)
{
    /* There may be fewer than when the last ones were printed. */
    if (from > list->n_rows)
        from = list->n_rows;
    uint32_t to = list->n_rows - from > PAGE ? from + PAGE : list->n_rows;
    if (list->n_rows == 0) {
        char text[600] = "nothing here";
        if (list->filter.n_terms > 0)
            strcpy(text, "no row passes the filter");
        else if (list->ops->empty != NULL)
            list->ops->empty(list->context, sizeof text, text);
        put(plain, text);
    } else if (from == list->n_rows) {
        put(plain, "these were all rows");
    }
    for (uint32_t i = from; i < to; i++)
        put_row(plain, list, i);
    if (list == view_list(app_view(plain->app)))
        remember(plain, list, from, to);
    if (to < list->n_rows) {
        char text[80];
        snprintf(text, sizeof text, "%u more; an empty line goes on",
                 (unsigned)(list->n_rows - to));
        put(plain, text);
    }
}

static void
put_view(struct plain *plain)
{
    struct app *app = plain->app;
    struct view *view = app_view(app);
    char text[700], summary[600];
    struct cell_out cell;
    cell_clear(&cell);
    if (view->ops->summary != NULL)
        view->ops->summary(view, &cell);
    app_crumb(app, sizeof summary, summary);
    snprintf(text, sizeof text, "%.560s%s%.100s", summary,
             cell.len > 0 ? ": " : "", cell.text);
    put(plain, text);
    app_layout(app, 1);
    for (int i = 0; i < view->ops->n_panes; i++) {
        struct list *list = &view->lists[i];
        if (view->rects[i].rows == 0)
            continue;
        if (view->ops->n_panes > 1) {
            cell_clear(&cell);
            if (list->ops->title != NULL)
                list->ops->title(view, &cell);
            else
                cell_add(&cell, ROLE_PANE, list->ops->name);
            snprintf(text, sizeof text, "-- %s%s", cell.text,
                     i == view->focus ? " (numbers open these rows)" : "");
            put(plain, text);
        }
        put_rows(plain, list, 0);
    }
}

static void
put_message(struct plain *plain)
{
    struct app *app = plain->app;
    if (app->message[0] != '\0')
        put(plain, app->message);
    app->message[0] = '\0';
}

/* Until nothing is under way, or a signal ends it. */
static void
settle(struct plain *plain)
{
    struct px_err err;
    char text[300];
    int permille = 0;
    for (int n = 1; !is_leaving(plain) &&
                    app_settle(plain->app, STEP_MS, &err) == PX_EBUSY;
         n++) {
        if (n == QUIET_STEPS &&
            app_progress(plain->app, sizeof text, text, &permille))
            put(plain, text);
        fflush(stdout);
    }
}

static bool
choose(const struct plain *plain, struct list *list, unsigned long number)
{
    if (number > 0 && number <= plain->next) {
        if (list_seek(list, plain->ids[number - 1]))
            return true;
        put(plain, "this row is gone");
        return false;
    }
    if (number == 0 || number > list->n_rows) {
        put(plain, "there is no row of this number");
        return false;
    }
    list_move_to(list, (uint32_t)(number - 1));
    return true;
}

static void
run_line(struct plain *plain, char *line)
{
    struct app *app = plain->app;
    struct view *view = app_view(app);
    char *end = NULL;
    unsigned long number = strtoul(line, &end, 10);
    unsigned reaction = REACT_NONE;
    if (app->prompt.kind == PROMPT_CONFIRM) {
        reaction = app_key(app, line[0] == 'y' ? 'y' : 'n');
    } else if (app->prompt.kind != PROMPT_NONE) {
        snprintf(app->prompt.text, sizeof app->prompt.text, "%.*s",
                 PROMPT_TEXT - 1, line);
        app->prompt.at = strlen(app->prompt.text);
        reaction = app_key(app, '\r');
    } else if (line[0] == '\0') {
        put_rows(plain, view_list(view), plain->next);
        return;
    } else if (end != line && *end == '\0') {
        settle(plain); /* no row is found while the rows are sorted */
        view = app_view(app);
        if (is_leaving(plain) || !choose(plain, view_list(view), number))
            return;
        reaction = action_run(app, ACT_ENTER, NULL);
    } else if (strcmp(line, "?") == 0) {
        reaction = action_run(app, ACT_HELP, NULL);
    } else {
        prompt_open(&app->prompt, PROMPT_COMMAND, ":", line, ACT_COMMAND);
        reaction = app_key(app, '\r');
    }
    plain->is_over = plain->is_over || (reaction & REACT_QUIT) != 0;
    settle(plain);
    if (is_leaving(plain))
        return;
    bool is_refused =
        app->message[0] != '\0' &&
        (app->message_role == ROLE_ERROR || app->message_role == ROLE_WARN);
    put_message(plain);
    if (is_refused && app_view(app) == view)
        return;
    if (app->prompt.kind != PROMPT_NONE)
        put(plain, app->prompt.question);
    else
        put_view(plain);
}

static void
on_input(void *context, int fd, short revents)
{
    struct plain *plain = context;
    (void)revents;
    ssize_t n = read(fd, plain->line + plain->n_bytes,
                     sizeof plain->line - 1 - plain->n_bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        plain->is_end = true;
        return;
    }
    plain->n_bytes += (size_t)n;
    plain->line[plain->n_bytes] = '\0';
}

static bool
take_line(struct plain *plain, char line[LINE_MAX_BYTES])
{
    char *end = memchr(plain->line, '\n', plain->n_bytes);
    if (end == NULL)
        return false;
    *end = '\0';
    size_t used = (size_t)(end + 1 - plain->line);
    strcpy(line, plain->line);
    line[strcspn(line, "\r")] = '\0';
    plain->n_bytes -= used;
    memmove(plain->line, plain->line + used, plain->n_bytes + 1);
    return true;
}

/* Not in the callback: a command waits for the loop itself. */
static void
run_lines(struct plain *plain)
{
    char line[LINE_MAX_BYTES];
    /* The end of the input ends the last line. */
    if (plain->is_end && (plain->n_bytes > 0 || plain->is_too_long))
        plain->line[plain->n_bytes++] = '\n';
    while (!is_leaving(plain) && take_line(plain, line)) {
        if (plain->is_too_long)
            put(plain, "this line is too long for a command");
        else
            run_line(plain, line);
        plain->is_too_long = false;
    }
    if (plain->n_bytes + 1 >= sizeof plain->line) {
        plain->is_too_long = true;
        plain->n_bytes = 0;
    }
}

/* Waits for news or for input. While a command runs nobody reads, so that what
 * is typed meanwhile stays where it is. */
static enum px_status
wait(struct plain *plain, struct px_err *err)
{
    struct px_loop *loop = plain->app->loop;
    enum px_status status =
        px_loop_watch(loop, STDIN_FILENO, POLLIN, on_input, plain, err);
    if (status == PX_OK)
        status = px_loop_step(loop, -1, err);
    px_loop_unwatch(loop, STDIN_FILENO);
    return status;
}

/* What is there to begin with. */
static void
begin(struct plain *plain, const char *place)
{
    struct app *app = plain->app;
    char text[600];
    settle(plain);
    if (is_leaving(plain))
        return;
    put(plain, app_title(app, sizeof text, text));
    put(plain, app_snapshot_text(app, sizeof text, text));
    put(plain, "A number opens its row, an empty line goes on, back, quit; "
               "? lists all commands.");
    if (place != NULL)
        action_run(app, ACT_GOTO, place);
    settle(plain);
    put_message(plain);
    put_view(plain);
}

enum px_status
plain_run(struct app *app, const char *place,
          const volatile sig_atomic_t *end_signal, struct px_err *err)
{
    struct plain plain = {.app = app, .end_signal = end_signal};
    enum px_status status = PX_OK;
    begin(&plain, place);
    while (status == PX_OK && !is_leaving(&plain) && !plain.is_end) {
        if (fflush(stdout) != 0)
            break;
        status = wait(&plain, err);
        app_collect(app);
        run_lines(&plain);
        put_message(&plain);
    }
    fflush(stdout);
    free(plain.ids);
    return status;
}
