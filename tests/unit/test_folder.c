/* test_folder.c — a folder or a key that someone else could have made is
 * refused, and so is a socket's place that is taken.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pyexplore/proto.h>

#include "base/net.h"

static char base[64]; /* a fresh private folder for each test */
static char path[PX_PATH_MAX];
static struct px_err err;

static int
set_up(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/px-test-XXXXXX");
    unsetenv("PYEXPLORE_DIR");
    unsetenv("XDG_RUNTIME_DIR");
    memset(&err, 0, sizeof err);
    return mkdtemp(base) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "chmod -R u+rwx %s && rm -rf %s", base,
             base);
    return system(command);
}

static const char *
in_base(const char *name)
{
    static char joined[8][PX_PATH_MAX];
    static unsigned turn;
    char *out = joined[turn++ % 8];
    snprintf(out, PX_PATH_MAX, "%s/%s", base, name);
    return out;
}

static void
test_places(void **state)
{
    (void)state;
    unsigned uid = geteuid();
    char expected[64];
    assert_int_equal(px_folder_place(uid, 0, sizeof path, path, &err), PX_OK);
    snprintf(expected, sizeof expected, "/run/user/%u/pyexplore", uid);
    assert_string_equal(path, expected);
    assert_int_equal(px_folder_place(uid, 1, sizeof path, path, &err), PX_OK);
    snprintf(expected, sizeof expected, "/tmp/pyexplore-%u", uid);
    assert_string_equal(path, expected);
    assert_int_equal(px_folder_place(uid, 2, sizeof path, path, &err),
                     PX_ENOTFOUND);

    setenv("XDG_RUNTIME_DIR", "/somewhere", 1);
    assert_int_equal(px_folder_place(uid, 0, sizeof path, path, &err), PX_OK);
    assert_string_equal(path, "/somewhere/pyexplore");
    assert_int_equal(px_folder_place(uid, 2, sizeof path, path, &err), PX_OK);
    assert_string_equal(path, expected);
    /* another user's places do not depend on our environment */
    assert_int_equal(px_folder_place(uid + 1, 0, sizeof path, path, &err),
                     PX_OK);
    snprintf(expected, sizeof expected, "/run/user/%u/pyexplore", uid + 1);
    assert_string_equal(path, expected);

    setenv("PYEXPLORE_DIR", "/given", 1);
    assert_int_equal(px_folder_place(uid, 0, sizeof path, path, &err), PX_OK);
    assert_string_equal(path, "/given");
    assert_int_equal(px_folder_place(uid, 1, sizeof path, path, &err),
                     PX_ENOTFOUND);
    setenv("PYEXPLORE_DIR", "not/absolute", 1);
    assert_int_equal(px_folder_place(uid, 0, sizeof path, path, &err), PX_OK);
    assert_string_equal(path, "/somewhere/pyexplore");
}

static void
test_find_and_create(void **state)
{
    (void)state;
    struct stat info;
    setenv("PYEXPLORE_DIR", in_base("own"), 1);
    assert_int_equal(px_folder_find(geteuid(), false, sizeof path, path, &err),
                     PX_ENOTFOUND);
    mode_t umask_before = umask(0);
    assert_int_equal(px_folder_find(geteuid(), true, sizeof path, path, &err),
                     PX_OK);
    umask(umask_before);
    assert_string_equal(path, in_base("own"));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_int_equal(px_folder_find(geteuid(), false, sizeof path, path, &err),
                     PX_OK);
    assert_int_equal(px_folder_find(geteuid(), true, sizeof path, path, &err),
                     PX_OK);
    assert_int_equal(px_folder_find(geteuid(), true, 4, path, &err), PX_ELIMIT);
}

/* The runtime folder of a session that has ended is no reason to fail. */
static void
test_next_place(void **state)
{
    (void)state;
    char expected[64];
    setenv("XDG_RUNTIME_DIR", in_base("gone"), 1);
    enum px_status status =
        px_folder_find(geteuid(), true, sizeof path, path, &err);
    assert_int_equal(status, PX_OK);
    snprintf(expected, sizeof expected, "/run/user/%u/pyexplore", geteuid());
    if (strcmp(path, expected) != 0) {
        snprintf(expected, sizeof expected, "/tmp/pyexplore-%u", geteuid());
        assert_string_equal(path, expected);
    }
}

static void
check_refused(const char *folder)
{
    setenv("PYEXPLORE_DIR", folder, 1);
    for (int create = 0; create < 2; create++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(
            px_folder_find(geteuid(), create != 0, sizeof path, path, &err),
            PX_EDENIED);
        assert_non_null(strstr(err.msg, folder));
        assert_string_not_equal(err.hint, "");
    }
}

static void
test_open_folder(void **state)
{
    (void)state;
    static const mode_t modes[] = {0710, 0701, 0720, 0755, 0777};
    const char *folder = in_base("open");
    assert_int_equal(mkdir(folder, 0700), 0);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(folder, modes[i]), 0);
        check_refused(folder);
    }
}

