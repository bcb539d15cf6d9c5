/* other_malloc.c — LD_PRELOAD: malloc is another library's than mallinfo2.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>

void *__libc_malloc(size_t n);

void *
malloc(size_t n)
{
    return __libc_malloc(n);
}
