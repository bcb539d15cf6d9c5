/* facts.h — what the process says about itself without asking Python.
 *
 * Used by HELLO, STATUS and the snapshot's header. Any thread, no GIL.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_FACTS_H
#define AGENT_FACTS_H

#include <stdint.h>

#include <jansson.h>

#ifndef PX_VERSION
#define PX_VERSION "0"
#endif

uint64_t facts_rss_bytes(void); /* 0: unknown */
/* Seconds since the epoch. */
double facts_time(void);

/* "3.13.0 (main, …) [GCC 12.2.0]", constant. */
const char *facts_build(void);

/* New references; NULL without memory. Text that is not UTF-8 has U+FFFD in
 * place of what is wrong. */
json_t *facts_text(const char *text, size_t n_bytes);
json_t *facts_command(void); /* argv, at most 64 arguments of 4 KiB in all */
json_t *facts_host(void);
json_t *facts_python(void); /* "3.13.0" */

#endif
