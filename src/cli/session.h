/* session.h — one connection to a live target, for commands that talk to it
 * themselves (gc, snapshot) instead of asking for a graph.
 *
 * A call waits for its reply with a progress line and ends at Ctrl-C and
 * --timeout. One thread, one call at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <jansson.h>

#include "cli/cli.h"

struct session;
/* Connects to `target`; a file is refused. */
struct session *session_new(struct cli *cli, const struct px_target *target,
                            struct px_err *err);
void session_free(struct session *session);

typedef enum px_status session_chunk_fn(void *context, const void *chunk,
                                        size_t n_bytes, struct px_err *err);
/* What to do with the chunks of the next call, and with its PROGRESS. */
struct session_sink {
    session_chunk_fn *chunk;
    void (*progress)(void *context, const json_t *body);
    void *context;
};

/* Sends `msg` with `body` (stolen, may be NULL) and waits; `*reply` (may be
 * NULL) is the caller's. `what` is shown while it takes long: "collecting". */
enum px_status session_call(struct session *session, unsigned msg, json_t *body,
                            const char *what, const struct session_sink *sink,
                            json_t **reply, struct px_err *err);

#endif
