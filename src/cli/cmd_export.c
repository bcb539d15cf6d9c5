/* cmd_export.c — `export`: a part of the graph, or all of it, for other tools.
 *
 * --dot draws, --json says the same as data, --folded is what tools for flame
 * graphs read. JSON of the whole graph is one line for each object, written
 * as it is found, so that its size costs no memory.
 *
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/dot.h"
#include "cli/jsonout.h"
#include "cli/object.h"
#include "cli/outfile.h"

#define PART_NODES 100
#define PART_LEVELS 3
#define FLAME_FRAMES 10000

struct export
{
    struct cli_loaded loaded;
    struct cli_pick pick;
    enum px_part_shape shape;
    bool has_subject; /* ADDR or TYPE was given */
};

void
export_help(FILE *out)
{
    static const struct {
        const char *name, *help;
    } shapes[] = {
#define X(member, name, help) {name, help},
        PX_PART_LIST(X)
#undef X
    };
    fputs("\nfor --what:\n", out);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        cli_help_row(out, shapes[i].name, shapes[i].help);
}

/* ---- stacks ---- */
static enum px_status
export_folded(struct cli *cli, struct export *export, struct px_err *err)
{
    const struct px_node_list {
        const px_node *nodes;
        uint32_t n;
    } starts = export->pick.node != PX_NONE
                   ? (struct px_node_list){&export->pick.node, 1}
                   : (struct px_node_list){export->pick.nodes, export->pick.n};
    struct px_flame *flame = NULL;
    struct px_dominators *dominators =
        px_dominators_new(export->loaded.graph, &cli->work, err);
    /* a type without instances has an empty graph, not that of all */
    static const px_node nobody;
    const px_node *nodes = starts.nodes != NULL ? starts.nodes : &nobody;
    if (dominators != NULL)
        flame = px_flame_new(
            export->loaded.paths, dominators,
            export->has_subject ? nodes : NULL, starts.n,
            (size_t)(cli->opt.limit >= 0 ? cli->opt.limit : FLAME_FRAMES),
            &cli->work, err);
    px_dominators_free(dominators);
    cli_progress_clear(cli->progress);
    if (flame == NULL)
        return cli_interrupted(cli, err->status, err);
    char text[PX_FIGURE_MAX], all[PX_FIGURE_MAX];
    for (size_t i = 0; i < flame->n_lines; i++) {
        /* at most ten bytes stand for one */
        size_t room = 10 * strlen(flame->lines[i].text) + 16;
        char *line = cli_alloc(room);
        cli_text(cli, flame->lines[i].text, room, line);
        printf("%s %" PRIu64 "\n", line, flame->lines[i].bytes);
        free(line);
    }
    if (flame->n_frames < flame->n_all)
        cli_note(cli, "%s of %s frames, the largest; -n 0 shows all",
                 px_text_count(flame->n_frames, text),
                 px_text_count(flame->n_all, all));
    px_flame_free(flame);
    return PX_OK;
}

/* ---- a part ---- */
static json_t *
node_json(const struct cli_loaded *loaded, const struct px_part_node *node,
          size_t number)
{
    const struct px_graph *graph = loaded->graph;
    json_t *row = json_pack("{s:I}", "id", (json_int_t)number);
    json_t *object =
        node->is_merged
            ? json_pack("{s:o, s:o}", "type",
                        jsonout_text(px_type_name(graph, node->type)),
                        "example",
                        jsonout_addr(px_node_addr(graph, node->node)))
            : object_json(graph, node->node);
    json_object_update(row, object);
    json_decref(object);
    json_object_set_new(row, "root",
                        node->title != NULL ? jsonout_text(node->title)
                                            : json_null());
    json_object_set_new(row, "count", json_integer((json_int_t)node->count));
    json_object_set_new(row, "start", json_boolean(node->is_start));
    json_object_set_new(row, "more", json_integer((json_int_t)node->n_more));
    return row;
}

static json_t *
edge_json(const struct cli_loaded *loaded, const struct px_part_edge *edge)
{
    unsigned flags = PX_EDGE_HOLDS;
    const char *kind = NULL;
    if (edge->edge != PX_NONE) {
        unsigned number = px_edge_kind(loaded->graph, edge->edge);
        const struct px_edge_info *info = px_edge_info(number);
        flags = px_edge_flags(loaded->graph, edge->edge);
        kind = info != NULL ? info->name : "unknown";
    }
    return json_pack("{s:I, s:I, s:o, s:s?, s:b, s:I, s:b}", "from",
                     (json_int_t)edge->from, "to", (json_int_t)edge->to, "edge",
                     jsonout_text(edge->text), "kind", kind, "holds",
                     (flags & PX_EDGE_HOLDS) != 0, "times",
                     (json_int_t)edge->times, "culprit", edge->is_culprit);
}

