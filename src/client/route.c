/* route.c — a target's routes: every way that may lead to its server.
 *
 * The server chose its folder by its own environment, perhaps in a container
 * with other process and user numbers, so a pid has several places where its
 * socket may be: the folders of its user, those that its environment names,
 * each as we see it and below /proc/PID/root, and the abstract name. A TCP
 * port has each address of its host, with each key that is found for the
 * port. The client tries them in order; who really answers is checked there.
 *
 * SPDX-License-Identifier: MIT
 */
#include "client/internal.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct route *
add_route(struct routes *routes, enum route_kind kind)
{
    if (routes->n == ROUTES_MAX)
        return NULL;
    struct route *route = &routes->list[routes->n++];
    memset(route, 0, sizeof *route);
    route->kind = kind;
    return route;
}

void
routes_free(struct routes *routes)
{
    if (routes == NULL)
        return;
    sodium_memzero(routes, sizeof *routes);
    free(routes);
}

/* ---- a pid ---- */

static void
add_socket(struct routes *routes, const struct process *process,
           const char *root, const char *folder)
{
    struct route *route = add_route(routes, ROUTE_UNIX);
    if (route == NULL)
        return;
    int n = snprintf(route->path, sizeof route->path, "%s%s/%d.sock", root,
                     folder, (int)process->inner_pid);
    route->pid = process->pid;
    bool fits = n > 0 && (size_t)n < sizeof route->path;
    bool is_known = false;
    for (size_t i = 0; i + 1 < routes->n; i++)
        is_known |= strcmp(routes->list[i].path, route->path) == 0;
    if (!fits || is_known)
        routes->n--;
}

/* The folders that the process itself may have chosen, seen below `root`. */
static void
add_folders(struct routes *routes, const struct process *process,
            const char *root)
{
    char folder[PX_PATH_MAX];
    char runtime[PX_PATH_MAX - 16];
    process_variable(process->pid, "PYEXPLORE_DIR", sizeof folder, folder);
    if (folder[0] == '/')
        add_socket(routes, process, root, folder);
    process_variable(process->pid, "XDG_RUNTIME_DIR", sizeof runtime, runtime);
    if (runtime[0] == '/') {
        snprintf(folder, sizeof folder, "%s/pyexplore", runtime);
        add_socket(routes, process, root, folder);
    }
    /* Ours may differ from theirs: both lists. */
    uid_t uid = root[0] == '\0' ? process->uid : process->inner_uid;
    for (unsigned i = 0;; i++) {
        if (px_folder_place(uid, i, sizeof folder, folder, NULL) != PX_OK)
            break;
        add_socket(routes, process, root, folder);
    }
    snprintf(folder, sizeof folder, "/run/user/%u/pyexplore", (unsigned)uid);
    add_socket(routes, process, root, folder);
    snprintf(folder, sizeof folder, "/tmp/pyexplore-%u", (unsigned)uid);
    add_socket(routes, process, root, folder);
}

static enum px_status
find_pid(const struct px_target *target, struct routes *routes,
         struct px_err *err)
{
    struct process process;
    if (!process_find(target->pid, &process))
        return explain_no_process(target->pid, err);
    uid_t own = geteuid();
    if (own != 0 && process.uid != own) {
        char text[PROCESS_TEXT];
        return explain_other_user(target, process_text(&process, text),
                                  process.uid, err);
    }
    add_folders(routes, &process, "");
    if (process.has_other_files) {
        char root[32];
        snprintf(root, sizeof root, "/proc/%d/root", (int)process.pid);
        add_folders(routes, &process, root);
    }
    struct route *route = add_route(routes, ROUTE_UNIX);
    if (route != NULL) {
        px_folder_abstract(process.inner_uid, process.inner_pid,
                           sizeof route->path, route->path, NULL);
        route->pid = process.pid;
    }
    return PX_OK;
}

/* ---- TCP ---- */

bool
route_is_loopback(const char *host)
{
    struct in_addr v4;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 &&
            (ntohl(v4.s_addr) >> 24) == 127);
}

int
route_family(const struct route *route)
{
    return strchr(route->address, ':') != NULL ? AF_INET6 : AF_INET;
}

#define KEYS_MAX 5
struct keys {
    size_t n;
    struct {
        uint8_t key[PX_KEY_BYTES];
        char path[PX_PATH_MAX];
    } list[KEYS_MAX];
};

/* Reads one key file; why it could not be used is kept, unless there is
 * simply none. */
static void
add_key(struct keys *keys, const char *path, struct routes *routes)
{
    struct px_err why = {0};
    if (keys->n == KEYS_MAX)
        return;
    for (size_t i = 0; i < keys->n; i++) {
        if (strcmp(keys->list[i].path, path) == 0)
            return;
    }
    enum px_status status = px_key_read(path, keys->list[keys->n].key, &why);
    if (status == PX_OK) {
        snprintf(keys->list[keys->n].path, PX_PATH_MAX, "%s", path);
        keys->n++;
    } else if (status != PX_ENOTFOUND) {
        routes->key_err = why;
    }
}

