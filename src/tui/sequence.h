/* sequence.h — what a terminal sends behind an ESC.
 *
 * curses knows the keys of a terminal's description. Others, and reports that
 * nobody asked for, it hands on byte by byte: the letters and digits of PgDn
 * under TERM=vt100 would go back and then switch the target's collector.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_SEQUENCE_H
#define TUI_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

#define SEQUENCE_BYTES 32

enum sequence_state {
    SEQUENCE_OPEN,  /* more must follow */
    SEQUENCE_WHOLE, /* one key, or a report */
    SEQUENCE_NONE   /* ESC was a key by itself */
};

/* Of the n > 0 bytes that have come behind an ESC. */
enum sequence_state sequence_look(const char *text, size_t n);
/* The key that sends them, 0: none that we have a name for. */
int32_t sequence_key(const char *text, size_t n);

#endif
