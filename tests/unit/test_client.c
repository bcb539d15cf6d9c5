/* test_client.c — a connection to servers that lie, stall and vanish: each
 * ends as one sentence with a hint, in time, and nothing false is believed.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pyexplore/client.h>

#include "base/loop.h"
#include "base/net.h"
#include "fake_server.h"

#define IN_TIME 20000

static char folder[64]; /* $PYEXPLORE_DIR of each test */
static char socket_path[128];
static struct px_target target;
static struct px_err err;

static int
set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/px-client-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    setenv("PYEXPLORE_DIR", folder, 1);
    unsetenv("PYEXPLORE_KEY_FILE");
    snprintf(socket_path, sizeof socket_path, "%s/%d.sock", folder, getpid());
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

static struct px_client *
open_at(const char *text, int timeout_ms)
{
    assert_int_equal(px_target_parse(text, &target, &err), PX_OK);
    memset(&err, 0, sizeof err);
    return px_client_new(&target, NULL, timeout_ms, NULL, &err);
}

static struct px_client *
open_port(int port, int timeout_ms)
{
    char text[32];
    snprintf(text, sizeof text, "localhost:%d", port);
    return open_at(text, timeout_ms);
}

/* It must not open, and say this. */
static void
check_refused(struct px_client *client, enum px_status status,
              const char *message, const char *hint)
{
    assert_null(client);
    assert_int_equal(err.status, status);
    if (strstr(err.msg, message) == NULL || strstr(err.hint, hint) == NULL)
        fail_msg("got: %s (%s)\nnot: %s (%s)", err.msg, err.hint, message,
                 hint);
}

static void
write_key(int port, const uint8_t *key)
{
    char path[128];
    assert_int_equal(px_folder_key(folder, port, sizeof path, path, NULL),
                     PX_OK);
    assert_int_equal(px_key_write(path, key, NULL), PX_OK);
}

static const uint8_t key_one[PX_KEY_BYTES] = "one one one one one one one one";
static const uint8_t key_two[PX_KEY_BYTES] = "two two two two two two two two";

/* ---- opening ---- */

static void
test_opens(void **state)
{
    (void)state;
    struct fake fake = {.serve = fake_serve_hello};
    char text[32];
    fake_start(&fake, socket_path);
    snprintf(text, sizeof text, "%d", getpid());
    const char *const targets[] = {socket_path, text};
    for (int i = 0; i < 2; i++) {
        struct px_client *client = open_at(targets[i], IN_TIME);
        assert_non_null(client);
        assert_string_equal(json_string_value(json_object_get(
                                px_client_hello(client), "python")),
                            "3.13.0");
        assert_true(px_client_fd(client) >= 0);
        assert_int_equal(px_client_poll_events(client), POLLIN);
        px_client_free(client);
    }
    fake_stop(&fake);
}

static void
test_opens_tcp_with_key(void **state)
{
    (void)state;
    struct fake fake = {.serve = fake_serve_hello, .key = key_one};
    char path[128];
    fake_start(&fake, NULL);
    write_key(fake.port, key_one);
    struct px_client *client = open_port(fake.port, IN_TIME);
    assert_non_null(client);
    px_client_free(client);
    /* the same by --key-file */
    assert_int_equal(
        rename(
            (px_folder_key(folder, fake.port, sizeof path, path, NULL), path),
            "/tmp/px-client-test.key"),
        0);
    setenv("PYEXPLORE_KEY_FILE", "/tmp/px-client-test.key", 1);
    client = open_port(fake.port, IN_TIME);
    unlink("/tmp/px-client-test.key");
    assert_non_null(client);
    px_client_free(client);
    check_refused(open_port(fake.port, IN_TIME), PX_EDENIED,
                  "there is no key file", "--key-file");
    fake_stop(&fake);
}

