/* cmd_snapshot.c — `snapshot`: the stream of a live target into a file.
 *
 * No graph is built: chunks go from the socket to the file as they come, so
 * that a snapshot of any size costs this program some MiB. Only the HEADER
 * (for the estimate) and the NODES' count in PROGRESS are looked at.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/session.h"

struct save {
    struct cli *cli;
    const struct px_target *target;
    struct px_file_writer *writer;
    uint64_t estimated_objects;
    uint64_t estimated_bytes;
    uint64_t objects; /* that the agent says were walked */
    uint64_t bytes;   /* that came */
    uint64_t chunks;
    bool is_refused;
    bool is_confirmed;
};

/* A header that we cannot read is the reader's problem later, not a reason to
 * lose the snapshot. */
static void
read_estimate(struct save *save, const void *bytes, size_t n_bytes)
{
    struct px_header header;
    px_header_of_chunk(bytes, n_bytes, &header, NULL);
    save->estimated_objects = header.estimated_objects;
    save->estimated_bytes = header.estimated_bytes;
    px_header_done(&header);
}

static enum px_status
on_chunk(void *context, const void *chunk, size_t n_bytes, struct px_err *err)
{
    struct save *save = context;
    if (save->chunks++ == 0) {
        read_estimate(save, chunk, n_bytes);
        if (!save->is_confirmed && !save->cli->opt.yes &&
            cli_is_large(save->estimated_objects)) {
            save->is_refused = true;
            return px_fail(err, PX_ECANCELED, "not confirmed yet");
        }
    }
    save->bytes += n_bytes;
    return px_file_writer_add(save->writer, chunk, n_bytes, err);
}

static void
on_progress(void *context, const json_t *body)
{
    struct save *save = context;
    json_int_t objects = json_integer_value(json_object_get(body, "objects"));
    if (objects > 0)
        save->objects = (uint64_t)objects;
    cli_progress_snapshot(save->cli->progress, body, save->objects,
                          save->estimated_objects, save->bytes);
}

/* One snapshot over one connection. */
static enum px_status
take(struct save *save, json_t **reply, struct px_err *err)
{
    struct cli *cli = save->cli;
    struct session_sink sink = {on_chunk, on_progress, save};
    struct session *session = session_new(cli, save->target, err);
    if (session == NULL)
        return err->status;
    json_t *body =
        json_pack("{s:b}", "stop_the_world", (int)cli->opt.stop_the_world);
    if (cli->opt.detail != NULL)
        json_object_set_new(body, "detail", jsonout_text(cli->opt.detail));
    save->chunks = save->bytes = save->objects = 0;
    enum px_status status =
        session_call(session, PX_MSG_SNAPSHOT, body, NULL, &sink, reply, err);
    session_free(session);
    return status;
}

static uint64_t
count_of(const json_t *reply, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(reply, key));
    return value > 0 ? (uint64_t)value : 0;
}

static void
print_saved(struct cli *cli, const json_t *reply, uint64_t file_bytes)
{
    char objects[PX_COUNTED_MAX], size[PX_FIGURE_MAX], pause[PX_FIGURE_MAX];
    char time[PX_FIGURE_MAX], shown[PX_PATH_MAX], left_out[PX_ERR_TEXT];
    if (cli->opt.json) {
        jsonout_print(cli,
                      json_pack("{s:s, s:o, s:o, s:I, s:O}", "command",
                                cli->command->name, "target",
                                jsonout_text(cli->args[0]), "file",
                                jsonout_text(cli->opt.output), "file_bytes",
                                (json_int_t)file_bytes, "result", reply));
        return;
    }
    px_text_counted(count_of(reply, "objects"), "object", objects);
    px_text_bytes(file_bytes, size);
    px_text_ns(count_of(reply, "pause_ns"), pause);
    px_text_ns(count_of(reply, "wall_ns"), time);
    printf("%s: %s, %s; the target was paused for %s of %s\n",
           cli_text(cli, cli->opt.output, sizeof shown, shown), objects, size,
           pause, time);
    px_left_out_sentence(count_of(reply, "interpreters_left_out"),
                         count_of(reply, "threads_left_out"), sizeof left_out,
                         left_out);
    if (left_out[0] != '\0')
        cli_warn(cli, "the snapshot is %s", left_out);
}

/* An incomplete stream is worth a file only to who says so. */
static enum px_status
check_end(struct cli *cli, const json_t *reply, struct px_err *err)
{
    const char *end = json_string_value(json_object_get(reply, "end"));
    const char *sentence =
        json_string_value(json_object_get(reply, "sentence"));
    if (end != NULL && strcmp(end, px_end_name(PX_END_COMPLETE)) == 0)
        return PX_OK;
    if (sentence == NULL)
        sentence = px_end_sentence(PX_END_CUT);
    if (cli->opt.keep_going) {
        cli_warn(cli, "the snapshot is not whole: %s", sentence);
        return PX_OK;
    }
    px_fail(err, PX_ETRUNCATED,
            "the snapshot is not whole, so no file was "
            "kept: %s",
            sentence);
    px_err_hint(err, "again, or --keep-going to keep what there is");
    return PX_ETRUNCATED;
}

static enum px_status
take_confirmed(struct save *save, json_t **reply, struct px_err *err)
{
    struct cli *cli = save->cli;
    save->writer = px_file_writer_new(cli->opt.output, cli->opt.force, err);
    if (save->writer == NULL)
        return err->status;
    enum px_status status = take(save, reply, err);
    if (status == PX_ECANCELED && save->is_refused) {
        status = cli_confirm_size(cli, save->target, save->estimated_objects,
                                  save->estimated_bytes, err);
        save->is_confirmed = status == PX_OK;
        if (status == PX_OK)
            status = take(save, reply, err);
    }
    cli_progress_clear(cli->progress);
    return status;
}

enum px_status
cmd_snapshot(struct cli *cli, struct px_err *err)
{
    struct px_target target;
    struct save save = {.cli = cli, .target = &target};
    json_t *reply = NULL;
    if (cli->opt.output == NULL) {
        px_fail(err, PX_EINVAL, "`snapshot` needs the file to write");
        px_err_hint(err, "usage: pyexplore snapshot TARGET -o FILE.pxs");
        return PX_EINVAL;
    }
    enum px_detail detail;
    enum px_status status = cli_detail(cli, &detail, err);
    if (status == PX_OK)
        status = cli_target(cli, cli->args[0], &target, err);
    if (status != PX_OK)
        return status;
    status = take_confirmed(&save, &reply, err);
    if (status == PX_OK)
        status = check_end(cli, reply, err);
    if (status == PX_OK)
        status = px_file_writer_finish(save.writer, err);
    px_file_writer_free(save.writer);
    struct stat info;
    if (status == PX_OK)
        print_saved(cli, reply,
                    stat(cli->opt.output, &info) == 0 ? (uint64_t)info.st_size
                                                      : 0);
    json_decref(reply);
    return status;
}
