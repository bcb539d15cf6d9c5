/* left_out.c — what a whole snapshot does not have.
 *
 * An interpreter with a GIL of its own runs on while the child is made, so
 * nothing of it may be read (PEP 684); and of too many threads or interpreters
 * the agent has no room to note all (HEAP_THREADS_MAX, src/agent/heap/walk.h).
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <stdio.h>

#include "base/text.h"

char *
px_left_out_sentence(uint64_t interpreters, uint64_t threads, size_t out_bytes,
                     char *out)
{
    char count[PX_COUNTED_MAX];
    size_t used = 0;
    out[0] = '\0';
    if (interpreters > 0)
        used = (size_t)snprintf(
            out, out_bytes,
            "without the objects of %s (a GIL of its own, or too many of them)",
            px_text_counted(interpreters, "interpreter", count));
    if (threads > 0 && used < out_bytes)
        snprintf(out + used, out_bytes - used,
                 "%swithout the frames of %s (too many of them)",
                 used > 0 ? ", and " : "",
                 px_text_counted(threads, "thread", count));
    return out;
}

char *
px_graph_left_out(const struct px_graph *graph, size_t out_bytes, char *out)
{
    return px_left_out_sentence(
        px_graph_footer(graph, PX_FOOTER_LEFT_OUT),
        px_graph_footer(graph, PX_FOOTER_THREADS_LEFT_OUT), out_bytes, out);
}