static void
test_no_folder(void **state)
{
    (void)state;
    const char *file = in_base("file");
    close(open(file, O_CREAT | O_WRONLY, 0600));
    check_refused(file);
    const char *link_path = in_base("link");
    assert_int_equal(mkdir(in_base("real"), 0700), 0);
    assert_int_equal(symlink(in_base("real"), link_path), 0);
    check_refused(link_path);
    assert_int_equal(symlink(in_base("nothing"), in_base("dangling")), 0);
    check_refused(in_base("dangling"));
}

static void
test_shared_parent(void **state)
{
    (void)state;
    const char *parent = in_base("parent");
    assert_int_equal(mkdir(parent, 0700), 0);
    assert_int_equal(mkdir(in_base("parent/px"), 0700), 0);
    assert_int_equal(chmod(parent, 0777), 0);
    check_refused(in_base("parent/px"));
    assert_int_equal(chmod(parent, 01777), 0); /* as /tmp */
    assert_int_equal(px_folder_check(in_base("parent/px"), geteuid(), &err),
                     PX_OK);
}

static void
test_other_owner(void **state)
{
    (void)state;
    const char *folder = in_base("theirs");
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(px_folder_check(folder, geteuid() + 1, &err), PX_EDENIED);
    assert_non_null(strstr(err.msg, "belongs to uid"));
    if (geteuid() == 0) {
        assert_int_equal(chown(folder, 12345, 12345), 0);
        check_refused(folder);
        assert_int_equal(px_folder_check(folder, 12345, &err), PX_OK);
    }
}

static void
test_names(void **state)
{
    (void)state;
    assert_int_equal(px_folder_socket("/f", 42, sizeof path, path, &err),
                     PX_OK);
    assert_string_equal(path, "/f/42.sock");
    assert_int_equal(px_folder_key("/f", 9999, sizeof path, path, &err), PX_OK);
    assert_string_equal(path, "/f/tcp-9999.key");
    assert_int_equal(px_folder_abstract(7, 42, sizeof path, path, &err), PX_OK);
    assert_string_equal(path, "@pyexplore/7/42");
    assert_int_equal(px_folder_socket("/f", 42, 10, path, &err), PX_ELIMIT);
    assert_int_equal(px_folder_socket("/f", 42, 11, path, &err), PX_OK);
}

/* ---- key files ---- */

static const char key_text[] = "0123456789abcdef0123456789abcdef";

