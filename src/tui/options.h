/* options.h — the command line of the explorer, and what the environment adds.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_OPTIONS_H
#define TUI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include <pyexplore/client.h>

#include "tui/theme.h"

enum options_want { WANT_EXPLORE, WANT_HELP, WANT_VERSION, WANT_KEYS };

struct options {
    enum options_want want;
    const char *target;
    const char *key_file; /* NULL: not given */
    const char *place;    /* NULL: types */
    const struct theme *theme;
    int colors; /* 0, 8, 256 at most */
    bool ascii;
    bool plain;
    bool mouse;
    int timeout_ms;
};

/* PX_EINVAL with a hint. */
enum px_status options_parse(int argc, char *argv[], struct options *out,
                             struct px_err *err);
void options_help(FILE *out);

#endif
