/* cmd_path.c — `path`: what keeps an object, or all of a type, alive.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/object.h"
#include "cli/table.h"

#define TABLE_ROWS 20

/* ---- one object: its steps ---- */

static struct px_step *
collect_steps(struct cli_loaded *loaded, px_node node, size_t *n)
{
    *n = px_paths_steps(loaded->paths, node, false, 0, NULL);
    struct px_step *steps = cli_alloc(*n * sizeof *steps);
    px_paths_steps(loaded->paths, node, false, *n, steps);
    return steps;
}

static void
steps_json(struct cli *cli, struct cli_loaded *loaded, px_node node)
{
    json_t *head = jsonout_head(cli, loaded);
    json_t *object = object_json(loaded->graph, node);
    json_object_update(head, object);
    json_decref(object);
    object_json_held(loaded, node, false, head);
    size_t n;
    struct px_step *steps = collect_steps(loaded, node, &n);
    jsonout_begin(cli, head, "steps");
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_pack(
            "{s:o, s:I, s:b}", "step", jsonout_text(steps[i].text), "times",
            (json_int_t)steps[i].times, "culprit", steps[i].is_culprit);
        json_t *at = object_json(loaded->graph, steps[i].node);
        json_object_update(row, at);
        json_decref(at);
        jsonout_row(cli, row);
    }
    jsonout_end(cli);
    free(steps);
}

static void
steps_table(struct cli *cli, struct cli_loaded *loaded, px_node node)
{
    static const struct table_column columns[] = {
        {NULL, TABLE_LEFT, CLI_FAULT, 0},
        {NULL, TABLE_LEFT, CLI_NAME, 0},
        {NULL, TABLE_CUT_HEAD, CLI_TYPE, 12},
        {NULL, TABLE_RIGHT, CLI_FIGURE, 0},
        {NULL, TABLE_LEFT, CLI_ADDR, 0},
        {NULL, TABLE_CUT, CLI_PLAIN, 8},
    };
    const struct px_graph *graph = loaded->graph;
    size_t n;
    struct px_step *steps = collect_steps(loaded, node, &n);
    struct table *table = table_new(cli, columns, 6);
    for (size_t i = 0; i < n; i++) {
        char text[OBJECT_TEXT];
        px_node at = steps[i].node;
        table_text(table, steps[i].is_culprit ? "\xe2\x96\xb6" : " ");
        if (steps[i].times > 1)
            snprintf(text, sizeof text, "%s \xc3\x97%u", steps[i].text,
                     steps[i].times);
        else
            snprintf(text, sizeof text, "%s", steps[i].text);
        table_role(table, steps[i].is_culprit ? CLI_FAULT : CLI_NAME, text);
        table_text(table, px_type_name(graph, px_node_type(graph, at)));
        table_bytes(table, px_node_bytes(graph, at));
        table_addr(table, px_node_addr(graph, at));
        table_text(table, object_what(graph, at, sizeof text, text));
        table_row_end(table);
    }
    table_free(table);
    free(steps);
}

static const char *const held_sentences[] = {
    [PX_HELD_ROOT] = "",
    [PX_HELD_CYCLE] = "no root reaches it: garbage that waits for the "
                      "collector (`pyexplore gc TARGET` shows whether it is "
                      "on)",
    [PX_HELD_C] = "no root reaches it, and it has more references than the "
                  "graph has: C code, or the running stack, holds it",
    [PX_HELD_UNKNOWN] = "no root reaches it, and its reference counts do not "
                        "tell who holds it",
};

static const char *
held_sentence(const struct cli_loaded *loaded, px_node node)
{
    if (px_graph_end(loaded->graph) != PX_END_COMPLETE)
        return "no root reaches it in this part of a snapshot: what holds it "
               "may be in the part that is missing";
    return held_sentences[px_paths_held_by(loaded->paths, node, 0, NULL)];
}

static void
path_of_object(struct cli *cli, struct cli_loaded *loaded, px_node node)
{
    if (cli->opt.json) {
        steps_json(cli, loaded, node);
        return;
    }
    if (px_paths_is_reached(loaded->paths, node)) {
        steps_table(cli, loaded, node);
        return;
    }
    char text[4096], shown[4096];
    printf("%s\n",
           cli_text(cli,
                    object_held(cli, loaded, node, false, sizeof text, text),
                    sizeof shown, shown));
    cli_note(cli, "%s", held_sentence(loaded, node));
}

