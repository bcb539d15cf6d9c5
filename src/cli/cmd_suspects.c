/* cmd_suspects.c — `suspects`: what leaks, in sentences, with the path.
 *
 * Rounds of snapshots some seconds apart, each given to the analysis of
 * src/graph/suspects.c and freed; several live targets are looked at side by
 * side, several files are one process at several times. Where the rounds that
 * were asked for leave a doubt more are taken, up to ROUNDS_AT_MOST times as
 * many. A round in which the target hardly got the CPU is made longer.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include <pyexplore/suspects.h>

#include "base/loop.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/memory.h"

#define ROUNDS 3
#define ROUNDS_AT_MOST 3
#define LONGER_AT_MOST 8 /* intervals a round, on the average */
#define INTERVAL_S 5.0

struct case_of {
    const char *target;
    struct px_suspects *suspects;
    uint64_t n_looks;  /* snapshots */
    uint64_t n_rounds; /* whole ones between them */
    bool is_done;
};

struct work {
    struct cli *cli;
    struct case_of *cases;
    size_t n_cases;
    uint64_t asked;  /* rounds after the first snapshot */
    double interval; /* seconds; 0: these are files */
};

/* ---- JSON ---- */
static json_t *
known(uint64_t value)
{
    return value > 0 ? json_integer((json_int_t)value) : json_null();
}

static json_t *
series_json(const struct px_suspect *suspect, size_t n)
{
    json_t *series = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(series,
                              json_integer((json_int_t)suspect->series[i]));
    return series;
}

static json_t *
steps_json(const struct px_graph *graph, const struct px_suspect *suspect)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < suspect->n_steps; i++) {
        const struct px_step *step = &suspect->steps[i];
        json_array_append_new(
            steps, json_pack("{s:o, s:o, s:b, s:o}", "step",
                             jsonout_text(step->text), "type",
                             jsonout_text(px_type_name(
                                 graph, px_node_type(graph, step->node))),
                             "culprit", (int)step->is_culprit, "address",
                             jsonout_addr(px_node_addr(graph, step->node))));
    }
    return steps;
}

static json_t *
address_json(const struct px_graph *graph, px_node node)
{
    return node == PX_NONE ? json_null()
                           : jsonout_addr(px_node_addr(graph, node));
}

static json_t *
suspect_json(const struct px_graph *graph, const struct px_suspect *suspect,
             size_t n_rounds)
{
    json_t *evidence = json_array();
    for (size_t i = 0; i < suspect->n_evidence; i++)
        json_array_append_new(evidence, jsonout_text(suspect->evidence[i]));
    json_t *json = json_pack(
        "{s:i, s:s, s:o, s:o, s:s, s:I, s:f, s:f, s:I, s:o, s:o}", "cause",
        (int)suspect->kind, "kind", px_suspect_name(suspect->kind), "sentence",
        jsonout_text(suspect->sentence), "type",
        suspect->type[0] != '\0' ? jsonout_text(suspect->type) : json_null(),
        "unit", suspect->in_bytes ? "bytes" : "objects", "count",
        (json_int_t)suspect->count, "a_round", suspect->a_round, "a_minute",
        suspect->a_minute, "bytes_grown", (json_int_t)suspect->bytes,
        "retained_at_least", known(suspect->retained), "series",
        series_json(suspect, n_rounds));
    json_t *more = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "held_by",
        px_held_name(suspect->held_by), "path", jsonout_text(suspect->path),
        "steps", steps_json(graph, suspect), "holder",
        suspect->holder_path[0] != '\0' ? jsonout_text(suspect->holder_path)
                                        : json_null(),
        "holder_address", address_json(graph, suspect->holder), "example",
        address_json(graph, suspect->example), "evidence", evidence, "advice",
        px_suspect_advice(suspect->kind), "fingerprint", suspect->fingerprint);
    json_object_update(json, more);
    json_decref(more);
    return json;
}

static json_t *
rounds_json(const struct px_suspects_round *rounds, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct px_suspects_round *round = &rounds[i];
        json_array_append_new(
            out,
            json_pack("{s:f, s:f, s:o, s:I, s:I, s:o, s:b, s:I, s:I}", "time",
                      round->time, "active_seconds", round->active, "rss_bytes",
                      known(round->rss), "objects", (json_int_t)round->objects,
                      "object_bytes", (json_int_t)round->bytes,
                      "allocated_blocks", known(round->blocks), "collecting",
                      (int)round->is_collecting, "waiting",
                      (json_int_t)round->waiting, "c_held",
                      (json_int_t)round->c_held));
    }
    return out;
}

