/* own_file.h — a file that we made, and remove only while it is still ours.
 *
 * By the time that it goes somebody may have put another one there, or a
 * relative path may lead elsewhere, since the process changed its folder.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_OWN_FILE_H
#define AGENT_OWN_FILE_H

#include <sys/stat.h>

#include <pyexplore/proto.h>

struct own_file {
    char path[PX_PATH_MAX]; /* "": none */
    dev_t device;
    ino_t inode;
};

/* Remembers the file that is at `path` now, if there is one. */
void own_file_note(struct own_file *file, const char *path);
/* The file that was opened at `path`, which may be relative to the folder that
 * the process is in now. */
void own_file_note_open(struct own_file *file, int fd, const char *path);
/* Removes it and forgets it. Call it before the file is closed: the inode of
 * one that is open is not used again. */
void own_file_remove(struct own_file *file);

#endif
