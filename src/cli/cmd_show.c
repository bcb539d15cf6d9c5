/* cmd_show.c — `show`, `referrers`, `referents`: one object and its edges.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/object.h"
#include "cli/table.h"

#define LIST_ROWS 20
#define SHOW_ROWS 10

/* A list of references of one object: outgoing ones are a range, inbound
 * ones are collected up to a limit. */
struct ref_list {
    px_edge *edges;
    size_t n;     /* in edges */
    uint64_t all; /* that there are */
    uint64_t limit;
    bool inbound;
};

static bool
keep_edge(void *context, px_edge edge)
{
    struct ref_list *list = context;
    list->all++;
    if (list->limit != 0 && list->n >= list->limit)
        return true;
    if ((list->n & (list->n - 1)) == 0)
        list->edges = cli_realloc(list->edges, (list->n == 0 ? 1 : list->n) *
                                                   2 * sizeof *list->edges);
    list->edges[list->n++] = edge;
    return true;
}

static void
collect_refs(const struct px_graph *graph, px_node node, bool inbound,
             uint64_t limit, struct ref_list *list)
{
    *list = (struct ref_list){.limit = limit, .inbound = inbound};
    if (inbound) {
        px_node_each_inbound(graph, node, keep_edge, list);
        return;
    }
    px_edge first;
    uint32_t n;
    px_node_referents(graph, node, &first, &n);
    for (uint32_t i = 0; i < n; i++)
        keep_edge(list, first + i);
}

static px_node
other_end(const struct px_graph *graph, const struct ref_list *list,
          px_edge edge)
{
    return list->inbound ? px_edge_source(graph, edge)
                         : px_edge_target(graph, edge);
}

/* Up to 3.10 an attribute of an instance is an item of its __dict__: then
 * whose dict it is says more than how many items it has. */
static char *
ref_what(const struct px_graph *graph, px_node node, size_t out_bytes,
         char *out)
{
    px_node owner = object_owner(graph, node);
    if (owner == PX_NONE)
        return object_what(graph, node, out_bytes, out);
    char what[OBJECT_TEXT];
    snprintf(out, out_bytes, "__dict__ of %s %" PRIx64 "  %s",
             px_type_name(graph, px_node_type(graph, owner)),
             px_node_addr(graph, owner),
             object_what(graph, owner, sizeof what, what));
    return out;
}

static void
refs_table(struct cli *cli, const struct px_graph *graph,
           const struct ref_list *list, bool titled)
{
    static const struct table_column titles[] = {
        {"NAME", TABLE_CUT, CLI_NAME, 16},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 16},
        {"ADDRESS", TABLE_LEFT, CLI_ADDR, 0},
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"WHAT", TABLE_CUT, CLI_PLAIN, 12},
    };
    struct table_column columns[5];
    memcpy(columns, titles, sizeof columns);
    if (!titled)
        columns[0].title = NULL;
    struct table *table = table_new(cli, columns, 5);
    for (size_t i = 0; i < list->n && !cli->work.canceled; i++) {
        char text[OBJECT_TEXT];
        px_node other = other_end(graph, list, list->edges[i]);
        table_text(table,
                   px_edge_show(graph, list->edges[i], sizeof text, text));
        table_text(table, px_type_name(graph, px_node_type(graph, other)));
        table_addr(table, px_node_addr(graph, other));
        table_bytes(table, px_node_bytes(graph, other));
        table_text(table, ref_what(graph, other, sizeof text, text));
        table_row_end(table);
    }
    table_free(table);
}

static json_t *
refs_json(const struct px_graph *graph, const struct ref_list *list)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < list->n; i++)
        json_array_append_new(
            rows, object_edge_json(graph, list->edges[i],
                                   other_end(graph, list, list->edges[i])));
    return rows;
}

static enum px_status
load_object(struct cli *cli, struct cli_loaded *loaded, struct cli_pick *pick,
            struct px_err *err)
{
    uint64_t addr;
    enum px_status status;
    /* a mistyped address is told before a snapshot is taken */
    if (!cli_parse_addr(cli->args[1], &addr)) {
        *loaded = (struct cli_loaded){0};
        return cli_pick_addr(NULL, cli->args[1], pick, err);
    }
    status = cli_load(cli, cli->args[0], loaded, err);
    if (status == PX_OK)
        status = cli_pick_addr(loaded->graph, cli->args[1], pick, err);
    return status;
}

