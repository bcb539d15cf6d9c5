/* snapshot.c — the tables of the snapshot format, looked up by number.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/snapshot.h>

static const struct px_edge_info edge_infos[PX_EDGE_KIND_END] = {
#define X(number, member, name, form, flags, shown, expression)                \
    [number] = {name, shown, expression, PX_FORM_##form, flags},
    PX_EDGE_LIST(X)
#undef X
};

static const struct {
    const char *name;
    unsigned rank;
} roots[PX_ROOT_CLASS_END] = {
#define X(number, member, name, rank) [number] = {name, rank},
    PX_ROOT_LIST(X)
#undef X
};

static const struct {
    const char *name;
    const char *sentence;
} ends[] = {
#define X(number, member, name, sentence) [number] = {name, sentence},
    PX_END_LIST(X)
#undef X
};

#define N_ENDS (sizeof ends / sizeof ends[0])

static const struct {
    const char *name;
    const char *sentence;
} blocks[] = {
#define X(number, member, label, text) [number] = {label, text},
    PX_BLOCKS_LIST(X)
#undef X
};

#define N_BLOCKS (sizeof blocks / sizeof blocks[0])

const struct px_edge_info *
px_edge_info(unsigned kind)
{
    if (kind >= PX_EDGE_KIND_END || edge_infos[kind].name == 0)
        return 0;
    return &edge_infos[kind];
}

const char *
px_root_name(unsigned root_class)
{
    return root_class < PX_ROOT_CLASS_END ? roots[root_class].name : 0;
}

unsigned
px_root_rank(unsigned root_class)
{
    return root_class < PX_ROOT_CLASS_END ? roots[root_class].rank : 9;
}

const char *
px_end_name(unsigned end)
{
    return end < N_ENDS ? ends[end].name : "unknown";
}

const char *
px_end_sentence(unsigned end)
{
    return end < N_ENDS ? ends[end].sentence : "incomplete";
}

const char *
px_blocks_name(unsigned state)
{
    return state < N_BLOCKS ? blocks[state].name : 0;
}

const char *
px_blocks_sentence(unsigned state)
{
    return state < N_BLOCKS ? blocks[state].sentence : 0;
}
