/* listener.c — a socket that waits for peers, with its files.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/listener.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "agent/forget.h"
#include "agent/ports.h"
#include "base/net.h"

#define KEY_TRIES 10 /* others that end may remove it under our hands */

/* With the lock of forget.h held; what cannot be registered is closed. */
static enum px_status
register_fd(int fd, struct px_fd_mark *mark, struct px_err *err)
{
    enum px_status status = forget_fd_add(fd, mark, err);
    if (status != PX_OK)
        close(fd);
    return status;
}

enum px_status
listener_open_unix(struct listener *listener, const char *folder,
                   struct px_err *err)
{
    char path[PX_PATH_MAX];
    enum px_status status = PX_OK;
    int fd = -1;
    if (folder[0] == '\0')
        status = px_folder_abstract((unsigned)geteuid(), (int)getpid(),
                                    sizeof path, path, err);
    else
        status =
            px_folder_socket(folder, (int)getpid(), sizeof path, path, err);
    if (status != PX_OK)
        return status;
    forget_lock();
    status = px_net_listen_unix(path, &fd, err);
    if (status == PX_OK)
        status = register_fd(fd, &listener->mark, err);
    forget_unlock();
    if (status != PX_OK)
        return status;
    listener->fd = fd;
    listener->is_unix = true;
    snprintf(listener->address, sizeof listener->address, "%s", path);
    if (path[0] != '@')
        own_file_note(&listener->file, path);
    return PX_OK;
}

/* Descriptors are registered under the lock, the file is waited for without. */
static enum px_status
hold_key(struct listener *listener, const char *path, struct px_err *err)
{
    int fd = -1;
    forget_lock();
    enum px_status status = px_key_open(path, &fd, err);
    if (status == PX_OK)
        status = register_fd(fd, &listener->key_mark, err);
    forget_unlock();
    if (status != PX_OK)
        return status;
    status = px_key_hold(fd, path, listener->key, err);
    if (status != PX_OK) {
        forget_fd_close(fd, listener->key_mark);
        return status;
    }
    own_file_note_open(&listener->file, fd, path);
    listener->key_fd = fd;
    return PX_OK;
}

/* The key of `options`, or a fresh one in the folder under our port. */
static enum px_status
take_key(struct listener *listener, const struct serve_options *options,
         const char *folder, int port, struct px_err *err)
{
    char path[PX_PATH_MAX];
    int tries = 0;
    if (options->key_file != NULL) {
        enum px_status status =
            px_key_read(options->key_file, listener->key, err);
        if (status != PX_ENOTFOUND)
            return status;
        status = px_auth_random(listener->key, PX_KEY_BYTES, err);
        if (status == PX_OK) /* stays: it is the user's from now on */
            status = px_key_write(options->key_file, listener->key, err);
        return status;
    }
    enum px_status status = px_folder_key(folder, port, sizeof path, path, err);
    if (status == PX_OK)
        status = px_auth_random(listener->key, PX_KEY_BYTES, err);
    if (status != PX_OK)
        return status;
    do {
        status = hold_key(listener, path, err);
    } while (status == PX_AGAIN && tries++ < KEY_TRIES);
    return status;
}

static enum px_status
explain_busy(const struct serve_options *options, struct px_err *err)
{
    char owner[128];
    if (ports_owner(options->address, options->port, sizeof owner, owner))
        return px_fail(err, PX_EBUSY, "port %d is taken by process %s",
                       options->port, owner);
    return px_fail(err, PX_EBUSY, "port %d is taken by another process",
                   options->port);
}

static enum px_status
explain_no_folder(struct px_err *err)
{
    char folder[PX_PATH_MAX];
    struct px_err why = {.msg = ""};
    px_folder_find(geteuid(), true, sizeof folder, folder, &why);
    px_fail(err, PX_EDENIED,
            "no folder is writable for the key of the TCP port: %.200s",
            why.msg);
    px_err_hint(err, "set PYEXPLORE_DIR or pass key_file=");
    return PX_EDENIED;
}

enum px_status
listener_open_tcp(struct listener *listener,
                  const struct serve_options *options, const char *folder,
                  struct px_err *err)
{
    int port = 0;
    int fd = -1;
    if (folder[0] == '\0' && options->key_file == NULL)
        return explain_no_folder(err);
    forget_lock();
    enum px_status status =
        px_net_listen_tcp(options->address, options->port, &fd, &port, err);
    if (status == PX_OK)
        status = register_fd(fd, &listener->mark, err);
    forget_unlock();
    if (status == PX_EBUSY)
        return explain_busy(options, err);
    if (status != PX_OK)
        return status;
    listener->fd = fd;
    listener->is_unix = false;
    bool is_v6 = strchr(options->address, ':') != NULL;
    snprintf(listener->address, sizeof listener->address,
             is_v6 ? "[%s]:%d" : "%s:%d", options->address, port);
    status = take_key(listener, options, folder, port, err);
    if (status != PX_OK)
        listener_close(listener);
    return status;
}

void
listener_close(struct listener *listener)
{
    /* The file goes first: nobody is sent to a closed socket. */
    own_file_remove(&listener->file);
    forget_fd_close(listener->key_fd, listener->key_mark);
    forget_fd_close(listener->fd, listener->mark);
    listener->key_fd = -1;
    listener->fd = -1;
    sodium_memzero(listener->key, sizeof listener->key);
}
