/* cmd_memory.c — `memory`: is what a process takes Python's objects at all?
 *
 * Figures side by side: what the kernel counts (rss, and of it mapped files),
 * what the objects of a snapshot add up to, and, for who asks, what malloc
 * has: answering holds malloc's locks. A file has no malloc: it is asked of a
 * live target only.
 *
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/memory.h"
#include "cli/session.h"
#include "cli/table.h"

/* An interpreter and its libraries take that much anyway. */
#define SMALL_BYTES (64u << 20)

struct memory {
    struct cli_loaded loaded;
    bool has_malloc;
    uint64_t rss;
    uint64_t file;    /* of it mapped files; 0: unknown */
    uint64_t blocks;  /* of pymalloc; 0: unknown */
    uint64_t objects; /* bytes */
    uint64_t pools;   /* free in pools that are in use; 0: unknown */
    uint64_t malloc_used;
    uint64_t malloc_free;
    uint64_t other;
    struct px_strays *strays;
    const char *verdict;
    char sentence[400];
};

static uint64_t
figure(const json_t *json, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(json, key));
    return value > 0 ? (uint64_t)value : 0;
}

/* Pools of pymalloc: 16 KiB since 3.10 (gh-81057), 4 KiB before. */
static uint64_t
pool_bytes(const json_t *header)
{
    const char *python = json_string_value(json_object_get(header, "python"));
    unsigned major, minor;
    if (python == NULL || sscanf(python, "%u.%u", &major, &minor) != 2)
        return 0;
    return major > 3 || minor >= 10 ? 16u << 10 : 4u << 10;
}

/* What no block of a pool is in use for, its header included. Pools and
 * arenas without any block in use are not among them. */
static void
take_pools(struct memory *memory, const json_t *header)
{
    const struct px_graph *graph = memory->loaded.graph;
    uint64_t pool = pool_bytes(header);
    uint64_t all = 0, in_use = 0;
    for (size_t i = 0; i < px_graph_n_block_classes(graph); i++) {
        const struct px_block_class *row = px_graph_block_class(graph, i);
        all += row->n[PX_BLOCK_POOLS] * pool;
        in_use += row->n[PX_BLOCK_IN_USE] * row->bytes;
    }
    memory->pools = all > in_use ? all - in_use : 0;
}

static void
take_header(struct memory *memory)
{
    json_t *header = json_loads(px_graph_header(memory->loaded.graph), 0, NULL);
    memory->rss = figure(header, "rss");
    memory->blocks = figure(header, "allocated_blocks");
    take_pools(memory, header);
    json_decref(header);
}

/* What the process says itself; an older agent does not know the question. */
static enum px_status
take_live(struct cli *cli, struct memory *memory, struct px_err *err)
{
    json_t *reply = NULL;
    struct session *session = session_new(cli, &memory->loaded.target, err);
    if (session == NULL)
        return err->status;
    enum px_status status =
        session_call(session, PX_MSG_MEMORY,
                     json_pack("{s:b}", "malloc", cli->opt.malloc_too),
                     "waiting for the target", NULL, &reply, err);
    session_free(session);
    cli_progress_clear(cli->progress);
    if (status == PX_EUNSUPPORTED) {
        cli_note(cli, "malloc is not known: %s", err->msg);
        *err = (struct px_err){.status = PX_OK};
        return PX_OK;
    }
    if (status != PX_OK)
        return status;
    const json_t *of_malloc = json_object_get(reply, "malloc");
    memory->rss = figure(reply, "rss_bytes");
    memory->file = figure(reply, "file_bytes");
    memory->blocks = figure(reply, "allocated_blocks");
    memory->has_malloc = json_is_object(of_malloc);
    memory->malloc_used = figure(of_malloc, "in_use_bytes");
    memory->malloc_free = figure(of_malloc, "free_bytes");
    json_decref(reply);
    return PX_OK;
}

