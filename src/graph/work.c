/* work.c — progress and cancelling of long work.
 *
 * SPDX-License-Identifier: MIT
 */
#include "base/loop.h"
#include "graph/internal.h"

#define REPORT_NS 50000000u

bool
work_is_canceled(const struct px_work *work)
{
    return work != NULL && work->canceled;
}

enum px_status
work_canceled(struct px_err *err)
{
    return px_fail(err, PX_ECANCELED, "cancelled");
}

void
work_report(struct px_work *work, uint64_t *last_ns, const char *stage,
            uint64_t done, uint64_t total)
{
    if (work == NULL || work->report == NULL)
        return;
    uint64_t now = px_now_ns();
    if (done < total && now - *last_ns < REPORT_NS)
        return;
    *last_ns = now;
    work->report(work->context, stage, done, total);
}
