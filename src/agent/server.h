/* server.h — the thread that listens, and the peers it talks to.
 *
 * server_new binds everything, so that its errors reach the caller of
 * serve(); server_start hands the whole object over to a new thread, and
 * until server_stop has returned only that thread touches it, but for the
 * constant facts. No Python here: what needs the GIL goes through worker.h.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_SERVER_H
#define AGENT_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include <pyexplore/err.h>
#include <pyexplore/proto.h>

#include "agent/options.h"
#include "agent/tags.h"

struct server;

/* What the caller of serve() is warned of; "" if nothing. */
struct server_notes {
    char warning[PX_ERR_TEXT];
};

/* PX_EBUSY: the port that was asked for is taken. */
PX_NOGIL struct server *server_new(const struct serve_options *options,
                                   struct server_notes *notes,
                                   struct px_err *err);
PX_NOGIL enum px_status server_start(struct server *server, struct px_err *err);
/* Disconnects everybody, ends the threads (waits 5 s at most), removes socket
 * and key file. */
PX_NOGIL void server_stop(struct server *server);
/* It has stopped, or does: on its own, if the program closed descriptors that
 * it did not open, and ours with them. Then server_stop is still due. */
bool server_has_ended(const struct server *server);
/* After stop, or instead of start. */
PX_NOGIL void server_free(struct server *server);

/* Constant while it runs: "127.0.0.1:9999", "[::1]:80"; NULL: not there. */
const char *server_address(const struct server *server);
const char *server_unix_path(const struct server *server);
const struct serve_options *server_options(const struct server *server);

#endif
