/* session_reply.h — between the two files of a session: session.c (life,
 * requests) and session_reply.c (what comes back).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_SESSION_REPLY_H
#define TUI_SESSION_REPLY_H

#include "tui/session.h"

/* In the line of messages; in the log. */
void session_say(struct session *session, enum role role, const char *text);
void session_note(struct session *session, enum role role, const char *kind,
                  const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* By id; 0: a free one. NULL: none. */
struct session_request *session_find(struct session *session, uint64_t id);

/* For px_client_events; the context is the session. */
void session_on_message(void *context, unsigned msg, unsigned flags,
                        uint64_t id, json_t *body, const struct px_err *err);
void session_on_chunk(void *context, uint64_t id, const void *chunk,
                      size_t n_bytes);

#endif
