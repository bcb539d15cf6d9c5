/* net.h — non-blocking stream sockets: Unix (named and abstract) and TCP.
 *
 * Every descriptor made here is non-blocking and close-on-exec, and nothing
 * raises SIGPIPE. TCP takes literal addresses only: whoever wants a name
 * resolved does that where waiting is allowed. A path that begins with '@' is
 * an abstract name. Pure functions, any thread; no function waits.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_NET_H
#define PX_NET_H

#include <stdbool.h>
#include <sys/types.h>

#include <pyexplore/buf.h>
#include <pyexplore/err.h>

/* A named socket is 0600 from its first moment, whatever the umask. A dead
 * socket in its place is replaced; PX_EBUSY if a living one listens there. */
enum px_status px_net_listen_unix(const char *path, int *fd,
                                  struct px_err *err);
/* True if the path is a socket that nobody listens on (any more). */
bool px_net_is_dead(const char *path);
/* port 0: any; *bound_port (may be NULL) gets it. PX_EBUSY: port taken. */
enum px_status px_net_listen_tcp(const char *address, int port, int *fd,
                                 int *bound_port, struct px_err *err);
/* PX_AGAIN: nobody waits (any more). PX_ELIMIT: no descriptors left; the
 * peer still waits, so stop watching the listener for a while. */
enum px_status px_net_accept(int listener, int *fd, struct px_err *err);

/* Connects at once or not: PX_ENOTFOUND (no such path), PX_ECONNECT (nobody
 * listens), PX_EDENIED, PX_EBUSY (its queue is full: try again). */
enum px_status px_net_connect_unix(const char *path, int *fd,
                                   struct px_err *err);
/* Begins; when fd is writable, px_net_connected tells how it went. */
enum px_status px_net_connect_tcp(const char *address, int port, int *fd,
                                  struct px_err *err);
enum px_status px_net_connected(int fd, struct px_err *err);

/* Who is at the other end of a Unix socket: for a client, who listened. */
struct px_net_peer {
    pid_t pid; /* 0: in a namespace that we do not see */
    uid_t uid;
};
enum px_status px_net_peer(int fd, struct px_net_peer *out, struct px_err *err);

/* Appends at most `max` bytes. PX_OK: at least one. PX_AGAIN: none now.
 * PX_EOF: the peer has closed. PX_EGONE: the connection broke. */
enum px_status px_net_recv(int fd, size_t max, struct px_buf *into,
                           struct px_err *err);
/* PX_OK: *sent > 0. PX_AGAIN: not now. PX_EGONE: the connection broke. */
enum px_status px_net_send(int fd, const void *bytes, size_t n, size_t *sent,
                           struct px_err *err);

#endif
