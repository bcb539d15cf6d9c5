/* options.h — the arguments of pyexplore.serve() as C values.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <pyexplore/err.h>
#include <pyexplore/snapshot.h>

#define OPTIONS_NO_PORT (-1)
#define OPTIONS_ADDRESS_MAX 64

struct serve_options {
    int port; /* OPTIONS_NO_PORT: none, 0: any */
    bool port_given;
    char *host;                        /* as given, owned */
    char address[OPTIONS_ADDRESS_MAX]; /* what it resolved to, literal */
    bool loopback;
    bool unix_socket;
    enum px_detail detail;
    bool readonly;
    bool allow_remote;
    char *key_file; /* owned; NULL: a fresh key in the folder */
    uint64_t spool_bytes;
};

/* The same options, as far as the caller chose them. */
bool options_equal(const struct serve_options *a,
                   const struct serve_options *b);
/* A deep copy; false without memory. */
bool options_copy(const struct serve_options *from, struct serve_options *to);
void options_done(struct serve_options *options);

/* May serve() go on with less, after this failure? Only by what was not asked
 * for: whoever writes serve() into a program wants it to boot everywhere. */
bool options_can_do_without(const struct serve_options *options,
                            enum px_status status);

#ifdef Py_PYTHON_H
/* Parses and checks; on failure an exception is set and nothing is kept. */
int options_parse(PyObject *args, PyObject *kwargs, struct serve_options *out);
/* enum px_detail, or -1 with a ValueError. */
int options_detail(const char *name);
#endif

#endif
