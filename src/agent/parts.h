/* parts.h — the server's insides, shared by server.c, session.c, request.c
 * and share.c. All of it belongs to the I/O thread.
 *
 *   server ─┬─ listeners (Unix, TCP)
 *           ├─ sessions ──── stream: where this peer is in a share's spool
 *           ├─ shares ────── one snapshot child and its spool, for ≥ 1 stream
 *           ├─ pending ───── operations that are out at the worker
 *           └─ worker
 *
 * A session or share is never freed while callbacks run: it is marked dead
 * and swept at the end of the loop's turn.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_PARTS_H
#define AGENT_PARTS_H

#include <stdatomic.h>

#include <jansson.h>

#include <pyexplore/proto.h>

#include "agent/facts.h"
#include "agent/listener.h"
#include "agent/server.h"
#include "agent/worker.h"
#include "base/fd.h"
#include "base/loop.h"

#define SERVER_PEERS_MAX 8      /* after HELLO */
#define SERVER_STRANGERS_MAX 16 /* before, for each listener */
#define SESSION_OPS_MAX 8
/* Queued for one peer; with more, nothing is read from it. */
#define SESSION_OUT_MAX (1u << 20)
#define SESSION_STALL_MS 30000
#define TICK_MS 100

enum { LISTEN_UNIX, LISTEN_TCP, N_LISTENERS };

struct server {
    struct serve_options options;
    struct px_loop *loop;
    struct listener listeners[N_LISTENERS];
    struct session *sessions;
    struct share *shares;
    struct op *pending;
    struct worker *worker;
    pthread_t thread;
    bool has_thread;
    atomic_bool stopping;
    uint64_t tick; /* timer, 0: none */
    bool has_dead;
    atomic_bool is_lost; /* the program closed our descriptors */

    /* figures */
    double started; /* unix seconds */
    uint64_t started_ns;
    uint64_t n_snapshots;
    uint64_t last_pause_ns;
    uint64_t gil_wait_max_ns;
    uint64_t gil_hold_max_ns;

    unsigned changed; /* fields of the collector to put back some time */
    /* what there was before changes that were kept: GC_RESTORE {kept: true} */
    struct gc_settings kept;
};

enum session_state {
    SESSION_PROVING, /* until the handshake is over */
    SESSION_HELLO,   /* until HELLO */
    SESSION_OPEN,
    SESSION_CLOSING, /* closed when all is sent; nothing is read */
    SESSION_DEAD
};

/* One snapshot child; belongs to server->shares. */
struct share {
    struct share *next;
    struct server *server;
    struct heap_options opts;
    struct heap_capture *capture;
    struct snap_header *header;
    struct op *op; /* out at the worker; NULL: came back */
    uint64_t asked_ns;
    bool is_cloned;
    bool is_canceled;
    uint64_t gil_wait_ns;
    uint64_t pause_ns;
    uint64_t released;
    struct heap_progress seen;
};

/* What one peer gets of a share. */
struct stream {
    struct share *share; /* NULL: none */
    uint64_t id;         /* of the SNAPSHOT request */
    bool shared;         /* did not start it */
    bool canceled;
    bool in_frame;
    uint64_t at; /* in the spool: what is sent, or about to be */
    size_t body_left;
    uint8_t head[PX_FRAME_HEAD_BYTES];
    size_t head_sent;
    uint64_t footer[PX_FOOTER_TAG_END];
    bool has_footer;
};

struct session {
    struct session *next;
    struct server *server;
    int fd;
    struct px_fd_mark mark;
    unsigned listener; /* LISTEN_… */
    enum session_state state;
    struct px_handshake handshake;
    uint64_t deadline; /* timer until HELLO, 0: none */
    uint64_t sent_ns;  /* when the socket last took something, or was empty */
    struct px_buf in;
    struct px_buf out;
    short events; /* that are watched */
    unsigned n_ops;
    unsigned n_changes; /* of these: they change the collector */
    unsigned changed;   /* fields of the collector, until it ends */
    struct stream stream;
};

/* ---- server.c ---- */
void server_arm_tick(struct server *server);
bool server_is_full(const struct server *server);
/* Gives the operation to the worker; takes it in any case. Never answers: the
 * caller may be in the middle of a request of the same session. */
void server_submit(struct server *server, struct op *op);

/* ---- session.c ---- */
struct session *session_new(struct server *server, int fd,
                            struct px_fd_mark mark, unsigned listener,
                            struct px_err *err);
/* Closes now; swept later. */
void session_close(struct session *session);
void session_free(struct session *session);
/* Queues a frame with a JSON object (stolen). Out of memory ends the
 * session. */
void session_send(struct session *session, unsigned msg, unsigned flags,
                  uint64_t id, json_t *body);
void session_reply(struct session *session, unsigned msg, uint64_t id,
                   json_t *body);
void session_fail(struct session *session, uint64_t id,
                  const struct px_err *err);
/* Something changed that it may now read, parse or write. */
void session_kick(struct session *session);
/* Once every TICK_MS: closes a peer that takes nothing. */
void session_tick(struct session *session);

/* ---- request.c ---- */
/* Answers one frame. False: the session may not take it yet. */
bool request_take(struct session *session, const struct px_frame *frame);

/* ---- answer.c ---- */
/* An operation came back. */
void answer_op(struct server *server, struct op *op);
/* PROGRESS to everybody who waits. */
void answer_progress(struct server *server);

/* ---- changes.c ---- */
/* OP_GC_SET or OP_GC_RESTORE came back, and is not pending any more. */
void changes_note(struct server *server, struct op *op);
/* The session ends: what is out for it is nobody's, what it changed is put
 * back if no other session changed it too. */
void changes_leave(struct session *session);
/* Puts back what no session holds. */
void changes_settle(struct server *server);

/* ---- share.c ---- */
void share_join(struct session *session, uint64_t id,
                const struct heap_options *opts);
/* The clone came back. */
void share_cloned(struct share *share, struct op *op);
/* The session has nothing to do with it any more. */
void share_leave(struct session *session);
/* Looks how far the children are. */
void share_tick(struct server *server);
struct share_figures {
    bool is_walking; /* false: waits for the GIL */
    uint64_t since_ns;
    uint64_t objects;
    uint64_t bytes; /* published so far */
    uint64_t pause_ns;
};
void share_get_figures(const struct share *share, struct share_figures *out);
/* Frees what is over. */
void share_sweep(struct server *server);
/* The server ends: kills the children. `worker_ended`: nobody else can still
 * use the captures. */
void share_end_all(struct server *server, bool worker_ended);

/* ---- stream.c ---- */
/* The session wants no more of it; its frame may still have to end. */
void stream_cancel(struct session *session);
/* Frees what all streams of the share have passed. */
void stream_release(struct share *share);
/* True if there is something to send. */
bool stream_has_more(const struct session *session);
/* Sends what the socket takes. PX_OK: all that there is; PX_AGAIN: the socket
 * is full; else it broke. */
enum px_status stream_send(struct session *session, struct px_err *err);

#endif
