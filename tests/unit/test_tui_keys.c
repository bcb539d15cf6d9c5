/* test_tui_keys.c — keys, actions, places, filters and the prompt: every fact
 * stands once, everything can be reached, everything is documented.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tui/filter.h"
#include "tui/keymap.h"
#include "tui/options.h"
#include "tui/prompt.h"
#include "tui/sequence.h"
#include "tui/theme.h"

/* ---- keys ---- */

static void
test_no_key_is_bound_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_key_bindings; i++) {
        int32_t key = keymap_parse(key_bindings[i].key);
        if (key == 0)
            fail_msg("'%s' is no key", key_bindings[i].key);
        for (size_t k = 0; k < i; k++) {
            if (key_bindings[k].view == key_bindings[i].view &&
                keymap_parse(key_bindings[k].key) == key)
                fail_msg("%s is bound twice", key_bindings[i].key);
        }
    }
}

static void
test_key_names_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_key_bindings; i++) {
        char name[16];
        int32_t key = keymap_parse(key_bindings[i].key);
        assert_int_equal(keymap_parse(keymap_name(key, sizeof name, name)),
                         key);
    }
    assert_int_equal(keymap_parse("C-d"), 4);
    assert_int_equal(keymap_parse("Enter"), '\r');
    assert_int_equal(keymap_parse("NoSuchKey"), 0);
}

static bool
is_bound(enum action_id action)
{
    for (size_t i = 0; i < n_key_bindings; i++) {
        if (key_bindings[i].action == action)
            return true;
    }
    return false;
}

/* Every action has a key, or is a command that needs no key. */
static void
test_every_action_can_be_reached(void **state)
{
    static const enum action_id commands_only[] = {ACT_GOTO, ACT_SAVE_SCREEN};
    (void)state;
    for (int i = 0; i < ACT_END; i++) {
        bool is_group = actions[i].name[0] == '\0';
        bool is_command = false;
        for (size_t k = 0; k < 2; k++)
            is_command = is_command || commands_only[k] == (enum action_id)i;
        if (!is_group && is_bound((enum action_id)i) == is_command)
            fail_msg(":%s has %s key", actions[i].name,
                     is_command ? "a" : "no");
        if (is_group)
            assert_false(is_bound((enum action_id)i));
    }
}

static void
test_every_action_is_documented(void **state)
{
    (void)state;
    for (int i = 0; i < ACT_END; i++) {
        if (strlen(actions[i].help) < 4)
            fail_msg("action %d has no help", i);
        for (int k = 0; k < i; k++) {
            if (actions[i].name[0] != '\0' &&
                strcmp(actions[i].name, actions[k].name) == 0)
                fail_msg("two actions are called %s", actions[i].name);
        }
    }
    /* A key in the bar has words beside it. */
    for (size_t i = 0; i < n_key_bindings; i++) {
        const struct key_binding *binding = &key_bindings[i];
        if (binding->label != NULL && binding->label[0] == '\0' &&
            actions[binding->action].label[0] == '\0')
            fail_msg("%s has no label in the bar", binding->key);
    }
}

static void
test_views_shadow_general_keys(void **state)
{
    (void)state;
    assert_int_equal(keymap_find(VIEW_TYPES, 'g'), ACT_TOP);
    assert_int_equal(keymap_find(VIEW_GC, 'g'), ACT_GARBAGE);
    assert_int_equal(keymap_find(VIEW_OBJECT, '<'), ACT_WAY_BEFORE);
    assert_int_equal(keymap_find(VIEW_LOG, '<'), ACT_END);
    char keys[80];
    assert_string_equal(keymap_keys(VIEW_END, ACT_DOWN, sizeof keys, keys),
                        "j Down");
}

/* Whoever cannot leave is caught. */
static void
test_every_view_can_be_left(void **state)
{
    (void)state;
    for (int view = 0; view < VIEW_END; view++) {
        bool is_help = view == VIEW_HELP;
        assert_int_equal(keymap_find((enum view_id)view, 'q'),
                         is_help ? ACT_BACK : ACT_QUIT);
        assert_int_equal(keymap_find((enum view_id)view, 3), ACT_QUIT);
        assert_int_equal(keymap_find((enum view_id)view, KEYS_BACKSPACE),
                         ACT_BACK);
        assert_int_equal(keymap_find((enum view_id)view, '?'),
                         is_help ? ACT_BACK : ACT_HELP);
    }
}

