/* test_auth.c — proofs are those of any keyed BLAKE2b; the handshake comes
 * through any split, and nothing but the right bytes opens it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <pyexplore/proto.h>

static void
fill_counting(uint8_t *to, uint8_t from)
{
    for (unsigned i = 0; i < 32; i++)
        to[i] = (uint8_t)(from + i);
}

static void
check_hex(const uint8_t *bytes, const char *expected)
{
    char hex[2 * PX_PROOF_BYTES + 1];
    for (size_t i = 0; i < PX_PROOF_BYTES; i++) {
        hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    hex[2 * PX_PROOF_BYTES] = '\0';
    assert_string_equal(hex, expected);
}

/* Made by Python:
 *   key, c, s = bytes(range(32)), bytes(range(100, 132)), bytes(range(200,
 * 232)) hashlib.blake2b(b"pyexplore server 1" + c + s, digest_size=32, key=key)
 *   hashlib.blake2b(b"pyexplore client 1" + s + c, digest_size=32, key=key)
 * and the same with key = bytes(32). */
static void
test_known_answers(void **state)
{
    (void)state;
    uint8_t key[32], client[32], server[32], proof[32];
    fill_counting(key, 0);
    fill_counting(client, 100);
    fill_counting(server, 200);
    px_auth_proof(PX_ROLE_SERVER, key, client, server, proof);
    check_hex(proof, "18bf23e594025a8b86940edd9e0abfd4"
                     "2bd51b99a745b31f1a7bc16cedb09935");
    px_auth_proof(PX_ROLE_CLIENT, key, client, server, proof);
    check_hex(proof, "ac8a7338ca9f3399dc7dfe665292695b"
                     "6beb638c13c7018d493f6ce856c6115a");
    memset(key, 0, sizeof key);
    px_auth_proof(PX_ROLE_SERVER, key, client, server, proof);
    check_hex(proof, "1db3bc5dcf91e8f2b23a8f2dc606fabb"
                     "811999015a5dbf78f90700ce0b05f914");
    px_auth_proof(PX_ROLE_CLIENT, key, client, server, proof);
    check_hex(proof, "9d29b35a0e02ab3af9856f8266dd3a4c"
                     "cee3d7ba72dc3bba574e4f3e91db2bc4");
}

