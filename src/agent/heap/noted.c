/* noted.c — a list that only grows, in memory of the walk.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/noted.h"

#define BLOCK_OBJECTS 510

struct noted_block {
    struct noted_block *next;
    size_t n;
    PyObject *objects[BLOCK_OBJECTS];
};

void
noted_begin(struct noted *noted, struct walk *w)
{
    noted->walk = w;
    noted->blocks = NULL;
}

void
noted_add(struct noted *noted, PyObject *object)
{
    struct noted_block *block = noted->blocks;

    if (noted->walk == NULL)
        return;
    if (block != NULL && block->objects[block->n - 1] == object)
        return;
    if (block == NULL || block->n == BLOCK_OBJECTS) {
        block = walk_memory(noted->walk, sizeof *block);
        if (block == NULL)
            return;
        block->next = noted->blocks;
        noted->blocks = block;
    }
    block->objects[block->n++] = object;
}

void
noted_each(const struct noted *noted, walk_part *part)
{
    for (struct noted_block *b = noted->blocks; b != NULL; b = b->next)
        for (size_t i = 0; i < b->n; i++)
            walk_try(noted->walk, part, b->objects[i]);
}
