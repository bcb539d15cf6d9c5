/* test_client_load.c — a graph from a live target: whole, cut, refused,
 * cancelled; and written to a file on the way.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pyexplore/client.h>

#include "fake_server.h"

static char folder[64];
static char socket_path[128];
static struct px_target target;
static struct px_err err;

static int
set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/px-load-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(socket_path, sizeof socket_path, "%s/1.sock", folder);
    memset(&err, 0, sizeof err);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %.60s", folder);
    return system(command);
}

/* ---- a snapshot of two objects ---- */

static bool
send_chunk(int fd, uint64_t id, unsigned kind, unsigned sequence,
           const void *raw, size_t n)
{
    uint8_t bytes[512];
    assert_true(PX_CHUNK_HEAD_BYTES + n <= sizeof bytes);
    px_chunk_put_head(bytes, &(struct px_chunk){
                                 .kind = (uint16_t)kind,
                                 .raw_bytes = (uint32_t)n,
                                 .stored_bytes = (uint32_t)n,
                                 .sequence = sequence,
                                 .hash = px_chunk_hash(raw, n),
                             });
    memcpy(bytes + PX_CHUNK_HEAD_BYTES, raw, n);
    return fake_send(fd, PX_MSG_CHUNK, PX_FRAME_BULK, id, bytes,
                     PX_CHUNK_HEAD_BYTES + n);
}

static void
send_snapshot(int fd, uint64_t id, bool whole)
{
    static const char header[] =
        "{\"format\":1,\"python\":\"3.13.0\",\"pid\":7,"
        "\"estimate\":{\"objects\":25000000,\"bytes\":99}}";
    /* one type at 0x80: server.Conn */
    static const uint8_t types[] = {0x20, 4,   6, 's', 'e', 'r', 'v',
                                    'e',  'r', 4, 'C', 'o', 'n', 'n'};
    /* two of it at 0x100 and 0x108, 48 bytes each, one reference each */
    static const uint8_t nodes[] = {4, 0x40, 0, 48, 2, 4, 2, 0, 48, 2};
    uint8_t footer[8];
    uint8_t *to = footer;
    to = px_put_varint(to, PX_FOOTER_END);
    to = px_put_varint(to, PX_END_COMPLETE);
    to = px_put_varint(to, PX_FOOTER_OBJECTS);
    to = px_put_varint(to, 2);
    send_chunk(fd, id, PX_CHUNK_HEADER, 0, header, sizeof header - 1);
    send_chunk(fd, id, PX_CHUNK_TYPES, 1, types, sizeof types);
    send_chunk(fd, id, PX_CHUNK_NODES, 2, nodes, sizeof nodes);
    if (whole)
        send_chunk(fd, id, PX_CHUNK_FOOTER, 3, footer, (size_t)(to - footer));
}

/* fake->number says what goes wrong. */
enum { WHOLE, REFUSED, BROKE_OFF, BROKE_OFF_EARLY, SLOW, DAMAGED, ENDLESS };

static char request[1024]; /* what the client asked */

static void
serve_snapshot(struct fake *fake, int fd)
{
    struct px_frame frame;
    if (!fake_hello(fake, fd) ||
        !fake_read_frame(fd, &frame, sizeof request, request) ||
        frame.msg != PX_MSG_SNAPSHOT || fake->number == BROKE_OFF_EARLY)
        return;
    if (fake->number == REFUSED) {
        fake_reply(fd, PX_MSG_ERROR, frame.id,
                   "{\"code\":\"limit_exceeded\",\"message\":\"no room: 1 MiB "
                   "left\",\"hint\":\"--stop-the-world\"}");
        fake_wait_end(fd);
        return;
    }
    fake_send(fd, PX_MSG_PROGRESS, 0, frame.id, "{\"objects\":1}", 13);
    send_snapshot(fd, frame.id,
                  fake->number != BROKE_OFF && fake->number != ENDLESS);
    if (fake->number == BROKE_OFF)
        return;
    if (fake->number == DAMAGED)
        send_chunk(fd, frame.id, PX_CHUNK_NODES, 4, "\xff\xff", 2);
    if (fake->number == SLOW)
        fake_reply(fd, PX_MSG_SNAPSHOT, frame.id, "{\"end\":\"slow_peer\"}");
    else if (fake->number != ENDLESS)
        fake_reply(fd, PX_MSG_SNAPSHOT, frame.id, "{\"end\":\"complete\"}");
    fake_wait_end(fd);
}

static enum px_status
load(int what, const struct px_load_options *options, struct px_load *out)
{
    struct fake fake = {.serve = serve_snapshot, .number = what};
    memset(out, 0, sizeof *out);
    fake_start(&fake, socket_path);
    assert_int_equal(px_target_parse(socket_path, &target, &err), PX_OK);
    memset(&err, 0, sizeof err);
    enum px_status status = px_load(&target, options, out, &err);
    fake_stop(&fake);
    return status;
}

static const struct px_load_options plain = {.detail = PX_DETAIL_NAMES};

static void
count_progress(void *context, const json_t *body,
               const struct px_builder *builder)
{
    int *count = context;
    assert_non_null(builder);
    *count += (int)json_integer_value(json_object_get(body, "objects"));
}

