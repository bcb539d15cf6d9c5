/* facts.h — what the process says about itself without asking Python.
 *
 * Used by HELLO, STATUS and the snapshot's header. Any thread, GIL or not.
 * Takes the lock of forget.h for an instant where it reads /proc.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_FACTS_H
#define AGENT_FACTS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#ifndef PX_VERSION
#define PX_VERSION "0"
#endif

uint64_t facts_rss_bytes(void); /* 0: unknown */
/* Of these: of mapped files, libraries above all. 0: unknown. Counters that
 * the kernel keeps; smaps would walk the page tables. */
uint64_t facts_file_bytes(void);

/* What the C library's malloc has, by its mallinfo2 if there is one. It takes
 * each arena's lock in turn and walks the free chunks: 28 ms for 800,000 of
 * them in four arenas [measured, glibc 2.36]. A thread of the target that
 * wants memory waits so long: only for who asks. Not for the thread that
 * serves, and without the GIL. */
struct facts_malloc {
    bool is_known;
    uint64_t in_use_bytes;
    uint64_t free_bytes;
};
void facts_malloc_read(struct facts_malloc *out);

/* Seconds since the epoch. */
double facts_time(void);
/* The same of the start of this process; 0: not known. */
double facts_started(void);
/* Seconds that a thread was ready to run and had no CPU, since it was made: of
 * the one that waited longest, at most 256 of them asked and not the caller.
 * (All together they may have waited longer than there was time.) 0: not
 * known. */
double facts_waited(void);

/* The signals that the main thread blocks. False: not known, or it waits for
 * some just now. */
bool facts_main_blocks(sigset_t *out);

/* "3.13.0 (main, …) [GCC 12.2.0]", constant. */
const char *facts_build(void);

/* New references; NULL without memory. Text that is not UTF-8 has U+FFFD in
 * place of what is wrong. */
json_t *facts_text(const char *text, size_t n_bytes);
json_t *facts_command(void); /* argv, at most 64 arguments of 4 KiB in all */
json_t *facts_host(void);
json_t *facts_python(void); /* "3.13.0" */

#endif