static void
print_json(struct work *work, const struct case_of *one,
           const struct cli_loaded *loaded, const struct memory *memory,
           const struct px_suspect *found, size_t n)
{
    size_t n_rounds;
    const struct px_suspects_round *rounds =
        px_suspects_rounds(one->suspects, &n_rounds);
    json_t *out = jsonout_head(work->cli, loaded);
    json_t *findings = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(findings,
                              suspect_json(loaded->graph, &found[i], n_rounds));
    json_t *more =
        json_pack("{s:I, s:f, s:b, s:o, s:o, s:I, s:o}", "rounds",
                  (json_int_t)n_rounds - 1, "seconds",
                  rounds[n_rounds - 1].time - rounds[0].time, "in_doubt",
                  (int)px_suspects_is_in_doubt(one->suspects), "memory",
                  rounds_json(rounds, n_rounds), "process", memory_json(memory),
                  "n_findings", (json_int_t)n, "findings", findings);
    json_object_update(out, more);
    json_decref(more);
    jsonout_line(work->cli, out);
}

/* ---- text ---- */
static void
print_memory(const struct work *work, const struct memory *memory,
             const struct px_suspects_round *rounds, size_t n)
{
    char rss[PX_FIGURE_MAX], objects[PX_FIGURE_MAX], files[PX_FIGURE_MAX];
    char other[PX_FIGURE_MAX], grown[2][PX_FIGURE_MAX + 1];
    const struct px_suspects_round *first = &rounds[0];
    const struct px_suspects_round *last = &rounds[n - 1];
    int64_t by[] = {(int64_t)(last->rss - first->rss),
                    (int64_t)(last->bytes - first->bytes)};
    for (int i = 0; i < 2; i++) {
        grown[i][0] = by[i] < 0 ? '-' : '+';
        px_text_bytes((uint64_t)(by[i] < 0 ? -by[i] : by[i]), grown[i] + 1);
    }
    px_text_bytes(memory->file, files);
    if (last->rss > 0)
        printf("rss %s (%s)  Python's objects %s (%s)  mapped files %s  "
               "other %s  gc %s\n",
               px_text_bytes(last->rss, rss), grown[0],
               px_text_bytes(last->bytes, objects), grown[1],
               memory->file > 0 ? files : "?",
               px_text_bytes(memory->other, other),
               last->is_collecting ? "on" : "off");
    memory_print_allocators(work->cli, memory);
    printf("%s: %s\n", memory->verdict, memory->sentence);
}

static void
print_head(const struct work *work, const struct case_of *one,
           const struct cli_loaded *loaded, const struct memory *memory)
{
    char text[PX_PATH_MAX], up[PX_FIGURE_MAX], count[PX_COUNTED_MAX];
    char version[64];
    size_t n;
    const struct px_suspects_round *rounds =
        px_suspects_rounds(one->suspects, &n);
    const struct px_suspects_round *last = &rounds[n - 1];
    const struct px_header *header = px_graph_header(loaded->graph);
    printf("%s  pid %lld  Python %s",
           cli_text(work->cli, one->target, sizeof text, text), header->pid,
           cli_text(work->cli, header->python, sizeof version, version));
    if (last->started > 0 && last->time > last->started)
        printf("  up %s",
               px_text_ns((uint64_t)((last->time - last->started) * 1e9), up));
    printf("\n");
    print_memory(work, memory, rounds, n);
    printf("%s in %.1f s\n", px_text_counted(n - 1, "round", count),
           last->time - rounds[0].time);
}

static void
print_line(const struct work *work, enum cli_role role, const char *before,
           const char *text)
{
    char shown[4400];
    printf("%s%s%s%s\n", before, cli_role_start(work->cli->color, role),
           cli_text(work->cli, text, sizeof shown, shown),
           cli_role_stop(work->cli->color, role));
}

/* The path, a step a line; ▶ before the one reference at fault. */
static void
print_path(const struct work *work, const struct px_graph *graph,
           const struct px_suspect *suspect)
{
    char line[700];
    if (suspect->n_steps == 0 && suspect->path[0] != '\0')
        print_line(work, CLI_NAME, "      ", suspect->path);
    for (size_t i = 0; i < suspect->n_steps; i++) {
        const struct px_step *step = &suspect->steps[i];
        const char *mark = work->cli->ascii ? "    > " : "    ▶ ";
        bool is_root = step->edge == PX_NONE;
        snprintf(line, sizeof line, "%s%s%s%.300s", step->text,
                 step->times > 1 ? " ×*" : "", is_root ? "" : " → ",
                 is_root
                     ? ""
                     : px_type_name(graph, px_node_type(graph, step->node)));
        print_line(work, step->is_culprit ? CLI_FAULT : CLI_NAME,
                   step->is_culprit ? mark : "      ", line);
    }
}

