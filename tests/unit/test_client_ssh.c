/* test_client_ssh.c — ssh://HOST/PID through a stand-in for the ssh program
 * that runs the remote side here, forwards by a symbolic link, and writes down
 * how it was called. Nothing of it stays.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pyexplore/client.h>

#include "fake_server.h"

static char folder[64];
static char path[192];
static char old_path[4096];
static struct px_target target;
static struct px_err err;

/* -M: the master, whose control "socket" appears when it is connected.
 * -O forward: a link instead of a forwarded socket. Else: the remote line,
 * run by a shell as sshd would. */
static const char script[] =
    "#!/bin/sh\n"
    "echo \"$*\" >> $FAKE/calls\n"
    "[ -z \"$FAKE_BROKEN\" ] || exit 255\n"
    "host=; forward=; role=remote; control=\n"
    "while [ $# -gt 0 ]; do case $1 in\n"
    "-M) role=master; shift;; -S) control=$2; shift 2;;\n"
    "-O) role=$2; shift 2;; -L) forward=$2; shift 2;;\n"
    "-o) shift 2;; -T|-oPort=2222) shift;; --) host=$2; shift 2; break;;\n"
    "*) exit 99;; esac; done\n"
    "[ \"$host\" = ann@there ] || exit 98\n"
    "case $role in\n"
    "master) echo $$ > $FAKE/master; : > $control; sh -c \"$1\";;\n"
    "forward) [ -e $control ] || exit 97\n"
    "  ln -s \"${forward#*:}\" \"${forward%%:*}\";;\n"
    "remote) [ -e $control ] || exit 97\n"
    "  echo 'a line of the login shell'; exec sh -c \"$1\";;\n"
    "esac\n";

static const char *
in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int
set_up(void **state)
{
    (void)state;
    char new_path[4200];
    snprintf(folder, sizeof folder, "/tmp/px-ssh-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    FILE *file = fopen(in_folder("ssh"), "w");
    if (file == NULL)
        return -1;
    fputs(script, file);
    fclose(file);
    chmod(in_folder("ssh"), 0700);
    snprintf(old_path, sizeof old_path, "%s", getenv("PATH"));
    snprintf(new_path, sizeof new_path, "%s:%s", folder, old_path);
    setenv("PATH", new_path, 1);
    setenv("FAKE", folder, 1);
    setenv("PYEXPLORE_DIR", folder, 1);
    setenv("TMPDIR", folder, 1);
    unsetenv("FAKE_BROKEN");
    memset(&err, 0, sizeof err);
    return 0;
}

static int
count_leftovers(void)
{
    DIR *tmp = opendir(folder);
    int n = 0;
    for (struct dirent *entry = readdir(tmp); entry != NULL;
         entry = readdir(tmp))
        n += strncmp(entry->d_name, "pyexplore-ssh-", 14) == 0;
    closedir(tmp);
    return n;
}

static int
tear_down(void **state)
{
    (void)state;
    char command[128];
    setenv("PATH", old_path, 1);
    snprintf(command, sizeof command, "rm -rf %.60s", folder);
    return system(command);
}

static struct px_client *
open_at(const char *text)
{
    assert_int_equal(px_target_parse(text, &target, &err), PX_OK);
    memset(&err, 0, sizeof err);
    return px_client_new(&target, NULL, 20000, NULL, &err);
}

static void
test_pid(void **state)
{
    (void)state;
    struct fake fake = {.serve = fake_serve_hello};
    int before = count_leftovers();
    fake_start(&fake, in_folder("4711.sock"));
    struct px_client *client = open_at("ssh://ann@there/4711");
    if (client == NULL)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_int_equal(
        json_integer_value(json_object_get(px_client_hello(client), "highest")),
        1);
    assert_int_equal(count_leftovers(), before + 1);
    FILE *file = fopen(in_folder("master"), "r");
    int master = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &master), 1);
    fclose(file);
    assert_int_equal(kill(master, 0), 0);
    px_client_free(client);
    assert_int_equal(kill(master, 0), -1); /* ended and reaped */
    assert_int_equal(count_leftovers(), before);
    fake_stop(&fake);
}

/* The server of a port at the other end: its key comes through ssh. */
static void
test_port_key(void **state)
{
    (void)state;
    static const uint8_t key[PX_KEY_BYTES] = "0123456789abcdefABCDEFGHIJKLMNO";
    int before = count_leftovers();
    assert_int_equal(px_key_write(in_folder("tcp-4712.key"), key, &err), PX_OK);
    /* The stand-in cannot forward to a port: the client must have come as far
     * as to ask for it, with the right address. */
    assert_null(open_at("ssh://ann@there/4712"));
    char calls[4096] = "";
    FILE *file = fopen(in_folder("calls"), "r");
    assert_non_null(file);
    assert_true(fread(calls, 1, sizeof calls - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(calls, "-O forward -L /tmp/px-ssh-"));
    assert_non_null(strstr(calls, "/s:127.0.0.1:4712 -- ann@there"));
    assert_int_equal(count_leftovers(), before);
}

static void
check_refused(const char *text, enum px_status status, const char *message)
{
    int before = count_leftovers();
    assert_null(open_at(text));
    assert_int_equal(err.status, status);
    if (strstr(err.msg, message) == NULL)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_string_not_equal(err.hint, "");
    assert_int_equal(count_leftovers(), before);
}

static void
test_failures(void **state)
{
    (void)state;
    check_refused("ssh://ann@there/4713", PX_ECONNECT, "nobody serves");
    check_refused("ssh://ann@there:22/4713", PX_ECONNECT, "it ended");
    assert_non_null(strstr(err.hint, "`ssh -oPort=22 ann@there true`"));
    check_refused("ssh://ann@there:2222/4713", PX_ECONNECT, "nobody serves");
    setenv("FAKE_BROKEN", "1", 1);
    check_refused("ssh://ann@there/4711", PX_ECONNECT,
                  "ended before it was connected");
    setenv("PATH", "/nonexistent", 1);
    check_refused("ssh://ann@there/4711", PX_EUNSUPPORTED,
                  "run the ssh program");
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_pid),
        CASE(test_port_key),
        CASE(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
