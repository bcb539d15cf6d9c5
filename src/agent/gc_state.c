/* gc_state.c — the collector's settings and figures as a value.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/gc_state.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <pyexplore/proto.h>

static const struct {
    int bit;
    const char *name;
} debug_flags[] = {
#define X(bit, member, what, prints) {bit, #member},
    PX_GC_DEBUG_LIST(X)
#undef X
};

#define X(bit, member, what, prints) | (bit)
#define DEBUG_MASK (0 PX_GC_DEBUG_LIST(X))
static const int debug_mask = DEBUG_MASK;
#undef X

#define N_FLAGS (sizeof debug_flags / sizeof debug_flags[0])

static json_t *
thresholds_json(const int thresholds[GC_GENERATIONS])
{
    return json_pack("[i, i, i]", thresholds[0], thresholds[1], thresholds[2]);
}

json_t *
gc_settings_json(const struct gc_settings *settings)
{
    json_t *json = json_object();
    if (settings->fields & GC_ENABLED)
        json_object_set_new(json, "enabled", json_boolean(settings->enabled));
    if (settings->fields & GC_THRESHOLDS)
        json_object_set_new(json, "thresholds",
                            thresholds_json(settings->thresholds));
    if (settings->fields & GC_DEBUG)
        json_object_set_new(json, "debug", json_integer(settings->debug));
    return json;
}

json_t *
gc_state_json(const struct gc_state *state)
{
    json_t *json = gc_settings_json(&state->now);
    json_t *counts = json_array();
    json_t *stats = json_array();
    json_t *names = json_array();
    for (size_t i = 0; i < GC_GENERATIONS; i++) {
        json_array_append_new(counts, json_integer(state->counts[i]));
        json_array_append_new(
            stats,
            json_pack("{sI, sI, sI}", "collections",
                      (json_int_t)state->stats[i].collections, "collected",
                      (json_int_t)state->stats[i].collected, "uncollectable",
                      (json_int_t)state->stats[i].uncollectable));
    }
    for (size_t i = 0; i < N_FLAGS; i++) {
        if (state->now.debug & debug_flags[i].bit)
            json_array_append_new(names, json_string(debug_flags[i].name));
    }
    json_object_set_new(json, "counts", counts);
    json_object_set_new(json, "stats", stats);
    json_object_set_new(json, "debug_names", names);
    if (state->frozen >= 0)
        json_object_set_new(json, "frozen", json_integer(state->frozen));
    json_object_set_new(json, "garbage", json_integer(state->garbage));
    return json;
}

static enum px_status
parse_thresholds(const json_t *list, struct gc_settings *out,
                 struct px_err *err)
{
    if (!json_is_array(list) || json_array_size(list) != GC_GENERATIONS)
        return px_fail(err, PX_EINVAL, "thresholds must be a list of %d",
                       GC_GENERATIONS);
    for (size_t i = 0; i < GC_GENERATIONS; i++) {
        const json_t *item = json_array_get(list, i);
        json_int_t value = json_integer_value(item);
        if (!json_is_integer(item) || value < 0 || value > INT_MAX)
            return px_fail(err, PX_EINVAL,
                           "a threshold is a number from 0 to %d", INT_MAX);
        out->thresholds[i] = (int)value;
    }
    out->fields |= GC_THRESHOLDS;
    return PX_OK;
}

enum px_status
gc_settings_parse(const json_t *body, struct gc_settings *out,
                  struct px_err *err)
{
    const json_t *enabled = json_object_get(body, "enabled");
    const json_t *thresholds = json_object_get(body, "thresholds");
    const json_t *debug = json_object_get(body, "debug");
    struct gc_settings set = {.fields = 0};
    if (enabled != NULL) {
        if (!json_is_boolean(enabled))
            return px_fail(err, PX_EINVAL, "enabled must be true or false");
        set.enabled = json_is_true(enabled);
        set.fields |= GC_ENABLED;
    }
    if (thresholds != NULL) {
        enum px_status status = parse_thresholds(thresholds, &set, err);
        if (status != PX_OK)
            return status;
    }
    if (debug != NULL) {
        json_int_t value = json_integer_value(debug);
        if (!json_is_integer(debug) || (value & ~(json_int_t)debug_mask))
            return px_fail(err, PX_EINVAL,
                           "debug must be a sum of the gc module's flags");
        set.debug = (int)value;
        set.fields |= GC_DEBUG;
    }
    *out = set;
    return PX_OK;
}

void
gc_settings_merge(struct gc_settings *to, const struct gc_settings *from)
{
    unsigned missing = from->fields & ~to->fields;
    if (missing & GC_ENABLED)
        to->enabled = from->enabled;
    if (missing & GC_THRESHOLDS)
        memcpy(to->thresholds, from->thresholds, sizeof to->thresholds);
    if (missing & GC_DEBUG)
        to->debug = from->debug;
    to->fields |= missing;
}

char *
gc_settings_commands(const struct gc_settings *settings, int pid,
                     size_t out_bytes, char *out)
{
    size_t n = 0;
    const char *join = "";
    const int *t = settings->thresholds;
    out[0] = '\0';
    if (settings->fields & GC_ENABLED) {
        n += (size_t)snprintf(out + n, out_bytes - n, "%spyexplore gc %d %s",
                              join, pid,
                              settings->enabled ? "enable" : "disable");
        join = " && ";
    }
    if ((settings->fields & GC_THRESHOLDS) && n < out_bytes) {
        n += (size_t)snprintf(out + n, out_bytes - n,
                              "%spyexplore gc %d threshold %d %d %d", join, pid,
                              t[0], t[1], t[2]);
        join = " && ";
    }
    if ((settings->fields & GC_DEBUG) && n < out_bytes) {
        n += (size_t)snprintf(out + n, out_bytes - n,
                              "%spyexplore gc %d debug ", join, pid);
        if (settings->debug == 0 && n < out_bytes)
            snprintf(out + n, out_bytes - n, "0");
        join = "";
        for (size_t i = 0; i < N_FLAGS && n < out_bytes; i++) {
            if (!(settings->debug & debug_flags[i].bit))
                continue;
            n += (size_t)snprintf(out + n, out_bytes - n, "%s%s", join,
                                  debug_flags[i].name);
            join = ",";
        }
    }
    return out;
}
