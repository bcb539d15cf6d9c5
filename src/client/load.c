/* load.c — a graph from any target, for scripts.
 *
 * A live target is asked for a snapshot; its chunks go to the builder (and to
 * a file) as they arrive. A stream that breaks off still gives the graph of
 * what came, with a sentence that says so: the last snapshot of a process
 * that was killed for its memory is worth the most.
 *
 * SPDX-License-Identifier: MIT
 */
#include "client/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS 10000
/* How soon a cancelled wait is noticed. */
#define LOOK_MS 100

struct loading {
    const struct px_load_options *options;
    struct px_builder *builder;
    uint64_t id;
    bool is_confirmed;
    bool is_over; /* the reply came */
    struct px_err err;
    char damage[PX_ERR_TEXT];
};

/* Asks the user, once, with the figures of the header. */
static enum px_status
confirm_transfer(struct loading *loading, const void *bytes, size_t n_bytes)
{
    const struct px_load_options *options = loading->options;
    struct px_header header;
    if (options->confirm == NULL || loading->is_confirmed)
        return PX_OK;
    enum px_status status =
        px_header_of_chunk(bytes, n_bytes, &header, &loading->err);
    if (status == PX_OK) {
        loading->is_confirmed = true;
        if (!options->confirm(options->context, header.estimated_objects,
                              header.estimated_bytes))
            status = px_fail(&loading->err, PX_ECANCELED,
                             "the transfer was not wanted");
    }
    px_header_done(&header);
    return status;
}

static void
on_chunk(void *context, uint64_t id, const void *chunk, size_t n_bytes)
{
    struct loading *loading = context;
    if (id != loading->id || loading->err.status != PX_OK)
        return;
    enum px_status status = confirm_transfer(loading, chunk, n_bytes);
    if (status == PX_OK)
        status =
            px_builder_add(loading->builder, chunk, n_bytes, &loading->err);
    if (status == PX_OK && loading->options->writer != NULL)
        px_file_writer_add(loading->options->writer, chunk, n_bytes,
                           &loading->err);
}

static void
on_message(void *context, unsigned msg, unsigned flags, uint64_t id,
           json_t *body, const struct px_err *err)
{
    struct loading *loading = context;
    const struct px_load_options *options = loading->options;
    if (id != loading->id)
        return;
    if ((flags & PX_FRAME_REPLY) == 0) {
        if (msg == PX_MSG_PROGRESS && options->progress != NULL)
            options->progress(options->context, body, loading->builder);
        return;
    }
    loading->is_over = true;
    if (err != NULL) {
        if (loading->err.status == PX_OK)
            loading->err = *err;
        return;
    }
    const char *end = json_string_value(json_object_get(body, "end"));
    if (end == NULL || strcmp(end, px_end_name(PX_END_COMPLETE)) == 0)
        return;
    const char *known = NULL;
#define X(number, member, name, sentence)                                      \
    known = strcmp(end, name) == 0 ? sentence : known;
    PX_END_LIST(X)
#undef X
    snprintf(loading->damage, sizeof loading->damage, "%s",
             known != NULL ? known : "incomplete");
}

static json_t *
snapshot_request(const struct px_load_options *options)
{
    const char *const details[] = {
#define X(number, member, name) [number] = name,
        PX_DETAIL_LIST(X)
#undef X
    };
    return json_pack("{s:s, s:b}", "detail", details[options->detail],
                     "stop_the_world", (int)options->stop_the_world);
}

/* Reads until the reply, an error, or until the user has had enough. */
static enum px_status
receive(struct px_client *client, struct loading *loading, struct px_err *err)
{
    const struct px_work *work = loading->options->work;
    while (!loading->is_over && loading->err.status == PX_OK) {
        if (work != NULL && work->canceled)
            return px_fail(err, PX_ECANCELED, "cancelled");
        enum px_status status = px_client_pump(client, err);
        if (status != PX_OK)
            return loading->is_over ? PX_OK : status;
        if (loading->is_over || loading->err.status != PX_OK)
            break;
        struct pollfd polled = {px_client_fd(client),
                                px_client_poll_events(client), 0};
        if (poll(&polled, 1, LOOK_MS) < 0 && errno != EINTR)
            return px_fail_errno(err, PX_EIO, errno, "wait for the target");
    }
    if (err != NULL && loading->err.status != PX_OK)
        *err = loading->err;
    return loading->err.status;
}

static enum px_status
load_live(const struct px_target *target, struct loading *loading,
          struct px_err *err)
{
    struct px_err why = {0};
    const struct px_client_events events = {
        .message = on_message, .chunk = on_chunk, .context = loading};
    int asked_ms = loading->options->connect_ms;
    struct px_client *client =
        px_client_new(target, &events, asked_ms > 0 ? asked_ms : CONNECT_MS,
                      loading->options->work, &why);
    enum px_status status = why.status;
    if (client == NULL)
        goto out;
    loading->id = px_client_send(client, PX_MSG_SNAPSHOT,
                                 snapshot_request(loading->options), &why);
    status = loading->id == 0 ? why.status : receive(client, loading, &why);
    struct px_builder_counts counts;
    px_builder_counts(loading->builder, &counts);
    bool broke_off = status == PX_EGONE || status == PX_EPROTO;
    if (broke_off && counts.objects > 0 && loading->err.status == PX_OK) {
        snprintf(loading->damage, sizeof loading->damage, "incomplete: %.280s",
                 why.msg);
        status = PX_OK;
    }
out:
    px_client_free(client);
    if (status != PX_OK && err != NULL)
        *err = why;
    return status;
}

enum px_status
px_load(const struct px_target *target, const struct px_load_options *options,
        struct px_load *out, struct px_err *err)
{
    struct loading loading = {.options = options};
    struct px_graph *graph = NULL;
    enum px_status status;
    struct px_err why = {0};
    loading.builder = px_builder_new(&why);
    if (loading.builder == NULL) {
        status = why.status;
        goto out;
    }
    if (target->kind == PX_TARGET_FILE)
        status = px_file_read(target->path, options->work, loading.builder,
                              sizeof loading.damage, loading.damage, &why);
    else
        status = load_live(target, &loading, &why);
    if (status == PX_OK)
        status =
            px_builder_finish(loading.builder, options->work, &graph, &why);
out:
    px_builder_free(loading.builder);
    if (status == PX_OK) {
        out->graph = graph;
        memcpy(out->damage, loading.damage, sizeof out->damage);
    } else if (err != NULL) {
        *err = why;
    }
    return status;
}
