/* ports.c — who listens on a TCP port of this machine.
 *
 * /proc/net/tcp and tcp6 have a line for each socket: number, local
 * address:port in hexadecimal, remote, state (0A listens), …, inode as the
 * tenth field. The owner has a descriptor that is a link to socket:[inode].
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/ports.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN 0x0a

/* An address in a table: words of four bytes, each as this machine has it in
 * memory. Nobody else can listen where this one does, if it is ours or any
 * (0.0.0.0, ::), or ours is any. */
static bool
is_in_the_way(const char *table_address, const char *address)
{
    uint8_t theirs[16] = {0};
    uint8_t ours[16] = {0};
    static const uint8_t any[16];
    size_t n = strlen(table_address) / 8;
    for (size_t i = 0; i < n && i < 4; i++) {
        char text[9] = "";
        memcpy(text, table_address + 8 * i, 8);
        uint32_t word = (uint32_t)strtoul(text, NULL, 16);
        memcpy(theirs + 4 * i, &word, sizeof word);
    }
    if (inet_pton(AF_INET, address, ours) != 1 &&
        inet_pton(AF_INET6, address, ours) != 1)
        return true; /* of one link: fe80::1%eth0 */
    return memcmp(theirs, any, sizeof any) == 0 ||
           memcmp(ours, any, sizeof any) == 0 ||
           memcmp(theirs, ours, sizeof ours) == 0;
}

/* 0: none */
static unsigned long
find_inode(const char *table, const char *address, int port)
{
    char theirs[33];
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
                       " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s "
                       "%*s %*s %*s %lu",
                       theirs, &local, &state, &found);
        if (n == 4 && local == (unsigned)port && state == STATE_LISTEN &&
            is_in_the_way(theirs, address))
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
ports_owner(const char *address, int port, size_t out_bytes, char *out)
{
    char link[64];
    bool found = false;
    unsigned long inode = find_inode("/proc/net/tcp", address, port);
    if (inode == 0)
        inode = find_inode("/proc/net/tcp6", address, port);
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
