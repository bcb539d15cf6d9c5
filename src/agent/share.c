/* share.c — one snapshot child and the peers that read its spool.
 *
 * Peers that ask for the same while it starts share it: each has an offset of
 * its own, and pages are freed behind the slowest (stream.c).
 *
 *   asked ── OP_CLONE ──▶ walking ── child ended ──▶ all streams done ──▶ freed
 *                └─ failed: every stream gets the error
 *
 * With no stream left the child is told to end, and the share goes when it
 * has.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/parts.h"

#include <poll.h>
#include <stdlib.h>

#include "agent/forget.h"

#define JOIN_NS UINT64_C(1000000000) /* an older snapshot is a stale one */
#define SHARES_MAX 8

/* ---- life ---- */

static bool
has_streams(const struct share *share)
{
    for (const struct session *session = share->server->sessions;
         session != NULL; session = session->next) {
        if (session->stream.share == share)
            return true;
    }
    return false;
}

static struct share *
find_share(struct server *server, const struct heap_options *opts)
{
    for (struct share *share = server->shares; share != NULL;
         share = share->next) {
        bool is_young =
            share->op != NULL || (share->is_cloned && share->released == 0 &&
                                  px_now_ns() - share->asked_ns < JOIN_NS);
        if (is_young && !share->is_canceled &&
            share->opts.detail == opts->detail &&
            share->opts.codec == opts->codec &&
            share->opts.stop_the_world == opts->stop_the_world)
            return share;
    }
    return NULL;
}

static void
free_share(struct share *share)
{
    forget_capture_free(share->capture);
    snap_header_free(share->header);
    free(share);
}

static struct share *
new_share(struct server *server, const struct heap_options *opts,
          struct px_err *err)
{
    size_t n = 0;
    for (struct share *other = server->shares; other != NULL;
         other = other->next)
        n++;
    if (n >= SHARES_MAX) {
        px_fail(err, PX_EBUSY, "%d snapshots are being taken already",
                SHARES_MAX);
        return NULL;
    }
    struct share *share = calloc(1, sizeof *share);
    struct op *op = op_new(OP_CLONE);
    if (share == NULL || op == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a snapshot");
        goto fail;
    }
    share->server = server;
    share->opts = *opts;
    share->asked_ns = px_now_ns();
    share->capture = forget_capture_new(opts, err);
    if (share->capture == NULL)
        goto fail;
    share->header = snap_header_new(opts, err);
    if (share->header == NULL)
        goto fail;
    op->share = share;
    op->capture = share->capture;
    op->header = share->header;
    share->op = op;
    share->next = server->shares;
    server->shares = share;
    return share;

fail:
    op_free(op);
    if (share != NULL)
        free_share(share);
    return NULL;
}

void
share_join(struct session *session, uint64_t id,
           const struct heap_options *opts)
{
    struct server *server = session->server;
    struct px_err err = {.status = PX_OK};
    struct share *share = find_share(server, opts);
    bool is_new = share == NULL;
    if (is_new)
        share = new_share(server, opts, &err);
    if (share == NULL) {
        session_fail(session, id, &err);
        return;
    }
    session->stream =
        (struct stream){.share = share, .id = id, .shared = !is_new};
    if (is_new) {
        server->n_snapshots++;
        server_submit(server, share->op);
    }
}

static void
cancel_share(struct share *share)
{
    if (share->is_canceled)
        return;
    share->is_canceled = true;
    if (share->op != NULL)
        atomic_store(&share->op->canceled, true);
    /* Also while the worker has it: a walk under the GIL hears of it only so,
     * and the page is made for two. */
    if (!share->seen.ended)
        heap_capture_cancel(share->capture);
}

void
share_leave(struct session *session)
{
    struct share *share = session->stream.share;
    if (share == NULL)
        return;
    session->stream = (struct stream){.share = NULL};
    if (has_streams(share))
        stream_release(share); /* it may have been the slowest */
    else
        cancel_share(share);
    session->server->has_dead = true;
}

/* ---- the child ---- */

static void
kick_streams(struct share *share)
{
    for (struct session *session = share->server->sessions; session != NULL;
         session = session->next) {
        if (session->stream.share == share && session->state != SESSION_DEAD)
            session_kick(session);
    }
}

static void
look(struct share *share)
{
    if (!share->is_cloned || share->seen.ended)
        return;
    uint64_t published = share->seen.published_bytes;
    heap_capture_poll(share->capture, &share->seen);
    if (share->seen.ended) {
        px_loop_unwatch(share->server->loop,
                        heap_capture_event_fd(share->capture));
        share->server->has_dead = true;
    }
    if (share->seen.ended || share->seen.published_bytes != published)
        kick_streams(share);
}

static void
on_event(void *context, int fd, short revents)
{
    (void)fd;
    (void)revents;
    look(context);
}

static void
fail_streams(struct share *share, const struct px_err *err)
{
    for (struct session *session = share->server->sessions; session != NULL;
         session = session->next) {
        uint64_t id = session->stream.id;
        if (session->stream.share != share)
            continue;
        share_leave(session);
        session_fail(session, id, err);
    }
}

void
share_cloned(struct share *share, struct op *op)
{
    struct server *server = share->server;
    enum px_status status = op->status;
    share->op = NULL;
    server->has_dead = true;
    if (status == PX_OK)
        status =
            px_loop_watch(server->loop, heap_capture_event_fd(share->capture),
                          POLLIN, on_event, share, &op->err);
    if (status != PX_OK) {
        share->is_canceled = true;
        fail_streams(share, &op->err);
        return;
    }
    share->is_cloned = true;
    share->gil_wait_ns = op->gil_wait_ns;
    share->pause_ns = op->gil_hold_ns;
    server->last_pause_ns = op->gil_hold_ns;
    look(share);
}

void
share_tick(struct server *server)
{
    for (struct share *share = server->shares; share != NULL;
         share = share->next)
        look(share);
}

void
share_sweep(struct server *server)
{
    struct share **link = &server->shares;
    while (*link != NULL) {
        struct share *share = *link;
        bool is_over = share->op == NULL && !has_streams(share) &&
                       (!share->is_cloned || share->seen.ended);
        if (!is_over) {
            link = &share->next;
            continue;
        }
        *link = share->next;
        free_share(share);
    }
}

void
share_end_all(struct server *server, bool worker_ended)
{
    struct share *share = server->shares;
    server->shares = NULL;
    while (share != NULL) {
        struct share *next = share->next;
        if (share->is_cloned && !share->seen.ended) {
            px_loop_unwatch(server->loop,
                            heap_capture_event_fd(share->capture));
            heap_capture_cancel(share->capture);
        }
        if (share->op == NULL || worker_ended)
            free_share(share); /* kills a child that still runs */
        share = next;
    }
}

void
share_get_figures(const struct share *share, struct share_figures *out)
{
    *out = (struct share_figures){.is_walking = share->is_cloned,
                                  .since_ns = share->asked_ns,
                                  .objects = share->seen.objects,
                                  .bytes = share->seen.published_bytes,
                                  .pause_ns = share->pause_ns};
}
