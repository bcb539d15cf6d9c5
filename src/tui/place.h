/* place.h — where one is: a snapshot, a view, what it shows, and the cursor.
 *
 * A place is a value: history, `:goto`, `y`, panes and tests share it. As
 * text it reads
 *
 *     [SNAPSHOT:]VIEW[:WHAT][@CURSOR]
 *
 * VIEW is a name of VIEW_LIST, WHAT a type's name or an object's address,
 * CURSOR the id of the selected row, both in hex: `object:7f3a5c0d2e40`,
 * `7:instances:server.Connection@7f3a5c0d2e40`, `types`. Snapshot 0 or none
 * is the latest.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_PLACE_H
#define TUI_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/err.h>

enum place_what { PLACE_NOTHING, PLACE_TYPE, PLACE_OBJECT, PLACE_EITHER };

/* X(member, name, what it shows, help) */
#define VIEW_LIST(X)                                                           \
    X(TYPES, "types", NOTHING, "all types of a snapshot")                      \
    X(INSTANCES, "instances", TYPE, "the objects of one type")                 \
    X(OBJECT, "object", OBJECT,                                                \
      "one object: how it is held, what it is, what it holds")                 \
    X(PATH, "path", EITHER,                                                    \
      "the paths from roots to an object, or to all of a type")                \
    X(HOLDERS, "holders", TYPE, "who holds all objects of a type, as a tree")  \
    X(DOMINATORS, "dominators", NOTHING,                                       \
      "what would go if an object went, as a tree")                            \
    X(CYCLES, "cycles", NOTHING, "what holds itself, and where to cut it")     \
    X(THREADS, "threads", NOTHING,                                             \
      "threads and tasks, their frames and locals")                            \
    X(GROWTH, "growth", NOTHING,                                               \
      "what grew from each snapshot to the next, by path")                     \
    X(SUSPECTS, "suspects", NOTHING,                                           \
      "what the snapshots so far accuse, with evidence")                       \
    X(DUPLICATES, "duplicates", NOTHING, "equal strings, and who holds them")  \
    X(GC, "gc", NOTHING, "the collector of the target")                        \
    X(GARBAGE, "garbage", NOTHING, "what is in gc.garbage")                    \
    X(LOG, "log", NOTHING, "what was asked of the target and what it cost")    \
    X(HELP, "help", NOTHING, "all keys and commands")

enum view_id {
#define X(member, name, what, help) VIEW_##member,
    VIEW_LIST(X)
#undef X
        VIEW_END
};

#define PLACE_NAME 480
#define PLACE_TEXT (PLACE_NAME + 64)

struct place {
    unsigned snapshot; /* 0: the latest */
    enum view_id view;
    char type[PLACE_NAME]; /* "" : none */
    uint64_t addr;         /* 0: none */
    uint64_t cursor;       /* 0: the first row */
};

const char *view_name(enum view_id view);
const char *view_about(enum view_id view);
enum place_what view_what(enum view_id view);
/* VIEW_END: no such view. */
enum view_id view_find(const char *name, size_t n);

enum px_status place_parse(const char *text, struct place *out,
                           struct px_err *err);
char *place_text(const struct place *place, size_t out_bytes, char *out);
/* The same snapshot, view and subject; the cursor may differ. */
bool place_is_same(const struct place *a, const struct place *b);

#endif
