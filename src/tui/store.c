/* store.c — the model: snapshots, graphs, paths.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/mem.h"

enum stage { STAGE_GRAPH, STAGE_PATHS, STAGE_DOMINATORS, STAGE_FINDINGS };

struct snapshot_job {
    struct job job;
    struct store *store;
    struct snapshot *snapshot;
    enum stage stage;
    bool is_preempted; /* cancelled for a newer snapshot: begins again */
    /* results */
    enum px_status status;
    struct px_err err;
    struct px_graph *graph;
    struct px_paths *paths;
    struct px_dominators *dominators;
    struct findings *findings;
    char damage[PX_ERR_TEXT];
};

void
store_init(struct store *store, struct worker *worker,
           store_changed_fn *changed, void *context)
{
    memset(store, 0, sizeof *store);
    store->worker = worker;
    store->changed = changed;
    store->context = context;
}

static void
snapshot_free(struct snapshot *snapshot)
{
    px_dominators_free(snapshot->dominators);
    px_paths_free(snapshot->paths);
    px_graph_free(snapshot->graph);
    px_builder_free(snapshot->builder);
    free(snapshot);
}

void
store_done(struct store *store)
{
    for (size_t i = 0; i < store->n_snapshots; i++)
        snapshot_free(store->snapshots[i]);
    store->n_snapshots = 0;
    px_suspects_free(store->suspects);
    findings_free(store->findings);
    store->suspects = NULL;
    store->findings = NULL;
}

static void
remove_snapshot(struct store *store, struct snapshot *snapshot)
{
    for (size_t i = 0; i < store->n_snapshots; i++) {
        if (store->snapshots[i] == snapshot) {
            memmove(&store->snapshots[i], &store->snapshots[i + 1],
                    (store->n_snapshots - i - 1) * sizeof store->snapshots[0]);
            store->n_snapshots--;
            break;
        }
    }
    store->changed(store->context, snapshot, STORE_LEAVING);
    snapshot_free(snapshot);
}

/* The snapshot of which the worker computes what may wait. */
static struct snapshot *
in_background(const struct store *store)
{
    for (size_t i = 0; i < store->n_snapshots; i++) {
        const struct snapshot_job *job = store->snapshots[i]->job;
        if (job != NULL && job->stage >= STAGE_DOMINATORS)
            return store->snapshots[i];
    }
    return NULL;
}

/* The oldest goes only when the next one comes, so that STORE_KEEP stay open
 * besides that. One that the worker still reads is not the oldest. */
static bool
make_room(struct store *store, struct px_err *err)
{
    /* Two at most stay: the newest never goes. */
    size_t i = 0;
    while (store->snapshots[i]->number == store->kept ||
           store->snapshots[i]->number == store->shown)
        i++;
    struct snapshot *oldest = store->snapshots[i];
    if (in_background(store) == oldest)
        worker_stop(store->worker, &oldest->job->job);
    if (oldest->job != NULL) {
        px_fail(err, PX_EBUSY, "snapshot %u is still being computed",
                oldest->number);
        return false;
    }
    remove_snapshot(store, oldest);
    return true;
}

static struct snapshot *
add_snapshot(struct store *store, struct px_err *err)
{
    struct px_builder *builder = px_builder_new(err);
    if (builder == NULL)
        return NULL;
    if (store->n_snapshots == STORE_KEEP + 1 && !make_room(store, err)) {
        px_builder_free(builder);
        return NULL;
    }
    struct snapshot *snapshot = mem_new(1, sizeof *snapshot);
    snapshot->number = ++store->n_ever;
    snapshot->builder = builder;
    snapshot->started_ns = px_now_ns();
    store->snapshots[store->n_snapshots++] = snapshot;
    return snapshot;
}

static void
run_graph(struct snapshot_job *job)
{
    struct snapshot *snapshot = job->snapshot;
    struct px_work *work = &job->job.work;
    if (snapshot->path[0] != '\0') {
        job->status = px_file_read(snapshot->path, work, snapshot->builder,
                                   sizeof job->damage, job->damage, &job->err);
        if (job->status != PX_OK)
            return;
    }
    job->status =
        px_builder_finish(snapshot->builder, work, &job->graph, &job->err);
}

static void
run_job(struct job *base)
{
    struct snapshot_job *job = (struct snapshot_job *)base;
    const struct px_graph *graph = job->snapshot->graph;
    switch (job->stage) {
    case STAGE_GRAPH:
        run_graph(job);
        return;
    case STAGE_PATHS:
        job->paths = px_paths_new(graph, &base->work, &job->err);
        job->status = job->paths != NULL ? PX_OK : job->err.status;
        return;
    case STAGE_DOMINATORS:
        job->dominators = px_dominators_new(graph, &base->work, &job->err);
        job->status = job->dominators != NULL ? PX_OK : job->err.status;
        return;
    case STAGE_FINDINGS:
        job->findings =
            findings_new(job->store->suspects, graph, job->snapshot->paths,
                         &base->work, &job->err);
        job->status = job->findings != NULL ? PX_OK : job->err.status;
        return;
    }
}

