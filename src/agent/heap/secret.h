/* secret.h — which names promise a secret (walk.h has secret_is_name).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_SECRET_H
#define HEAP_SECRET_H

#include "agent/heap/walk.h"

/* As secret_is_name for a text that is no object: the name of a slot. */
PX_CHILD bool secret_is_text(const char *text, size_t n);
/* `memory` keeps SECRET_CACHE_BYTES of zeroes, or is NULL: no cache. */
#define SECRET_CACHE_BYTES (64u << 10)
PX_CHILD void secret_use_cache(void *memory);

#endif
