/* test_tui_list.c — the one list: order, filter, search, cursor, drawing, at
 * once and on the worker; and the cells it draws into.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tui/list.h"

/* ---- a source whose rows are numbers in a shuffled order ---- */

struct numbers {
    uint32_t n;
    uint32_t step; /* prime to n: row r has the value r * step % n */
};

static uint64_t
value_of(const void *context, uint32_t row)
{
    const struct numbers *numbers = context;
    return (uint64_t)row * numbers->step % numbers->n;
}

static uint32_t
numbers_count(const void *context)
{
    return ((const struct numbers *)context)->n;
}

static uint64_t
numbers_id(const void *context, uint32_t row)
{
    return value_of(context, row) + 1;
}

enum { COL_NAME, COL_VALUE, COL_SAME, COL_BAR };

static void
numbers_cell(const void *context, uint32_t row, int column,
             struct cell_out *out)
{
    uint64_t value = value_of(context, row);
    if (column == COL_NAME)
        cell_addf(out, ROLE_NAME, "item-%llu", (unsigned long long)value);
    else if (column == COL_VALUE)
        cell_bytes(out, value);
    else if (column == COL_SAME)
        cell_count(out, value % 3);
    else
        cell_bar(out, value, 100, 8);
}

static uint64_t
numbers_total(const void *context, int column)
{
    const struct numbers *numbers = context;
    (void)column;
    return (uint64_t)numbers->n * (numbers->n - 1) / 2;
}

static const struct column columns[] = {
    [COL_NAME] = {"NAME", COLUMN_TEXT, 10, 1, 0, false, 0},
    [COL_VALUE] = {"VALUE", COLUMN_BYTES, 9, 0, 0, false, 0},
    [COL_SAME] = {"SAME", COLUMN_COUNT, 5, 0, 1, false, 0},
    [COL_BAR] = {"", COLUMN_BAR, 8, 0, 2, false, 0},
};
static const struct rows_ops ops = {
    .name = "numbers",
    .columns = columns,
    .n_columns = 4,
    .sort = -1,
    .figure = COL_VALUE,
    .count = numbers_count,
    .id = numbers_id,
    .cell = numbers_cell,
    .total = numbers_total,
};

static uint64_t
at(const struct list *list, uint32_t position)
{
    return value_of(list->context, list_row_at(list, position));
}

static void
open_list(struct list *list, const struct numbers *numbers)
{
    list_init(list, &ops, numbers, NULL);
    list_refresh(list);
}

static void
test_sorts_and_is_stable(void **state)
{
    struct numbers numbers = {.n = 1000, .step = 7};
    struct list list;
    (void)state;
    open_list(&list, &numbers);
    assert_int_equal(at(&list, 3), 21);
    list_sort(&list, COL_VALUE, true);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(at(&list, i), 999 - i);
    list_sort(&list, COL_VALUE, false);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(at(&list, i), i);
    /* equal keys keep the source's order, both ways round */
    for (int descending = 0; descending < 2; descending++) {
        list_sort(&list, COL_SAME, descending == 1);
        for (uint32_t i = 1; i < 1000; i++) {
            uint64_t a = at(&list, i - 1) % 3, b = at(&list, i) % 3;
            if (a == b)
                assert_true(list_row_at(&list, i - 1) < list_row_at(&list, i));
            else
                assert_true((a < b) == (descending == 0));
        }
    }
    list_sort(&list, COL_NAME, false);
    assert_int_equal(at(&list, 0), 0);
    assert_int_equal(at(&list, 1), 1);
    assert_int_equal(at(&list, 2), 10); /* as text */
    list_done(&list);
}

static void
test_sort_goes_round(void **state)
{
    struct numbers numbers = {.n = 10, .step = 3};
    struct list list;
    (void)state;
    open_list(&list, &numbers);
    int seen[4];
    for (int i = 0; i < 4; i++) {
        list_sort_next(&list);
        seen[i] = list.sort;
    }
    assert_int_equal(seen[0], COL_NAME);
    assert_int_equal(seen[1], COL_VALUE);
    assert_int_equal(seen[2], COL_SAME);
    assert_int_equal(seen[3], -1); /* bars are not sorted */
    assert_true(list_sort_by(&list, "val"));
    assert_int_equal(list.sort, COL_VALUE);
    assert_true(list.is_descending);
    assert_false(list_sort_by(&list, "nothing"));
    list_done(&list);
}

