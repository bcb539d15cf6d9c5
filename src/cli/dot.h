/* dot.h — a part of the graph as text for graphviz.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_DOT_H
#define CLI_DOT_H

#include "cli/cli.h"

/* One digraph on stdout; `about` is its title. */
void dot_print(const struct cli *cli, const struct cli_loaded *loaded,
               const struct px_part *part, const char *about);

#endif
