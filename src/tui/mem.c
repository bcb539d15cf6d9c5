/* mem.c — memory that is there or ends the program.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void
die(void)
{
    /* exit, not _exit: the terminal is restored by atexit. */
    fputs("pyexplore-tui: out of memory\n", stderr);
    exit(2);
}

void *
mem_new(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
    if (memory == NULL)
        die();
    return memory;
}

void *
mem_resize(void *memory, size_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size)
        die();
    size_t n_bytes = count * size;
    void *resized = realloc(memory, n_bytes > 0 ? n_bytes : 1);
    if (resized == NULL)
        die();
    return resized;
}

char *
mem_dup(const char *text)
{
    size_t n_bytes = strlen(text) + 1;
    return memcpy(mem_new(n_bytes, 1), text, n_bytes);
}
