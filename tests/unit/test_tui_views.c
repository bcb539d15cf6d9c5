/* test_tui_views.c — the explorer without a terminal, on a canned snapshot:
 * every view at 80×24 and 120×40 against golden screens, and places, history,
 * filter, search and mouse as a user goes through them.
 *
 * UPDATE=1 writes the golden screens anew; see golden/README.md.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "random_graph.h"
#include "tui/app.h"
#include "tui/keymap.h"

#define SETTLE_MS 20000

static char golden_folder[512];

/* ---- a session ---- */

static void
settle(struct app *app)
{
    struct px_err err;
    if (app_settle(app, SETTLE_MS, &err) != PX_OK)
        fail_msg("%s", err.msg);
}

/* Its snapshot is not there yet. */
static int
open_early(void **state)
{
    struct app *app = calloc(1, sizeof *app);
    struct px_target target;
    struct px_err err;
    char path[600];
    snprintf(path, sizeof path, "%s/canned.pxs", golden_folder);
    assert_int_equal(px_target_parse(path, &target, &err), PX_OK);
    assert_int_equal(app_init(app, false, &err), PX_OK);
    assert_int_equal(app_open(app, &target, 0, &err), PX_OK);
    app_resize(app, 24, 80);
    *state = app;
    return 0;
}

static int
open_app(void **state)
{
    open_early(state);
    settle(*state);
    return 0;
}

static int
close_app(void **state)
{
    app_done(*state);
    free(*state);
    return 0;
}

static unsigned
press_all(struct app *app, const char *keys, bool is_patient)
{
    char copy[200];
    char *rest = NULL;
    unsigned reaction = 0;
    snprintf(copy, sizeof copy, "%s", keys);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        if (word[0] == '\'') {
            for (const char *at = word + 1; *at != '\0'; at++)
                reaction = app_key(app, *at == '_' ? ' ' : *at);
        } else {
            int32_t key = keymap_parse(word);
            assert_true(key != 0);
            reaction = app_key(app, key);
        }
        if (is_patient)
            settle(app);
    }
    return reaction;
}

/* Words are names of keys; what starts with ' is typed. */
static unsigned
press(struct app *app, const char *keys)
{
    return press_all(app, keys, true);
}

/* The same, faster than the explorer answers. */
static void
type_ahead(struct app *app, const char *keys)
{
    press_all(app, keys, false);
}

static char *
drawn(struct app *app)
{
    app_draw(app);
    return screen_dump(&app->screen);
}

static bool
shows(struct app *app, const char *text)
{
    char *dump = drawn(app);
    bool is_there = strstr(dump, text) != NULL;
    free(dump);
    return is_there;
}

#define assert_shows(app, text)                                                \
    do {                                                                       \
        char *dump_ = drawn(app);                                              \
        if (strstr(dump_, text) == NULL)                                       \
            fail_msg("no '%s' in\n%s", text, dump_);                           \
        free(dump_);                                                           \
    } while (0)

static void
go(struct app *app, const char *place)
{
    action_run(app, ACT_GOTO, place);
    settle(app);
}

/* ---- golden screens ---- */

static void
check_golden(struct app *app, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s-%dx%d.txt", golden_folder, name,
             app->screen.cols, app->screen.rows);
    char *dump = drawn(app);
    char text[70000];
    snprintf(text, sizeof text, "%scursor %d,%d\n", dump,
             app->screen.cursor_row, app->screen.cursor_col);
    free(dump);
    if (getenv("UPDATE") != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
        return;
    }
    static char expected[70000];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s is missing: UPDATE=1 makes it", path);
    size_t n = fread(expected, 1, sizeof expected - 1, file);
    expected[n] = '\0';
    fclose(file);
    if (strcmp(text, expected) != 0)
        fail_msg("%s differs; now it is\n%s", path, text);
}

/* Each view by its place or keys; the same at both sizes. */
static const struct {
    const char *name;
    const char *place;
    const char *keys;
} screens[] = {
    {"types", "types", ""},
    {"types-filter", "types", "f 'server"},
    {"types-search", "types", "/ 'connection Enter"},
    {"instances", "instances:server.Connection", ""},
    {"object", "instances:server.Connection", "j Enter"},
    {"object-referents", "instances:server.Connection", "j Enter o"},
    {"groups", "path:server.Connection", ""},
    {"holders", "holders:server.Connection", ""},
    {"dominators", "dominators", ""},
    {"dominators-group", "dominators", "End Right End"},
    {"cycles", "cycles", ""},
    {"threads", "threads", ""},
    {"growth", "growth", ""},
    {"duplicates", "duplicates", ""},
    {"suspects", "suspects", ""},
    {"path", "instances:server.Connection", "j p"},
    {"cycle", "path:server.Connection", "j Enter"},
    {"gc", "gc", ""},
    {"garbage", "garbage", ""},
    {"log", "log", ""},
    {"help", "help", ""},
    {"command", "types", ": 'gc-"},
};