static void
part_json(struct cli *cli, const struct export *export,
          const struct px_part *part)
{
    json_t *head = jsonout_head(cli, &export->loaded);
    json_t *nodes = json_array();
    for (size_t i = 0; i < part->n_nodes; i++)
        json_array_append_new(nodes,
                              node_json(&export->loaded, &part->nodes[i], i));
    json_object_set_new(head, "what", json_string(px_part_name(export->shape)));
    json_object_set_new(head, "of", jsonout_text(cli->args[1]));
    json_object_set_new(head, "cut", json_boolean(part->is_cut));
    json_object_set_new(head, "nodes", nodes);
    jsonout_begin(cli, head, "edges");
    for (size_t i = 0; i < part->n_edges; i++)
        jsonout_row(cli, edge_json(&export->loaded, &part->edges[i]));
    jsonout_end(cli);
}

static void
part_dot(struct cli *cli, const struct export *export,
         const struct px_part *part)
{
    char about[OBJECT_TEXT];
    snprintf(about, sizeof about, "%s of %.200s, %.200s",
             px_part_name(export->shape), cli->args[1],
             export->loaded.target.text);
    dot_print(cli, &export->loaded, part, about);
}

static enum px_status
export_part(struct cli *cli, struct export *export, struct px_err *err)
{
    bool is_one = export->pick.node != PX_NONE;
    size_t limit =
        cli->opt.limit >= 0 ? (size_t)cli->opt.limit : (size_t)PART_NODES;
    unsigned levels = cli->opt.levels >= 0 && cli->opt.levels < 1000000
                          ? (unsigned)cli->opt.levels
                          : PART_LEVELS;
    struct px_part *part = px_part_new(
        export->loaded.paths, export->shape,
        is_one ? &export->pick.node : export->pick.nodes,
        is_one ? 1 : export->pick.n, limit, levels, &cli->work, err);
    cli_progress_clear(cli->progress);
    if (part == NULL)
        return cli_interrupted(cli, err->status, err);
    if (cli->opt.dot)
        part_dot(cli, export, part);
    else
        part_json(cli, export, part);
    if (part->is_cut)
        cli_note(cli, "not all is drawn; -n and --levels draw more");
    px_part_free(part);
    return PX_OK;
}

/* ---- the whole graph, line by line ---- */
static void
put_text(const struct cli *cli, const char *text)
{
    json_t *value = jsonout_text(text);
    json_dumpf(value, stdout,
               JSON_ENCODE_ANY | (cli->ascii ? JSON_ENSURE_ASCII : 0));
    json_decref(value);
}

static void
put_object(struct cli *cli, struct export *export, px_node node)
{
    const struct px_graph *graph = export->loaded.graph;
    char text[OBJECT_TEXT];
    px_edge first;
    uint32_t n;
    unsigned flags = px_node_flags(graph, node);
    printf("{\"address\":\"%" PRIx64 "\",\"type\":", px_node_addr(graph, node));
    put_text(cli, px_type_name(graph, px_node_type(graph, node)));
    printf(",\"bytes\":%" PRIu64 ",\"refcount\":", px_node_bytes(graph, node));
    if (flags & (PX_NODE_IMMORTAL | PX_NODE_SYNTHETIC))
        fputs("null", stdout);
    else
        printf("%" PRIu64, px_node_refcount(graph, node));
    fputs(",\"preview\":", stdout);
    put_text(cli, px_node_preview(graph, node, sizeof text, text));
    fputs(",\"root\":", stdout);
    if (px_paths_is_reached(export->loaded.paths, node) &&
        px_paths_edge(export->loaded.paths, node) == PX_NONE)
        put_text(cli,
                 object_root(&export->loaded, node, false, sizeof text, text));
    else
        fputs("null", stdout);
    fputs(",\"edges\":[", stdout);
    px_node_referents(graph, node, &first, &n);
    for (px_edge edge = first; edge < first + n; edge++) {
        const struct px_edge_info *info =
            px_edge_info(px_edge_kind(graph, edge));
        printf("%s{\"to\":\"%" PRIx64 "\",\"kind\":\"%s\",\"edge\":",
               edge > first ? "," : "",
               px_node_addr(graph, px_edge_target(graph, edge)),
               info != NULL ? info->name : "unknown");
        put_text(cli, px_edge_show(graph, edge, sizeof text, text));
        putchar('}');
    }
    fputs("]}\n", stdout);
}

