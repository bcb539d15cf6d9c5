/* texts.h — texts of a snapshot, made safe to show, one after the other in
 * one piece of memory. A text is known by its offset, which stays valid while
 * the memory grows; offset 0 is "". Caller's storage.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_TEXTS_H
#define GRAPH_TEXTS_H

#include <pyexplore/buf.h>

struct texts {
    struct px_buf bytes;
};

void texts_init(struct texts *texts);
void texts_done(struct texts *texts);
/* Adds n bytes as px_text_escape shows them. */
enum px_status texts_add(struct texts *texts, const void *bytes, size_t n,
                         size_t *offset, struct px_err *err);
/* Borrowed until the next add. */
const char *texts_get(const struct texts *texts, size_t offset);

#endif