static void
check_all(struct app *app, int rows, int cols)
{
    app_resize(app, rows, cols);
    for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++) {
        go(app, screens[i].place);
        press(app, screens[i].keys);
        app->message[0] = '\0';
        check_golden(app, screens[i].name);
        if (app->prompt.kind != PROMPT_NONE)
            press(app, "Esc");
        press(app, "Esc Esc Esc");
    }
}

static void
test_golden_80x24(void **state)
{
    check_all(*state, 24, 80);
}

static void
test_golden_120x40(void **state)
{
    check_all(*state, 40, 120);
}

/* Below 60 columns panes stand one below the other; nothing is torn. */
static void
test_golden_small(void **state)
{
    struct app *app = *state;
    app_resize(app, 16, 50);
    go(app, "instances:server.Connection");
    press(app, "j Enter");
    check_golden(app, "object");
}

static void
test_golden_ascii(void **state)
{
    struct app *app = *state;
    app->screen.ascii = true;
    go(app, "instances:server.Connection");
    press(app, "j Enter");
    check_golden(app, "object-ascii");
    char *dump = drawn(app);
    for (const char *at = dump; *at != '\0'; at++)
        assert_true((unsigned char)*at < 0x80);
    free(dump);
}

/* Every view at every size down to nothing: the sanitizers watch, and the
 * selected row is seen. */
static void
test_any_size(void **state)
{
    static const int sizes[][2] = {
        {1, 1},   {2, 80}, {5, 24}, {6, 24},  {7, 30},   {10, 40}, {12, 59},
        {24, 60}, {9, 99}, {8, 40}, {8, 100}, {50, 200}, {3, 300}};
    struct app *app = *state;
    for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++) {
        go(app, screens[i].place);
        press(app, screens[i].keys);
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            app_resize(app, sizes[k][0], sizes[k][1]);
            app_draw(app);
            assert_true(app->screen.cursor_row < app->screen.rows);
            if (sizes[k][0] >= 6 && sizes[k][1] >= 24)
                assert_true(view_list(app_view(app))->body_rows > 0);
        }
        app_resize(app, 24, 80);
        press(app, "Esc Esc Esc");
    }
}

/* ---- the main job: types → Connection → an instance → path ---- */

static void
test_finds_the_leak(void **state)
{
    struct app *app = *state;
    press(app, "/ 'server.Connection Enter n");
    assert_shows(app, "server.Connection");
    go(app, "types");
    press(app, "f 'server.connection_!handler Enter");
    assert_shows(app, "filter server.connection !handler hides");
    press(app, "Enter");
    assert_shows(app, "types › server.Connection");
    assert_shows(app, "_CONNECTIONS[");
    press(app, "Enter");
    assert_shows(app, "referred to by");
    assert_shows(app, "module server");
    press(app, "p");
    assert_shows(app, "› path");
    press(app, "h h H");
    assert_shows(app, "types › server.Connection › holders");
    assert_shows(app, "module server");
    assert_shows(app, "_CONNECTIONS");
    assert_shows(app, ".handler → .connection");
    assert_shows(app, "only their cycle holds them");
}

/* Rows open and close, also what was opened before a newer snapshot came. */
static void
test_holders_fold(void **state)
{
    struct app *app = *state;
    struct px_err err;
    char path[600];
    go(app, "holders:server.Connection");
    struct list *list = view_list(app_view(app));
    uint32_t all = list->n_rows;
    assert_true(all > 4);
    press(app, "Left");
    uint32_t folded = list->n_rows;
    assert_true(folded < all);
    assert_int_equal(list->cursor, 0);
    assert_shows(app, "▸ module server");
    snprintf(path, sizeof path, "%s/canned.pxs", golden_folder);
    assert_non_null(store_read(&app->store, path, &err));
    settle(app);
    list = view_list(app_view(app));
    assert_int_equal(app_view(app)->snapshot->number, 2);
    assert_int_equal(list->n_rows, folded);
    press(app, "Right");
    assert_int_equal(list->n_rows, all);
    press(app, "l");
    assert_int_equal(list->cursor, 1);
    /* Enter goes to the object at the row, not to one that it leads to. */
    press(app, "Enter");
    assert_string_equal(
        px_type_name(app_view(app)->snapshot->graph, app_view(app)->type),
        "list");
    press(app, "Backspace S s");
    assert_shows(app, "a tree stays in its own order");
    assert_int_equal(view_list(app_view(app))->n_rows, all);
    /* Left on an open row closes it, then goes up, then back. */
    press(app, "h h h h");
    assert_false(shows(app, "› holders"));
}