static const char *
make_key(const char *name, size_t n, mode_t mode)
{
    const char *file = in_base(name);
    int fd = open(file, O_CREAT | O_EXCL | O_WRONLY, 0600);
    char bytes[64];
    memset(bytes, 'k', sizeof bytes);
    assert_int_equal(write(fd, bytes, n), n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return file;
}

static void
test_key_round_trip(void **state)
{
    (void)state;
    uint8_t key[PX_KEY_BYTES];
    struct stat info;
    const char *file = in_base("a.key");
    mode_t umask_before = umask(0);
    assert_int_equal(px_key_write(file, (const uint8_t *)key_text, &err),
                     PX_OK);
    umask(umask_before);
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(px_key_read(file, key, &err), PX_OK);
    assert_memory_equal(key, key_text, sizeof key);
    assert_int_equal(px_key_write(file, (const uint8_t *)key_text, &err),
                     PX_EBUSY);
    assert_int_equal(
        px_key_write(in_base("no/a.key"), (const uint8_t *)key_text, &err),
        PX_EIO);
}

static void
test_key_refusals(void **state)
{
    (void)state;
    uint8_t key[PX_KEY_BYTES];
    memset(key, 7, sizeof key);
    assert_int_equal(px_key_read(in_base("none"), key, &err), PX_ENOTFOUND);
    assert_int_equal(px_key_read(make_key("short", 31, 0600), key, &err),
                     PX_EDENIED);
    assert_int_equal(px_key_read(make_key("long", 33, 0600), key, &err),
                     PX_EDENIED);
    assert_int_equal(px_key_read(make_key("empty", 0, 0600), key, &err),
                     PX_EDENIED);
    assert_int_equal(px_key_read(make_key("group", 32, 0640), key, &err),
                     PX_EDENIED);
    assert_int_equal(px_key_read(make_key("all", 32, 0604), key, &err),
                     PX_EDENIED);
    assert_non_null(strstr(err.hint, "chmod 600"));
    assert_int_equal(symlink(make_key("real", 32, 0600), in_base("link")), 0);
    assert_int_equal(px_key_read(in_base("link"), key, &err), PX_EDENIED);
    assert_int_equal(mkfifo(in_base("fifo"), 0600), 0);
    assert_int_equal(px_key_read(in_base("fifo"), key, &err), PX_EDENIED);
    assert_int_equal(px_key_read(base, key, &err), PX_EDENIED);
    for (size_t i = 0; i < sizeof key; i++)
        assert_int_equal(key[i], 7); /* untouched by every failure */
    assert_int_equal(px_key_read(in_base("real"), key, &err), PX_OK);
    assert_int_equal(
        px_key_write(in_base("link"), (const uint8_t *)key_text, &err),
        PX_EBUSY);
}

static void
test_key_of_a_server(void **state)
{
    (void)state;
    const uint8_t *key = (const uint8_t *)key_text;
    const char *file = make_key("held", 40, 0644);
    uint8_t found[PX_KEY_BYTES];
    int first = -1;
    int second = -1;
    assert_int_equal(px_key_open(file, &first, &err), PX_OK);
    assert_int_equal(px_key_hold(first, file, key, &err), PX_OK);
    assert_int_equal(px_key_read(file, found, &err), PX_OK);
    assert_memory_equal(found, key, sizeof found);
    assert_int_equal(px_key_open(file, &second, &err), PX_OK);
    assert_int_equal(px_key_hold(second, file, key, &err), PX_EBUSY);
    assert_int_equal(unlink(file), 0);
    close(first);
    assert_int_equal(px_key_hold(second, file, key, &err), PX_AGAIN);
    close(second);
}

/* ---- sockets in it ---- */

static void
test_socket_is_private(void **state)
{
    (void)state;
    struct stat info;
    int fd = -1;
    mode_t umask_before = umask(0);
    assert_int_equal(px_net_listen_unix(in_base("1.sock"), &fd, &err), PX_OK);
    umask(umask_before);
    assert_int_equal(stat(in_base("1.sock"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    int client = -1;
    int server = -1;
    struct px_net_peer peer;
    assert_int_equal(px_net_accept(fd, &server, &err), PX_AGAIN);
    assert_int_equal(px_net_connect_unix(in_base("1.sock"), &client, &err),
                     PX_OK);
    assert_int_equal(px_net_accept(fd, &server, &err), PX_OK);
    assert_int_equal(px_net_peer(client, &peer, &err), PX_OK);
    assert_int_equal(peer.pid, getpid());
    assert_int_equal(peer.uid, geteuid());
    assert_true((fcntl(server, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(server, F_GETFD) & FD_CLOEXEC) != 0);
    close(server);
    close(client);
    int other = -1;
    assert_int_equal(px_net_listen_unix(in_base("1.sock"), &other, &err),
                     PX_EBUSY);
    close(fd);
    /* dead now: replaced; what is no socket is not */
    assert_int_equal(px_net_connect_unix(in_base("1.sock"), &client, &err),
                     PX_ECONNECT);
    assert_int_equal(px_net_listen_unix(in_base("1.sock"), &fd, &err), PX_OK);
    close(fd);
    make_key("2.sock", 1, 0600);
    assert_int_equal(px_net_listen_unix(in_base("2.sock"), &fd, &err),
                     PX_EBUSY);
    assert_int_equal(px_net_connect_unix(in_base("3.sock"), &client, &err),
                     PX_ENOTFOUND);
}

/* sun_path has 108 bytes; folders may be longer. */
static void
test_long_socket_path(void **state)
{
    (void)state;
    char folder[PX_PATH_MAX];
    char file[PX_PATH_MAX + 16];
    int fd = -1;
    int client = -1;
    snprintf(folder, sizeof folder, "%s/", base);
    size_t n = strlen(folder);
    memset(folder + n, 'd', 150);
    folder[n + 150] = '\0';
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(file, sizeof file, "%s/77.sock", folder);
    assert_int_equal(px_net_connect_unix(file, &client, &err), PX_ENOTFOUND);
    assert_int_equal(px_net_listen_unix(file, &fd, &err), PX_OK);
    assert_int_equal(px_net_connect_unix(file, &client, &err), PX_OK);
    struct stat info;
    assert_int_equal(lstat(file, &info), 0);
    assert_true(S_ISSOCK(info.st_mode));
    close(client);
    close(fd);
    assert_int_equal(px_net_listen_unix(file, &fd, &err), PX_OK);
    close(fd);
}

static void
test_tcp(void **state)
{
    (void)state;
    int fd = -1;
    int port = 0;
    assert_int_equal(px_net_listen_tcp("127.0.0.1", 0, &fd, &port, &err),
                     PX_OK);
    assert_in_range(port, 1, 65535);
    int other = -1;
    assert_int_equal(px_net_listen_tcp("127.0.0.1", port, &other, NULL, &err),
                     PX_EBUSY);
    assert_int_equal(px_net_listen_tcp("localhost", 0, &other, NULL, &err),
                     PX_EINVAL);
    assert_int_equal(px_net_listen_tcp("127.0.0.1", 65536, &other, NULL, &err),
                     PX_EINVAL);
    close(fd);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_places),           CASE(test_find_and_create),
        CASE(test_next_place),       CASE(test_open_folder),
        CASE(test_no_folder),        CASE(test_shared_parent),
        CASE(test_other_owner),      CASE(test_names),
        CASE(test_key_round_trip),   CASE(test_key_refusals),
        CASE(test_key_of_a_server),  CASE(test_socket_is_private),
        CASE(test_long_socket_path), CASE(test_tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
