/* replay.c — runs a fuzz target over files, without a fuzzer.
 *
 * Every tests/fuzz/NAME.c holds one LLVMFuzzerTestOneInput. With clang's
 * -fsanitize=fuzzer it is explored (`make fuzz T=NAME S=60`); linked with this
 * main it replays what is in tests/fuzz/corpus/NAME/ in every `make test`, with
 * any compiler, in TAP. Each input also runs cut at every eighth byte and with
 * single bits flipped, so that a small corpus goes a long way.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

#define INPUT_MAX (1u << 20)
#define VARIANTS_MAX 4096u /* cuts, and flips, of one input at most */

/* A copy of exactly n bytes, so that a sanitizer sees a read beyond it. */
static void
feed(const uint8_t *data, size_t n_bytes)
{
    uint8_t *copy = malloc(n_bytes > 0 ? n_bytes : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, data, n_bytes);
    LLVMFuzzerTestOneInput(copy, n_bytes);
    free(copy);
}

static void
feed_variants(uint8_t *data, size_t n_bytes)
{
    feed(data, n_bytes);
    size_t step = n_bytes / VARIANTS_MAX + 8;
    for (size_t cut = 0; cut < n_bytes; cut += step)
        feed(data, cut);
    size_t n_bits = n_bytes * 8;
    step = n_bits / VARIANTS_MAX + 7;
    for (size_t bit = 0; bit < n_bits; bit += step) {
        data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        feed(data, n_bytes);
        data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

int
main(int argc, char **argv)
{
    static uint8_t data[INPUT_MAX];
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        size_t n_bytes = file ? fread(data, 1, sizeof data, file) : 0;
        if (file != NULL) {
            fclose(file);
            feed_variants(data, n_bytes);
        }
        const char *name = strrchr(argv[i], '/');
        printf("%s %d - %s\n", file ? "ok" : "not ok", i,
               name ? name + 1 : argv[i]);
        failed += file == NULL;
    }
    printf("1..%d\n", argc - 1);
    return failed > 0;
}