/* d goes to where an object stands in the tree of dominators, and back. */
static void
test_dominators(void **state)
{
    struct app *app = *state;
    struct px_err err;
    const struct snapshot *snapshot = store_latest(&app->store);
    assert_non_null(snapshot->dominators);
    go(app, "instances:server.Connection");
    press(app, "j j j Enter");
    px_node node = app_view(app)->node;
    assert_shows(app, "dominated by ");
    assert_shows(app, ", retains ");
    press(app, "d");
    assert_int_equal(app_view(app)->place.view, VIEW_DOMINATORS);
    struct subject subject = list_subject(view_list(app_view(app)));
    assert_int_equal(subject.kind, SUBJECT_NODE);
    assert_int_equal(subject.node, node);
    /* Up the tree: each row is the dominator of the one before. */
    press(app, "h h");
    subject = list_subject(view_list(app_view(app)));
    assert_true(subject.kind == SUBJECT_NODE && subject.node != node);
    press(app, "Enter");
    assert_int_equal(app_view(app)->place.view, VIEW_OBJECT);
    /* What was folded stays so in a newer snapshot. */
    go(app, "dominators");
    press(app, "g Left");
    uint32_t folded = view_list(app_view(app))->n_rows;
    char path[600];
    snprintf(path, sizeof path, "%s/canned.pxs", golden_folder);
    assert_non_null(store_read(&app->store, path, &err));
    settle(app);
    assert_int_equal(app_view(app)->snapshot->number, 2);
    assert_int_equal(view_list(app_view(app))->n_rows, folded);
    press(app, "Right");
    assert_true(view_list(app_view(app))->n_rows > folded);
}

/* A cycle opens to its references, with the one to cut. */
static void
test_cycles(void **state)
{
    struct app *app = *state;
    press(app, "O");
    assert_int_equal(app_view(app)->place.view, VIEW_CYCLES);
    assert_shows(app, "20 cycles of 1.9 KiB wait for the collector");
    assert_shows(app, "▾ Connection  .handler → .connection");
    assert_shows(app, "▶ .connection → Connection");
    uint32_t all = view_list(app_view(app))->n_rows;
    press(app, "Left");
    assert_int_equal(view_list(app_view(app))->n_rows, all - 2);
    press(app, "Right j j Enter");
    assert_int_equal(app_view(app)->place.view, VIEW_OBJECT);
    assert_string_equal(
        px_type_name(app_view(app)->snapshot->graph, app_view(app)->type),
        "server.Connection");
}

/* Threads open to frames, these to locals; each row is an object. */
static void
test_threads(void **state)
{
    struct app *app = *state;
    press(app, "F");
    assert_shows(app, "2 threads");
    press(app, "/ 'local_conn Enter Enter");
    assert_int_equal(app_view(app)->place.view, VIEW_OBJECT);
    assert_shows(app, "thread worker-3");
    press(app, "h g Left");
    assert_shows(app, "▸ thread worker-3");
    assert_false(shows(app, "local batch"));
}

/* Without retained sizes there is a word about it, and a way to them. */
static void
test_dominators_can_be_cancelled(void **state)
{
    struct app *app = *state;
    struct px_err err;
    char path[600];
    snprintf(path, sizeof path, "%s/canned.pxs", golden_folder);
    assert_non_null(store_read(&app->store, path, &err));
    for (;;) {
        assert_int_equal(px_loop_step(app->loop, 1000, &err), PX_OK);
        app_collect(app);
        const struct snapshot *latest = store_latest(&app->store);
        if (latest->number == 2 && latest->paths != NULL)
            break;
    }
    struct snapshot *snapshot = store_latest(&app->store);
    app_key(app, KEYS_ESC);
    settle(app);
    if (snapshot->dominators == NULL) {
        assert_string_equal(snapshot->no_dominators, "cancelled");
        go(app, "types");
        assert_shows(app, "  -\n");
    }
    press(app, "d");
    assert_non_null(snapshot->dominators);
    assert_true(view_list(app_view(app))->n_rows > 0);
}

static void
test_back_and_forward(void **state)
{
    struct app *app = *state;
    char before[PLACE_TEXT], after[PLACE_TEXT];
    go(app, "instances:server.Connection");
    press(app, "j j j");
    struct place place = view_place(app_view(app));
    place_text(&place, sizeof before, before);
    press(app, "Enter Tab j Enter");
    press(app, "Backspace Backspace");
    place = view_place(app_view(app));
    assert_string_equal(place_text(&place, sizeof after, after), before);
    press(app, "]");
    assert_int_equal(app_view(app)->place.view, VIEW_OBJECT);
    press(app, "[ [ [ [");
    assert_shows(app, "this is where you came in");
    /* A new way forgets what was ahead. */
    press(app, "G ]");
    assert_shows(app, "nothing further ahead");
}

