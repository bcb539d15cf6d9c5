/* forms.h — type, size and flags of nodes, shared by all that have the same.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_FORMS_H
#define GRAPH_FORMS_H

#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

struct form {
    uint64_t bytes;
    uint32_t type;
    uint8_t flags;
};

struct forms {
    struct form *rows; /* 0 is nobody's: not described */
    size_t n, cap;
    uint32_t *table; /* while it grows: open addressing, row number */
    size_t table_size;
};

/* Zero-initialise. The number of a row, made if there is none. */
enum px_status forms_intern(struct forms *forms, const struct form *form,
                            uint32_t *out, struct px_err *err);
/* No more rows are added. */
void forms_seal(struct forms *forms);
void forms_done(struct forms *forms);

#endif
