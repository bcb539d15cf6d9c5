/* server.c — the thread that listens, and the peers it talks to.
 *
 * A loop over non-blocking sockets. It never takes the GIL and never waits
 * for a peer: what needs the GIL goes to the worker, and a wake brings it
 * back. With nobody connected it sleeps in poll without a timer.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/parts.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/forget.h"
#include "agent/leftovers.h"
#include "agent/thread.h"
#include "base/net.h"

#define ACCEPT_MAX 16 /* in one turn of the loop */
#define ACCEPT_PAUSE_MS 1000
#define WORKER_WAIT_MS 2000
#define THREAD_WAIT_MS 5000

static void on_accept(void *context, int fd, short revents);

/* ---- accepting ---- */

static unsigned
count_strangers(const struct server *server, unsigned listener)
{
    unsigned n = 0;
    for (const struct session *s = server->sessions; s != NULL; s = s->next)
        n += s->listener == listener &&
             (s->state == SESSION_PROVING || s->state == SESSION_HELLO);
    return n;
}

bool
server_is_full(const struct server *server)
{
    unsigned n = 0;
    for (const struct session *s = server->sessions; s != NULL; s = s->next)
        n += s->state == SESSION_OPEN;
    return n >= SERVER_PEERS_MAX;
}

/* On a Unix socket only our user and root may speak. */
static bool
is_welcome(const struct server *server, int fd, unsigned listener)
{
    struct px_net_peer peer;
    if (count_strangers(server, listener) >= SERVER_STRANGERS_MAX)
        return false;
    if (listener != LISTEN_UNIX)
        return true;
    return px_net_peer(fd, &peer, NULL) == PX_OK &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void
admit(struct server *server, int fd, struct px_fd_mark mark, unsigned listener)
{
    struct session *session = NULL;
    if (is_welcome(server, fd, listener))
        session = session_new(server, fd, mark, listener, NULL);
    if (session == NULL) {
        forget_fd_close(fd, mark);
        return;
    }
    session->next = server->sessions;
    server->sessions = session;
}

static void
watch_listeners(void *context)
{
    struct server *server = context;
    for (unsigned i = 0; i < N_LISTENERS; i++) {
        int fd = server->listeners[i].fd;
        if (fd >= 0 && !px_fd_is(fd, server->listeners[i].mark))
            server->is_lost = true;
        else if (fd >= 0)
            px_loop_watch(server->loop, fd, POLLIN, on_accept, server, NULL);
    }
}

static void
on_accept(void *context, int fd, short revents)
{
    struct server *server = context;
    unsigned listener =
        fd == server->listeners[LISTEN_UNIX].fd ? LISTEN_UNIX : LISTEN_TCP;
    enum px_status status = PX_OK;
    if (revents & POLLNVAL) {
        server->is_lost = true;
        return;
    }
    for (int i = 0; i < ACCEPT_MAX && status == PX_OK; i++) {
        int peer = -1;
        struct px_fd_mark mark;
        forget_lock();
        status = px_net_accept(fd, &peer, NULL);
        if (status == PX_OK && forget_fd_add(peer, &mark, NULL) != PX_OK) {
            close(peer);
            peer = -1;
        }
        forget_unlock();
        if (status == PX_OK && peer >= 0)
            admit(server, peer, mark, listener);
    }
    if (status == PX_OK || status == PX_AGAIN)
        return;
    /* No descriptors left: the peer stays in the queue, and poll would return
     * at once for ever. */
    px_loop_unwatch(server->loop, fd);
    px_loop_after(server->loop, ACCEPT_PAUSE_MS, watch_listeners, server);
}

/* ---- operations ---- */

static void
wake(void *context)
{
    px_loop_wake(context);
}

void
server_submit(struct server *server, struct op *op)
{
    op->asked_ns = px_now_ns();
    op->next_pending = server->pending;
    server->pending = op;
    server_arm_tick(server);
    worker_submit(server->worker, op);
}

static void
take_done(struct server *server)
{
    struct op *op = NULL;
    while ((op = worker_take(server->worker)) != NULL) {
        struct op **link = &server->pending;
        while (*link != NULL && *link != op)
            link = &(*link)->next_pending;
        if (*link != NULL)
            *link = op->next_pending;
        answer_op(server, op);
        op_free(op);
    }
}

/* ---- turns of the loop ---- */

static void
on_tick(void *context)
{
    struct server *server = context;
    server->tick = 0;
    share_tick(server);
    answer_progress(server);
    for (struct session *s = server->sessions; s != NULL; s = s->next)
        session_tick(s);
    if (server->pending != NULL || server->shares != NULL)
        server_arm_tick(server);
}

void
server_arm_tick(struct server *server)
{
    if (server->tick == 0)
        server->tick = px_loop_after(server->loop, TICK_MS, on_tick, server);
}

static void
sweep(struct server *server)
{
    server->has_dead = false;
    share_sweep(server);
    struct session **link = &server->sessions;
    while (*link != NULL) {
        struct session *session = *link;
        if (session->state != SESSION_DEAD) {
            link = &session->next;
            continue;
        }
        *link = session->next;
        session_free(session);
    }
    if (server->sessions != NULL || server->shares != NULL ||
        server->pending != NULL)
        return;
    px_loop_cancel(server->loop, server->tick);
    server->tick = 0;
    worker_rest(server->worker);
}

static void
close_listeners(struct server *server)
{
    for (unsigned i = 0; i < N_LISTENERS; i++) {
        if (server->listeners[i].fd >= 0)
            px_loop_unwatch(server->loop, server->listeners[i].fd);
        listener_close(&server->listeners[i]);
    }
}

/* The program closed our descriptors: nobody hears us, nor can the worker
 * wake us. What the peers changed is put back however long others keep the
 * GIL, unless server_stop's caller does it. */
static void
give_up(struct server *server)
{
    close_listeners(server);
    for (struct session *s = server->sessions; s != NULL; s = s->next)
        session_close(s);
    while (server->pending != NULL && !atomic_load(&server->stopping)) {
        usleep(1000);
        take_done(server);
    }
}

static void
close_all(struct server *server)
{
    close_listeners(server);
    /* First: an answer to one of them would let it ask for more, and a walk
     * under the GIL ends when nobody waits for it. */
    for (struct session *s = server->sessions; s != NULL; s = s->next)
        session_close(s);
    bool ended = worker_stop(server->worker, WORKER_WAIT_MS);
    take_done(server);
    /* The worker does not come back in time, or never: what it has must not
     * touch the collector when all was put back. */
    for (struct op *op = server->pending; op != NULL; op = op->next_pending)
        atomic_store(&op->canceled, true);
    share_end_all(server, ended);
    sweep(server);
}

static void *
server_thread(void *context)
{
    struct server *server = context;
    while (!atomic_load(&server->stopping)) {
        if (px_loop_step(server->loop, -1, NULL) != PX_OK)
            server->is_lost = true;
        if (server->is_lost)
            break;
        take_done(server);
        if (server->has_dead)
            sweep(server);
    }
    if (server->is_lost)
        give_up(server);
    atomic_store(&server->stopping, true);
    close_all(server);
    return NULL;
}

/* ---- from serve() and stop() ---- */

/* By its file, or where there can be none by its abstract name: in a folder
 * that cannot be written to, or that another container shares, whose process
 * has our number. Says what is wrong with the first of them. */
static enum px_status
open_unix(struct server *server, const char *folder, struct px_err *err)
{
    struct listener *listener = &server->listeners[LISTEN_UNIX];
    enum px_status status = listener_open_unix(listener, folder, err);
    if (status != PX_OK && folder[0] != '\0')
        listener_open_unix(listener, "", NULL);
    return status;
}

static void
note_lack(const struct server *server, const struct px_err *why,
          struct server_notes *notes)
{
    char other[48];
    const char *address = server_address(server);
    if (server_unix_path(server) != NULL)
        snprintf(other, sizeof other, "by pid: pyexplore-tui %d",
                 (int)getpid());
    else
        snprintf(other, sizeof other, "to %.40s", address);
    snprintf(notes->warning, sizeof notes->warning,
             "pyexplore: %.240s; connect %s", why->msg, other);
}

/* A second worker with the same line of code must still boot: what cannot be
 * had is noted as long as there is something to listen on. */
static enum px_status
open_listeners(struct server *server, struct server_notes *notes,
               struct px_err *err)
{
    const struct serve_options *options = &server->options;
    char folder[PX_PATH_MAX] = "";
    struct px_err why;
    enum px_status lack = PX_OK;
    if (px_folder_find(geteuid(), true, sizeof folder, folder, NULL) != PX_OK)
        folder[0] = '\0';
    if (folder[0] != '\0')
        leftovers_remove(folder);
    if (options->unix_socket)
        lack = open_unix(server, folder, &why);
    if (options->port != OPTIONS_NO_PORT) {
        enum px_status status = listener_open_tcp(
            &server->listeners[LISTEN_TCP], options, folder, err);
        if (status != PX_OK && !options_can_do_without(options, status))
            return status;
        if (status != PX_OK) {
            lack = status;
            why = *err;
        }
    }
    if (lack == PX_OK)
        return PX_OK;
    if (server_address(server) == NULL && server_unix_path(server) == NULL) {
        *err = why;
        return lack;
    }
    note_lack(server, &why, notes);
    return PX_OK;
}

struct server *
server_new(const struct serve_options *options, struct server_notes *notes,
           struct px_err *err)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a server");
        return NULL;
    }
    for (unsigned i = 0; i < N_LISTENERS; i++)
        server->listeners[i] = (struct listener)LISTENER_NONE;
    atomic_init(&server->stopping, false);
    atomic_init(&server->is_lost, false);
    server->started = facts_time();
    server->started_ns = px_now_ns();
    /* or jansson would open /dev/urandom at some later moment */
    json_object_seed(0);
    if (!options_copy(options, &server->options)) {
        px_fail(err, PX_ENOMEM, "no memory for a server");
        goto fail;
    }
    server->loop = forget_loop_new(err);
    if (server->loop == NULL)
        goto fail;
    server->worker = worker_new(wake, server->loop, err);
    if (server->worker == NULL || open_listeners(server, notes, err) != PX_OK)
        goto fail;
    return server;

