/* jsonout.h — results as JSON on stdout.
 *
 * Two ways: a whole value at once, or an object whose last member is an array
 * that is written row by row (one line each), so that millions of rows cost
 * no memory. Shapes are documented in README.md and tested; addresses are hex
 * strings without 0x. One thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_JSONOUT_H
#define CLI_JSONOUT_H

#include <jansson.h>

#include "cli/cli.h"

/* Prints and frees `value`. */
void jsonout_print(struct cli *cli, json_t *value);
/* The same as one line that is written at once, for results that go on. */
void jsonout_line(struct cli *cli, json_t *value);
/* Prints the members of `head` (stolen), then opens the array `name`. */
void jsonout_begin(struct cli *cli, json_t *head, const char *name);
void jsonout_row(struct cli *cli, json_t *row); /* stolen */
void jsonout_end(struct cli *cli);

/* {"error": {"code", "message", "hint", "exit_status"}} */
void jsonout_error(struct cli *cli, const struct px_err *err, int exit_status);

/* A JSON string of any bytes: what is not UTF-8 is escaped as on screen. */
json_t *jsonout_text(const char *text);
json_t *jsonout_addr(uint64_t addr);
/* {"command", "target", "snapshot": {…}}: how every result about a graph
 * starts. */
json_t *jsonout_head(const struct cli *cli, const struct cli_loaded *loaded);

#endif