static void
test_filters(void **state)
{
    struct numbers numbers = {.n = 1000, .step = 7};
    struct px_err err;
    struct list list;
    (void)state;
    open_list(&list, &numbers);
    assert_int_equal(list_filter(&list, "item-99", &err), PX_OK);
    assert_int_equal(list.n_rows, 11); /* 99, 990 … 999 */
    assert_int_equal(list_filter(&list, ">989", &err), PX_OK);
    assert_int_equal(list.n_rows, 10);
    assert_int_equal(list_filter(&list, ">0.2%", &err), PX_OK);
    assert_int_equal(list.n_rows, 0); /* the whole is 499,500 */
    assert_int_equal(list_filter(&list, ">0.15%", &err), PX_OK);
    assert_int_equal(list.n_rows, 999 - 749);
    /* a column that sorts is what figures mean */
    list_sort(&list, COL_SAME, true);
    assert_int_equal(list_filter(&list, ">1", &err), PX_OK);
    assert_int_equal(list.n_rows, 333);
    assert_int_equal(list_filter(&list, ">", &err), PX_EINVAL);
    assert_string_equal(list.filter_text, ">1"); /* the old one stays */
    assert_int_equal(list_filter(&list, "", &err), PX_OK);
    assert_int_equal(list.n_rows, 1000);
    list_done(&list);
}

static void
test_cursor_survives(void **state)
{
    struct numbers numbers = {.n = 1000, .step = 7};
    struct px_err err;
    struct list list;
    (void)state;
    open_list(&list, &numbers);
    list_sort(&list, COL_VALUE, true);
    /* Untouched, it stays on top. */
    list_sort(&list, COL_VALUE, false);
    assert_int_equal(list.cursor, 0);
    list_move_to(&list, 500);
    list_sort(&list, COL_VALUE, true);
    assert_int_equal(at(&list, list.cursor), 500);
    assert_int_equal(list.cursor, 499);
    /* The same row after the source has changed. */
    numbers.step = 11;
    list_refresh(&list);
    assert_int_equal(at(&list, list.cursor), 500);
    /* Its row is gone: it stays near. */
    assert_int_equal(list_filter(&list, "item-1", &err), PX_OK);
    assert_true(list.cursor < list.n_rows);
    numbers.n = 5;
    assert_int_equal(list_filter(&list, "", &err), PX_OK);
    assert_int_equal(list.n_rows, 5);
    assert_true(list.cursor < 5);
    list_done(&list);
}

static void
test_moves_stay_inside(void **state)
{
    struct numbers numbers = {.n = 10, .step = 3};
    struct list list;
    (void)state;
    open_list(&list, &numbers);
    list_move(&list, -5);
    assert_int_equal(list.cursor, 0);
    list_move(&list, INT64_MAX / 2);
    assert_int_equal(list.cursor, 9);
    list_move(&list, INT64_MIN / 2);
    assert_int_equal(list.cursor, 0);
    assert_false(list_seek(&list, 4711));
    assert_int_equal(list.cursor, 0);
    assert_true(list_seek(&list, 7));
    assert_int_equal(at(&list, list.cursor), 6);
    list_done(&list);
}

static void
test_empty_list(void **state)
{
    struct numbers numbers = {.n = 0, .step = 1};
    struct list list;
    struct screen screen;
    (void)state;
    open_list(&list, &numbers);
    list_move(&list, 1);
    list_sort_next(&list);
    assert_int_equal(list_row(&list), LIST_NONE);
    assert_false(list_search(&list, "x", 0, false));
    assert_false(list_search_next(&list, true));
    screen_init(&screen, false);
    screen_resize(&screen, 5, 40);
    list_draw(&list, &screen, (struct rect){0, 0, 5, 40}, true);
    char *dump = screen_dump(&screen);
    assert_non_null(strstr(dump, "nothing here"));
    assert_true(screen.cursor_row >= 0);
    free(dump);
    screen_done(&screen);
    list_done(&list);
}

