/* cmd_gc.c — `gc`: the target's collector, shown and changed.
 *
 * Every change is sent with keep: it outlives this connection. Before and
 * after are compared, so that the command which undoes the change can be
 * printed, with the TARGET as the user wrote it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/gctext.h"
#include "cli/jsonout.h"
#include "cli/session.h"
#include "cli/table.h"

#define GARBAGE_ROWS 20

struct gc_call {
    struct cli *cli;
    struct session *session;
    const char *target;
    const struct gc_action *action;
    char **args; /* after the action */
};

typedef enum px_status gc_action_fn(struct gc_call *call, struct px_err *err);

struct gc_action {
    const char *name;
    const char *args;
    int least_args;
    int most_args;
    gc_action_fn *run;
    const char *help;
};

/* ---- the result of a change ---- */

/* "pyexplore gc TARGET ACTION ARGS" in a shell's words. */
static char *
command_text(const struct gc_call *call, const char *rest, size_t out_bytes,
             char *out)
{
    char target[PX_PATH_MAX];
    cli_shell_quote(call->target, sizeof target, target);
    snprintf(out, out_bytes, "pyexplore gc %s %s", target, rest);
    return out;
}

/* Prints what is now, and how to undo it (NULL: it cannot be, or need not;
 * "": nothing changed). `state` is stolen. */
static void
print_change(struct gc_call *call, json_t *state, const char *said,
             const char *undo)
{
    struct cli *cli = call->cli;
    char command[PX_PATH_MAX + 64];
    bool can_undo = undo != NULL && undo[0] != '\0';
    if (can_undo)
        command_text(call, undo, sizeof command, command);
    if (cli->opt.json) {
        json_t *result = json_pack(
            "{s:s, s:o, s:s, s:b, s:o, s:o}", "command", cli->command->name,
            "target", jsonout_text(call->target), "action", call->action->name,
            "changed", undo == NULL || can_undo, "undo",
            can_undo ? jsonout_text(command) : json_null(), "state", state);
        jsonout_print(cli, result);
        return;
    }
    printf("%s\n", said);
    if (can_undo)
        printf("it stays so; undo: %s\n", command);
    json_decref(state);
}

static enum px_status
get_state(struct gc_call *call, bool count_frozen, json_t **state,
          struct px_err *err)
{
    return session_call(call->session, PX_MSG_GC_STATE,
                        json_pack("{s:b}", "frozen", (int)count_frozen),
                        "waiting for the target", NULL, state, err);
}

/* ---- actions ---- */

static enum px_status
show_state(struct gc_call *call, struct px_err *err)
{
    json_t *state;
    enum px_status status = get_state(call, true, &state, err);
    if (status != PX_OK)
        return status;
    if (call->cli->opt.json) {
        jsonout_print(call->cli,
                      json_pack("{s:s, s:o, s:o}", "command",
                                call->cli->command->name, "target",
                                jsonout_text(call->target), "state", state));
        return PX_OK;
    }
    gctext_print_state(call->cli, state);
    json_decref(state);
    return PX_OK;
}

/* Sends GC_SET with `body` (stolen) and keep. */
static enum px_status
set_and_print(struct gc_call *call, json_t *body, const char *said,
              const char *undo, struct px_err *err)
{
    json_t *state;
    json_object_set_new(body, "keep", json_true());
    enum px_status status =
        session_call(call->session, PX_MSG_GC_SET, body,
                     "waiting for the target", NULL, &state, err);
    if (status == PX_OK)
        print_change(call, state, said, undo);
    return status;
}

/* What undoes it, for print_change. What another connection set for as long
 * as it lasts is not what there was before us: our change outlives that, and
 * to undo it must not make the other's one stay. */
static const char *
undo_of(bool was_so, bool would_be_so, const char *undo)
{
    if (!would_be_so)
        return undo;
    return was_so ? "" : NULL;
}