static void
test_nothing_listens(void **state)
{
    (void)state;
    int fd = -1;
    int port = 0;
    assert_int_equal(px_net_listen_tcp("127.0.0.1", 0, &fd, &port, NULL),
                     PX_OK);
    close(fd);
    check_refused(open_port(port, IN_TIME), PX_ECONNECT,
                  "nothing listens on localhost port", "import pyexplore");
    check_refused(open_at(socket_path, IN_TIME), PX_ECONNECT,
                  "nothing listens on /tmp", "pyexplore ls");
    assert_int_equal(px_net_listen_unix(socket_path, &fd, NULL), PX_OK);
    close(fd); /* left over */
    check_refused(open_at(socket_path, IN_TIME), PX_ECONNECT,
                  "nothing listens on /tmp", "pyexplore ls");
}

static void
test_process_does_not_serve(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d", getpid());
    check_refused(open_at(text, IN_TIME), PX_ECONNECT, "test_client",
                  "pyexplore.serve()");
    assert_non_null(strstr(err.msg, "does not serve"));
    /* a port of a process that is something else */
    struct fake fake = {.serve = fake_serve_text,
                        .text = "HTTP/1.1 400 Bad Request\r\n\r\n"};
    fake_start(&fake, NULL);
    check_refused(open_port(fake.port, IN_TIME), PX_ECONNECT, "test_client",
                  "pyexplore.serve()");
    write_key(fake.port, key_one); /* of a server that was there before */
    check_refused(open_port(fake.port, IN_TIME), PX_ECONNECT, "test_client",
                  "pyexplore.serve()");
    fake_stop(&fake);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    snprintf(text, sizeof text, "%d", (int)child);
    check_refused(open_at(text, IN_TIME), PX_ECONNECT, "there is no process",
                  "pyexplore ls");
}

