/* records.h — decodes the body of a NODES chunk (snapshot.h), inlined into
 * its readers: this is the innermost loop of opening a snapshot.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GRAPH_RECORDS_H
#define GRAPH_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include <pyexplore/buf.h>
#include <pyexplore/snapshot.h>

#define RECORDS_ADDR_UNITS_MAX ((1ull << 61) - 1)

struct record {
    uint64_t addr;
    bool is_continued;
    uint8_t flags; /* PX_NODE_*; these three only if not continued */
    uint32_t type;
    uint64_t bytes;
    uint64_t refcount; /* 0 if immortal */
};

struct records_limits {
    uint64_t n_types;
    uint64_t n_names;
};

/* `node` comes before the record's edges. `payload` is the name number or
 * the index. A pair is two calls: the key's, then the value's. */
struct records_visitor {
    enum px_status (*node)(void *context, const struct record *record,
                           struct px_err *err);
    enum px_status (*edge)(void *context, unsigned kind, uint64_t payload,
                           uint64_t target, struct px_err *err);
};

static inline enum px_status
records_bad(struct px_err *err, const char *what)
{
    return px_fail(err, PX_EPROTO, "bad node record: %s", what);
}

/* The next address of a role, *last in units of PX_ADDR_UNIT. */
static inline bool
records_addr(struct px_reader *in, uint64_t *last)
{
    uint64_t delta;
    if (px_read_varint(in, &delta) != PX_OK)
        return false;
    uint64_t at = *last + (uint64_t)px_unzigzag(delta);
    if (at == 0 || at > RECORDS_ADDR_UNITS_MAX)
        return false;
    *last = at;
    return true;
}

/* The same where 0 stands for no object. */
static inline bool
records_addr_any(struct px_reader *in, uint64_t *last)
{
    uint64_t delta;
    if (px_read_varint(in, &delta) != PX_OK)
        return false;
    uint64_t at = *last + (uint64_t)px_unzigzag(delta);
    if (at > RECORDS_ADDR_UNITS_MAX)
        return false;
    *last = at;
    return true;
}

static inline __attribute__((always_inline)) enum px_status
records_group(struct px_reader *in, const struct records_limits *limits,
              const struct records_visitor *visitor, void *context,
              unsigned kind, uint64_t *target, struct px_err *err)
{
    const struct px_edge_info *info = px_edge_info(kind);
    uint64_t n;
    if (info == NULL)
        return records_bad(err, "unknown kind of edge");
    if (px_read_varint(in, &n) != PX_OK || n == 0)
        return records_bad(err, "group without a length");
    enum px_edge_form form = info->form;
    int64_t index = -1;
    for (; n > 0; n--) {
        enum px_status status = PX_OK;
        uint64_t payload = 0;
        if (form == PX_FORM_NAME) {
            if (px_read_varint(in, &payload) != PX_OK ||
                payload >= limits->n_names)
                return records_bad(err, "edge with an unknown name");
        } else if (form == PX_FORM_INDEX) {
            if (px_read_varint(in, &payload) != PX_OK)
                return records_bad(err, "edge without its index");
            index =
                (int64_t)((uint64_t)px_unzigzag(payload) + (uint64_t)index + 1);
            if (index < 0)
                return records_bad(err, "edge with a negative index");
            payload = (uint64_t)index;
        } else if (form == PX_FORM_PAIR) {
            if (!records_addr(in, target))
                return records_bad(err, "pair without a key");
            status = visitor->edge(context, px_pair_key(kind), 0,
                                   *target * PX_ADDR_UNIT, err);
        }
        if (!records_addr(in, target))
            return records_bad(err, "edge without a target");
        if (status == PX_OK)
            status = visitor->edge(context, px_pair_value(kind), payload,
                                   *target * PX_ADDR_UNIT, err);
        if (status != PX_OK)
            return status;
    }
    return PX_OK;
}

static inline bool
records_node(struct px_reader *in, unsigned flags, struct record *record)
{
    uint64_t type;
    if (px_read_varint(in, &type) != PX_OK || type > UINT32_MAX - 2 ||
        px_read_varint(in, &record->bytes) != PX_OK ||
        px_read_u8(in, &record->flags) != PX_OK ||
        (record->flags & PX_NODE_GEN_MASK) > PX_GEN_NOT_GC)
        return false;
    record->type = (uint32_t)type;
    record->refcount = (flags & PX_NODE_REC_REF1) != 0;
    if ((record->flags & PX_NODE_IMMORTAL) != 0)
        record->refcount = 0;
    else if (record->refcount == 0 &&
             px_read_varint(in, &record->refcount) != PX_OK)
        return false;
    return true;
}

static inline __attribute__((always_inline)) enum px_status
records_each(struct px_reader in, const struct records_limits *limits,
             const struct records_visitor *visitor, void *context,
             struct px_err *err)
{
    uint64_t node = 0;
    uint64_t target = 0;
    while (px_reader_left(&in) > 0) {
        struct record record = {0};
        unsigned flags = *in.at++;
        if (flags > 7 || !records_addr(&in, &node))
            return records_bad(err, "no flags and address");
        record.addr = node * PX_ADDR_UNIT;
        record.is_continued = (flags & PX_NODE_REC_CONTINUED) != 0;
        if (!record.is_continued && (!records_node(&in, flags, &record) ||
                                     record.type >= limits->n_types))
            return records_bad(err, "type, size or flags out of range");
        enum px_status status = visitor->node(context, &record, err);
        while (status == PX_OK && (flags & PX_NODE_REC_EDGES) != 0) {
            uint8_t kind;
            if (px_read_u8(&in, &kind) != PX_OK)
                return records_bad(err, "edges without an end");
            if (kind == 0)
                break;
            status = records_group(&in, limits, visitor, context, kind, &target,
                                   err);
        }
        if (status != PX_OK)
            return status;
    }
    return PX_OK;
}

#endif
