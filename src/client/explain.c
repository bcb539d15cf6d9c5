/* explain.c — why no route led to a server, and what the user can do.
 *
 * One sentence each, with a hint; the facts come from /proc. The sentences
 * are part of the tests.
 *
 * SPDX-License-Identifier: MIT
 */
#include "client/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TWO_LINES "import pyexplore;  pyexplore.serve()"

enum px_status
explain_no_process(pid_t pid, struct px_err *err)
{
    struct listener listener;
    px_fail(err, PX_ECONNECT, "there is no process %d", (int)pid);
    if (process_listener(AF_UNSPEC, (int)pid, &listener))
        px_err_hint(err, "a number is a pid; for the port:  localhost:%d",
                    (int)pid);
    else
        px_err_hint(err, "`pyexplore ls` lists who is serving here");
    return PX_ECONNECT;
}

enum px_status
explain_other_user(const struct px_target *target, const char *what, uid_t uid,
                   struct px_err *err)
{
    char user[USER_TEXT];
    char login[USER_TEXT];
    px_fail(err, PX_EDENIED, "%s belongs to %s and serves nobody else", what,
            process_user(uid, user));
    px_err_hint(err, "run it as that user:  sudo -u %s %s … %.120s",
                process_login(uid, login), program_invocation_short_name,
                target->text);
    return PX_EDENIED;
}

enum px_status
explain_not_serving(const struct process *process, struct px_err *err)
{
    char text[PROCESS_TEXT];
    px_fail(err, PX_ECONNECT, "%s does not serve", process_text(process, text));
    px_err_hint(err, "add these two lines to it:  " TWO_LINES);
    return PX_ECONNECT;
}

enum px_status
explain_version(const char *who, int64_t lowest, int64_t highest,
                struct px_err *err)
{
    bool is_theirs_newer = lowest > PX_PROTO_HIGHEST;
    px_fail(err, PX_EVERSION,
            "%s speaks protocol %" PRId64 " to %" PRId64
            ", this program %d to %d",
            who, lowest, highest, PX_PROTO_LOWEST, PX_PROTO_HIGHEST);
    if (is_theirs_newer)
        px_err_hint(err, "upgrade this program:  pip install -U pyexplore");
    else
        px_err_hint(err,
                    "upgrade pyexplore in the environment of %s and "
                    "restart it:  pip install -U pyexplore",
                    who);
    return PX_EVERSION;
}

/* Connected, but not a word: the kernel accepts for a process that sleeps. */
static enum px_status
explain_no_answer(const char *who, struct px_err *err)
{
    px_fail(err, PX_ECONNECT, "%.200s does not answer", who);
    px_err_hint(err, "its process may be stopped (SIGSTOP, a debugger); or "
                     "wait longer:  --timeout SECONDS");
    return PX_ECONNECT;
}

/* ---- TCP ---- */

static enum px_status
explain_not_listening(const struct px_target *target,
                      const struct attempt *attempt, struct px_err *err)
{
    if (attempt->err.status == PX_ECANCELED) { /* the time was over */
        px_fail(err, PX_ECONNECT, "%s port %d does not answer", target->host,
                target->port);
        px_err_hint(err,
                    "is a firewall in between? Another machine is "
                    "reached by ssh://%s/PID",
                    target->host);
        return PX_ECONNECT;
    }
    if (!route_is_loopback(target->host)) {
        px_fail(err, PX_ECONNECT, "cannot connect: %s", attempt->err.msg);
        px_err_hint(err,
                    "a server listens on its own machine only: use "
                    "ssh://%s/PID",
                    target->host);
        return PX_ECONNECT;
    }
    px_fail(err, PX_ECONNECT, "nothing listens on %s port %d", target->host,
            target->port);
    struct listener listener;
    if (strcmp(target->host, "localhost") != 0 &&
        process_listener(AF_UNSPEC, target->port, &listener))
        px_err_hint(err,
                    "something listens there by another address:  "
                    "localhost:%d",
                    target->port);
    else
        px_err_hint(err, "add these two lines to your program:  " TWO_LINES
                         "  (`pyexplore ls` lists who is serving here)");
    return PX_ECONNECT;
}

/* "process 77 (nginx -g …)" or "who listens on localhost port 80". */
static const char *
name_listener(const struct px_target *target, const struct listener *listener,
              size_t out_bytes, char *out)
{
    struct process process;
    char text[PROCESS_TEXT];
    if (listener->pid != 0 && process_find(listener->pid, &process))
        snprintf(out, out_bytes, "%s", process_text(&process, text));
    else
        snprintf(out, out_bytes, "the process that listens on %.100s port %d",
                 target->host, target->port);
    return out;
}

static bool
has_own_socket(pid_t pid)
{
    struct px_target target = {.kind = PX_TARGET_PID, .pid = pid};
    struct routes *routes = routes_new(&target, NULL);
    bool found = false;
    for (size_t i = 0; routes != NULL && i < routes->n; i++) {
        struct stat info;
        found |=
            lstat(routes->list[i].path, &info) == 0 && S_ISSOCK(info.st_mode);
    }
    routes_free(routes);
    return found;
}