/* History is bounded, and each place can be gone to as text. */
static void
test_long_history(void **state)
{
    struct app *app = *state;
    for (int i = 0; i < 3 * APP_HISTORY; i++)
        go(app, i % 2 == 0 ? "instances:dict" : "instances:list");
    assert_true(app->n_visits <= APP_HISTORY);
    for (int i = 0; i < APP_HISTORY; i++)
        press(app, "h");
    assert_int_equal(app->at, 0);
}

static void
test_goto(void **state)
{
    struct app *app = *state;
    press(app, ": 'goto_instances:Connection Enter");
    assert_shows(app, "types › server.Connection"); /* by its last part */
    press(app, "j j y");
    assert_shows(app, "copied  1:instances:server.Connection@");
    char copied[PLACE_TEXT];
    struct place place = view_place(app_view(app));
    place_text(&place, sizeof copied, copied);
    uint64_t cursor = view_list(app_view(app))->cursor_id;
    press(app, "T");
    go(app, copied);
    assert_int_equal(view_list(app_view(app))->cursor_id, cursor);
    go(app, "instances:Conection");
    assert_shows(app, "did you mean");
    go(app, "object:1");
    assert_shows(app, "there is no object at 1");
    go(app, "9:types");
    assert_shows(app, "snapshot 9 is not");
}

static void
test_filter_follows_the_keys(void **state)
{
    struct app *app = *state;
    struct list *list = view_list(app_view(app));
    uint32_t all = list->n_rows;
    press(app, "f 'dict");
    assert_true(list->n_rows < all);
    assert_true(app->prompt.kind == PROMPT_FILTER);
    press(app, "Esc");
    assert_int_equal(list->n_rows, all);
    press(app, "f '>10% Enter");
    assert_true(list->n_rows > 0 && list->n_rows < 5);
    press(app, "f '> Enter");
    assert_shows(app, "a number must follow");
    press(app, "f Enter");
    assert_int_equal(list->n_rows, all);
}

/* Help begins with the keys of the view that one came from, also when it is
 * made anew. */
static void
test_help_begins_here(void **state)
{
    struct app *app = *state;
    struct px_err err;
    char path[600];
    snprintf(path, sizeof path, "%s/canned.pxs", golden_folder);
    go(app, "gc");
    press(app, "?");
    assert_shows(app, "▌Here: gc");
    assert_shows(app, "   e                       :gc-switch");
    assert_non_null(store_read(&app->store, path, &err));
    settle(app);
    assert_shows(app, "▌Here: gc");
    /* A row that leads nowhere is told in full. */
    press(app, "/ 'unfold Enter Enter");
    assert_shows(app, "Right (trees), l (trees)  :unfold");
    go(app, "log");
    press(app, "?");
    assert_shows(app, "▌Here: log");
    /* q and ? end the help, and the bar says so */
    assert_shows(app, " q back ");
    assert_shows(app, " m mark  a auto  G gc\n");
    press(app, "q");
    assert_shows(app, " TIME ");
    press(app, "?");
    assert_shows(app, "▌Here: log");
    press(app, "?");
    assert_shows(app, " TIME ");
    assert_shows(app, "? help  q quit");
}

/* Esc while a file is read leaves nothing to look at; r does what it says. */
static void
test_a_file_can_be_read_again(void **state)
{
    struct app *app = *state;
    app_key(app, KEYS_ESC);
    settle(app);
    if (store_latest(&app->store) == NULL)
        assert_shows(app, "Press r to take one.");
    press(app, "r");
    assert_shows(app, "26 types");
}

/* What tells names apart, and where one is, stands at their end. */
static void
test_ends_of_names_are_kept(void **state)
{
    struct app *app = *state;
    go(app, "types");
    press(app, "f 'builtin_!x Enter");
    app_resize(app, 24, 30);
    assert_shows(app, "▌…");
    assert_shows(app, "n_or_method ");
    press(app, "Esc");
    go(app, "holders:server.ConnectionHandler");
    app_resize(app, 24, 34);
    assert_shows(app, "\n …");
    assert_shows(app, "› holders");
    app_resize(app, 24, 80);
}

/* What to do stands at the end of a question or a message: it is not cut. */
static void
test_long_lines_are_whole(void **state)
{
    struct app *app = *state;
    press(app, "End");
    app_say(app, ROLE_ERROR, "%s",
            "snapshot: the target has no room: 12.3 MiB of 512.0 MiB are left "
            "in /sys/fs/cgroup/app.slice, and 64 MiB are needed; take it when "
            "there is more");
    assert_shows(app, "there is more\n");
    assert_shows(app, "▌"); /* the selected row, too */
    assert_shows(app, "? help  q quit");
    prompt_open(&app->prompt, PROMPT_CONFIRM,
                "gc.unfreeze() moves all frozen objects, those that the target "
                "froze too, into the oldest generation. Do it? y/n",
                "", ACT_GC_UNFREEZE);
    assert_shows(app, "Do it? y/n\n");
    assert_int_equal(app->screen.cursor_row, 22);
    press(app, "n");
}

