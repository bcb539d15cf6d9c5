/* cmd_memory.c — `memory`: the figures of memory.c side by side.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/memory.h"
#include "cli/table.h"

static void
print_json(struct cli *cli, const struct cli_loaded *loaded,
           const struct memory *memory, const struct px_strays *strays)
{
    json_t *out = jsonout_head(cli, loaded);
    json_t *more = memory_json(memory);
    json_object_update(out, more);
    json_decref(more);
    memory_blocks_json(loaded->graph, strays, out);
    jsonout_print(cli, out);
}

static void
put_bytes(struct table *table, const struct memory *memory, const char *name,
          uint64_t bytes)
{
    char share[32] = "";
    if (memory->rss > 0)
        snprintf(share, sizeof share, "%.1f %%",
                 100.0 * (double)bytes / (double)memory->rss);
    table_bytes(table, bytes);
    table_text(table, share);
    table_text(table, name);
    table_row_end(table);
}

static void
print_table(struct cli *cli, const struct cli_loaded *loaded,
            const struct memory *memory, const struct px_strays *strays)
{
    static const struct table_column columns[] = {
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"OF RSS", TABLE_RIGHT, CLI_FIGURE, 0},
        {"WHAT", TABLE_LEFT, CLI_PLAIN, 0},
    };
    struct table *table = table_new(cli, columns, 3);
    if (memory->rss > 0)
        put_bytes(table, memory, "resident memory (rss)", memory->rss);
    put_bytes(table, memory, "Python objects", memory->objects);
    if (memory->has_arena_free)
        put_bytes(table, memory, "free inside arenas of Python's allocator",
                  memory->arena_free);
    else if (memory->pool_free > 0)
        put_bytes(table, memory, "free inside pools of Python's allocator",
                  memory->pool_free);
    if (memory->has_malloc)
        put_bytes(table, memory, "free inside malloc", memory->malloc_free);
    if (memory->file > 0)
        put_bytes(table, memory, "mapped files: libraries above all",
                  memory->file);
    put_bytes(table, memory, "none of these", memory->other);
    table_free(table);
    memory_print_allocators(cli, memory);
    memory_blocks_table(cli, loaded->graph, strays);
    printf("%s\n", memory->sentence);
}

enum px_status
cmd_memory(struct cli *cli, struct px_err *err)
{
    struct cli_loaded loaded;
    struct memory memory;
    struct px_strays *strays = NULL;
    enum px_status status = cli_load(cli, cli->args[0], &loaded, err);
    if (status == PX_OK) {
        memory_take(&loaded, &memory);
        status = memory_ask(cli, &loaded.target, &memory, err);
    }
    if (status == PX_OK) {
        strays = px_strays_new(loaded.graph, err);
        status = strays == NULL ? PX_ENOMEM : PX_OK;
    }
    if (status == PX_OK) {
        memory_judge(&memory);
        if (cli->opt.json)
            print_json(cli, &loaded, &memory, strays);
        else
            print_table(cli, &loaded, &memory, strays);
    }
    px_strays_free(strays);
    cli_loaded_done(&loaded);
    return status;
}
