/* load.c — from a TARGET argument to a graph and its paths.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include <pyexplore/analysis.h>

#include "base/text.h"

/* From so many objects on the user is asked; $PYEXPLORE_ASK_OBJECTS. */
#define ASK_OBJECTS 10000000u
#define CONNECT_MS 10000
/* Of child, loopback and builder together, on the slowest machine that we
 * measured: only to say "some seconds" or "some minutes". */
#define OBJECTS_PER_SECOND 3000000u

enum px_status
cli_target(struct cli *cli, const char *text, struct px_target *out,
           struct px_err *err)
{
    enum px_status status = px_target_parse(text, out, err);
    if (status == PX_OK && cli->opt.key_file != NULL)
        snprintf(out->key_file, sizeof out->key_file, "%s", cli->opt.key_file);
    return status;
}

enum px_status
cli_count_files(struct cli *cli, int *out, struct px_err *err)
{
    int n_files = 0;
    for (int i = 0; i < cli->n_args; i++) {
        struct px_target target;
        enum px_status status = cli_target(cli, cli->args[i], &target, err);
        if (status != PX_OK)
            return status;
        n_files += target.kind == PX_TARGET_FILE;
    }
    *out = n_files;
    return PX_OK;
}

enum px_status
cli_detail(const struct cli *cli, enum px_detail *out, struct px_err *err)
{
    static const char *const names[] = {
#define X(number, member, name) [number] = name,
        PX_DETAIL_LIST(X)
#undef X
    };
    *out = PX_DETAIL_VALUES;
    if (cli->opt.detail == NULL)
        return PX_OK;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], cli->opt.detail) == 0) {
            *out = (enum px_detail)i;
            return PX_OK;
        }
    }
    px_fail(err, PX_EINVAL, "there is no detail '%s'", cli->opt.detail);
    px_err_hint(err, "--detail types, names or values");
    return PX_EINVAL;
}

bool
cli_is_large(uint64_t objects)
{
    const char *text = getenv("PYEXPLORE_ASK_OBJECTS");
    uint64_t from = text != NULL ? strtoull(text, NULL, 10) : 0;
    return objects >= (from > 0 ? from : ASK_OBJECTS);
}

/* A yes is for all rounds of one target; --yes is for all targets. */
static bool
is_agreed(const struct cli *cli, const struct px_target *target)
{
    bool is_found = cli->opt.yes;
    for (size_t i = 0; !is_found && i < cli->n_agreed; i++)
        is_found = strcmp(cli->agreed[i], target->text) == 0;
    return is_found;
}

static void
agree(struct cli *cli, const struct px_target *target)
{
    cli->agreed =
        cli_realloc(cli->agreed, (cli->n_agreed + 1) * sizeof *cli->agreed);
    cli->agreed[cli->n_agreed++] = cli_dup(target->text, strlen(target->text));
}

enum px_status
cli_confirm_size(struct cli *cli, const struct px_target *target,
                 uint64_t objects, uint64_t bytes, struct px_err *err)
{
    char count[PX_FIGURE_MAX], size[PX_FIGURE_MAX], time[PX_FIGURE_MAX];
    char cost[160], question[PX_ERR_TEXT];
    px_text_count(objects, count);
    px_text_bytes(bytes, size);
    px_text_ns(objects * (1000000000u / OBJECTS_PER_SECOND), time);
    snprintf(cost, sizeof cost, "about %s objects, %s to transfer, some %s",
             count, size, time);
    if (!cli->err_tty) {
        px_fail(err, PX_ELIMIT, "%.60s has %s", target->text, cost);
        px_err_hint(err, "say --yes if that is meant");
        return PX_ELIMIT;
    }
    snprintf(question, sizeof question, "%.60s has %s. Go on?", target->text,
             cost);
    if (!cli_ask(cli, question))
        return px_fail(err, PX_ECANCELED, "not started, as you said");
    agree(cli, target);
    return PX_OK;
}

int
cli_connect_ms(const struct cli *cli)
{
    double ms = cli->opt.timeout * 1000;
    return ms > 0 && ms < CONNECT_MS ? (int)ms + 1 : CONNECT_MS;
}

struct load_state {
    struct cli *cli;
    const struct px_target *target;
    uint64_t objects; /* of a snapshot that needs the user's word */
    uint64_t bytes;
};

