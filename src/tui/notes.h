/* notes.h — the messages of a session: what the log view and the gc view
 * show. A ring: the oldest go.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_NOTES_H
#define TUI_NOTES_H

#include <stdint.h>
#include <time.h>

#include "tui/screen.h"

#define NOTES_MAX 1000u
#define NOTE_TEXT 480

struct note {
    uint64_t number; /* counts up from 1 */
    time_t time;
    enum role role;
    char kind[16]; /* "gc", "snapshot", … */
    char text[NOTE_TEXT];
};

struct notes {
    struct note *ring;
    uint64_t n_ever;
};

void notes_init(struct notes *notes);
void notes_done(struct notes *notes);
void notes_add(struct notes *notes, enum role role, const char *kind,
               const char *text);
uint32_t notes_count(const struct notes *notes);
/* 0 is the newest. */
const struct note *notes_at(const struct notes *notes, uint32_t i);

#endif
