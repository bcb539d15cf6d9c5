/* shown.c — one object as one line: its preview, or what the graph knows.
 *
 * The agent sends values of exact builtin types only, and runs nobody's code.
 * Here what it sent is put together: the items of a short tuple, with their
 * names if it is a namedtuple, and the name of an Enum's member. What is hidden
 * stays hidden: a secret tuple shows nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TUPLE_ITEMS 4u
#define TUPLE_EDGES (2 * TUPLE_ITEMS + 4) /* named once more; class, dict */
#define ITEM_BYTES 64
#define MEMBER_ATTRIBUTES 16

struct tuple {
    px_edge items[TUPLE_ITEMS];
    size_t n_items;
    const char *names[TUPLE_ITEMS]; /* in the same order */
    size_t n_names;
};

/* False: it has more edges than one line can show. */
static bool
read_tuple(const struct px_graph *graph, px_node node, struct tuple *out)
{
    px_edge first = 0;
    uint32_t n = 0;
    px_node_referents(graph, node, &first, &n);
    *out = (struct tuple){.n_items = 0};
    if (n > TUPLE_EDGES)
        return false;
    for (px_edge edge = first; edge < first + n; edge++) {
        enum px_edge_kind kind = px_edge_kind(graph, edge);
        if (kind == PX_EDGE_ITEM && out->n_items < TUPLE_ITEMS)
            out->items[out->n_items++] = edge;
        if (kind == PX_EDGE_ALIAS && out->n_names < TUPLE_ITEMS)
            out->names[out->n_names++] = px_edge_name(graph, edge);
    }
    return true;
}

/* `('10.0.0.7', 40123)` or `(x=1, y=2)`, if all items have a preview and there
 * is room. */
static bool
show_tuple(const struct px_graph *graph, px_node node, size_t out_bytes,
           char *out)
{
    struct tuple tuple;
    uint64_t length = 0;
    size_t used = 1;
    if ((px_type_flags(graph, px_node_type(graph, node)) & PX_TYPE_TUPLE) ==
            0 ||
        !preview_length(graph, node, &length) || length > TUPLE_ITEMS ||
        length == 0 || out_bytes < ITEM_BYTES ||
        !read_tuple(graph, node, &tuple) || tuple.n_items != length)
        return false;
    bool is_named = tuple.n_names == length;
    out[0] = '(';
    for (size_t i = 0; i < length; i++) {
        char item[ITEM_BYTES];
        char name[ITEM_BYTES] = "";
        preview_plain(graph, px_edge_target(graph, tuple.items[i]), sizeof item,
                      item);
        if (is_named && tuple.names[i] != NULL)
            px_text_escape(tuple.names[i], strlen(tuple.names[i]), sizeof name,
                           name);
        int wrote =
            snprintf(out + used, out_bytes - used, "%s%s%s%s",
                     i > 0 ? ", " : "", name, name[0] != '\0' ? "=" : "", item);
        used += (size_t)wrote;
        if (item[0] == '\0' || used + 3 >= out_bytes)
            return false;
    }
    strcpy(out + used, length == 1 && !is_named ? ",)" : ")");
    return true;
}

bool
px_node_wants_attributes(const struct px_graph *graph, px_node node)
{
    uint64_t length;
    px_type type = px_node_type(graph, node);
    return preview_length(graph, node, &length) &&
           (px_type_flags(graph, type) & PX_TYPE_PYTHON) != 0;
}

static bool
is_enum(const struct px_graph *graph, px_type type)
{
    px_node class = px_type_node(graph, type);
    if ((px_type_flags(graph, type) & PX_TYPE_PYTHON) == 0 || class == PX_NONE)
        return false;
    const char *meta = px_type_name(graph, px_node_type(graph, class));
    return strcmp(meta, "enum.EnumMeta") == 0 ||
           strcmp(meta, "enum.EnumType") == 0; /* 3.11+ */
}

/* A text that is no name in the graph is known by its preview. */
static void
member_name(const struct px_graph *graph, px_node value, size_t out_bytes,
            char *out)
{
    const char *name = px_node_text(graph, value);
    if (name != NULL)
        px_text_escape(name, strlen(name), out_bytes, out);
    else if (!preview_text(graph, value, out_bytes, out))
        out[0] = '\0';
}

/* `Color.RED`, `Mode.R|W`; without a name, as combined flags were until 3.10,
 * `Mode(3)` */
static void
show_member(const struct px_graph *graph, px_node node, size_t out_bytes,
            char *out)
{
    struct px_attribute attributes[MEMBER_ATTRIBUTES];
    px_type type = px_node_type(graph, node);
    if (!is_enum(graph, type))
        return;
    const char *class = px_type_name(graph, type);
    const char *dot = strrchr(class, '.');
    char last[2 * ITEM_BYTES], name[2 * ITEM_BYTES] = "";
    char number[ITEM_BYTES] = "";
    if (dot != NULL)
        class = dot + 1;
    px_text_escape(class, strlen(class), sizeof last, last);
    size_t n = px_node_attributes(graph, node, MEMBER_ATTRIBUTES, attributes);
    for (size_t i = 0; i < n; i++) {
        px_node value = px_edge_target(graph, attributes[i].edge);
        if (strcmp(attributes[i].name, "_name_") == 0)
            member_name(graph, value, sizeof name, name);
        else if (strcmp(attributes[i].name, "_value_") == 0)
            preview_plain(graph, value, sizeof number, number);
    }
    if (name[0] != '\0')
        snprintf(out, out_bytes, "%s.%s", last, name);
    else if (number[0] != '\0')
        snprintf(out, out_bytes, "%s(%s)", last, number);
}

char *
px_node_preview(const struct px_graph *graph, px_node node, size_t out_bytes,
                char *out)
{
    if (out_bytes == 0)
        return out;
    if (show_tuple(graph, node, out_bytes, out))
        return out;
    preview_plain(graph, node, out_bytes, out);
    if (out[0] == '\0' && px_node_label(graph, node) == NULL)
        show_member(graph, node, out_bytes, out);
    return out;
}