static void
test_markdown_has_every_action(void **state)
{
    char *text = NULL;
    size_t n = 0;
    (void)state;
    FILE *file = open_memstream(&text, &n);
    keymap_markdown(file);
    fclose(file);
    for (int i = 0; i < ACT_END; i++) {
        char command[64];
        snprintf(command, sizeof command, "`:%s`", actions[i].name);
        if (actions[i].name[0] != '\0' && strstr(text, command) == NULL)
            fail_msg("%s is missing", command);
        assert_non_null(strstr(text, actions[i].help));
    }
    assert_non_null(strstr(text, "| `H` | `:holders` |"));
    free(text);
}

static void
test_actions_by_name(void **state)
{
    (void)state;
    assert_int_equal(action_find("goto"), ACT_GOTO);
    assert_int_equal(action_find("got"), ACT_GOTO);
    assert_int_equal(action_find("gc"), ACT_GC);
    assert_int_equal(action_find("gc-s"), ACT_END); /* more than one */
    assert_int_equal(action_find(""), ACT_END);
    assert_int_equal(action_find("nothing"), ACT_END);
}

/* ---- places ---- */

static void
check_place(const char *text, const char *expected)
{
    struct place place;
    struct px_err err;
    char again[PLACE_TEXT];
    assert_int_equal(place_parse(text, &place, &err), PX_OK);
    assert_string_equal(place_text(&place, sizeof again, again), expected);
    struct place second;
    assert_int_equal(place_parse(again, &second, &err), PX_OK);
    assert_true(place_is_same(&place, &second));
    assert_int_equal(place.cursor, second.cursor);
}

static void
test_places_round_trip(void **state)
{
    (void)state;
    check_place("types", "types");
    check_place("7:types@ff", "7:types@ff");
    check_place("object:0x7f3a5c0d2e40", "object:7f3a5c0d2e40");
    check_place("7:instances:server.Connection@7f3a5c0d2e40",
                "7:instances:server.Connection@7f3a5c0d2e40");
    check_place("instances:dict", "instances:dict@0");
    /* names may have what separates parts */
    check_place("instances:a:b@c@0", "instances:a:b@c@0");
    check_place("path:<locals>.X@1", "path:<locals>.X@1");
    check_place("path:7f00", "path:7f00");
}

static void
test_bad_places(void **state)
{
    static const char *const bad[] = {
        "",           "nowhere", "object",   "object:zz",
        "types:dict", "1:2:gc:", "0x:types", "object:11112222333344445",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct place place = {.cursor = 99};
        struct px_err err = {.status = PX_OK};
        if (place_parse(bad[i], &place, &err) == PX_OK)
            fail_msg("'%s' was taken for a place", bad[i]);
        assert_int_equal(place.cursor, 99); /* nothing was written */
        assert_true(err.msg[0] != '\0');
    }
}

/* ---- filters ---- */

static struct filter
filter_of(const char *text)
{
    struct filter filter;
    struct px_err err;
    assert_int_equal(filter_parse(text, &filter, &err), PX_OK);
    return filter;
}

static void
test_filter_texts(void **state)
{
    (void)state;
    struct filter filter = filter_of("conn");
    assert_true(filter_text_passes(&filter, "server.Connection"));
    filter = filter_of("Conn"); /* a capital: exactly so */
    assert_false(filter_text_passes(&filter, "server.connection"));
    filter = filter_of("conn !handler");
    assert_true(filter_text_passes(&filter, "Connection"));
    assert_false(filter_text_passes(&filter, "ConnectionHandler"));
    filter = filter_of("<module>"); /* a type's name, no figure */
    assert_true(filter_text_passes(&filter, "<module>"));
    filter = filter_of("");
    assert_true(filter_text_passes(&filter, "anything"));
    assert_int_equal(filter.n_terms, 0);
}