static void
test_search_goes_round(void **state)
{
    struct numbers numbers = {.n = 1000, .step = 7};
    struct list list;
    (void)state;
    open_list(&list, &numbers);
    list_sort(&list, COL_VALUE, false);
    assert_true(list_search(&list, "item-99", 0, false));
    assert_int_equal(at(&list, list.cursor), 99);
    assert_true(list_search_next(&list, false));
    assert_int_equal(at(&list, list.cursor), 990);
    assert_true(list_search_next(&list, true));
    assert_int_equal(at(&list, list.cursor), 99);
    assert_true(list_search_next(&list, true));
    assert_int_equal(at(&list, list.cursor), 999); /* round */
    assert_true(list_search_next(&list, false));
    assert_int_equal(at(&list, list.cursor), 99);
    assert_false(list_search(&list, "nowhere", 0, false));
    assert_int_equal(at(&list, list.cursor), 99); /* not moved */
    assert_true(list_search(&list, "item-500", 0, false));
    assert_true(list_search_next(&list, false)); /* the only one */
    list_done(&list);
}

/* ---- on the worker ---- */

/* A list that is arranged and searched on a worker. */
struct big {
    struct numbers numbers;
    struct px_loop *loop;
    struct worker *worker;
    struct list list;
};

static void
big_begin(struct big *big)
{
    struct px_err err;
    big->numbers = (struct numbers){.n = 300007, .step = 65537};
    big->loop = px_loop_new(&err);
    big->worker = worker_new(big->loop, &err);
    list_init(&big->list, &ops, &big->numbers, big->worker);
    list_refresh(&big->list);
}

static void
big_end(struct big *big)
{
    list_done(&big->list);
    worker_free(big->worker);
    px_loop_free(big->loop);
}

static void
wait_for(struct big *big)
{
    struct px_err err;
    while (list_is_busy(&big->list)) {
        assert_int_equal(px_loop_step(big->loop, 10000, &err), PX_OK);
        worker_collect(big->worker);
    }
}

static void
test_big_lists_sort_elsewhere(void **state)
{
    struct big big;
    struct list *list = &big.list;
    (void)state;
    big_begin(&big);
    /* Rows are there at once, in the source's order. */
    assert_int_equal(list->n_rows, big.numbers.n);
    wait_for(&big);
    list_sort(list, COL_VALUE, true);
    assert_true(list_is_busy(list));
    list_move_to(list, 1000);
    uint64_t chosen = at(list, 1000);
    wait_for(&big);
    assert_int_equal(at(list, list->cursor), chosen);
    for (uint32_t i = 0; i < big.numbers.n; i += 997)
        assert_int_equal(at(list, i), big.numbers.n - 1 - i);
    assert_true(list_search(list, "item-123456", 0, false));
    wait_for(&big);
    assert_int_equal(at(list, list->cursor), 123456);
    /* A seek while it sorts is kept until it has. */
    list_sort(list, COL_VALUE, false);
    assert_false(list_seek(list, 4242 + 1));
    wait_for(&big);
    assert_int_equal(at(list, list->cursor), 4242);
    /* Ended in the middle: the old order stands. */
    list_sort(list, COL_NAME, true);
    list_stop(list);
    assert_false(list_is_busy(list));
    assert_int_equal(at(list, 5), 5);
    /* The source shrinks: no order may name rows that are gone. */
    big.numbers.n = 50021;
    list_refresh(list);
    assert_int_equal(list->n_rows, 50021);
    for (uint32_t i = 0; i < list->n_rows; i++)
        assert_true(list_row_at(list, i) < 50021);
    big_end(&big);
}

/* A search does not end the sorting that is under way, nor does news end the
 * search: each gets its turn, and until then the list says that it seeks. */
