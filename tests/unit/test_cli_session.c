/* test_cli_session.c — a command's call to a target that answers and ends.
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
#include <unistd.h>

#include "cli/session.h"
#include "fake_server.h"

/* of main.c, which is in no library: nobody interrupts here */
enum px_status
cli_interrupted(const struct cli *cli, enum px_status status,
                struct px_err *err)
{
    (void)cli;
    (void)err;
    return status;
}

/* Answers the request behind HELLO before it is there, and goes. */
static void
serve_answer(struct fake *fake, int fd)
{
    if (fake_hello(fake, fd))
        fake_reply(fd, PX_MSG_GC_COLLECT, 2, "{\"collected\":7}");
}

/* The answer and the end are read at once: it is an answer. */
static void
test_answer_with_the_end(void **state)
{
    (void)state;
    char folder[] = "/tmp/px-session-XXXXXX";
    char path[64];
    struct fake fake = {.serve = serve_answer};
    struct cli cli = {0};
    struct px_target target;
    struct px_err err = {0};
    json_t *reply = NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s.sock", folder);
    fake_start(&fake, path);
    assert_int_equal(px_target_parse(path, &target, &err), PX_OK);
    struct session *session = session_new(&cli, &target, &err);
    assert_non_null(session);
    fake_stop(&fake); /* and so the connection is closed */
    assert_int_equal(session_call(session, PX_MSG_GC_COLLECT, NULL, NULL, NULL,
                                  &reply, &err),
                     PX_OK);
    assert_int_equal(json_integer_value(json_object_get(reply, "collected")),
                     7);
    json_decref(reply);
    assert_int_equal(
        session_call(session, PX_MSG_GC_COLLECT, NULL, NULL, NULL, NULL, &err),
        PX_EGONE);
    session_free(session);
    unlink(path);
    rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_with_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
