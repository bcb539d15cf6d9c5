/* servers.c — who is serving here: every socket that this user may see.
 *
 * Sockets are looked for where servers of this environment would put them,
 * then wherever any process of ours may have put its own: its environment may
 * be another, its files those of a container. With PYEXPLORE_DIR set only its
 * servers are listed: whoever sets it wants to be apart.
 *
 * A socket counts when something accepts on it; who that is says the kernel
 * (SO_PEERCRED), not the file's name. The server is then asked for its HELLO,
 * briefly: one that is stopped is listed all the same.
 *
 * SPDX-License-Identifier: MIT
 */
#include "client/internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/net.h"
#include "base/text.h"

#define HELLO_MS 1000

struct listing {
    struct px_server_info *list;
    size_t n;
    size_t cap;
};

static bool
is_listed(const struct listing *listing, pid_t pid)
{
    for (size_t i = 0; i < listing->n; i++) {
        if (listing->list[i].pid == pid)
            return true;
    }
    return false;
}

static enum px_status
add_info(struct listing *listing, const struct px_server_info *info,
         struct px_err *err)
{
    if (listing->n == listing->cap) {
        size_t cap = listing->cap == 0 ? 8 : 2 * listing->cap;
        struct px_server_info *list =
            realloc(listing->list, cap * sizeof *list);
        if (list == NULL)
            return px_fail(err, PX_ENOMEM, "no memory for a list of servers");
        listing->list = list;
        listing->cap = cap;
    }
    listing->list[listing->n++] = *info;
    return PX_OK;
}

