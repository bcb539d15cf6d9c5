/* app_progress.c — what is under way, in one line: a snapshot that arrives,
 * what the worker does, what the target was asked.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"

/* The agent says every fraction of a second that it waits. */
#define NO_WORD_NS 1000000000u

static void
counts_of(const struct app *app, const struct snapshot *coming,
          uint64_t *objects, uint64_t *estimate)
{
    struct px_builder_counts counts = {0};
    if (coming->state == SNAPSHOT_ARRIVING)
        px_builder_counts(coming->builder, &counts);
    *objects = counts.objects;
    *estimate = counts.estimated_objects;
    (void)app;
}

static int
share_permille(uint64_t part, uint64_t whole)
{
    if (whole == 0)
        return -1;
    double share = 1000.0 * (double)part / (double)whole;
    return share > 1000.0 ? 1000 : (int)share;
}

/* "4.1 M" is easier to compare while it runs than 4,100,000. */
static char *
short_count(uint64_t value, char out[PX_FIGURE_MAX])
{
    if (value >= 1000000)
        snprintf(out, PX_FIGURE_MAX, "%.1f M", (double)value / 1e6);
    else if (value >= 10000)
        snprintf(out, PX_FIGURE_MAX, "%.0f k", (double)value / 1e3);
    else
        px_text_count(value, out);
    return out;
}

/* Before the first object: `waited` since it was asked for. */
static void
waiting_text(const struct app *app, uint64_t waited, size_t out_bytes,
             char *out)
{
    const struct session_progress *progress = &app->session.progress;
    uint64_t silent = waited;
    char time[PX_FIGURE_MAX];
    if (progress->at_ns != 0) {
        silent = px_now_ns() - progress->at_ns;
        waited = progress->waited_ns + silent;
    }
    px_text_ns(waited, time);
    const char *doing =
        app->session.is_canceling ? "cancelling; waiting" : "waiting";
    if (silent > NO_WORD_NS)
        snprintf(out, out_bytes,
                 "%s for an answer for %s (is the target stopped?)", doing,
                 time);
    else if (waited > 300000000u && progress->is_waiting)
        snprintf(out, out_bytes,
                 "%s for the GIL for %s (the target is in C code)", doing,
                 time);
    else
        snprintf(out, out_bytes, "asking for a snapshot");
}

static bool
arriving_text(const struct app *app, const struct snapshot *coming,
              size_t out_bytes, char *out, int *permille)
{
    const struct session_progress *progress = &app->session.progress;
    uint64_t now = px_now_ns(), objects = 0, estimate = 0;
    char have[PX_FIGURE_MAX], all[PX_FIGURE_MAX], rate[PX_FIGURE_MAX];
    char left[PX_FIGURE_MAX], pause[PX_FIGURE_MAX];
    counts_of(app, coming, &objects, &estimate);
    *permille = share_permille(objects, estimate);
    if (objects == 0 && (progress->at_ns == 0 || progress->is_waiting)) {
        waiting_text(app, now - coming->started_ns, out_bytes, out);
        return true;
    }
    double seconds = (double)(now - coming->started_ns) / 1e9;
    double speed = seconds > 0 ? (double)objects / seconds : 0;
    size_t used = (size_t)snprintf(
        out, out_bytes, "%s of ~%s objects  %s/s", short_count(objects, have),
        short_count(estimate, all), short_count((uint64_t)speed, rate));
    if (estimate > objects && speed > 0 && used < out_bytes)
        used += (size_t)snprintf(
            out + used, out_bytes - used, "  %s left",
            px_text_ns((uint64_t)((double)(estimate - objects) / speed * 1e9),
                       left));
    if (progress->pause_ns > 0 && used < out_bytes)
        snprintf(out + used, out_bytes - used, "  paused %s",
                 px_text_ns(progress->pause_ns, pause));
    return true;
}

bool
app_progress(const struct app *app, size_t out_bytes, char *out, int *permille)
{
    const struct snapshot *coming = store_coming(&app->store);
    const struct session_request *request = session_oldest(&app->session);
    const struct snapshot *latest = store_latest(&app->store);
    struct view *view = app_view(app);
    char time[PX_FIGURE_MAX];
    *permille = -1;
    if (coming != NULL && coming->state == SNAPSHOT_ARRIVING)
        return arriving_text(app, coming, out_bytes, out, permille);
    if (coming == NULL && latest != NULL && latest->job != NULL)
        coming = latest;
    if (coming != NULL && coming->job != NULL) {
        const struct job *job = (const struct job *)coming->job;
        const char *stage = atomic_load(&job->stage);
        *permille = share_permille(atomic_load(&job->n_done),
                                   atomic_load(&job->n_total));
        snprintf(out, out_bytes, "%s%s%s", store_doing(coming),
                 stage != NULL ? ": " : "", stage != NULL ? stage : "");
        return true;
    }
    if (request != NULL) {
        uint64_t waited = px_now_ns() - request->sent_ns;
        const struct session_progress *progress = &app->session.progress;
        if (progress->at_ns != 0 && progress->is_waiting)
            snprintf(out, out_bytes,
                     "waiting for the GIL for %s (the target is in C code)",
                     px_text_ns(progress->waited_ns, time));
        else if (waited > 200000000u)
            snprintf(out, out_bytes, "%s …  %s", request->what,
                     px_text_ns(waited, time));
        else
            return false;
        return true;
    }
    if (view != NULL && view->job != NULL) {
        const char *stage = atomic_load(&view->job->stage);
        *permille = share_permille(atomic_load(&view->job->n_done),
                                   atomic_load(&view->job->n_total));
        snprintf(out, out_bytes, "%s", stage != NULL ? stage : "waiting");
        return true;
    }
    for (int i = 0; view != NULL && i < view->ops->n_panes; i++) {
        if (list_is_busy(&view->lists[i])) {
            snprintf(out, out_bytes, "sorting and searching …");
            return true;
        }
    }
    return false;
}
