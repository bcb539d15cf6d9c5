/* memory.c — the memory that this process has and may still take.
 *
 * Free in a cgroup is its limit (v2: the lower of memory.max and memory.high,
 * above which its processes would be throttled) minus what it uses, where
 * inactive file pages do not count: the kernel takes them back first, and a
 * service that reads many files would otherwise never have room. /proc and
 * /sys are read with plain system calls into the caller's stack, so that the
 * snapshot child may do it too.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_MAX 8192
#define MOUNTS_MAX (64 << 10)

/* Reads at most size - 1 bytes and ends them with NUL; -1: not readable.
 * `open_fd` (may be NULL) says what is open meanwhile. */
static long
file_read(atomic_int *open_fd, const char *path, size_t size, char *to)
{
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (open_fd != NULL)
        atomic_store(open_fd, (int)fd + 1);
    size_t used = 0;
    while (used < size - 1) {
        long n = syscall(SYS_read, (int)fd, to + used, size - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    if (open_fd != NULL) /* first: the number may be another's at once */
        atomic_store(open_fd, 0);
    syscall(SYS_close, (int)fd);
    to[used] = '\0';
    return (long)used;
}

/* The number at `text`; UINT64_MAX if there is none ("max"). */
static uint64_t
number_at(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    if (*text < '0' || *text > '9')
        return UINT64_MAX;
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value;
}

/* The number behind `key` at the start of a line. */
static uint64_t
number_after(const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *line = text; line != NULL;) {
        if (strncmp(line, key, n) == 0)
            return number_at(line + n);
        line = strchr(line, '\n');
        if (line != NULL)
            line++;
    }
    return UINT64_MAX;
}

static uint64_t
level_number(atomic_int *open_fd, const struct px_memory_level *level,
             const char *name, const char *key)
{
    char path[PX_MEMORY_PATH_MAX + 64];
    char text[FILE_MAX];
    size_t n = strlen(level->folder);
    memcpy(path, level->folder, n);
    path[n] = '/';
    memcpy(path + n + 1, name, strlen(name) + 1);
    if (file_read(open_fd, path, sizeof text, text) <= 0)
        return UINT64_MAX;
    return key == NULL ? number_at(text) : number_after(text, key);
}

static uint64_t
level_free(atomic_int *open_fd, const struct px_memory_level *level)
{
    bool v1 = level->is_v1;
    uint64_t limit = level_number(
        open_fd, level, v1 ? "memory.limit_in_bytes" : "memory.max", NULL);
    if (!v1) {
        uint64_t high = level_number(open_fd, level, "memory.high", NULL);
        if (high < limit)
            limit = high;
    }
    if (limit > (uint64_t)1 << 62) /* v1 writes "no limit" as a number */
        return UINT64_MAX;
    uint64_t used = level_number(
        open_fd, level, v1 ? "memory.usage_in_bytes" : "memory.current", NULL);
    if (used == UINT64_MAX)
        return UINT64_MAX;
    uint64_t file =
        level_number(open_fd, level, "memory.stat",
                     v1 ? "total_inactive_file " : "inactive_file ");
    if (file != UINT64_MAX && file < used)
        used -= file;
    return used < limit ? limit - used : 0;
}

uint64_t
px_memory_free(const struct px_memory *memory, atomic_int *open_fd, int *where)
{
    char text[FILE_MAX];
    uint64_t least = UINT64_MAX;
    int at = -1;
    if (file_read(open_fd, "/proc/meminfo", sizeof text, text) > 0) {
        uint64_t kib = number_after(text, "MemAvailable:");
        if (kib != UINT64_MAX)
            least = kib * 1024;
    }
    for (size_t i = 0; i < memory->n_levels; i++) {
        uint64_t bytes = level_free(open_fd, &memory->levels[i]);
        if (bytes < least) {
            least = bytes;
            at = (int)i;
        }
    }
    if (where != NULL)
        *where = at;
    return least;
}

/* All resident pages, and those of files. */
static bool
read_statm(atomic_int *open_fd, uint64_t *all, uint64_t *of_files)
{
    char text[256];
    unsigned long pages[2];
    if (file_read(open_fd, "/proc/self/statm", sizeof text, text) <= 0 ||
        sscanf(text, "%*u %lu %lu", &pages[0], &pages[1]) != 2)
        return false;
    *all = (uint64_t)pages[0] * (uint64_t)sysconf(_SC_PAGESIZE);
    *of_files = (uint64_t)pages[1] * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

uint64_t
px_memory_rss(atomic_int *open_fd)
{
    uint64_t all, of_files;
    return read_statm(open_fd, &all, &of_files) ? all : 0;
}

uint64_t
px_memory_anonymous(void)
{
    uint64_t all, of_files;
    return read_statm(NULL, &all, &of_files) && of_files < all ? all - of_files
                                                               : 0;
}

/* ---- finding the cgroups ---- */

/* Our path in the hierarchy: "0::/a/b" (v2), "4:memory:/a/b" (v1). */
static bool
cgroup_path(const char *text, bool v1, size_t size, char *out)
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *names = strchr(line, ':');
        const char *path = names == NULL ? NULL : strchr(names + 1, ':');
        const char *end = strchr(line, '\n');
        if (end == NULL)
            end = line + strlen(line);
        if (path != NULL && path < end) {
            bool hit = !v1 && path == names + 1;
            for (const char *name = names + 1; v1 && name < path;) {
                const char *stop = memchr(name, ',', (size_t)(path - name));
                if (stop == NULL)
                    stop = path;
                hit =
                    hit || (stop - name == 6 && memcmp(name, "memory", 6) == 0);
                name = stop + 1;
            }
            if (hit) {
                snprintf(out, size, "%.*s", (int)(end - path - 1), path + 1);
                return true;
            }
        }
        line = *end == '\0' ? NULL : end + 1;
    }
    return false;
}

