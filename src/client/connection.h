/* connection.h — a px_client from inside: open.c makes it, client.c runs it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include "client/internal.h"

struct request {
    uint64_t id;
    unsigned msg;
    bool is_silent; /* nobody wants its reply */
};

struct px_client {
    int fd;         /* -1 when the connection is over */
    char name[200]; /* the target, for sentences */
    struct ssh *ssh;
    const struct px_work *work; /* while it is opened; may be NULL */
    struct px_buf in;
    struct px_buf out;
    json_t *hello;
    struct px_client_events events;
    bool is_open;          /* HELLO came: events are told */
    struct px_err refusal; /* what came in its place; PX_OK: nothing */
    bool has_more;         /* frames came right behind HELLO */
    struct px_err end;     /* why the connection is over */
    uint64_t last_id;
    struct request *requests; /* that have no reply yet */
    size_t n_requests;
    size_t request_cap;
};

/* ---- client.c ---- */

/* Sends what waits in client->out. PX_OK: all of it, or what goes now. */
enum px_status client_flush(struct px_client *client, struct px_err *err);

/* A moment for the functions below; timeout_ms < 0: never. */
uint64_t client_deadline(int timeout_ms);
/* Milliseconds until then, for poll; 0 when it is over. */
int client_left_ms(uint64_t deadline_ns);
/* PX_OK: something happened (or a signal came). PX_ECANCELED: too late, or
 * the work that needs it was cancelled. */
enum px_status client_wait(const struct px_client *client, short events,
                           uint64_t deadline_ns, struct px_err *err);

#endif
