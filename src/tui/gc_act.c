/* gc_act.c — switching the collector of the target.
 *
 * What is set is put back when the connection ends, so only those ask that
 * cannot be undone, or that print to the target's stderr.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/gc_controls.h"

const struct gc_control gc_controls[] = {
#define X(action, label, flag) {ACT_##action, label, flag},
    CONTROL_LIST(X)
#undef X
};
const size_t n_gc_controls = sizeof gc_controls / sizeof gc_controls[0];

void
gc_add_list(struct cell_out *out, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        cell_addf(out, ROLE_NUMBER, "%s%lld", i > 0 ? " " : "",
                  (long long)json_number_value(json_array_get(list, i)));
}

static void
set(struct app *app, json_t *body, const char *what)
{
    session_ask_gc(&app->session, PX_MSG_GC_SET, body, body, what);
}

static void
set_debug(struct app *app, int flags, const char *name, bool is_on)
{
    char what[80];
    snprintf(what, sizeof what, "%s %s", name, is_on ? "on" : "off");
    set(app, json_pack("{s:i}", "debug", flags), what);
}

static void
switch_flag(struct app *app, const struct gc_control *control, bool is_sure)
{
    int flags = (int)json_number_value(session_gc(&app->session, "debug"));
    bool is_on = (flags & control->flag) == control->flag;
    const char *prints = control->flag == DEBUG_STATS ? "at every collection"
                         : control->flag & DEBUG_COLLECTABLE
                             ? "a line for every object that it collects"
                             : NULL;
    if (!is_on && prints != NULL && !is_sure) {
        char question[200];
        snprintf(question, sizeof question,
                 "%s prints %s to the target's stderr. Switch it on? y/n",
                 control->label, prints);
        prompt_open(&app->prompt, PROMPT_CONFIRM, question, "",
                    control->action);
        return;
    }
    set_debug(app, is_on ? flags & ~control->flag : flags | control->flag,
              control->label, !is_on);
}

static void
set_thresholds(struct app *app, const char *text)
{
    long values[3] = {0, 0, 0};
    int n = 0;
    char *end = NULL;
    for (; n < 3; n++, text = end) {
        values[n] = strtol(text, &end, 10);
        if (end == text || values[n] < 0 || values[n] > INT32_MAX)
            break;
    }
    if (n == 0 || text[strspn(text, " ,")] != '\0') {
        app_say(app, ROLE_ERROR,
                "thresholds are up to three numbers, as in 700 10 10");
        return;
    }
    const json_t *now = session_gc(&app->session, "thresholds");
    for (int i = n; i < 3; i++)
        values[i] = (long)json_number_value(json_array_get(now, (size_t)i));
    char what[80];
    snprintf(what, sizeof what, "thresholds %ld %ld %ld", values[0], values[1],
             values[2]);
    set(app,
        json_pack("{s:[I,I,I]}", "thresholds", (json_int_t)values[0],
                  (json_int_t)values[1], (json_int_t)values[2]),
        what);
}

static void
ask_thresholds(struct app *app)
{
    struct cell_out now;
    cell_clear(&now);
    gc_add_list(&now, session_gc(&app->session, "thresholds"));
    prompt_open(&app->prompt, PROMPT_ANSWER, "thresholds: ", now.text,
                ACT_GC_THRESHOLDS);
}

static void
collect(struct app *app, const char *arg)
{
    int generation = 2;
    if (arg != NULL && arg[0] != '\0') {
        if (arg[0] < '0' || arg[0] > '2' || arg[1] != '\0') {
            app_say(app, ROLE_ERROR, "a generation is 0, 1 or 2");
            return;
        }
        generation = arg[0] - '0';
    }
    char what[80];
    snprintf(what, sizeof what, "collect(%d)", generation);
    session_send(&app->session, PX_MSG_GC_COLLECT,
                 json_pack("{s:i}", "generation", generation), what);
}

static void
freeze(struct app *app, bool is_freeze, bool is_sure)
{
    if (!is_sure) {
        prompt_open(&app->prompt, PROMPT_CONFIRM,
                    is_freeze
                        ? "gc.freeze() moves all tracked objects out of the "
                          "collector's sight and cannot be undone object by "
                          "object. Do it? y/n"
                        : "gc.unfreeze() moves all frozen objects, those "
                          "that the target froze too, into the oldest "
                          "generation. Do it? y/n",
                    "", is_freeze ? ACT_GC_FREEZE : ACT_GC_UNFREEZE);
        return;
    }
    session_send(
        &app->session, is_freeze ? PX_MSG_GC_FREEZE : PX_MSG_GC_UNFREEZE,
        json_pack("{s:b}", "confirm", 1), is_freeze ? "freeze" : "unfreeze");
}

void
gc_act(struct app *app, enum action_id action, const char *arg)
{
    bool is_sure = arg != NULL && strcmp(arg, "yes") == 0;
    for (size_t i = 0; i < n_gc_controls; i++) {
        if (gc_controls[i].action == action && gc_controls[i].flag != 0) {
            switch_flag(app, &gc_controls[i], is_sure);
            return;
        }
    }
    bool is_on = json_is_true(session_gc(&app->session, "enabled"));
    switch (action) { /* only those that change the collector */
    case ACT_GC_SWITCH:
        set(app, json_pack("{s:b}", "enabled", !is_on),
            is_on ? "collection off" : "collection on");
        break;
    case ACT_GC_THRESHOLDS:
        if (arg != NULL && arg[0] != '\0')
            set_thresholds(app, arg);
        else
            ask_thresholds(app);
        break;
    case ACT_GC_COLLECT:
        collect(app, arg);
        break;
    case ACT_GC_COLLECT_ASK:
        prompt_open(&app->prompt, PROMPT_ANSWER,
                    "collect generation (0, 1, 2): ", "2", ACT_GC_COLLECT);
        break;
    case ACT_GC_FREEZE:
    case ACT_GC_UNFREEZE:
        freeze(app, action == ACT_GC_FREEZE, is_sure);
        break;
    case ACT_GC_RESTORE:
        session_ask_gc(&app->session, PX_MSG_GC_RESTORE, NULL,
                       json_object_get(app->session.gc, "on_entry"),
                       "restored");
        break;
    case ACT_GC_KEEP:
        session_send(&app->session, PX_MSG_GC_SET,
                     json_pack("{s:b}", "keep", 1), SESSION_KEPT);
        break;
    default:
        break;
    }
}