static void
judge(struct memory *memory)
{
    char rss[PX_FIGURE_MAX], objects[PX_FIGURE_MAX], other[PX_FIGURE_MAX];
    char unused[PX_FIGURE_MAX];
    const struct px_graph *graph = memory->loaded.graph;
    for (px_type t = 0; t < px_graph_n_types(graph); t++)
        memory->objects += px_type_bytes(graph, t);
    uint64_t unused_bytes = memory->malloc_free + memory->pools;
    uint64_t explained = memory->objects + unused_bytes + memory->file;
    memory->other = memory->rss > explained ? memory->rss - explained : 0;
    px_text_bytes(memory->rss, rss);
    px_text_bytes(memory->objects, objects);
    px_text_bytes(memory->other, other);
    px_text_bytes(unused_bytes, unused);
    size_t room = sizeof memory->sentence;
    if (memory->rss == 0) {
        memory->verdict = "unknown";
        snprintf(memory->sentence, room,
                 "the Python objects are %s; how much the process takes is "
                 "not known",
                 objects);
    } else if (memory->objects >= memory->rss / 2) {
        memory->verdict = "python";
        snprintf(memory->sentence, room,
                 "the Python objects are %s of %s rss: look at them", objects,
                 rss);
    } else if (memory->rss < memory->objects + memory->file + SMALL_BYTES) {
        memory->verdict = "small";
        snprintf(memory->sentence, room,
                 "the Python objects are %s of %s rss; the rest is no more "
                 "than an interpreter with its libraries may take",
                 objects, rss);
    } else if (unused_bytes >= memory->other) {
        memory->verdict = "fragmentation";
        snprintf(memory->sentence, room,
                 "the Python objects are %s of %s rss, and %s is free inside "
                 "allocators: fragmentation, not a leak",
                 objects, rss, unused);
    } else {
        memory->verdict = "native";
        snprintf(
            memory->sentence, room,
            "the Python objects are %s of %s rss; %s is native memory, "
            "or free inside Python's own arenas%s: look beyond the objects",
            objects, rss, other,
            memory->has_malloc ? ""
                               : " or free inside malloc (--malloc tells)");
    }
}

static void
memory_json(struct cli *cli, const struct memory *memory)
{
    json_t *out = jsonout_head(cli, &memory->loaded);
    json_t *more = json_pack(
        "{s:o, s:I, s:o, s:o, s:o, s:o, s:I, s:s, s:s}", "rss_bytes",
        memory->rss > 0 ? json_integer((json_int_t)memory->rss) : json_null(),
        "object_bytes", (json_int_t)memory->objects, "file_bytes",
        memory->file > 0 ? json_integer((json_int_t)memory->file) : json_null(),
        "pool_free_bytes",
        memory->pools > 0 ? json_integer((json_int_t)memory->pools)
                          : json_null(),
        "allocated_blocks",
        memory->blocks > 0 ? json_integer((json_int_t)memory->blocks)
                           : json_null(),
        "malloc",
        memory->has_malloc
            ? json_pack("{s:I, s:I}", "in_use_bytes",
                        (json_int_t)memory->malloc_used, "free_bytes",
                        (json_int_t)memory->malloc_free)
            : json_null(),
        "other_bytes", (json_int_t)memory->other, "verdict", memory->verdict,
        "sentence", memory->sentence);
    json_object_update(out, more);
    json_decref(more);
    memory_blocks_json(memory->loaded.graph, memory->strays, out);
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
memory_table(struct cli *cli, const struct memory *memory)
{
    static const struct table_column columns[] = {
        {"SIZE", TABLE_RIGHT, CLI_FIGURE, 0},
        {"OF RSS", TABLE_RIGHT, CLI_FIGURE, 0},
        {"WHAT", TABLE_LEFT, CLI_PLAIN, 0},
    };
    char blocks[PX_FIGURE_MAX];
    struct table *table = table_new(cli, columns, 3);
    if (memory->rss > 0)
        put_bytes(table, memory, "resident memory (rss)", memory->rss);
    put_bytes(table, memory, "Python objects", memory->objects);
    if (memory->pools > 0)
        put_bytes(table, memory, "free inside pools of Python's allocator",
                  memory->pools);
    if (memory->has_malloc)
        put_bytes(table, memory, "free inside malloc", memory->malloc_free);
    if (memory->file > 0)
        put_bytes(table, memory, "mapped files: libraries above all",
                  memory->file);
    put_bytes(table, memory, "none of these", memory->other);
    table_free(table);
    if (memory->has_malloc)
        printf("%s in use inside malloc, large Python objects among it\n",
               px_text_bytes(memory->malloc_used, blocks));
    if (memory->blocks > 0)
        printf("%s blocks of Python's allocator in use\n",
               px_text_count(memory->blocks, blocks));
    memory_blocks_table(cli, memory->loaded.graph, memory->strays);
    printf("%s\n", memory->sentence);
}

enum px_status
cmd_memory(struct cli *cli, struct px_err *err)
{
    struct memory memory = {.verdict = "unknown"};
    enum px_status status = cli_load(cli, cli->args[0], &memory.loaded, err);
    if (status == PX_OK)
        take_header(&memory);
    if (status == PX_OK && memory.loaded.target.kind != PX_TARGET_FILE)
        status = take_live(cli, &memory, err);
    if (status == PX_OK) {
        memory.strays = px_strays_new(memory.loaded.graph, err);
        status = memory.strays == NULL ? PX_ENOMEM : PX_OK;
    }
    if (status == PX_OK) {
        judge(&memory);
        if (cli->opt.json)
            memory_json(cli, &memory);
        else
            memory_table(cli, &memory);
    }
    px_strays_free(memory.strays);
    cli_loaded_done(&memory.loaded);
    return status;
}
