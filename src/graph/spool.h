/* spool.h — bytes kept aside: in memory while few, else in a file that has no
 * name any more.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_SPOOL_H
#define GRAPH_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include <pyexplore/buf.h>
#include <pyexplore/err.h>

/* Appended to, then kept as one piece. Caller's storage. */
struct spool {
    struct px_buf memory; /* all of it, until a file is open */
    int fd;               /* -1: no file */
    uint64_t n_bytes;
    void *map;
    size_t map_bytes;
};

void spool_init(struct spool *spool);
void spool_done(struct spool *spool);
/* On an error nothing was added. */
enum px_status spool_append(struct spool *spool, const void *bytes, size_t n,
                            struct px_err *err);
/* All bytes, once no more come; borrowed until spool_done. */
enum px_status spool_keep(struct spool *spool, const uint8_t **out,
                          struct px_err *err);

/* Zeroed memory for texts, which the kernel may write out: a mapped file
 * without a name if there is room for one, anonymous memory otherwise. */
struct spool_area {
    uint8_t *data;
    size_t n_bytes;
};
enum px_status spool_area_new(struct spool_area *area, size_t n_bytes,
                              struct px_err *err);
void spool_area_done(struct spool_area *area);

#endif