static void submit(struct store *store, struct snapshot *snapshot,
                   enum stage stage);

static void
take_graph(struct store *store, struct snapshot_job *job)
{
    struct snapshot *snapshot = job->snapshot;
    snapshot->graph = job->graph;
    snapshot->state = SNAPSHOT_READY;
    snapshot->ready_ns = px_now_ns();
    snapshot->taken_unix = (uint64_t)px_graph_header(job->graph)->time;
    px_builder_free(snapshot->builder);
    snapshot->builder = NULL;
    if (job->damage[0] != '\0')
        snprintf(snapshot->problem, sizeof snapshot->problem, "%s",
                 job->damage);
    else if (snapshot->problem[0] == '\0' &&
             px_graph_end(job->graph) != PX_END_COMPLETE)
        snprintf(snapshot->problem, sizeof snapshot->problem, "%s",
                 px_end_sentence(px_graph_end(job->graph)));
    submit(store, snapshot, STAGE_PATHS);
    store->changed(store->context, snapshot, STORE_READY);
}

static void
take_paths(struct store *store, struct snapshot_job *job)
{
    struct snapshot *snapshot = job->snapshot;
    if (job->status == PX_OK) {
        store->changed(store->context, snapshot, STORE_CHANGING);
        snapshot->paths = job->paths;
        snapshot->wants_dominators = snapshot->wants_findings = true;
        store->changed(store->context, snapshot, STORE_PATHS);
    } else if (job->status != PX_ECANCELED) {
        snprintf(snapshot->problem, sizeof snapshot->problem, "%s",
                 job->err.msg);
    }
}

static void
take_dominators(struct store *store, struct snapshot_job *job)
{
    struct snapshot *snapshot = job->snapshot;
    if (job->status == PX_OK) {
        store->changed(store->context, snapshot, STORE_CHANGING);
        snapshot->dominators = job->dominators;
        store->changed(store->context, snapshot, STORE_DOMINATORS);
    } else if (job->is_preempted) {
        snapshot->wants_dominators = true;
    } else {
        snprintf(snapshot->no_dominators, sizeof snapshot->no_dominators, "%s",
                 job->status == PX_ECANCELED ? "cancelled" : job->err.msg);
        store->changed(store->context, snapshot, STORE_DOMINATORS);
    }
}

/* Without a word if they fail or yield: the next snapshot is fed instead. */
static void
take_findings(struct store *store, struct snapshot_job *job)
{
    if (job->status == PX_OK) {
        findings_free(store->findings);
        store->findings = job->findings;
        store->findings->number = job->snapshot->number;
        store->changed(store->context, job->snapshot, STORE_FINDINGS);
    }
}

/* The analysis is fed in the order of time: only the newest, and once. */
static bool
pump_findings(struct store *store)
{
    struct snapshot *newest = store_latest(store);
    if (newest == NULL || !newest->wants_findings)
        return false;
    newest->wants_findings = false;
    if (store->suspects == NULL)
        store->suspects = px_suspects_new(NULL);
    if (store->suspects == NULL)
        return false;
    submit(store, newest, STAGE_FINDINGS);
    return true;
}

/* What may wait, when nothing else is to be done, the newest first. */
static void
pump(struct store *store)
{
    for (size_t i = 0; i < store->n_snapshots; i++) {
        if (store->snapshots[i]->job != NULL)
            return;
    }
    struct snapshot *newest = store_latest(store);
    if (newest != NULL && !newest->wants_dominators && pump_findings(store))
        return;
    for (size_t i = store->n_snapshots; i > 0; i--) {
        struct snapshot *snapshot = store->snapshots[i - 1];
        if (snapshot->wants_dominators) {
            snapshot->wants_dominators = false;
            submit(store, snapshot, STAGE_DOMINATORS);
            return;
        }
    }
}

static void
preempt(struct store *store)
{
    struct snapshot *snapshot = in_background(store);
    if (snapshot == NULL)
        return;
    snapshot->job->is_preempted = true;
    worker_cancel(store->worker, &snapshot->job->job);
}

static void
finish_job(struct job *base)
{
    struct snapshot_job *job = (struct snapshot_job *)base;
    struct store *store = job->store;
    struct snapshot *snapshot = job->snapshot;
    snapshot->job = NULL;
    if (job->stage == STAGE_PATHS) {
        take_paths(store, job);
    } else if (job->stage == STAGE_DOMINATORS) {
        take_dominators(store, job);
    } else if (job->stage == STAGE_FINDINGS) {
        take_findings(store, job);
    } else if (job->status == PX_OK && job->graph != NULL) {
        take_graph(store, job);
    } else {
        store_fail(store, snapshot,
                   job->status == PX_ECANCELED || job->err.msg[0] == '\0'
                       ? "cancelled"
                       : job->err.msg);
    }
    free(job);
    pump(store);
}

