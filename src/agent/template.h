/* template.h — names of files with fields: "app-{pid}-{time}.pxs".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_TEMPLATE_H
#define AGENT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include <pyexplore/err.h>

/* X(MEMBER, name, tells one file of a process from its next) */
#define TEMPLATE_FIELD_LIST(X)                                                 \
    X(PID, "pid", false)   /* of this process */                               \
    X(TIME, "time", true)  /* UTC: 20260131T235959Z */                         \
    X(NUMBER, "n", true)   /* 1, 2, 3 … */                                   \
    X(HOST, "host", false) /* its name */

/* Checks it: known fields only, and at least one that tells files apart.
 * `*has_number`: it has {n}. */
enum px_status template_check(const char *text, bool *has_number,
                              struct px_err *err);
/* PX_ELIMIT: the name is too long. */
enum px_status template_expand(const char *text, unsigned long number,
                               size_t out_bytes, char *out, struct px_err *err);

#endif
