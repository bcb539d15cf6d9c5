/* ssh.c — a route through the user's own ssh program.
 *
 * One ssh master connects and authenticates (it may ask on the terminal);
 * over it a line of shell finds the socket of the pid, or the key of the
 * port, at the other end; then the master forwards a local Unix socket there.
 * The master's remote command is `cat`, which ends when our end of its pipe
 * closes: however this program ends, no ssh process stays. Everything local
 * is in one private folder. No ssh library: keys, agents and jump hosts are
 * those of the user's configuration.
 *
 * SPDX-License-Identifier: MIT
 */
#include "client/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"

#define LOOK_MS 20
/* Someone may have to type a passphrase. */
#define LEAST_NS (UINT64_C(60) * 1000000000)

extern char **environ;

struct ssh {
    pid_t master;
    int pipe_fd; /* its standard input */
    char folder[80];
    char control[96];
    char socket[96];
    const char *host;
    char port[16]; /* the option for it, or one that changes nothing */
    uint64_t deadline_ns;
    const struct px_work *work;
};

/* No more waiting. */
static bool
is_over(const struct ssh *ssh)
{
    return is_canceled(ssh->work) || px_now_ns() >= ssh->deadline_ns;
}

/* Prints "unix PATH", "tcp KEY-IN-HEX" or "none". Any Bourne shell; the login
 * shell only sees one word in single quotes. */
#define FIND_SCRIPT                                                            \
    "exec sh -c 'n=%d; u=$(id -u); "                                           \
    "for d in \"$PYEXPLORE_DIR\" \"$XDG_RUNTIME_DIR/pyexplore\" "              \
    "\"/run/user/$u/pyexplore\" \"/tmp/pyexplore-$u\"; do "                    \
    "if [ -S \"$d/$n.sock\" ]; then echo \"unix $d/$n.sock\"; exit; fi; "      \
    "if [ -r \"$d/tcp-$n.key\" ]; then echo \"tcp $(od -An -v -tx1 "           \
    "\"$d/tcp-$n.key\" | tr -dc 0-9a-f)\"; exit; fi; "                         \
    "done; echo none'"

/* Starts ssh with `in` and `out` as its standard input and output (-1:
 * /dev/null); 0 and `err` if it cannot be started. */
static pid_t
spawn(const char *const argv[], int in, int out, struct px_err *err)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    posix_spawn_file_actions_init(&actions);
    if (in >= 0)
        posix_spawn_file_actions_adddup2(&actions, in, 0);
    else
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&actions, out, 1);
    else
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    /* POSIX gives argv no const, but promises not to write. */
    int error = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv,
                             environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error == 0)
        return pid;
    px_fail_errno(err, PX_EUNSUPPORTED, error, "run the ssh program");
    px_err_hint(err, "install OpenSSH's client (openssh-client)");
    return 0;
}

/* Waits for a process of ours; its exit status, 255 also of one that was
 * ended because the time is over. */