static void
test_filter_figures(void **state)
{
    (void)state;
    struct filter filter = filter_of(">1k");
    assert_true(filter_figure_passes(&filter, 1025, 0, true));
    assert_false(filter_figure_passes(&filter, 1024, 0, true));
    assert_true(filter_figure_passes(&filter, 1001, 0, false));
    assert_false(filter_figure_passes(&filter, 1000, 0, false));
    filter = filter_of(">5% <50%");
    assert_true(filter_figure_passes(&filter, 6, 100, true));
    assert_false(filter_figure_passes(&filter, 5, 100, true));
    assert_false(filter_figure_passes(&filter, 50, 100, true));
    filter = filter_of(">1.5M");
    assert_true(filter_figure_passes(&filter, 1572865, 0, true));
    assert_false(filter_figure_passes(&filter, 1572864, 0, true));
}

static void
test_bad_filters(void **state)
{
    static const char *const bad[] = {">", ">x", ">1q", "<-1", ">1%%", ">nan"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct filter filter;
        struct px_err err = {.status = PX_OK};
        if (filter_parse(bad[i], &filter, &err) != PX_EINVAL)
            fail_msg("'%s' was taken for a filter", bad[i]);
        assert_true(err.msg[0] != '\0');
    }
}

/* ---- the prompt ---- */

static void
type(struct prompt *prompt, const char *text)
{
    for (; *text != '\0'; text++)
        prompt_key(prompt, *text);
}

static void
test_prompt_edits(void **state)
{
    struct prompt prompt = {.kind = PROMPT_NONE};
    (void)state;
    prompt_open(&prompt, PROMPT_FILTER, "filter: ", "", ACT_FILTER);
    type(&prompt, "abd");
    prompt_key(&prompt, KEYS_LEFT);
    prompt_key(&prompt, 'c');
    assert_string_equal(prompt.text, "abcd");
    prompt_key(&prompt, 0x20ac); /* three bytes */
    assert_string_equal(prompt.text, "abc€d");
    prompt_key(&prompt, KEYS_BACKSPACE);
    assert_string_equal(prompt.text, "abcd");
    prompt_key(&prompt, KEYS_HOME);
    prompt_key(&prompt, KEYS_DELETE);
    assert_string_equal(prompt.text, "bcd");
    prompt_key(&prompt, KEYS_END);
    type(&prompt, " efg");
    prompt_key(&prompt, 'W' - 64);
    assert_string_equal(prompt.text, "bcd ");
    prompt_key(&prompt, 'U' - 64);
    assert_string_equal(prompt.text, "");
    assert_int_equal(prompt_key(&prompt, KEYS_BACKSPACE), PROMPT_LEFT);
    assert_int_equal(prompt_key(&prompt, KEYS_ESC), PROMPT_LEFT);
    assert_int_equal(prompt_key(&prompt, KEYS_ENTER), PROMPT_DONE);
    for (int i = 0; i < 2 * PROMPT_TEXT; i++)
        prompt_key(&prompt, 'x');
    assert_int_equal(strlen(prompt.text), PROMPT_TEXT - 1);
}

/* What Tab makes of the text. */
static const char *
completed(struct prompt *prompt, const char *text,
          const struct words_source *source)
{
    struct words words;
    prompt_open(prompt, PROMPT_COMMAND, ":", text, ACT_COMMAND);
    words_find(prompt->text, source, &words);
    prompt_complete(prompt, &words);
    return prompt->text;
}

static void
test_prompt_completes(void **state)
{
    struct prompt prompt = {.kind = PROMPT_NONE};
    const struct words_source none = {NULL, NULL};
    struct words words;
    (void)state;
    words_find("snap", &none, &words);
    assert_int_equal(words.n, 1);
    assert_string_equal(completed(&prompt, "snap", &none), "snapshot");
    /* letters in order */
    assert_string_equal(completed(&prompt, "gcthr", &none), "gc-thresholds ");
    assert_string_equal(completed(&prompt, "goto ins", &none),
                        "goto instances:");
    assert_string_equal(completed(&prompt, "goto 2:ty", &none), "goto 2:types");
    assert_string_equal(completed(&prompt, "goto nowhere:x", &none),
                        "goto nowhere:x");
    assert_string_equal(completed(&prompt, "sort S", &none), "sort S");
    words_find("", &none, &words);
    assert_int_equal(words.n, WORDS_MAX);
    for (size_t i = 0; i < words.n; i++)
        assert_string_not_equal(words.names[i], "");
}

