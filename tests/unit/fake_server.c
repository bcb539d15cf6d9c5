/* fake_server.c — a server on a thread that does exactly what a test says.
 *
 * SPDX-License-Identifier: MIT
 */
#include "fake_server.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/net.h"

#define HONEST_HELLO                                                           \
    "{\"lowest\":1,\"highest\":1,\"version\":\"0.1.0\",\"python\":\"3.13.0\"," \
    "\"pid\":1,\"unknown\":[1,2]}"

bool
fake_write(int fd, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    while (n > 0) {
        ssize_t done = send(fd, at, n, MSG_NOSIGNAL);
        if (done <= 0)
            return false;
        at += done;
        n -= (size_t)done;
    }
    return true;
}

bool
fake_read(int fd, void *bytes, size_t n)
{
    uint8_t *at = bytes;
    while (n > 0) {
        ssize_t done = recv(fd, at, n, 0);
        if (done <= 0)
            return false;
        at += done;
        n -= (size_t)done;
    }
    return true;
}

bool
fake_handshake(struct fake *fake, int fd)
{
    struct px_handshake handshake;
    struct px_buf out;
    enum px_status status;
    px_buf_init(&out);
    px_handshake_init(&handshake, PX_ROLE_SERVER, fake->key, &out, NULL);
    do {
        uint8_t in[PX_SERVER_FIRST_BYTES];
        size_t n = px_handshake_need(&handshake);
        status = PX_EOF;
        if (!fake_read(fd, in, n))
            break;
        struct px_reader reader = px_reader_of(in, n);
        status = px_handshake_step(&handshake, &reader, &out, NULL);
        if (!fake_write(fd, out.data, out.len))
            status = PX_EOF;
        px_buf_clear(&out);
    } while (status == PX_AGAIN);
    px_handshake_done(&handshake);
    px_buf_done(&out);
    return status == PX_OK;
}

bool
fake_read_frame(int fd, struct px_frame *frame, size_t max, char *body)
{
    uint8_t head[PX_FRAME_HEAD_BYTES];
    if (!fake_read(fd, head, sizeof head))
        return false;
    struct px_reader reader = px_reader_of(head, sizeof head);
    px_read_u32(&reader, &frame->body_bytes);
    px_read_u16(&reader, &frame->msg);
    px_read_u16(&reader, &frame->flags);
    px_read_u64(&reader, &frame->id);
    if (frame->body_bytes >= max || !fake_read(fd, body, frame->body_bytes))
        return false;
    body[frame->body_bytes] = '\0';
    return true;
}

bool
fake_send(int fd, unsigned msg, unsigned flags, uint64_t id, const void *body,
          size_t n)
{
    uint8_t head[PX_FRAME_HEAD_BYTES];
    px_frame_put_head(head, &(struct px_frame){(uint32_t)n, (uint16_t)msg,
                                               (uint16_t)flags, id, NULL});
    return fake_write(fd, head, sizeof head) && fake_write(fd, body, n);
}

bool
fake_reply(int fd, unsigned msg, uint64_t id, const char *json)
{
    return fake_send(fd, msg, PX_FRAME_REPLY, id, json, strlen(json));
}

bool
fake_hello(struct fake *fake, int fd)
{
    struct px_frame frame;
    char body[1024];
    return fake_handshake(fake, fd) &&
           fake_read_frame(fd, &frame, sizeof body, body) &&
           frame.msg == PX_MSG_HELLO &&
           fake_reply(fd, PX_MSG_HELLO, frame.id,
                      fake->hello != NULL ? fake->hello : HONEST_HELLO);
}

void
fake_wait_end(int fd)
{
    char bytes[256];
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        continue;
}

void
fake_serve_hello(struct fake *fake, int fd)
{
    if (fake_hello(fake, fd))
        fake_wait_end(fd);
}

void
fake_serve_close(struct fake *fake, int fd)
{
    (void)fake;
    (void)fd;
}

void
fake_serve_silence(struct fake *fake, int fd)
{
    (void)fake;
    fake_wait_end(fd);
}

void
fake_serve_text(struct fake *fake, int fd)
{
    fake_write(fd, fake->text, strlen(fake->text));
    shutdown(fd, SHUT_WR);
    fake_wait_end(fd);
}

static void *
run_fake(void *context)
{
    struct fake *fake = context;
    for (;;) {
        struct pollfd polled[2] = {{fake->listener, POLLIN, 0},
                                   {fake->stop[0], POLLIN, 0}};
        int fd;
        poll(polled, 2, -1);
        if (polled[1].revents != 0)
            return NULL;
        if (px_net_accept(fake->listener, &fd, NULL) != PX_OK)
            continue;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
        fake->n_served++;
        fake->serve(fake, fd);
        close(fd);
    }
}

void
fake_start(struct fake *fake, const char *path)
{
    enum px_status status =
        path != NULL ? px_net_listen_unix(path, &fake->listener, NULL)
                     : px_net_listen_tcp("127.0.0.1", fake->port,
                                         &fake->listener, &fake->port, NULL);
    if (status != PX_OK || pipe2(fake->stop, O_CLOEXEC) != 0 ||
        pthread_create(&fake->thread, NULL, run_fake, fake) != 0)
        abort();
}

void
fake_stop(struct fake *fake)
{
    close(fake->stop[1]);
    pthread_join(fake->thread, NULL);
    close(fake->stop[0]);
    close(fake->listener);
}
