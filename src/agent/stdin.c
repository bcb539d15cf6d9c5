/* stdin.c — a place that is not stdin.
 *
 * Debian's libjansson.a is compiled for executables: json_loadf refers to
 * stdin in a way that no shared object can be linked with. The extension is
 * linked with --wrap=stdin, which makes it refer to this instead. Nothing in
 * the agent reads JSON from a FILE.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>

extern void *__wrap_stdin;
void *__wrap_stdin = NULL;