static void
test_big_lists_are_searched_after_they_sort(void **state)
{
    struct big big;
    struct list *list = &big.list;
    (void)state;
    big_begin(&big);
    wait_for(&big);
    list_sort(list, COL_VALUE, true);
    assert_true(list_is_arranging(list));
    assert_true(list_search(list, "item-123456", 0, false));
    assert_true(list_is_seeking(list));
    wait_for(&big);
    assert_int_equal(at(list, 0), big.numbers.n - 1);
    assert_int_equal(at(list, list->cursor), 123456);
    assert_false(list_is_seeking(list));
    /* News while it searches. */
    assert_true(list_search(list, "item-277777", 0, false));
    list_refresh(list);
    assert_true(list_is_seeking(list));
    wait_for(&big);
    assert_int_equal(at(list, list->cursor), 277777);
    assert_false(list_take_missed(list));
    /* What is nowhere is said, once; and a search can be left. */
    uint32_t cursor = list->cursor;
    assert_true(list_search(list, "nowhere", 0, false));
    wait_for(&big);
    assert_true(list_take_missed(list));
    assert_false(list_take_missed(list));
    assert_int_equal(list->cursor, cursor);
    assert_true(list_search(list, "item-1", 0, false));
    list_leave_search(list);
    assert_false(list_is_seeking(list));
    assert_int_equal(list->cursor, cursor);
    big_end(&big);
}

struct slow_job {
    struct job job;
    int *n_done;
    bool was_run;
};

static void
slow_run(struct job *base)
{
    ((struct slow_job *)base)->was_run = true;
}

static void
slow_done(struct job *base)
{
    (*((struct slow_job *)base)->n_done)++;
}

/* Whatever happens to a job, it is handed back exactly once. */
static void
test_jobs_come_back_once(void **state)
{
    struct px_err err;
    struct px_loop *loop = px_loop_new(&err);
    struct worker *worker = worker_new(loop, &err);
    struct slow_job jobs[50];
    int n_done = 0;
    (void)state;
    memset(jobs, 0, sizeof jobs);
    for (int i = 0; i < 50; i++) {
        jobs[i].job.run = slow_run;
        jobs[i].job.done = slow_done;
        jobs[i].job.urgent = i % 2 == 0;
        jobs[i].n_done = &n_done;
        worker_submit(worker, &jobs[i].job);
        if (i % 7 == 0)
            worker_stop(worker, &jobs[i].job);
        else if (i % 5 == 0)
            worker_cancel(worker, &jobs[i].job);
    }
    worker_free(worker);
    assert_int_equal(n_done, 50);
    assert_true(jobs[1].was_run || jobs[1].job.work.canceled);
    px_loop_free(loop);
}

/* ---- drawing ---- */

static void
check_rows(const struct screen *screen, const char *expected)
{
    char *dump = screen_dump(screen);
    assert_string_equal(dump, expected);
    free(dump);
}

static void
test_draws(void **state)
{
    struct numbers numbers = {.n = 100, .step = 7};
    struct list list;
    struct screen screen;
    (void)state;
    open_list(&list, &numbers);
    list_sort(&list, COL_VALUE, true);
    screen_init(&screen, false);
    screen_resize(&screen, 4, 44);
    list_draw(&list, &screen, (struct rect){0, 0, 4, 44}, true);
    check_rows(&screen, " NAME                VALUE▾   SAME\n"
                        "▌item-99               99 B      0  ███████▉\n"
                        " item-98               98 B      2  ███████▉\n"
                        " item-97               97 B      1  ███████▊\n");
    assert_int_equal(screen.cursor_row, 1);
    assert_int_equal(screen.cursor_col, 1);
    /* What does not fit goes, by its rank. */
    screen_resize(&screen, 3, 30);
    list_draw(&list, &screen, (struct rect){0, 0, 3, 30}, true);
    check_rows(&screen, " NAME            VALUE▾   SAME\n"
                        "▌item-99           99 B      0\n"
                        " item-98           98 B      2\n");
    screen_resize(&screen, 3, 22);
    list_draw(&list, &screen, (struct rect){0, 0, 3, 22}, true);
    check_rows(&screen, " NAME           VALUE▾\n"
                        "▌item-99          99 B\n"
                        " item-98          98 B\n");
    /* Scrolls with the cursor, and never beyond the end. */
    screen_resize(&screen, 3, 22);
    list_move(&list, 1000);
    list_draw(&list, &screen, (struct rect){0, 0, 3, 22}, true);
    check_rows(&screen, " NAME           VALUE▾\n"
                        " item-1            1 B\n"
                        "▌item-0            0 B\n");
    uint32_t position = 0;
    int column = 0;
    assert_true(list_hit_row(&list, 1, 5, &position));
    assert_int_equal(position, 98);
    assert_false(list_hit_row(&list, 0, 5, &position));
    assert_true(list_hit_header(&list, 0, 16, &column));
    assert_int_equal(column, COL_VALUE);
    screen_done(&screen);
    list_done(&list);
}

