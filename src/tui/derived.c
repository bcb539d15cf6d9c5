/* derived.c — what a view has the worker compute for it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/derived.h"

#include <stdio.h>
#include <stdlib.h>

#include "tui/app.h"
#include "tui/mem.h"

struct derived_job {
    struct job job;
    const struct derived_ops *ops;
    struct view *view; /* NULL: closed or started anew meanwhile */
    struct derived_from from;
    bool was_made;
    void *result;
    struct px_err err;
};

static void
run_job(struct job *base)
{
    struct derived_job *job = (struct derived_job *)base;
    atomic_store(&base->stage, job->ops->about);
    job->was_made = true;
    job->result = job->ops->make(&job->from, &base->work, &job->err);
}

static void
finish_job(struct job *base)
{
    struct derived_job *job = (struct derived_job *)base;
    struct view *view = job->view;
    if (!job->was_made && job->ops->drop != NULL)
        job->ops->drop(job->from.input);
    if (view == NULL) {
        if (job->result != NULL)
            job->ops->free(job->result);
    } else {
        view->job = NULL;
        if (job->result == NULL)
            snprintf(view->problem, sizeof view->problem, "%s",
                     !job->was_made || job->err.status == PX_ECANCELED ||
                             job->err.msg[0] == '\0'
                         ? "cancelled"
                         : job->err.msg);
        view_stop(view);
        job->ops->take(view, job->result);
        view_changed(view);
        view->app->is_dirty = true;
    }
    free(job);
}

void
derived_start(struct view *view, const struct derived_ops *ops, void *input)
{
    derived_stop(view);
    struct derived_job *job = mem_new(1, sizeof *job);
    job->job.run = run_job;
    job->job.done = finish_job;
    job->ops = ops;
    job->view = view;
    job->from = (struct derived_from){
        .graph = view->snapshot->graph,
        .paths = view->snapshot->paths,
        .type = view->type,
        .input = input,
    };
    view->problem[0] = '\0';
    view->job = &job->job;
    worker_submit(view->app->worker, &job->job);
}

void
derived_stop(struct view *view)
{
    if (view->job == NULL)
        return;
    struct derived_job *job = (struct derived_job *)view->job;
    job->view = NULL;
    view->job = NULL;
    worker_stop(view->app->worker, &job->job);
}

void
derived_cancel(struct view *view)
{
    if (view->job != NULL)
        worker_cancel(view->app->worker, view->job);
}

void
derived_once(struct view *view, const struct derived_ops *ops, const void *made)
{
    if (made == NULL && view->job == NULL && view->problem[0] == '\0' &&
        view->snapshot != NULL && view->snapshot->paths != NULL)
        derived_start(view, ops, NULL);
}

bool
derived_why_empty(const struct view *view, const struct derived_ops *ops,
                  const void *made, size_t out_bytes, char *out)
{
    if (view->snapshot == NULL)
        snprintf(out, out_bytes, "No snapshot yet. Press r to take one.");
    else if (view->problem[0] != '\0')
        snprintf(out, out_bytes, "%s: %s. Backspace goes back.", ops->failed,
                 view->problem);
    else if (view->snapshot->paths == NULL)
        snprintf(out, out_bytes, "%s", store_no_paths(view->snapshot));
    else if (made == NULL)
        snprintf(out, out_bytes, "%s …", ops->about);
    else
        return false;
    return true;
}
