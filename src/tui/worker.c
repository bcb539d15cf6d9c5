/* worker.c — one thread for long work.
 *
 * Two lists under one lock: waiting, and finished but not yet handed back.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "tui/mem.h"

struct worker {
    struct px_loop *loop;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work_came;
    pthread_cond_t job_ended;
    struct job *waiting;
    struct job *running;
    struct job *finished;
    bool is_leaving;
};

static void
report(void *context, const char *stage, uint64_t n_done, uint64_t n_total)
{
    struct job *job = context;
    atomic_store(&job->stage, stage);
    atomic_store(&job->n_done, n_done);
    atomic_store(&job->n_total, n_total);
}

static void *
run_jobs(void *context)
{
    struct worker *worker = context;
    pthread_mutex_lock(&worker->lock);
    for (;;) {
        while (worker->waiting == NULL && !worker->is_leaving)
            pthread_cond_wait(&worker->work_came, &worker->lock);
        struct job *job = worker->waiting;
        if (job == NULL)
            break;
        worker->waiting = job->next;
        worker->running = job;
        pthread_mutex_unlock(&worker->lock);
        if (!job->work.canceled)
            job->run(job);
        pthread_mutex_lock(&worker->lock);
        worker->running = NULL;
        job->is_finished = true;
        job->next = NULL;
        struct job **end = &worker->finished;
        while (*end != NULL)
            end = &(*end)->next;
        *end = job;
        pthread_cond_broadcast(&worker->job_ended);
        px_loop_wake(worker->loop);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

struct worker *
worker_new(struct px_loop *loop, struct px_err *err)
{
    struct worker *worker = mem_new(1, sizeof *worker);
    worker->loop = loop;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->work_came, NULL);
    pthread_cond_init(&worker->job_ended, NULL);
    /* Signals are the UI thread's: it alone may touch the terminal. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int problem = pthread_create(&worker->thread, NULL, run_jobs, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (problem != 0) {
        px_fail_errno(err, PX_ELIMIT, problem, "cannot start a thread");
        free(worker);
        return NULL;
    }
    return worker;
}

void
worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->is_leaving = true;
    for (struct job *job = worker->waiting; job != NULL; job = job->next)
        job->work.canceled = true;
    if (worker->running != NULL)
        worker->running->work.canceled = true;
    pthread_cond_signal(&worker->work_came);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    worker_collect(worker);
    pthread_cond_destroy(&worker->job_ended);
    pthread_cond_destroy(&worker->work_came);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

void
worker_submit(struct worker *worker, struct job *job)
{
    job->work.report = report;
    job->work.context = job;
    job->is_finished = false;
    pthread_mutex_lock(&worker->lock);
    if (worker->is_leaving) {
        pthread_mutex_unlock(&worker->lock);
        job->done(job);
        return;
    }
    struct job **at = &worker->waiting;
    while (*at != NULL && ((*at)->urgent || !job->urgent))
        at = &(*at)->next;
    job->next = *at;
    *at = job;
    pthread_cond_signal(&worker->work_came);
    pthread_mutex_unlock(&worker->lock);
}

void
worker_cancel(struct worker *worker, struct job *job)
{
    pthread_mutex_lock(&worker->lock);
    job->work.canceled = true;
    pthread_mutex_unlock(&worker->lock);
}

static void
unlink_job(struct job **list, struct job *job)
{
    for (; *list != NULL; list = &(*list)->next) {
        if (*list == job) {
            *list = job->next;
            return;
        }
    }
}

void
worker_stop(struct worker *worker, struct job *job)
{
    pthread_mutex_lock(&worker->lock);
    job->work.canceled = true;
    unlink_job(&worker->waiting, job);
    while (worker->running == job)
        pthread_cond_wait(&worker->job_ended, &worker->lock);
    unlink_job(&worker->finished, job);
    pthread_mutex_unlock(&worker->lock);
    job->done(job);
}

bool
worker_collect(struct worker *worker)
{
    bool any = false;
    for (;;) {
        pthread_mutex_lock(&worker->lock);
        struct job *job = worker->finished;
        if (job != NULL)
            worker->finished = job->next;
        pthread_mutex_unlock(&worker->lock);
        if (job == NULL)
            return any;
        job->done(job);
        any = true;
    }
}

bool
worker_is_idle(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    bool is_idle = worker->waiting == NULL && worker->running == NULL &&
                   worker->finished == NULL;
    pthread_mutex_unlock(&worker->lock);
    return is_idle;
}