static void
print_suspect(const struct work *work, const struct px_graph *graph,
              const struct px_suspect *suspect, size_t number)
{
    char text[512];
    snprintf(text, sizeof text, "\n%zu %s ", number,
             work->cli->ascii ? "*" : "●");
    print_line(work, CLI_TITLE, text, suspect->sentence);
    snprintf(text, sizeof text, "%u %s: %s", (unsigned)suspect->kind,
             px_suspect_name(suspect->kind), px_suspect_what(suspect->kind));
    print_line(work, CLI_PLAIN, "    ", text);
    print_path(work, graph, suspect);
    for (size_t i = 0; i < suspect->n_evidence; i++)
        print_line(work, CLI_PLAIN, "    ", suspect->evidence[i]);
    print_line(work, CLI_PLAIN, "    ", px_suspect_advice(suspect->kind));
    print_line(work, CLI_FAINT, "    fingerprint ", suspect->fingerprint);
}

static void
print_text(const struct work *work, const struct case_of *one,
           const struct cli_loaded *loaded, const struct memory *memory,
           const struct px_suspect *found, size_t n)
{
    print_head(work, one, loaded, memory);
    for (size_t i = 0; i < n; i++)
        print_suspect(work, loaded->graph, &found[i], i + 1);
    if (n == 0)
        printf("%s\n", one->n_looks < 2
                           ? "no garbage waits that nobody will collect; what "
                             "grows needs three snapshots"
                           : "nothing grows that would not stop or be "
                             "collected");
    if (px_suspects_is_in_doubt(one->suspects))
        cli_note(work->cli,
                 "%s: so few rounds cannot tell a leak from what "
                 "fills up or is emptied later; more --rounds, or "
                 "a longer --interval, can",
                 one->target);
}

/* ---- rounds ---- */

/* The result, once it is sure or `is_last`. */
static enum px_status
judge(struct work *work, struct case_of *one, const struct cli_loaded *loaded,
      bool is_last, struct px_err *err)
{
    size_t n;
    const struct px_suspect *found = px_suspects_find(
        one->suspects, loaded->paths, &work->cli->work, &n, err);
    cli_progress_clear(work->cli->progress);
    if (found == NULL)
        return cli_interrupted(work->cli, err->status, err);
    if (!is_last && px_suspects_is_in_doubt(one->suspects))
        return PX_OK;
    one->is_done = true;
    struct memory memory;
    memory_take(loaded, &memory);
    if (work->cli->opt.malloc_too) {
        enum px_status status =
            memory_ask(work->cli, &loaded->target, &memory, err);
        if (status != PX_OK)
            return status;
    }
    memory_judge(&memory);
    if (work->cli->opt.json)
        print_json(work, one, loaded, &memory, found, n);
    else
        print_text(work, one, loaded, &memory, found, n);
    if (n > 0 && work->cli->exit_status == 0)
        work->cli->exit_status = 1;
    return cli_out_check(work->cli, err);
}

static enum px_status
take_round(struct work *work, struct case_of *one, const char *target,
           bool is_last, struct px_err *err)
{
    struct cli_loaded loaded;
    enum px_status status = cli_load(work->cli, target, &loaded, err);
    if (status == PX_OK && loaded.target.kind != PX_TARGET_FILE)
        status = cli_need_whole(work->cli, &loaded, "no round", err);
    if (status == PX_OK)
        status = cli_load_paths(work->cli, &loaded, err);
    if (status == PX_OK) {
        status =
            px_suspects_add(one->suspects, loaded.paths, &work->cli->work, err);
        cli_progress_clear(work->cli->progress);
        status = cli_interrupted(work->cli, status, err);
    }
    bool is_whole = px_suspects_is_whole(one->suspects);
    if (status == PX_OK && one->n_looks++ > 0)
        one->n_rounds += is_whole;
    is_last |= one->n_rounds >= ROUNDS_AT_MOST * work->asked;
    if (status == PX_OK &&
        (is_last || (is_whole && one->n_rounds >= work->asked)))
        status = judge(work, one, &loaded, is_last, err);
    cli_loaded_done(&loaded);
    return status;
}

