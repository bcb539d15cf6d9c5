/* gc_state.h — the collector's settings and figures as a value.
 *
 * Values only; gc_control.c fills them from Python, the rest of the agent
 * makes JSON of them and decides what to put back. No Python.h, any thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_GC_STATE_H
#define AGENT_GC_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <pyexplore/err.h>

#define GC_GENERATIONS 3

/* What a client may change, and what can be put back. */
enum gc_field { GC_ENABLED = 1, GC_THRESHOLDS = 2, GC_DEBUG = 4 };

struct gc_settings {
    unsigned fields; /* which of these are meant: enum gc_field */
    bool enabled;
    int thresholds[GC_GENERATIONS];
    int debug;
};

struct gc_state {
    struct gc_settings now; /* all fields */
    int64_t counts[GC_GENERATIONS];
    int64_t frozen; /* -1: not asked, it costs a walk */
    int64_t garbage;
    struct {
        int64_t collections;
        int64_t collected;
        int64_t uncollectable;
    } stats[GC_GENERATIONS];
};

/* The fields of PX_MSG_GC_STATE that the state itself has; new reference. */
json_t *gc_state_json(const struct gc_state *state);
json_t *gc_settings_json(const struct gc_settings *settings);

/* {enabled?, thresholds?, debug?} of a request, perhaps none of them;
 * PX_EINVAL says what is wrong. */
enum px_status gc_settings_parse(const json_t *body, struct gc_settings *out,
                                 struct px_err *err);

/* Takes from `from` the fields that `to` does not have yet. */
void gc_settings_merge(struct gc_settings *to, const struct gc_settings *from);

/* The commands that set `settings` in process `pid`, joined by " && ". "" if
 * there are none. Returns out. */
char *gc_settings_commands(const struct gc_settings *settings, int pid,
                           size_t out_bytes, char *out);

#endif
