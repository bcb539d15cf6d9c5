/* test_loop.c — descriptors, timers and wakes arrive once, in order, and
 * never after they were taken back.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"

struct fixture {
    struct px_loop *loop;
    char log[64];
    int ends[2][2];
};

static void
note(struct fixture *f, char what)
{
    size_t n = strlen(f->log);
    assert_true(n + 1 < sizeof f->log);
    f->log[n] = what;
}

static int
set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.loop = px_loop_new(NULL)};
    for (int i = 0; i < 2; i++) {
        if (pipe2(f.ends[i], O_CLOEXEC | O_NONBLOCK) != 0)
            return -1;
    }
    *state = &f;
    return f.loop == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    px_loop_free(f->loop);
    for (int i = 0; i < 2; i++) {
        close(f->ends[i][0]);
        close(f->ends[i][1]);
    }
    return 0;
}

static void
step(struct fixture *f, int max_wait_ms)
{
    assert_int_equal(px_loop_step(f->loop, max_wait_ms, NULL), PX_OK);
}

static void
on_read(void *context, int fd, short revents)
{
    char byte;
    (void)revents;
    assert_int_equal(read(fd, &byte, 1), 1);
    note(context, byte);
}

static void
put(int fd, char byte)
{
    assert_int_equal(write(fd, &byte, 1), 1);
}

static void
test_reads(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            px_loop_watch(f->loop, f->ends[i][0], POLLIN, on_read, f, NULL),
            PX_OK);
    step(f, 0);
    assert_string_equal(f->log, "");
    put(f->ends[0][1], 'a');
    put(f->ends[1][1], 'b');
    step(f, -1);
    assert_string_equal(f->log, "ab");
    px_loop_unwatch(f->loop, f->ends[0][0]);
    put(f->ends[0][1], 'c');
    put(f->ends[1][1], 'd');
    step(f, -1);
    assert_string_equal(f->log, "abd");
    px_loop_unwatch(f->loop, 12345); /* never watched */
    px_loop_unwatch(f->loop, -1);
}

static void
on_hang_up(void *context, int fd, short revents)
{
    assert_true((revents & POLLHUP) != 0);
    note(context, 'h');
    struct fixture *f = context;
    px_loop_unwatch(f->loop, fd);
}

/* events 0 still tells the end of the other side */
static void
test_hang_up(void **state)
{
    struct fixture *f = *state;
    px_loop_watch(f->loop, f->ends[0][0], 0, on_hang_up, f, NULL);
    put(f->ends[0][1], 'x');
    step(f, 0);
    assert_string_equal(f->log, "");
    close(f->ends[0][1]);
    step(f, -1);
    assert_string_equal(f->log, "h");
    step(f, 0);
    assert_string_equal(f->log, "h");
    assert_int_equal(pipe2(f->ends[0], O_CLOEXEC | O_NONBLOCK), 0);
}

static void
on_read_unwatch_other(void *context, int fd, short revents)
{
    struct fixture *f = context;
    int other = fd == f->ends[0][0] ? f->ends[1][0] : f->ends[0][0];
    on_read(context, fd, revents);
    px_loop_unwatch(f->loop, other);
    /* The number comes back at once as another watch: the events that poll
     * saw for the old one are not its own. */
    assert_int_equal(px_loop_watch(f->loop, other, POLLOUT, on_read, f, NULL),
                     PX_OK);
}

static void
test_unwatch_in_callback(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++)
        px_loop_watch(f->loop, f->ends[i][0], POLLIN, on_read_unwatch_other, f,
                      NULL);
    put(f->ends[0][1], 'a');
    put(f->ends[1][1], 'b');
    step(f, -1);
    assert_string_equal(f->log, "a");
    step(f, 0);
    assert_string_equal(f->log, "a");
}

static void
on_read_watch_many(void *context, int fd, short revents)
{
    struct fixture *f = context;
    on_read(context, fd, revents);
    /* Enough to move both arrays while the step runs. */
    for (int i = 0; i < 40; i++) {
        int copy = fcntl(f->ends[1][0], F_DUPFD_CLOEXEC, 100);
        assert_true(copy >= 100);
        assert_int_equal(px_loop_watch(f->loop, copy, POLLIN, on_read, f, NULL),
                         PX_OK);
    }
}

static void
test_growth_in_callback(void **state)
{
    struct fixture *f = *state;
    px_loop_watch(f->loop, f->ends[0][0], POLLIN, on_read_watch_many, f, NULL);
    px_loop_watch(f->loop, f->ends[1][0], POLLIN, on_read, f, NULL);
    put(f->ends[0][1], 'a');
    put(f->ends[1][1], 'b');
    step(f, -1);
    assert_string_equal(f->log, "ab");
    for (int fd = 100; fd < 140; fd++)
        close(fd);
}

struct ring {
    struct fixture *f;
    char letter;
    uint64_t victim;
};

static void
on_ring(void *context)
{
    struct ring *ring = context;
    note(ring->f, ring->letter);
    px_loop_cancel(ring->f->loop, ring->victim);
}

static void
test_timers_in_order(void **state)
{
    struct fixture *f = *state;
    struct ring rings[] = {{f, 'a', 0}, {f, 'b', 0}, {f, 'c', 0}, {f, 'd', 0}};
    assert_true(px_loop_after(f->loop, 20, on_ring, &rings[2]) > 0);
    assert_true(px_loop_after(f->loop, 0, on_ring, &rings[0]) > 0);
    assert_true(px_loop_after(f->loop, 0, on_ring, &rings[1]) > 0);
    uint64_t last = px_loop_after(f->loop, 60000, on_ring, &rings[3]);
    uint64_t begin = px_now_ns();
    while (strlen(f->log) < 3)
        step(f, -1);
    assert_string_equal(f->log, "abc");
    assert_true(px_now_ns() - begin >= 19 * UINT64_C(1000000));
    px_loop_cancel(f->loop, last);
    px_loop_cancel(f->loop, last);
    px_loop_cancel(f->loop, 0);
    step(f, 0);
    assert_string_equal(f->log, "abc");
}

