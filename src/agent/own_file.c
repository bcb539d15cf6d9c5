/* own_file.c — remembers a file by its inode.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/own_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

void
own_file_note(struct own_file *file, const char *path)
{
    struct stat info;
    file->path[0] = '\0';
    if (lstat(path, &info) < 0)
        return;
    snprintf(file->path, sizeof file->path, "%s", path);
    file->device = info.st_dev;
    file->inode = info.st_ino;
}

void
own_file_note_open(struct own_file *file, int fd, const char *path)
{
    struct stat info;
    char folder[PX_PATH_MAX] = "";
    file->path[0] = '\0';
    if (fstat(fd, &info) < 0)
        return;
    bool is_relative = path[0] != '/' && getcwd(folder, sizeof folder) != NULL;
    int n = snprintf(file->path, sizeof file->path, "%s%s%s", folder,
                     is_relative ? "/" : "", path);
    if ((size_t)n >= sizeof file->path)
        file->path[0] = '\0';
    file->device = info.st_dev;
    file->inode = info.st_ino;
}

void
own_file_remove(struct own_file *file)
{
    struct stat info;
    if (file->path[0] != '\0' && lstat(file->path, &info) == 0 &&
        info.st_dev == file->device && info.st_ino == file->inode)
        unlink(file->path);
    file->path[0] = '\0';
}
