/* target.c — the TARGET grammar: what the user typed, told apart.
 *
 * In this order: ssh://…, digits (a pid), @NAME (an abstract socket), HOST:PORT
 * and :PORT, and else a path, where the file system says whether it is a
 * socket or a snapshot. A file with a misleading name is ./NAME.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/client.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GRAMMAR                                                                \
    "TARGET is HOST:PORT (localhost:9999), a pid, a socket's path, a "         \
    "snapshot "                                                                \
    "FILE.pxs, or ssh://[user@]host/PID-or-PORT"

static enum px_status
fail_grammar(const char *text, const char *why, struct px_err *err)
{
    px_fail(err, PX_EINVAL, "'%.200s' is no target: %s", text, why);
    px_err_hint(err, GRAMMAR);
    return PX_EINVAL;
}

/* The number that is all of `text`, 0 if it is none or above max. */
static long
parse_number(const char *text, long max)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 10 || text[n] != '\0')
        return 0;
    long value = strtol(text, NULL, 10);
    return value <= max ? value : 0;
}

static bool
has_suffix(const char *text, const char *suffix)
{
    size_t n = strlen(text);
    size_t m = strlen(suffix);
    return n > m && strcmp(text + n - m, suffix) == 0;
}

/* What an ssh:// URI may have behind its host (RFC 3986): the ssh program takes
 * neither ":2222" nor the brackets of an IPv6 address as part of a name. */
static bool
split_ssh_host(struct px_target *out)
{
    char *at = strrchr(out->host, '@');
    char *host = at == NULL ? out->host : at + 1;
    char *colon = strchr(host, ':');
    if (host[0] == '[') {
        char *close = strchr(host, ']');
        if (close == NULL || (close[1] != '\0' && close[1] != ':'))
            return false;
        colon = close[1] == ':' ? close + 1 : NULL;
        *close = '\0';
        memmove(host, host + 1, (size_t)(close - host));
    } else if (colon != NULL && strchr(colon + 1, ':') != NULL) {
        colon = NULL; /* an IPv6 address as it is */
    }
    if (colon != NULL) {
        out->ssh_port = (int)parse_number(colon + 1, 65535);
        *colon = '\0';
    }
    return host[0] != '\0' && host[0] != '-' &&
           (colon == NULL || out->ssh_port != 0);
}

static enum px_status
parse_ssh(const char *text, struct px_target *out, struct px_err *err)
{
    const char *host = text + strlen("ssh://");
    const char *slash = strchr(host, '/');
    if (slash == NULL)
        return fail_grammar(text, "ssh:// needs /PID or /PORT at its end", err);
    size_t n = (size_t)(slash - host);
    if (n == 0 || n >= sizeof out->host)
        return fail_grammar(text, "ssh:// needs a host", err);
    /* The ssh program must not read a host as an option, and no shell on the
     * way may find more than a name in it. */
    size_t plain = strspn(host, "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789.-_@:[]%");
    if (host[0] == '-' || plain < n)
        return fail_grammar(text, "this is no name of a host", err);
    long number = parse_number(slash + 1, 4194304);
    if (number == 0)
        return fail_grammar(text, "what follows the host is no pid and no port",
                            err);
    out->kind = PX_TARGET_SSH;
    memcpy(out->host, host, n);
    out->host[n] = '\0';
    if (!split_ssh_host(out))
        return fail_grammar(text, "write ssh://[user@]host[:port]/PID", err);
    out->pid = (pid_t)number;
    out->port = number <= 65535 ? (int)number : 0;
    return PX_OK;
}

/* "fe80::1" and "fe80::1%eth0" are, "app-10:30:00.pxs" is a file's name. */
static bool
is_address(const char *text)
{
    size_t n = strspn(text, "0123456789abcdefABCDEF:.[]");
    return text[n] == '\0' || text[n] == '%';
}

/* HOST:PORT, [ADDRESS]:PORT, :PORT. PX_AGAIN: it is none of these. */
static enum px_status
parse_tcp(const char *text, struct px_target *out, struct px_err *err)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || strchr(text, '/') != NULL)
        return PX_AGAIN;
    const char *host = text;
    size_t n = (size_t)(colon - text);
    bool is_bracketed = n >= 2 && text[0] == '[' && colon[-1] == ']';
    bool has_number = colon[1 + strspn(colon + 1, "0123456789")] == '\0';
    if (is_bracketed) {
        host++;
        n -= 2;
    } else if (memchr(text, ':', n) != NULL &&
               (has_number || is_address(text))) {
        return fail_grammar(text, "write an IPv6 address as [ADDRESS]:PORT",
                            err);
    }
    if (!has_number)
        return PX_AGAIN;
    long port = parse_number(colon + 1, 65535);
    if (port == 0)
        return fail_grammar(text, "ports are 1 to 65535", err);
    if (n >= sizeof out->host)
        return fail_grammar(text, "the host's name is too long", err);
    if (n == 0) {
        host = "localhost";
        n = strlen(host);
    }
    out->kind = PX_TARGET_TCP;
    out->port = (int)port;
    memcpy(out->host, host, n);
    out->host[n] = '\0';
    return PX_OK;
}

static enum px_status
parse_path(const char *text, struct px_target *out, struct px_err *err)
{
    struct stat info;
    snprintf(out->path, sizeof out->path, "%s", text);
    if (stat(text, &info) != 0) {
        /* Opening it will say why it cannot be had. */
        if (errno == EACCES || has_suffix(text, ".sock"))
            out->kind = PX_TARGET_SOCKET;
        else if (has_suffix(text, ".pxs"))
            out->kind = PX_TARGET_FILE;
        else
            return fail_grammar(text, strerror(errno), err);
        if (has_suffix(text, ".pxs"))
            out->kind = PX_TARGET_FILE;
        return PX_OK;
    }
    if (S_ISDIR(info.st_mode))
        return fail_grammar(text, "it is a directory", err);
    out->kind = S_ISSOCK(info.st_mode) ? PX_TARGET_SOCKET : PX_TARGET_FILE;
    return PX_OK;
}

enum px_status
px_target_parse(const char *text, struct px_target *out, struct px_err *err)
{
    struct px_target target = {.kind = PX_TARGET_PID};
    enum px_status status = PX_OK;
    if (text[0] == '\0')
        return fail_grammar(text, "it is empty", err);
    if (strlen(text) >= sizeof target.text)
        return fail_grammar(text, "it is too long", err);
    snprintf(target.text, sizeof target.text, "%s", text);
    const char *key_file = getenv("PYEXPLORE_KEY_FILE");
    if (key_file != NULL && strlen(key_file) < sizeof target.key_file)
        snprintf(target.key_file, sizeof target.key_file, "%s", key_file);

    if (strncmp(text, "ssh://", 6) == 0) {
        status = parse_ssh(text, &target, err);
    } else if (text[strspn(text, "0123456789")] == '\0') {
        target.pid = (pid_t)parse_number(text, INT32_MAX);
        if (target.pid == 0)
            return fail_grammar(text, "there is no such process id", err);
    } else if (text[0] == '@') {
        target.kind = PX_TARGET_SOCKET;
        snprintf(target.path, sizeof target.path, "%s", text);
    } else {
        status = parse_tcp(text, &target, err);
        if (status == PX_AGAIN)
            status = parse_path(text, &target, err);
    }
    if (status == PX_OK)
        *out = target;
    return status;
}
