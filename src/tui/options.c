/* options.c — the command line of the explorer.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/options.h"

#include <stdlib.h>
#include <string.h>

enum option_id {
    OPTION_THEME,
    OPTION_COLOR,
    OPTION_ASCII,
    OPTION_PLAIN,
    OPTION_NO_MOUSE,
    OPTION_GOTO,
    OPTION_KEY_FILE,
    OPTION_TIMEOUT,
    OPTION_KEYS,
    OPTION_VERSION,
    OPTION_HELP
};

static const struct option_row {
    enum option_id id;
    const char *name;
    const char *value; /* NULL: takes none */
    const char *help;  /* NULL: not told */
} rows[] = {
    {OPTION_THEME, "--theme", "dark|light", "colours for this background"},
    {OPTION_COLOR, "--color", "256|8|never",
     "the most colours to use; NO_COLOR is honoured"},
    {OPTION_ASCII, "--ascii", NULL, "write only ASCII"},
    {OPTION_PLAIN, "--plain", NULL,
     "lines instead of a screen: for screen readers and scripts"},
    {OPTION_NO_MOUSE, "--no-mouse", NULL, "leave the mouse to the terminal"},
    {OPTION_GOTO, "--goto", "PLACE", "begin there, as in instances:dict"},
    {OPTION_KEY_FILE, "--key-file", "FILE", "the key of a TCP target"},
    {OPTION_TIMEOUT, "--timeout", "SECONDS",
     "how long to wait for a connection (5)"},
    {OPTION_KEYS, "--keys-markdown", NULL, NULL},
    {OPTION_VERSION, "--version", NULL, "print the version"},
    {OPTION_HELP, "--help", NULL, "print this"},
};
#define N_ROWS (sizeof rows / sizeof rows[0])

static bool
is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

static enum px_status
set_option(const struct option_row *row, const char *value,
           struct options *options, struct px_err *err)
{
    char *end = NULL;
    double seconds = 0;
    switch (row->id) {
    case OPTION_THEME:
        options->theme = theme_find(value);
        if (options->theme == NULL)
            return px_fail(err, PX_EINVAL, "there is no theme '%s'", value);
        break;
    case OPTION_COLOR:
        if (strcmp(value, "256") != 0 && strcmp(value, "8") != 0 &&
            strcmp(value, "never") != 0)
            return px_fail(err, PX_EINVAL, "--color is %s, not '%s'",
                           row->value, value);
        options->colors = value[0] == 'n' ? 0 : atoi(value);
        break;
    case OPTION_ASCII:
        options->ascii = true;
        break;
    case OPTION_PLAIN:
        options->plain = true;
        break;
    case OPTION_NO_MOUSE:
        options->mouse = false;
        break;
    case OPTION_GOTO:
        options->place = value;
        break;
    case OPTION_KEY_FILE:
        options->key_file = value;
        break;
    case OPTION_TIMEOUT:
        seconds = strtod(value, &end);
        if (end == value || *end != '\0' || !(seconds > 0 && seconds < 1e6))
            return px_fail(err, PX_EINVAL, "'%s' is no number of seconds",
                           value);
        options->timeout_ms = (int)(seconds * 1000);
        break;
    case OPTION_KEYS:
        options->want = WANT_KEYS;
        break;
    case OPTION_VERSION:
        options->want = WANT_VERSION;
        break;
    case OPTION_HELP:
        options->want = WANT_HELP;
        break;
    }
    return PX_OK;
}

static enum px_status
parse_option(int argc, char *argv[], int *at, struct options *options,
             struct px_err *err)
{
    const char *word = argv[*at];
    const char *equals = strchr(word, '=');
    size_t n = equals != NULL ? (size_t)(equals - word) : strlen(word);
    if (strcmp(word, "-h") == 0)
        word = "--help", n = strlen(word);
    for (size_t i = 0; i < N_ROWS; i++) {
        const char *value = equals != NULL ? equals + 1 : NULL;
        if (strlen(rows[i].name) != n || memcmp(rows[i].name, word, n) != 0)
            continue;
        if (rows[i].value == NULL && value == NULL)
            return set_option(&rows[i], "", options, err);
        if (rows[i].value == NULL)
            return px_fail(err, PX_EINVAL, "%s takes no value", rows[i].name);
        if (value == NULL) {
            if (*at + 1 >= argc)
                return px_fail(err, PX_EINVAL, "%s needs %s", rows[i].name,
                               rows[i].value);
            value = argv[++*at];
        }
        return set_option(&rows[i], value, options, err);
    }
    return px_fail(err, PX_EINVAL, "there is no option '%s'", word);
}

enum px_status
options_parse(int argc, char *argv[], struct options *out, struct px_err *err)
{
    struct options options = {
        .theme = theme_default(),
        .colors = is_set("NO_COLOR") ? 0 : 256,
        .plain = is_set("PYEXPLORE_PLAIN"),
        .mouse = true,
        .timeout_ms = 5000,
    };
    bool only_words = false;
    for (int i = 1; i < argc; i++) {
        enum px_status status = PX_OK;
        if (!only_words && strcmp(argv[i], "--") == 0)
            only_words = true;
        else if (!only_words && argv[i][0] == '-' && argv[i][1] != '\0')
            status = parse_option(argc, argv, &i, &options, err);
        else if (options.target != NULL)
            status = px_fail(err, PX_EINVAL,
                             "one target at a time: '%s' is "
                             "too much",
                             argv[i]);
        else
            options.target = argv[i];
        if (status != PX_OK) {
            px_err_hint(err, "pyexplore-tui --help lists all options");
            return status;
        }
    }
    if (options.want == WANT_EXPLORE && options.target == NULL) {
        px_fail(err, PX_EINVAL, "a TARGET is missing");
        px_err_hint(err, "as in pyexplore-tui 4242 (a pid), localhost:9999, "
                         "ssh://host/4242 or FILE.pxs; `pyexplore ls` lists "
                         "who serves here");
        return PX_EINVAL;
    }
    *out = options;
    return PX_OK;
}

void
options_help(FILE *out)
{
    fputs("usage: pyexplore-tui [OPTION]... TARGET\n\n"
          "Look through the objects of a running Python program.\n\n"
          "TARGET is HOST:PORT, a pid, the path of a socket,\n"
          "ssh://[user@]host/PID-or-PORT, or a snapshot FILE.pxs.\n\n",
          out);
    for (size_t i = 0; i < N_ROWS; i++) {
        char left[48];
        if (rows[i].help == NULL)
            continue;
        snprintf(left, sizeof left, "%s%s%s", rows[i].name,
                 rows[i].value != NULL ? "=" : "",
                 rows[i].value != NULL ? rows[i].value : "");
        fprintf(out, "  %-22s %s\n", left, rows[i].help);
    }
    fputs("\nIn the explorer ? lists all keys.\n", out);
}