static void
test_equal(void **state)
{
    (void)state;
    uint8_t a[32], b[32];
    fill_counting(a, 1);
    memcpy(b, a, sizeof b);
    assert_true(px_auth_equal(a, b));
    for (size_t bit = 0; bit < 256; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(px_auth_equal(a, b));
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void
test_random(void **state)
{
    (void)state;
    uint8_t a[64] = {0}, b[64] = {0};
    assert_int_equal(px_auth_random(a, sizeof a, NULL), PX_OK);
    assert_int_equal(px_auth_random(b, sizeof b, NULL), PX_OK);
    assert_memory_not_equal(a, b, sizeof a);
}

/* ---- both machines against each other ---- */

struct pair {
    struct px_handshake client, server;
    struct px_buf to_server, to_client;
};

static void
begin(struct pair *pair, const uint8_t *client_key, const uint8_t *server_key)
{
    px_buf_init(&pair->to_server);
    px_buf_init(&pair->to_client);
    assert_int_equal(px_handshake_init(&pair->client, PX_ROLE_CLIENT,
                                       client_key, &pair->to_server, NULL),
                     PX_OK);
    assert_int_equal(px_handshake_init(&pair->server, PX_ROLE_SERVER,
                                       server_key, &pair->to_client, NULL),
                     PX_OK);
    assert_int_equal(pair->to_server.len, PX_CLIENT_FIRST_BYTES);
    assert_int_equal(pair->to_client.len, 0);
}

static void
finish(struct pair *pair)
{
    px_handshake_done(&pair->client);
    px_handshake_done(&pair->server);
    px_buf_done(&pair->to_server);
    px_buf_done(&pair->to_client);
}

/* Feeds all of `in`, `piece` bytes at a time. */
static enum px_status
feed(struct px_handshake *handshake, struct px_buf *in, size_t piece,
     struct px_buf *out)
{
    enum px_status status = PX_AGAIN;
    while (in->len > 0 && status == PX_AGAIN) {
        size_t n = piece < in->len ? piece : in->len;
        struct px_reader reader = px_reader_of(in->data, n);
        status = px_handshake_step(handshake, &reader, out, NULL);
        px_buf_consume(in, n - px_reader_left(&reader));
    }
    return status;
}

static void
test_any_split(void **state)
{
    (void)state;
    uint8_t key[32];
    fill_counting(key, 3);
    for (size_t piece = 1; piece <= 80; piece++) {
        struct pair pair;
        const uint8_t *used = piece % 2 == 0 ? key : NULL;
        begin(&pair, used, used);
        assert_int_equal(
            feed(&pair.server, &pair.to_server, piece, &pair.to_client),
            PX_AGAIN);
        assert_int_equal(pair.to_client.len, PX_SERVER_FIRST_BYTES);
        assert_int_equal(
            feed(&pair.client, &pair.to_client, piece, &pair.to_server), PX_OK);
        assert_int_equal(pair.to_server.len, PX_PROOF_BYTES);
        /* what follows the proof is left for the frames */
        px_buf_append(&pair.to_server, "frame", 5, NULL);
        assert_int_equal(
            feed(&pair.server, &pair.to_server, piece, &pair.to_client), PX_OK);
        assert_int_equal(pair.to_client.len, 0);
        assert_in_range(pair.to_server.len, 1, 5);
        finish(&pair);
    }
}

/* The server asks for no byte beyond 44 + 32. */
static void
test_need(void **state)
{
    (void)state;
    struct pair pair;
    begin(&pair, NULL, NULL);
    assert_int_equal(px_handshake_need(&pair.server), PX_CLIENT_FIRST_BYTES);
    assert_int_equal(px_handshake_need(&pair.client), PX_SERVER_FIRST_BYTES);
    feed(&pair.server, &pair.to_server, 100, &pair.to_client);
    assert_int_equal(px_handshake_need(&pair.server), PX_PROOF_BYTES);
    feed(&pair.client, &pair.to_client, 100, &pair.to_server);
    assert_int_equal(px_handshake_need(&pair.client), 0);
    feed(&pair.server, &pair.to_server, 100, &pair.to_client);
    assert_int_equal(px_handshake_need(&pair.server), 0);
    struct px_reader reader = px_reader_of("x", 1);
    assert_int_equal(
        px_handshake_step(&pair.server, &reader, &pair.to_client, NULL),
        PX_EPROTO);
    finish(&pair);
}

/* Silence: no byte comes out before the client's 44 are there, and a wrong
 * one among the first twelve ends it at that byte. */
static void
test_server_is_silent(void **state)
{
    (void)state;
    for (size_t n = 0; n < PX_CLIENT_FIRST_BYTES; n++) {
        struct pair pair;
        begin(&pair, NULL, NULL);
        struct px_reader reader = px_reader_of(pair.to_server.data, n);
        assert_int_equal(
            px_handshake_step(&pair.server, &reader, &pair.to_client, NULL),
            PX_AGAIN);
        assert_int_equal(pair.to_client.len, 0);
        if (n < PX_MAGIC_BYTES + 4) {
            uint8_t wrong = (uint8_t)(pair.to_server.data[n] ^ 0x10);
            struct px_err err;
            reader = px_reader_of(&wrong, 1);
            assert_int_equal(
                px_handshake_step(&pair.server, &reader, &pair.to_client, &err),
                n < PX_MAGIC_BYTES ? PX_EPROTO : PX_EVERSION);
            assert_int_equal(pair.to_client.len, 0);
        }
        finish(&pair);
    }
}

static void
test_strangers(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n", "\x16\x03\x01\x02", "POST /\x89PYX\r\n\x1a\n",
        "\x89PNG\r\n\x1a\n", "EHLO x\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct pair pair;
        begin(&pair, NULL, NULL);
        struct px_reader reader = px_reader_of(texts[i], strlen(texts[i]));
        assert_int_equal(
            px_handshake_step(&pair.server, &reader, &pair.to_client, NULL),
            PX_EPROTO);
        assert_int_equal(pair.to_client.len, 0);
        finish(&pair);
    }
}

/* Every bit of the server's message matters, and of the client's proof. */
static void
test_flipped_bits(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * PX_SERVER_FIRST_BYTES; bit++) {
        struct pair pair;
        begin(&pair, NULL, NULL);
        feed(&pair.server, &pair.to_server, 100, &pair.to_client);
        pair.to_client.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum px_status status =
            feed(&pair.client, &pair.to_client, 100, &pair.to_server);
        assert_true(status == PX_EPROTO || status == PX_EVERSION ||
                    status == PX_EDENIED);
        assert_int_equal(pair.to_server.len, 0);
        finish(&pair);
    }
    for (size_t bit = 0; bit < 8 * PX_PROOF_BYTES; bit++) {
        struct pair pair;
        begin(&pair, NULL, NULL);
        feed(&pair.server, &pair.to_server, 100, &pair.to_client);
        feed(&pair.client, &pair.to_client, 100, &pair.to_server);
        pair.to_server.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(
            feed(&pair.server, &pair.to_server, 100, &pair.to_client),
            PX_EDENIED);
        finish(&pair);
    }
}

static void
test_other_keys(void **state)
{
    (void)state;
    uint8_t one[32], other[32];
    struct pair pair;
    fill_counting(one, 1);
    fill_counting(other, 2);
    begin(&pair, one, other);
    feed(&pair.server, &pair.to_server, 100, &pair.to_client);
    assert_int_equal(feed(&pair.client, &pair.to_client, 100, &pair.to_server),
                     PX_EDENIED);
    finish(&pair);
}

/* What a party said cannot be said back to it as its own proof. */
static void
test_reflection(void **state)
{
    (void)state;
    struct pair pair;
    begin(&pair, NULL, NULL);
    feed(&pair.server, &pair.to_server, 100, &pair.to_client);
    struct px_buf proof;
    px_buf_init(&proof);
    px_buf_append(&proof, pair.to_client.data + PX_SERVER_FIRST_BYTES - 32, 32,
                  NULL);
    assert_int_equal(feed(&pair.server, &proof, 100, &pair.to_client),
                     PX_EDENIED);
    px_buf_done(&proof);
    finish(&pair);
}

static void
test_key_is_wiped(void **state)
{
    (void)state;
    static const uint8_t zeros[PX_KEY_BYTES];
    uint8_t key[32];
    struct pair pair;
    fill_counting(key, 1);
    begin(&pair, key, key);
    assert_memory_equal(pair.client.key, key, sizeof key);
    feed(&pair.server, &pair.to_server, 100, &pair.to_client);
    feed(&pair.client, &pair.to_client, 100, &pair.to_server);
    assert_memory_equal(pair.client.key, zeros, sizeof zeros);
    finish(&pair);
    assert_memory_equal(pair.server.key, zeros, sizeof zeros);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_any_split),
        cmocka_unit_test(test_need),
        cmocka_unit_test(test_server_is_silent),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_reflection),
        cmocka_unit_test(test_key_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