static enum px_status
look_at_all(struct work *work, uint64_t round, bool *is_any, struct px_err *err)
{
    bool is_last = round >= LONGER_AT_MOST * ROUNDS_AT_MOST * work->asked;
    *is_any = false;
    for (size_t i = 0; i < work->n_cases; i++) {
        struct case_of *one = &work->cases[i];
        if (one->is_done)
            continue;
        enum px_status status =
            take_round(work, one, one->target, is_last, err);
        if (status == PX_ECANCELED || (status != PX_OK && work->n_cases == 1))
            return status;
        if (status != PX_OK) {
            cli_warn(work->cli, "%s: %s; looking at the others", one->target,
                     err->msg);
            one->is_done = true;
            work->cli->exit_status = px_status_exit(status);
        }
        *is_any |= !one->is_done;
    }
    return PX_OK;
}

static enum px_status
look_live(struct work *work, struct px_err *err)
{
    struct cli *cli = work->cli;
    uint64_t interval_ns = (uint64_t)(work->interval * 1e9);
    uint64_t next_ns = px_now_ns();
    enum px_status status = PX_OK;
    bool is_any = true;
    for (uint64_t round = 0; is_any && status == PX_OK; round++) {
        char text[128];
        snprintf(text, sizeof text, "round %llu of %llu%s",
                 (unsigned long long)round, (unsigned long long)work->asked,
                 round > work->asked ? ": in doubt, looking on" : "");
        if (!cli_wait_until_ns(cli, next_ns, text))
            return cli_interrupted(cli, PX_ECANCELED, err);
        /* from when it began, so that a slow snapshot does not add up, but
         * never without a pause in which something can grow */
        next_ns = px_now_ns() + interval_ns;
        status = look_at_all(work, round, &is_any, err);
    }
    return status;
}

static enum px_status
look_at_files(struct work *work, struct px_err *err)
{
    struct cli *cli = work->cli;
    enum px_status status = PX_OK;
    work->asked = (uint64_t)cli->n_args - 1;
    for (int i = 0; i < cli->n_args && status == PX_OK; i++)
        status = take_round(work, &work->cases[0], cli->args[i],
                            i == cli->n_args - 1, err);
    return status;
}

/* All files: *are_files. Files and live targets do not go together. */
static enum px_status
look_at_targets(struct cli *cli, bool *are_files, struct px_err *err)
{
    int n_files = 0;
    enum px_status status = cli_count_files(cli, &n_files, err);
    if (status != PX_OK)
        return status;
    *are_files = n_files == cli->n_args;
    if (*are_files && (cli->opt.rounds >= 0 || cli->opt.interval > 0)) {
        px_fail(err, PX_EINVAL, "the rounds of files are the files");
        px_err_hint(err, "pyexplore suspects 1.pxs 2.pxs 3.pxs");
        return PX_EINVAL;
    }
    if (*are_files)
        return cli_order_files(cli, err);
    if (n_files == 0)
        return PX_OK;
    px_fail(err, PX_EINVAL, "files and running processes do not go together");
    px_err_hint(err, "snapshots of one process, or running processes");
    return PX_EINVAL;
}

enum px_status
cmd_suspects(struct cli *cli, struct px_err *err)
{
    struct work work = {.cli = cli, .asked = ROUNDS};
    bool are_files;
    enum px_status status = look_at_targets(cli, &are_files, err);
    if (status != PX_OK)
        return status;
    if (cli->opt.rounds == 0)
        return px_fail(err, PX_EINVAL, "nothing grows in 0 rounds");
    if (cli->opt.rounds > 0)
        work.asked = (uint64_t)cli->opt.rounds;
    if (!are_files)
        work.interval = cli->opt.interval > 0 ? cli->opt.interval : INTERVAL_S;
    work.n_cases = are_files ? 1 : (size_t)cli->n_args;
    work.cases = cli_alloc(work.n_cases * sizeof *work.cases);
    for (size_t i = 0; i < work.n_cases; i++) {
        work.cases[i] = (struct case_of){
            .target = cli->args[are_files ? cli->n_args - 1 : (int)i],
            .suspects = px_suspects_new(err)};
        if (work.cases[i].suspects == NULL)
            status = PX_ENOMEM;
        else
            px_suspects_expect(work.cases[i].suspects, work.interval);
    }
    if (status == PX_OK)
        status = are_files ? look_at_files(&work, err) : look_live(&work, err);
    for (size_t i = 0; i < work.n_cases; i++)
        px_suspects_free(work.cases[i].suspects);
    free(work.cases);
    return status;
}