static enum px_status
switch_enabled(struct gc_call *call, bool enable, struct px_err *err)
{
    json_t *before;
    enum px_status status = get_state(call, false, &before, err);
    if (status != PX_OK)
        return status;
    bool was_so = json_is_true(json_object_get(before, "enabled")) == enable;
    bool would_be_so = json_is_true(json_object_get(gctext_lasting(before),
                                                    "enabled")) == enable;
    json_decref(before);
    char said[80];
    snprintf(said, sizeof said, "the collector %s %s%s",
             was_so ? "was already" : "is now", enable ? "on" : "off",
             was_so && !would_be_so ? ", until another connection ends" : "");
    return set_and_print(
        call, json_pack("{s:b}", "enabled", enable), said,
        undo_of(was_so, would_be_so, enable ? "disable" : "enable"), err);
}

static enum px_status
do_enable(struct gc_call *call, struct px_err *err)
{
    return switch_enabled(call, true, err);
}

static enum px_status
do_disable(struct gc_call *call, struct px_err *err)
{
    return switch_enabled(call, false, err);
}

static enum px_status
do_debug(struct gc_call *call, struct px_err *err)
{
    int flags;
    if (!gctext_parse_debug(call->args[0], &flags)) {
        px_fail(err, PX_EINVAL, "'%.60s' is not a debug flag", call->args[0]);
        px_err_hint(err, "STATS, COLLECTABLE, UNCOLLECTABLE, SAVEALL or LEAK, "
                         "joined by commas; 0 for none");
        return PX_EINVAL;
    }
    json_t *before;
    enum px_status status = get_state(call, false, &before, err);
    if (status != PX_OK)
        return status;
    int64_t was = gctext_integer(before, "debug");
    int64_t would_be = gctext_integer(gctext_lasting(before), "debug");
    json_decref(before);
    gctext_warn_debug(call->cli, flags & ~(int)was);
    char said[128], undo[128], text[96];
    snprintf(said, sizeof said, "debug flags: %s",
             gctext_debug(flags, sizeof text, text));
    snprintf(undo, sizeof undo, "debug %s",
             gctext_debug(would_be, sizeof text, text));
    return set_and_print(call, json_pack("{s:i}", "debug", flags), said,
                         undo_of(was == flags, would_be == flags, undo), err);
}

static enum px_status
do_threshold(struct gc_call *call, struct px_err *err)
{
    json_t *wanted = json_array();
    for (int i = 0; i < 3; i++) {
        char *end;
        errno = 0;
        long value = strtol(call->args[i], &end, 10);
        if (end == call->args[i] || *end != '\0' || errno != 0 || value < 0 ||
            value > INT32_MAX) {
            json_decref(wanted);
            return px_fail(err, PX_EINVAL, "'%.60s' is not a threshold",
                           call->args[i]);
        }
        json_array_append_new(wanted, json_integer(value));
    }
    json_t *before;
    enum px_status status = get_state(call, false, &before, err);
    if (status != PX_OK) {
        json_decref(wanted);
        return status;
    }
    char said[128], undo[128], text[96];
    const json_t *lasting = gctext_lasting(before);
    snprintf(undo, sizeof undo, "threshold %s",
             gctext_thresholds(lasting, sizeof text, text));
    bool was_so = json_equal(wanted, json_object_get(before, "thresholds"));
    bool would_be_so =
        json_equal(wanted, json_object_get(lasting, "thresholds"));
    json_decref(before);
    json_t *body = json_pack("{s:o}", "thresholds", wanted);
    snprintf(said, sizeof said, "thresholds: %s",
             gctext_thresholds(body, sizeof text, text));
    return set_and_print(call, body, said, undo_of(was_so, would_be_so, undo),
                         err);
}

static enum px_status
do_collect(struct gc_call *call, struct px_err *err)
{
    int generation = 2;
    if (call->args[0] != NULL) {
        if (strlen(call->args[0]) != 1 || strchr("012", *call->args[0]) == NULL)
            return px_fail(err, PX_EINVAL,
                           "the generation is 0, 1 or 2, not '%.40s'",
                           call->args[0]);
        generation = *call->args[0] - '0';
    }
    json_t *reply;
    enum px_status status =
        session_call(call->session, PX_MSG_GC_COLLECT,
                     json_pack("{s:i}", "generation", generation), "collecting",
                     NULL, &reply, err);
    if (status != PX_OK)
        return status;
    if (call->cli->opt.json) {
        jsonout_print(call->cli,
                      json_pack("{s:s, s:o, s:s, s:o}", "command",
                                call->cli->command->name, "target",
                                jsonout_text(call->target), "action",
                                call->action->name, "result", reply));
        return PX_OK;
    }
    gctext_print_collected(call->cli, reply);
    json_decref(reply);
    return PX_OK;
}

