/* options.c — the arguments of pyexplore.serve(), checked.
 *
 * Every ValueError says what is allowed.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/options.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <pyexplore/proto.h>

#include "agent/heap/heap.h"
#include "agent/snap.h"

#define SPOOL_MIN (4u << 20)

static bool
text_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

bool
options_equal(const struct serve_options *a, const struct serve_options *b)
{
    return a->port == b->port && text_equal(a->host, b->host) &&
           a->unix_socket == b->unix_socket && a->detail == b->detail &&
           a->readonly == b->readonly && a->allow_remote == b->allow_remote &&
           text_equal(a->key_file, b->key_file) &&
           a->spool_bytes == b->spool_bytes;
}

bool
options_copy(const struct serve_options *from, struct serve_options *to)
{
    *to = *from;
    to->host = strdup(from->host);
    to->key_file = from->key_file != NULL ? strdup(from->key_file) : NULL;
    if (to->host != NULL && (from->key_file == NULL || to->key_file != NULL))
        return true;
    options_done(to);
    return false;
}

void
options_done(struct serve_options *options)
{
    free(options->host);
    free(options->key_file);
    options->host = NULL;
    options->key_file = NULL;
}

bool
options_can_do_without(const struct serve_options *options,
                       enum px_status status)
{
    return !options->port_given && options->unix_socket &&
           (options->key_file == NULL || status == PX_EBUSY);
}

int
options_detail(const char *name)
{
    int detail = snap_detail_find(name);
    if (detail < 0)
        PyErr_Format(PyExc_ValueError,
                     "detail must be 'values', 'names' or 'types', not '%s'",
                     name);
    return detail;
}

static int
parse_port(PyObject *port, struct serve_options *out)
{
    out->port_given = port != NULL;
    out->port = PX_DEFAULT_PORT;
    if (port == NULL)
        return 0;
    if (port == Py_None) {
        out->port = OPTIONS_NO_PORT;
        return 0;
    }
    if (!PyLong_Check(port) || PyBool_Check(port)) {
        PyErr_Format(PyExc_TypeError, "port must be an int or None, not %s",
                     Py_TYPE(port)->tp_name);
        return -1;
    }
    int overflow = 0;
    long value = PyLong_AsLongAndOverflow(port, &overflow);
    if (overflow != 0 || value < 0 || value > 65535) {
        PyErr_SetString(PyExc_ValueError,
                        "port must be from 0 (any) to 65535, or None");
        return -1;
    }
    out->port = (int)value;
    return 0;
}

static int
parse_spool(PyObject *spool_bytes, struct serve_options *out)
{
    out->spool_bytes = HEAP_SPOOL_DEFAULT;
    if (spool_bytes == Py_None)
        return 0;
    if (!PyLong_Check(spool_bytes) || PyBool_Check(spool_bytes)) {
        PyErr_Format(PyExc_TypeError,
                     "spool_bytes must be an int or None, not %s",
                     Py_TYPE(spool_bytes)->tp_name);
        return -1;
    }
    int overflow = 0;
    long long value = PyLong_AsLongLongAndOverflow(spool_bytes, &overflow);
    if (overflow != 0 || value < (long long)SPOOL_MIN) {
        PyErr_Format(PyExc_ValueError, "spool_bytes must be at least %d",
                     (int)SPOOL_MIN);
        return -1;
    }
    out->spool_bytes = (uint64_t)value;
    return 0;
}

static bool
is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

/* host → address, loopback. Names may wait for a name server. */
static int
resolve(struct serve_options *out)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    /* "localhost" would be ::1 first on many machines, and none on some */
    const char *host =
        strcmp(out->host, "localhost") == 0 ? "127.0.0.1" : out->host;
    int code = 0;
    Py_BEGIN_ALLOW_THREADS
    code = getaddrinfo(host, NULL, &hints, &found);
    if (code == 0)
        code = getnameinfo(found->ai_addr, found->ai_addrlen, out->address,
                           sizeof out->address, NULL, 0, NI_NUMERICHOST);
    Py_END_ALLOW_THREADS
    if (code != 0) {
        PyErr_Format(PyExc_ValueError, "host '%s' is not an address: %s",
                     out->host, gai_strerror(code));
    } else {
        out->loopback = is_loopback(found->ai_addr);
    }
    if (found != NULL)
        freeaddrinfo(found);
    return code == 0 ? 0 : -1;
}

static int
check_together(struct serve_options *out)
{
    if (out->port == OPTIONS_NO_PORT) {
        if (out->unix_socket)
            return 0;
        PyErr_SetString(PyExc_ValueError,
                        "port=None with unix=False leaves nothing to listen "
                        "on");
        return -1;
    }
    if (resolve(out) < 0)
        return -1;
    if (out->loopback)
        return 0;
    if (!out->allow_remote) {
        PyErr_Format(PyExc_ValueError,
                     "host '%s' can be reached from other machines: keep the "
                     "default and connect by ssh, or pass allow_remote=True "
                     "with key_file=",
                     out->host);
        return -1;
    }
    if (out->key_file == NULL) {
        PyErr_SetString(PyExc_ValueError,
                        "allow_remote=True needs key_file=, the file with the "
                        "key that clients must have");
        return -1;
    }
    return 0;
}

static int
take_strings(const char *host, PyObject *key_file, struct serve_options *out)
{
    out->host = strdup(host);
    if (key_file != NULL)
        out->key_file = strdup(PyBytes_AS_STRING(key_file));
    if (out->host != NULL && (key_file == NULL || out->key_file != NULL))
        return 0;
    PyErr_NoMemory();
    return -1;
}

int
options_parse(PyObject *args, PyObject *kwargs, struct serve_options *out)
{
    static const char *keywords[] = {
        "port",         "host",     "unix", "detail",      "readonly",
        "allow_remote", "key_file", "fork", "spool_bytes", NULL};
    struct serve_options options = {.host = NULL};
    PyObject *port = NULL;
    const char *host = "127.0.0.1";
    int unix_socket = 1;
    const char *detail_name = "values";
    int readonly = 0;
    int allow_remote = 0;
    PyObject *key_object = Py_None;
    PyObject *key_file = NULL;
    const char *fork_name = "off";
    PyObject *spool_bytes = Py_None;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "|O$spsppOsO:serve", (char **)keywords, &port, &host,
            &unix_socket, &detail_name, &readonly, &allow_remote, &key_object,
            &fork_name, &spool_bytes))
        return -1;
    if (key_object != Py_None && !PyUnicode_FSConverter(key_object, &key_file))
        return -1;
    options.unix_socket = unix_socket != 0;
    options.readonly = readonly != 0;
    options.allow_remote = allow_remote != 0;
    int detail = options_detail(detail_name);
    if (detail < 0)
        goto fail;
    options.detail = (enum px_detail)detail;
    if (strcmp(fork_name, "off") != 0) {
        PyErr_Format(PyExc_ValueError,
                     "fork must be 'off' (a forked child calls serve() "
                     "itself), not '%s'",
                     fork_name);
        goto fail;
    }
    if (parse_port(port, &options) < 0 ||
        parse_spool(spool_bytes, &options) < 0 ||
        take_strings(host, key_file, &options) < 0 ||
        check_together(&options) < 0)
        goto fail;
    Py_XDECREF(key_file);
    *out = options;
    return 0;

fail:
    Py_XDECREF(key_file);
    options_done(&options);
    return -1;
}
