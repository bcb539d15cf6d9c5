/* text.h — text for people: escaping, width in cells, figures with units.
 *
 * Everything that comes from a target (names, previews, paths) passes
 * px_text_escape before it is shown: control, bidi, unassigned characters and
 * broken UTF-8 are written as \x1b, \u202e … so that no name can move the
 * cursor. Widths are those of utf8proc. Pure functions, any thread. Client
 * side only: the agent does not link utf8proc.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_TEXT_H
#define PX_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Escapes n bytes into `out` (NUL-terminated, cut at a character boundary if
 * out_bytes is too small, then with "…" at the end). Returns strlen(out). */
size_t px_text_escape(const char *text, size_t n, size_t out_bytes, char *out);

/* Cells that n bytes of escaped UTF-8 take. */
int px_text_cols(const char *text, size_t n);
/* How many bytes of `text` fit into `cols` cells, whole characters only;
 * *used_cols (may be NULL) is what they take. */
size_t px_text_fit(const char *text, size_t n, int cols, int *used_cols);

#define PX_FIGURE_MAX 32
/* "18,204"; "96.1 KiB"; "1.31 s", "6 ms", "3 d 4 h". All return out. */
char *px_text_count(uint64_t value, char out[PX_FIGURE_MAX]);
/* "1 path", "1,204 paths": a count of what takes an s. */
#define PX_COUNTED_MAX 64
char *px_text_counted(uint64_t value, const char *noun,
                      char out[PX_COUNTED_MAX]);
char *px_text_signed(int64_t value, char out[PX_FIGURE_MAX]); /* "+1,560" */
char *px_text_bytes(uint64_t bytes, char out[PX_FIGURE_MAX]);
char *px_text_ns(uint64_t ns, char out[PX_FIGURE_MAX]);

#endif