static void
add_keys_of(struct keys *keys, uid_t uid, int port, struct routes *routes)
{
    char folder[PX_PATH_MAX];
    char path[PX_PATH_MAX];
    struct px_err why = {0};
    for (unsigned i = 0;; i++) {
        if (px_folder_place(uid, i, sizeof folder, folder, NULL) != PX_OK)
            break;
        enum px_status status = px_folder_check(folder, uid, &why);
        if (status == PX_EDENIED)
            routes->key_err = why;
        if (status == PX_OK &&
            px_folder_key(folder, port, sizeof path, path, NULL) == PX_OK)
            add_key(keys, path, routes);
    }
}

static enum px_status
find_keys(const struct px_target *target, struct keys *keys,
          struct routes *routes, struct px_err *err)
{
    if (target->key_file[0] != '\0') {
        enum px_status status =
            px_key_read(target->key_file, keys->list[0].key, err);
        if (status != PX_OK) {
            if (err != NULL) {
                err->status = PX_EDENIED;
                if (err->hint[0] == '\0')
                    px_err_hint(err, "it was named by --key-file or "
                                     "PYEXPLORE_KEY_FILE");
            }
            return PX_EDENIED;
        }
        snprintf(keys->list[0].path, PX_PATH_MAX, "%s", target->key_file);
        keys->n = 1;
        return PX_OK;
    }
    uid_t own = geteuid();
    add_keys_of(keys, own, target->port, routes);
    struct listener listener;
    if (own == 0 && route_is_loopback(target->host) &&
        process_listener(AF_UNSPEC, target->port, &listener) &&
        listener.uid != 0)
        add_keys_of(keys, listener.uid, target->port, routes);
    return PX_OK;
}

static void
add_address(struct routes *routes, const struct keys *keys, const char *address,
            int port)
{
    for (size_t i = 0; i == 0 || i < keys->n; i++) {
        struct route *route = add_route(routes, ROUTE_TCP);
        if (route == NULL)
            return;
        snprintf(route->address, sizeof route->address, "%s", address);
        route->port = port;
        if (keys->n == 0)
            continue;
        route->has_key = true;
        memcpy(route->key, keys->list[i].key, PX_KEY_BYTES);
        snprintf(route->key_path, sizeof route->key_path, "%s",
                 keys->list[i].path);
    }
}

/* The name service may wait; a client may. */
static enum px_status
resolve(const struct px_target *target, const struct keys *keys,
        struct routes *routes, struct px_err *err)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(target->host, NULL, &wanted, &found);
    if (result != 0) {
        px_fail(err, PX_ECONNECT, "there is no host %s: %s", target->host,
                gai_strerror(result));
        px_err_hint(err, "a program on this machine is localhost:%d",
                    target->port);
        return PX_ECONNECT;
    }
    for (struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        char address[ROUTE_ADDRESS];
        if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof address,
                        NULL, 0, NI_NUMERICHOST) == 0)
            add_address(routes, keys, address, target->port);
    }
    freeaddrinfo(found);
    if (routes->n == 0)
        return px_fail(err, PX_ECONNECT,
                       "%.200s has no address that this program can use",
                       target->host);
    return PX_OK;
}

static enum px_status
find_tcp(const struct px_target *target, struct routes *routes,
         struct px_err *err)
{
    struct keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for keys");
    enum px_status status = find_keys(target, keys, routes, err);
    if (status == PX_OK) {
        if (strcasecmp(target->host, "localhost") == 0) {
            add_address(routes, keys, "::1", target->port);
            add_address(routes, keys, "127.0.0.1", target->port);
        } else {
            status = resolve(target, keys, routes, err);
        }
    }
    sodium_memzero(keys, sizeof *keys);
    free(keys);
    return status;
}

struct routes *
routes_new(const struct px_target *target, struct px_err *err)
{
    struct routes *routes = calloc(1, sizeof *routes);
    if (routes == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a connection");
        return NULL;
    }
    enum px_status status = PX_OK;
    switch (target->kind) {
    case PX_TARGET_PID:
        status = find_pid(target, routes, err);
        break;
    case PX_TARGET_TCP:
        status = find_tcp(target, routes, err);
        break;
    case PX_TARGET_SOCKET:
        snprintf(add_route(routes, ROUTE_UNIX)->path, PX_PATH_MAX, "%s",
                 target->path);
        break;
    case PX_TARGET_SSH: /* ssh.c fills it in */
        break;
    case PX_TARGET_FILE:
        status = px_fail(err, PX_EINVAL,
                         "%.200s is a snapshot file: nothing runs there that "
                         "could be asked",
                         target->path);
        px_err_hint(err, "name the running process: HOST:PORT or its pid");
        break;
    }
    if (status != PX_OK) {
        routes_free(routes);
        return NULL;
    }
    return routes;
}
