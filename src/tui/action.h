/* action.h — everything that a key, the mouse or a command can do.
 *
 * ACTION_LIST is the one list: the enum, the names after `:` and their
 * completion, the help view and the README's table come from it. An action
 * runs on the UI thread, neither draws nor waits, and answers with bits that
 * the loop interprets.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_ACTION_H
#define TUI_ACTION_H

#include <stddef.h>

struct app;

/* What an action needs. */
#define ACT_ARG 1u      /* takes the rest of the command line */
#define ACT_SUBJECT 2u  /* a row that is about a type or an object */
#define ACT_OBJECT 4u   /* a row that is about an object */
#define ACT_LIVE 8u     /* a connection */
#define ACT_CHANGES 16u /* changes the collector: not on a readonly server */

/* X(member, command, flags, label in the bar, help)
 * Groups follow each other; help and README keep this order. */
#define ACTION_LIST(X)                                                         \
    X(MOVE_, "", 0, "", "Moving")                                              \
    X(DOWN, "down", 0, "", "to the next row")                                  \
    X(UP, "up", 0, "", "to the row before")                                    \
    X(PAGE_DOWN, "page-down", 0, "", "one screen down")                        \
    X(PAGE_UP, "page-up", 0, "", "one screen up")                              \
    X(HALF_DOWN, "half-down", 0, "", "half a screen down")                     \
    X(HALF_UP, "half-up", 0, "", "half a screen up")                           \
    X(TOP, "top", 0, "", "to the first row")                                   \
    X(BOTTOM, "bottom", 0, "", "to the last row")                              \
    X(PANE_NEXT, "pane", 0, "pane", "to the next pane")                        \
    X(PANE_BEFORE, "pane-before", 0, "", "to the pane before")                 \
    X(GO_, "", 0, "", "Going")                                                 \
    X(ENTER, "enter", 0, "open", "open what the row is about")                 \
    X(BACK, "back", 0, "back", "back to where one was")                        \
    X(FORWARD, "forward", 0, "", "forward again")                              \
    X(UNFOLD, "unfold", 0, "unfold", "show what is below the row")             \
    X(FOLD, "fold", 0, "fold", "hide it again, or go to the row above")        \
    X(REFERRERS, "referrers", ACT_OBJECT, "referrers",                         \
      "what refers to this object")                                            \
    X(REFERENTS, "referents", ACT_OBJECT, "referents",                         \
      "what this object refers to")                                            \
    X(PATH, "path", ACT_SUBJECT, "path",                                       \
      "how it is held: its path from a root, or those of all of a type")       \
    X(HOLDERS, "holders", ACT_SUBJECT, "holders",                              \
      "who holds all objects of this type, as a tree")                         \
    X(DOMINATORS, "dominators", 0, "dominators",                               \
      "what would go if an object went, as a tree")                            \
    X(WAY_NEXT, "way", 0, "other way", "another way that holds the object")    \
    X(WAY_BEFORE, "way-before", 0, "", "the way before")                       \
    X(TYPE, "type", ACT_SUBJECT, "type", "all objects of this type")           \
    X(TYPES, "types", 0, "types", "all types")                                 \
    X(CYCLES, "cycles", 0, "cycles",                                           \
      "what holds itself, and the reference to cut")                           \
    X(THREADS, "threads", 0, "threads",                                        \
      "threads and tasks, with frames and their locals")                       \
    X(GROWTH, "growth", 0, "growth",                                           \
      "what grew from each snapshot to the next, by path")                     \
    X(SUSPECTS, "suspects", 0, "suspects",                                     \
      "what the snapshots so far accuse, with evidence")                       \
    X(DUPLICATES, "duplicates", 0, "duplicates",                               \
      "equal strings, what they waste, and who holds them")                    \
    X(GC, "gc", 0, "gc", "the collector: flags, thresholds, collect")          \
    X(GARBAGE, "garbage", 0, "garbage", "what is in gc.garbage")               \
    X(LOG, "log", 0, "log", "what was asked of the target and what it cost")   \
    X(GOTO, "goto", ACT_ARG, "",                                               \
      "go to a place: VIEW, VIEW:TYPE or VIEW:ADDRESS")                        \
    X(COPY, "copy", 0, "", "copy the place as text, for :goto")                \
    X(LOOK_, "", 0, "", "Looking")                                             \
    X(SEARCH, "search", ACT_ARG, "search", "search in the rows")               \
    X(NEXT, "next", 0, "", "the next row that was searched for")               \
    X(BEFORE, "before", 0, "", "the one before")                               \
    X(ROW, "row", 0, "", "all of the row, where it is cut")                    \
    X(FILTER, "filter", ACT_ARG, "filter",                                     \
      "show only rows with: Conn, !dict, >1k, <100, >5%")                      \
    X(SORT, "sort", ACT_ARG, "sort", "sort by the next column, or by a named") \
    X(REVERSE, "reverse", 0, "", "turn the order over")                        \
    X(TARGET_, "", 0, "", "The target")                                        \
    X(SNAPSHOT, "snapshot", ACT_LIVE, "snapshot", "take a new snapshot")       \
    X(MARK, "mark", 0, "mark",                                                 \
      "mark this snapshot: changes are counted from it")                       \
    X(AUTO, "auto", ACT_ARG | ACT_LIVE, "auto",                                \
      "snapshots by themselves, every 5 s or as told: on or off")              \
    X(CANCEL, "cancel", 0, "", "cancel what runs, or clear filter and search") \
    X(GC_SWITCH, "gc-switch", ACT_LIVE | ACT_CHANGES, "on/off",                \
      "switch automatic collection on or off")                                 \
    X(GC_THRESHOLDS, "gc-thresholds", ACT_ARG | ACT_LIVE | ACT_CHANGES,        \
      "thresholds", "change the thresholds")                                   \
    X(GC_STATS, "gc-stats", ACT_LIVE | ACT_CHANGES, "",                        \
      "switch DEBUG_STATS (prints to the target's stderr)")                    \
    X(GC_COLLECTABLE, "gc-collectable", ACT_LIVE | ACT_CHANGES, "",            \
      "switch DEBUG_COLLECTABLE (prints to the target's stderr)")              \
    X(GC_UNCOLLECTABLE, "gc-uncollectable", ACT_LIVE | ACT_CHANGES, "",        \
      "switch DEBUG_UNCOLLECTABLE")                                            \
    X(GC_SAVEALL, "gc-saveall", ACT_LIVE | ACT_CHANGES, "",                    \
      "switch DEBUG_SAVEALL (keeps all that is collected in gc.garbage)")      \
    X(GC_LEAK, "gc-leak", ACT_LIVE | ACT_CHANGES, "",                          \
      "switch DEBUG_LEAK, which is the last three")                            \
    X(GC_COLLECT, "gc-collect", ACT_ARG | ACT_LIVE | ACT_CHANGES, "collect",   \
      "collect now: generation 2, or a named one")                             \
    X(GC_COLLECT_ASK, "gc-collect-ask", ACT_LIVE | ACT_CHANGES, "",            \
      "collect a generation that is asked for")                                \
    X(GC_FREEZE, "gc-freeze", ACT_LIVE | ACT_CHANGES, "freeze",                \
      "gc.freeze(): asks first")                                               \
    X(GC_UNFREEZE, "gc-unfreeze", ACT_LIVE | ACT_CHANGES, "",                  \
      "gc.unfreeze(): asks first")                                             \
    X(GC_RESTORE, "gc-restore", ACT_LIVE | ACT_CHANGES, "restore",             \
      "put the collector back as it was")                                      \
    X(GC_KEEP, "gc-keep", ACT_LIVE | ACT_CHANGES, "",                          \
      "keep the changes when the explorer leaves")                             \
    X(PROGRAM_, "", 0, "", "The explorer")                                     \
    X(COMMAND, "command", 0, "command", "type a command: all names here")      \
    X(HELP, "help", 0, "help", "all keys and commands")                        \
    X(SAVE_SCREEN, "save-screen", ACT_ARG, "",                                 \
      "write the screen as text to a new file")                                \
    X(REDRAW, "redraw", 0, "", "draw the whole screen again")                  \
    X(SUSPEND, "suspend", 0, "", "stop, back with fg")                         \
    X(QUIT, "quit", 0, "quit", "leave")

enum action_id {
#define X(member, name, flags, label, help) ACT_##member,
    ACTION_LIST(X)
#undef X
        ACT_END
};

struct action {
    const char *name; /* "" : the title of a group */
    unsigned flags;
    const char *label;
    const char *help;
};

extern const struct action actions[ACT_END];

/* By name, or by the only name that starts so; ACT_END: none. */
enum action_id action_find(const char *name);

/* What the loop must do after an action. */
enum reaction {
    REACT_NONE = 0,
    REACT_DRAW = 1,
    REACT_REPAINT = 2, /* draw all cells, whatever the terminal shows */
    REACT_QUIT = 4,
    REACT_SUSPEND = 8
};

/* Runs an action; `arg` may be NULL. */
unsigned action_run(struct app *app, enum action_id action, const char *arg);
/* view_gc.c: those that ACT_CHANGES marks; "yes" as `arg` is the answer to a
 * question that was asked before. */
void gc_act(struct app *app, enum action_id action, const char *arg);

#endif
