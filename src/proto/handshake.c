/* handshake.c — both roles of the handshake as one state machine.
 *
 *   client                          server
 *   first message (44 bytes) ────▶  judged byte by byte; silence until whole
 *   proof checked ◀──── first message and proof (76 bytes)
 *   proof (32 bytes) ────▶  checked
 *
 * proto.h has the layout. The buffer holds the largest message; no length
 * comes from outside. After an error every later step fails too.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/proto.h>

#include <sodium.h>
#include <string.h>

enum { STEP_FIRST, STEP_PROOF, STEP_OVER };

#define FIRST_HEAD_BYTES (PX_MAGIC_BYTES + 4)

static const uint8_t first_head[FIRST_HEAD_BYTES + 1] =
    PX_MAGIC "\x01\x00\x00\x00";
_Static_assert(PX_AUTH_VERSION == 1, "first_head spells the auth version");

static const uint8_t no_key[PX_KEY_BYTES];

static void
put_first(const struct px_handshake *handshake, struct px_buf *out)
{
    memcpy(out->data + out->len, first_head, FIRST_HEAD_BYTES);
    out->len += FIRST_HEAD_BYTES;
    memcpy(out->data + out->len, handshake->nonce, PX_NONCE_BYTES);
    out->len += PX_NONCE_BYTES;
}

enum px_status
px_handshake_init(struct px_handshake *handshake, enum px_role role,
                  const uint8_t *key, struct px_buf *out, struct px_err *err)
{
    *handshake = (struct px_handshake){.role = role, .step = STEP_OVER};
    if (role == PX_ROLE_CLIENT) {
        enum px_status status = px_buf_reserve(out, PX_CLIENT_FIRST_BYTES, err);
        if (status != PX_OK)
            return status;
    }
    enum px_status status =
        px_auth_random(handshake->nonce, PX_NONCE_BYTES, err);
    if (status != PX_OK)
        return status;
    memcpy(handshake->key, key != NULL ? key : no_key, PX_KEY_BYTES);
    handshake->step = STEP_FIRST;
    if (role == PX_ROLE_CLIENT)
        put_first(handshake, out);
    return PX_OK;
}

void
px_handshake_done(struct px_handshake *handshake)
{
    sodium_memzero(handshake->key, sizeof handshake->key);
    handshake->step = STEP_OVER;
    handshake->n_in = 0;
}

/* Length of the message that is awaited. */
static size_t
expected_bytes(const struct px_handshake *handshake)
{
    if (handshake->step == STEP_OVER)
        return 0;
    if (handshake->step == STEP_PROOF)
        return PX_PROOF_BYTES;
    return handshake->role == PX_ROLE_SERVER ? PX_CLIENT_FIRST_BYTES
                                             : PX_SERVER_FIRST_BYTES;
}

size_t
px_handshake_need(const struct px_handshake *handshake)
{
    return expected_bytes(handshake) - handshake->n_in;
}

/* The peer's first message so far: wrong bytes are seen at once. */
static bool
is_first_right(const struct px_handshake *handshake)
{
    size_t n = handshake->n_in;
    if (n > FIRST_HEAD_BYTES)
        n = FIRST_HEAD_BYTES;
    return memcmp(handshake->in, first_head, n) == 0;
}

static enum px_status
fail_first(const struct px_handshake *handshake, struct px_err *err)
{
    if (handshake->n_in > PX_MAGIC_BYTES &&
        memcmp(handshake->in, first_head, PX_MAGIC_BYTES) == 0) {
        px_fail(err, PX_EVERSION,
                "the peer authenticates by version %u, "
                "this program by version %u",
                (unsigned)handshake->in[PX_MAGIC_BYTES], PX_AUTH_VERSION);
        return PX_EVERSION;
    }
    return px_fail(err, PX_EPROTO,
                   "the peer does not speak pyexplore's "
                   "protocol");
}

static enum px_status
take_client_first(struct px_handshake *handshake, struct px_buf *out,
                  struct px_err *err)
{
    enum px_status status = px_buf_reserve(out, PX_SERVER_FIRST_BYTES, err);
    if (status != PX_OK)
        return status;
    put_first(handshake, out);
    px_auth_proof(PX_ROLE_SERVER, handshake->key,
                  handshake->in + FIRST_HEAD_BYTES, handshake->nonce,
                  out->data + out->len);
    out->len += PX_PROOF_BYTES;
    /* The client's nonce stays in `in`, its proof is read behind it. */
    handshake->step = STEP_PROOF;
    memmove(handshake->in + PX_PROOF_BYTES, handshake->in + FIRST_HEAD_BYTES,
            PX_NONCE_BYTES);
    handshake->n_in = 0;
    return PX_AGAIN;
}

static enum px_status
take_client_proof(struct px_handshake *handshake, struct px_err *err)
{
    uint8_t proof[PX_PROOF_BYTES];
    px_auth_proof(PX_ROLE_CLIENT, handshake->key,
                  handshake->in + PX_PROOF_BYTES, handshake->nonce, proof);
    if (!px_auth_equal(proof, handshake->in))
        return px_fail(err, PX_EDENIED, "the client has another key");
    return PX_OK;
}

static enum px_status
take_server_first(struct px_handshake *handshake, struct px_buf *out,
                  struct px_err *err)
{
    const uint8_t *nonce = handshake->in + FIRST_HEAD_BYTES;
    uint8_t proof[PX_PROOF_BYTES];
    px_auth_proof(PX_ROLE_SERVER, handshake->key, handshake->nonce, nonce,
                  proof);
    if (!px_auth_equal(proof, nonce + PX_NONCE_BYTES))
        return px_fail(err, PX_EDENIED, "the server has another key");
    enum px_status status = px_buf_reserve(out, PX_PROOF_BYTES, err);
    if (status != PX_OK)
        return status;
    px_auth_proof(PX_ROLE_CLIENT, handshake->key, handshake->nonce, nonce,
                  out->data + out->len);
    out->len += PX_PROOF_BYTES;
    return PX_OK;
}

static enum px_status
take_message(struct px_handshake *handshake, struct px_buf *out,
             struct px_err *err)
{
    if (handshake->role == PX_ROLE_CLIENT)
        return take_server_first(handshake, out, err);
    if (handshake->step == STEP_FIRST)
        return take_client_first(handshake, out, err);
    return take_client_proof(handshake, err);
}

enum px_status
px_handshake_step(struct px_handshake *handshake, struct px_reader *in,
                  struct px_buf *out, struct px_err *err)
{
    if (handshake->step == STEP_OVER)
        return px_fail(err, PX_EPROTO, "this handshake is over");
    enum px_status status = PX_AGAIN;
    while (status == PX_AGAIN && px_reader_left(in) > 0) {
        size_t n = px_handshake_need(handshake);
        if (n > px_reader_left(in))
            n = px_reader_left(in);
        memcpy(handshake->in + handshake->n_in, in->at, n);
        in->at += n;
        handshake->n_in += n;
        if (handshake->step == STEP_FIRST && !is_first_right(handshake))
            status = fail_first(handshake, err);
        else if (px_handshake_need(handshake) == 0)
            status = take_message(handshake, out, err);
    }
    if (status != PX_AGAIN)
        px_handshake_done(handshake);
    return status;
}