static void
submit(struct store *store, struct snapshot *snapshot, enum stage stage)
{
    if (stage == STAGE_GRAPH)
        preempt(store);
    struct snapshot_job *job = mem_new(1, sizeof *job);
    job->job.run = run_job;
    job->job.done = finish_job;
    job->store = store;
    job->snapshot = snapshot;
    job->stage = stage;
    job->status = PX_ECANCELED;
    snapshot->job = job;
    worker_submit(store->worker, &job->job);
}

void
store_want_dominators(struct store *store, struct snapshot *snapshot)
{
    if (snapshot->dominators != NULL || snapshot->paths == NULL ||
        snapshot->job != NULL)
        return;
    snapshot->no_dominators[0] = '\0';
    snapshot->wants_dominators = true;
    pump(store);
}

const char *
store_doing(const struct snapshot *snapshot)
{
    if (snapshot->job == NULL)
        return NULL;
    switch (snapshot->job->stage) {
    case STAGE_GRAPH:
        return "building";
    case STAGE_PATHS:
        return "finding paths";
    case STAGE_DOMINATORS:
        return "retained sizes";
    case STAGE_FINDINGS:
        return "looking for suspects";
    }
    return NULL;
}

const char *
store_cancel_background(struct store *store)
{
    struct snapshot *snapshot = in_background(store);
    if (snapshot == NULL)
        return NULL;
    bool is_dominators = snapshot->job->stage == STAGE_DOMINATORS;
    worker_cancel(store->worker, &snapshot->job->job);
    return is_dominators ? "no retained sizes: d asks for them again"
                         : "suspects are looked for in the next snapshot";
}

struct snapshot *
store_begin(struct store *store, struct px_err *err)
{
    struct snapshot *snapshot = add_snapshot(store, err);
    if (snapshot != NULL)
        snapshot->state = SNAPSHOT_ARRIVING;
    return snapshot;
}

enum px_status
store_chunk(struct store *store, struct snapshot *snapshot, const void *chunk,
            size_t n_bytes, struct px_err *err)
{
    enum px_status status =
        px_builder_add(snapshot->builder, chunk, n_bytes, err);
    if (status == PX_OK)
        store->changed(store->context, snapshot, STORE_MORE);
    return status;
}

void
store_end(struct store *store, struct snapshot *snapshot, const char *problem)
{
    snprintf(snapshot->problem, sizeof snapshot->problem, "%s", problem);
    snapshot->state = SNAPSHOT_BUILDING;
    submit(store, snapshot, STAGE_GRAPH);
}

void
store_fail(struct store *store, struct snapshot *snapshot, const char *problem)
{
    snapshot->state = SNAPSHOT_FAILED;
    snprintf(snapshot->problem, sizeof snapshot->problem, "%s", problem);
    store->changed(store->context, snapshot, STORE_FAILED);
    remove_snapshot(store, snapshot);
}

struct snapshot *
store_read(struct store *store, const char *path, struct px_err *err)
{
    struct snapshot *snapshot = add_snapshot(store, err);
    if (snapshot == NULL)
        return NULL;
    snprintf(snapshot->path, sizeof snapshot->path, "%s", path);
    snapshot->state = SNAPSHOT_READING;
    submit(store, snapshot, STAGE_GRAPH);
    return snapshot;
}

void
store_cancel(struct store *store, struct snapshot *snapshot)
{
    if (snapshot->job != NULL)
        worker_cancel(store->worker, &snapshot->job->job);
}

struct snapshot *
store_latest(const struct store *store)
{
    for (size_t i = store->n_snapshots; i > 0; i--) {
        if (store->snapshots[i - 1]->state == SNAPSHOT_READY)
            return store->snapshots[i - 1];
    }
    return NULL;
}

struct snapshot *
store_coming(const struct store *store)
{
    for (size_t i = store->n_snapshots; i > 0; i--) {
        if (store->snapshots[i - 1]->state < SNAPSHOT_READY)
            return store->snapshots[i - 1];
    }
    return NULL;
}

struct snapshot *
store_find(const struct store *store, unsigned number)
{
    if (number == 0)
        return store_latest(store);
    for (size_t i = 0; i < store->n_snapshots; i++) {
        if (store->snapshots[i]->number == number &&
            store->snapshots[i]->state == SNAPSHOT_READY)
            return store->snapshots[i];
    }
    return NULL;
}

const char *
store_no_paths(const struct snapshot *snapshot)
{
    if (snapshot->job != NULL || snapshot->problem[0] == '\0')
        return "finding the paths …";
    return snapshot->problem;
}