static enum px_status
freeze_or_not(struct gc_call *call, bool freeze, struct px_err *err)
{
    const char *question =
        freeze ? "freeze moves every tracked object out of the collector's "
                 "sight, which cannot be undone one by one. Go on?"
               : "unfreeze puts every frozen object into the oldest "
                 "generation, which cannot be undone. Go on?";
    if (!call->cli->opt.yes) {
        if (!call->cli->err_tty) {
            px_fail(err, PX_EINVAL, "%s cannot be undone", call->action->name);
            px_err_hint(err, "say --yes if that is meant");
            return PX_EINVAL;
        }
        if (!cli_ask(call->cli, question))
            return px_fail(err, PX_ECANCELED, "nothing changed, as you said");
    }
    json_t *state;
    enum px_status status = session_call(
        call->session, freeze ? PX_MSG_GC_FREEZE : PX_MSG_GC_UNFREEZE,
        json_pack("{s:b}", "confirm", 1), "waiting for the target", NULL,
        &state, err);
    if (status != PX_OK)
        return status;
    print_change(call, state,
                 freeze ? "all tracked objects are frozen"
                        : "no object is frozen any more",
                 NULL);
    return PX_OK;
}

static enum px_status
do_freeze(struct gc_call *call, struct px_err *err)
{
    return freeze_or_not(call, true, err);
}

static enum px_status
do_unfreeze(struct gc_call *call, struct px_err *err)
{
    return freeze_or_not(call, false, err);
}

static enum px_status
do_garbage(struct gc_call *call, struct px_err *err)
{
    static const struct table_column columns[] = {
        {"ADDRESS", TABLE_LEFT, CLI_ADDR, 0},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 16},
    };
    uint64_t limit = cli_limit(call->cli, GARBAGE_ROWS);
    json_t *reply;
    enum px_status status = session_call(
        call->session, PX_MSG_GC_GARBAGE,
        limit == 0 ? NULL : json_pack("{s:I}", "limit", (json_int_t)limit),
        "waiting for the target", NULL, &reply, err);
    if (status != PX_OK)
        return status;
    json_t *objects = json_object_get(reply, "objects");
    gctext_fix_addresses(objects);
    if (call->cli->opt.json) {
        jsonout_print(call->cli,
                      json_pack("{s:s, s:o, s:s, s:o}", "command",
                                call->cli->command->name, "target",
                                jsonout_text(call->target), "action",
                                call->action->name, "result", reply));
        return PX_OK;
    }
    char count[PX_COUNTED_MAX];
    size_t n = json_array_size(objects);
    uint64_t all = (uint64_t)gctext_integer(reply, "count");
    struct table *table = table_new(call->cli, columns, 2);
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(objects, i);
        const char *address =
            json_string_value(json_object_get(row, "address"));
        const char *type = json_string_value(json_object_get(row, "type"));
        table_text(table, address == NULL ? "" : address);
        table_text(table, type == NULL ? "" : type);
        table_row_end(table);
    }
    table_free(table);
    cli_note(call->cli, "%s in gc.garbage%s",
             px_text_counted(all, "object", count),
             n < all ? "; -n 0 shows all" : "");
    json_decref(reply);
    return PX_OK;
}

/* Puts back what any earlier `gc` changed: the target remembers what it had
 * before the first change that was kept. */
static enum px_status
do_restore(struct gc_call *call, struct px_err *err)
{
    json_t *before, *state;
    enum px_status status = get_state(call, false, &before, err);
    if (status != PX_OK)
        return status;
    bool is_changed = json_object_size(json_object_get(before, "kept")) > 0;
    json_decref(before);
    status = session_call(call->session, PX_MSG_GC_RESTORE,
                          json_pack("{s:b}", "kept", 1),
                          "waiting for the target", NULL, &state, err);
    if (status != PX_OK)
        return status;
    char said[GCTEXT_SETTINGS + 80], text[GCTEXT_SETTINGS];
    snprintf(said, sizeof said, "the collector is %s: %s",
             is_changed ? "again as it was"
             : gctext_is_lasting(state)
                 ? "as it was, nothing was changed"
                 : "changed by another connection until that ends",
             gctext_settings(state, sizeof text, text));
    print_change(call, state, said, is_changed ? NULL : "");
    return PX_OK;
}

