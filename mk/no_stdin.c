/* no_stdin.c — stands in for stdin inside libjansson.a.
 *
 * Debian's libjansson.a is position independent but for one thing: json_loadf
 * reads the variable stdin of libc directly, which a shared object may not.
 * The agent never calls json_loadf (it reads no files), so the linker is told
 * that this variable is meant: -Wl,--defsym=stdin=px_no_stdin.
 *
 * SPDX-License-Identifier: MIT
 */
extern void *px_no_stdin;
void *px_no_stdin;
