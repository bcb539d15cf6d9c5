/* rename.c — a finished file gets its name, and takes nobody's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/rename.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Not every file system has hard links, or knows the flag: where neither is,
 * what is left is to look first. */
int
px_rename_new(const char *from, const char *to)
{
    struct stat st;
    if (link(from, to) == 0)
        return unlink(from);
    if (errno == EEXIST)
        return -1;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EEXIST && lstat(to, &st) != 0)
        return rename(from, to);
    errno = EEXIST;
    return -1;
}
