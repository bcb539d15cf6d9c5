/* open.c — opening a connection: over the first route that works.
 *
 * It waits, with one deadline for all: connect, look who listens, handshake,
 * HELLO. When no route works, the failure that came furthest is explained.
 *
 * SPDX-License-Identifier: MIT
 */
#include "client/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/net.h"
#include "base/text.h"

/* Connects; a full queue of a Unix socket is waited for. */
static enum px_status
open_socket(struct px_client *client, const struct route *route,
            uint64_t deadline_ns, struct px_err *err)
{
    enum px_status status;
    if (route->kind == ROUTE_UNIX) {
        for (;;) {
            status = px_net_connect_unix(route->path, &client->fd, err);
            if (status != PX_EBUSY || client_left_ms(deadline_ns) == 0 ||
                is_canceled(client->work))
                return status;
            poll(NULL, 0, 20);
        }
    }
    status = px_net_connect_tcp(route->address, route->port, &client->fd, err);
    if (status == PX_OK)
        status = client_wait(client, POLLOUT, deadline_ns, err);
    if (status == PX_OK)
        status = px_net_connected(client->fd, err);
    return status;
}

/* A Unix socket must be listened on by ourselves, by root, or (for root) by
 * anyone; a pid's socket by that process. */
static enum px_status
check_server(const struct px_client *client, const struct route *route,
             struct px_err *err)
{
    struct px_net_peer peer;
    char user[USER_TEXT];
    if (route->kind != ROUTE_UNIX)
        return PX_OK;
    enum px_status status = px_net_peer(client->fd, &peer, err);
    if (status != PX_OK)
        return status;
    uid_t own = geteuid();
    if (own != 0 && peer.uid != 0 && peer.uid != own) {
        px_fail(err, PX_EDENIED,
                "%.150s is served by %s, who is neither you nor root",
                route->path, process_user(peer.uid, user));
        px_err_hint(err, "another user's process could tell you anything: "
                         "not connected");
        return PX_EDENIED;
    }
    if (route->pid != 0 && peer.pid != 0 && peer.pid != route->pid)
        return px_fail(err, PX_ENOTFOUND,
                       "%.150s is served by process %d, not by %d", route->path,
                       (int)peer.pid, (int)route->pid);
    return PX_OK;
}

static enum px_status
shake_hands(struct px_client *client, const struct route *route,
            uint64_t deadline_ns, struct px_err *err)
{
    struct px_handshake handshake;
    enum px_status status = px_handshake_init(
        &handshake, PX_ROLE_CLIENT, route->has_key ? route->key : NULL,
        &client->out, err);
    if (status == PX_OK)
        status = PX_AGAIN;
    while (status == PX_AGAIN) {
        status = client_flush(client, err);
        if (status == PX_OK)
            status = client_wait(
                client, client->out.len > 0 ? POLLIN | POLLOUT : POLLIN,
                deadline_ns, err);
        if (status != PX_OK)
            break;
        status = px_net_recv(client->fd, px_handshake_need(&handshake),
                             &client->in, err);
        if (status != PX_OK)
            continue;
        struct px_reader reader = px_reader_of(client->in.data, client->in.len);
        status = px_handshake_step(&handshake, &reader, &client->out, err);
        px_buf_clear(&client->in);
    }
    px_handshake_done(&handshake);
    return status;
}

static enum px_status
check_hello(struct px_client *client, struct px_err *err)
{
    json_t *lowest = json_object_get(client->hello, "lowest");
    json_t *highest = json_object_get(client->hello, "highest");
    if (!json_is_integer(lowest) || !json_is_integer(highest))
        return px_fail(err, PX_EPROTO, "%.200s names no protocol version",
                       client->name);
    if (json_integer_value(lowest) > PX_PROTO_HIGHEST ||
        json_integer_value(highest) < PX_PROTO_LOWEST)
        return explain_version(client->name, json_integer_value(lowest),
                               json_integer_value(highest), err);
    return PX_OK;
}

/* By HELLO, or by why there is none. */
static bool
is_answered(const struct px_client *client)
{
    return client->hello != NULL || client->refusal.status != PX_OK;
}