/* Who types more than there is room for sees the end of it. */
static void
test_a_long_prompt_shows_its_cursor(void **state)
{
    struct app *app = *state;
    press(app, ": 'save-screen_");
    for (int i = 0; i < 12; i++)
        press(app, "'/a-long-folder");
    press(app, "'/end");
    assert_shows(app, "/end\n");
    assert_true(app->screen.cursor_col < 79);
    press(app, "Home");
    assert_shows(app, " :save-screen /a-long");
    press(app, "Esc");
}

/* The cell that `text` begins in, at the first row that has it. */
static const struct cell *
cell_of(struct app *app, const char *text)
{
    const struct screen *screen = &app->screen;
    app_draw(app);
    for (int row = 0; row < screen->rows; row++) {
        for (int col = 0; col < screen->cols; col++) {
            const struct cell *cell = &screen->cells[row * screen->cols + col];
            size_t n = 0;
            while (text[n] != '\0' && cell[n].text[0] == text[n])
                n++;
            if (text[n] == '\0')
                return cell;
        }
    }
    return NULL;
}

/* Also where the beginning of the text is cut. */
static void
test_what_was_found_is_marked(void **state)
{
    struct app *app = *state;
    go(app, "duplicates");
    press(app, "/ 'CACHE Enter");
    const struct cell *cell = cell_of(app, "CACHE");
    assert_non_null(cell);
    assert_int_equal(cell[0].role, ROLE_MATCH);
    assert_int_equal(cell[4].role, ROLE_MATCH);
    assert_int_not_equal(cell[-1].role, ROLE_MATCH);
    assert_int_not_equal(cell[5].role, ROLE_MATCH);
    press(app, "Esc");
}

static void
test_search_can_be_left(void **state)
{
    struct app *app = *state;
    struct list *list = view_list(app_view(app));
    press(app, "j j");
    uint32_t before = list->cursor;
    press(app, "/ 'handler");
    assert_true(list->cursor != before);
    press(app, "Esc");
    assert_int_equal(list->cursor, before);
    press(app, "/ 'nowhere Enter");
    assert_shows(app, "no row has nowhere");
    assert_int_equal(list->cursor, before);
    press(app, "n");
    assert_shows(app, "no row has nowhere");
}

/* `/Connection⏎H`, typed while the snapshot was on its way, opened the
 * holders of another type: the search had no rows yet to find it in. */
static void
test_keys_wait_for_their_row(void **state)
{
    struct app *app = *state;
    type_ahead(app, "/ 'ConnectionHandler Enter H");
    assert_int_equal(app->ahead.n, 1);
    assert_shows(app, "1 key waiting");
    settle(app);
    assert_int_equal(app->ahead.n, 0);
    assert_shows(app, "ConnectionHandler › holders");
    /* and what opens below is as well typed ahead */
    press(app, "T g");
    type_ahead(app, "/ 'Connection Enter Enter Enter");
    settle(app);
    assert_int_equal(app_view(app)->place.view, VIEW_OBJECT);
    assert_non_null(strstr(
        px_type_name(app_view(app)->snapshot->graph, app_view(app)->type),
        "Connection"));
}

static void
test_keys_behind_a_failed_search_are_dropped(void **state)
{
    struct app *app = *state;
    type_ahead(app, "/ 'nowhere Enter Enter j");
    assert_int_equal(app->ahead.n, 2);
    settle(app);
    assert_int_equal(app_view(app)->place.view, VIEW_TYPES);
    assert_shows(app, "no row has nowhere: 2 keys after it are dropped");
    /* The same when all rows are there: nobody reads that fast. */
    type_ahead(app, "/ 'nowhere Enter H");
    settle(app);
    assert_int_equal(app_view(app)->place.view, VIEW_TYPES);
    assert_shows(app, "no row has nowhere: 1 key after it is dropped");
    type_ahead(app, "x"); /* bound to nothing */
    assert_shows(app, "x does nothing here");
    type_ahead(app, "j");
    assert_int_equal(view_list(app_view(app))->cursor, 1);
}

static void
test_keys_that_wait_can_be_dropped(void **state)
{
    struct app *app = *state;
    type_ahead(app, "Enter p");
    assert_int_equal(app->ahead.n, 2);
    type_ahead(app, "Esc");
    assert_int_equal(app->ahead.n, 0);
    settle(app);
    assert_int_equal(app_view(app)->place.view, VIEW_TYPES);
    /* what is not about a row does not wait */
    press(app, "L");
    assert_int_equal(app_view(app)->place.view, VIEW_LOG);
}