/* A socket with the pid's name that another process listens on. */
static void
test_socket_of_another_process(void **state)
{
    (void)state;
    struct fake fake = {.serve = fake_serve_hello};
    char text[32];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ends[0]);
    snprintf(socket_path, sizeof socket_path, "%s/%d.sock", folder, (int)child);
    fake_start(&fake, socket_path);
    snprintf(text, sizeof text, "%d", (int)child);
    check_refused(open_at(text, IN_TIME), PX_ECONNECT, "does not serve", "");
    fake_stop(&fake);
    close(ends[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Of this thread alone, which setuid() would not do; and a child that is forked
 * beside threads may find a lock of AddressSanitizer's taken. */
static void
become(uid_t uid)
{
    uid_t same = (uid_t)-1;
    /* root first or last: nobody else may change the group */
    if (uid == 0)
        assert_int_equal(syscall(SYS_setresuid, same, uid, same), 0);
    assert_int_equal(syscall(SYS_setresgid, same, uid, same), 0);
    if (uid != 0)
        assert_int_equal(syscall(SYS_setresuid, same, uid, same), 0);
    assert_int_equal(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
}

static void
check_as_other_user(const char *text, const char *expected, const char *hint)
{
    become(54321);
    assert_int_equal(geteuid(), 54321);
    struct px_client *client = open_at(text, IN_TIME);
    become(0);
    check_refused(client, PX_EDENIED, expected, hint);
}

static void
test_other_user(void **state)
{
    (void)state;
    if (geteuid() != 0) { /* only root can become another user */
        check_refused(open_at("1", IN_TIME), PX_EDENIED, "belongs to root",
                      "sudo -u root");
        return;
    }
    struct fake fake = {.serve = fake_serve_hello};
    struct fake tcp = {.serve = fake_serve_hello, .key = key_one};
    char text[32];
    fake_start(&fake, socket_path);
    fake_start(&tcp, NULL);
    snprintf(text, sizeof text, "%d", getpid());
    check_as_other_user(text, "belongs to root", "sudo -u root");
    check_as_other_user(socket_path, "belongs to root", "sudo -u root");
    snprintf(text, sizeof text, "localhost:%d", tcp.port);
    check_as_other_user(text, "belongs to root", "sudo -u root");
    fake_stop(&fake);
    fake_stop(&tcp);
}

static void
test_keys(void **state)
{
    (void)state;
    struct fake fake = {.serve = fake_serve_hello, .key = key_one};
    struct fake own = {.serve = fake_serve_hello};
    char path[128];
    fake_start(&fake, NULL);
    fake_start(&own, socket_path); /* so it is a server of ours */
    check_refused(open_port(fake.port, IN_TIME), PX_EDENIED, "no key",
                  "--key-file");
    write_key(fake.port, key_two);
    check_refused(open_port(fake.port, IN_TIME), PX_EDENIED, "key refused",
                  "--key-file");
    px_folder_key(folder, fake.port, sizeof path, path, NULL);
    assert_int_equal(chmod(path, 0644), 0);
    check_refused(open_port(fake.port, IN_TIME), PX_EDENIED, "open to others",
                  "chmod 600");
    fake_stop(&fake);
    fake_stop(&own);
}

static void
test_other_versions(void **state)
{
    (void)state;
    static const struct {
        const char *hello;
        enum px_status status;
        const char *message, *hint;
    } rows[] = {
        {"{\"lowest\":5,\"highest\":7}", PX_EVERSION, "speaks protocol 5 to 7",
         "upgrade this program"},
        {"{\"lowest\":0,\"highest\":0}", PX_EVERSION, "speaks protocol 0 to 0",
         "upgrade pyexplore in the environment of"},
        {"{\"lowest\":\"1\",\"highest\":1}", PX_EPROTO, "no protocol version",
         ""},
        {"{}", PX_EPROTO, "no protocol version", ""},
        {"[1]", PX_EPROTO, "no object", ""},
        {"{", PX_EPROTO, "no JSON", ""},
        {"{\"lowest\":1,\"highest\":\xff}", PX_EPROTO, "no JSON", ""},
        {"", PX_EPROTO, "no JSON", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake fake = {.serve = fake_serve_hello, .hello = rows[i].hello};
        fake_start(&fake, socket_path);
        check_refused(open_at(socket_path, IN_TIME), rows[i].status,
                      rows[i].message, rows[i].hint);
        fake_stop(&fake);
    }
}

static void
serve_refusal(struct fake *fake, int fd)
{
    struct px_frame frame;
    char body[1024];
    if (fake_handshake(fake, fd) &&
        fake_read_frame(fd, &frame, sizeof body, body))
        fake_reply(fd, PX_MSG_ERROR, frame.id, fake->text);
}

/* The server's own words, made harmless. */
static void
test_server_refuses_hello(void **state)
{
    (void)state;
    struct fake fake = {.serve = serve_refusal,
                        .text = "{\"code\":\"version_mismatch\",\"message\":"
                                "\"too \\u001b[31mold\",\"hint\":\"up\\n\"}"};
    fake_start(&fake, socket_path);
    check_refused(open_at(socket_path, IN_TIME), PX_EVERSION,
                  "too \\x1b[31mold", "up\\n");
    fake_stop(&fake);
}

static void
test_server_is_no_server(void **state)
{
    (void)state;
    struct fake closes = {.serve = fake_serve_close};
    fake_start(&closes, socket_path);
    /* before or after we could send: the reason is always there */
    for (int i = 0; i < 50; i++)
        check_refused(open_at(socket_path, IN_TIME), PX_ECONNECT,
                      "did not let us in: the", "8 clients");
    fake_stop(&closes);
    struct fake talks = {.serve = fake_serve_text,
                         .text = "+OK ready when you are\r\n"};
    fake_start(&talks, socket_path);
    check_refused(open_at(socket_path, IN_TIME), PX_ECONNECT,
                  "does not speak pyexplore's protocol", "");
    fake_stop(&talks);
}

/* Silence at every stage ends at the deadline, not later. */
static void
serve_handshake_only(struct fake *fake, int fd)
{
    if (fake_handshake(fake, fd))
        fake_wait_end(fd);
}

static void
test_silence(void **state)
{
    (void)state;
    struct fake rows[] = {{.serve = fake_serve_silence},
                          {.serve = serve_handshake_only}};
    for (int i = 0; i < 2; i++) {
        uint64_t begin = px_now_ns();
        fake_start(&rows[i], socket_path);
        check_refused(open_at(socket_path, 150),
                      i == 0 ? PX_ECONNECT : PX_EGONE,
                      i == 0 ? "does not answer" : "says nothing", "stopped");
        uint64_t ms = (px_now_ns() - begin) / 1000000;
        assert_in_range(ms, 150, IN_TIME - 1000);
        fake_stop(&rows[i]);
    }
}

/* What listens on ::1 and says nothing must not use up the time of who serves
 * on 127.0.0.1, nor is the one to blame for what the other does. */
static void
test_silent_neighbour(void **state)
{
    (void)state;
    struct fake fake = {.serve = fake_serve_hello, .key = key_one};
    char path[128];
    int silent = -1;
    fake_start(&fake, NULL);
    if (px_net_listen_tcp("::1", fake.port, &silent, NULL, NULL) != PX_OK) {
        fake_stop(&fake); /* a machine without IPv6 has no such neighbour */
        return;
    }
    write_key(fake.port, key_one);
    struct px_client *client = open_port(fake.port, 4000);
    assert_non_null(client);
    px_client_free(client);
    px_folder_key(folder, fake.port, sizeof path, path, NULL);
    unlink(path);
    write_key(fake.port, key_two);
    check_refused(open_port(fake.port, 4000), PX_EDENIED, "key refused",
                  "--key-file");
    close(silent);
    fake_stop(&fake);
}

/* A long scope once left no address at all, and then a NULL. */
static void
test_scoped_address(void **state)
{
    (void)state;
    int fd = -1;
    check_refused(open_at("[fe80:1111:2222:3333:4444:5555:6666:7777"
                          "%4294967295]:9999",
                          IN_TIME),
                  PX_ECONNECT, "cannot connect", "ssh://");
    assert_int_equal(px_net_connect_tcp("fe80::1%no-such-link", 1, &fd, &err),
                     PX_EINVAL);
    assert_int_equal(px_net_connect_tcp("fe80::1%4294967295x", 1, &fd, &err),
                     PX_EINVAL);
}

/* The user loses patience as soon as the client is there. */
static void
serve_cancel(struct fake *fake, int fd)
{
    ((struct px_work *)(uintptr_t)fake->text)->canceled = true;
    fake_wait_end(fd);
}

static void
test_cancelled_while_opening(void **state)
{
    (void)state;
    struct px_work work = {0};
    struct fake fake = {.serve = serve_cancel, .text = (const char *)&work};
    fake_start(&fake, socket_path);
    assert_int_equal(px_target_parse(socket_path, &target, &err), PX_OK);
    check_refused(px_client_new(&target, NULL, -1, &work, &err), PX_ECANCELED,
                  "cancelled", "");
    fake_stop(&fake);
}

/* A stopped process: the kernel queues connections for it until it is full. */
static void
test_full_queue(void **state)
{
    (void)state;
    int listener = -1;
    int waiting[200];
    size_t n = 0;
    assert_int_equal(px_net_listen_unix(socket_path, &listener, NULL), PX_OK);
    while (n < 200 &&
           px_net_connect_unix(socket_path, &waiting[n], NULL) == PX_OK)
        n++;
    assert_in_range(n, 1, 199);
    check_refused(open_at(socket_path, 100), PX_ECONNECT, "does not answer",
                  "stopped");
    while (n > 0)
        close(waiting[--n]);
    close(listener);
}

/* ---- talking ---- */

struct heard {
    int n_messages, n_chunks, n_closed;
    unsigned last_msg;
    enum px_status last_error;
    char last_body[64];          /* JSON */
    char last_text[PX_ERR_TEXT]; /* of the error */
    size_t chunk_bytes;
    uint64_t last_id;
    struct px_err end;
};

static void
on_message(void *context, unsigned msg, unsigned flags, uint64_t id,
           json_t *body, const struct px_err *error)
{
    struct heard *heard = context;
    (void)flags;
    char *text = json_dumps(body, JSON_COMPACT);
    assert_non_null(text);
    snprintf(heard->last_body, sizeof heard->last_body, "%s", text);
    free(text);
    heard->n_messages++;
    heard->last_msg = msg;
    heard->last_id = id;
    heard->last_error = error != NULL ? error->status : PX_OK;
    snprintf(heard->last_text, sizeof heard->last_text, "%s",
             error != NULL ? error->msg : "");
}

static void
on_chunk(void *context, uint64_t id, const void *chunk, size_t n_bytes)
{
    struct heard *heard = context;
    (void)chunk;
    heard->n_chunks++;
    heard->last_id = id;
    heard->chunk_bytes += n_bytes;
}

static void
on_closed(void *context, const struct px_err *why)
{
    struct heard *heard = context;
    heard->n_closed++;
    heard->end = *why;
}

static struct px_client *
open_hearing(struct heard *heard)
{
    struct px_client_events events = {on_message, on_chunk, on_closed, heard};
    memset(heard, 0, sizeof *heard);
    assert_int_equal(px_target_parse(socket_path, &target, &err), PX_OK);
    struct px_client *client =
        px_client_new(&target, &events, IN_TIME, NULL, &err);
    assert_non_null(client);
    return client;
}

/* Answers each request by its number: STATUS fine, GC_STATE by an error,
 * GC_GARBAGE after two replies that nobody asked for, the rest not. */
static void
serve_requests(struct fake *fake, int fd)
{
    struct px_frame frame;
    char body[1024];
    if (!fake_hello(fake, fd))
        return;
    while (fake_read_frame(fd, &frame, sizeof body, body)) {
        if (frame.msg == PX_MSG_STATUS) {
            fake_reply(fd, frame.msg, frame.id, "{\"peers\":3}");
        } else if (frame.msg == PX_MSG_GC_STATE) {
            fake_reply(fd, PX_MSG_ERROR, frame.id,
                       "{\"code\":\"busy\",\"message\":\"later\"}");
        } else if (frame.msg == PX_MSG_GC_GARBAGE) {
            fake_reply(fd, frame.msg, frame.id + 1000, "{\"count\":-1}");
            fake_reply(fd, frame.msg, frame.id - 1, "{\"count\":-1}");
            fake_send(fd, PX_MSG_PROGRESS, 0, frame.id, "{}", 2);
            fake_reply(fd, frame.msg, frame.id, "{\"count\":5}");
        } else if (frame.msg == PX_MSG_CANCEL) {
            fake_reply(fd, PX_MSG_CANCEL, frame.id, "{}");
            fake_reply(fd, PX_MSG_ERROR, frame.id - 1,
                       "{\"code\":\"cancelled\",\"message\":\"as asked\"}");
        }
    }
}

static void
pump_until(struct px_client *client, const int *counter, int wanted)
{
    uint64_t end = px_now_ns() + IN_TIME * UINT64_C(1000000);
    while (*counter < wanted && px_now_ns() < end) {
        struct pollfd polled = {px_client_fd(client),
                                px_client_poll_events(client), 0};
        poll(&polled, 1, 1000);
        if (px_client_pump(client, NULL) != PX_OK)
            break;
    }
    assert_int_equal(*counter, wanted);
}

/* Sends, and waits until so many messages have come. */
static void
ask(struct px_client *client, struct heard *heard, unsigned msg, int wanted)
{
    uint64_t id = px_client_send(client, msg, NULL, &err);
    assert_true(id > 0);
    pump_until(client, &heard->n_messages, wanted);
    assert_int_equal(heard->last_id, id);
}

static void
test_calls(void **state)
{
    (void)state;
    struct fake fake = {.serve = serve_requests};
    struct heard heard;
    fake_start(&fake, socket_path);
    struct px_client *client = open_hearing(&heard);
    ask(client, &heard, PX_MSG_STATUS, 1);
    assert_int_equal(heard.last_error, PX_OK);
    assert_string_equal(heard.last_body, "{\"peers\":3}");
    ask(client, &heard, PX_MSG_GC_STATE, 2);
    assert_int_equal(heard.last_error, PX_EBUSY);
    assert_string_equal(heard.last_text, "later");
    /* PROGRESS and the reply, and neither of the strays before them */
    ask(client, &heard, PX_MSG_GC_GARBAGE, 4);
    assert_int_equal(heard.last_msg, PX_MSG_GC_GARBAGE);
    assert_string_equal(heard.last_body, "{\"count\":5}");
    /* what has no answer yet holds up nothing */
    assert_true(px_client_send(client, PX_MSG_GC_SET, NULL, &err) > 0);
    ask(client, &heard, PX_MSG_STATUS, 5);
    px_client_free(client);
    fake_stop(&fake);
    assert_int_equal(heard.n_closed, 0);
}

static void
test_cancel(void **state)
{
    (void)state;
    struct fake fake = {.serve = serve_requests};
    struct heard heard;
    fake_start(&fake, socket_path);
    struct px_client *client = open_hearing(&heard);
    uint64_t id = px_client_send(client, PX_MSG_SNAPSHOT, NULL, &err);
    assert_true(id > 0);
    assert_int_equal(px_client_cancel(client, id, &err), PX_OK);
    pump_until(client, &heard.n_messages, 1);
    assert_int_equal(heard.last_error, PX_ECANCELED);
    assert_int_equal(heard.last_id, id);
    px_client_free(client);
    fake_stop(&fake);
}

static void
test_too_large_request(void **state)
{
    (void)state;
    struct fake fake = {.serve = serve_requests};
    struct heard heard;
    fake_start(&fake, socket_path);
    struct px_client *client = open_hearing(&heard);
    char *text = malloc(PX_REQUEST_MAX + 1);
    assert_non_null(text);
    memset(text, 'x', PX_REQUEST_MAX);
    text[PX_REQUEST_MAX] = '\0';
    json_t *body = json_pack("{s:s}", "text", text);
    assert_int_equal(px_client_send(client, PX_MSG_STATUS, body, &err), 0);
    assert_int_equal(err.status, PX_ELIMIT);
    free(text);
    px_client_free(client);
    fake_stop(&fake);
}

/* Sends fake->number bytes of the frame in fake->text after HELLO. */
static void
serve_bytes(struct fake *fake, int fd)
{
    if (fake_hello(fake, fd)) {
        fake_write(fd, fake->text, (size_t)fake->number);
        /* half-closed, so that the client surely reads it */
    }
}

static void
test_lies_after_hello(void **state)
{
    (void)state;
#define HEAD(len, msg, flags)                                                  \
    len msg "\0" flags "\0"                                                    \
            "\1\0\0\0\0\0\0\0"
    static const struct {
        const char *bytes;
        int n;
        enum px_status status;
        const char *message;
    } rows[] = {
        {HEAD("\xff\xff\xff\xff", "\5", "\0"), 16, PX_EPROTO, "exceeds"},
        {HEAD("\1\0\100\0", "\5", "\0"), 16, PX_EPROTO, "exceeds"},
        {HEAD("\2\0\0\0", "\5", "\2") "{}", 18, PX_EPROTO, "bulk"},
        {HEAD("\2\0\0\0", "\5", "\x10") "{}", 18, PX_EPROTO, "flags"},
        {HEAD("\2\0\0\0", "\5", "\0") "[]", 18, PX_EPROTO, "no object"},
        {HEAD("\2\0\0\0", "\5", "\0") "{\xff", 18, PX_EPROTO, "no JSON"},
        {HEAD("\2\0\0\0", "\5", "\0") "{", 17, PX_EGONE,
         "in the middle of a message"},
        {HEAD("\2\0\0\0", "\5", "\0"), 7, PX_EGONE,
         "in the middle of a message"},
        {"", 0, PX_EGONE, "broke off the connection"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake fake = {
            .serve = serve_bytes, .text = rows[i].bytes, .number = rows[i].n};
        struct heard heard;
        fake_start(&fake, socket_path);
        struct px_client *client = open_hearing(&heard);
        pump_until(client, &heard.n_closed, 1);
        assert_int_equal(heard.end.status, rows[i].status);
        if (strstr(heard.end.msg, rows[i].message) == NULL)
            fail_msg("row %zu: %s", i, heard.end.msg);
        assert_int_equal(px_client_fd(client), -1);
        /* over is over: the same error, told once */
        assert_int_equal(px_client_pump(client, &err), rows[i].status);
        assert_int_equal(px_client_send(client, PX_MSG_STATUS, NULL, &err), 0);
        assert_int_equal(heard.n_closed, 1);
        px_client_free(client);
        fake_stop(&fake);
    }
}

static void
serve_deep_json(struct fake *fake, int fd)
{
    static char body[100000];
    memset(body, '[', sizeof body);
    if (fake_hello(fake, fd))
        fake_send(fd, PX_MSG_STATUS, 0, 1, body, sizeof body);
    fake_wait_end(fd);
}

static void
test_deep_json(void **state)
{
    (void)state;
    struct fake fake = {.serve = serve_deep_json};
    struct heard heard;
    fake_start(&fake, socket_path);
    struct px_client *client = open_hearing(&heard);
    pump_until(client, &heard.n_closed, 1);
    assert_int_equal(heard.end.status, PX_EPROTO);
    px_client_free(client);
    fake_stop(&fake);
}

/* 40 chunks of the client's snapshot, between chunks of nobody's. */
static void
serve_chunks(struct fake *fake, int fd)
{
    static uint8_t body[300000];
    struct px_frame frame;
    char request[1024];
    if (!fake_hello(fake, fd) ||
        !fake_read_frame(fd, &frame, sizeof request, request))
        return;
    for (int i = 0; i < 40; i++) {
        fake_send(fd, PX_MSG_CHUNK, PX_FRAME_BULK, frame.id, body,
                  sizeof body - (size_t)i);
        fake_send(fd, PX_MSG_CHUNK, PX_FRAME_BULK, frame.id + 7, body, 100);
    }
    fake_reply(fd, PX_MSG_SNAPSHOT, frame.id, "{\"end\":\"complete\"}");
    fake_send(fd, PX_MSG_CHUNK, PX_FRAME_BULK, frame.id, body, 100); /* late */
    fake_wait_end(fd);
}

static void
test_chunks(void **state)
{
    (void)state;
    struct fake fake = {.serve = serve_chunks};
    struct heard heard;
    fake_start(&fake, socket_path);
    struct px_client *client = open_hearing(&heard);
    uint64_t id = px_client_send(client, PX_MSG_SNAPSHOT, NULL, &err);
    pump_until(client, &heard.n_messages, 1);
    assert_int_equal(heard.n_chunks, 40);
    assert_int_equal(heard.chunk_bytes, 40 * 300000 - 39 * 40 / 2);
    assert_int_equal(heard.last_id, id);
    px_client_free(client);
    fake_stop(&fake);
}

/* ---- who serves here ---- */

static void
test_servers_list(void **state)
{
    (void)state;
    struct fake fake = {.serve = fake_serve_hello};
    struct px_server_info *list = NULL;
    size_t n = 0;
    int dead = -1;
    char dead_path[128];
    snprintf(dead_path, sizeof dead_path, "%s/99999999.sock", folder);
    assert_int_equal(px_net_listen_unix(dead_path, &dead, NULL), PX_OK);
    close(dead);
    fake_start(&fake, socket_path);
    assert_int_equal(px_servers_list(&list, &n, &err), PX_OK);
    size_t n_ours = 0;
    for (size_t i = 0; i < n; i++) {
        if (list[i].pid != getpid())
            continue;
        n_ours++;
        assert_string_equal(list[i].path, socket_path);
        assert_string_equal(list[i].python, "3.13.0");
        assert_int_equal(list[i].uid, geteuid());
        assert_int_equal(list[i].parent, getppid());
        assert_non_null(strstr(list[i].command, "test_client"));
        assert_true(list[i].rss_bytes > 0);
    }
    assert_int_equal(n_ours, 1);
    for (size_t i = 0; i < n; i++)
        assert_string_not_equal(list[i].path, dead_path);
    free(list);
    fake_stop(&fake);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_opens),
        CASE(test_opens_tcp_with_key),
        CASE(test_nothing_listens),
        CASE(test_process_does_not_serve),
        CASE(test_socket_of_another_process),
        CASE(test_other_user),
        CASE(test_keys),
        CASE(test_other_versions),
        CASE(test_server_refuses_hello),
        CASE(test_server_is_no_server),
        CASE(test_silence),
        CASE(test_silent_neighbour),
        CASE(test_scoped_address),
        CASE(test_cancelled_while_opening),
        CASE(test_full_queue),
        CASE(test_calls),
        CASE(test_cancel),
        CASE(test_too_large_request),
        CASE(test_lies_after_hello),
        CASE(test_deep_json),
        CASE(test_chunks),
        CASE(test_servers_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
