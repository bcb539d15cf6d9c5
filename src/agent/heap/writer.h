/* writer.h — records into chunks, chunks into the spool (snapshot.h).
 *
 * One open chunk per role. The node that is walked is written in NODES while
 * its new, edgeless referents go to ATOMS, a chunk of the same kind: so
 * neither has to be kept elsewhere until the other is done. Types and names
 * leave before every chunk of nodes that could use them.
 *
 * Groups of edges are written as they come: the group's count is one byte
 * that is filled in when the group closes, after at most GROUP_MAX entries. A
 * record that reaches the end of its chunk is closed and goes on in the next
 * one as CONTINUED. An entry moves the chunk's end only when it is whole, so
 * a jump out of the middle of an object leaves a record that can be closed.
 *
 * PX_CHILD throughout; used by one thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef HEAP_WRITER_H
#define HEAP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/buf.h>
#include <pyexplore/snapshot.h>

#include "agent/heap/spool.h"
#include "agent/heap/walk_arena.h"
#include "agent/tags.h"

/* In the cache of one core, and far below PX_CHUNK_RAW_MAX. */
#define WRITER_CHUNK_BYTES                                                     \
    (PX_CHUNK_RAW_MAX < (256u << 10) ? PX_CHUNK_RAW_MAX : (256u << 10))
/* What may follow after a check for room: a node's head or one entry, and
 * the end of the record. Roles with texts check for those too. */
#define WRITER_SLACK 96
#define GROUP_MAX 127

enum writer_role {
    ROLE_TYPES,
    ROLE_NAMES,
    ROLE_NODES,
    ROLE_ATOMS,
    ROLE_ROOTS,
    ROLE_LABELS,
    ROLE_PREVIEWS,
    ROLE_BLOCKS,
    ROLE_N
};

struct chunk {
    uint8_t *base;
    uint8_t *at;
    uint8_t *limit;       /* an entry may begin up to here */
    uint64_t last_node;   /* of ATOMS, NAMES …: the last address */
    uint64_t last_target; /* both in units of PX_ADDR_UNIT */
};

/* The open record of ROLE_NODES. */
struct record {
    uint64_t address; /* in units */
    uint8_t *flags_at;
    uint8_t *node_flags_at; /* NULL once the head has left with its chunk */
    uint8_t *count_at;      /* NULL: no open group */
    uint64_t next_index;    /* of the open group */
    uint8_t kind;
    uint8_t count;
    bool has_edges;
    bool is_open;
};

struct writer {
    struct record record;
    struct chunk chunks[ROLE_N];
    struct spool *spool;
    enum px_codec codec;
    uint64_t patience_ns;
    uint64_t raw_bytes;
    bool lost; /* a chunk could not leave: no other may follow */
    uint8_t *packed;
    void *lz4_state;
    /* Called when a chunk cannot leave; does not return. */
    void (*stop)(void *context, enum px_end end);
    /* Called after each chunk that left. */
    void (*left)(void *context);
    void *context;
};

PX_CHILD bool writer_init(struct writer *writer, struct arena *arena,
                          struct spool *spool, enum px_codec codec,
                          uint64_t patience_ns);
/* Sends the role's chunk if there is anything in it. */
PX_CHILD void writer_flush(struct writer *writer, enum writer_role role);
PX_CHILD void writer_flush_all(struct writer *writer);

/* One chunk to the spool, uncompressed: header and footer. */
PX_CHILD enum spool_result writer_put_plain(struct spool *spool,
                                            enum px_chunk_kind kind,
                                            const void *body, size_t n_bytes);

/* Makes room for a record of at most n bytes + WRITER_SLACK. */
static inline void
writer_reserve(struct writer *writer, enum writer_role role, size_t n_bytes)
{
    struct chunk *chunk = &writer->chunks[role];
    if (__builtin_expect(chunk->at + n_bytes > chunk->limit, 0))
        writer_flush(writer, role);
}

static inline uint8_t *
put_delta(uint8_t *to, uint64_t now, uint64_t *last)
{
    int64_t delta = (int64_t)(now - *last);
    *last = now;
    return px_put_varint(to, px_zigzag(delta));
}

/* ---- nodes ---- */
struct node_head {
    uint64_t address;
    uint64_t n_bytes;
    uint64_t refcount;
    uint32_t type;
    uint8_t flags; /* PX_NODE_* */
};