/* The port of a tcp-PORT.key in the folder whose listener is this process. */
static int
find_port(const char *folder_path, pid_t pid)
{
    DIR *folder = opendir(folder_path);
    int found = 0;
    while (folder != NULL && found == 0) {
        struct dirent *entry = readdir(folder);
        struct listener listener;
        int port = 0;
        int end = 0;
        if (entry == NULL)
            break;
        if (sscanf(entry->d_name, "tcp-%5d.key%n", &port, &end) == 1 &&
            end > 0 && entry->d_name[end] == '\0' &&
            process_listener(AF_UNSPEC, port, &listener) &&
            process_has_socket(pid, listener.inode))
            found = port;
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

static void
ask_python(struct px_server_info *info)
{
    struct px_target target = {.kind = PX_TARGET_SOCKET};
    snprintf(target.text, sizeof target.text, "%s", info->path);
    snprintf(target.path, sizeof target.path, "%s", info->path);
    struct px_client *client =
        px_client_new(&target, NULL, HELLO_MS, NULL, NULL);
    if (client == NULL)
        return;
    const char *python =
        json_string_value(json_object_get(px_client_hello(client), "python"));
    if (python != NULL)
        px_text_escape(python, strlen(python), sizeof info->python,
                       info->python);
    px_client_free(client);
}

/* Is there a server on this socket? `named_pid`: what its name says. */
static enum px_status
look_at_socket(struct listing *listing, const char *folder, const char *path,
               pid_t named_pid, struct px_err *err)
{
    struct px_server_info info = {0};
    struct px_net_peer peer;
    struct process process;
    int fd = -1;
    if (px_net_connect_unix(path, &fd, NULL) != PX_OK)
        return PX_OK;
    enum px_status status = px_net_peer(fd, &peer, NULL);
    close(fd);
    uid_t own = geteuid();
    if (status != PX_OK || (own != 0 && peer.uid != own && peer.uid != 0))
        return PX_OK;
    info.pid = peer.pid > 0 ? peer.pid : named_pid;
    if (is_listed(listing, info.pid))
        return PX_OK;
    info.uid = peer.uid;
    snprintf(info.path, sizeof info.path, "%s", path);
    if (process_find(info.pid, &process)) {
        info.parent = process.parent;
        info.rss_bytes = process.rss_bytes;
        snprintf(info.command, sizeof info.command, "%s", process.command);
    }
    if (folder != NULL)
        info.port = find_port(folder, info.pid);
    ask_python(&info);
    return add_info(listing, &info, err);
}

static enum px_status
look_into_folder(struct listing *listing, const char *path, uid_t uid,
                 struct px_err *err)
{
    enum px_status status = PX_OK;
    if (px_folder_check(path, uid, NULL) != PX_OK)
        return PX_OK;
    DIR *folder = opendir(path);
    while (folder != NULL && status == PX_OK) {
        char socket_path[PX_PATH_MAX];
        struct dirent *entry = readdir(folder);
        int pid = 0;
        int end = 0;
        if (entry == NULL)
            break;
        if (sscanf(entry->d_name, "%9d.sock%n", &pid, &end) != 1 || end == 0 ||
            entry->d_name[end] != '\0' || pid <= 0)
            continue;
        if (px_folder_socket(path, pid, sizeof socket_path, socket_path,
                             NULL) == PX_OK)
            status = look_at_socket(listing, path, socket_path, pid, err);
    }
    if (folder != NULL)
        closedir(folder);
    return status;
}

static enum px_status
look_at_user(struct listing *listing, uid_t uid, struct px_err *err)
{
    char path[PX_PATH_MAX];
    enum px_status status = PX_OK;
    for (unsigned i = 0; status == PX_OK; i++) {
        if (px_folder_place(uid, i, sizeof path, path, NULL) != PX_OK)
            break;
        status = look_into_folder(listing, path, uid, err);
    }
    return status;
}

/* Root looks at every user who has a runtime folder or one of ours in /tmp. */
static enum px_status
look_at_all_users(struct listing *listing, struct px_err *err)
{
    static const char *const places[] = {"/run/user", "/tmp"};
    enum px_status status = PX_OK;
    for (size_t i = 0; i < 2; i++) {
        DIR *folder = opendir(places[i]);
        while (folder != NULL && status == PX_OK) {
            struct dirent *entry = readdir(folder);
            unsigned uid = 0;
            int end = 0;
            if (entry == NULL)
                break;
            int fields =
                i == 0 ? sscanf(entry->d_name, "%9u%n", &uid, &end)
                       : sscanf(entry->d_name, "pyexplore-%9u%n", &uid, &end);
            if (fields == 1 && entry->d_name[end] == '\0' && uid != 0)
                status = look_at_user(listing, uid, err);
        }
        if (folder != NULL)
            closedir(folder);
    }
    return status;
}

/* The folder that this environment insists on, or NULL. */
static const char *
given_folder(void)
{
    const char *given = getenv("PYEXPLORE_DIR");
    return given != NULL && given[0] == '/' ? given : NULL;
}

/* Would the process have used our given folder, if it could write to it? */
static bool
is_of_our_folder(pid_t pid)
{
    char theirs[PX_PATH_MAX];
    const char *given = given_folder();
    if (given == NULL)
        return true;
    process_variable(pid, "PYEXPLORE_DIR", sizeof theirs, theirs);
    return strcmp(given, theirs) == 0;
}

/* Servers without a folder: abstract names, which the kernel lists. */
static enum px_status
look_at_abstract(struct listing *listing, struct px_err *err)
{
    char line[512];
    enum px_status status = PX_OK;
    FILE *table = fopen("/proc/net/unix", "re");
    while (table != NULL && status == PX_OK &&
           fgets(line, sizeof line, table) != NULL) {
        unsigned uid = 0;
        int pid = 0;
        char *name = strstr(line, " @pyexplore/");
        if (name == NULL)
            continue;
        name[strcspn(name, "\n")] = '\0';
        if (sscanf(name, " @pyexplore/%9u/%9d", &uid, &pid) == 2 &&
            (geteuid() == 0 || uid == geteuid()) && is_of_our_folder(pid))
            status = look_at_socket(listing, NULL, name + 1, pid, err);
    }
    if (table != NULL)
        fclose(table);
    return status;
}

static enum px_status
look_at_process(struct listing *listing, pid_t pid, struct px_err *err)
{
    enum px_status status = PX_OK;
    struct px_target target = {.kind = PX_TARGET_PID, .pid = pid};
    struct routes *routes = routes_new(&target, NULL);
    for (size_t i = 0; routes != NULL && status == PX_OK && i < routes->n;
         i++) {
        char folder[PX_PATH_MAX];
        struct stat info;
        const char *path = routes->list[i].path;
        const char *slash = strrchr(path, '/');
        if (path[0] != '/' || lstat(path, &info) != 0 ||
            !S_ISSOCK(info.st_mode))
            continue;
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = '\0';
        status = look_at_socket(listing, folder, path, pid, err);
    }
    routes_free(routes);
    return status;
}

static enum px_status
look_at_processes(struct listing *listing, struct px_err *err)
{
    enum px_status status = PX_OK;
    DIR *folder = opendir("/proc");
    while (folder != NULL && status == PX_OK) {
        struct dirent *entry = readdir(folder);
        char *end;
        struct stat info;
        if (entry == NULL)
            break;
        long pid = strtol(entry->d_name, &end, 10);
        /* A process's own folder in /proc belongs to its effective user. */
        if (pid <= 0 || *end != '\0' || is_listed(listing, (pid_t)pid) ||
            fstatat(dirfd(folder), entry->d_name, &info, 0) != 0 ||
            (geteuid() != 0 && info.st_uid != geteuid()))
            continue;
        status = look_at_process(listing, (pid_t)pid, err);
    }
    if (folder != NULL)
        closedir(folder);
    return status;
}

static int
compare_pids(const void *a, const void *b)
{
    const struct px_server_info *left = a;
    const struct px_server_info *right = b;
    return (left->pid > right->pid) - (left->pid < right->pid);
}

enum px_status
px_servers_list(struct px_server_info **out, size_t *n, struct px_err *err)
{
    struct listing listing = {NULL, 0, 0};
    enum px_status status = look_at_user(&listing, geteuid(), err);
    bool is_apart = given_folder() != NULL;
    if (status == PX_OK && geteuid() == 0 && !is_apart)
        status = look_at_all_users(&listing, err);
    if (status == PX_OK)
        status = look_at_abstract(&listing, err);
    if (status == PX_OK && !is_apart)
        status = look_at_processes(&listing, err);
    if (status != PX_OK) {
        free(listing.list);
        return status;
    }
    if (listing.n > 1)
        qsort(listing.list, listing.n, sizeof *listing.list, compare_pids);
    *out = listing.list;
    *n = listing.n;
    return PX_OK;
}
