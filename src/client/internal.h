/* internal.h — what the files of src/client share.
 *
 *   target.c   the grammar
 *   process.c  facts about processes and listeners, from /proc
 *   route.c    a target's routes: every way that may lead to its server
 *   explain.c  why no route led there, and what to do
 *   open.c     opens a connection over the first route that works
 *   client.c   the open connection
 *   ssh.c      a route through the ssh program
 *   load.c     a graph from any target;  servers.c  who serves here
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLIENT_INTERNAL_H
#define CLIENT_INTERNAL_H

#include <pyexplore/client.h>

/* ---- process.c ---- */
struct process {
    pid_t pid;
    pid_t parent;
    pid_t inner_pid; /* as it sees itself, in its own pid namespace */
    uid_t uid;       /* effective */
    uid_t inner_uid; /* as it sees itself, in its own user namespace */
    uint64_t rss_bytes;
    char command[256];    /* escaped for a terminal */
    bool has_other_files; /* than we see */
};
/* False: there is no such process (any more), or only a zombie. */
bool process_find(pid_t pid, struct process *out);
/* "process 4711 (python server.py --workers 4 …)", for sentences. */
#define PROCESS_COLS 48
#define PROCESS_TEXT 256
const char *process_text(const struct process *process, char out[PROCESS_TEXT]);
/* A variable of the environment that it was started with; "" if it is not
 * there or not ours to see. */
void process_variable(pid_t pid, const char *name, size_t out_bytes, char *out);
/* "www (uid 33)" */
#define USER_TEXT 80
const char *process_user(uid_t uid, char out[USER_TEXT]);
/* The login name, or #UID as sudo -u understands it. */
const char *process_login(uid_t uid, char out[USER_TEXT]);

struct listener {
    uid_t uid;
    unsigned long inode;
    pid_t pid; /* 0: not ours to see */
};
/* Who listens on this TCP port here, for a loopback address of `family`;
 * AF_UNSPEC: of either. */
bool process_listener(int family, int port, struct listener *out);
bool process_has_socket(pid_t pid, unsigned long inode);

/* ---- route.c ---- */
enum route_kind { ROUTE_UNIX, ROUTE_TCP };
#define ROUTE_ADDRESS 64 /* INET6_ADDRSTRLEN and %interface */
struct route {
    enum route_kind kind;
    char path[PX_PATH_MAX];      /* UNIX */
    char address[ROUTE_ADDRESS]; /* TCP: a literal */
    int port;
    bool has_key;
    uint8_t key[PX_KEY_BYTES];
    char key_path[PX_PATH_MAX];
    pid_t pid; /* who must be listening there; 0: anyone */
};
#define ROUTES_MAX 24
struct routes {
    size_t n;
    struct route list[ROUTES_MAX];
    struct px_err key_err; /* why a key file was not used */
};
/* Caller frees with routes_free, which wipes the keys. An error already
 * explains itself. */
struct routes *routes_new(const struct px_target *target, struct px_err *err);
void routes_free(struct routes *routes);
bool route_is_loopback(const char *host);
/* AF_INET or AF_INET6, of a TCP route. */
int route_family(const struct route *route);

/* ---- explain.c ---- */
enum stage { STAGE_CONNECT, STAGE_KEY, STAGE_HANDSHAKE, STAGE_HELLO };
struct attempt {
    enum stage stage; /* where it failed */
    const struct route *route;
    bool is_silent; /* its time was over */
    struct px_err err;
};
enum px_status explain_failure(const struct px_target *target,
                               const struct routes *routes,
                               const struct attempt *attempt,
                               struct px_err *err);
enum px_status explain_no_process(pid_t pid, struct px_err *err);
enum px_status explain_other_user(const struct px_target *target,
                                  const char *what, uid_t uid,
                                  struct px_err *err);
enum px_status explain_not_serving(const struct process *process,
                                   struct px_err *err);
enum px_status explain_version(const char *who, int64_t lowest, int64_t highest,
                               struct px_err *err);

/* Ctrl-C and the like; `work` may be NULL. */
static inline bool
is_canceled(const struct px_work *work)
{
    return work != NULL && work->canceled;
}

/* ---- ssh.c ---- */
struct ssh;
/* Runs ssh programs until a forwarded socket is there: its route in `out`. */
struct ssh *ssh_new(const struct px_target *target, uint64_t deadline_ns,
                    const struct px_work *work, struct route *out,
                    struct px_err *err);
void ssh_free(struct ssh *ssh);

#endif