/* ---- a type: its instances grouped ---- */

static void
groups_json(struct cli *cli, struct cli_loaded *loaded,
            const struct cli_pick *pick, const struct px_path_groups *groups,
            size_t shown)
{
    json_t *head = jsonout_head(cli, loaded);
    json_object_set_new(head, "type", jsonout_text(pick->type));
    json_object_set_new(head, "count", json_integer(pick->n));
    json_object_set_new(head, "n_groups",
                        json_integer((json_int_t)groups->n_groups));
    jsonout_begin(cli, head, "groups");
    for (size_t i = 0; i < shown; i++) {
        const struct px_path_group *group = &groups->groups[i];
        bool is_reached = group->held_by == PX_HELD_ROOT;
        char root[OBJECT_TEXT];
        json_t *row = json_pack("{s:I}", "count", (json_int_t)group->count);
        json_object_set_new(
            row, "root",
            is_reached ? jsonout_text(object_root(loaded, group->example, true,
                                                  sizeof root, root))
                       : json_null());
        json_object_set_new(row, "held_by",
                            json_string(px_held_name(group->held_by)));
        json_object_set_new(
            row, "path", is_reached ? jsonout_text(group->line) : json_null());
        if (!is_reached && group->line[0] != '\0')
            json_object_set_new(row, "cycle", jsonout_text(group->line));
        json_object_set_new(
            row, "example",
            jsonout_addr(px_node_addr(loaded->graph, group->example)));
        jsonout_row(cli, row);
    }
    jsonout_end(cli);
}

/* A path is never cut: its end is the answer. */
static void
groups_table(struct cli *cli, const struct cli_pick *pick,
             const struct px_path_groups *groups, size_t shown)
{
    static const struct table_column columns[] = {
        {NULL, TABLE_RIGHT, CLI_FIGURE, 0},
        {NULL, TABLE_LEFT, CLI_NAME, 0},
    };
    struct table *table = table_new(cli, columns, 2);
    char all[PX_FIGURE_MAX], count[PX_FIGURE_MAX], more[PX_COUNTED_MAX];
    px_text_count(pick->n, all);
    for (size_t i = 0; i < shown; i++) {
        const struct px_path_group *group = &groups->groups[i];
        char text[4096];
        px_text_count(group->count, count);
        snprintf(text, sizeof text, i == 0 ? "%s of %s" : "%s", count, all);
        table_text(table, text);
        table_text(table, object_held_line(group->held_by, group->line,
                                           sizeof text, text));
        table_row_end(table);
    }
    table_free(table);
    if (pick->n == 0)
        cli_note(cli, "%s has no instances in this snapshot", pick->type);
    else if (shown < groups->n_groups)
        cli_note(cli, "%s; -n 0 shows all",
                 px_text_counted(groups->n_groups - shown, "more group", more));
}

static enum px_status
path_of_type(struct cli *cli, struct cli_loaded *loaded,
             const struct cli_pick *pick, struct px_err *err)
{
    struct px_path_groups *groups = px_path_groups_new(
        loaded->paths, pick->nodes, pick->n, &cli->work, err);
    cli_progress_clear(cli->progress);
    if (groups == NULL)
        return cli_interrupted(cli, err->status, err);
    uint64_t limit = cli_limit(cli, TABLE_ROWS);
    size_t shown = limit != 0 && limit < groups->n_groups ? (size_t)limit
                                                          : groups->n_groups;
    if (cli->opt.json)
        groups_json(cli, loaded, pick, groups, shown);
    else
        groups_table(cli, pick, groups, shown);
    px_path_groups_free(groups);
    return PX_OK;
}

enum px_status
cmd_path(struct cli *cli, struct px_err *err)
{
    struct cli_loaded loaded;
    struct cli_pick pick = {.node = PX_NONE};
    enum px_status status = cli_load(cli, cli->args[0], &loaded, err);
    if (status == PX_OK)
        status = cli_pick_any(cli, loaded.graph, cli->args[1], &pick, err);
    if (status == PX_OK)
        status = cli_load_paths(cli, &loaded, err);
    if (status == PX_OK) {
        if (pick.node != PX_NONE)
            path_of_object(cli, &loaded, pick.node);
        else
            status = path_of_type(cli, &loaded, &pick, err);
    }
    cli_pick_done(&pick);
    cli_loaded_done(&loaded);
    return status;
}
