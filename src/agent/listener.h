/* listener.h — a socket that waits for peers, with its files.
 *
 * Owns the descriptor, the socket's path and, for TCP, the key and its file.
 * Files are removed only if they are still those that we made. Begins as
 * LISTENER_NONE. Not thread-safe: whoever owns the server owns its listeners.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_LISTENER_H
#define AGENT_LISTENER_H

#include <stdbool.h>

#include <pyexplore/proto.h>

#include "agent/options.h"
#include "agent/own_file.h"
#include "base/fd.h"

struct listener {
    int fd; /* -1: not open */
    struct px_fd_mark mark;
    bool is_unix;
    struct own_file file;      /* the socket (Unix), the key (TCP) */
    char address[PX_PATH_MAX]; /* "127.0.0.1:9999"; a path or "@…" (Unix) */
    uint8_t key[PX_KEY_BYTES]; /* TCP */
    int key_fd;                /* holds our key's file: px_key_hold; or -1 */
    struct px_fd_mark key_mark;
};

#define LISTENER_NONE                                                          \
    {                                                                          \
        .fd = -1, .key_fd = -1                                                 \
    }

/* Both register the descriptor (forget.h). `folder` "": there is none, so the
 * socket is abstract, or the key must be given. On failure nothing is left. */
enum px_status listener_open_unix(struct listener *listener, const char *folder,
                                  struct px_err *err);
/* PX_EBUSY: the port is taken, and the text says by whom if that is known; or
 * the name of its key. */
enum px_status listener_open_tcp(struct listener *listener,
                                 const struct serve_options *options,
                                 const char *folder, struct px_err *err);
/* Closes, removes the files, wipes the key. */
void listener_close(struct listener *listener);

#endif
