/* header.h — what a snapshot says of its process: the first chunk, decoded.
 *
 * snapshot.h has the JSON. Whatever is missing or of another kind is 0, and
 * means that it is not known.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_HEADER_H
#define PX_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

struct json_t;

struct px_header {
    struct json_t *json; /* all of it; NULL before one came */
    const char *python;  /* "3.13.0", never NULL: "?"; in `json`, as host */
    const char *host;    /* never NULL: "" */
    long long pid;
    double time;            /* of the snapshot, Unix seconds */
    double started;         /* the process, the same */
    double waited;          /* seconds that a thread was ready and had no CPU */
    uint64_t rss, rss_file; /* bytes */
    uint64_t allocated_blocks;
    uint64_t estimated_objects, estimated_bytes; /* of what follows */
    uint64_t full_collections;
    bool collects; /* the collector runs by itself */
};

void px_header_init(struct px_header *header);
void px_header_done(struct px_header *header);

/* From JSON text. `*out` is overwritten, and owns what it has: px_header_done,
 * in any case. PX_EPROTO: no such text, PX_EVERSION: of another format,
 * PX_ENOMEM. */
enum px_status px_header_read(const void *text, size_t n_bytes,
                              struct px_header *out, struct px_err *err);
/* From a chunk, which may be of another kind: PX_EPROTO. */
enum px_status px_header_of_chunk(const void *chunk, size_t n_bytes,
                                  struct px_header *out, struct px_err *err);

#endif
