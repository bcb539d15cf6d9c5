/* jsonout.c — results as JSON on stdout.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/jsonout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* jansson returns NULL when memory ends, and we end with it. */
static json_t *
need(json_t *value)
{
    if (value == NULL)
        cli_no_memory();
    return value;
}

static size_t
dump_flags(const struct cli *cli)
{
    return (cli->ascii ? JSON_ENSURE_ASCII : 0) | JSON_ENCODE_ANY;
}

json_t *
jsonout_text(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    size_t n = strlen(text);
    size_t room = n * 4 + 1;
    char *shown = cli_alloc(room);
    px_text_escape(text, n, room, shown);
    value = need(json_string(shown));
    free(shown);
    return value;
}

json_t *
jsonout_addr(uint64_t addr)
{
    char text[20];
    snprintf(text, sizeof text, "%" PRIx64, addr);
    return need(json_string(text));
}

void
jsonout_print(struct cli *cli, json_t *value)
{
    cli->printed_json = true;
    json_dumpf(need(value), stdout, dump_flags(cli) | JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(value);
}

void
jsonout_line(struct cli *cli, json_t *value)
{
    json_dumpf(need(value), stdout, dump_flags(cli) | JSON_COMPACT);
    fputc('\n', stdout);
    cli_out_flush(cli);
    json_decref(value);
}

void
jsonout_begin(struct cli *cli, json_t *head, const char *name)
{
    const char *key;
    json_t *value;
    cli->printed_json = true;
    fputs("{\n", stdout);
    json_object_foreach(need(head), key, value)
    {
        fprintf(stdout, "  \"%s\": ", key);
        json_dumpf(value, stdout, dump_flags(cli));
        fputs(",\n", stdout);
    }
    fprintf(stdout, "  \"%s\": [", name);
    json_decref(head);
    cli->json_rows = 0;
}

void
jsonout_row(struct cli *cli, json_t *row)
{
    fputs(cli->json_rows++ == 0 ? "\n    " : ",\n    ", stdout);
    json_dumpf(need(row), stdout, dump_flags(cli));
    json_decref(row);
}

void
jsonout_end(struct cli *cli)
{
    fputs(cli->json_rows == 0 ? "]\n}\n" : "\n  ]\n}\n", stdout);
}

/* On one line: `growth` and others print lines, and so are they read. */
void
jsonout_error(struct cli *cli, const struct px_err *err, int exit_status)
{
    json_t *error =
        json_pack("{s:s, s:o, s:o, s:i}", "code", px_status_name(err->status),
                  "message", jsonout_text(err->msg), "hint",
                  jsonout_text(err->hint), "exit_status", exit_status);
    if (cli->candidates != NULL)
        json_object_set_new(need(error), "candidates",
                            json_incref(cli->candidates));
    jsonout_line(cli, json_pack("{s:o}", "error", need(error)));
}

/* A member of the snapshot's header, or null. */
static json_t *
header_member(const json_t *header, const char *key)
{
    json_t *value = json_object_get(header, key);
    return value == NULL ? json_null() : json_incref(value);
}

json_t *
jsonout_head(const struct cli *cli, const struct cli_loaded *loaded)
{
    const struct px_graph *graph = loaded->graph;
    const json_t *header = px_graph_header(graph)->json;
    enum px_end end = px_graph_end(graph);
    json_t *snapshot = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I}",
        "pid", header_member(header, "pid"), "command",
        header_member(header, "command"), "python",
        header_member(header, "python"), "time", header_member(header, "time"),
        "detail", header_member(header, "detail"), "complete",
        end == PX_END_COMPLETE && loaded->damage[0] == '\0', "end",
        px_end_name(end), "objects", (json_int_t)px_graph_n_nodes(graph),
        "edges", (json_int_t)px_graph_n_edges(graph), "types",
        (json_int_t)px_graph_n_types(graph), "pause_ns",
        (json_int_t)px_graph_footer(graph, PX_FOOTER_PAUSE_NS),
        "interpreters_left_out",
        (json_int_t)px_graph_footer(graph, PX_FOOTER_LEFT_OUT),
        "threads_left_out",
        (json_int_t)px_graph_footer(graph, PX_FOOTER_THREADS_LEFT_OUT));
    return need(json_pack("{s:s, s:o, s:o}", "command", cli->command->name,
                          "target", jsonout_text(loaded->target.text),
                          "snapshot", need(snapshot)));
}
