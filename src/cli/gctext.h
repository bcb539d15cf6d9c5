/* gctext.h — the collector's state and figures as text for people.
 *
 * `state` is the JSON of PX_MSG_GC_STATE. Texts go to the caller's buffer.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_GCTEXT_H
#define CLI_GCTEXT_H

#include <jansson.h>

#include "cli/cli.h"

/* An integer member, 0 if there is none. */
int64_t gctext_integer(const json_t *object, const char *key);
/* "STATS,SAVEALL", or "0": what `gc TARGET debug` takes. */
char *gctext_debug(int64_t flags, size_t out_bytes, char *out);
bool gctext_parse_debug(const char *text, int *out);
/* "700 10 10" */
char *gctext_thresholds(const json_t *state, size_t out_bytes, char *out);
const char *gctext_enabled(const json_t *state); /* "on", "off" */
/* "on, thresholds 700 10 10, debug 0": the members that there are; fits into
 * GCTEXT_SETTINGS. */
#define GCTEXT_SETTINGS 256
char *gctext_settings(const json_t *settings, size_t out_bytes, char *out);

/* The settings that will be in force once the connections that changed them
 * are gone; of an agent that does not say so, those of now. Borrowed. */
const json_t *gctext_lasting(const json_t *state);
/* Whether they are in force now. */
bool gctext_is_lasting(const json_t *state);

/* On stdout. "before": what `gc TARGET restore` would put back; "lasting":
 * what there will be without other connections' changes, if not the same. */
void gctext_print_state(struct cli *cli, const json_t *state);
void gctext_print_collected(struct cli *cli, const json_t *reply);
/* What these flags do to the target, on stderr. */
void gctext_warn_debug(const struct cli *cli, int flags);
/* Addresses in [{"address"}] are written as everywhere here: without 0x. */
void gctext_fix_addresses(json_t *objects);

#endif
