/* outfile.c — a result into a file (-o) instead of onto stdout.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/new_file.h"

enum px_status
outfile_open(const struct cli *cli, struct outfile *out, struct px_err *err)
{
    int fd = -1;
    *out = (struct outfile){.path = cli->opt.output, .saved_fd = -1};
    if (out->path == NULL)
        return PX_OK;
    enum px_status status =
        px_new_file_open(out->path, cli->opt.force, &out->part, &fd, err);
    if (status != PX_OK)
        return status;
    fflush(stdout);
    out->saved_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (out->saved_fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0) {
        close(fd);
        return PX_OK;
    }
    px_fail_errno(err, PX_EIO, errno, "cannot write %s", out->path);
    unlink(out->part);
    close(fd);
    if (out->saved_fd >= 0)
        close(out->saved_fd);
    free(out->part);
    *out = (struct outfile){.saved_fd = -1};
    return err->status;
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
        status = px_new_file_name(out->part, out->path, cli->opt.force, err);
    unlink(out->part);
    free(out->part);
    *out = (struct outfile){.saved_fd = -1};
    return status;
}