static void
test_a_place_waits_for_the_snapshot(void **state)
{
    struct app *app = *state;
    type_ahead(app, ": 'goto_instances:Connection Enter Enter");
    settle(app);
    assert_int_equal(app_view(app)->place.view, VIEW_OBJECT);
    assert_int_equal(press(app, "q"), REACT_QUIT);
}

static void
test_refuses_politely(void **state)
{
    struct app *app = *state;
    press(app, "r");
    assert_shows(app, "a file has no newer snapshot");
    press(app, "b");
    assert_shows(app, "choose an object first");
    press(app, "G c");
    assert_shows(app, "gc-collect needs a target");
    press(app, ": 'nonsense Enter");
    assert_shows(app, "there is no command nonsense");
    press(app, ": 'down_3 Enter");
    assert_shows(app, ":down takes nothing after it");
    press(app, "x");
    assert_shows(app, "x does nothing here");
    assert_int_equal(press(app, "q"), REACT_QUIT);
    assert_int_equal(press(app, "C-c"), REACT_QUIT);
    assert_true(press(app, "C-z") & REACT_SUSPEND);
}

static void
test_other_ways(void **state)
{
    struct app *app = *state;
    go(app, "instances:server.Connection");
    press(app, "Enter");
    if (shows(app, "way 1 of")) {
        press(app, ">");
        assert_shows(app, "way 2 of");
        press(app, "<");
        assert_shows(app, "way 1 of");
        press(app, "<");
        assert_false(shows(app, "way 1 of"));
    } else {
        press(app, ">");
        assert_shows(app, "no other way holds it");
    }
}

static void
test_panes(void **state)
{
    struct app *app = *state;
    go(app, "instances:server.Connection");
    press(app, "Enter");
    app_draw(app);
    int first = app_view(app)->focus;
    for (int i = 0; i < 4; i++) {
        press(app, "Tab");
        app_draw(app);
        assert_int_equal(app_view(app)->focus, (first + i + 1) % 4);
    }
    press(app, "S-Tab");
    assert_int_equal(app_view(app)->focus, (first + 3) % 4);
    /* in turn also where there is room for one only */
    app_resize(app, 6, 24);
    for (int i = 0; i < 4; i++) {
        app_draw(app);
        struct view *view = app_view(app);
        assert_int_equal(view->focus, (first + 3 + i) % 4);
        assert_int_equal(view->rects[view->focus].rows, 2);
        press(app, "Tab");
    }
    app_resize(app, 24, 80);
    app_draw(app);
    /* keys are about the object, wherever the row stands */
    press(app, "o");
    press(app, "b");
    app_draw(app);
    assert_string_equal(app_view(app)->ops->panes[app_view(app)->focus]->name,
                        "referred to by");
}

/* A pane that goes has no focus: keys would move what nobody sees. */
static void
test_focus_is_seen(void **state)
{
    struct app *app = *state;
    struct view *view = app_view(app);
    struct findings *findings = app->store.findings;
    char nothing[] = "";
    findings->n_items = 1; /* as if something were suspect */
    findings->items[0].sentence = findings->items[0].path = nothing;
    view_changed(view);
    app_draw(app);
    press(app, "Tab");
    app_draw(app);
    assert_string_equal(view_list(view)->ops->name, "process");
    findings->n_items = 0;
    view_changed(view);
    app_draw(app);
    assert_string_equal(view_list(view)->ops->name, "types");
}

static void
test_mouse(void **state)
{
    struct app *app = *state;
    app_draw(app);
    struct list *list = view_list(app_view(app));
    app_mouse(app, MOUSE_CLICK, list->row0 + 3, 10);
    assert_int_equal(list->cursor, 3);
    app_mouse(app, MOUSE_WHEEL_DOWN, 8, 10);
    assert_int_equal(list->cursor, 6);
    app_mouse(app, MOUSE_WHEEL_UP, 8, 10);
    assert_int_equal(list->cursor, 3);
    assert_string_equal(list->ops->columns[list->sort].title, "SIZE");
    app_mouse(app, MOUSE_CLICK, list->header_row, 5);
    assert_int_equal(list->sort, 0);
    assert_false(list->is_descending);
    app_draw(app);
    app_mouse(app, MOUSE_CLICK, list->header_row, 5);
    assert_true(list->is_descending);
    app_mouse(app, MOUSE_DOUBLE, list->row0 + 2, 10);
    settle(app);
    assert_int_equal(app_view(app)->place.view, VIEW_INSTANCES);
    /* the keys at the bottom are buttons */
    app_draw(app);
    bool has_help = false;
    for (int i = 0; i < app->n_bar; i++) {
        if (app->bar[i].action == ACT_HELP) {
            app_mouse(app, MOUSE_CLICK, 23, app->bar[i].col);
            has_help = true;
            break;
        }
    }
    assert_true(has_help);
    assert_int_equal(app_view(app)->place.view, VIEW_HELP);
    /* nowhere in particular */
    for (int row = -1; row <= 24; row++)
        app_mouse(app, MOUSE_CLICK, row, 79);
}

