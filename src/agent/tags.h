/* tags.h — who may call a function, readable by people and by the lint.
 *
 *   PX_GIL    the caller holds the GIL
 *   PX_NOGIL  the caller must not hold it: the function may wait
 *   PX_CHILD  runs in the snapshot child: no malloc, no locks, no refcount
 *             changes, no Python API that allocates, no bytecode
 *   PX_GUESS  reads what may be no valid memory, under the guard, which
 *             AddressSanitizer would take for a mistake
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_TAGS_H
#define AGENT_TAGS_H

#define PX_GIL
#define PX_NOGIL
#define PX_CHILD
#define PX_GUESS __attribute__((no_sanitize("address")))

#endif
