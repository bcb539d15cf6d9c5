/* auth.c — proofs: keyed BLAKE2b-256 over a role label and both nonces.
 *
 *   server: H(key, "pyexplore server 1" | client nonce | server nonce)
 *   client: H(key, "pyexplore client 1" | server nonce | client nonce)
 *
 * The label and the order of the nonces differ, so that no proof can be sent
 * back to its maker. Random bytes come from getrandom(2) and not from
 * libsodium, which aborts the process when it has none; ours is a guest.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/proto.h>

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>

/* Picks the fastest BLAKE2b for this CPU; without it, the portable one would
 * be used: its failure changes nothing here. */
static void
start_sodium(void)
{
    int result = sodium_init();
    (void)result;
}

void
px_auth_proof(enum px_role role, const uint8_t key[PX_KEY_BYTES],
              const uint8_t client_nonce[PX_NONCE_BYTES],
              const uint8_t server_nonce[PX_NONCE_BYTES],
              uint8_t out[PX_PROOF_BYTES])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_sodium);
    bool is_server = role == PX_ROLE_SERVER;
    const char *label = is_server ? "pyexplore server 1" : "pyexplore client 1";
    const uint8_t *first = is_server ? client_nonce : server_nonce;
    const uint8_t *second = is_server ? server_nonce : client_nonce;
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, PX_KEY_BYTES, PX_PROOF_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)label, strlen(label));
    crypto_generichash_update(&state, first, PX_NONCE_BYTES);
    crypto_generichash_update(&state, second, PX_NONCE_BYTES);
    crypto_generichash_final(&state, out, PX_PROOF_BYTES);
    sodium_memzero(&state, sizeof state);
}

bool
px_auth_equal(const uint8_t a[PX_PROOF_BYTES], const uint8_t b[PX_PROOF_BYTES])
{
    return sodium_memcmp(a, b, PX_PROOF_BYTES) == 0;
}

enum px_status
px_auth_random(void *out, size_t n, struct px_err *err)
{
    uint8_t *at = out;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return px_fail_errno(err, PX_EIO, errno,
                                 "ask the kernel for random bytes");
        at += got;
        n -= (size_t)got;
    }
    return PX_OK;
}
