/* test_target.c — what the user types means one thing, or is refused with
 * the grammar.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pyexplore/client.h>

#include "base/net.h"

static struct px_target target;
static struct px_err err;

static void
parse(const char *text, enum px_target_kind kind)
{
    memset(&target, 0x5a, sizeof target);
    assert_int_equal(px_target_parse(text, &target, &err), PX_OK);
    assert_int_equal(target.kind, kind);
    assert_string_equal(target.text, text);
}

static void
refuse(const char *text)
{
    struct px_target before;
    memset(&target, 0x5a, sizeof target);
    before = target;
    assert_int_equal(px_target_parse(text, &target, &err), PX_EINVAL);
    assert_memory_equal(&target, &before, sizeof target);
    assert_non_null(strstr(err.hint, "HOST:PORT"));
}

static void
test_tcp(void **state)
{
    (void)state;
    parse("localhost:9999", PX_TARGET_TCP);
    assert_string_equal(target.host, "localhost");
    assert_int_equal(target.port, 9999);
    parse(":1", PX_TARGET_TCP);
    assert_string_equal(target.host, "localhost");
    parse("10.0.0.1:65535", PX_TARGET_TCP);
    assert_string_equal(target.host, "10.0.0.1");
    parse("[::1]:80", PX_TARGET_TCP);
    assert_string_equal(target.host, "::1");
    assert_int_equal(target.port, 80);
    refuse("localhost:0");
    refuse("localhost:65536");
    refuse("localhost:99999999999999999999");
    refuse("::1:80");
    refuse("fe80::1%eth0");
    assert_non_null(strstr(err.msg, "[ADDRESS]:PORT"));
    refuse("localhost:");
    refuse("localhost:http");
}

static void
test_pid(void **state)
{
    (void)state;
    parse("4711", PX_TARGET_PID);
    assert_int_equal(target.pid, 4711);
    refuse("0");
    refuse("99999999999");
    refuse("-5");
    refuse("");
}

static void
test_ssh(void **state)
{
    (void)state;
    parse("ssh://ann@host.example/4711", PX_TARGET_SSH);
    assert_string_equal(target.host, "ann@host.example");
    assert_int_equal(target.pid, 4711);
    assert_int_equal(target.port, 4711);
    parse("ssh://host/700000", PX_TARGET_SSH);
    assert_int_equal(target.port, 0);
    assert_int_equal(target.ssh_port, 0);
    parse("ssh://ann@host:2222/4711", PX_TARGET_SSH);
    assert_string_equal(target.host, "ann@host");
    assert_int_equal(target.ssh_port, 2222);
    parse("ssh://ann@[fe80::1%eth0]:22/4711", PX_TARGET_SSH);
    assert_string_equal(target.host, "ann@fe80::1%eth0");
    assert_int_equal(target.ssh_port, 22);
    parse("ssh://[::1]/4711", PX_TARGET_SSH);
    assert_string_equal(target.host, "::1");
    parse("ssh://::1/4711", PX_TARGET_SSH);
    assert_string_equal(target.host, "::1");
    assert_int_equal(target.ssh_port, 0);
    refuse("ssh://host:x/1");
    refuse("ssh://host:/1");
    refuse("ssh://host:65536/1");
    refuse("ssh://[::1/1");
    refuse("ssh://[::1]x/1");
    refuse("ssh://[-x]/1"); /* nor one without the brackets */
    refuse("ssh://:22/1");
    refuse("ssh://ann@/1");
    refuse("ssh://host");
    refuse("ssh://host/");
    refuse("ssh://host/x");
    refuse("ssh:///1");
    refuse("ssh://-oProxyCommand=x/1"); /* not an option of ssh */
    refuse("ssh://a b/1");
    refuse("ssh://$(x)/1");
    refuse("ssh://a;b/1");
}

static void
test_paths(void **state)
{
    (void)state;
    char base[] = "/tmp/px-target-XXXXXX";
    char path[64];
    int fd = -1;
    assert_non_null(mkdtemp(base));
    assert_int_equal(chdir(base), 0);
    snprintf(path, sizeof path, "%s/1.sock", base);
    assert_int_equal(px_net_listen_unix(path, &fd, &err), PX_OK);
    parse(path, PX_TARGET_SOCKET);
    assert_string_equal(target.path, path);
    parse("1.sock", PX_TARGET_SOCKET);
    close(fd);
    parse(path, PX_TARGET_SOCKET); /* dead, but still one */
    unlink(path);
    parse(path, PX_TARGET_SOCKET); /* by its name */

    fclose(fopen("dump", "w"));
    fclose(fopen("12:30.pxs", "w"));
    fclose(fopen("10:12:30.pxs", "w"));
    fclose(fopen("42", "w"));
    parse("dump", PX_TARGET_FILE);
    parse("./42", PX_TARGET_FILE);
    parse("42", PX_TARGET_PID);
    parse("12:30.pxs", PX_TARGET_FILE);
    parse("10:12:30.pxs", PX_TARGET_FILE);
    parse("gone:12:30.pxs", PX_TARGET_FILE);
    parse("new.pxs", PX_TARGET_FILE); /* reading it says that it is not there */
    refuse(base);
    refuse("nothing");
    refuse("/nowhere/at/all");
    parse("@pyexplore/0/1", PX_TARGET_SOCKET);
    assert_string_equal(target.path, "@pyexplore/0/1");
    unlink("dump");
    unlink("12:30.pxs");
    unlink("10:12:30.pxs");
    unlink("42");
    assert_int_equal(chdir("/"), 0);
    rmdir(base);
}

static void
test_too_long(void **state)
{
    (void)state;
    char text[PX_PATH_MAX + 10];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    refuse(text);
    memcpy(text + 400, ":80", 4); /* a host of 400 letters */
    refuse(text);
    memcpy(text, "ssh://", 6);
    memcpy(text + 400, "/80", 4);
    refuse(text);
}

static void
test_key_file(void **state)
{
    (void)state;
    unsetenv("PYEXPLORE_KEY_FILE");
    parse(":9999", PX_TARGET_TCP);
    assert_string_equal(target.key_file, "");
    setenv("PYEXPLORE_KEY_FILE", "/k", 1);
    parse(":9999", PX_TARGET_TCP);
    assert_string_equal(target.key_file, "/k");
    unsetenv("PYEXPLORE_KEY_FILE");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),      cmocka_unit_test(test_pid),
        cmocka_unit_test(test_ssh),      cmocka_unit_test(test_paths),
        cmocka_unit_test(test_too_long), cmocka_unit_test(test_key_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