/* A second snapshot: the view follows, with filter and cursor. */
static void
test_follows_a_new_snapshot(void **state)
{
    struct app *app = *state;
    struct px_err err;
    char path[600];
    snprintf(path, sizeof path, "%s/canned.pxs", golden_folder);
    go(app, "instances:server.Connection");
    press(app, "f 'fd= Enter j j");
    uint64_t cursor = view_list(app_view(app))->cursor_id;
    for (unsigned number = 2; number < 9; number++) {
        assert_non_null(store_read(&app->store, path, &err));
        settle(app);
        struct view *view = app_view(app);
        assert_int_equal(view->snapshot->number, number);
        assert_int_equal(view_list(view)->cursor_id, cursor);
        assert_string_equal(view_list(view)->filter_text, "fd=");
        assert_true(app->store.n_snapshots <= STORE_KEEP + 1);
        if (number == 5) { /* a place that stays where it is */
            go(app, "4:types");
            assert_int_equal(app_view(app)->snapshot->number, 4);
            press(app, "h");
        }
    }
    press(app, "h h h h");
    assert_int_equal(app_view(app)->snapshot->number, 8);
}

/* What is looked at stays, beside the marked one, until one leaves it; and a
 * comparison of snapshots begins again when one of them goes. */
static void
test_what_is_shown_stays(void **state)
{
    struct app *app = *state;
    struct px_err err;
    char path[600];
    snprintf(path, sizeof path, "%s/canned.pxs", golden_folder);
    for (unsigned number = 2; number < 9; number++) {
        assert_non_null(store_read(&app->store, path, &err));
        assert_non_null(app_view(app));
        settle(app);
        if (number == 3)
            go(app, "2:instances:server.Connection");
        if (number == 5)
            type_ahead(app, "f 'fd="); /* while one types */
        if (number >= 3)
            assert_int_equal(app_view(app)->snapshot->number, 2);
        assert_int_equal(app->store.n_snapshots,
                         number < 4 ? number : STORE_KEEP + 1);
    }
    press(app, "Enter");
    action_run(app, ACT_GOTO, "7:growth");
    assert_non_null(app_view(app)->job);
    assert_non_null(store_read(&app->store, path, &err));
    assert_null(store_find(&app->store, 2));
    settle(app);
    assert_int_equal(app_view(app)->snapshot->number, 7);
    assert_shows(app, "over snapshots 1 and 7");
    press(app, "h");
    assert_shows(app, "snapshot 2 is no longer here: this is 9");
    assert_int_equal(view_list(app_view(app))->n_rows, 86);
}

/* Rows of the session that go while another place is shown. */
static void
test_garbage_goes_behind_another_place(void **state)
{
    struct app *app = *state;
    struct session *session = &app->session;
    session->garbage = json_pack("{s:i, s:[{s:s}, {s:s}]}", "count", 2,
                                 "objects", "type", "list", "type", "dict");
    press(app, "G g f 'list Enter");
    assert_int_equal(app_view(app)->place.view, VIEW_GARBAGE);
    assert_shows(app, "filter list hides 1 ");
    press(app, "L");
    json_decref(session->garbage);
    session->garbage =
        json_pack("{s:i, s:[{s:s}]}", "count", 1, "objects", "type", "dict");
    session->events.changed(session->events.context);
    press(app, "h");
    assert_shows(app, "filter list hides 1 ");
    assert_int_equal(view_list(app_view(app))->n_rows, 0);
}

/* Changes are counted from the mark; the marked snapshot does not go. */
static void
test_mark(void **state)
{
    struct app *app = *state;
    struct px_err err;
    char path[600];
    snprintf(path, sizeof path, "%s/canned.pxs", golden_folder);
    assert_false(shows(app, "+MARK"));
    assert_int_equal(app->history.marked, 1);
    for (int i = 0; i < 2; i++) {
        assert_non_null(store_read(&app->store, path, &err));
        settle(app);
        assert_shows(app, "+MARK");
    }
    press(app, "m");
    assert_shows(app, "snapshot 3 is marked");
    assert_int_equal(app->store.kept, 3);
    assert_false(shows(app, "+MARK  "));
    for (int i = 0; i < 5; i++) {
        assert_non_null(store_read(&app->store, path, &err));
        settle(app);
    }
    assert_non_null(store_find(&app->store, 3));
    assert_null(store_find(&app->store, 4));
    assert_int_equal(app->history.n_rounds, 8);
    press(app, "a");
    assert_shows(app, "auto needs a target");
}