static enum px_status
export_all(struct cli *cli, struct export *export, struct px_err *err)
{
    uint32_t n = px_graph_n_nodes(export->loaded.graph);
    jsonout_line(cli, jsonout_head(cli, &export->loaded));
    for (px_node node = 0; node < n && !cli->work.canceled; node++) {
        put_object(cli, export, node);
        if ((node & 0xfff) != 0)
            continue;
        cli->work.report(cli->work.context, "writing", node, n);
        if (ferror(stdout))
            break; /* said by whoever closes it */
    }
    cli_progress_clear(cli->progress);
    return cli_interrupted(cli, PX_OK, err);
}

/* ---- the command ---- */
static enum px_status
parse_shape(const struct cli *cli, struct export *export, struct px_err *err)
{
    bool is_given = cli->opt.what != NULL;
    if (!is_given && export->has_subject)
        export->shape =
            export->pick.node != PX_NONE ? PX_PART_PATH : PX_PART_HOLDERS;
    for (unsigned i = 0; is_given && i < PX_PART_END; i++) {
        if (strcmp(px_part_name((enum px_part_shape)i), cli->opt.what) == 0) {
            export->shape = (enum px_part_shape)i;
            return PX_OK;
        }
    }
    if (!is_given)
        return PX_OK;
    px_fail(err, PX_EINVAL, "there is nothing to draw called '%s'",
            cli->opt.what);
    px_err_hint(err, "--what path, holders, referrers or referents");
    return PX_EINVAL;
}

static enum px_status
check_form(const struct cli *cli, struct px_err *err)
{
    int n_forms = cli->opt.dot + cli->opt.folded + cli->opt.json;
    if (n_forms != 1) {
        px_fail(err, PX_EINVAL,
                n_forms == 0 ? "`export` needs to know the form"
                             : "`export` writes one form at a time");
        px_err_hint(err, "--dot for graphviz, --json, or --folded for flame "
                         "graphs");
        return PX_EINVAL;
    }
    bool is_part = !cli->opt.folded && cli->n_args > 1;
    if (!is_part && (cli->opt.what != NULL || cli->opt.levels >= 0)) {
        px_fail(err, PX_EINVAL, "--what and --levels are for a part: %s",
                cli->opt.folded ? "--folded has stacks of retained bytes"
                                : "the ADDR or TYPE to start from is missing");
        px_err_hint(err, "usage: pyexplore export TARGET --dot|--json "
                         "ADDR|TYPE --what SHAPE");
        return PX_EINVAL;
    }
    if (cli->opt.dot && cli->n_args < 2) {
        px_fail(err, PX_EINVAL, "--dot draws one object, or those of a type");
        px_err_hint(err, "usage: pyexplore export TARGET --dot ADDR|TYPE");
        return PX_EINVAL;
    }
    return PX_OK;
}

static enum px_status
export_to_stdout(struct cli *cli, struct export *export, struct px_err *err)
{
    enum px_status status = cli_load(cli, cli->args[0], &export->loaded, err);
    if (status == PX_OK && export->has_subject)
        status = cli_pick_any(cli, export->loaded.graph, cli->args[1],
                              &export->pick, err);
    if (status == PX_OK)
        status = parse_shape(cli, export, err);
    if (status == PX_OK)
        status = cli_load_paths(cli, &export->loaded, err);
    if (status != PX_OK)
        return status;
    if (cli->opt.folded)
        return export_folded(cli, export, err);
    return export->has_subject ? export_part(cli, export, err)
                               : export_all(cli, export, err);
}

enum px_status
cmd_export(struct cli *cli, struct px_err *err)
{
    struct outfile file;
    struct export export = {.pick = {.node = PX_NONE},
                            .has_subject = cli->n_args > 1};
    enum px_status status = check_form(cli, err);
    if (status == PX_OK)
        status = parse_shape(cli, &export, err);
    if (status == PX_OK)
        status = outfile_open(cli, &file, err);
    if (status != PX_OK)
        return status;
    status = export_to_stdout(cli, &export, err);
    cli_pick_done(&export.pick);
    cli_loaded_done(&export.loaded);
    return outfile_close(cli, &file, status, err);
}
