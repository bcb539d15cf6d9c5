/* new_file.c — a file that gets its name when it is finished.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum px_status
refuse_existing(const char *path, struct px_err *err)
{
    px_fail(err, PX_EINVAL, "%s exists already", path);
    px_err_hint(err, "give another name, or --force to replace it");
    return PX_EINVAL;
}

enum px_status
px_new_file_open(const char *path, bool overwrite, char **part, int *fd,
                 struct px_err *err)
{
    struct stat st;
    char *name = NULL;
    bool exists = lstat(path, &st) == 0;
    if (exists && !overwrite)
        return refuse_existing(path, err);
    if (exists && !S_ISREG(st.st_mode))
        return px_fail(err, PX_EINVAL, "%s is no regular file", path);
    /* Not our pid: who was killed has left such a file, and in a container the
     * next one has the same. */
    if (asprintf(&name, "%s.partXXXXXX", path) < 0)
        return px_fail(err, PX_ENOMEM, "no memory for a path");
    int made = mkostemp(name, O_CLOEXEC);
    if (made < 0) {
        px_fail_errno(err, PX_EIO, errno, "cannot write %s", path);
        free(name);
        return PX_EIO;
    }
    *part = name;
    *fd = made;
    return PX_OK;
}

/* Not every file system has hard links, or knows the flag: where neither is,
 * what is left is to look first. */
static int
rename_new(const char *from, const char *to)
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

enum px_status
px_new_file_name(const char *part, const char *path, bool overwrite,
                 struct px_err *err)
{
    int rc = overwrite ? rename(part, path) : rename_new(part, path);
    if (rc != 0 && errno == EEXIST && !overwrite)
        return refuse_existing(path, err);
    return rc == 0 ? PX_OK
                   : px_fail_errno(err, PX_EIO, errno, "cannot write %s", path);
}