static void
test_prompt_remembers(void **state)
{
    struct prompt prompt = {.kind = PROMPT_NONE};
    (void)state;
    for (int i = 0; i < PROMPT_HISTORY + 5; i++) {
        char text[16];
        snprintf(text, sizeof text, "command%d", i);
        prompt_open(&prompt, PROMPT_COMMAND, ":", text, ACT_COMMAND);
        prompt_remember(&prompt);
    }
    prompt_open(&prompt, PROMPT_COMMAND, ":", "", ACT_COMMAND);
    prompt_key(&prompt, KEYS_UP);
    assert_string_equal(prompt.text, "command36");
    prompt_key(&prompt, KEYS_UP);
    assert_string_equal(prompt.text, "command35");
    prompt_key(&prompt, KEYS_DOWN);
    prompt_key(&prompt, KEYS_DOWN);
    assert_string_equal(prompt.text, "");
    prompt_done(&prompt);
}

/* What was searched and filtered for comes back, each in its own prompt. */
static void
test_searches_and_filters_are_remembered(void **state)
{
    struct prompt prompt = {.kind = PROMPT_NONE};
    (void)state;
    prompt_open(&prompt, PROMPT_SEARCH, "/", "Conn", ACT_SEARCH);
    prompt_remember(&prompt);
    prompt_open(&prompt, PROMPT_FILTER, "filter: ", ">1k", ACT_FILTER);
    prompt_remember(&prompt);
    prompt_open(&prompt, PROMPT_FILTER, "filter: ", "", ACT_FILTER);
    assert_true(prompt_hint(&prompt)[0] != '\0');
    prompt_remember(&prompt); /* nothing is nothing to remember */
    prompt_key(&prompt, KEYS_UP);
    assert_string_equal(prompt.text, ">1k");
    assert_string_equal(prompt_hint(&prompt), "");
    prompt_open(&prompt, PROMPT_SEARCH, "/", "", ACT_SEARCH);
    prompt_key(&prompt, KEYS_UP);
    assert_string_equal(prompt.text, "Conn");
    prompt_open(&prompt, PROMPT_COMMAND, ":", "sort ", ACT_COMMAND);
    assert_string_equal(prompt_hint(&prompt), actions[ACT_SORT].help);
    prompt_done(&prompt);
}

