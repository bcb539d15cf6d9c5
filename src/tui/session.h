/* session.h — the connection to the target: requests, replies, and what the
 * target said last.
 *
 * Every request has an id and a line in the log when it is answered. Nothing
 * waits but session_open. When the connection ends all that was received
 * stays. UI thread only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_SESSION_H
#define TUI_SESSION_H

#include <pyexplore/client.h>

#include "base/loop.h"
#include "tui/notes.h"
#include "tui/store.h"

#define SESSION_REQUESTS 16
/* what the request is called that keeps all changes */
#define SESSION_KEPT "kept"

struct session_request {
    uint64_t id; /* 0: free */
    unsigned msg;
    uint64_t sent_ns;
    char what[80]; /* "collect(2)" */
};

/* What the agent said while it waits or walks. */
struct session_progress {
    bool is_waiting; /* for the GIL */
    uint64_t waited_ns;
    uint64_t objects;
    uint64_t pause_ns;
    uint64_t at_ns; /* when it came; 0: nothing came yet */
};

struct session_events {
    /* something to read in the line of messages */
    void (*say)(void *context, enum role role, const char *text);
    /* state, gc, garbage or status are new */
    void (*changed)(void *context);
    void *context;
};

struct session {
    struct px_target target;
    struct px_client *client; /* NULL: a file, or the connection is over */
    int fd;                   /* that the loop watches for the client */
    struct px_loop *loop;
    struct store *store;
    struct notes *notes;
    struct session_events events;
    char ended[PX_ERR_TEXT]; /* why the connection is over; "" : it is not */
    json_t *hello;           /* NULL: a file */
    json_t *gc;              /* the last GC_STATE, or the file's */
    json_t *gc_asked;        /* what was asked to be set, and not answered */
    json_t *garbage;
    json_t *status;
    json_t *memory; /* PX_MSG_MEMORY, after each snapshot */
    struct session_request requests[SESSION_REQUESTS];
    struct session_progress progress;
    struct snapshot *coming; /* being received */
    bool is_canceling;       /* was asked to end, and has not answered */
    uint64_t coming_id;
    char coming_problem[PX_ERR_TEXT];
};

void session_init(struct session *session, struct px_loop *loop,
                  struct store *store, struct notes *notes,
                  const struct session_events *events);
void session_done(struct session *session);
/* Connects; waits at most timeout_ms. Not for files. */
enum px_status session_open(struct session *session,
                            const struct px_target *target, int timeout_ms,
                            struct px_err *err);
bool session_is_live(const struct session *session);
bool session_is_readonly(const struct session *session);

/* Sends; `body` may be NULL and is stolen. Problems are said. False: not
 * sent. */
bool session_send(struct session *session, unsigned msg, json_t *body,
                  const char *what);
/* Asks with `msg` for a collector that is set as `will_be` says; `body` is
 * stolen. */
void session_ask_gc(struct session *session, unsigned msg, json_t *body,
                    const json_t *will_be, const char *what);
/* How the collector will be set once all is answered that was asked: a second
 * key may come before the first one's answer. */
const json_t *session_gc(const struct session *session, const char *name);
/* Asks for a new snapshot, to be received into the store. */
bool session_snapshot(struct session *session);
/* Cancels the snapshot that is coming, or else the oldest request. False:
 * there is nothing to cancel. */
bool session_cancel(struct session *session);
/* The request that has waited longest, NULL if none. */
const struct session_request *session_oldest(const struct session *session);
/* The collector's state as a snapshot's header has it, until the target was
 * asked itself. */
void session_take_gc(struct session *session, const json_t *gc);

#endif