fail:
    server_free(server);
    return NULL;
}

enum px_status
server_start(struct server *server, struct px_err *err)
{
    watch_listeners(server);
    enum px_status status = thread_start(&server->thread, THREAD_SERVES,
                                         server_thread, server, err);
    server->has_thread = status == PX_OK;
    return status;
}

void
server_stop(struct server *server)
{
    if (!server->has_thread)
        return;
    atomic_store(&server->stopping, true);
    px_loop_wake(server->loop);
    if (thread_join(server->thread, THREAD_WAIT_MS))
        server->has_thread = false;
    else
        pthread_detach(server->thread); /* and its memory is left to it */
}

void
server_free(struct server *server)
{
    if (server == NULL || server->has_thread)
        return;
    for (unsigned i = 0; i < N_LISTENERS; i++)
        listener_close(&server->listeners[i]);
    worker_free(server->worker);
    if (server->loop != NULL)
        forget_loop_free(server->loop);
    options_done(&server->options);
    free(server);
}

bool
server_has_ended(const struct server *server)
{
    /* Its thread may not have noticed yet. */
    return atomic_load(&server->stopping) || atomic_load(&server->is_lost) ||
           !px_loop_is_whole(server->loop);
}

const char *
server_address(const struct server *server)
{
    const struct listener *tcp = &server->listeners[LISTEN_TCP];
    return tcp->fd >= 0 ? tcp->address : NULL;
}

const char *
server_unix_path(const struct server *server)
{
    const struct listener *unix_socket = &server->listeners[LISTEN_UNIX];
    return unix_socket->fd >= 0 ? unix_socket->address : NULL;
}

const struct serve_options *
server_options(const struct server *server)
{
    return &server->options;
}