/* Writes the head of a node record to `at`; the caller checked for room. */
static inline uint8_t *
node_put(struct chunk *chunk, const struct node_head *head, uint8_t rec_flags,
         uint8_t **node_flags_at)
{
    uint8_t *at = chunk->at;
    bool immortal = (head->flags & PX_NODE_IMMORTAL) != 0;
    bool one = !immortal && head->refcount == 1;
    *at++ = (uint8_t)(rec_flags | (one ? PX_NODE_REC_REF1 : 0));
    at = put_delta(at, head->address / PX_ADDR_UNIT, &chunk->last_node);
    at = px_put_varint(at, head->type);
    at = px_put_varint(at, head->n_bytes);
    if (node_flags_at != NULL)
        *node_flags_at = at;
    *at++ = head->flags;
    if (!immortal && !one)
        at = px_put_varint(at, head->refcount);
    return at;
}

static inline void
writer_atom(struct writer *writer, const struct node_head *head)
{
    writer_reserve(writer, ROLE_ATOMS, 0);
    struct chunk *chunk = &writer->chunks[ROLE_ATOMS];
    chunk->at = node_put(chunk, head, 0, NULL);
}

static inline void
record_begin(struct writer *writer, const struct node_head *head)
{
    writer_reserve(writer, ROLE_NODES, 0);
    struct chunk *chunk = &writer->chunks[ROLE_NODES];
    struct record *record = &writer->record;
    record->address = head->address / PX_ADDR_UNIT;
    record->flags_at = chunk->at;
    record->count_at = NULL;
    record->has_edges = false;
    record->kind = 0;
    chunk->at = node_put(chunk, head, 0, &record->node_flags_at);
    record->is_open = true;
}

static inline void
group_close(struct chunk *chunk, struct record *record)
{
    if (record->count_at == NULL)
        return;
    if (record->count == 0) /* left by a jump: take its head back */
        chunk->at = record->count_at - 1;
    else
        *record->count_at = record->count;
    record->count_at = NULL;
    record->kind = 0;
}

static inline void
record_end(struct writer *writer)
{
    struct record *record = &writer->record;
    struct chunk *chunk = &writer->chunks[ROLE_NODES];
    group_close(chunk, record);
    if (record->has_edges) {
        *record->flags_at |= PX_NODE_REC_EDGES;
        *chunk->at++ = 0;
    }
    record->is_open = false;
}

/* Closes the record, sends the chunk, and goes on with CONTINUED. */
PX_CHILD void record_continue(struct writer *writer);
/* Goes on with a record that was closed long ago. */
PX_CHILD void record_again(struct writer *writer, uint64_t address);

/* Where an entry of this kind may be written. */
static inline uint8_t *
entry_begin(struct writer *writer, enum px_edge_kind kind)
{
    struct chunk *chunk = &writer->chunks[ROLE_NODES];
    struct record *record = &writer->record;
    if (__builtin_expect(chunk->at > chunk->limit, 0))
        record_continue(writer);
    if (record->kind != kind || record->count == GROUP_MAX) {
        group_close(chunk, record);
        record->has_edges = true;
        *chunk->at++ = (uint8_t)kind;
        record->count = 0;
        record->next_index = 0;
        record->kind = (uint8_t)kind;
        record->count_at = chunk->at++;
    }
    return chunk->at;
}

static inline void
entry_end(struct writer *writer, uint8_t *at)
{
    writer->chunks[ROLE_NODES].at = at;
    writer->record.count++;
}

static inline uint8_t *
entry_target(struct writer *writer, uint8_t *at, const void *target)
{
    return put_delta(at, (uintptr_t)target / PX_ADDR_UNIT,
                     &writer->chunks[ROLE_NODES].last_target);
}

static inline void
entry_plain(struct writer *writer, enum px_edge_kind kind, const void *target)
{
    uint8_t *at = entry_begin(writer, kind);
    entry_end(writer, entry_target(writer, at, target));
}

static inline void
entry_name(struct writer *writer, enum px_edge_kind kind, uint64_t name,
           const void *target)
{
    uint8_t *at = entry_begin(writer, kind);
    at = px_put_varint(at, name);
    entry_end(writer, entry_target(writer, at, target));
}

static inline void
entry_index(struct writer *writer, enum px_edge_kind kind, uint64_t index,
            const void *target)
{
    uint8_t *at = entry_begin(writer, kind);
    int64_t delta = (int64_t)(index - writer->record.next_index);
    writer->record.next_index = index + 1;
    at = px_put_varint(at, px_zigzag(delta));
    entry_end(writer, entry_target(writer, at, target));
}

static inline void
entry_pair(struct writer *writer, enum px_edge_kind kind, const void *key,
           const void *value)
{
    uint8_t *at = entry_begin(writer, kind);
    at = entry_target(writer, at, key);
    entry_end(writer, entry_target(writer, at, value));
}

#endif
