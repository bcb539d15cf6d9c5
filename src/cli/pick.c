/* pick.c — what a TYPE or ADDR argument means in this snapshot.
 *
 * A type is named by its qualified name or its last part. Several type
 * objects may have the same full name (a class statement in a function makes
 * one for each call): they count as one type here. Different full names are
 * ambiguous, unless only one of them has instances.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define FOUND_MAX 256
#define SUGGEST_MAX 5

static void
add_candidate(struct cli *cli, const struct px_graph *graph, px_type type)
{
    if (cli->candidates == NULL)
        cli->candidates = json_array();
    const char *name = px_type_name(graph, type);
    json_t *known;
    size_t i;
    json_array_foreach(cli->candidates, i, known)
    {
        const char *text = json_string_value(known);
        if (text != NULL && strcmp(text, name) == 0)
            return;
    }
    json_array_append_new(cli->candidates, json_string(name));
}

/* "a, b or c" of the candidates, as many as fit into a hint. */
static void
list_candidates(const struct cli *cli, size_t out_bytes, char *out)
{
    size_t len = 0, n = json_array_size(cli->candidates);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const char *name =
            json_string_value(json_array_get(cli->candidates, i));
        if (name == NULL)
            continue;
        if (len + strlen(name) + 24 > out_bytes) {
            snprintf(out + len, out_bytes - len, " or %zu more", n - i);
            return;
        }
        len += (size_t)snprintf(out + len, out_bytes - len, "%s%s",
                                i == 0       ? ""
                                : i + 1 == n ? " or "
                                             : ", ",
                                name);
    }
}

static enum px_status
unknown_type(struct cli *cli, const struct px_graph *graph, const char *name,
             struct px_err *err)
{
    px_type near[SUGGEST_MAX];
    size_t n = px_type_suggest(graph, name, SUGGEST_MAX, near);
    for (size_t i = 0; i < n && i < SUGGEST_MAX; i++)
        add_candidate(cli, graph, near[i]);
    px_fail(err, PX_ENOTFOUND, "this snapshot has no type %.120s", name);
    if (n > 0) {
        char names[PX_ERR_HINT - 20];
        list_candidates(cli, sizeof names, names);
        px_err_hint(err, "did you mean %s?", names);
    } else {
        px_err_hint(err, "`pyexplore types TARGET -n 0` lists all types");
    }
    return PX_ENOTFOUND;
}

/* Several full names: the only one with instances, else an error. */
static enum px_status
choose_type(struct cli *cli, const struct px_graph *graph, const char *name,
            const px_type *found, size_t n, px_type *out, struct px_err *err)
{
    const char *full = NULL;
    bool same = true, alive_same = true;
    px_type alive = PX_NONE;
    for (size_t i = 0; i < n; i++) {
        const char *one = px_type_name(graph, found[i]);
        same &= full == NULL || strcmp(one, full) == 0;
        full = one;
        if (px_type_count(graph, found[i]) == 0)
            continue;
        alive_same &=
            alive == PX_NONE || strcmp(one, px_type_name(graph, alive)) == 0;
        alive = found[i];
    }
    *out = alive != PX_NONE ? alive : found[0];
    if (same)
        return PX_OK;
    if (alive != PX_NONE && alive_same) {
        cli_note(cli, "%s is %s; others of that name have no instances", name,
                 px_type_name(graph, alive));
        return PX_OK;
    }
    for (size_t i = 0; i < n; i++)
        add_candidate(cli, graph, found[i]);
    char names[PX_ERR_HINT - 20];
    list_candidates(cli, sizeof names, names);
    px_fail(err, PX_EINVAL, "%zu types are called %.100s",
            json_array_size(cli->candidates), name);
    px_err_hint(err, "say %s", names);
    return PX_EINVAL;
}

static int
compare_nodes(const void *a, const void *b)
{
    px_node x = *(const px_node *)a, y = *(const px_node *)b;
    return x < y ? -1 : x > y;
}

static enum px_status
collect_instances(const struct px_graph *graph, const px_type *found, size_t n,
                  struct cli_pick *out, struct px_err *err)
{
    size_t parts = 0;
    for (size_t i = 0; i < n; i++) {
        px_node *nodes;
        uint32_t count;
        if (strcmp(px_type_name(graph, found[i]), out->type) != 0)
            continue;
        enum px_status status =
            px_type_instances(graph, found[i], &nodes, &count, err);
        if (status != PX_OK) {
            free(out->nodes);
            return status;
        }
        if (count > 0) {
            parts++;
            out->nodes = cli_realloc(out->nodes,
                                     ((size_t)out->n + count) * sizeof *nodes);
            memcpy(out->nodes + out->n, nodes, count * sizeof *nodes);
            out->n += count;
        }
        free(nodes);
    }
    if (parts > 1)
        qsort(out->nodes, out->n, sizeof *out->nodes, compare_nodes);
    return PX_OK;
}

enum px_status
cli_pick_type(struct cli *cli, const struct px_graph *graph, const char *name,
              struct cli_pick *out, struct px_err *err)
{
    size_t n = px_type_find(graph, name, 0, NULL);
    if (n == 0)
        return unknown_type(cli, graph, name, err);
    px_type *found = cli_alloc(n * sizeof *found);
    px_type_find(graph, name, n, found);
    px_type type;
    enum px_status status = choose_type(cli, graph, name, found, n, &type, err);
    *out = (struct cli_pick){.node = PX_NONE};
    if (status == PX_OK) {
        out->type = px_type_name(graph, type);
        status = collect_instances(graph, found, n, out, err);
    }
    free(found);
    return status;
}

enum px_status
cli_pick_addr(const struct px_graph *graph, const char *text,
              struct cli_pick *out, struct px_err *err)
{
    uint64_t addr;
    if (!cli_parse_addr(text, &addr)) {
        px_fail(err, PX_EINVAL, "'%.60s' is not an address", text);
        px_err_hint(err, "an address is hexadecimal: 7f3a5c0d2e40; "
                         "`pyexplore instances TARGET TYPE` prints some");
        return PX_EINVAL;
    }
    px_node node = px_node_find(graph, addr);
    if (node == PX_NONE) {
        px_fail(err, PX_ENOTFOUND, "this snapshot has no object at %.20s",
                text);
        px_err_hint(err, "it may be gone by now: a live target is walked "
                         "anew by each command; work on a file that "
                         "`pyexplore snapshot` wrote");
        return PX_ENOTFOUND;
    }
    *out = (struct cli_pick){
        .node = node, .type = px_type_name(graph, px_node_type(graph, node))};
    return PX_OK;
}

/* A name of hex digits only ("Cafe") is a type if the snapshot has it. */
enum px_status
cli_pick_any(struct cli *cli, const struct px_graph *graph, const char *text,
             struct cli_pick *out, struct px_err *err)
{
    uint64_t addr;
    if (cli_parse_addr(text, &addr) && px_type_find(graph, text, 0, NULL) == 0)
        return cli_pick_addr(graph, text, out, err);
    return cli_pick_type(cli, graph, text, out, err);
}

void
cli_pick_done(struct cli_pick *pick)
{
    free(pick->nodes);
    *pick = (struct cli_pick){.node = PX_NONE};
}
