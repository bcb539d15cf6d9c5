/* shown.c — one object as one line: its preview, or what the graph knows.
 *
 * The agent sends values of exact builtin types only, and runs nobody's code.
 * Here what it sent is put together: the items of a short tuple, the name of
 * an Enum's member. What is hidden stays hidden: a secret tuple shows nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TUPLE_ITEMS 4u
#define TUPLE_EDGES 8u
#define ITEM_BYTES 64
#define MEMBER_ATTRIBUTES 16

/* `('10.0.0.7', 40123)`, if all items have a preview and there is room. */
static bool
show_tuple(const struct px_graph *graph, px_node node, size_t out_bytes,
           char *out)
{
    px_edge first = 0;
    uint32_t n = 0;
    uint64_t length = 0;
    uint64_t n_items = 0;
    size_t used = 1;
    if (strcmp(px_type_name(graph, px_node_type(graph, node)), "tuple") != 0 ||
        !preview_length(graph, node, &length) || length > TUPLE_ITEMS ||
        length == 0 || out_bytes < ITEM_BYTES)
        return false;
    px_node_referents(graph, node, &first, &n);
    out[0] = '(';
    for (uint32_t i = 0; i < n && n <= TUPLE_EDGES; i++) {
        char item[ITEM_BYTES];
        if (px_edge_kind(graph, first + i) != PX_EDGE_ITEM)
            continue;
        preview_plain(graph, px_edge_target(graph, first + i), sizeof item,
                      item);
        int wrote = snprintf(out + used, out_bytes - used, "%s%s",
                             n_items > 0 ? ", " : "", item);
        used += (size_t)wrote;
        if (item[0] == '\0' || used + 3 >= out_bytes)
            return false;
        n_items++;
    }
    if (n_items != length)
        return false;
    strcpy(out + used, n_items == 1 ? ",)" : ")");
    return true;
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

/* `Color.RED` */
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
    size_t n = px_node_attributes(graph, node, MEMBER_ATTRIBUTES, attributes);
    for (size_t i = 0; i < n; i++) {
        px_node value = px_edge_target(graph, attributes[i].edge);
        const char *name = px_node_text(graph, value);
        char line[2 * ITEM_BYTES];
        if (name == NULL || strcmp(attributes[i].name, "_name_") != 0)
            continue;
        snprintf(line, sizeof line, "%s.%s", dot != NULL ? dot + 1 : class,
                 name);
        px_text_escape(line, strlen(line), out_bytes, out);
        return;
    }
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
