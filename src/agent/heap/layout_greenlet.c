/* layout_greenlet.c — the frames of a suspended greenlet.
 *
 * A greenlet is {HEAD; weak list; dict; pimpl}, and pimpl a C++ object of the
 * package's own, {virtual table; the greenlet; …}, in which a switch stores
 * what it takes from the thread state (greenlet 2.0–3.5: TPythonState.cpp).
 * tp_traverse visits none of the frames, for the stack owns them. Which word
 * is which is a guess until what it leads to fits.
 *
 *   3.8–3.10: the top frame, an object, is word 15; its callers are at f_back.
 *   NULL while the greenlet runs.
 *
 *   3.11+: the greenlet has a data stack of its own. Its chunk, top and limit
 *   are three words in a row, found by the chunk's own size; before them the
 *   innermost frame, and somewhere before that its frame object, which is NULL
 *   while the greenlet runs. The frames lie in the chunks one behind the other
 *   (3.11–3.15 Python/pystate.c: _PyThreadState_PushFrame), so their sizes
 *   must lead exactly to the top, and the last one must be the innermost. The
 *   links between frames are no use: from 3.12 on they pass through structs in
 *   the C stack, which a switch has moved elsewhere.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/layout_private.h"
#include "agent/tags.h"

#include <stddef.h>
#include <string.h>

#define PIMPL_WORD 4
#define SELF_WORD 1 /* of pimpl */

PX_GUESS static const uintptr_t *
words_of(PyObject *greenlet)
{
    uintptr_t pimpl = ((uintptr_t *)greenlet)[PIMPL_WORD];
    const uintptr_t *words = (const uintptr_t *)pimpl;

    if (pimpl == 0 || pimpl % sizeof(void *) != 0 ||
        words[SELF_WORD] != (uintptr_t)greenlet)
        return NULL;
    return words;
}

#if COMPAT_BARE_FRAMES

#define CHUNK_FIRST 8 /* the least and the greatest word of the chunk */
#define CHUNK_LAST 28
#define CHUNK_BYTES_MAX ((uintptr_t)1 << 32)

PX_GUESS static bool
is_chunk(const uintptr_t *word)
{
    uintptr_t chunk = word[0];
    uintptr_t top = word[1];
    uintptr_t limit = word[2];

    if (chunk == 0 || chunk % sizeof(void *) != 0 || top <= chunk ||
        top > limit || limit - chunk > CHUNK_BYTES_MAX)
        return false;
    return ((const _PyStackChunk *)chunk)->size == limit - chunk;
}

/* The first chunk leaves its first word free (Python/pystate.c: push_chunk). */
static bool
note_chunks(struct layout_greenlet *out, const _PyStackChunk *chunk,
            const void *top)
{
    out->n_chunks = 0;
    for (; chunk != NULL; chunk = chunk->previous) {
        if (out->n_chunks == LAYOUT_CHUNKS_MAX)
            return false;
        if (out->n_chunks != 0)
            top = &chunk->data[chunk->top];
        out->starts[out->n_chunks] =
            (const char *)&chunk->data[chunk->previous == NULL];
        out->ends[out->n_chunks++] = top;
    }
    out->at = NULL;
    return true;
}

bool
layout_greenlet_next(struct layout_greenlet *g)
{
    size_t n_bytes;

    while (g->n_chunks != 0) {
        if (g->at == NULL)
            g->at = g->starts[g->n_chunks - 1];
        if (g->at != g->ends[g->n_chunks - 1])
            break;
        g->n_chunks--;
        g->at = NULL;
    }
    if (g->n_chunks == 0)
        return false;
    if (!layout_frame_at(g->at, &g->frame) ||
        g->frame.owner != LAYOUT_BY_THREAD || g->frame.max_depth < 0 ||
        g->frame.n_locals < 0)
        return false;
    n_bytes = offsetof(_PyInterpreterFrame, localsplus) +
              (size_t)(g->frame.n_locals + g->frame.max_depth) * sizeof(void *);
    if (n_bytes > (size_t)(g->ends[g->n_chunks - 1] - g->at))
        return false;
    g->at += n_bytes;
    return true;
}

/* The frames lead to the top, and `innermost` is the last or in a generator. */
static bool
fits(struct layout_greenlet *g, const void *innermost)
{
    const void *last = NULL;
    struct layout_frame frame;

    for (g->n_frames = 0; layout_greenlet_next(g); g->n_frames++)
        last = g->frame.address;
    if (g->n_chunks != 0 || g->n_frames == 0)
        return false;
    return last == innermost || (layout_frame_at(innermost, &frame) &&
                                 frame.owner == LAYOUT_BY_GENERATOR);
}

/* A switch made an object of the innermost frame and kept its address. */
PX_GUESS static bool
is_suspended(const uintptr_t *words, size_t n_words, const void *innermost)
{
    struct layout_frame frame;

    if (innermost == NULL || (uintptr_t)innermost % sizeof(void *) != 0 ||
        !layout_frame_at(innermost, &frame) || frame.object == NULL)
        return false;
    for (size_t i = SELF_WORD + 1; i < n_words; i++)
        if (words[i] == (uintptr_t)frame.object)
            return true;
    return false;
}

PX_GUESS bool
layout_greenlet(PyObject *greenlet, struct layout_greenlet *out)
{
    const uintptr_t *words = words_of(greenlet);
    size_t i = CHUNK_FIRST;

    memset(out, 0, sizeof *out);
    out->outermost_first = true;
    if (words == NULL)
        return false;
    while (i <= CHUNK_LAST && !is_chunk(words + i))
        i++;
    if (i > CHUNK_LAST)
        return false;

    const _PyStackChunk *chunk = (const _PyStackChunk *)words[i];
    const void *top = (const void *)words[i + 1];
    const void *innermost = (const void *)words[i - 1];
    return is_suspended(words, i - 1, innermost) &&
           note_chunks(out, chunk, top) && fits(out, innermost) &&
           note_chunks(out, chunk, top);
}

#else /* 3.8–3.10 */

#define TOP_FRAME_WORD 15

bool
layout_greenlet_next(struct layout_greenlet *g)
{
    PyObject *at = (PyObject *)(uintptr_t)g->at;

    if (at == NULL || !layout_frame_of_object(at, &g->frame))
        return false;
    g->at = g->frame.previous;
    return true;
}

PX_GUESS bool
layout_greenlet(PyObject *greenlet, struct layout_greenlet *out)
{
    const uintptr_t *words = words_of(greenlet);
    PyObject *top;

    memset(out, 0, sizeof *out);
    if (words == NULL)
        return false;
    top = (PyObject *)words[TOP_FRAME_WORD];
    if (top == NULL || (uintptr_t)top % sizeof(void *) != 0 ||
        Py_TYPE(top) != &PyFrame_Type)
        return false;
    out->at = (const char *)top;
    while (layout_greenlet_next(out))
        out->n_frames++;
    out->at = (const char *)top;
    return out->n_frames != 0;
}
#endif