/* No size makes it write beyond the screen (the sanitizers watch). */
static void
test_draws_at_any_size(void **state)
{
    struct numbers numbers = {.n = 30, .step = 7};
    struct list list;
    struct screen screen;
    (void)state;
    open_list(&list, &numbers);
    screen_init(&screen, false);
    for (int rows = 0; rows < 8; rows++) {
        for (int cols = 0; cols < 60; cols++) {
            screen_resize(&screen, rows, cols);
            list_move(&list, 1);
            list_draw(&list, &screen, (struct rect){0, 0, rows, cols}, true);
            assert_true(screen.cursor_row < rows || rows == 0);
        }
    }
    screen_done(&screen);
    list_done(&list);
}

static void
test_screen_cuts_and_folds(void **state)
{
    struct screen screen;
    (void)state;
    screen_init(&screen, false);
    screen_resize(&screen, 1, 10);
    assert_int_equal(screen_put(&screen, 0, 0, 6, ROLE_NORMAL, "abcdefgh"), 6);
    check_rows(&screen, "abcde…\n");
    screen_clear(&screen);
    /* A wide character is not cut in two. */
    screen_put(&screen, 0, 0, 4, ROLE_NORMAL, "日本語");
    check_rows(&screen, "日…\n");
    screen_clear(&screen);
    screen_put(&screen, 0, 0, 10, ROLE_NORMAL, "e\xcc\x81x");
    check_rows(&screen, "e\xcc\x81x\n");
    screen_clear(&screen);
    /* No control byte reaches a cell, even if a caller forgot to escape. */
    screen_put(&screen, 0, 0, 10, ROLE_NORMAL, "a\x1b[2Jb");
    check_rows(&screen, "a?[2Jb\n");
    assert_int_equal(screen_put(&screen, 5, 0, 10, ROLE_NORMAL, "x"), 0);
    assert_int_equal(screen_put(&screen, 0, -1, 10, ROLE_NORMAL, "x"), 0);
    screen_done(&screen);

    screen_init(&screen, true);
    screen_resize(&screen, 1, 30);
    screen_put(&screen, 0, 0, 30, ROLE_NORMAL, "a → b … ▌日☑ ×2");
    char *dump = screen_dump(&screen);
    for (const char *byte = dump; *byte != '\0'; byte++)
        assert_true((unsigned char)*byte < 0x80);
    assert_string_equal(dump, "a -> b ... >\\u65e5[x] x2\n");
    free(dump);
    screen_done(&screen);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorts_and_is_stable),
        cmocka_unit_test(test_sort_goes_round),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_cursor_survives),
        cmocka_unit_test(test_moves_stay_inside),
        cmocka_unit_test(test_empty_list),
        cmocka_unit_test(test_search_goes_round),
        cmocka_unit_test(test_big_lists_sort_elsewhere),
        cmocka_unit_test(test_big_lists_are_searched_after_they_sort),
        cmocka_unit_test(test_jobs_come_back_once),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_draws_at_any_size),
        cmocka_unit_test(test_screen_cuts_and_folds),
    };
    return cmocka_run_group_tests_name("tui_list", tests, NULL, NULL);
}