/* Where the hierarchy is mounted: a line of mountinfo is
 * "id parent dev root mountpoint options… - fstype source superoptions". */
static bool
cgroup_mount(const char *text, bool v1, char root[PX_MEMORY_PATH_MAX],
             char mount[PX_MEMORY_PATH_MAX])
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        if (end == NULL)
            end = line + strlen(line);
        char row[1024];
        snprintf(row, sizeof row, "%.*s", (int)(end - line), line);
        char *type = strstr(row, v1 ? " - cgroup " : " - cgroup2 ");
        bool hit = type != NULL && (!v1 || strstr(type, ",memory") != NULL);
        if (hit && sscanf(row, "%*s %*s %*s %511s %511s", root, mount) == 2)
            return true;
        line = *end == '\0' ? NULL : end + 1;
    }
    return false;
}

static void
levels_add(struct px_memory *memory, bool v1, const char *cgroups,
           const char *mounts)
{
    char path[PX_MEMORY_PATH_MAX];
    char root[PX_MEMORY_PATH_MAX];
    char mount[PX_MEMORY_PATH_MAX];
    if (!cgroup_path(cgroups, v1, sizeof path, path) ||
        !cgroup_mount(mounts, v1, root, mount))
        return;
    /* In a container the mount shows a subtree that begins at `root`. */
    const char *below = path;
    size_t n = strlen(root);
    if (strcmp(root, "/") != 0) {
        if (strncmp(path, root, n) == 0)
            below = path + n;
        else
            below = "";
    }
    char folder[2 * PX_MEMORY_PATH_MAX];
    snprintf(folder, sizeof folder, "%s%s", mount, below);
    size_t length = strlen(folder);
    size_t base = strlen(mount);
    while (memory->n_levels < PX_MEMORY_LEVELS_MAX) {
        while (length > base && folder[length - 1] == '/')
            folder[--length] = '\0';
        if (length < PX_MEMORY_PATH_MAX) {
            struct px_memory_level *level = &memory->levels[memory->n_levels++];
            memcpy(level->folder, folder, length + 1);
            level->is_v1 = v1;
        }
        if (length <= base)
            return;
        while (length > base && folder[length - 1] != '/')
            folder[--length] = '\0';
    }
}

void
px_memory_find(struct px_memory *memory, atomic_int *open_fd)
{
    char cgroups[FILE_MAX];
    char mounts[MOUNTS_MAX];
    memory->n_levels = 0;
    if (file_read(open_fd, "/proc/self/cgroup", sizeof cgroups, cgroups) <= 0 ||
        file_read(open_fd, "/proc/self/mountinfo", sizeof mounts, mounts) <= 0)
        return;
    levels_add(memory, false, cgroups, mounts);
    levels_add(memory, true, cgroups, mounts);
}
