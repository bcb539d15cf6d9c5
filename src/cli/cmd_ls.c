/* cmd_ls.c — `ls`: who is serving here.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/table.h"

static json_t *
server_json(const struct px_server_info *server)
{
    return json_pack(
        "{s:i, s:i, s:I, s:o, s:o, s:o, s:o, s:I}", "pid", (int)server->pid,
        "parent", (int)server->parent, "uid", (json_int_t)server->uid,
        "command", jsonout_text(server->command), "python",
        jsonout_text(server->python), "socket", jsonout_text(server->path),
        "port", server->port > 0 ? json_integer(server->port) : json_null(),
        "rss_bytes", (json_int_t)server->rss_bytes);
}

static void
servers_json(struct cli *cli, const struct px_server_info *servers, size_t n)
{
    jsonout_begin(cli, json_pack("{s:s}", "command", cli->command->name),
                  "servers");
    for (size_t i = 0; i < n; i++)
        jsonout_row(cli, server_json(&servers[i]));
    jsonout_end(cli);
}

/* With PYEXPLORE_DIR only its servers are looked for (client/servers.c). */
static void
note_nobody(struct cli *cli)
{
    const char *folder = getenv("PYEXPLORE_DIR");
    if (folder != NULL && folder[0] == '/')
        cli_note(cli,
                 "no process serves in %s; without PYEXPLORE_DIR all "
                 "processes are looked at",
                 folder);
    else
        cli_note(cli, "no process here serves");
    cli_note(cli, "a Python process does after");
    cli_note(cli, "  import pyexplore");
    cli_note(cli, "  pyexplore.serve()");
}

static void
servers_table(struct cli *cli, const struct px_server_info *servers, size_t n)
{
    static const struct table_column columns[] = {
        {"PID", TABLE_RIGHT, CLI_FIGURE, 0},
        {"PARENT", TABLE_RIGHT, CLI_FIGURE, 0},
        {"UID", TABLE_RIGHT, CLI_FIGURE, 0},
        {"PYTHON", TABLE_LEFT, CLI_PLAIN, 0},
        {"RSS", TABLE_RIGHT, CLI_FIGURE, 0},
        {"PORT", TABLE_RIGHT, CLI_FIGURE, 0},
        {"COMMAND", TABLE_CUT, CLI_TYPE, 16},
    };
    if (n == 0) {
        note_nobody(cli);
        return;
    }
    struct table *table = table_new(cli, columns, 7);
    for (size_t i = 0; i < n; i++) {
        const struct px_server_info *server = &servers[i];
        char text[24];
        snprintf(text, sizeof text, "%d", (int)server->pid);
        table_text(table, text);
        snprintf(text, sizeof text, "%d", (int)server->parent);
        table_text(table, text);
        snprintf(text, sizeof text, "%u", (unsigned)server->uid);
        table_text(table, text);
        table_text(table, server->python);
        table_bytes(table, server->rss_bytes);
        snprintf(text, sizeof text, "%d", server->port);
        table_text(table, server->port > 0 ? text : "-");
        table_text(table, server->command);
        table_row_end(table);
    }
    table_free(table);
}

enum px_status
cmd_ls(struct cli *cli, struct px_err *err)
{
    struct px_server_info *servers = NULL;
    size_t n = 0;
    enum px_status status = px_servers_list(&servers, &n, err);
    if (status != PX_OK)
        return status;
    if (cli->opt.json)
        servers_json(cli, servers, n);
    else
        servers_table(cli, servers, n);
    free(servers);
    return PX_OK;
}