/* A small snapshot arrives as from a target; its types begin with `letter`. */
static struct snapshot *
arrive(struct app *app, char letter)
{
    struct px_err err;
    const struct rg_options options = {.nodes = 40, .edges = 80, .roots = 2};
    struct rg *rg = rg_random_graph(1, &options);
    struct rg_chunks chunks = {0}, renamed = {0};
    struct snapshot *snapshot = store_begin(&app->store, &err);
    rg_write(rg, 0, &chunks);
    for (size_t i = 0; i < chunks.n; i++) {
        struct px_buf *chunk = &chunks.chunks[i];
        bool is_types = chunk->data[0] == PX_CHUNK_TYPES;
        uint8_t *body = chunk->data + PX_CHUNK_HEAD_BYTES;
        size_t n_bytes = chunk->len - PX_CHUNK_HEAD_BYTES;
        for (size_t k = 0; is_types && k < n_bytes; k++)
            body[k] = body[k] == 'T' ? (uint8_t)letter : body[k];
        rg_add_chunk(&renamed, chunk->data[0], body, n_bytes);
        chunk = &renamed.chunks[i];
        assert_int_equal(
            store_chunk(&app->store, snapshot, chunk->data, chunk->len, &err),
            PX_OK);
    }
    rg_chunks_free(&chunks);
    rg_chunks_free(&renamed);
    rg_free(rg);
    view_changed(app_view(app));
    return snapshot;
}

static int
open_nothing(void **state)
{
    struct app *app = calloc(1, sizeof *app);
    struct px_err err;
    assert_int_equal(app_init(app, false, &err), PX_OK);
    app_resize(app, 24, 80);
    *state = app;
    return 0;
}

/* After a snapshot that failed as it came the next one has its own names. */
static void
test_types_are_of_the_snapshot_that_comes(void **state)
{
    struct app *app = *state;
    const struct place types = {.view = VIEW_TYPES};
    assert_true(app_go(app, &types));
    store_fail(&app->store, arrive(app, 'T'), "cancelled");
    assert_shows(app, "m.T1 ");
    store_fail(&app->store, arrive(app, 'U'), "cancelled");
    assert_shows(app, "m.U1 ");
    assert_false(shows(app, "m.T1 "));
}

/* A file that is none, or broken: said, nothing shown, nothing crashes. */
static void
test_bad_file(void **state)
{
    struct app *app = *state;
    struct px_err err;
    char path[600];
    snprintf(path, sizeof path, "%s/README.md", golden_folder);
    assert_non_null(store_read(&app->store, path, &err));
    settle(app);
    assert_shows(app, "no snapshot:");
    assert_int_equal(app_view(app)->snapshot->number, 1);
}

int
main(int argc, char *argv[])
{
    char here[] = __FILE__;
    (void)argc;
    (void)argv;
    snprintf(golden_folder, sizeof golden_folder, "%s/golden", dirname(here));
    setenv("TZ", "UTC", 1);
    tzset();
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_app, close_app)
#define TEST_EARLY(name)                                                       \
    cmocka_unit_test_setup_teardown(name, open_early, close_app)
    const struct CMUnitTest tests[] = {
        TEST(test_golden_80x24),
        TEST(test_golden_120x40),
        TEST(test_golden_small),
        TEST(test_golden_ascii),
        TEST(test_any_size),
        TEST(test_finds_the_leak),
        TEST(test_holders_fold),
        TEST(test_dominators),
        TEST(test_dominators_can_be_cancelled),
        TEST(test_cycles),
        TEST(test_threads),
        TEST(test_back_and_forward),
        TEST(test_long_history),
        TEST(test_goto),
        TEST(test_filter_follows_the_keys),
        TEST(test_help_begins_here),
        TEST_EARLY(test_a_file_can_be_read_again),
        TEST(test_ends_of_names_are_kept),
        TEST(test_long_lines_are_whole),
        TEST(test_a_long_prompt_shows_its_cursor),
        TEST(test_what_was_found_is_marked),
        TEST(test_search_can_be_left),
        TEST_EARLY(test_keys_wait_for_their_row),
        TEST_EARLY(test_keys_behind_a_failed_search_are_dropped),
        TEST_EARLY(test_keys_that_wait_can_be_dropped),
        TEST_EARLY(test_a_place_waits_for_the_snapshot),
        TEST(test_refuses_politely),
        TEST(test_other_ways),
        TEST(test_panes),
        TEST(test_focus_is_seen),
        TEST(test_mouse),
        TEST(test_follows_a_new_snapshot),
        TEST(test_what_is_shown_stays),
        TEST(test_garbage_goes_behind_another_place),
        TEST(test_mark),
        TEST(test_bad_file),
        cmocka_unit_test_setup_teardown(
            test_types_are_of_the_snapshot_that_comes, open_nothing, close_app),
    };
    return cmocka_run_group_tests_name("tui_views", tests, NULL, NULL);
}