/* clang-format off */
static const struct gc_action actions[] = {
    {"enable", "", 0, 0, do_enable, "switch the collector on"},
    {"disable", "", 0, 0, do_disable, "switch it off"},
    {"collect", "[GEN]", 0, 1, do_collect,
     "collect generation 0, 1 or 2 (all, the default) now: runs the "
     "finalizers of what is garbage"},
    {"debug", "FLAGS", 1, 1, do_debug,
     "set STATS, COLLECTABLE, UNCOLLECTABLE, SAVEALL, LEAK, joined by "
     "commas; 0 for none"},
    {"threshold", "A B C", 3, 3, do_threshold,
     "set the thresholds of the three generations"},
    {"freeze", "", 0, 0, do_freeze,
     "move all tracked objects out of the collector's sight; asks first"},
    {"unfreeze", "", 0, 0, do_unfreeze,
     "move the frozen ones into the oldest generation; asks first"},
    {"garbage", "", 0, 0, do_garbage, "list gc.garbage"},
    {"restore", "", 0, 0, do_restore,
     "put back what was there before any change"},
};
/* clang-format on */
#define N_ACTIONS (sizeof actions / sizeof *actions)

void
gc_help(FILE *out)
{
    fputs("\nActions (none: show the state; the target stands still while the\n"
          "frozen objects are counted, half a second for three million)\n",
          out);
    for (size_t i = 0; i < N_ACTIONS; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", actions[i].name, actions[i].args);
        cli_help_row(out, left, actions[i].help);
    }
}

static enum px_status
find_action(struct cli *cli, struct gc_call *call, struct px_err *err)
{
    static const struct gc_action show = {"state", "", 0, 0, show_state, ""};
    call->action = cli->n_args == 1 ? &show : NULL;
    for (size_t i = 0; i < N_ACTIONS && cli->n_args > 1; i++) {
        if (strcmp(actions[i].name, cli->args[1]) == 0)
            call->action = &actions[i];
    }
    if (call->action == NULL) {
        px_fail(err, PX_EINVAL, "`gc` has no action '%.60s'", cli->args[1]);
        char names[PX_ERR_HINT] = "";
        for (size_t i = 0; i < N_ACTIONS; i++) {
            if (cli_distance(cli->args[1], actions[i].name) <= 2) {
                px_err_hint(err, "did you mean `gc %s`?", actions[i].name);
                return PX_EINVAL;
            }
            size_t len = strlen(names);
            snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "",
                     actions[i].name);
        }
        px_err_hint(err, "%.300s", names);
        return PX_EINVAL;
    }
    int n = cli->n_args > 2 ? cli->n_args - 2 : 0;
    if (n < call->action->least_args || n > call->action->most_args) {
        px_fail(err, PX_EINVAL, "`gc %s` has %s arguments", call->action->name,
                n < call->action->least_args ? "too few" : "too many");
        px_err_hint(err, "usage: pyexplore gc TARGET %s %s", call->action->name,
                    call->action->args);
        return PX_EINVAL;
    }
    return PX_OK;
}

enum px_status
cmd_gc(struct cli *cli, struct px_err *err)
{
    char *none[] = {NULL};
    struct px_target target;
    struct gc_call call = {.cli = cli, .target = cli->args[0], .args = none};
    enum px_status status = find_action(cli, &call, err);
    if (status == PX_OK)
        status = cli_target(cli, cli->args[0], &target, err);
    if (status != PX_OK)
        return status;
    if (cli->n_args > 2)
        call.args = cli->args + 2;
    call.session = session_new(cli, &target, err);
    if (call.session == NULL)
        return err->status;
    status = call.action->run(&call, err);
    session_free(call.session);
    return status;
}
