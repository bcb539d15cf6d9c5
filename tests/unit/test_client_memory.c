/* test_client_memory.c — the n-th allocation fails, for every n: base, proto
 * and client end with PX_ENOMEM (or do without), leak nothing, and work again.
 *
 * malloc and its kin are replaced for this program (the C library allows it);
 * only the thread that asked for it is failed, so the fake server is not. A
 * sanitizer has its own malloc: there the same steps run without failures.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pyexplore/client.h>

#include "base/loop.h"
#include "base/net.h"
#include "fake_server.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_FAIL 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CAN_FAIL 0
#endif
#endif
#ifndef CAN_FAIL
#define CAN_FAIL 1
#endif

static _Thread_local long until_failure; /* 0: none fails */
static _Thread_local long n_alive;       /* of this thread, while counted */
static _Thread_local int is_counted;

#if CAN_FAIL
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);
void __libc_free(void *old);

/* Seen by the C library too, whatever the flags of the build: strdup. */
#pragma GCC visibility push(default)
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *old, size_t n);
void free(void *old);
#pragma GCC visibility pop

static int
is_failing(void)
{
    if (until_failure == 0 || --until_failure > 0)
        return 0;
    errno = ENOMEM;
    return 1;
}

static void *
count(void *made)
{
    if (is_counted && made != NULL)
        n_alive++;
    return made;
}

void *
malloc(size_t n)
{
    return is_failing() ? NULL : count(__libc_malloc(n));
}

void *
calloc(size_t n, size_t size)
{
    return is_failing() ? NULL : count(__libc_calloc(n, size));
}

void *
realloc(void *old, size_t n)
{
    if (is_failing())
        return NULL;
    void *made = __libc_realloc(old, n);
    return old == NULL ? count(made) : made;
}

void
free(void *old)
{
    if (is_counted && old != NULL)
        n_alive--;
    __libc_free(old);
}
#endif

/* Runs `work` with the first, second, … allocation failing until it has none
 * left to fail. Each run must say PX_ENOMEM or PX_OK; the last one PX_OK. */
static void
sweep(enum px_status (*work)(struct px_err *err), long at_least)
{
    long n = 0;
    bool was_failed = true;
    while (was_failed) {
        struct px_err err = {0};
        n++;
        n_alive = 0;
        is_counted = 1;
        until_failure = CAN_FAIL ? n : 0;
        enum px_status status = work(&err);
        was_failed = CAN_FAIL && until_failure == 0;
        until_failure = 0;
        is_counted = 0;
        if (n_alive != 0)
            fail_msg("%ld blocks lost when allocation %ld failed: %s", n_alive,
                     n, err.msg);
        if (status != PX_OK && (status != PX_ENOMEM || !was_failed))
            fail_msg("allocation %ld: %s (%s)", n, px_status_name(status),
                     err.msg);
        assert_true(n < 10000);
    }
    if (CAN_FAIL)
        assert_true(n > at_least);
}

static void
on_fd(void *context, int fd, short revents)
{
    (void)context;
    (void)fd;
    (void)revents;
}

static void
on_timer(void *context)
{
    (void)context;
}

static enum px_status
work_loop(struct px_err *err)
{
    struct px_loop *loop = px_loop_new(err);
    if (loop == NULL)
        return err->status;
    enum px_status status = PX_OK;
    for (int fd = 0; fd < 20 && status == PX_OK; fd++)
        status = px_loop_watch(loop, fd + 1000, 0, on_fd, NULL, err);
    for (int i = 0; i < 20 && status == PX_OK; i++)
        status =
            px_loop_after(loop, 0, on_timer, NULL) != 0 ? PX_OK : PX_ENOMEM;
    for (int fd = 0; fd < 20; fd++)
        px_loop_unwatch(loop, fd + 1000);
    enum px_status stepped = px_loop_step(loop, 0, NULL);
    px_loop_free(loop);
    return status != PX_OK ? status : stepped;
}

static void
test_loop(void **state)
{
    (void)state;
    sweep(work_loop, 5);
}

static enum px_status
work_handshake(struct px_err *err)
{
    struct px_handshake client;
    struct px_handshake server;
    struct px_buf up;
    struct px_buf down;
    px_buf_init(&up);
    px_buf_init(&down);
    enum px_status status =
        px_handshake_init(&client, PX_ROLE_CLIENT, NULL, &up, err);
    if (status == PX_OK)
        status = px_handshake_init(&server, PX_ROLE_SERVER, NULL, &down, err);
    struct px_reader reader = px_reader_of(up.data, up.len);
    if (status == PX_OK)
        status = px_handshake_step(&server, &reader, &down, err);
    reader = px_reader_of(down.data, down.len);
    px_buf_clear(&up);
    if (status == PX_AGAIN)
        status = px_handshake_step(&client, &reader, &up, err);
    if (status == PX_OK)
        status = px_frame_append(&up, PX_MSG_HELLO, 0, 1, "{}", err);
    px_buf_done(&up);
    px_buf_done(&down);
    return status;
}

static void
test_handshake(void **state)
{
    (void)state;
    sweep(work_handshake, 2);
}

/* ---- a client from beginning to end ---- */

static char folder[64];
static char socket_path[128];

static void
serve_status(struct fake *fake, int fd)
{
    struct px_frame frame;
    char body[1024];
    if (!fake_hello(fake, fd))
        return;
    while (fake_read_frame(fd, &frame, sizeof body, body))
        fake_reply(fd, frame.msg, frame.id, "{\"peers\":1}");
}

static void
on_reply(void *context, unsigned msg, unsigned flags, uint64_t id, json_t *body,
         const struct px_err *why)
{
    (void)id;
    (void)body;
    (void)flags;
    assert_int_equal(msg, PX_MSG_STATUS);
    assert_null(why);
    *(bool *)context = true;
}

/* jansson says that its input is wrong when it has no memory for it, so a
 * refusal of the server's bytes counts as one of memory here. */
static enum px_status
work_client(struct px_err *err)
{
    struct px_target target;
    bool is_answered = false;
    const struct px_client_events events = {.message = on_reply,
                                            .context = &is_answered};
    enum px_status status = px_target_parse(socket_path, &target, err);
    struct px_client *client =
        status == PX_OK ? px_client_new(&target, &events, 20000, NULL, err)
                        : NULL;
    if (client == NULL || px_client_send(client, PX_MSG_STATUS, NULL, err) == 0)
        status = err->status;
    while (status == PX_OK && !is_answered) {
        struct pollfd polled = {px_client_fd(client),
                                px_client_poll_events(client), 0};
        assert_true(poll(&polled, 1, 20000) > 0);
        status = px_client_pump(client, err);
    }
    px_client_free(client);
    return status == PX_EPROTO ? PX_ENOMEM : status;
}

static void
test_client(void **state)
{
    (void)state;
    struct fake fake = {.serve = serve_status};
    snprintf(folder, sizeof folder, "/tmp/px-memory-XXXXXX");
    assert_non_null(mkdtemp(folder));
    setenv("PYEXPLORE_DIR", folder, 1);
    snprintf(socket_path, sizeof socket_path, "%s/1.sock", folder);
    fake_start(&fake, socket_path);
    sweep(work_client, 15);
    fake_stop(&fake);
    unlink(socket_path);
    rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
