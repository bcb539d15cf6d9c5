/* net.c — non-blocking stream sockets: Unix (named and abstract) and TCP.
 *
 * A Unix path that does not fit into sockaddr_un (108 bytes) is reached
 * through /proc/self/fd/N/NAME, N being its folder opened with O_PATH.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define BACKLOG 16

/* ---- addresses ---- */

struct unix_address {
    struct sockaddr_un name;
    socklen_t n_bytes;
    int folder_fd; /* to be closed after use, or -1 */
};

static enum px_status
fill_abstract(const char *path, struct unix_address *out, struct px_err *err)
{
    size_t n = strlen(path);
    if (n > sizeof out->name.sun_path)
        return px_fail(err, PX_EINVAL, "abstract socket name %s is too long",
                       path);
    memcpy(out->name.sun_path + 1, path + 1, n - 1);
    out->n_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    return PX_OK;
}

static enum px_status
fill_long(const char *path, struct unix_address *out, struct px_err *err)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);
    if (n == 0 || n >= sizeof folder)
        return px_fail(err, PX_EINVAL, "socket path %s is too long", path);
    memcpy(folder, path, n);
    folder[n] = '\0';
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        enum px_status status = errno == ENOENT   ? PX_ENOTFOUND
                                : errno == EACCES ? PX_EDENIED
                                                  : PX_EIO;
        return px_fail_errno(err, status, errno, "look into %s", folder);
    }
    int length = snprintf(out->name.sun_path, sizeof out->name.sun_path,
                          "/proc/self/fd/%d/%s", fd, slash + 1);
    if (length < 0 || (size_t)length >= sizeof out->name.sun_path) {
        close(fd);
        return px_fail(err, PX_EINVAL, "socket name %s is too long", slash + 1);
    }
    out->folder_fd = fd;
    return PX_OK;
}

static enum px_status
fill_unix(const char *path, struct unix_address *out, struct px_err *err)
{
    *out = (struct unix_address){.name = {.sun_family = AF_UNIX},
                                 .n_bytes = sizeof out->name,
                                 .folder_fd = -1};
    if (path[0] == '@')
        return fill_abstract(path, out, err);
    size_t n = strlen(path);
    if (n >= sizeof out->name.sun_path)
        return fill_long(path, out, err);
    memcpy(out->name.sun_path, path, n + 1);
    return PX_OK;
}

static void
drop_unix(struct unix_address *address)
{
    if (address->folder_fd >= 0)
        close(address->folder_fd);
}

union tcp_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* An address of one link is whole with the link only: fe80::1%eth0, or the
 * number of the interface. */
static bool
parse_v6(const char *text, struct sockaddr_in6 *out)
{
    char address[INET6_ADDRSTRLEN];
    size_t n = strcspn(text, "%");
    if (n >= sizeof address)
        return false;
    memcpy(address, text, n);
    address[n] = '\0';
    if (inet_pton(AF_INET6, address, &out->sin6_addr) != 1)
        return false;
    if (text[n] == '\0')
        return true;
    const char *scope = text + n + 1;
    size_t digits = strspn(scope, "0123456789");
    bool is_number = digits > 0 && digits <= 10 && scope[digits] == '\0';
    out->sin6_scope_id =
        is_number ? (uint32_t)strtoul(scope, NULL, 10) : if_nametoindex(scope);
    return out->sin6_scope_id != 0;
}

static enum px_status
fill_tcp(const char *text, int port, union tcp_address *out, socklen_t *n,
         struct px_err *err)
{
    memset(out, 0, sizeof *out);
    if (port < 0 || port > 65535)
        return px_fail(err, PX_EINVAL, "there is no port %d", port);
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        *n = sizeof out->v4;
    } else if (parse_v6(text, &out->v6)) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        *n = sizeof out->v6;
    } else {
        return px_fail(err, PX_EINVAL, "%s is no IPv4 or IPv6 address", text);
    }
    return PX_OK;
}

