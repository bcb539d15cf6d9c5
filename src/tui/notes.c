/* notes.c — the messages of a session.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/notes.h"

#include <stdio.h>
#include <stdlib.h>

#include "tui/mem.h"

void
notes_init(struct notes *notes)
{
    notes->ring = mem_new(NOTES_MAX, sizeof *notes->ring);
    notes->n_ever = 0;
}

void
notes_done(struct notes *notes)
{
    free(notes->ring);
    notes->ring = NULL;
}

void
notes_add(struct notes *notes, enum role role, const char *kind,
          const char *text)
{
    struct note *note = &notes->ring[notes->n_ever % NOTES_MAX];
    note->number = ++notes->n_ever;
    note->time = time(NULL);
    note->role = role;
    snprintf(note->kind, sizeof note->kind, "%s", kind);
    snprintf(note->text, sizeof note->text, "%s", text);
}

uint32_t
notes_count(const struct notes *notes)
{
    return (uint32_t)(notes->n_ever < NOTES_MAX ? notes->n_ever : NOTES_MAX);
}

const struct note *
notes_at(const struct notes *notes, uint32_t i)
{
    return &notes->ring[(notes->n_ever - 1 - i) % NOTES_MAX];
}
