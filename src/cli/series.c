/* series.c — files that are one process at several times.
 *
 * A shell sorts 10.pxs before 8.pxs, and what grew from 8 to 10 would have
 * shrunk: the files are taken in the order of their headers' times. Snapshots
 * of two processes are no series at all, and a verdict on them none.
 *
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* The start of a process is told from its age and the clock, which may have
 * been set: only what is further apart is another process. */
#define START_S 60.0

struct member {
    char *path;   /* the argument */
    int place;    /* among the arguments */
    bool is_read; /* if not, who loads it says why */
    struct px_header header;
};

static void
read_member(struct cli *cli, struct member *member)
{
    struct px_target target;
    px_header_init(&member->header);
    member->is_read =
        cli_target(cli, member->path, &target, NULL) == PX_OK &&
        px_file_header(target.path, &member->header, NULL) == PX_OK;
}

/* Files that say nothing of their process are taken for the same. */
static enum px_status
compare_process(const struct cli *cli, const struct member *one,
                const struct member *two, struct px_err *err)
{
    const struct px_header *first = &one->header, *other = &two->header;
    if (first->pid != other->pid || strcmp(first->host, other->host) != 0) {
        px_fail(err, PX_EINVAL,
                "%.60s is of pid %lld on %.40s, %.60s of pid %lld on %.40s",
                one->path, first->pid, first->host, two->path, other->pid,
                other->host);
        px_err_hint(err,
                    "`pyexplore %s` compares files of one process; "
                    "`pyexplore diff` any two",
                    cli->command->name);
        return PX_EINVAL;
    }
    if (first->started > 0 && other->started > 0 &&
        fabs(first->started - other->started) > START_S)
        cli_warn(cli,
                 "%s and %s are of processes that started at different times: "
                 "was it started anew?",
                 one->path, two->path);
    return PX_OK;
}

static int
by_time(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->header.time != y->header.time)
        return x->header.time < y->header.time ? -1 : 1;
    return x->place - y->place;
}

static void
sort_members(struct cli *cli, struct member *members, size_t n)
{
    bool is_sorted = true;
    for (size_t i = 0; i < n; i++) {
        if (members[i].header.time <= 0)
            return;
        is_sorted &=
            i == 0 || members[i - 1].header.time <= members[i].header.time;
    }
    if (is_sorted)
        return;
    qsort(members, n, sizeof *members, by_time);
    for (size_t i = 0; i < n; i++)
        cli->args[i] = members[i].path;
    cli_note(cli, "taken in the order of their times: first %s, last %s",
             members[0].path, members[n - 1].path);
}

enum px_status
cli_order_files(struct cli *cli, struct px_err *err)
{
    size_t n = (size_t)cli->n_args;
    const struct member *first = NULL;
    enum px_status status = PX_OK;
    struct member *members = cli_alloc((n + 1) * sizeof *members);
    for (size_t i = 0; i < n; i++) {
        members[i] = (struct member){.path = cli->args[i], .place = (int)i};
        read_member(cli, &members[i]);
        if (!members[i].is_read)
            continue;
        if (first == NULL)
            first = &members[i];
        else if (status == PX_OK)
            status = compare_process(cli, first, &members[i], err);
    }
    if (status == PX_OK)
        sort_members(cli, members, n);
    for (size_t i = 0; i < n; i++)
        px_header_done(&members[i].header);
    free(members);
    return status;
}