static enum px_status
list_refs(struct cli *cli, bool inbound, struct px_err *err)
{
    struct cli_loaded loaded;
    struct cli_pick pick = {.node = PX_NONE};
    struct ref_list list = {0};
    enum px_status status = load_object(cli, &loaded, &pick, err);
    if (status != PX_OK)
        goto out;
    const char *what = inbound ? "referrers" : "referents";
    collect_refs(loaded.graph, pick.node, inbound, cli_limit(cli, LIST_ROWS),
                 &list);
    if (cli->opt.json) {
        json_t *head = jsonout_head(cli, &loaded);
        json_object_set_new(head, "object",
                            object_json(loaded.graph, pick.node));
        json_object_set_new(head, "count", json_integer((json_int_t)list.all));
        jsonout_begin(cli, head, what);
        for (size_t i = 0; i < list.n && !cli->work.canceled; i++)
            jsonout_row(cli, object_edge_json(loaded.graph, list.edges[i],
                                              other_end(loaded.graph, &list,
                                                        list.edges[i])));
        jsonout_end(cli);
    } else {
        char count[PX_COUNTED_MAX];
        px_text_counted(list.all, inbound ? "referrer" : "referent", count);
        refs_table(cli, loaded.graph, &list, true);
        cli_note(cli, "%s of %s %s%s", count, pick.type, cli->args[1],
                 list.n < list.all ? "; -n 0 shows all" : "");
    }
    status = cli_interrupted(cli, status, err);
out:
    free(list.edges);
    cli_loaded_done(&loaded);
    return status;
}

enum px_status
cmd_referrers(struct cli *cli, struct px_err *err)
{
    return list_refs(cli, true, err);
}

enum px_status
cmd_referents(struct cli *cli, struct px_err *err)
{
    return list_refs(cli, false, err);
}

/* ---- show ---- */

static void
show_line(const struct cli *cli, const char *title, const char *text)
{
    char shown[4096];
    printf("  %-11s %s\n", title, cli_text(cli, text, sizeof shown, shown));
}

static void
show_refs(struct cli *cli, const struct px_graph *graph, px_node node,
          bool inbound)
{
    struct ref_list list;
    char figure[PX_FIGURE_MAX];
    collect_refs(graph, node, inbound, cli_limit(cli, SHOW_ROWS), &list);
    printf("\n%s%s%s %s%s\n", cli_role_start(cli->color, CLI_TITLE),
           inbound ? "referred to by" : "refers to",
           cli_role_stop(cli->color, CLI_TITLE),
           px_text_count(list.all, figure),
           list.n < list.all ? " (-n 0 shows all)" : "");
    refs_table(cli, graph, &list, false);
    free(list.edges);
}

static void
show_text(struct cli *cli, struct cli_loaded *loaded, px_node node)
{
    const struct px_graph *graph = loaded->graph;
    char text[4096], shown[1024], size[PX_FIGURE_MAX];
    printf("%s%s%s  %" PRIx64 "\n", cli_role_start(cli->color, CLI_TYPE),
           cli_text(cli, px_type_name(graph, px_node_type(graph, node)),
                    sizeof shown, shown),
           cli_role_stop(cli->color, CLI_TYPE), px_node_addr(graph, node));
    object_what(graph, node, sizeof text, text);
    if (text[0] != '\0')
        show_line(cli, "what", text);
    bool approximate = px_node_flags(graph, node) & PX_NODE_APPROXIMATE;
    snprintf(text, sizeof text, "%s%s",
             px_text_bytes(px_node_bytes(graph, node), size),
             approximate ? " (approximate)" : "");
    show_line(cli, "size", text);
    show_line(cli, "references",
              object_refcount(graph, node, sizeof text, text));
    show_line(cli, "generation", object_gen(graph, node));
    show_line(cli, "held by",
              object_held(cli, loaded, node, false, sizeof text, text));
    show_refs(cli, graph, node, true);
    show_refs(cli, graph, node, false);
}

static void
show_json(struct cli *cli, struct cli_loaded *loaded, px_node node)
{
    const struct px_graph *graph = loaded->graph;
    json_t *result = jsonout_head(cli, loaded);
    json_t *object = object_json(graph, node);
    object_json_more(loaded, node, object);
    object_json_held(loaded, node, false, object);
    json_object_set_new(result, "object", object);
    for (int inbound = 1; inbound >= 0; inbound--) {
        struct ref_list list;
        collect_refs(graph, node, inbound, cli_limit(cli, SHOW_ROWS), &list);
        json_object_set_new(result, inbound ? "n_referrers" : "n_referents",
                            json_integer((json_int_t)list.all));
        json_object_set_new(result, inbound ? "referrers" : "referents",
                            refs_json(graph, &list));
        free(list.edges);
    }
    jsonout_print(cli, result);
}

enum px_status
cmd_show(struct cli *cli, struct px_err *err)
{
    struct cli_loaded loaded;
    struct cli_pick pick = {.node = PX_NONE};
    enum px_status status = load_object(cli, &loaded, &pick, err);
    if (status == PX_OK)
        status = cli_load_paths(cli, &loaded, err);
    if (status == PX_OK) {
        if (cli->opt.json)
            show_json(cli, &loaded, pick.node);
        else
            show_text(cli, &loaded, pick.node);
    }
    cli_loaded_done(&loaded);
    return status;
}
