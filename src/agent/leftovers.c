/* leftovers.c — sockets of processes that are gone.
 *
 * Who is killed or ends by os._exit() leaves the file of its socket, and so do
 * the forked workers of multiprocessing (up to 3.12) and Celery. Where workers
 * are replaced all the time their files would fill the folder, which is memory
 * mostly: who serves next takes away more of them than it may leave.
 *
 * A process that we do not see may be alive in another container that shares
 * the folder: only a connection that is refused proves that nobody listens. It
 * is refused, too, between bind() and listen(): a young file stays.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pyexplore/proto.h>

#include "agent/forget.h"
#include "base/net.h"

#define LEFTOVERS_MAX 16
#define YOUNG_S 60

/* Up to LEFTOVERS_MAX pids that have a socket there, but no process here. No
 * fork while the folder is open: the child would keep the descriptor. */
static size_t
list_gone(const char *folder, int pids[LEFTOVERS_MAX])
{
    size_t n = 0;
    forget_lock();
    DIR *dir = opendir(folder);
    while (dir != NULL && n < LEFTOVERS_MAX) {
        const struct dirent *entry = readdir(dir);
        int end = 0;
        if (entry == NULL)
            break;
        if (sscanf(entry->d_name, "%9d.sock%n", &pids[n], &end) == 1 &&
            end > 0 && entry->d_name[end] == '\0' && pids[n] > 0 &&
            kill(pids[n], 0) != 0 && errno == ESRCH)
            n++;
    }
    if (dir != NULL)
        closedir(dir);
    forget_unlock();
    return n;
}

static bool
is_old_socket(const char *path, struct stat *info)
{
    return lstat(path, info) == 0 && S_ISSOCK(info->st_mode) &&
           time(NULL) - info->st_mtim.tv_sec > YOUNG_S;
}

static void
remove_dead(const char *path)
{
    struct stat before, now;
    if (!is_old_socket(path, &before))
        return;
    forget_lock();
    bool is_dead = px_net_is_dead(path);
    forget_unlock();
    if (is_dead && is_old_socket(path, &now) && now.st_ino == before.st_ino)
        unlink(path);
}

void
leftovers_remove(const char *folder)
{
    int pids[LEFTOVERS_MAX];
    char path[PX_PATH_MAX];
    size_t n = list_gone(folder, pids);
    for (size_t i = 0; i < n; i++) {
        if (px_folder_socket(folder, pids[i], sizeof path, path, NULL) == PX_OK)
            remove_dead(path);
    }
}