static void
test_whole(void **state)
{
    (void)state;
    struct px_load loaded;
    int progress = 0;
    struct px_load_options options = plain;
    options.progress = count_progress;
    options.context = &progress;
    assert_int_equal(load(WHOLE, &options, &loaded), PX_OK);
    assert_string_equal(loaded.damage, "");
    assert_int_equal(px_graph_n_nodes(loaded.graph), 2);
    assert_int_equal(px_graph_end(loaded.graph), PX_END_COMPLETE);
    assert_string_equal(px_type_name(loaded.graph, 0), "server.Conn");
    assert_int_equal(px_type_bytes(loaded.graph, 0), 96);
    assert_int_equal(progress, 1);
    assert_non_null(strstr(request, "\"detail\":\"names\""));
    assert_non_null(strstr(request, "\"stop_the_world\":false"));
    px_graph_free(loaded.graph);
}

static void
test_refused(void **state)
{
    (void)state;
    struct px_load loaded;
    assert_int_equal(load(REFUSED, &plain, &loaded), PX_ELIMIT);
    assert_string_equal(err.msg, "no room: 1 MiB left");
    assert_string_equal(err.hint, "--stop-the-world");
    assert_null(loaded.graph);
}

/* What came before the end is worth a graph; nothing is not. */
static void
test_broke_off(void **state)
{
    (void)state;
    struct px_load loaded;
    assert_int_equal(load(BROKE_OFF, &plain, &loaded), PX_OK);
    assert_int_equal(px_graph_n_nodes(loaded.graph), 2);
    assert_int_equal(px_graph_end(loaded.graph), PX_END_CUT);
    assert_non_null(strstr(loaded.damage, "broke off"));
    px_graph_free(loaded.graph);
    assert_int_equal(load(BROKE_OFF_EARLY, &plain, &loaded), PX_EGONE);
    assert_null(loaded.graph);
}

static void
test_incomplete(void **state)
{
    (void)state;
    struct px_load loaded;
    assert_int_equal(load(SLOW, &plain, &loaded), PX_OK);
    assert_string_equal(loaded.damage, "incomplete: peer too slow");
    px_graph_free(loaded.graph);
}

static void
test_damaged(void **state)
{
    (void)state;
    struct px_load loaded;
    assert_int_equal(load(DAMAGED, &plain, &loaded), PX_EPROTO);
    assert_null(loaded.graph);
}

static void
cancel_on_progress(void *context, const json_t *body,
                   const struct px_builder *builder)
{
    struct px_work *work = context;
    (void)body;
    (void)builder;
    work->canceled = true;
}

static void
test_cancelled(void **state)
{
    (void)state;
    struct px_load loaded;
    struct px_work work = {0};
    struct px_load_options options = plain;
    options.work = &work;
    options.progress = cancel_on_progress;
    options.context = &work;
    assert_int_equal(load(ENDLESS, &options, &loaded), PX_ECANCELED);
}

struct question {
    int n_asked;
    uint64_t objects, bytes;
    bool answer;
};

static bool
on_confirm(void *context, uint64_t objects, uint64_t bytes)
{
    struct question *question = context;
    question->n_asked++;
    question->objects = objects;
    question->bytes = bytes;
    return question->answer;
}

static void
test_confirm(void **state)
{
    (void)state;
    for (int yes = 0; yes < 2; yes++) {
        struct px_load loaded;
        struct question question = {.answer = yes != 0};
        struct px_load_options options = plain;
        options.confirm = on_confirm;
        options.context = &question;
        assert_int_equal(load(WHOLE, &options, &loaded),
                         yes ? PX_OK : PX_ECANCELED);
        assert_int_equal(question.n_asked, 1);
        assert_int_equal(question.objects, 25000000);
        assert_int_equal(question.bytes, 99);
        px_graph_free(loaded.graph);
    }
}

/* The file that was written on the way is the same snapshot. */
static void
test_file(void **state)
{
    (void)state;
    char path[128];
    struct px_load loaded;
    struct px_load_options options = plain;
    snprintf(path, sizeof path, "%s/a.pxs", folder);
    options.writer = px_file_writer_new(path, false, &err);
    assert_non_null(options.writer);
    assert_int_equal(load(WHOLE, &options, &loaded), PX_OK);
    assert_int_equal(px_file_writer_finish(options.writer, &err), PX_OK);
    px_file_writer_free(options.writer);
    px_graph_free(loaded.graph);

    assert_int_equal(px_target_parse(path, &target, &err), PX_OK);
    assert_int_equal(target.kind, PX_TARGET_FILE);
    assert_int_equal(px_load(&target, &plain, &loaded, &err), PX_OK);
    assert_string_equal(loaded.damage, "");
    assert_int_equal(px_graph_n_nodes(loaded.graph), 2);
    px_graph_free(loaded.graph);
    /* and nobody to ask live */
    assert_null(px_client_new(&target, NULL, 1000, NULL, &err));
    assert_int_equal(err.status, PX_EINVAL);
    assert_string_not_equal(err.hint, "");
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_whole),      CASE(test_refused), CASE(test_broke_off),
        CASE(test_incomplete), CASE(test_damaged), CASE(test_cancelled),
        CASE(test_confirm),    CASE(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
