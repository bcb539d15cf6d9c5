/* memory.c — is what a process takes Python's objects at all?
 *
 * What the kernel counts (rss, and of it mapped files) beside what the objects
 * add up to, what is free inside pymalloc's arenas, and, for who asks, what
 * malloc has: answering holds malloc's locks, and a file has no malloc. The
 * same snapshot gets the same verdict from the process and from its file.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/memory.h"

#include <string.h>

#include "base/text.h"
#include "cli/session.h"

/* An interpreter and its libraries take that much anyway. */
#define SMALL_BYTES (64u << 20)

static uint64_t
figure(const json_t *json, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(json, key));
    return value > 0 ? (uint64_t)value : 0;
}

/* Pools of pymalloc: 16 KiB since 3.10 (gh-81057), 4 KiB before. */
static uint64_t
pool_bytes(const char *python)
{
    unsigned major, minor;
    if (sscanf(python, "%u.%u", &major, &minor) != 2)
        return 0;
    return major > 3 || minor >= 10 ? 16u << 10 : 4u << 10;
}

/* What no block is in use for: in pools that are in use, their heads
 * included, and in all that ever were. An arena's other pools were never
 * touched, and an arena without any block is given back. */
static void
take_allocator(const struct px_graph *graph, struct memory *memory)
{
    uint64_t pool = pool_bytes(px_graph_header(graph)->python);
    uint64_t pools = 0, in_use = 0;
    for (size_t i = 0; i < px_graph_n_block_classes(graph); i++) {
        const struct px_block_class *row = px_graph_block_class(graph, i);
        pools += row->n[PX_BLOCK_POOLS] * pool;
        in_use += row->n[PX_BLOCK_IN_USE] * row->bytes;
    }
    uint64_t touched = px_graph_footer(graph, PX_FOOTER_ARENA_POOL_BYTES);
    memory->pool_free = pools > in_use ? pools - in_use : 0;
    memory->n_arenas = px_graph_footer(graph, PX_FOOTER_ARENAS);
    memory->arena_bytes = px_graph_footer(graph, PX_FOOTER_ARENA_BYTES);
    memory->has_arenas = memory->n_arenas > 0;
    memory->has_arena_free =
        memory->has_arenas && px_graph_blocks(graph) == PX_BLOCKS_KNOWN;
    if (memory->has_arena_free && touched > in_use)
        memory->arena_free = touched - in_use;
}

void
memory_take(const struct cli_loaded *loaded, struct memory *out)
{
    const struct px_graph *graph = loaded->graph;
    const struct px_header *header = px_graph_header(graph);
    *out = (struct memory){
        .is_live = loaded->target.kind != PX_TARGET_FILE,
        .rss = header->rss,
        .file = header->rss_file,
        .blocks = header->allocated_blocks,
        .verdict = "unknown",
    };
    take_allocator(graph, out);
    for (px_type t = 0; t < px_graph_n_types(graph); t++)
        out->objects += px_type_bytes(graph, t);
}

/* An older agent does not know the question. */
enum px_status
memory_ask(struct cli *cli, const struct px_target *target,
           struct memory *memory, struct px_err *err)
{
    json_t *reply = NULL;
    if (!memory->is_live) {
        if (cli->opt.malloc_too)
            cli_warn(cli, "a file knows nothing of malloc: --malloc is for "
                          "running processes");
        return PX_OK;
    }
    struct session *session = session_new(cli, target, err);
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
    memory->asked_malloc = cli->opt.malloc_too;
    memory->has_malloc = json_is_object(of_malloc);
    memory->malloc_used = figure(of_malloc, "in_use_bytes");
    memory->malloc_free = figure(of_malloc, "free_bytes");
    json_decref(reply);
    return PX_OK;
}

/* ---- the verdict ---- */
static uint64_t
unused_bytes(const struct memory *memory)
{
    return memory->malloc_free +
           (memory->has_arena_free ? memory->arena_free : memory->pool_free);
}

/* What "native" may be beside, as far as it is not known. */
static const char *
doubt(const struct memory *memory)
{
    if (memory->has_malloc)
        return memory->has_arena_free ? ""
                                      : ", or free inside Python's own arenas";
    if (memory->asked_malloc)
        return ", or free inside malloc, which cannot be asked";
    if (memory->is_live)
        return ", or free inside malloc (--malloc tells)";
    return ", or free inside malloc, which a file does not know (of a running "
           "process --malloc tells)";
}

