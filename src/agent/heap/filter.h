/* filter.h — seccomp filters, which may end who makes a system call.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_FILTER_H
#define HEAP_FILTER_H

#include <stdbool.h>

#include <pyexplore/err.h>

#include "agent/tags.h"

/* This process has one, and no way to ask what it allows. */
PX_CHILD bool filter_is_set(void);

/* Not PX_OK: it would end the target for what a snapshot needs. */
PX_NOGIL enum px_status filter_check(struct px_err *err);

#endif
