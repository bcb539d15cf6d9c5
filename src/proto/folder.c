/* folder.c — where a user's sockets and keys are.
 *
 * A folder is trusted when it is a directory of that user, without any right
 * for others, and stands in a directory where nobody else can rename it:
 * root's or the user's own, and sticky if others may write there (/tmp). It
 * is opened once with O_NOFOLLOW and judged by fstat, so that what was looked
 * at is what is there; from then on only its owner can change it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/proto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 4, 5))) static enum px_status
put_path(size_t out_bytes, char *out, struct px_err *err, const char *format,
         ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out, out_bytes, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= out_bytes)
        return px_fail(err, PX_ELIMIT, "path of %d bytes exceeds %zu", n,
                       out_bytes);
    return PX_OK;
}

/* An environment variable that holds an absolute path, or NULL. */
static const char *
get_path_variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] == '/' ? value : NULL;
}

enum px_status
px_folder_place(unsigned uid, unsigned i, size_t out_bytes, char *out,
                struct px_err *err)
{
    bool is_own = uid == geteuid();
    const char *given = is_own ? get_path_variable("PYEXPLORE_DIR") : NULL;
    const char *runtime = is_own ? get_path_variable("XDG_RUNTIME_DIR") : NULL;
    if (given != NULL) {
        if (i == 0)
            return put_path(out_bytes, out, err, "%s", given);
        return px_fail(err, PX_ENOTFOUND, "no other folder than %s", given);
    }
    if (runtime == NULL)
        i++;
    switch (i) {
    case 0:
        return put_path(out_bytes, out, err, "%s/pyexplore", runtime);
    case 1:
        return put_path(out_bytes, out, err, "/run/user/%u/pyexplore", uid);
    case 2:
        return put_path(out_bytes, out, err, "/tmp/pyexplore-%u", uid);
    default:
        return px_fail(err, PX_ENOTFOUND, "no folder of uid %u", uid);
    }
}

/* ---- trust ---- */

static enum px_status
check_parent(const char *path, unsigned uid, struct px_err *err)
{
    char parent[PX_PATH_MAX];
    enum px_status status = put_path(sizeof parent, parent, err, "%s", path);
    if (status != PX_OK)
        return status;
    size_t n = strlen(parent);
    while (n > 1 && parent[n - 1] == '/')
        n--;
    while (n > 1 && parent[n - 1] != '/')
        n--;
    parent[n] = '\0';
    struct stat info;
    if (stat(parent, &info) != 0)
        return px_fail_errno(err, PX_EIO, errno, "look at %s", parent);
    bool is_sticky = (info.st_mode & S_ISVTX) != 0;
    bool is_shared = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    if ((info.st_uid != 0 && info.st_uid != uid) || (is_shared && !is_sticky))
        return px_fail(err, PX_EDENIED,
                       "%s is not safe: others may replace it, because they "
                       "may write to %s",
                       path, parent);
    return PX_OK;
}

enum px_status
px_folder_check(const char *path, unsigned uid, struct px_err *err)
{
    enum px_status status;
    struct stat info;
    int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return px_fail(err, PX_ENOTFOUND, "there is no folder %s", path);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        status = px_fail(err, PX_EDENIED, "%s is not a directory", path);
        goto out;
    }
    if (fd < 0 && errno == EACCES)
        return px_fail_errno(err, PX_EDENIED, EACCES, "look into %s", path);
    if (fd < 0 || fstat(fd, &info) != 0) {
        status = px_fail_errno(err, PX_EIO, errno, "look at %s", path);
        goto out;
    }
    if (info.st_uid != uid) {
        status = px_fail(err, PX_EDENIED, "%s belongs to uid %u, not to %u",
                         path, (unsigned)info.st_uid, uid);
        goto out;
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        status = px_fail(err, PX_EDENIED,
                         "%s is open to others (mode %03o, not 700)", path,
                         (unsigned)info.st_mode & 0777);
        goto out;
    }
    status = check_parent(path, uid, err);
out:
    if (status == PX_EDENIED)
        px_err_hint(err, "remove it, or set PYEXPLORE_DIR to a folder of "
                         "your own with mode 700");
    if (fd >= 0)
        close(fd);
    return status;
}

static enum px_status
make_folder(const char *path, struct px_err *err)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return PX_OK;
    int error = errno;
    /* A missing or closed parent only means: not this place. */
    bool is_absent = error == ENOENT || error == ENOTDIR || error == EACCES ||
                     error == EPERM || error == EROFS;
    return px_fail_errno(err, is_absent ? PX_ENOTFOUND : PX_EIO, error,
                         "make the folder %s", path);
}

enum px_status
px_folder_find(unsigned uid, bool create, size_t out_bytes, char *out,
               struct px_err *err)
{
    struct px_err first = {0}; /* why the most wanted place was refused */
    struct px_err why;
    char path[PX_PATH_MAX];
    for (unsigned i = 0;; i++) {
        if (px_folder_place(uid, i, sizeof path, path, &why) != PX_OK)
            break;
        enum px_status status = create ? make_folder(path, &why) : PX_OK;
        if (status == PX_OK)
            status = px_folder_check(path, uid, &why);
        if (status == PX_OK)
            return put_path(out_bytes, out, err, "%s", path);
        if (first.status == PX_OK ||
            (first.status == PX_ENOTFOUND && status != PX_ENOTFOUND))
            first = why;
    }
    if (first.status == PX_OK)
        first = why;
    if (err != NULL)
        *err = first;
    return first.status;
}

/* ---- what is in it ---- */

enum px_status
px_folder_socket(const char *folder, int pid, size_t out_bytes, char *out,
                 struct px_err *err)
{
    return put_path(out_bytes, out, err, "%s/%d.sock", folder, pid);
}

enum px_status
px_folder_key(const char *folder, int port, size_t out_bytes, char *out,
              struct px_err *err)
{
    return put_path(out_bytes, out, err, "%s/tcp-%d.key", folder, port);
}

enum px_status
px_folder_abstract(unsigned uid, int pid, size_t out_bytes, char *out,
                   struct px_err *err)
{
    return put_path(out_bytes, out, err, "@pyexplore/%u/%d", uid, pid);
}
