/* session.c — one connection to a live target.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/session.h"

#include <poll.h>
#include <stdlib.h>

#include "base/loop.h"
#include "base/text.h"

#define LOOK_MS 100

struct session {
    struct cli *cli;
    struct px_client *client;
    const struct session_sink *sink;
    uint64_t id; /* of the call that waits, 0: none */
    json_t *reply;
    bool is_answered;
    bool is_closed;
    struct px_err err; /* of the reply, the sink or the connection */
};

static void
on_message(void *context, unsigned msg, unsigned flags, uint64_t id,
           json_t *body, const struct px_err *err)
{
    struct session *session = context;
    if (id != session->id)
        return;
    if (msg == PX_MSG_PROGRESS) {
        if (session->sink != NULL && session->sink->progress != NULL)
            session->sink->progress(session->sink->context, body);
        return;
    }
    if (!(flags & PX_FRAME_REPLY))
        return;
    session->is_answered = true;
    if (session->err.status != PX_OK)
        return;
    if (msg == PX_MSG_ERROR)
        session->err = *err;
    else
        session->reply = json_incref(body);
}

/* A sink that fails (a full disk) ends the call: the reader of a snapshot
 * that nobody wants would only hold up the target's child. */
static void
on_chunk(void *context, uint64_t id, const void *chunk, size_t n_bytes)
{
    struct session *session = context;
    const struct session_sink *sink = session->sink;
    if (id != session->id || sink == NULL || session->err.status != PX_OK)
        return;
    struct px_err err = {PX_OK, "", ""};
    if (sink->chunk(sink->context, chunk, n_bytes, &err) != PX_OK) {
        session->err = err;
        session->is_answered = true;
    }
}

static void
on_closed(void *context, const struct px_err *err)
{
    struct session *session = context;
    session->is_closed = true;
    /* an answer that came together with the end is an answer */
    if (!session->is_answered && session->err.status == PX_OK)
        session->err = *err;
}

struct session *
session_new(struct cli *cli, const struct px_target *target, struct px_err *err)
{
    struct session *session = cli_alloc(sizeof *session);
    *session = (struct session){.cli = cli};
    struct px_client_events events = {on_message, on_chunk, on_closed, session};
    session->client =
        px_client_new(target, &events, cli_connect_ms(cli), &cli->work, err);
    if (session->client == NULL) {
        free(session);
        cli_interrupted(cli, err->status, err);
        return NULL;
    }
    return session;
}

void
session_free(struct session *session)
{
    if (session == NULL)
        return;
    px_client_free(session->client);
    json_decref(session->reply);
    free(session);
}

static void
show_wait(struct session *session, const char *what, uint64_t since_ns)
{
    char time[PX_FIGURE_MAX], text[128];
    px_text_ns(px_now_ns() - since_ns, time);
    snprintf(text, sizeof text, "%s, %s", what, time);
    cli_progress_text(session->cli->progress, text);
}

enum px_status
session_call(struct session *session, unsigned msg, json_t *body,
             const char *what, const struct session_sink *sink, json_t **reply,
             struct px_err *err)
{
    uint64_t since_ns = px_now_ns();
    json_decref(session->reply);
    session->reply = NULL;
    session->is_answered = false;
    session->err = (struct px_err){PX_OK, "", ""};
    session->sink = sink;
    session->id = px_client_send(session->client, msg, body, err);
    if (session->id == 0)
        return err->status;
    while (!session->is_answered && !session->is_closed) {
        if (session->cli->work.canceled) {
            px_client_cancel(session->client, session->id, NULL);
            px_client_pump(session->client, NULL);
            return cli_interrupted(session->cli, PX_ECANCELED, err);
        }
        struct pollfd fd = {px_client_fd(session->client),
                            px_client_poll_events(session->client), 0};
        int ready = poll(&fd, 1, LOOK_MS);
        if (ready > 0)
            px_client_pump(session->client, NULL);
        if (what != NULL)
            show_wait(session, what, since_ns);
    }
    cli_progress_clear(session->cli->progress);
    if (session->err.status != PX_OK) {
        *err = session->err;
        return cli_interrupted(session->cli, err->status, err);
    }
    if (reply != NULL) {
        *reply = session->reply;
        session->reply = NULL;
    }
    return PX_OK;
}