static int
wait_exit(const struct ssh *ssh, pid_t pid)
{
    for (;;) {
        int status;
        pid_t done = waitpid(pid, &status, WNOHANG);
        if (done == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
        if (done < 0 && errno != EINTR)
            return 255;
        if (is_over(ssh)) {
            kill(pid, SIGTERM);
            waitpid(pid, NULL, 0);
            return 255;
        }
        poll(NULL, 0, LOOK_MS);
    }
}

static enum px_status
fail_ssh(const struct ssh *ssh, const char *what, struct px_err *err)
{
    bool has_port = strcmp(ssh->port, "-T") != 0;
    px_fail(err, PX_ECONNECT, "ssh to %.200s: %s", ssh->host, what);
    px_err_hint(err, "does `ssh %s%s%.200s true` work?",
                has_port ? ssh->port : "", has_port ? " " : "", ssh->host);
    return PX_ECONNECT;
}

static enum px_status
start_master(struct ssh *ssh, struct px_err *err)
{
    const char *const argv[] = {"ssh",
                                ssh->port,
                                "-T",
                                "-M",
                                "-S",
                                ssh->control,
                                "-o",
                                "ControlPersist=no",
                                "-o",
                                "ServerAliveInterval=15",
                                "--",
                                ssh->host,
                                "cat >/dev/null",
                                NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return px_fail_errno(err, PX_EIO, errno, "make a pipe");
    ssh->pipe_fd = ends[1];
    ssh->master = spawn(argv, ends[0], -1, err);
    close(ends[0]);
    if (ssh->master == 0)
        return PX_EUNSUPPORTED;
    struct stat info;
    while (stat(ssh->control, &info) != 0) {
        int status;
        if (waitpid(ssh->master, &status, WNOHANG) == ssh->master) {
            ssh->master = 0;
            return fail_ssh(ssh, "it ended before it was connected", err);
        }
        if (is_over(ssh))
            return fail_ssh(ssh, "no connection in time", err);
        poll(NULL, 0, LOOK_MS);
    }
    return PX_OK;
}

/* Everything that the remote line prints, NUL-terminated. */
static enum px_status
run_remote(struct ssh *ssh, const char *command, size_t max, char *answer,
           struct px_err *err)
{
    const char *const argv[] = {"ssh", ssh->port, "-T",    "-S", ssh->control,
                                "--",  ssh->host, command, NULL};
    int ends[2];
    size_t n = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return px_fail_errno(err, PX_EIO, errno, "make a pipe");
    pid_t pid = spawn(argv, -1, ends[1], err);
    close(ends[1]);
    while (pid != 0 && n < max - 1 && !is_over(ssh)) {
        struct pollfd polled = {ends[0], POLLIN, 0};
        if (poll(&polled, 1, LOOK_MS) <= 0)
            continue;
        ssize_t got = read(ends[0], answer + n, max - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    answer[n] = '\0';
    close(ends[0]);
    if (pid == 0)
        return PX_EUNSUPPORTED;
    int status = wait_exit(ssh, pid);
    if (status != 0)
        return fail_ssh(ssh, "looking for the server there failed", err);
    return PX_OK;
}

/* Where to forward to: "PATH" or "127.0.0.1:PORT" in `to`. */
static enum px_status
read_answer(const struct px_target *target, char *answer, size_t to_bytes,
            char *to, struct route *route, struct px_err *err)
{
    /* A login shell may have printed something before. */
    size_t end = strlen(answer);
    while (end > 0 && (answer[end - 1] == '\n' || answer[end - 1] == '\r'))
        answer[--end] = '\0';
    const char *newline = strrchr(answer, '\n');
    const char *line = newline == NULL ? answer : newline + 1;
    if (strncmp(line, "unix /", 6) == 0 && strlen(line) < to_bytes) {
        snprintf(to, to_bytes, "%s", line + 5);
        return PX_OK;
    }
    size_t n = 0;
    if (strncmp(line, "tcp ", 4) == 0 &&
        sodium_hex2bin(route->key, sizeof route->key, line + 4,
                       strlen(line + 4), NULL, &n, NULL) == 0 &&
        n == PX_KEY_BYTES && target->port != 0) {
        route->has_key = true;
        snprintf(to, to_bytes, "127.0.0.1:%d", target->port);
        return PX_OK;
    }
    px_fail(err, PX_ECONNECT, "nobody serves as pid or on port %d at %.200s",
            (int)target->pid, target->host);
    px_err_hint(err,
                "`ssh %.100s pyexplore ls` lists who is serving there; "
                "it must run as the same user",
                target->host);
    return PX_ECONNECT;
}

static enum px_status
forward(struct ssh *ssh, const char *to, struct px_err *err)
{
    char spec[PX_PATH_MAX + 128];
    snprintf(spec, sizeof spec, "%s:%s", ssh->socket, to);
    const char *const argv[] = {"ssh", ssh->port, "-S", ssh->control,
                                "-O",  "forward", "-L", spec,
                                "--",  ssh->host, NULL};
    pid_t pid = spawn(argv, -1, -1, err);
    if (pid == 0)
        return PX_EUNSUPPORTED;
    int status = wait_exit(ssh, pid);
    return status == 0 ? PX_OK : fail_ssh(ssh, "it cannot forward", err);
}

struct ssh *
ssh_new(const struct px_target *target, uint64_t deadline_ns,
        const struct px_work *work, struct route *out, struct px_err *err)
{
    char command[1024];
    char answer[PX_PATH_MAX + 256];
    char to[PX_PATH_MAX];
    enum px_status status = PX_EIO;
    struct ssh *ssh = calloc(1, sizeof *ssh);
    if (ssh == NULL) {
        px_fail(err, PX_ENOMEM, "no memory for a connection");
        return NULL;
    }
    ssh->pipe_fd = -1;
    ssh->host = target->host;
    snprintf(ssh->port, sizeof ssh->port,
             target->ssh_port > 0 ? "-oPort=%d" : "-T", target->ssh_port);
    ssh->work = work;
    uint64_t least_ns = px_now_ns() + LEAST_NS;
    ssh->deadline_ns = deadline_ns > least_ns ? deadline_ns : least_ns;
    /* The path of a socket may have 107 bytes, ssh adds some of its own. */
    const char *tmp = getenv("TMPDIR");
    if (tmp == NULL || tmp[0] != '/' || strlen(tmp) > 40)
        tmp = "/tmp";
    snprintf(ssh->folder, sizeof ssh->folder, "%s/pyexplore-ssh-XXXXXX", tmp);
    if (mkdtemp(ssh->folder) == NULL) {
        ssh->folder[0] = '\0';
        px_fail_errno(err, PX_EIO, errno, "make a private folder in %s", tmp);
        goto out;
    }
    snprintf(ssh->control, sizeof ssh->control, "%s/c", ssh->folder);
    snprintf(ssh->socket, sizeof ssh->socket, "%s/s", ssh->folder);
    snprintf(command, sizeof command, FIND_SCRIPT, (int)target->pid);
    memset(out, 0, sizeof *out);
    out->kind = ROUTE_UNIX;
    snprintf(out->path, sizeof out->path, "%s", ssh->socket);
    status = start_master(ssh, err);
    if (status == PX_OK)
        status = run_remote(ssh, command, sizeof answer, answer, err);
    if (status == PX_OK)
        status = read_answer(target, answer, sizeof to, to, out, err);
    if (status == PX_OK)
        status = forward(ssh, to, err);
out:
    sodium_memzero(answer, sizeof answer);
    if (status != PX_OK) {
        ssh_free(ssh);
        return NULL;
    }
    ssh->host = NULL; /* the target may go, and the work */
    ssh->work = NULL;
    return ssh;
}

void
ssh_free(struct ssh *ssh)
{
    if (ssh == NULL)
        return;
    if (ssh->pipe_fd >= 0)
        close(ssh->pipe_fd);
    if (ssh->master != 0) {
        kill(ssh->master, SIGTERM);
        waitpid(ssh->master, NULL, 0);
    }
    if (ssh->folder[0] != '\0') {
        unlink(ssh->control);
        unlink(ssh->socket);
        rmdir(ssh->folder);
    }
    free(ssh);
}
