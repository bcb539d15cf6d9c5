/* outfile.h — a result into a file (-o) instead of onto stdout.
 *
 * What the command prints goes to a file beside it, which gets the name only
 * when all of it is written: a full disk or Ctrl-C leaves nothing, and an
 * older file as it was. 0600, since it tells values of the target.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

#include "cli/cli.h"

struct outfile {
    const char *path; /* NULL: stdout stays what it is */
    char *part;
    int saved_fd; /* of stdout */
};

/* From now on stdout is the file `--output`, if that was given. */
enum px_status outfile_open(const struct cli *cli, struct outfile *out,
                            struct px_err *err);
/* Ends that. The file stays only if `status`, which is returned, is PX_OK
 * and all was written. */
enum px_status outfile_close(struct cli *cli, struct outfile *out,
                             enum px_status status, struct px_err *err);

#endif
