/* large_tls.c — LD_PRELOAD: 600 KiB of every thread's stack are variables of
 * this library.
 *
 * SPDX-License-Identifier: MIT
 */
__attribute__((tls_model("initial-exec"))) __thread char large_tls[600 << 10];