static const char *
verdict_of(const struct memory *memory)
{
    if (memory->rss == 0)
        return "unknown";
    if (memory->objects >= memory->rss / 2)
        return "python";
    if (memory->rss < memory->objects + memory->file + SMALL_BYTES)
        return "small";
    if (unused_bytes(memory) >= memory->other)
        return "fragmentation";
    return memory->file > 0 ? "native" : "unknown";
}

void
memory_judge(struct memory *memory)
{
    char rss[PX_FIGURE_MAX], objects[PX_FIGURE_MAX], other[PX_FIGURE_MAX];
    char unused[PX_FIGURE_MAX];
    uint64_t explained = memory->objects + unused_bytes(memory) + memory->file;
    memory->other = memory->rss > explained ? memory->rss - explained : 0;
    memory->verdict = verdict_of(memory);
    px_text_bytes(memory->rss, rss);
    px_text_bytes(memory->objects, objects);
    px_text_bytes(memory->other, other);
    px_text_bytes(unused_bytes(memory), unused);
    int used = snprintf(memory->sentence, sizeof memory->sentence,
                        "the Python objects are %s", objects);
    char *at = memory->sentence + used;
    size_t room = sizeof memory->sentence - (size_t)used;
    if (memory->rss == 0)
        snprintf(at, room, "; how much the process takes is not known");
    else if (strcmp(memory->verdict, "python") == 0)
        snprintf(at, room, " of %s rss: look at them", rss);
    else if (strcmp(memory->verdict, "small") == 0)
        snprintf(at, room,
                 " of %s rss; the rest is no more than an interpreter with "
                 "its libraries may take",
                 rss);
    else if (strcmp(memory->verdict, "fragmentation") == 0)
        snprintf(at, room,
                 " of %s rss, and %s is free inside allocators: "
                 "fragmentation, not a leak",
                 rss, unused);
    else if (strcmp(memory->verdict, "unknown") == 0)
        snprintf(at, room,
                 " of %s rss; %s is mapped files or native memory: the "
                 "snapshot does not say how much is which",
                 rss, other);
    else
        snprintf(at, room,
                 " of %s rss; %s is native memory%s: look beyond the objects",
                 rss, other, doubt(memory));
}

/* ---- what is said ---- */
static json_t *
known(uint64_t value)
{
    return value > 0 ? json_integer((json_int_t)value) : json_null();
}

json_t *
memory_json(const struct memory *memory)
{
    json_t *arenas = json_null(), *of_malloc = json_null();
    if (memory->has_arenas)
        arenas =
            json_pack("{s:I, s:I, s:o}", "count", (json_int_t)memory->n_arenas,
                      "bytes", (json_int_t)memory->arena_bytes, "free_bytes",
                      memory->has_arena_free
                          ? json_integer((json_int_t)memory->arena_free)
                          : json_null());
    if (memory->has_malloc)
        of_malloc = json_pack("{s:I, s:I}", "in_use_bytes",
                              (json_int_t)memory->malloc_used, "free_bytes",
                              (json_int_t)memory->malloc_free);
    return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:s}",
                     "rss_bytes", known(memory->rss), "object_bytes",
                     (json_int_t)memory->objects, "file_bytes",
                     known(memory->file), "pool_free_bytes",
                     known(memory->pool_free), "arenas", arenas,
                     "allocated_blocks", known(memory->blocks), "malloc",
                     of_malloc, "other_bytes", (json_int_t)memory->other,
                     "verdict", memory->verdict, "sentence", memory->sentence);
}

void
memory_print_allocators(const struct cli *cli, const struct memory *memory)
{
    char count[PX_COUNTED_MAX], bytes[PX_FIGURE_MAX], blocks[PX_FIGURE_MAX];
    char unused[PX_FIGURE_MAX];
    printf("Python's allocator: ");
    if (memory->has_arenas)
        printf("%s, %s", px_text_counted(memory->n_arenas, "arena", count),
               px_text_bytes(memory->arena_bytes, bytes));
    else
        printf("its arenas are not known");
    if (memory->has_arena_free)
        printf(", %s free in them", px_text_bytes(memory->arena_free, unused));
    if (memory->blocks > 0)
        printf(", %s blocks in use", px_text_count(memory->blocks, blocks));
    if (memory->has_malloc)
        printf("\nmalloc: %s in use, large Python objects among it, %s free\n",
               px_text_bytes(memory->malloc_used, bytes),
               px_text_bytes(memory->malloc_free, unused));
    else
        printf("\nmalloc: %s\n", !memory->is_live ? "a file knows nothing of it"
                                 : cli->opt.malloc_too
                                     ? "the target's cannot be asked"
                                     : "not asked (--malloc)");
}
