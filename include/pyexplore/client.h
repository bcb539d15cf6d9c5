/* client.h — a connection to a serving process, and the TARGET grammar.
 *
 * A px_client is one connection on one thread: a state machine over a
 * non-blocking socket. A program polls px_client_fd for px_client_poll_events
 * and calls px_client_pump; px_load, for scripts, loops by itself. Nothing here
 * prints or exits.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_CLIENT_H
#define PX_CLIENT_H

#include <sys/types.h>

#include <jansson.h>

#include <pyexplore/graph.h>
#include <pyexplore/proto.h>

/* ---- TARGET: HOST:PORT, PORT with a colon (":9999"), PID, PATH of a
 * socket, FILE.pxs (or any regular file), ssh://[user@]host/PID-or-PORT ---- */
enum px_target_kind {
    PX_TARGET_TCP,
    PX_TARGET_PID,
    PX_TARGET_SOCKET,
    PX_TARGET_FILE,
    PX_TARGET_SSH
};
struct px_target {
    enum px_target_kind kind;
    char text[PX_PATH_MAX];     /* as the user typed it */
    char host[256];             /* TCP, SSH (with user@) */
    int port;                   /* TCP, SSH; 0: none */
    pid_t pid;                  /* PID, SSH; 0: none */
    int ssh_port;               /* SSH: of sshd; 0: as ssh is configured */
    char path[PX_PATH_MAX];     /* SOCKET, FILE */
    char key_file[PX_PATH_MAX]; /* --key-file or $PYEXPLORE_KEY_FILE, or "" */
};
/* PX_EINVAL with the grammar as hint. Looks at the file system only to tell a
 * socket from a file. */
enum px_status px_target_parse(const char *text, struct px_target *out,
                               struct px_err *err);

/* ---- connection ---- */
struct px_client;

/* What the loop of the program is told, on its own thread, from pump. */
struct px_client_events {
    /* a reply or PROGRESS (flags without PX_FRAME_REPLY); `body` is borrowed.
     * For ERROR replies `err` is filled and body is its JSON. */
    void (*message)(void *context, unsigned msg, unsigned flags, uint64_t id,
                    json_t *body, const struct px_err *err);
    /* one snapshot chunk, borrowed */
    void (*chunk)(void *context, uint64_t id, const void *chunk,
                  size_t n_bytes);
    /* the connection is over; `err` says why */
    void (*closed)(void *context, const struct px_err *err);
    void *context;
};

/* Connects, authenticates and exchanges HELLO; blocks for at most
 * `timeout_ms`, and until `work` (may be NULL) is cancelled. Errors are the
 * sentences of design 5, with hints: nothing listens there; that process does
 * not serve; serves for another uid; key not found or refused; other protocol
 * version. `events` is copied. */
struct px_client *px_client_new(const struct px_target *target,
                                const struct px_client_events *events,
                                int timeout_ms, const struct px_work *work,
                                struct px_err *err);
void px_client_free(struct px_client *client);

/* The server's HELLO, borrowed. */
const json_t *px_client_hello(const struct px_client *client);
int px_client_fd(const struct px_client *client);
short px_client_poll_events(const struct px_client *client);
/* Reads and writes what the socket allows, calls the events. Anything but
 * PX_OK: the connection is over (`closed` was called). */
enum px_status px_client_pump(struct px_client *client, struct px_err *err);

/* Queues a request; `body` may be NULL and is stolen. Returns its id, 0 on
 * failure. */
uint64_t px_client_send(struct px_client *client, unsigned msg, json_t *body,
                        struct px_err *err);
enum px_status px_client_cancel(struct px_client *client, uint64_t id,
                                struct px_err *err);

/* ---- a graph from any target, for scripts ---- */
struct px_load_options {
    enum px_detail detail;
    bool stop_the_world;
    int connect_ms;       /* at most, as timeout_ms of px_client_new; 0: 10 s */
    struct px_work *work; /* may be NULL */
    /* PROGRESS of the agent while it waits or walks; may be NULL */
    void (*progress)(void *context, const json_t *body,
                     const struct px_builder *builder);
    /* Asked once after the header came, before a large transfer; false ends
     * with PX_ECANCELED. May be NULL. It must not wait for anybody: meanwhile
     * nothing is read, and a full spool gives the snapshot up. Who asks a
     * person says false, asks, and calls px_load again. */
    bool (*confirm)(void *context, uint64_t objects, uint64_t bytes);
    void *context;
    /* When not NULL every chunk is also written there. */
    struct px_file_writer *writer;
};
struct px_load {
    struct px_graph *graph;
    char damage[PX_ERR_TEXT]; /* a sentence if the snapshot is not whole */
};
enum px_status px_load(const struct px_target *target,
                       const struct px_load_options *options,
                       struct px_load *out, struct px_err *err);

/* ---- who is serving here (pyexplore ls) ---- */
struct px_server_info {
    pid_t pid;
    pid_t parent;
    uid_t uid;
    char command[256];
    char python[32];
    char path[PX_PATH_MAX]; /* its socket */
    int port;               /* 0: none known */
    uint64_t rss_bytes;
};
/* All servers that this user may speak to, those in containers and other
 * environments too (root: of every uid), dead sockets left out; with
 * PYEXPLORE_DIR set only those of that folder. *out is malloced. */
enum px_status px_servers_list(struct px_server_info **out, size_t *n,
                               struct px_err *err);

#endif
