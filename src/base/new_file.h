/* new_file.h — a file that gets its name when it is finished.
 *
 * Until then it has another name beside it, so that nobody opens half of it
 * and an older file stays as it was; without `overwrite` it never takes
 * anybody's name, not even one that came meanwhile.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_NEW_FILE_H
#define PX_NEW_FILE_H

#include <stdbool.h>

#include <pyexplore/err.h>

/* Makes it, 0600 and close-on-exec. *part is its name for now, which the caller
 * frees; both outputs stay as they are on failure. PX_EINVAL: `path` exists and
 * may not be replaced, or is no regular file. */
enum px_status px_new_file_open(const char *path, bool overwrite, char **part,
                                int *fd, struct px_err *err);
/* Gives it its name; on failure it still has the other one. */
enum px_status px_new_file_name(const char *part, const char *path,
                                bool overwrite, struct px_err *err);

#endif
