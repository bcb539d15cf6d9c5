/* rename.h — a finished file gets its name, and takes nobody's.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_RENAME_H
#define PX_RENAME_H

/* rename(2) that replaces nothing: -1 with errno EEXIST when `to` is there. */
int px_rename_new(const char *from, const char *to);

#endif
