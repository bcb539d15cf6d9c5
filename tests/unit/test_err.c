/* test_err.c — statuses keep their names and exits, messages their bounds.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <pyexplore/err.h>

static void
test_names_return(void **state)
{
    (void)state;
#define X(id, name, exit_status)                                               \
    assert_string_equal(px_status_name(id), name);                             \
    assert_int_equal(px_status_from_name(name), id);                           \
    assert_int_equal(px_status_exit(id), exit_status);
    PX_STATUS_LIST(X)
#undef X
    assert_int_equal(px_status_from_name("never heard"), PX_EPROTO);
    assert_string_equal(px_status_name((enum px_status)999), "unknown");
    assert_int_equal(px_status_exit((enum px_status)999), 4);
}

static void
test_fail_fills(void **state)
{
    (void)state;
    struct px_err err;
    memset(&err, 'x', sizeof err);
    assert_int_equal(px_fail(&err, PX_EPROTO, "frame of %d bytes", 7),
                     PX_EPROTO);
    assert_int_equal(err.status, PX_EPROTO);
    assert_string_equal(err.msg, "frame of 7 bytes");
    assert_string_equal(err.hint, "");
    px_err_hint(&err, "do %s", "this");
    assert_string_equal(err.hint, "do this");
    assert_int_equal(px_fail_errno(&err, PX_EIO, ENOENT, "open %s", "f"),
                     PX_EIO);
    assert_string_equal(err.msg, "open f: No such file or directory");
    assert_string_equal(err.hint, "");
}

static void
test_null_is_fine(void **state)
{
    (void)state;
    assert_int_equal(px_fail(NULL, PX_EBUSY, "x"), PX_EBUSY);
    assert_int_equal(px_fail_errno(NULL, PX_EIO, EIO, "x"), PX_EIO);
    px_err_hint(NULL, "x");
}

static void
test_long_texts_are_cut(void **state)
{
    (void)state;
    struct px_err err;
    char text[2 * PX_ERR_TEXT];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    px_fail_errno(&err, PX_EIO, ENOENT, "%s", text);
    assert_int_equal(strlen(err.msg), PX_ERR_TEXT - 1);
    px_err_hint(&err, "%s", text);
    assert_int_equal(strlen(err.hint), PX_ERR_HINT - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_return),
        cmocka_unit_test(test_fail_fills),
        cmocka_unit_test(test_null_is_fine),
        cmocka_unit_test(test_long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
