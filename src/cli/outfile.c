/* outfile.c — a result into a file (-o) instead of onto stdout.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rename.h"

static enum px_status
refuse_existing(const char *path, struct px_err *err)
{
    px_fail(err, PX_EINVAL, "%s exists already", path);
    px_err_hint(err, "give another name, or --force to replace it");
    return PX_EINVAL;
}

enum px_status
outfile_open(const struct cli *cli, struct outfile *out, struct px_err *err)
{
    struct stat st;
    *out = (struct outfile){.path = cli->opt.output, .saved_fd = -1};
    if (out->path == NULL)
        return PX_OK;
    bool exists = lstat(out->path, &st) == 0;
    if (exists && !cli->opt.force)
        return refuse_existing(out->path, err);
    if (exists && !S_ISREG(st.st_mode))
        return px_fail(err, PX_EINVAL, "%s is no regular file", out->path);
    size_t room = strlen(out->path) + 32;
    out->part = cli_alloc(room);
    snprintf(out->part, room, "%s.part%ld", out->path, (long)getpid());
    int fd = open(out->part,
                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        fflush(stdout);
        out->saved_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        if (out->saved_fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0) {
            close(fd);
            return PX_OK;
        }
        unlink(out->part);
        close(fd);
    }
    px_fail_errno(err, PX_EIO, errno, "cannot write %s", out->path);
    if (out->saved_fd >= 0)
        close(out->saved_fd);
    free(out->part);
    *out = (struct outfile){.saved_fd = -1};
    return err->status;
}

/* Without --force never over another's file. */
static enum px_status
name_file(const struct cli *cli, const struct outfile *out, struct px_err *err)
{
    int rc = cli->opt.force ? rename(out->part, out->path)
                            : px_rename_new(out->part, out->path);
    if (rc != 0 && errno == EEXIST && !cli->opt.force)
        return refuse_existing(out->path, err);
    return rc == 0 ? PX_OK
                   : px_fail_errno(err, PX_EIO, errno, "cannot write %s",
                                   out->path);
}

enum px_status
outfile_close(struct cli *cli, struct outfile *out, enum px_status status,
              struct px_err *err)
{
    if (out->saved_fd < 0)
        return status;
    if (status == PX_OK)
        status = cli_out_check(cli, err);
    fflush(stdout);
    clearerr(stdout);
    cli->out_errno = 0;
    dup2(out->saved_fd, STDOUT_FILENO);
    close(out->saved_fd);
    if (status == PX_OK)
        status = name_file(cli, out, err);
    unlink(out->part);
    free(out->part);
    *out = (struct outfile){.saved_fd = -1};
    return status;
}
