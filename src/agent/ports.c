/* ports.c — who listens on a TCP port of this machine.
 *
 * /proc/net/tcp and tcp6 have a line for each socket: number, local
 * address:port in hexadecimal, remote, state (0A listens), …, inode as the
 * tenth field. The owner has a descriptor that is a link to socket:[inode].
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/ports.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN 0x0a

/* 0: none */
static unsigned long
find_inode(const char *table, int port)
{
    char line[512];
    unsigned long inode = 0;
    FILE *file = fopen(table, "re");
    if (file == NULL)
        return 0;
    while (inode == 0 && fgets(line, sizeof line, file) != NULL) {
        unsigned local = 0;
        unsigned state = 0;
        unsigned long found = 0;
        int n = sscanf(line,
                       " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s "
                       "%*s %*s %*s %lu",
                       &local, &state, &found);
        if (n == 3 && local == (unsigned)port && state == STATE_LISTEN)
            inode = found;
    }
    fclose(file);
    return inode;
}

static bool
has_socket(const char *pid, const char *link)
{
    char path[300];
    char target[64];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return false;
    struct dirent *entry = NULL;
    while (!found && (entry = readdir(dir)) != NULL) {
        ssize_t n =
            readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        if (n <= 0)
            continue;
        target[n] = '\0';
        found = strcmp(target, link) == 0;
    }
    closedir(dir);
    return found;
}

static void
write_owner(const char *pid, size_t out_bytes, char *out)
{
    char path[300];
    char name[64] = "";
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fgets(name, sizeof name, file) == NULL)
            name[0] = '\0';
        fclose(file);
    }
    name[strcspn(name, "\n")] = '\0';
    for (char *at = name; *at != '\0'; at++) {
        if (!isprint((unsigned char)*at))
            *at = '?';
    }
    snprintf(out, out_bytes, "%s (%s)", pid, name);
}

bool
ports_owner(int port, size_t out_bytes, char *out)
{
    char link[64];
    bool found = false;
    unsigned long inode = find_inode("/proc/net/tcp", port);
    if (inode == 0)
        inode = find_inode("/proc/net/tcp6", port);
    if (inode == 0)
        return false;
    snprintf(link, sizeof link, "socket:[%lu]", inode);
    DIR *dir = opendir("/proc");
    if (dir == NULL)
        return false;
    struct dirent *entry = NULL;
    while (!found && (entry = readdir(dir)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            !has_socket(entry->d_name, link))
            continue;
        write_owner(entry->d_name, out_bytes, out);
        found = true;
    }
    closedir(dir);
    return found;
}