static void
on_progress(void *context, const json_t *body, const struct px_builder *builder)
{
    const struct load_state *state = context;
    struct px_builder_counts counts = {0};
    if (builder != NULL)
        px_builder_counts(builder, &counts);
    cli_progress_snapshot(state->cli->progress, body, counts.objects,
                          counts.estimated_objects, counts.stored_bytes);
}

/* Nobody is asked here, where the child already walks and its spool fills:
 * the snapshot is given up, and begun anew after the answer. */
static bool
on_confirm(void *context, uint64_t objects, uint64_t bytes)
{
    struct load_state *state = context;
    if (is_agreed(state->cli, state->target) ||
        state->target->kind == PX_TARGET_FILE || !cli_is_large(objects))
        return true;
    state->objects = objects;
    state->bytes = bytes;
    return false;
}

static enum px_status
check_whole(struct cli *cli, struct cli_loaded *loaded)
{
    char left_out[PX_ERR_TEXT];
    px_graph_left_out(loaded->graph, sizeof left_out, left_out);
    if (left_out[0] != '\0')
        cli_warn(cli, "the snapshot is %s", left_out);
    enum px_end end = px_graph_end(loaded->graph);
    loaded->is_whole = end == PX_END_COMPLETE && loaded->damage[0] == '\0';
    if (loaded->is_whole)
        return PX_OK;
    cli_warn(cli, "the snapshot is not whole: %s",
             loaded->damage[0] != '\0' ? loaded->damage : px_end_sentence(end));
    cli_hint(cli, "%s%s",
             loaded->target.kind == PX_TARGET_FILE
                 ? "copy it again, or take another: pyexplore snapshot TARGET "
                   "-o FILE.pxs"
                 : "take it again",
             cli->opt.keep_going ? ""
                                 : "; --keep-going makes the exit status 0");
    if (!cli->opt.keep_going)
        cli->exit_status = px_status_exit(PX_ETRUNCATED);
    return PX_OK;
}

enum px_status
cli_load(struct cli *cli, const char *text, struct cli_loaded *out,
         struct px_err *err)
{
    *out = (struct cli_loaded){0};
    struct px_load load = {0};
    struct load_state state = {.cli = cli, .target = &out->target};
    struct px_load_options options = {
        .stop_the_world = cli->opt.stop_the_world,
        .connect_ms = cli_connect_ms(cli),
        .work = &cli->work,
        .progress = on_progress,
        .confirm = on_confirm,
        .context = &state,
    };
    enum px_status status = cli_target(cli, text, &out->target, err);
    if (status == PX_OK)
        status = cli_detail(cli, &options.detail, err);
    if (status != PX_OK)
        return status;
    status = px_load(&out->target, &options, &load, err);
    if (status == PX_ECANCELED && state.objects > 0) {
        status = cli_confirm_size(cli, &out->target, state.objects, state.bytes,
                                  err);
        if (status == PX_OK) {
            options.confirm = NULL;
            status = px_load(&out->target, &options, &load, err);
        }
    }
    cli_progress_clear(cli->progress);
    /* "not found" is for what a snapshot does not have, not for a target */
    if (status == PX_ENOTFOUND)
        status = err->status = PX_ECONNECT;
    if (status != PX_OK)
        return cli_interrupted(cli, status, err);
    out->graph = load.graph;
    memcpy(out->damage, load.damage, sizeof out->damage);
    return check_whole(cli, out);
}

enum px_status
cli_need_whole(const struct cli *cli, const struct cli_loaded *loaded,
               const char *without, struct px_err *err)
{
    if (loaded->is_whole || cli->opt.keep_going)
        return PX_OK;
    px_fail(err, PX_ETRUNCATED, "%.200s is not whole: %s", loaded->target.text,
            without);
    px_err_hint(err, "--keep-going compares what there is");
    return PX_ETRUNCATED;
}

enum px_status
cli_load_paths(struct cli *cli, struct cli_loaded *loaded, struct px_err *err)
{
    loaded->paths = px_paths_new(loaded->graph, &cli->work, err);
    cli_progress_clear(cli->progress);
    if (loaded->paths == NULL)
        return cli_interrupted(cli, err->status, err);
    return PX_OK;
}

void
cli_loaded_done(struct cli_loaded *loaded)
{
    free(loaded->roots);
    free(loaded->named);
    px_paths_free(loaded->paths);
    px_graph_free(loaded->graph);
    *loaded = (struct cli_loaded){0};
}