static int
open_socket(int family)
{
    return px_fd_high(
        socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static void
set_option(int fd, int level, int option)
{
    int one = 1;
    /* Only an improvement: its failure is no failure of ours. */
    (void)setsockopt(fd, level, option, &one, sizeof one);
}

/* ---- listening ---- */

bool
px_net_is_dead(const char *path)
{
    struct stat info;
    int fd = -1;
    if (lstat(path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return false;
    enum px_status status = px_net_connect_unix(path, &fd, NULL);
    if (status == PX_OK)
        close(fd);
    return status == PX_ECONNECT;
}

enum px_status
px_net_listen_unix(const char *path, int *fd, struct px_err *err)
{
    struct unix_address address;
    enum px_status status = fill_unix(path, &address, err);
    if (status != PX_OK)
        return status;
    const struct sockaddr *name = (const struct sockaddr *)&address.name;
    int made = open_socket(AF_UNIX);
    if (made < 0) {
        status = px_fail_errno(err, PX_EIO, errno, "make a Unix socket");
        goto out;
    }
    /* Linux gives the file the mode of the socket's inode, less the umask
     * (net/unix/af_unix.c, unix_bind): private before it has a name. The
     * umask belongs to the whole process and is not ours to change. */
    (void)fchmod(made, 0600);
    int result = bind(made, name, address.n_bytes);
    if (result != 0 && errno == EADDRINUSE && path[0] != '@' &&
        px_net_is_dead(path)) {
        unlink(path);
        result = bind(made, name, address.n_bytes);
    }
    if (result == 0)
        result = listen(made, BACKLOG);
    if (result != 0) {
        status = errno == EADDRINUSE                   ? PX_EBUSY
                 : errno == EACCES || errno == EPERM   ? PX_EDENIED
                 : errno == ENOENT || errno == ENOTDIR ? PX_ENOTFOUND
                                                       : PX_EIO;
        px_fail_errno(err, status, errno, "listen on %s", path);
        goto out;
    }
    *fd = made;
    made = -1;
out:
    if (made >= 0)
        close(made);
    drop_unix(&address);
    return status;
}

static enum px_status
bind_tcp(int fd, const union tcp_address *address, socklen_t n, int *bound_port)
{
    union tcp_address bound = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t bound_bytes = sizeof bound;
    /* Also after a restart, while old connections are in TIME_WAIT. On Linux
     * it does not let two sockets listen on one port. */
    set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    if (address->any.sa_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (bind(fd, &address->any, n) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &bound.any, &bound_bytes) != 0)
        return errno == EADDRINUSE ? PX_EBUSY
               : errno == EACCES   ? PX_EDENIED
                                   : PX_EIO;
    if (bound_port != NULL)
        *bound_port =
            ntohs(bound.any.sa_family == AF_INET ? bound.v4.sin_port
                                                 : bound.v6.sin6_port);
    return PX_OK;
}

enum px_status
px_net_listen_tcp(const char *text, int port, int *fd, int *bound_port,
                  struct px_err *err)
{
    union tcp_address address;
    socklen_t n = 0;
    enum px_status status = fill_tcp(text, port, &address, &n, err);
    if (status != PX_OK)
        return status;
    int made = open_socket(address.any.sa_family);
    if (made < 0)
        return px_fail_errno(err, PX_EIO, errno, "make a TCP socket");
    status = bind_tcp(made, &address, n, bound_port);
    if (status != PX_OK) {
        px_fail_errno(err, status, errno, "listen on %s port %d", text, port);
        close(made);
        return status;
    }
    *fd = made;
    return PX_OK;
}

enum px_status
px_net_accept(int listener, int *fd, struct px_err *err)
{
    int made =
        px_fd_high(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (made < 0) {
        switch (errno) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return px_fail_errno(err, PX_ELIMIT, errno, "accept a peer");
        case EBADF:
        case EINVAL:
        case ENOTSOCK:
            return px_fail_errno(err, PX_EIO, errno, "accept a peer");
        default: /* EAGAIN, EINTR, and network errors of that one peer */
            return PX_AGAIN;
        }
    }
    set_option(made, IPPROTO_TCP, TCP_NODELAY);
    *fd = made;
    return PX_OK;
}

/* ---- connecting ---- */

static enum px_status
fail_connect(int error, const char *where, struct px_err *err)
{
    enum px_status status;
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        status = PX_ENOTFOUND;
        break;
    case EACCES:
    case EPERM:
        status = PX_EDENIED;
        break;
    case EAGAIN:
        status = PX_EBUSY;
        break;
    case EMFILE:
    case ENFILE:
        status = PX_ELIMIT;
        break;
    default:
        status = PX_ECONNECT;
        break;
    }
    return px_fail_errno(err, status, error, "connect to %s", where);
}

enum px_status
px_net_connect_unix(const char *path, int *fd, struct px_err *err)
{
    struct unix_address address;
    enum px_status status = fill_unix(path, &address, err);
    if (status != PX_OK)
        return status;
    int made = open_socket(AF_UNIX);
    int result = made < 0
                     ? -1
                     : connect(made, (const struct sockaddr *)&address.name,
                               address.n_bytes);
    if (result != 0) {
        status = fail_connect(errno, path, err);
        if (made >= 0)
            close(made);
    } else {
        *fd = made;
    }
    drop_unix(&address);
    return status;
}

enum px_status
px_net_connect_tcp(const char *text, int port, int *fd, struct px_err *err)
{
    union tcp_address address;
    socklen_t n = 0;
    char where[80];
    enum px_status status = fill_tcp(text, port, &address, &n, err);
    if (status != PX_OK)
        return status;
    snprintf(where, sizeof where, "%s port %d", text, port);
    int made = open_socket(address.any.sa_family);
    if (made < 0)
        return fail_connect(errno, where, err);
    set_option(made, IPPROTO_TCP, TCP_NODELAY);
    if (connect(made, &address.any, n) != 0 && errno != EINPROGRESS) {
        status = fail_connect(errno, where, err);
        close(made);
        return status;
    }
    *fd = made;
    return PX_OK;
}

enum px_status
px_net_connected(int fd, struct px_err *err)
{
    int error = 0;
    socklen_t n = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        error = errno;
    if (error == 0)
        return PX_OK;
    return fail_connect(error, "that address", err);
}

enum px_status
px_net_peer(int fd, struct px_net_peer *out, struct px_err *err)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
        return px_fail_errno(err, PX_EIO, errno, "ask who the peer is");
    *out = (struct px_net_peer){peer.pid, peer.uid};
    return PX_OK;
}

/* ---- bytes ---- */

static bool
is_later(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

enum px_status
px_net_recv(int fd, size_t max, struct px_buf *into, struct px_err *err)
{
    enum px_status status = px_buf_reserve(into, max, err);
    if (status != PX_OK)
        return status;
    ssize_t got = recv(fd, into->data + into->len, max, 0);
    if (got > 0) {
        into->len += (size_t)got;
        return PX_OK;
    }
    if (got == 0)
        return max == 0 ? PX_AGAIN
                        : px_fail(err, PX_EOF,
                                  "the peer closed the "
                                  "connection");
    if (is_later(errno))
        return PX_AGAIN;
    return px_fail_errno(err, PX_EGONE, errno, "the connection broke off");
}

enum px_status
px_net_send(int fd, const void *bytes, size_t n, size_t *sent,
            struct px_err *err)
{
    ssize_t done = send(fd, bytes, n, MSG_NOSIGNAL);
    if (done > 0) {
        *sent = (size_t)done;
        return PX_OK;
    }
    if (done == 0 || is_later(errno))
        return PX_AGAIN;
    return px_fail_errno(err, PX_EGONE, errno, "the connection broke off");
}