/* Something listens, but no key is there to ask it with. */
static enum px_status
explain_no_key(const struct px_target *target, const struct routes *routes,
               const struct attempt *attempt, struct px_err *err)
{
    char who[200];
    struct listener listener = {0};
    struct process process;
    if (!route_is_loopback(target->host) ||
        !process_listener(route_family(attempt->route), target->port,
                          &listener)) {
        px_fail(err, PX_EDENIED, "no key for %s port %d was given",
                target->host, target->port);
        px_err_hint(err,
                    "--key-file FILE, or PYEXPLORE_KEY_FILE=FILE: the "
                    "file tcp-%d.key of the server's folder",
                    target->port);
        return PX_EDENIED;
    }
    name_listener(target, &listener, sizeof who, who);
    uid_t own = geteuid();
    if (own != 0 && listener.uid != own)
        return explain_other_user(target, who, listener.uid, err);
    if (listener.pid != 0 && process_find(listener.pid, &process) &&
        !has_own_socket(listener.pid))
        return explain_not_serving(&process, err);
    if (routes->key_err.status != PX_OK) {
        if (err != NULL)
            *err = routes->key_err;
        return routes->key_err.status;
    }
    px_fail(err, PX_EDENIED,
            "no key for port %d was found in this user's "
            "folder",
            target->port);
    if (listener.pid != 0)
        px_err_hint(err,
                    "try its pid, %d; or --key-file FILE, or set "
                    "PYEXPLORE_DIR as it is set there",
                    (int)listener.pid);
    else
        px_err_hint(err, "try its pid; or --key-file FILE, or set "
                         "PYEXPLORE_DIR as it is set there");
    return PX_EDENIED;
}

static enum px_status
explain_tcp_handshake(const struct px_target *target,
                      const struct attempt *attempt, struct px_err *err)
{
    char who[200];
    struct listener listener = {0};
    struct process process;
    if (route_is_loopback(target->host))
        process_listener(route_family(attempt->route), target->port, &listener);
    name_listener(target, &listener, sizeof who, who);
    if (attempt->err.status == PX_EDENIED) {
        px_fail(err, PX_EDENIED,
                "key refused: %.150s does not know the key "
                "in %.100s",
                who, attempt->route->key_path);
        px_err_hint(err, "it is not the server that wrote this key. Try its "
                         "pid, or another --key-file; if the file is a "
                         "left-over, remove it");
        return PX_EDENIED;
    }
    if (listener.pid != 0 && !has_own_socket(listener.pid) &&
        process_find(listener.pid, &process))
        return explain_not_serving(&process, err);
    if (attempt->err.status == PX_ECANCELED)
        return explain_no_answer(who, err);
    px_fail(err, PX_ECONNECT,
            "%.150s is no pyexplore server, or has no place "
            "for another client (%.100s)",
            who, attempt->err.msg);
    px_err_hint(err, "`pyexplore ls` lists who is serving here");
    return PX_ECONNECT;
}

/* ---- Unix sockets ---- */

/* The owner of the deepest part of the path that can be seen. */
static bool
find_owner(const char *path, uid_t *owner)
{
    char part[PX_PATH_MAX];
    struct stat info;
    snprintf(part, sizeof part, "%s", path);
    while (part[0] != '\0') {
        if (lstat(part, &info) == 0) {
            *owner = info.st_uid;
            return true;
        }
        char *slash = strrchr(part, '/');
        if (slash == NULL)
            break;
        *slash = '\0';
    }
    return false;
}

static enum px_status
explain_unix(const struct px_target *target, const struct attempt *attempt,
             struct px_err *err)
{
    char what[PX_ERR_TEXT];
    uid_t owner;
    struct process process;
    const char *path = attempt->route->path;
    char text[PROCESS_TEXT];
    if (target->kind == PX_TARGET_PID && process_find(target->pid, &process))
        snprintf(what, sizeof what, "%s", process_text(&process, text));
    else
        snprintf(what, sizeof what, "the server of %.200s",
                 target->kind == PX_TARGET_SSH ? target->text : path);
    if (attempt->err.status == PX_EDENIED && find_owner(path, &owner) &&
        owner != geteuid() && geteuid() != 0)
        return explain_other_user(target, what, owner, err);
    if (attempt->err.status == PX_EDENIED) {
        if (err != NULL)
            *err = attempt->err;
        return PX_EDENIED;
    }
    /* PX_EBUSY: its queue of connections is full and stays so */
    if (attempt->err.status == PX_ECANCELED || attempt->err.status == PX_EBUSY)
        return explain_no_answer(what, err);
    if (attempt->stage == STAGE_CONNECT) {
        if (target->kind == PX_TARGET_PID)
            return process_find(target->pid, &process)
                       ? explain_not_serving(&process, err)
                       : explain_no_process(target->pid, err);
        px_fail(err, PX_ECONNECT, "nothing listens on %.200s", path);
        px_err_hint(err, "its process has ended, or was never there. "
                         "`pyexplore ls` lists who is serving here");
        return PX_ECONNECT;
    }
    px_fail(err, PX_ECONNECT, "%s did not let us in: %.100s", what,
            attempt->err.msg);
    px_err_hint(err, "it serves only its own user and root, and 8 clients at "
                     "a time");
    return PX_ECONNECT;
}

enum px_status
explain_failure(const struct px_target *target, const struct routes *routes,
                const struct attempt *attempt, struct px_err *err)
{
    bool is_plain =
        attempt->err.status == PX_ENOMEM || attempt->err.status == PX_ELIMIT ||
        attempt->err.status == PX_EVERSION || attempt->stage == STAGE_HELLO;
    if (is_plain) {
        if (err != NULL)
            *err = attempt->err;
        if (attempt->err.status == PX_EVERSION && attempt->err.hint[0] == '\0')
            px_err_hint(err, "upgrade the older of the two:  pip install -U "
                             "pyexplore");
        return attempt->err.status;
    }
    if (attempt->route->kind == ROUTE_UNIX)
        return explain_unix(target, attempt, err);
    if (attempt->stage == STAGE_CONNECT)
        return explain_not_listening(target, attempt, err);
    if (attempt->stage == STAGE_KEY)
        return explain_no_key(target, routes, attempt, err);
    return explain_tcp_handshake(target, attempt, err);
}
