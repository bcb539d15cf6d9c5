/* fake_server.h — a server on a thread that does exactly what a test says,
 * lies included.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/proto.h>

struct fake {
    /* Set by the test. Called once per connection, with a blocking socket
     * that is closed after it returns. */
    void (*serve)(struct fake *fake, int fd);
    const uint8_t *key; /* NULL: none */
    const char *hello;  /* JSON; NULL: an honest one */
    const char *text;   /* for serve */
    int number;         /* for serve */
    /* The fake's own. */
    int listener;
    int port;
    int stop[2];
    pthread_t thread;
    int n_served;
};

/* Listens on a Unix path, or on a port of 127.0.0.1 (path NULL; fake->port),
 * and serves until fake_stop. */
void fake_start(struct fake *fake, const char *path);
void fake_stop(struct fake *fake);

/* For `serve`: false when the client is gone. */
bool fake_write(int fd, const void *bytes, size_t n);
bool fake_read(int fd, void *bytes, size_t n);
bool fake_handshake(struct fake *fake, int fd);
/* Reads the client's HELLO and answers fake->hello. */
bool fake_hello(struct fake *fake, int fd);
/* One frame of the client, its body NUL-terminated. */
bool fake_read_frame(int fd, struct px_frame *frame, size_t max, char *body);
bool fake_reply(int fd, unsigned msg, uint64_t id, const char *json);
bool fake_send(int fd, unsigned msg, unsigned flags, uint64_t id,
               const void *body, size_t n);
/* Waits until the client closes. */
void fake_wait_end(int fd);

/* Ready-made `serve`s. */
void fake_serve_hello(struct fake *fake, int fd); /* and nothing more */
void fake_serve_close(struct fake *fake, int fd); /* at once */
void fake_serve_silence(struct fake *fake, int fd);
void fake_serve_text(struct fake *fake, int fd); /* fake->text, then close */

#endif
