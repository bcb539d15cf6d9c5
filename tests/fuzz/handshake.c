/* handshake.c — fuzz: the handshake of both roles, against anything.
 *
 * The first byte chooses. Even: the rest is what a stranger sends to a
 * server: it must not get in, nor hear a byte before its first 44 are right.
 * Odd: an honest exchange whose messages are xored with the rest: it must end
 * well exactly when the rest is all zeros.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include <pyexplore/proto.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

static void
try_stranger(const uint8_t *data, size_t n_bytes, size_t piece)
{
    struct px_handshake server;
    struct px_buf out;
    uint8_t key[PX_KEY_BYTES];
    enum px_status status = PX_AGAIN;
    size_t taken = 0;
    px_buf_init(&out);
    CHECK(px_auth_random(key, sizeof key, NULL) == PX_OK);
    CHECK(px_handshake_init(&server, PX_ROLE_SERVER, key, &out, NULL) == PX_OK);
    while (taken < n_bytes && status == PX_AGAIN) {
        size_t n = piece < n_bytes - taken ? piece : n_bytes - taken;
        struct px_reader reader = px_reader_of(data + taken, n);
        status = px_handshake_step(&server, &reader, &out, NULL);
        taken += n - px_reader_left(&reader);
        CHECK(status != PX_OK);
        CHECK(taken <= PX_CLIENT_FIRST_BYTES + PX_PROOF_BYTES);
        bool is_due = taken >= PX_CLIENT_FIRST_BYTES &&
                      memcmp(data, PX_MAGIC "\1\0\0\0", 12) == 0;
        CHECK(out.len == (is_due ? PX_SERVER_FIRST_BYTES : 0));
    }
    px_handshake_done(&server);
    px_buf_done(&out);
}

/* Xors a message with the next bytes of the input; true if it changed. */
static bool
spoil(struct px_buf *message, const uint8_t **data, size_t *n_bytes)
{
    bool is_changed = false;
    for (size_t i = 0; i<message->len && * n_bytes> 0; i++) {
        message->data[i] ^= **data;
        is_changed |= **data != 0;
        (*data)++;
        (*n_bytes)--;
    }
    return is_changed;
}

static enum px_status
feed(struct px_handshake *handshake, struct px_buf *in, struct px_buf *out)
{
    struct px_reader reader = px_reader_of(in->data, in->len);
    enum px_status status = px_handshake_step(handshake, &reader, out, NULL);
    px_buf_clear(in);
    return status;
}

static void
try_spoiled(const uint8_t *data, size_t n_bytes)
{
    struct px_handshake client;
    struct px_handshake server;
    struct px_buf up;
    struct px_buf down;
    px_buf_init(&up);
    px_buf_init(&down);
    CHECK(px_handshake_init(&client, PX_ROLE_CLIENT, NULL, &up, NULL) == PX_OK);
    CHECK(px_handshake_init(&server, PX_ROLE_SERVER, NULL, &down, NULL) ==
          PX_OK);
    bool is_changed = spoil(&up, &data, &n_bytes);
    enum px_status served = feed(&server, &up, &down);
    if (served == PX_AGAIN) {
        is_changed |= spoil(&down, &data, &n_bytes);
        enum px_status proved = feed(&client, &down, &up);
        CHECK((proved == PX_OK) == !is_changed);
        if (proved == PX_OK) {
            is_changed = spoil(&up, &data, &n_bytes);
            CHECK((feed(&server, &up, &down) == PX_OK) == !is_changed);
        }
    } else {
        CHECK(is_changed && down.len == 0);
    }
    px_handshake_done(&client);
    px_handshake_done(&server);
    px_buf_done(&up);
    px_buf_done(&down);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes < 1)
        return 0;
    if (data[0] % 2 == 0)
        try_stranger(data + 1, n_bytes - 1, data[0] / 2 + 1u);
    else
        try_spoiled(data + 1, n_bytes - 1);
    return 0;
}