static enum px_status
say_hello(struct px_client *client, uint64_t deadline_ns, struct px_err *err)
{
    json_t *body =
        json_pack("{s:i, s:i, s:s, s:s}", "lowest", PX_PROTO_LOWEST, "highest",
                  PX_PROTO_HIGHEST, "program", program_invocation_short_name,
                  "version", PX_VERSION);
    if (body == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a connection");
    enum px_status status = PX_OK;
    if (px_client_send(client, PX_MSG_HELLO, body, err) == 0)
        status = err->status;
    while (status == PX_OK && !is_answered(client)) {
        status = px_client_pump(client, err);
        if (status == PX_OK && !is_answered(client))
            status = client_wait(client, px_client_poll_events(client),
                                 deadline_ns, err);
    }
    if (client->hello != NULL) {
        status = check_hello(client, err);
    } else if (client->refusal.status != PX_OK) {
        *err = client->refusal;
        status = err->status;
    } else if (status == PX_ECANCELED) {
        px_fail(err, PX_EGONE, "%.200s let us in, but says nothing",
                client->name);
        px_err_hint(err, "its process may be stopped (SIGSTOP, a debugger)");
        status = PX_EGONE;
    }
    return status;
}

/* Back to how it was before the route was tried. */
static void
drop_route(struct px_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->n_requests = 0;
    client->has_more = false;
    client->refusal.status = PX_OK;
    json_decref(client->hello);
    client->hello = NULL;
    px_buf_clear(&client->in);
    px_buf_clear(&client->out);
}

static enum px_status
try_route(struct px_client *client, const struct route *route,
          uint64_t deadline_ns, struct attempt *attempt)
{
    struct px_err *err = &attempt->err;
    *attempt = (struct attempt){.stage = STAGE_CONNECT, .route = route};
    enum px_status status = open_socket(client, route, deadline_ns, err);
    if (status == PX_OK)
        status = check_server(client, route, err);
    if (status == PX_OK && route->kind == ROUTE_TCP && !route->has_key) {
        attempt->stage = STAGE_KEY;
        status = px_fail(err, PX_EDENIED, "no key");
    }
    if (status == PX_OK) {
        attempt->stage = STAGE_HANDSHAKE;
        status = shake_hands(client, route, deadline_ns, err);
    }
    if (status == PX_OK) {
        attempt->stage = STAGE_HELLO;
        status = say_hello(client, deadline_ns, err);
    }
    attempt->is_silent = status != PX_OK && client_left_ms(deadline_ns) == 0;
    if (status != PX_OK)
        drop_route(client);
    return status;
}

/* Somebody's refusal says more than silence; of who does not even connect,
 * silence more than nobody there. */
static int
weight(const struct attempt *attempt)
{
    if (attempt->err.status == PX_EDENIED)
        return 2;
    return attempt->is_silent == (attempt->stage == STAGE_CONNECT);
}

/* The failure that came furthest is the one to explain. */
static bool
says_more(const struct attempt *attempt, const struct attempt *other)
{
    if (other->route == NULL || attempt->stage != other->stage)
        return other->route == NULL || attempt->stage > other->stage;
    return weight(attempt) > weight(other);
}

/* The end of the first of `n` waits that share what is left. */
static uint64_t
share_of(uint64_t deadline_ns, size_t n)
{
    uint64_t now = px_now_ns();
    if (deadline_ns == UINT64_MAX || now >= deadline_ns)
        return deadline_ns;
    return now + (deadline_ns - now) / n;
}

/* Tries each route. A silent one must not use up the time of all others: each
 * has its share, and then those that were silent what the others left. */
static enum px_status
open_routes(struct px_client *client, const struct px_target *target,
            const struct routes *routes, uint64_t deadline_ns,
            struct px_err *err)
{
    struct attempt best = {.route = NULL};
    bool is_over[ROUTES_MAX] = {false};
    size_t n_silent = routes->n;
    while (n_silent > 0) {
        size_t n_left = n_silent;
        n_silent = 0;
        for (size_t i = 0; i < routes->n; i++) {
            struct attempt attempt;
            if (is_over[i])
                continue;
            if (try_route(client, &routes->list[i],
                          share_of(deadline_ns, n_left--), &attempt) == PX_OK)
                return PX_OK;
            if (is_canceled(client->work))
                return PX_ECANCELED;
            is_over[i] = !attempt.is_silent || client_left_ms(deadline_ns) == 0;
            n_silent += !is_over[i];
            if (says_more(&attempt, &best))
                best = attempt;
        }
    }
    return explain_failure(target, routes, &best, err);
}

/* How sentences call the target. */
static void
name_target(const struct px_target *target, size_t out_bytes, char *out)
{
    struct process process;
    char text[PROCESS_TEXT];
    if (target->kind == PX_TARGET_PID && process_find(target->pid, &process))
        snprintf(out, out_bytes, "%s", process_text(&process, text));
    else
        px_text_escape(target->text, strlen(target->text), out_bytes, out);
}

struct px_client *
px_client_new(const struct px_target *target,
              const struct px_client_events *events, int timeout_ms,
              const struct px_work *work, struct px_err *err)
{
    uint64_t deadline_ns = client_deadline(timeout_ms);
    struct px_err why = {0};
    enum px_status status = PX_ENOMEM;
    struct routes *routes = NULL;
    struct px_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        px_fail(&why, PX_ENOMEM, "no memory for a connection");
        goto out;
    }
    client->fd = -1;
    client->work = work;
    px_buf_init(&client->in);
    px_buf_init(&client->out);
    name_target(target, sizeof client->name, client->name);
    routes = routes_new(target, &why);
    if (routes == NULL)
        goto out;
    if (target->kind == PX_TARGET_SSH) {
        client->ssh =
            ssh_new(target, deadline_ns, work, &routes->list[0], &why);
        if (client->ssh == NULL)
            goto out;
        routes->n = 1;
    }
    status = open_routes(client, target, routes, deadline_ns, &why);
    if (status == PX_OK) {
        client->is_open = true;
        client->work = NULL;
        if (events != NULL)
            client->events = *events;
    }
out:
    routes_free(routes);
    if (status != PX_OK && is_canceled(work))
        px_fail(&why, PX_ECANCELED, "cancelled");
    if (status != PX_OK) {
        px_client_free(client);
        client = NULL;
        if (err != NULL)
            *err = why;
    }
    return client;
}

void
px_client_free(struct px_client *client)
{
    if (client == NULL)
        return;
    if (client->fd >= 0)
        close(client->fd);
    ssh_free(client->ssh);
    px_buf_done(&client->in);
    px_buf_done(&client->out);
    json_decref(client->hello);
    free(client->requests);
    free(client);
}
