/* gc_controls.h — what can be done to the collector, as one table, and the
 * figures of GC_STATE: shared by view_gc.c, which shows it, and gc_act.c, which
 * does it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_GC_CONTROLS_H
#define TUI_GC_CONTROLS_H

#include <stddef.h>

#include <jansson.h>

#include "tui/action.h"
#include "tui/rows.h"

/* gcmodule.c, unchanged from 3.8 to 3.15 */
#define DEBUG_STATS 1
#define DEBUG_COLLECTABLE 2
#define DEBUG_UNCOLLECTABLE 4
#define DEBUG_SAVEALL 32
#define DEBUG_LEAK (DEBUG_COLLECTABLE | DEBUG_UNCOLLECTABLE | DEBUG_SAVEALL)

/* X(action, label, flag it shows or 0) */
#define CONTROL_LIST(X)                                                        \
    X(GC_SWITCH, "automatic collection", 0)                                    \
    X(GC_THRESHOLDS, "thresholds", 0)                                          \
    X(GC_STATS, "DEBUG_STATS", DEBUG_STATS)                                    \
    X(GC_COLLECTABLE, "DEBUG_COLLECTABLE", DEBUG_COLLECTABLE)                  \
    X(GC_UNCOLLECTABLE, "DEBUG_UNCOLLECTABLE", DEBUG_UNCOLLECTABLE)            \
    X(GC_SAVEALL, "DEBUG_SAVEALL", DEBUG_SAVEALL)                              \
    X(GC_LEAK, "DEBUG_LEAK", DEBUG_LEAK)                                       \
    X(GC_COLLECT, "collect", 0)                                                \
    X(GC_FREEZE, "frozen", 0)                                                  \
    X(GARBAGE, "garbage", 0)                                                   \
    X(GC_RESTORE, "restore", 0)

struct gc_control {
    enum action_id action;
    const char *label;
    int flag;
};

extern const struct gc_control gc_controls[];
extern const size_t n_gc_controls;

/* A figure of GC_STATE, 0: there is none. */
static inline long
gc_integer(const json_t *object, const char *name)
{
    return (long)json_number_value(json_object_get(object, name));
}

/* "700 10 10" */
void gc_add_list(struct cell_out *out, const json_t *list);

#endif
