/* dot.c — a part of the graph as text for graphviz.
 *
 * The grammar is that of the screens: NAME on the arrow, type and preview in
 * the box. A root is a grey box, what was asked for has a second frame, the
 * reference to cut is thick; what holds nothing is dashed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/dot.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/object.h"

#define LABEL_CHARS 60

/* A quoted string's inside: graphviz knows backslashes, quotes and, also
 * without HTML labels, the entities of HTML. */
static void
put_quoted(const struct cli *cli, const char *text)
{
    char shown[1024];
    cli_text(cli, text, sizeof shown, shown);
    size_t n = px_text_fit(shown, strlen(shown), LABEL_CHARS, NULL);
    bool is_cut = shown[n] != '\0';
    for (size_t i = 0; i < n; i++) {
        if (shown[i] == '&') {
            fputs("&amp;", stdout);
            continue;
        }
        if (shown[i] == '"' || shown[i] == '\\')
            putchar('\\');
        putchar(shown[i]);
    }
    if (is_cut)
        fputs(cli->ascii ? "..." : "\xe2\x80\xa6", stdout);
}

static void
put_line(const struct cli *cli, const char *text)
{
    if (text[0] == '\0')
        return;
    fputs("\\n", stdout);
    put_quoted(cli, text);
}

static void
put_node(const struct cli *cli, const struct cli_loaded *loaded,
         const struct px_part_node *node, size_t number)
{
    const struct px_graph *graph = loaded->graph;
    const char *type = px_type_name(graph, node->type);
    char text[OBJECT_TEXT], figure[PX_FIGURE_MAX];
    printf("  n%zu [label=\"", number);
    put_quoted(cli, node->title != NULL ? node->title : type);
    if (node->title != NULL && node->is_start)
        put_line(cli, type);
    if (node->is_merged || node->count > 1) {
        snprintf(text, sizeof text, "%s of them",
                 px_text_count(node->count, figure));
        put_line(cli, text);
    } else if (node->title == NULL) {
        snprintf(text, sizeof text, "%" PRIx64 "  %s",
                 px_node_addr(graph, node->node),
                 px_text_bytes(px_node_bytes(graph, node->node), figure));
        put_line(cli, text);
        put_line(cli, object_what(graph, node->node, sizeof text, text));
    }
    if (node->n_more > 0) {
        snprintf(text, sizeof text, "(%s more)",
                 px_text_count(node->n_more, figure));
        put_line(cli, text);
    }
    printf("\"%s%s];\n",
           node->title != NULL ? ", style=filled, fillcolor=\"#e0e0e0\"" : "",
           node->is_start ? ", peripheries=2" : "");
}

static void
put_edge(const struct cli *cli, const struct cli_loaded *loaded,
         const struct px_part_edge *edge)
{
    char text[OBJECT_TEXT];
    bool holds = edge->edge == PX_NONE ||
                 (px_edge_flags(loaded->graph, edge->edge) & PX_EDGE_HOLDS);
    if (edge->times > 1)
        snprintf(text, sizeof text, "%s \xc3\x97%" PRIu32, edge->text,
                 edge->times);
    else
        snprintf(text, sizeof text, "%s", edge->text);
    printf("  n%" PRIu32 " -> n%" PRIu32 " [label=\"", edge->from, edge->to);
    put_quoted(cli, text);
    printf("\"%s%s];\n", edge->is_culprit ? ", color=red, penwidth=3" : "",
           holds ? "" : ", style=dashed");
}

void
dot_print(const struct cli *cli, const struct cli_loaded *loaded,
          const struct px_part *part, const char *about)
{
    fputs("digraph pyexplore {\n  rankdir=LR;\n  label=\"", stdout);
    put_quoted(cli, about);
    fputs("\";\n  node [shape=box, fontname=\"monospace\", fontsize=10];\n"
          "  edge [fontname=\"monospace\", fontsize=10];\n",
          stdout);
    for (size_t i = 0; i < part->n_nodes; i++)
        put_node(cli, loaded, &part->nodes[i], i);
    for (size_t i = 0; i < part->n_edges; i++)
        put_edge(cli, loaded, &part->edges[i]);
    fputs("}\n", stdout);
}
