/* ahead.h — keys that were typed ahead of what they are about.
 *
 * Keys act in their order, each on the row that one would see had one waited:
 * what is about the selected row waits while that row is still looked for or
 * its rows still come, and what was typed after it waits behind it. When the
 * search finds nothing the keys behind it are dropped, and that is said: they
 * were meant for another row than the one that is selected now. UI thread
 * only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_AHEAD_H
#define TUI_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#define AHEAD_KEYS 128

struct app;

struct ahead {
    int32_t keys[AHEAD_KEYS];
    int n;
    bool is_sought;     /* the search goes on while rows come */
    uint64_t looked_ns; /* counted_ns of the rows that it saw */
    uint64_t lost_ns;   /* when a search found nothing; 0: none did */
};

/* Does it keep (or drop) the key? Else it acts now. */
bool ahead_takes(struct app *app, int32_t key);
/* The key that acts next, if it may by now; false: none. */
bool ahead_next(struct app *app, int32_t *key);
/* A search that found no row: it goes on if rows still come, else this is
 * said and what was typed after it is dropped. */
void ahead_missed(struct app *app);
/* Forgets what waits; how many keys that were. */
int ahead_drop(struct app *app);

#endif
