/* progress.c — one line on the terminal's stderr while something takes long.
 *
 * Nothing is shown for work that ends within QUIET_NS, so that quick commands
 * do not flicker; then the line is rewritten at most every EVERY_NS. It is
 * erased before anything else is printed. On a pipe, or on a dumb terminal,
 * nothing is written at all.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/text.h"

#define QUIET_NS 300000000u
#define EVERY_NS 100000000u

struct cli_progress {
    struct cli *cli;
    uint64_t started_ns;
    uint64_t shown_ns;
    uint64_t first_ns; /* when the first objects were counted */
    uint64_t first_objects;
    bool is_shown;
    bool is_on;
};

struct cli_progress *
cli_progress_new(struct cli *cli)
{
    const char *term = getenv("TERM");
    struct cli_progress *progress = cli_alloc(sizeof *progress);
    *progress = (struct cli_progress){
        .cli = cli,
        .started_ns = px_now_ns(),
        .is_on = cli->err_tty && term != NULL && strcmp(term, "dumb") != 0,
    };
    return progress;
}

void
cli_progress_clear(struct cli_progress *progress)
{
    if (progress == NULL || !progress->is_shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->is_shown = false;
}

void
cli_progress_free(struct cli_progress *progress)
{
    cli_progress_clear(progress);
    free(progress);
}

static bool
is_due(struct cli_progress *progress)
{
    uint64_t now = px_now_ns();
    if (!progress->is_on || now - progress->started_ns < QUIET_NS ||
        now - progress->shown_ns < EVERY_NS)
        return false;
    progress->shown_ns = now;
    return true;
}

static int
stderr_cols(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return size.ws_col;
    return 80;
}

static void
show(struct cli_progress *progress, const char *text)
{
    char shown[512];
    cli_text(progress->cli, text, sizeof shown, shown);
    size_t fit = px_text_fit(shown, strlen(shown), stderr_cols() - 1, NULL);
    fprintf(stderr, "\r%.*s\033[K", (int)fit, shown);
    fflush(stderr);
    progress->is_shown = true;
}

void
cli_progress_text(struct cli_progress *progress, const char *text)
{
    if (progress != NULL && is_due(progress))
        show(progress, text);
}

/* "waiting for the GIL for 3.2 s (the target is in C code)"; false if the
 * agent says nothing of the kind. */
static bool
show_wait(struct cli_progress *progress, const json_t *body)
{
    const char *state = json_string_value(json_object_get(body, "state"));
    if (state == NULL || strcmp(state, "waiting_gil") != 0)
        return false;
    json_int_t ms = json_integer_value(json_object_get(body, "waited_ms"));
    char time[PX_FIGURE_MAX], text[128];
    px_text_ns((uint64_t)(ms > 0 ? ms : 0) * 1000000u, time);
    snprintf(text, sizeof text,
             "waiting for the GIL for %s (the target is in C code)", time);
    show(progress, text);
    return true;
}

/* The agent's own count runs ahead of ours while the spool is full of what
 * the wire has not carried yet; ours is what the user waits for. */
void
cli_progress_snapshot(struct cli_progress *progress, const json_t *body,
                      uint64_t objects, uint64_t estimated, uint64_t bytes)
{
    if (progress == NULL)
        return;
    if (objects > 0 && progress->first_ns == 0) {
        progress->first_ns = px_now_ns();
        progress->first_objects = objects;
    }
    if (!is_due(progress) || (objects == 0 && show_wait(progress, body)))
        return;
    char have[PX_FIGURE_MAX], all[PX_FIGURE_MAX], size[PX_FIGURE_MAX];
    char text[256];
    int n = snprintf(text, sizeof text, "%s", px_text_count(objects, have));
    if (estimated > 0)
        n += snprintf(text + n, sizeof text - (size_t)n, " of about %s",
                      px_text_count(estimated, all));
    n += snprintf(text + n, sizeof text - (size_t)n, " objects, %s",
                  px_text_bytes(bytes, size));
    uint64_t spent = px_now_ns() - progress->first_ns;
    if (progress->first_ns != 0 && spent > EVERY_NS) {
        double rate =
            (double)(objects - progress->first_objects) * 1e9 / (double)spent;
        char figure[PX_FIGURE_MAX];
        n += snprintf(text + n, sizeof text - (size_t)n, ", %s/s",
                      px_text_count((uint64_t)rate, figure));
        if (estimated > objects && rate >= 1)
            snprintf(text + n, sizeof text - (size_t)n, ", %s left",
                     px_text_ns(
                         (uint64_t)((double)(estimated - objects) / rate * 1e9),
                         figure));
    }
    show(progress, text);
}