/* A key's bytes are one key, or none, but never its letters. */
static void
test_sequences(void **state)
{
    static const struct {
        const char *text;
        enum sequence_state state;
        int32_t key;
    } cases[] = {
        {"[", SEQUENCE_OPEN, 0},
        {"O", SEQUENCE_OPEN, 0},
        {"[6", SEQUENCE_OPEN, 0},
        {"[6~", SEQUENCE_WHOLE, KEYS_PAGE_DOWN},
        {"[25~", SEQUENCE_WHOLE, 0},
        {"[I", SEQUENCE_WHOLE, 0},
        {"[200~", SEQUENCE_WHOLE, 0},
        {"[?1;2c", SEQUENCE_WHOLE, 0},
        {"[[", SEQUENCE_OPEN, 0},
        {"[[A", SEQUENCE_WHOLE, KEYS_F1},
        {"[M !", SEQUENCE_OPEN, 0},
        {"[M !!", SEQUENCE_WHOLE, 0},
        {"OB", SEQUENCE_WHOLE, KEYS_DOWN},
        {"O3", SEQUENCE_NONE, 0},
        {"q", SEQUENCE_NONE, 0},
        {"[\x1b", SEQUENCE_NONE, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = strlen(cases[i].text);
        assert_int_equal(sequence_look(cases[i].text, n), cases[i].state);
        assert_int_equal(sequence_key(cases[i].text, n), cases[i].key);
    }
}

/* A question that cannot be undone is answered by y alone. */
static void
test_confirmations_need_y(void **state)
{
    struct prompt prompt = {.kind = PROMPT_NONE};
    (void)state;
    prompt_open(&prompt, PROMPT_CONFIRM, "sure? y/n", "", ACT_GC_FREEZE);
    for (int key = 1; key < 128; key++) {
        if (key != 'y' && key != 'Y')
            assert_int_equal(prompt_key(&prompt, key), PROMPT_LEFT);
    }
    assert_int_equal(prompt_key(&prompt, 'y'), PROMPT_DONE);
}

/* ---- options and themes ---- */

static enum px_status
parse(struct options *options, struct px_err *err, int argc, ...)
{
    static char program[] = "pyexplore-tui";
    char *argv[8] = {program};
    va_list args;
    va_start(args, argc);
    for (int i = 1; i <= argc; i++)
        argv[i] = va_arg(args, char *);
    va_end(args);
    return options_parse(argc + 1, argv, options, err);
}

static void
test_options(void **state)
{
    struct options options;
    struct px_err err;
    (void)state;
    unsetenv("NO_COLOR");
    assert_int_equal(parse(&options, &err, 2, "--color=8", "x.pxs"), PX_OK);
    assert_int_equal(options.colors, 8);
    assert_string_equal(options.target, "x.pxs");
    setenv("NO_COLOR", "1", 1);
    assert_int_equal(parse(&options, &err, 3, "--goto", "gc", "1"), PX_OK);
    assert_int_equal(options.colors, 0);
    assert_string_equal(options.place, "gc");
    setenv("NO_COLOR", "", 1); /* empty is not set: no-color.org */
    assert_int_equal(parse(&options, &err, 1, "1"), PX_OK);
    assert_int_equal(options.colors, 256);
    assert_int_equal(parse(&options, &err, 2, "--", "--x"), PX_OK);
    assert_string_equal(options.target, "--x");
    assert_int_equal(parse(&options, &err, 0), PX_EINVAL);
    assert_non_null(strstr(err.hint, "pyexplore ls"));
    assert_int_equal(parse(&options, &err, 2, "a", "b"), PX_EINVAL);
    assert_int_equal(parse(&options, &err, 1, "--nothing"), PX_EINVAL);
    assert_int_equal(parse(&options, &err, 1, "--theme"), PX_EINVAL);
    assert_int_equal(parse(&options, &err, 2, "--theme=x", "a"), PX_EINVAL);
    assert_int_equal(parse(&options, &err, 2, "--ascii=x", "a"), PX_EINVAL);
    assert_int_equal(parse(&options, &err, 2, "--timeout=0", "a"), PX_EINVAL);
}

/* What must be seen must be seen without colours too. */
static void
test_themes_read_without_colour(void **state)
{
    static const enum role roles[] = {ROLE_TITLE, ROLE_HEADER,    ROLE_SELECTED,
                                      ROLE_WARN,  ROLE_ERROR,     ROLE_KEY,
                                      ROLE_MATCH, ROLE_PANE_FOCUS};
    const struct theme *theme = NULL;
    (void)state;
    for (size_t i = 0; (theme = theme_at(i)) != NULL; i++) {
        for (size_t k = 0; k < sizeof roles / sizeof roles[0]; k++)
            assert_true(theme->styles[roles[k]].mono != 0);
        for (int role = 0; role < ROLE_END; role++) {
            /* Its own background needs its own foreground. The plain marker
             * of 8 colours, black on black, must not come to be. */
            const struct style *style = &theme->styles[role];
            if (style->bg256 >= 0)
                assert_true(style->fg256 >= 0 && style->fg256 != style->bg256);
            if (style->bg8 >= 0)
                assert_true(style->fg8 >= 0 && style->fg8 != style->bg8);
        }
    }
    setenv("COLORFGBG", "0;15", 1);
    assert_ptr_equal(theme_default(), theme_find("light"));
    setenv("COLORFGBG", "15;0", 1);
    assert_ptr_equal(theme_default(), theme_find("dark"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_key_is_bound_twice),
        cmocka_unit_test(test_key_names_round_trip),
        cmocka_unit_test(test_every_action_can_be_reached),
        cmocka_unit_test(test_every_action_is_documented),
        cmocka_unit_test(test_views_shadow_general_keys),
        cmocka_unit_test(test_every_view_can_be_left),
        cmocka_unit_test(test_markdown_has_every_action),
        cmocka_unit_test(test_actions_by_name),
        cmocka_unit_test(test_places_round_trip),
        cmocka_unit_test(test_bad_places),
        cmocka_unit_test(test_filter_texts),
        cmocka_unit_test(test_filter_figures),
        cmocka_unit_test(test_bad_filters),
        cmocka_unit_test(test_prompt_edits),
        cmocka_unit_test(test_prompt_completes),
        cmocka_unit_test(test_prompt_remembers),
        cmocka_unit_test(test_searches_and_filters_are_remembered),
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_confirmations_need_y),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_themes_read_without_colour),
    };
    return cmocka_run_group_tests_name("tui_keys", tests, NULL, NULL);
}
