/* mem.h — memory that is there or ends the program.
 *
 * The explorer is the user's own process: without memory it says so and
 * leaves with status 2; atexit in term.c restores the terminal. Never used by
 * code that runs in a target.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_MEM_H
#define TUI_MEM_H

#include <stddef.h>

void *mem_new(size_t count, size_t size); /* zeroed */
void *mem_resize(void *memory, size_t count, size_t size);
char *mem_dup(const char *text);

#endif