static void
test_cancel_from_timer(void **state)
{
    struct fixture *f = *state;
    struct ring rings[] = {{f, 'a', 0}, {f, 'b', 0}};
    px_loop_after(f->loop, 0, on_ring, &rings[0]);
    rings[0].victim = px_loop_after(f->loop, 0, on_ring, &rings[1]);
    step(f, -1);
    step(f, 0);
    assert_string_equal(f->log, "a");
}

static void
on_again(void *context)
{
    struct fixture *f = context;
    note(f, 't');
    px_loop_after(f->loop, 0, on_again, f);
}

/* A timer that sets itself again does not hold the step. */
static void
test_timer_again(void **state)
{
    struct fixture *f = *state;
    px_loop_after(f->loop, 0, on_again, f);
    step(f, -1);
    assert_string_equal(f->log, "t");
    step(f, -1);
    assert_string_equal(f->log, "tt");
}

/* Many timers, made and cancelled in a scattered order, keep the heap. */
static void
test_heap(void **state)
{
    struct fixture *f = *state;
    struct ring rings[200];
    uint64_t ids[200];
    uint32_t seed = 7;
    for (int i = 0; i < 200; i++) {
        seed = seed * 1664525u + 1013904223u;
        rings[i] = (struct ring){f, 'x', 0};
        ids[i] = px_loop_after(f->loop, 100000 + (seed >> 16) % 5000, on_ring,
                               &rings[i]);
    }
    for (int i = 0; i < 200; i++) {
        if (i % 7 != 0)
            px_loop_cancel(f->loop, ids[i]);
    }
    struct ring now = {f, 'n', 0};
    px_loop_after(f->loop, 0, on_ring, &now);
    step(f, -1);
    assert_string_equal(f->log, "n");
}

static void *
wake_from_thread(void *context)
{
    struct fixture *f = context;
    px_loop_wake(f->loop);
    return NULL;
}

static void
test_wake_from_thread(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_from_thread, f), 0);
    step(f, -1); /* returns only by the wake */
    pthread_join(thread, NULL);
    uint64_t begin = px_now_ns();
    step(f, 10); /* the wake was used up: waits */
    assert_true(px_now_ns() - begin >= 9 * UINT64_C(1000000));
    px_loop_wake(f->loop);
    px_loop_wake(f->loop);
    step(f, -1); /* a wake before the step counts, two are one */
    begin = px_now_ns();
    step(f, 10);
    assert_true(px_now_ns() - begin >= 9 * UINT64_C(1000000));
    errno = 77;
    px_loop_wake(f->loop);
    assert_int_equal(errno, 77);
}

/* None of its descriptors is stdin, or lives on in another program. */
static void
test_own_descriptors(void **state)
{
    int fds[2];
    struct px_fd_mark marks[2];
    int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    (void)state;
    close(STDIN_FILENO);
    struct px_loop *loop = px_loop_new(NULL);
    assert_non_null(loop);
    px_loop_wake_fds(loop, fds, marks);
    for (int i = 0; i < 2; i++) {
        assert_true(fds[i] > 2);
        assert_true((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
    }
    px_loop_free(loop);
    if (saved >= 0)
        dup2(saved, STDIN_FILENO);
    close(saved);
}

static void
on_stolen(void *context, int fd, short revents)
{
    struct fixture *f = context;
    assert_int_equal(revents, POLLNVAL);
    note(f, 's');
    px_loop_unwatch(f->loop, fd);
}

/* The number is another file now, with something to read: not ours. */
static void
test_watched_file_is_another(void **state)
{
    struct fixture *f = *state;
    px_loop_watch(f->loop, f->ends[0][0], POLLIN, on_stolen, f, NULL);
    dup2(f->ends[1][0], f->ends[0][0]);
    put(f->ends[1][1], 'x');
    px_loop_watch(f->loop, f->ends[0][0], POLLIN, on_stolen, f, NULL);
    step(f, -1);
    step(f, 0);
    assert_string_equal(f->log, "s");
}

/* The loop's own are: it says so, and touches them no more. */
static void
test_wake_is_another_file(void **state)
{
    struct fixture *f = *state;
    for (int lost = 0; lost < 2; lost++) {
        int fds[2];
        struct px_fd_mark marks[2];
        char byte;
        struct px_loop *loop = px_loop_new(NULL);
        assert_non_null(loop);
        px_loop_wake_fds(loop, fds, marks);
        assert_true(px_loop_is_whole(loop));
        dup2(f->ends[0][lost], fds[lost]);
        assert_false(px_loop_is_whole(loop));
        put(f->ends[0][1], 'x');
        px_loop_wake(loop);
        assert_int_equal(px_loop_step(loop, -1, NULL), PX_EGONE);
        px_loop_free(loop);
        assert_int_equal(read(f->ends[0][0], &byte, 1), 1);
        assert_int_equal(read(f->ends[0][0], &byte, 1), -1);
        assert_int_equal(close(fds[lost]), 0);
    }
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_reads),
        CASE(test_hang_up),
        CASE(test_unwatch_in_callback),
        CASE(test_growth_in_callback),
        CASE(test_timers_in_order),
        CASE(test_cancel_from_timer),
        CASE(test_timer_again),
        CASE(test_heap),
        CASE(test_wake_from_thread),
        CASE(test_own_descriptors),
        CASE(test_watched_file_is_another),
        CASE(test_wake_is_another_file),
    };
    px_loop_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
